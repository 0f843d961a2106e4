//! Taking a whole file of entries in, all or nothing, and giving everything out again.
//!
//! Not here: reading and writing the file (`file/`).

use std::collections::BTreeSet;

use policy::{Agency, Consent, Mailbox, Staff, Subject};
use serde::Serialize;
use serde_json::Value;

use super::change::Gathered;
use super::file::{Document, Known};
use super::{RegisterError, Registers};
use crate::store::Fault;

/// What an import does, or would do, entry by entry.
#[derive(Clone, Default, Serialize)]
pub struct Plan(pub Vec<Planned>);

/// What becomes of one entry.
#[derive(Clone, Serialize)]
pub struct Planned {
    /// Of which list.
    pub list: &'static str,
    /// Which. May be personal: for whoever asked, never for a log.
    pub id: String,
    /// What becomes of it.
    pub what: What,
    /// Names of the fields that change.
    pub fields: Vec<String>,
}

/// Is it new, other, or as it was?
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum What {
    /// New.
    Added,
    /// Other than before.
    Changed,
    /// As it was.
    Same,
}

impl What {
    pub(super) fn of<T: PartialEq>(old: Option<&T>, new: &T) -> Self {
        match old {
            None => Self::Added,
            Some(old) if old == new => Self::Same,
            Some(_) => Self::Changed,
        }
    }

    /// The one spelling.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Added => "added",
            Self::Changed => "changed",
            Self::Same => "same",
        }
    }
}

impl Plan {
    /// How many entries become this.
    #[must_use]
    pub fn count(&self, what: What) -> usize {
        self.0.iter().filter(|planned| planned.what == what).count()
    }
}

impl Planned {
    /// Names of top-level fields in which two versions differ.
    pub(super) fn differing<T: Serialize>(old: &T, new: &T) -> Vec<String> {
        let (Ok(Value::Object(old)), Ok(Value::Object(new))) = (serde_json::to_value(old), serde_json::to_value(new))
        else {
            return Vec::new();
        };
        new.iter().filter(|(field, value)| old.get(*field) != Some(*value)).map(|(field, _)| field.clone()).collect()
    }
}

impl Registers {
    /// Takes all of these entries in, in one commit, or none of them. Document that are not named stay as they are.
    ///
    /// # Errors
    /// As [`Registers::put`].
    pub async fn import(&self, document: &Document, by: &str) -> Result<Plan, RegisterError> {
        let mut gathered = self.gather_all(document, by).await?;
        let plan = Plan(std::mem::take(&mut gathered.plan));
        self.commit(gathered, by).await?;
        Ok(plan)
    }

    /// What [`Registers::import`] would do.
    ///
    /// # Errors
    /// As [`Registers::put`].
    pub async fn plan(&self, document: &Document) -> Result<Plan, RegisterError> {
        Ok(Plan(self.gather_all(document, "").await?.plan))
    }

    /// Everything that a register file can hold, in the order of ids. Credentials are not in it.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub async fn export(&self) -> Result<Document, Fault> {
        Ok(Document {
            provider: self.read("provider").await?,
            staff: self.list().await?,
            subjects: self.list().await?,
            agencies: self.list().await?,
            consents: self.list().await?,
            exceptions: self.list().await?,
        })
    }

    /// What a file may refer to besides its own entries.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub async fn known(&self) -> Result<Known, Fault> {
        let mut known = Known::default();
        known.staff.extend(self.list::<Staff>().await?.into_iter().map(|staff| staff.id));
        for agency in self.list::<Agency>().await? {
            let addresses = agency.addresses.iter().map(Mailbox::key);
            let names = addresses.chain(agency.domains.iter().map(|domain| domain.as_str().to_owned()));
            known.listed.extend(names.map(|name| (name, agency.id.clone())));
            known.agencies.insert(agency.id);
        }
        for subject in self.list::<Subject>().await? {
            let works: BTreeSet<String> = subject.works.keys().cloned().collect();
            for id in std::iter::once(&subject.id).chain(&subject.aliases) {
                known.subjects.insert(id.clone(), (subject.id.clone(), works.clone()));
            }
            known.subject_addresses.extend(subject.addresses.iter().map(Mailbox::key));
        }
        let consents = self.list::<Consent>().await?.into_iter();
        known.consents.extend(consents.map(|consent| (consent.id, (consent.subject, consent.supersedes))));
        Ok(known)
    }

    async fn gather_all(&self, document: &Document, by: &str) -> Result<Gathered, RegisterError> {
        let mut gathered = Gathered::default();
        self.gather(document.provider.as_slice(), by, &mut gathered).await?;
        self.gather(&document.staff, by, &mut gathered).await?;
        self.gather(&document.subjects, by, &mut gathered).await?;
        self.gather(&document.agencies, by, &mut gathered).await?;
        self.gather(&document.consents, by, &mut gathered).await?;
        self.gather(&document.exceptions, by, &mut gathered).await?;
        self.check(&gathered.needs).await?;
        Ok(gathered)
    }
}
