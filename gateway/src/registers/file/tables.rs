//! Every record of a register file, one field a line (`decision.md` section 8), and the rules within one record.
//!
//! Not here: what a type of field reads like (`field`), and rules between records (`rules`).

use policy::{
    Agency, Answer, Authorisation, Consent, Exception, Papers, Role, SealingKey, Staff, Subject, Transfer, Verification,
};
use serde::{Deserialize, Serialize};

use super::error::Fault;
use super::field::{Field, age_recipient, country, https, sha256};
use super::node::Node;
use super::record::{Fields, Record, Written, record};

/// `[provider]`: the organisation that the register belongs to.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Provider {
    /// As people know it.
    pub name: String,
    /// ODS code.
    pub ods: String,
    /// ISO 3166-1 alpha-2.
    pub country: String,
}

record!(Provider {
    name: must,
    ods: must,
    country: must country,
});

record!(Staff {
    id: must,
    name: must,
    roles: some,
    trained_until: may,
    addresses: may,
    active: custom active,
    hours: may,
    on_duty: may,
    default_purpose: may,
    default_categories: may,
} staff_rules);

record!(Subject {
    id: must,
    name: must,
    birth_date: must,
    aliases: may,
    postcode: may,
    addresses: may,
    deceased: may,
    restricted: may,
    objections: may,
    usual: may,
    trainee: may,
    responsible_officer: may,
    supervisor: may,
    representatives: may,
    works: may,
    changed: may,
    knows: may sha256,
});

record!(Agency {
    id: must,
    name: must,
    kind: must,
    country: must country,
    purposes: some,
    categories: some,
    channels: some,
    addresses: may,
    domains: may,
    suspended: custom status,
    ods: may,
    only_via: may,
    requested_by: may,
    authorised: may,
    papers: may,
    verified: may,
    transfer: may,
    keys: may,
    proof: may,
    mx: may,
    pins: may sha256,
    ca: may,
    endpoint: may https,
});

record!(Authorisation { by: must, on: must, until: must });

record!(Papers { agreement_until: may, policy_copy_until: may, undertaking_until: may });

record!(Verification { on: must, by: must, method: must, until: must });

record!(Transfer { instrument: must, until: must });

record!(SealingKey {
    recipient: must age_recipient,
    verified: must,
    not_before: may,
    not_after: may,
});

record!(Consent {
    id: must,
    subject: must,
    with: custom agency_or_kind,
    answer: must,
    form: must,
    manner: must,
    purposes: custom purposes,
    categories: custom categories,
    given: must,
    given_by: custom given_by,
    authority: may,
    capacity_note: may,
    notice: may,
    evidence: may,
    work: may,
    expires: may,
    withdrawn: may,
    abroad: may country,
    supersedes: may,
} consent_rules);

record!(Exception {
    id: must,
    ground: must,
    agency: must,
    categories: some,
    requested_by: must,
    until: must,
    subject: may,
    approved_by: may,
    approved_on: may,
    fields: custom ground_fields,
    told: may,
    not_told_because: may,
} exception_rules);

fn staff_rules(staff: &Staff, fields: &mut Fields<'_>) {
    if staff.trained_until.is_none() && !staff.roles.contains(&Role::System) {
        fields.fault("trained_until", "this field is required", "add the date; only a system account needs none");
    }
}

fn consent_rules(consent: &Consent, fields: &mut Fields<'_>) {
    let of_carers = consent.with == policy::AgencyOrKind::AgencyKind(policy::AgencyKind::Carer);
    if consent.answer == Answer::Yes && of_carers {
        fields.fault("agency_kind", "a yes names the one carer that it is for", "name the carer as agency");
    }
    if consent.answer == Answer::No {
        let limits = [
            ("expires", consent.expires.is_some()),
            ("withdrawn", consent.withdrawn.is_some()),
            ("work", consent.work.is_some()),
            ("abroad", !consent.abroad.is_empty()),
        ];
        for (name, _) in limits.into_iter().filter(|(_, set)| *set) {
            let remedy = "take it out; when the person changes their mind, add an entry that supersedes this one";
            fields.fault(name, "a no ends only when it is superseded", remedy);
        }
    }
}

fn exception_rules(exception: &Exception, fields: &mut Fields<'_>) {
    if exception.subject.is_none() && exception.ground != policy::Ground::S251 {
        fields.fault("subject", "this ground is about one person", "add subject = …; only s251 may name none");
    }
    if exception.told.is_some() && exception.not_told_because.is_some() {
        let remedy = "keep told, or keep not_told_because";
        fields.fault("not_told_because", "the person was told, or was not", remedy);
    }
}

/// `active`, true when left out.
mod active {
    use super::{Field, Fields, Staff, Written};

    pub(super) fn read(fields: &mut Fields<'_>) -> Option<bool> {
        fields.may::<Option<bool>>("active").map(|active| active.unwrap_or(true))
    }

    pub(super) fn write(staff: &Staff, written: &mut Written) {
        if !staff.active {
            written.push(("active", staff.active.write()));
        }
    }
}

/// `status`, `active` when left out.
mod status {
    use super::super::field::text;
    use super::{Agency, Fields, Written};

    pub(super) fn read(fields: &mut Fields<'_>) -> Option<bool> {
        let Some(node) = fields.node("status") else { return Some(false) };
        match text(node) {
            Ok("active") => Some(false),
            Ok("suspended") => Some(true),
            Ok(_) | Err(_) => {
                fields.fault("status", "this word is not on the list", "choose `active` or `suspended`");
                None
            }
        }
    }

    pub(super) fn write(agency: &Agency, written: &mut Written) {
        if agency.suspended {
            written.push(("status", "suspended".into()));
        }
    }
}

/// `agency` or `agency_kind`: one of them, never both.
mod agency_or_kind {
    use policy::AgencyOrKind;

    use super::{Consent, Field, Fields, Written};

    pub(super) fn read(fields: &mut Fields<'_>) -> Option<AgencyOrKind> {
        let agency: Option<Option<String>> = fields.may("agency");
        let kind: Option<Option<policy::AgencyKind>> = fields.may("agency_kind");
        match (agency?, kind?) {
            (Some(agency), None) => return Some(AgencyOrKind::Agency(agency)),
            (None, Some(kind)) => return Some(AgencyOrKind::AgencyKind(kind)),
            (Some(_), Some(_)) => {
                fields.fault(
                    "agency_kind",
                    "an entry is for an agency or for a kind, not both",
                    "take one of them out",
                );
            }
            (None, None) => {
                let remedy = "add agency = … or agency_kind = …; none never means all";
                fields.fault("agency", "an entry names an agency or a kind", remedy);
            }
        }
        None
    }

    pub(super) fn write(consent: &Consent, written: &mut Written) {
        written.push(match &consent.with {
            AgencyOrKind::Agency(agency) => ("agency", agency.write()),
            AgencyOrKind::AgencyKind(kind) => ("agency_kind", kind.write()),
        });
    }
}

/// What an entry covers: words, or `any` in a `no`, which is kept as an empty list.
mod scope {
    use super::super::field::text;
    use super::{Field, Fields, Node};

    pub(super) fn read<T: Field>(name: &'static str, fields: &mut Fields<'_>) -> Option<Vec<T>> {
        let any =
            fields.node(name).map(Node::elements).unwrap_or_default().iter().any(|word| word.text() == Some("any"));
        let is_no = fields.node("answer").is_some_and(|node| text(node) == Ok("no"));
        match (any, is_no) {
            (false, _) => fields.some(name),
            (true, true) => Some(Vec::new()),
            (true, false) => {
                fields.fault(name, "only a no may say `any`", "name each that the person agreed to");
                None
            }
        }
    }

    pub(super) fn write<T: Field>(words: &Vec<T>) -> toml::Value {
        if words.is_empty() { vec!["any"].into() } else { words.write() }
    }
}

/// `purposes` of an entry.
mod purposes {
    use super::{Consent, Fields, Written, scope};

    pub(super) fn read(fields: &mut Fields<'_>) -> Option<Vec<policy::Purpose>> {
        scope::read("purposes", fields)
    }

    pub(super) fn write(consent: &Consent, written: &mut Written) {
        written.push(("purposes", scope::write(&consent.purposes)));
    }
}

/// `categories` of an entry.
mod categories {
    use super::{Consent, Fields, Written, scope};

    pub(super) fn read(fields: &mut Fields<'_>) -> Option<Vec<policy::Category>> {
        scope::read("categories", fields)
    }

    pub(super) fn write(consent: &Consent, written: &mut Written) {
        written.push(("categories", scope::write(&consent.categories)));
    }
}

/// `given_by`, `subject` when left out.
mod given_by {
    use policy::GivenBy;

    use super::{Consent, Field, Fields, Written};

    pub(super) fn read(fields: &mut Fields<'_>) -> Option<GivenBy> {
        fields.may::<Option<GivenBy>>("given_by").map(|given_by| given_by.unwrap_or(GivenBy::Subject))
    }

    pub(super) fn write(consent: &Consent, written: &mut Written) {
        if consent.given_by != GivenBy::Subject {
            written.push(("given_by", consent.given_by.write()));
        }
    }
}

/// The fields that a ground demands (section 6). One that is blank or left out stops a letter, not an import.
mod ground_fields {
    use std::collections::BTreeMap;

    use policy::Ground;

    use super::super::field::text;
    use super::{Exception, Fields, Written};

    pub(super) fn read(fields: &mut Fields<'_>) -> Option<BTreeMap<String, String>> {
        let ground = fields.node("ground").and_then(|node| text(node).ok()?.parse::<Ground>().ok());
        let Some(ground) = ground else {
            // The ground is at fault; whether these fields go with it cannot be said.
            Ground::ALL.iter().flat_map(|ground| ground.fields()).for_each(|name| fields.known(name));
            return None;
        };
        let read: Vec<_> = ground.fields().iter().map(|name| (*name, fields.may::<Option<String>>(name))).collect();
        let filled = read.into_iter().map(|(name, text)| Some((name.to_owned(), text?)));
        let filled: Option<Vec<_>> = filled.collect();
        Some(filled?.into_iter().filter_map(|(name, text)| Some((name, text?))).collect())
    }

    pub(super) fn write(exception: &Exception, written: &mut Written) {
        for name in exception.ground.fields() {
            if let Some(text) = exception.fields.get(*name) {
                written.push((name, text.as_str().into()));
            }
        }
    }
}
