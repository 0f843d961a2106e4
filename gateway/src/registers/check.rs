//! What must hold across the registers: references resolve, no two entries share what only one may have.
//!
//! Not here: the shape of an entry (`file/`), the commit, which holds the unique names once more.

use std::collections::{BTreeMap, BTreeSet};

use policy::Consent;

use super::listed::Listed;
use super::{RegisterError, Registers};
use crate::store::{Fault, Sole};

/// All that is asked of the registers around one entry.
pub(super) struct Need {
    list: &'static str,
    id: String,
    /// Entries that must exist.
    refers: Vec<(&'static str, &'static str, String)>,
    /// Names that no other entry may have: kind and value.
    sole: Vec<(&'static str, String)>,
    /// Names that no entry of another list may have: kind and value.
    apart: Vec<(&'static str, String)>,
    /// A consent's subject, and what it supersedes.
    supersedes: Option<(String, String)>,
}

impl Need {
    pub fn of<T: Listed>(entry: &T) -> Self {
        let names = entry.names();
        let mut sole = vec![(T::LIST, entry.id())];
        sole.extend(names.iter().filter(|name| name.2 == Sole::Sole).map(|(kind, value, _)| (*kind, value.clone())));
        // An address is an agency's or a subject's own, never both.
        let apart = names.iter().filter_map(|(kind, value, _)| match *kind {
            "mailbox" => Some(("own-mailbox", value.clone())),
            "own-mailbox" => Some(("mailbox", value.clone())),
            _ => None,
        });
        let refers = entry.needs();
        let supersedes = refers.iter().find(|(field, ..)| *field == "supersedes").and_then(|(_, _, earlier)| {
            let subject = refers.iter().find(|(field, ..)| *field == "subject")?;
            Some((subject.2.clone(), earlier.clone()))
        });
        Self { list: T::LIST, id: entry.id(), apart: apart.collect(), refers, sole, supersedes }
    }

    fn taken(&self) -> RegisterError {
        RegisterError::Taken { list: self.list, id: self.id.clone() }
    }
}

impl Registers {
    /// Checks what is asked around entries against themselves and the register together.
    pub(super) async fn check(&self, needs: &[Need]) -> Result<(), RegisterError> {
        let mut here: BTreeMap<(&str, &str), &Need> = BTreeMap::new();
        for need in needs {
            for (kind, value) in &need.sole {
                if here.insert((kind, value), need).is_some() {
                    return Err(need.taken());
                }
            }
        }
        self.check_references(needs, &here).await?;
        self.check_apart(needs, &here).await?;
        self.check_supersedes(needs, &here).await
    }

    async fn check_references(
        &self,
        needs: &[Need],
        here: &BTreeMap<(&str, &str), &Need>,
    ) -> Result<(), RegisterError> {
        let vault = self.store.vault();
        let elsewhere: Vec<_> = needs
            .iter()
            .flat_map(|need| need.refers.iter().map(move |refers| (need, refers)))
            .filter(|(_, (_, list, id))| !here.contains_key(&(*list, id.as_str())))
            .map(|(need, (field, list, id))| (need, *field, *list, vault.name(list, id)))
            .collect();
        let names: BTreeSet<Vec<u8>> = elsewhere.iter().map(|(.., name)| name.clone()).collect();
        let known = self.rows(&names.into_iter().collect::<Vec<_>>()).await?;
        match elsewhere.into_iter().find(|(.., name)| !known.contains_key(name)) {
            None => Ok(()),
            Some((need, field, wants, _)) => {
                Err(RegisterError::Unresolved { list: need.list, id: need.id.clone(), field, wants })
            }
        }
    }

    async fn check_apart(&self, needs: &[Need], here: &BTreeMap<(&str, &str), &Need>) -> Result<(), RegisterError> {
        let vault = self.store.vault();
        let own: BTreeSet<&str> = needs
            .iter()
            .flat_map(|need| &need.apart)
            .filter(|(kind, _)| *kind == "mailbox")
            .map(|(_, v)| v.as_str())
            .collect();
        for need in needs {
            let clash = |(kind, value): &(&'static str, String)| {
                (*kind == "mailbox" && here.contains_key(&("mailbox", value.as_str())))
                    || (*kind == "own-mailbox" && own.contains(value.as_str()))
            };
            if need.apart.iter().any(clash) {
                return Err(need.taken());
            }
        }
        let changing: BTreeSet<Vec<u8>> = needs.iter().map(|need| vault.name(need.list, &need.id)).collect();
        let asked: Vec<_> = needs
            .iter()
            .flat_map(|need| need.apart.iter().map(move |(kind, value)| (need, vault.name(kind, value))))
            .collect();
        let known = self.rows(&asked.iter().map(|(_, name)| name.clone()).collect::<Vec<_>>()).await?;
        // An entry that changes in the same commit is judged by what it becomes, above.
        let clash = asked.iter().find(|(_, name)| known.get(name).is_some_and(|row| !changing.contains(row)));
        clash.map_or(Ok(()), |(need, _)| Err(need.taken()))
    }

    async fn check_supersedes(
        &self,
        needs: &[Need],
        here: &BTreeMap<(&str, &str), &Need>,
    ) -> Result<(), RegisterError> {
        for need in needs {
            let Some((subject, earlier)) = &need.supersedes else { continue };
            let wrong = || RegisterError::Supersedes { id: need.id.clone() };
            let ids = self.ids_of_subject(subject, here).await?;
            let of_same = match here.get(&(Consent::LIST, earlier.as_str())) {
                Some(other) => other.subject().is_some_and(|other| ids.contains(other)),
                None => self.read::<Consent>(earlier).await?.is_some_and(|other| ids.contains(other.subject.as_str())),
            };
            if !of_same || runs_in_a_circle(need, here) {
                return Err(wrong());
            }
        }
        Ok(())
    }

    async fn ids_of_subject(
        &self,
        subject: &str,
        here: &BTreeMap<(&str, &str), &Need>,
    ) -> Result<BTreeSet<String>, Fault> {
        let mut ids = BTreeSet::from([subject.to_owned()]);
        if let Some(need) = here.get(&("subject", subject)) {
            ids.extend(need.sole.iter().filter(|(kind, _)| *kind == "subject").map(|(_, id)| id.clone()));
        } else if let Some(known) = self.read::<policy::Subject>(subject).await? {
            ids.extend(super::ids_of(&known).into_iter().map(str::to_owned));
        }
        Ok(ids)
    }

    /// Who has what a commit found taken meanwhile.
    pub(super) async fn taken(&self, needs: &[Need]) -> Result<RegisterError, Fault> {
        let vault = self.store.vault();
        for need in needs {
            let row = vault.name(need.list, &need.id);
            let names: Vec<_> = need.sole.iter().map(|(kind, value)| vault.name(kind, value)).collect();
            if self.rows(&names).await?.values().any(|owner| *owner != row) {
                return Ok(need.taken());
            }
        }
        Ok(Fault::Conflict.into())
    }

    /// Which row goes by each of these names.
    async fn rows(&self, names: &[Vec<u8>]) -> Result<BTreeMap<Vec<u8>, Vec<u8>>, Fault> {
        if names.is_empty() {
            return Ok(BTreeMap::new());
        }
        let found = self.store.snapshot().await?.find(names).await?;
        Ok(found.into_iter().map(|found| (found.name, found.row)).collect())
    }
}

impl Need {
    fn subject(&self) -> Option<&String> {
        self.refers.iter().find(|(field, ..)| *field == "subject").map(|(_, _, id)| id)
    }
}

/// An entry already in the register never changes what it supersedes, so a circle can only run among the new ones.
fn runs_in_a_circle(start: &Need, here: &BTreeMap<(&str, &str), &Need>) -> bool {
    let mut at = start;
    for _ in 0..=here.len() {
        let Some((_, earlier)) = &at.supersedes else { return false };
        match here.get(&(Consent::LIST, earlier.as_str())) {
            None => return false,
            Some(next) => at = next,
        }
    }
    true
}
