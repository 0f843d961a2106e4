//! The facts for one decision: two indexed reads of one snapshot.
//!
//! Not here: what the facts mean (`policy::decide`).

use std::sync::{Arc, Mutex, PoisonError};

use policy::{
    Agency, Approval, Domain, Exception, Facts, Letter, Mailbox, Recipient, Staff, Subject, SubjectId, resembles,
};

use super::listed::Listed;
use super::{PAGE, Registers, ids_of};
use crate::store::record::Found;
use crate::store::{Fault, Snapshot};

/// Every listed address and domain.
#[derive(Default)]
struct ListedNames {
    addresses: Vec<Mailbox>,
    domains: Vec<Domain>,
}

/// Listed names as they stood at one version of the registers, so that a wrong address does not cost a walk over all
/// agencies each time. May be lost.
#[derive(Default)]
pub(super) struct Lookalikes(Mutex<Option<(i64, Arc<ListedNames>)>>);

/// What the first read found.
struct First(Vec<Found>);

impl Registers {
    /// All that a decision on this letter reads of the registers, as they stand at one instant.
    ///
    /// # Errors
    /// When the store cannot be read: then nothing may be decided.
    pub async fn facts<B>(&self, letter: &Letter<B>) -> Result<Facts, Fault> {
        let vault = self.store.vault();
        let mut snapshot = self.store.snapshot().await?;
        let mut names = self.names_of(&letter.to, letter.subject.as_ref());
        names.push(vault.name(Staff::LIST, &letter.sender));
        names.extend(letter.exception.as_ref().map(|id| vault.name(Exception::LIST, id)));
        let first = First(snapshot.find(&names).await?);
        let subject: Option<Subject> = match &letter.subject {
            Some(id) => self.pick(&first, "subject", id.as_str())?,
            None => None,
        };
        let recipient = self.whose(&mut snapshot, &first, &letter.to, letter.subject.as_ref()).await?;
        let exception: Option<Exception> = match &letter.exception {
            Some(id) => self.pick(&first, Exception::LIST, id)?,
            None => None,
        };
        let authoriser = match &recipient {
            Recipient::Agency(agency) => agency.authorised.as_ref().map(|paper| paper.by.clone()),
            _ => None,
        };
        let approver = exception.as_ref().and_then(|exception| exception.approved_by.clone());
        let mut names: Vec<_> = authoriser.iter().chain(&approver).map(|id| vault.name(Staff::LIST, id)).collect();
        names.extend(subject.iter().flat_map(|subject| ids_of(subject)).map(|id| vault.name("consents-of", id)));
        let second = First(snapshot.find(&names).await?);
        let staff = |id: &Option<String>| match id {
            Some(id) => self.pick::<Staff>(&second, Staff::LIST, id),
            None => Ok(None),
        };
        let consents = second.0.iter().filter(|found| found.list == policy::Consent::LIST);
        Ok(Facts {
            sender: self.pick(&first, Staff::LIST, &letter.sender)?,
            authoriser: staff(&authoriser)?,
            approval: match exception {
                Some(exception) => Some(Approval { exception, approver: staff(&approver)? }),
                None => None,
            },
            consents: consents.map(|found| Ok(self.open(found)?.entry)).collect::<Result<_, Fault>>()?,
            recipient,
            subject,
        })
    }

    /// Whose an address is: for `RCPT TO`, before anything else is known.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub async fn recipient(&self, to: &Mailbox, subject: Option<&SubjectId>) -> Result<Recipient, Fault> {
        let mut snapshot = self.store.snapshot().await?;
        let first = First(snapshot.find(&self.names_of(to, subject)).await?);
        self.whose(&mut snapshot, &first, to, subject).await
    }

    /// Is this some subject's own address? At `RCPT TO` the subject is not known yet.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub async fn is_own_address(&self, to: &Mailbox) -> Result<bool, Fault> {
        Ok(!self.find("own-mailbox", &[&to.key()]).await?.is_empty())
    }

    fn names_of(&self, to: &Mailbox, subject: Option<&SubjectId>) -> Vec<Vec<u8>> {
        let vault = self.store.vault();
        let mut names = vec![
            vault.name("mailbox", &to.key()),
            vault.name("own-mailbox", &to.key()),
            vault.name("domain", to.domain().as_str()),
        ];
        names.extend(subject.map(|id| vault.name("subject", id.as_str())));
        names
    }

    /// A listed address beats the subject's own, which beats a listed domain.
    async fn whose(
        &self,
        snapshot: &mut Snapshot,
        first: &First,
        to: &Mailbox,
        subject: Option<&SubjectId>,
    ) -> Result<Recipient, Fault> {
        if let Some(agency) = self.pick::<Agency>(first, "mailbox", &to.key())? {
            return Ok(Recipient::Agency(Box::new(agency)));
        }
        let vault = self.store.vault();
        let own = vault.name("own-mailbox", &to.key());
        let row = subject.and_then(|id| first.at(&vault.name("subject", id.as_str()))).map(|found| &found.row);
        if row.is_some_and(|row| first.0.iter().any(|found| found.name == own && found.row == *row)) {
            return Ok(Recipient::OwnAddress);
        }
        if let Some(agency) = self.pick::<Agency>(first, "domain", to.domain().as_str())? {
            return Ok(Recipient::Agency(Box::new(agency)));
        }
        let listed = self.listed_names(snapshot).await?;
        Ok(Recipient::Unlisted { resembles: resembles(to, listed.addresses.iter(), listed.domains.iter()) })
    }

    async fn listed_names(&self, snapshot: &mut Snapshot) -> Result<Arc<ListedNames>, Fault> {
        let version = snapshot.registers_version().await?;
        let kept = self.lookalikes.0.lock().unwrap_or_else(PoisonError::into_inner).clone();
        if let Some((of, names)) = kept
            && of == version
        {
            return Ok(names);
        }
        let mut names = ListedNames::default();
        let mut after = Vec::new();
        loop {
            let page = snapshot.page(Agency::LIST, &after, PAGE).await?;
            let Some(last) = page.last() else { break };
            after.clone_from(&last.row);
            for mut agency in self.all::<Agency>(&page)? {
                names.addresses.append(&mut agency.addresses);
                names.domains.append(&mut agency.domains);
            }
        }
        let names = Arc::new(names);
        *self.lookalikes.0.lock().unwrap_or_else(PoisonError::into_inner) = Some((version, names.clone()));
        Ok(names)
    }

    fn pick<T: Listed>(&self, first: &First, list: &str, value: &str) -> Result<Option<T>, Fault> {
        let found = first.at(&self.store.vault().name(list, value));
        found.map(|found| Ok(self.open(found)?.entry)).transpose()
    }
}

impl First {
    fn at(&self, name: &[u8]) -> Option<&Found> {
        self.0.iter().find(|found| found.name == name)
    }
}
