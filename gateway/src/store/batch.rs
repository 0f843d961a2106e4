//! A batch: changes that become durable together or not at all. Everything in it is sealed before the writer sees it.
//!
//! Not here: the commit (`writer.rs`), the statements (one file a table).

use keys::storage::LetterKey;
use policy::{LetterId, Timestamp};
use serde::Serialize;

use super::answer::{ANSWER_LIFE_SECS, Answer};
use super::fault::Fault;
use super::letter::{Event, Lease, LetterRecord, Loaded, NewLetter, Opening, State, Summary, Transition};
use super::line::NewLine;
use super::notice::{NewNotice, NoticeEnd, NoticeLease};
use super::vault::to_json;
use super::{Store, answer, notice, queue, record};

/// Changes that are made together. Nothing happens until [`Batch::commit`].
#[must_use = "a batch does nothing until it is committed"]
pub struct Batch {
    store: Store,
    pub(super) changes: Vec<Change>,
    /// The first value that could not be sealed; the commit answers it.
    fault: Option<Fault>,
}

/// What a commit gives back.
#[derive(Default)]
pub struct Committed {
    /// Numbers of the ledger lines appended, in the order of the batch.
    pub lines: Vec<i64>,
    pub(super) letters: Vec<Lease>,
    pub(super) notices: Vec<NoticeLease>,
}

impl std::fmt::Debug for Committed {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Committed").field("lines", &self.lines).finish_non_exhaustive()
    }
}

pub(super) enum Change {
    Letter(queue::Insert),
    Settle(queue::Settle),
    Amend(queue::Amend),
    Belong(queue::Belong),
    Undisturbed {
        rests: queue::Undisturbed,
        until: i64,
    },
    Trail(LetterId, Vec<u8>),
    LeaseLetters {
        until: i64,
        limit: u32,
    },
    Notice(notice::Insert),
    SettleNotice(notice::Settle),
    LeaseNotices {
        until: i64,
        limit: u32,
    },
    Answer(answer::Insert),
    Records(Vec<record::Put>),
    RemoveRecord(Vec<u8>),
    Wake(Vec<Vec<u8>>),
    Line(NewLine),
    /// Start of serving: leases of a process that is gone are void.
    VoidLeases,
}

impl Batch {
    pub(super) const fn new(store: Store) -> Self {
        Self { store, changes: Vec::new(), fault: None }
    }

    /// Takes a letter in. With [`Opening::Refused`] its contents are not kept.
    pub fn accept(&mut self, letter: NewLetter) -> &mut Self {
        let sealed = self.seal_letter(&letter);
        self.take(sealed.map(Change::Letter))
    }

    /// Ends an attempt: the letter's new state, why (as `held show` prints it), and what happened, oldest first.
    pub fn settle(&mut self, lease: &Lease, to: Transition, standing: &impl Serialize, events: &[Event]) -> &mut Self {
        let vault = self.store.vault();
        let row = lease.id.as_str().as_bytes();
        let change = vault.seal("standing", row, standing).and_then(|standing| {
            Ok(Change::Settle(queue::Settle {
                id: lease.id.clone(),
                token: lease.token,
                wake: lease.wake,
                to,
                standing,
                events: vault.seal("trail", row, &events)?,
            }))
        });
        self.take(change)
    }

    /// Fails with [`Fault::Overtaken`] when a register entry that the letter rests on has changed since
    /// [`Lease::rest_on`], and with [`Fault::Stale`] when the lease has passed to someone else. Else the lease is renewed:
    /// however long the search for a session took, the sending has all of it before it.
    pub fn undisturbed(&mut self, lease: &Lease) -> &mut Self {
        let Lease { id, token, wake, .. } = lease;
        let rests = queue::Undisturbed { id: id.clone(), token: *token, wake: *wake };
        let until = self.store.lease_end();
        self.take(Ok(Change::Undisturbed { rests, until }))
    }

    /// Notes whose the recipient's address is now: from then on a change of that agency wakes the letter. Fails with
    /// [`Fault::Stale`] when the lease has passed to someone else.
    pub fn belongs(&mut self, lease: &Lease, record: &LetterRecord, agency: Option<&str>) -> &mut Self {
        let vault = self.store.vault();
        let Lease { id, token, .. } = lease;
        let change = vault.seal("summary", id.as_str().as_bytes(), &Summary::of(record, agency)).map(|summary| {
            let agency = agency.map(|id| vault.name("agency", id));
            Change::Belong(queue::Belong { id: id.clone(), token: *token, agency, summary })
        });
        self.take(change)
    }

    /// Puts a changed record in place of the one loaded, and makes the letter due now. Fails with [`Fault::Stale`]
    /// when the letter, or a register entry it rests on, changed since it was loaded.
    pub fn amend(&mut self, loaded: &Loaded, record: &LetterRecord, agency: Option<&str>, event: Event) -> &mut Self {
        let vault = self.store.vault();
        let id = record.letter.id.clone();
        let row = id.as_str().as_bytes();
        let change = to_json("letter", record).and_then(|plain| {
            Ok(Change::Amend(queue::Amend {
                wake: loaded.wake,
                refs: self.refs(record, agency),
                sealed: loaded.key.seal("record", &plain),
                summary: vault.seal("summary", row, &Summary::of(record, agency))?,
                id: id.clone(),
            }))
        });
        self.take(change);
        self.event(&id, event)
    }

    /// Adds a line to a letter's trail.
    pub fn event(&mut self, letter: &LetterId, event: Event) -> &mut Self {
        let sealed = self.store.vault().seal("trail", letter.as_str().as_bytes(), &[event]);
        self.take(sealed.map(|sealed| Change::Trail(letter.clone(), sealed)))
    }

    /// Queues a notice.
    pub fn notice(&mut self, new: NewNotice) -> &mut Self {
        let id = self.store.dice().name();
        let sealed = self.store.vault().seal("notice", id.as_bytes(), &new.body);
        self.take(sealed.map(|sealed| Change::Notice(notice::Insert { id, letter: new.letter, due: new.due, sealed })))
    }

    /// Ends an attempt to send a notice.
    pub fn settle_notice(&mut self, lease: &NoticeLease, end: NoticeEnd) -> &mut Self {
        self.take(Ok(Change::SettleNotice(notice::Settle { id: lease.id.clone(), token: lease.token, end })))
    }

    /// Keeps the answer to a request that carried an `Idempotency-Key` for a week. Fails with [`Fault::Conflict`]
    /// when the same account was answered under the same key meanwhile: then read [`Store::answer`] and say that again.
    pub fn answer(&mut self, account: &str, key: &str, answer: &Answer) -> &mut Self {
        let name = answer::name_of(&self.store, account, key);
        let expires = Timestamp(self.store.now().0.saturating_add(ANSWER_LIFE_SECS));
        let sealed = self.store.vault().seal("answer", &name, answer);
        self.take(sealed.map(|sealed| Change::Answer(answer::Insert { name, expires, sealed })))
    }

    /// Makes the batch durable: `Ok` only once the disk has it.
    ///
    /// # Errors
    /// [`Fault::Stopped`] when the write failed or its outcome is unknown; every other fault says that nothing was done.
    pub async fn commit(self) -> Result<Committed, Fault> {
        match self.fault {
            Some(fault) => Err(fault),
            None => self.store.write(self.changes).await,
        }
    }

    pub(crate) const fn store(&self) -> &Store {
        &self.store
    }

    /// Appends a line to the ledger.
    pub(crate) fn line(&mut self, line: NewLine) -> &mut Self {
        self.take(Ok(Change::Line(line)))
    }

    /// Puts register rows: all of them, or none.
    pub(crate) fn records(&mut self, puts: Vec<record::Put>) -> &mut Self {
        self.take(Ok(Change::Records(puts)))
    }

    /// Removes a register row.
    pub(crate) fn remove_record(&mut self, row: Vec<u8>) -> &mut Self {
        self.take(Ok(Change::RemoveRecord(row)))
    }

    /// Makes every waiting letter due now that rests on one of these names.
    pub(crate) fn wake(&mut self, names: Vec<Vec<u8>>) -> &mut Self {
        self.take(Ok(Change::Wake(names)))
    }

    /// Notes a fault; the commit answers the first.
    pub(crate) fn fail(&mut self, fault: Fault) -> &mut Self {
        self.take(Err(fault))
    }

    fn take(&mut self, change: Result<Change, Fault>) -> &mut Self {
        match change {
            Ok(change) => self.changes.push(change),
            Err(fault) => self.fault = self.fault.take().or(Some(fault)),
        }
        self
    }

    fn seal_letter(&self, new: &NewLetter) -> Result<queue::Insert, Fault> {
        let vault = self.store.vault();
        let letter = &new.record.letter;
        let row = letter.id.as_str().as_bytes();
        let (state, deadline) = match new.opening {
            Opening::Queued { deadline } => (State::Queued, Some(deadline)),
            Opening::Held { deadline } => (State::Held, Some(deadline)),
            Opening::Refused => (State::Refused, None),
        };
        let contents = if state.is_final() {
            None
        } else {
            let key = LetterKey::fresh();
            Some(queue::Contents {
                blob: letter.body.blob.clone(),
                wrapped_key: vault.0.wrap(&letter.id, &key),
                sealed: key.seal("record", &to_json("letter", &new.record)?),
            })
        };
        Ok(queue::Insert {
            id: letter.id.clone(),
            state: state.as_str(),
            deadline,
            refs: self.refs(&new.record, new.agency.as_deref()),
            contents,
            summary: vault.seal("summary", row, &Summary::of(&new.record, new.agency.as_deref()))?,
            standing: vault.seal("standing", row, &new.standing)?,
            events: vault.seal("trail", row, &new.events)?,
        })
    }

    fn refs(&self, record: &LetterRecord, agency: Option<&str>) -> queue::Refs {
        let vault = self.store.vault();
        queue::Refs {
            sender: vault.name("staff", &record.letter.sender),
            subject: record.letter.subject.as_ref().map(|id| vault.name("subject", id.as_str())),
            agency: agency.map(|id| vault.name("agency", id)),
            mailbox: vault.name("mailbox", &record.letter.to.key()),
            domain: vault.name("domain", record.letter.to.domain().as_str()),
        }
    }
}
