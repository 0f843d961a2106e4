//! One change of the registers, or many at once: row, past, ledger line and wake-up in one commit.
//!
//! Not here: what may be changed (`check.rs`), what a list is (`listed.rs`).

use std::collections::BTreeSet;

use policy::{Consent, Exception, Subject, SubjectId, Timestamp};

use super::check::Need;
use super::import::{Planned, What};
use super::listed::{Listed, Removable};
use super::{RegisterError, Registers, Version, ids_of};
use crate::ledger::{self, Change};
use crate::store::record::{Found, Name, Put};
use crate::store::{Fault, Sole};

/// How often an entry may change under a change of it before that is given up.
const UPDATE_TRIES: u32 = 20;

/// Changes as they are gathered, before the one commit.
#[derive(Default)]
pub(super) struct Gathered {
    puts: Vec<Put>,
    lines: Vec<Line>,
    wakes: BTreeSet<(&'static str, String)>,
    pub needs: Vec<Need>,
    pub plan: Vec<Planned>,
}

struct Line {
    list: &'static str,
    id: String,
    what: &'static str,
    content: String,
}

impl Registers {
    /// Adds an entry, or changes it; says which, or that it was the same already.
    ///
    /// # Errors
    /// When a reference does not resolve, an address belongs to another entry, a consent would be edited, or the store
    /// cannot write. Nothing is changed then.
    pub async fn put<T: Listed>(&self, entry: &T, by: &str) -> Result<What, RegisterError> {
        let mut gathered = Gathered::default();
        self.gather(std::slice::from_ref(entry), by, &mut gathered).await?;
        self.check(&gathered.needs).await?;
        let what = gathered.plan.first().map_or(What::Same, |planned| planned.what);
        self.commit(gathered, by).await?;
        Ok(what)
    }

    /// Changes an entry as it stands, whoever else changes it at the same time: `change` may be called again on a newer
    /// version of it.
    ///
    /// # Errors
    /// When there is no such entry; else as [`Registers::put`].
    pub async fn update<T: Listed>(&self, id: &str, by: &str, change: impl Fn(&mut T)) -> Result<What, RegisterError> {
        for _ in 0..UPDATE_TRIES {
            let found = self.find(T::LIST, &[id]).await?;
            let found = found.first().ok_or(RegisterError::NotFound { list: T::LIST })?;
            let mut entry = self.open::<T>(found)?.entry;
            change(&mut entry);
            let mut gathered = Gathered::default();
            self.gather(std::slice::from_ref(&entry), by, &mut gathered).await?;
            if gathered.puts.iter().any(|put| put.before.as_ref() != Some(&found.sealed)) {
                continue;
            }
            self.check(&gathered.needs).await?;
            let what = gathered.plan.first().map_or(What::Same, |planned| planned.what);
            match self.commit(gathered, by).await {
                Err(RegisterError::Fault(Fault::Stale)) => {}
                done => return done.map(|()| what),
            }
        }
        Err(Fault::Stale.into())
    }

    /// Withdraws a consent from that moment on. Said again later, the earlier moment stands.
    ///
    /// # Errors
    /// When there is no such consent, or the store cannot write.
    pub async fn withdraw(&self, consent: &str, at: Timestamp, by: &str) -> Result<What, RegisterError> {
        let withdraw = |consent: &mut Consent| consent.withdrawn = consent.withdrawn.or(Some(at));
        self.update(consent, by, withdraw).await
    }

    /// Takes a credential away.
    ///
    /// # Errors
    /// When there is none of this id, or the store cannot write.
    pub async fn remove<T: Removable>(&self, id: &str, by: &str) -> Result<(), RegisterError> {
        let mut batch = self.store.batch();
        batch.remove_record(self.store.vault().name(T::LIST, id));
        ledger::register_changed(&mut batch, &Change { list: T::LIST, id, what: "removed", by, content: None });
        match batch.commit().await {
            Ok(_) => Ok(()),
            Err(Fault::NotFound) => Err(RegisterError::NotFound { list: T::LIST }),
            Err(fault) => Err(fault.into()),
        }
    }

    /// Compares entries with the register, and gathers what is new or other.
    pub(super) async fn gather<T: Listed>(
        &self,
        entries: &[T],
        by: &str,
        into: &mut Gathered,
    ) -> Result<(), RegisterError> {
        let vault = self.store.vault();
        let ids: Vec<String> = entries.iter().map(Listed::id).collect();
        let known = self.find(T::LIST, &ids.iter().map(String::as_str).collect::<Vec<_>>()).await?;
        let known: std::collections::BTreeMap<&[u8], &Found> =
            known.iter().map(|found| (found.name.as_slice(), found)).collect();
        for (entry, id) in entries.iter().zip(ids) {
            let row = vault.name(T::LIST, &id);
            let before = known.get(row.as_slice()).copied();
            if before.is_some_and(|found| found.row != row) {
                // Another subject goes by this id as an alias.
                return Err(RegisterError::Taken { list: T::LIST, id });
            }
            let old: Option<Version<T>> = before.map(|found| self.open(found)).transpose()?;
            let what = What::of(old.as_ref().map(|old| &old.entry), entry);
            if old.as_ref().is_some_and(|old| !old.entry.may_become(entry)) {
                return Err(RegisterError::Edited { id });
            }
            into.needs.push(Need::of(entry));
            if what != What::Same {
                for touched in old.iter().map(|old| &old.entry).chain([entry]).flat_map(Listed::touches) {
                    into.wakes.insert(touched);
                }
                let version = Version { since: self.store.now(), by: by.to_owned(), entry };
                let put = self.put_of(entry, row, vault.seal(T::LIST, &vault.name(T::LIST, &id), &version)?);
                into.puts.push(Put { before: before.map(|found| found.sealed.clone()), ..put });
                let content = serde_json::to_string(entry).map_err(|_| Fault::Shape(T::LIST))?;
                into.lines.push(Line { list: T::LIST, id: id.clone(), what: what.as_str(), content });
            }
            let fields = old.map(|old| Planned::differing(&old.entry, entry)).unwrap_or_default();
            into.plan.push(Planned { list: T::LIST, id, what, fields });
        }
        Ok(())
    }

    /// Makes all that was gathered durable at once.
    pub(super) async fn commit(&self, gathered: Gathered, by: &str) -> Result<(), RegisterError> {
        if gathered.puts.is_empty() {
            return Ok(());
        }
        let names = self.woken(&gathered.wakes).await?;
        let mut batch = self.store.batch();
        batch.records(gathered.puts);
        for line in &gathered.lines {
            let change = Change { list: line.list, id: &line.id, what: line.what, by, content: Some(&line.content) };
            ledger::register_changed(&mut batch, &change);
        }
        batch.wake(names);
        match batch.commit().await {
            Ok(_) => Ok(()),
            Err(Fault::Conflict) => Err(self.taken(&gathered.needs).await?),
            Err(fault) => Err(fault.into()),
        }
    }

    fn put_of<T: Listed>(&self, entry: &T, row: Vec<u8>, sealed: Vec<u8>) -> Put {
        let vault = self.store.vault();
        let mut names = vec![Name { name: row.clone(), sole: Sole::Sole }];
        for (list, value, sole) in entry.names() {
            names.push(Name { name: vault.name(list, &value), sole });
        }
        Put { list: T::LIST, row, sealed, names, before: None, past: T::PAST }
    }

    /// Names of all that the changes touch: a subject under each of their ids, and the agencies that a member of staff
    /// authorised or decided an exception for.
    async fn woken(&self, wakes: &BTreeSet<(&'static str, String)>) -> Result<Vec<Vec<u8>>, Fault> {
        let vault = self.store.vault();
        let mut names: BTreeSet<Vec<u8>> = wakes.iter().map(|(list, id)| vault.name(list, id)).collect();
        let of = |list: &str| -> Vec<&str> {
            wakes.iter().filter(|(of, _)| *of == list).map(|(_, id)| id.as_str()).collect()
        };
        for subject in self.all::<Subject>(&self.find("subject", &of("subject")).await?)? {
            names.extend(ids_of(&subject).into_iter().map(|id| vault.name("subject", id)));
        }
        names.extend(self.find("authorised-by", &of("staff")).await?.into_iter().map(|agency| agency.row));
        for exception in self.all::<Exception>(&self.find("approved-by", &of("staff")).await?)? {
            names.insert(vault.name("agency", &exception.agency));
            names.extend(exception.subject.as_ref().map(SubjectId::as_str).map(|id| vault.name("subject", id)));
        }
        Ok(names.into_iter().collect())
    }
}
