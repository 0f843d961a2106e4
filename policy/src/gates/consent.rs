//! Did the person agree: the consent gate of section 5, step by step.

use super::{exception, listed, subject, those};
use crate::ReasonCode::{
    ConsentCategoryMismatch, ConsentExpired, ConsentFormTooWeak, ConsentNoAuthority, ConsentNoEvidence, ConsentNone,
    ConsentPurposeMismatch, ConsentRefused, ConsentStale, ConsentWithdrawn,
};
use crate::question::{Question, filled};
use crate::table::Asks;
use crate::{Agency, AgencyKind, AgencyOrKind, Answer, Category, Consent, Form, GivenBy, Ground, Manner, Purpose};
use crate::{Reason, Subject};

pub(crate) fn reasons(question: &Question<'_>) -> Vec<Reason> {
    ruling(question).reasons
}

/// What the gate says, and the entries that it rests on. With no reasons it passed, or was not asked.
#[derive(Default)]
pub(crate) struct Ruling<'a> {
    reasons: Vec<Reason>,
    pub rests_on: Vec<&'a Consent>,
}

impl Ruling<'_> {
    pub const fn fails(&self) -> bool {
        !self.reasons.is_empty()
    }
}

pub(crate) fn ruling<'a>(question: &Question<'a>) -> Ruling<'a> {
    let Some(gate) = Gate::asked(question) else { return Ruling::default() };
    let entries = gate.entries();
    let denied = gate.denied(&entries);
    let is_usual = gate.asks == Asks::Implied
        && gate.agency.kind != AgencyKind::Carer
        && gate.person.usual.contains(&gate.agency.id);
    let cannot_consent = || exception::in_force(question).is_some_and(|it| it.ground == Ground::UnableToConsent);
    if denied.fails() {
        denied
    } else if is_usual || cannot_consent() {
        Ruling::default()
    } else {
        gate.permitted(&entries)
    }
}

/// The entries in force that name the agency's country; none where consent does not carry the letter there (O-181).
pub(crate) fn in_force_abroad<'a>(question: &Question<'a>, agency: &'a Agency) -> Vec<&'a Consent> {
    let (Some((purpose, row)), Some(person)) = (question.purpose(), subject::known(question)) else {
        return Vec::new();
    };
    let gate = Gate { question, purpose, asks: row.asks.max(Asks::Explicit), agency, person };
    let names_country = |entry: &&Consent| entry.abroad.iter().any(|it| it.eq_ignore_ascii_case(&agency.country));
    let entries: Vec<_> = gate.entries().into_iter().filter(names_country).collect();
    let (denied, permitted) = (gate.denied(&entries), gate.permitted(&entries));
    if denied.fails() || permitted.fails() { Vec::new() } else { permitted.rests_on }
}

/// The gate, once it has all that it asks about.
struct Gate<'q, 'a> {
    question: &'q Question<'a>,
    purpose: Purpose,
    asks: Asks,
    agency: &'a Agency,
    person: &'a Subject,
}

impl<'q, 'a> Gate<'q, 'a> {
    /// None where consent is not asked, or cannot be for want of its input.
    fn asked(question: &'q Question<'a>) -> Option<Self> {
        let (purpose, row) = question.purpose()?;
        let (agency, person) = (question.agency()?, subject::known(question)?);
        let is_carer = agency.kind == AgencyKind::Carer;
        let asks = if is_carer { row.asks_for_carer } else { row.asks };
        let is_supported = || exception::in_force(question).is_some_and(|it| it.ground == Ground::S251);
        let is_exempt = asks == Asks::Nothing
            || question.categories.is_empty()
            || question.is_about_nobody()
            || question.is_deidentified_research()
            || is_supported();
        (!is_exempt).then_some(Self { question, purpose, asks, agency, person })
    }

    /// The entries with this agency or its kind that anybody was asked for, given and not superseded by now.
    fn entries(&self) -> Vec<&'a Consent> {
        let now = self.question.at();
        let all = &self.question.consents;
        let is_superseded = |entry: &Consent| {
            all.iter().any(|other| other.given <= now && other.supersedes.as_ref() == Some(&entry.id))
        };
        let concerns = |entry: &Consent| match &entry.with {
            AgencyOrKind::Agency(id) => *id == self.agency.id,
            AgencyOrKind::AgencyKind(kind) => *kind == self.agency.kind,
        };
        let counts = |entry: &&&Consent| {
            concerns(entry) && entry.answer != Answer::NotAsked && entry.given <= now && !is_superseded(entry)
        };
        all.iter().filter(counts).copied().collect()
    }

    /// Step 1: a `no`, or a `yes` withdrawn by now, that touches this purpose and one of the categories.
    fn denied(&self, entries: &[&'a Consent]) -> Ruling<'a> {
        let touches = |entry: &Consent| {
            let shares = |category: &Category| self.question.categories.contains(category);
            (entry.purposes.is_empty() || entry.purposes.contains(&self.purpose))
                && (entry.categories.is_empty() || entry.categories.iter().any(shares))
        };
        let those_of = |wanted: &dyn Fn(&Consent) -> bool| -> Vec<_> {
            entries.iter().copied().filter(|entry| touches(entry) && wanted(entry)).collect()
        };
        let refused = those_of(&|entry| entry.answer == Answer::No);
        let withdrawn = those_of(&|entry| self.is_withdrawn(entry));
        Ruling {
            reasons: those([(ConsentRefused, !refused.is_empty()), (ConsentWithdrawn, !withdrawn.is_empty())]),
            rests_on: [refused, withdrawn].concat(),
        }
    }

    /// Steps 3 and 4: entries for the purpose that stand, and that together cover every category.
    fn permitted(&self, entries: &[&'a Consent]) -> Ruling<'a> {
        let said_yes = |entry: &&Consent| entry.answer == Answer::Yes && !self.is_withdrawn(entry);
        let yes: Vec<_> = entries.iter().copied().filter(said_yes).collect();
        let for_purpose: Vec<_> = yes.iter().copied().filter(|it| it.purposes.contains(&self.purpose)).collect();
        if yes.is_empty() {
            return Ruling { reasons: vec![Reason::of(ConsentNone)], rests_on: yes };
        }
        if for_purpose.is_empty() {
            return Ruling { reasons: vec![Reason::of(ConsentPurposeMismatch)], rests_on: yes };
        }
        let (standing, faulty): (Vec<_>, Vec<_>) =
            for_purpose.into_iter().partition(|entry| self.faults(entry).is_empty());
        if standing.is_empty() {
            let mut reasons: Vec<_> = faulty.iter().flat_map(|entry| self.faults(entry)).collect();
            reasons.sort_by_key(|reason| reason.code);
            reasons.dedup_by_key(|reason| reason.code);
            return Ruling { reasons, rests_on: faulty };
        }
        let is_covered = |category: &&Category| standing.iter().any(|entry| entry.categories.contains(category));
        let uncovered: Vec<_> = self.question.categories.iter().filter(|category| !is_covered(category)).collect();
        let mismatch = || Reason::naming(ConsentCategoryMismatch, &listed(&uncovered));
        Ruling { reasons: (!uncovered.is_empty()).then(mismatch).into_iter().collect(), rests_on: standing }
    }

    fn is_withdrawn(&self, entry: &Consent) -> bool {
        entry.answer == Answer::Yes && entry.withdrawn.is_some_and(|withdrawn| withdrawn <= self.question.at())
    }

    fn faults(&self, entry: &Consent) -> Vec<Reason> {
        let now = self.question.at();
        let work_has_ended = |work: &String| match self.person.works.get(work) {
            Some(Some(end)) => *end <= now,
            Some(None) => false,
            None => true,
        };
        let form_suffices = match self.asks {
            Asks::Nothing | Asks::Implied => true,
            Asks::Explicit => entry.form == Form::Explicit,
            Asks::Signed => entry.form == Form::Explicit && entry.manner == Manner::Written,
        };
        let has_authority = match entry.given_by {
            GivenBy::Subject => true,
            GivenBy::Representative => filled(entry.authority.as_ref()) && filled(entry.capacity_note.as_ref()),
        };
        let is_past = entry.expires.is_some_and(|expires| expires <= now);
        those([
            (ConsentExpired, is_past || entry.work.as_ref().is_some_and(work_has_ended)),
            (ConsentStale, self.person.changed.is_some_and(|changed| entry.given < changed)),
            (ConsentFormTooWeak, !form_suffices),
            (ConsentNoEvidence, !filled(entry.evidence.as_ref()) || !filled(entry.notice.as_ref())),
            (ConsentNoAuthority, !has_authority),
        ])
    }
}
