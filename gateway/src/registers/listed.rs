//! What each list keeps: its name, its ids, what an entry is found by, and which letters a change of it touches.
//!
//! Not here: how any of it is stored.

use policy::{Agency, AgencyOrKind, Consent, Exception, Staff, Subject};
use serde::Serialize;
use serde::de::DeserializeOwned;

use super::file::Provider;
use crate::screening::normalise_name;
use crate::store::{Past, Sole};

/// A name that an entry is found by: of which kind, its value, and may others share it?
pub type Name = (&'static str, String, Sole);

/// An entry of a list.
pub trait Listed: Clone + PartialEq + Serialize + DeserializeOwned + Send + Sync + 'static {
    /// The list's name, as in register files.
    const LIST: &'static str;
    /// Is what an entry was kept when it changes?
    const PAST: Past = Past::Kept;

    /// Unique in its list.
    fn id(&self) -> String;

    /// What it is found by, besides its id.
    fn names(&self) -> Vec<Name>;

    /// Letters of these senders, subjects, agencies, addresses and domains are decided again when it changes:
    /// `(list, id)`.
    fn touches(&self) -> Vec<(&'static str, String)>;

    /// Entries that must exist: the field that names them, their list, their id.
    fn needs(&self) -> Vec<(&'static str, &'static str, String)> {
        Vec::new()
    }

    /// May it become `next`?
    fn may_become(&self, _next: &Self) -> bool {
        true
    }
}

/// A list whose entries may be taken away: credentials alone.
pub trait Removable: Listed {}

impl Listed for Provider {
    const LIST: &'static str = "provider";
    fn id(&self) -> String {
        "provider".to_owned()
    }
    fn names(&self) -> Vec<Name> {
        Vec::new()
    }
    fn touches(&self) -> Vec<(&'static str, String)> {
        Vec::new()
    }
}

impl Listed for Staff {
    const LIST: &'static str = "staff";
    fn id(&self) -> String {
        self.id.clone()
    }
    fn names(&self) -> Vec<Name> {
        self.addresses.iter().map(|address| ("staff-mailbox", address.key(), Sole::Shared)).collect()
    }
    fn touches(&self) -> Vec<(&'static str, String)> {
        vec![("staff", self.id.clone())]
    }
}

impl Listed for Subject {
    const LIST: &'static str = "subject";
    fn id(&self) -> String {
        self.id.as_str().to_owned()
    }
    fn names(&self) -> Vec<Name> {
        let mut names = vec![("subject-name", normalise_name(&self.name), Sole::Shared)];
        names.extend(self.aliases.iter().map(|id| ("subject", id.as_str().to_owned(), Sole::Sole)));
        // Of one household, several may read the same mailbox.
        names.extend(self.addresses.iter().map(|address| ("own-mailbox", address.key(), Sole::Shared)));
        names
    }
    fn touches(&self) -> Vec<(&'static str, String)> {
        super::ids_of(self).into_iter().map(|id| ("subject", id.to_owned())).collect()
    }
    fn needs(&self) -> Vec<(&'static str, &'static str, String)> {
        let agency = |field: &'static str| move |id: &String| (field, "agency", id.clone());
        let mut needs: Vec<_> = self.usual.iter().map(agency("usual")).collect();
        needs.extend(self.responsible_officer.iter().map(agency("responsible_officer")));
        needs.extend(self.supervisor.iter().map(agency("supervisor")));
        needs.extend(self.representatives.iter().map(agency("representatives")));
        needs
    }
}

impl Listed for Agency {
    const LIST: &'static str = "agency";
    fn id(&self) -> String {
        self.id.clone()
    }
    fn names(&self) -> Vec<Name> {
        let mut names: Vec<Name> =
            self.addresses.iter().map(|address| ("mailbox", address.key(), Sole::Sole)).collect();
        names.extend(self.domains.iter().map(|domain| ("domain", domain.as_str().to_owned(), Sole::Sole)));
        names.extend(self.authorised.iter().map(|paper| ("authorised-by", paper.by.clone(), Sole::Shared)));
        names
    }
    fn touches(&self) -> Vec<(&'static str, String)> {
        // A letter to an address that it newly lists was another agency's until now, or nobody's.
        let mut touches = vec![("agency", self.id.clone())];
        touches.extend(self.addresses.iter().map(|address| ("mailbox", address.key())));
        touches.extend(self.domains.iter().map(|domain| ("domain", domain.as_str().to_owned())));
        touches
    }
    fn needs(&self) -> Vec<(&'static str, &'static str, String)> {
        let mut needs: Vec<_> = self.only_via.iter().map(|id| ("only_via", "agency", id.clone())).collect();
        needs.extend(self.requested_by.iter().map(|id| ("requested_by", "staff", id.clone())));
        needs.extend(self.authorised.iter().map(|paper| ("authorised.by", "staff", paper.by.clone())));
        needs.extend(self.verified.iter().map(|check| ("verified.by", "staff", check.by.clone())));
        needs
    }
}

impl Listed for Consent {
    const LIST: &'static str = "consent";
    fn id(&self) -> String {
        self.id.clone()
    }
    fn names(&self) -> Vec<Name> {
        vec![("consents-of", self.subject.as_str().to_owned(), Sole::Shared)]
    }
    fn touches(&self) -> Vec<(&'static str, String)> {
        vec![("subject", self.subject.as_str().to_owned())]
    }
    fn needs(&self) -> Vec<(&'static str, &'static str, String)> {
        let mut needs = vec![("subject", "subject", self.subject.as_str().to_owned())];
        if let AgencyOrKind::Agency(id) = &self.with {
            needs.push(("agency", "agency", id.clone()));
        }
        needs.extend(self.supersedes.iter().map(|id| ("supersedes", "consent", id.clone())));
        needs
    }
    fn may_become(&self, next: &Self) -> bool {
        // Withdrawing is a fact added; all else would be editing what a person said.
        *next == Self { withdrawn: next.withdrawn, ..self.clone() } && (self.withdrawn.is_none() || self == next)
    }
}

impl Listed for Exception {
    const LIST: &'static str = "exception";
    fn id(&self) -> String {
        self.id.clone()
    }
    fn names(&self) -> Vec<Name> {
        self.approved_by.iter().map(|id| ("approved-by", id.clone(), Sole::Shared)).collect()
    }
    fn touches(&self) -> Vec<(&'static str, String)> {
        let mut touches = vec![("agency", self.agency.clone())];
        touches.extend(self.subject.iter().map(|id| ("subject", id.as_str().to_owned())));
        touches
    }
    fn needs(&self) -> Vec<(&'static str, &'static str, String)> {
        let mut needs =
            vec![("agency", "agency", self.agency.clone()), ("requested_by", "staff", self.requested_by.clone())];
        needs.extend(self.approved_by.iter().map(|id| ("approved_by", "staff", id.clone())));
        needs.extend(self.subject.iter().map(|id| ("subject", "subject", id.as_str().to_owned())));
        needs
    }
}
