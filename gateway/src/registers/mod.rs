//! The registers over the store: staff, subjects, agencies, consents, exceptions, and who may sign in.
//!
//! Each change is dated, attributed and on the ledger, and in the same commit every waiting letter that it touches
//! becomes due, so that it is decided again at once. Nothing but credentials is ever removed; what an entry was is kept.
//! Not here: files (`file/`), SQL and sealing (`store/`), the decision (`policy`).

mod change;
mod check;
mod credentials;
mod facts;
pub mod file;
mod import;
mod listed;
pub mod scenario;
#[cfg(test)]
mod tests;

use std::collections::BTreeSet;
use std::sync::Arc;

use policy::{Subject, SubjectId, Timestamp};
use serde::{Deserialize, Serialize};

use crate::store::record::Found;
use crate::store::{Fault, Store};

pub use credentials::{ClientCertificate, Token, User};
pub use import::{Plan, Planned, What};
pub use listed::{Listed, Removable};

/// Rows read at once when a whole list is read.
const PAGE: i64 = 500;

/// The registers of a store. Cheap to clone.
#[derive(Clone)]
pub struct Registers {
    store: Store,
    lookalikes: Arc<facts::Lookalikes>,
}

/// An entry as it was, or is.
#[derive(Clone, Serialize, Deserialize)]
pub struct Version<T> {
    /// Since when.
    pub since: Timestamp,
    /// Who made it so.
    pub by: String,
    /// The entry.
    pub entry: T,
}

/// Why a register was not changed. Displays no identifier; those are in the fields, for whoever asked.
#[derive(Debug, thiserror::Error)]
pub enum RegisterError {
    /// The store could not read or write.
    #[error(transparent)]
    Fault(#[from] Fault),
    /// A field names an entry that is not there.
    #[error("{list}: field `{field}` names no {wants}; add that first, or correct the field")]
    Unresolved {
        /// Which list the entry is of.
        list: &'static str,
        /// Which entry. May be personal.
        id: String,
        /// Which field.
        field: &'static str,
        /// Of which list the named entry should be.
        wants: &'static str,
    },
    /// An address, domain or id belongs to another entry.
    #[error("{list}: an address, a domain or an id belongs to another entry already; take it away there first")]
    Taken {
        /// Which list the entry is of.
        list: &'static str,
        /// Which entry. May be personal.
        id: String,
    },
    /// A consent is a record of what a person said: it can be withdrawn or superseded, and nothing else.
    #[error("consent: an entry is never edited; withdraw it, or add a new one that supersedes it")]
    Edited {
        /// Which consent.
        id: String,
    },
    /// Consents supersede each other in a circle, or one of another subject.
    #[error("consent: `supersedes` must name an entry of the same subject, never in a circle")]
    Supersedes {
        /// Which consent.
        id: String,
    },
    /// There is no such entry.
    #[error("{list}: no such entry")]
    NotFound {
        /// Which list.
        list: &'static str,
    },
}

impl Registers {
    /// The registers of this store.
    #[must_use]
    pub fn over(store: &Store) -> Self {
        Self { store: store.clone(), lookalikes: Arc::default() }
    }

    /// One entry, by id. For a subject an alias will do.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub async fn read<T: Listed>(&self, id: &str) -> Result<Option<T>, Fault> {
        let found = self.find(T::LIST, &[id]).await?;
        found.first().map(|found| self.open(found).map(|version: Version<T>| version.entry)).transpose()
    }

    /// A whole list, in the order of ids.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub async fn list<T: Listed>(&self) -> Result<Vec<T>, Fault> {
        let mut snapshot = self.store.snapshot().await?;
        let mut entries: Vec<T> = Vec::new();
        let mut after = Vec::new();
        loop {
            let page = snapshot.page(T::LIST, &after, PAGE).await?;
            let Some(last) = page.last() else { break };
            after.clone_from(&last.row);
            for found in &page {
                entries.push(self.open(found)?.entry);
            }
        }
        entries.sort_by_key(Listed::id);
        Ok(entries)
    }

    /// What an entry was and is, oldest first.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub async fn history<T: Listed>(&self, id: &str) -> Result<Vec<Version<T>>, Fault> {
        let vault = self.store.vault();
        let mut snapshot = self.store.snapshot().await?;
        let Some(now) = snapshot.find(&[vault.name(T::LIST, id)]).await?.into_iter().next() else {
            return Ok(Vec::new());
        };
        let mut versions = Vec::new();
        for sealed in snapshot.past(&now.row).await? {
            versions.push(vault.open(T::LIST, &now.row, &sealed)?);
        }
        versions.push(self.open(&now)?);
        Ok(versions)
    }

    /// The subjects of these ids or aliases; those that the register does not know are left out.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub async fn subjects(&self, ids: &[SubjectId]) -> Result<Vec<Subject>, Fault> {
        let ids: Vec<&str> = ids.iter().map(SubjectId::as_str).collect();
        let mut found = self.find("subject", &ids).await?;
        found.sort_by(|a, b| a.row.cmp(&b.row));
        found.dedup_by(|a, b| a.row == b.row);
        self.all(&found)
    }

    /// Those of these names, in their normalised form, that some subject goes by.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub async fn known_names(&self, normalised: &[String]) -> Result<BTreeSet<String>, Fault> {
        let names: Vec<&str> = normalised.iter().map(String::as_str).collect();
        let found: BTreeSet<Vec<u8>> =
            self.find("subject-name", &names).await?.into_iter().map(|found| found.name).collect();
        let vault = self.store.vault();
        Ok(normalised.iter().filter(|name| found.contains(&vault.name("subject-name", name))).cloned().collect())
    }

    async fn find(&self, list: &str, values: &[&str]) -> Result<Vec<Found>, Fault> {
        let names: Vec<Vec<u8>> = values.iter().map(|value| self.store.vault().name(list, value)).collect();
        self.store.snapshot().await?.find(&names).await
    }

    fn open<T: Listed>(&self, found: &Found) -> Result<Version<T>, Fault> {
        if found.list != T::LIST {
            return Err(Fault::Shape(T::LIST));
        }
        self.store.vault().open(T::LIST, &found.row, &found.sealed)
    }

    fn all<T: Listed>(&self, found: &[Found]) -> Result<Vec<T>, Fault> {
        found.iter().map(|found| Ok(self.open(found)?.entry)).collect()
    }
}

/// Every id that a subject goes by.
fn ids_of(subject: &Subject) -> Vec<&str> {
    std::iter::once(&subject.id).chain(&subject.aliases).map(SubjectId::as_str).collect()
}
