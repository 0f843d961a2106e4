//! The disclosure log: append-only, each line hashed over the one before, pseudonyms in place of identifiers.
//!
//! A disclosure has two lines: [`Ledger::begin`] makes the first durable before any byte leaves, and gives the [`Entry`]
//! without which nothing can be sent; [`Entry::finish`] makes the second. A line is part of the same commit as what it
//! speaks of. Not here: the table and its hashes (`store/line.rs`), reading for people.

mod verify;
mod words;

#[cfg(test)]
mod tests;

use keys::stored::StoredBody;
use policy::{Channel, Cleared, Explanation, Letter, LetterId};
use serde::Serialize;
use serde_json::Value;

use crate::store::line::{NewLine, Tie};
use crate::store::{Batch, Fault, Footing, Lease, Store};
use words::{Said, Told};

pub use verify::{Broken, Verified, What, verify};

/// The ledger of a store.
#[derive(Clone)]
pub struct Ledger(Store);

/// The witness that the ledger knows of a letter that is about to leave. Made by [`Ledger::begin`] alone, durable before
/// it is made; no copy. Dropped unfinished, the next start writes its outcome as unknown.
#[must_use = "an entry is finished with what became of the disclosure"]
pub struct Entry {
    letter: LetterId,
    seq: i64,
    footing: Footing,
}

/// An entry with its outcome, to be committed by [`Batch::outcome`].
#[must_use = "an outcome counts once it is committed"]
pub struct Finished {
    letter: LetterId,
    seq: i64,
    outcome: Outcome,
    evidence: String,
}

/// How the letter is about to leave.
#[derive(Clone, Copy)]
pub struct Way<'a> {
    /// By which channel.
    pub channel: Channel,
    /// The host that was proven, as `PeerFacts` names it.
    pub host: &'a str,
}

/// What became of a disclosure.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Outcome {
    /// The recipient's server has it.
    Delivered,
    /// It was not taken for now; nothing, or not all, has left.
    Deferred,
    /// It was not taken for good.
    Failed,
    /// Nobody knows: the process or the connection ended after the first byte and before the answer.
    Unknown,
}

impl Ledger {
    /// The ledger of this store.
    #[must_use]
    pub fn over(store: &Store) -> Self {
        Self(store.clone())
    }

    /// Writes down that this letter is about to leave, by this way, on this explanation. Durable when it returns.
    ///
    /// # Errors
    /// [`Fault::Overtaken`] when the register has changed since the lease came to rest on it: decide again. Any other
    /// when the store cannot write. Nothing may leave then.
    pub async fn begin(
        &self,
        lease: &Lease,
        cleared: &Cleared<StoredBody>,
        explanation: &Explanation,
        way: Way<'_>,
    ) -> Result<Entry, Fault> {
        let mut batch = self.0.batch();
        batch.undisturbed(lease);
        if lease.id() != &cleared.letter().id {
            return Err(Fault::Stale);
        }
        let seq = self.open(batch, cleared.letter(), explanation, way).await?;
        Ok(Entry { letter: lease.id().clone(), seq, footing: Footing::of(&self.0, lease) })
    }

    /// Writes down an outcome by itself, where no other change goes with it.
    ///
    /// # Errors
    /// When the store cannot write.
    pub async fn finish(&self, finished: &Finished) -> Result<(), Fault> {
        let mut batch = self.0.batch();
        batch.outcome(finished);
        batch.commit().await.map(drop)
    }

    /// Writes down that a gateway of this version has started; `key_made` lines tell of a new storage key.
    ///
    /// # Errors
    /// When the store cannot write.
    pub async fn started(&self, version: &str) -> Result<(), Fault> {
        self.note(&Said::Start { version }).await
    }

    /// Writes down that a key was made: `what` says which ("storage"), never the key.
    ///
    /// # Errors
    /// When the store cannot write.
    pub async fn key_made(&self, what: &'static str) -> Result<(), Fault> {
        self.note(&Said::KeyMade { what }).await
    }

    /// The last so many lines, oldest first: the number of each, and what it says. Checked by [`verify()`] alone.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub async fn tail(&self, most: u32) -> Result<Vec<(i64, Value)>, Fault> {
        let lines = self.0.snapshot().await?.last_lines(most.into()).await?;
        let said = lines.into_iter().rev().map(|(seq, text)| (seq, serde_json::from_str(&text).unwrap_or_default()));
        Ok(said.collect())
    }

    async fn note(&self, said: &Said<'_>) -> Result<(), Fault> {
        let mut batch = self.0.batch();
        batch.line(words::line(&self.0, said, Tie::None)?);
        batch.commit().await.map(drop)
    }

    async fn open(
        &self,
        mut batch: Batch,
        letter: &Letter<StoredBody>,
        explanation: &Explanation,
        way: Way<'_>,
    ) -> Result<i64, Fault> {
        let told = Told::of(&self.0, letter, explanation);
        let said = Said::Disclosure {
            channel: way.channel,
            host: words::name(&self.0, "host", way.host),
            bytes: letter.body.bytes,
            told,
        };
        batch.line(words::line(&self.0, &said, Tie::Opens(letter.id.clone()))?);
        // CRASH: entry-begun: the disclosure is on the ledger and not one byte has left; the next start writes its outcome
        // as unknown.
        let done = batch.commit().await?;
        done.lines.first().copied().ok_or(Fault::Stopped)
    }
}

impl Entry {
    /// Which letter may leave.
    #[must_use]
    pub const fn letter(&self) -> &LetterId {
        &self.letter
    }

    /// The number of its line.
    #[must_use]
    pub const fn seq(&self) -> i64 {
        self.seq
    }

    /// Ends the disclosure. The ledger keeps a keyed digest of the evidence; the evidence itself goes on the letter's trail.
    pub fn finish(self, outcome: Outcome, evidence: &impl Serialize) -> Finished {
        finished(self.letter, self.seq, outcome, evidence)
    }

    /// Is the register, for this letter, still as it was when the entry was begun? A no counts up to the final dot.
    pub(crate) async fn holds(&self) -> bool {
        self.footing.holds().await
    }

    /// Waits until it is not.
    pub(crate) async fn lost(&self) {
        self.footing.lost().await;
    }
}

impl Batch {
    /// Writes a disclosure's outcome. Fails with [`Fault::Stale`] when it was written already.
    pub fn outcome(&mut self, finished: &Finished) -> &mut Self {
        let store = self.store().clone();
        let said = Said::Outcome {
            letter: &finished.letter,
            of: finished.seq,
            outcome: finished.outcome,
            evidence: words::name(&store, "evidence", &finished.evidence),
        };
        self.try_line(words::line(&store, &said, Tie::Closes(finished.seq)))
    }

    /// Writes down a decision that holds or refuses a letter.
    pub fn decided<B>(&mut self, letter: &Letter<B>, explanation: &Explanation) -> &mut Self {
        let store = self.store().clone();
        let said = Said::Decision {
            verdict: explanation.verdict,
            reasons: explanation.reasons.iter().map(|reason| reason.code).collect(),
            told: Told::of(&store, letter, explanation),
        };
        self.try_line(words::line(&store, &said, Tie::None))
    }

    fn try_line(&mut self, line: Result<NewLine, Fault>) -> &mut Self {
        match line {
            Ok(line) => self.line(line),
            Err(fault) => self.fail(fault),
        }
    }
}

fn finished(letter: LetterId, seq: i64, outcome: Outcome, evidence: &impl Serialize) -> Finished {
    Finished { letter, seq, outcome, evidence: serde_json::to_string(evidence).unwrap_or_default() }
}

/// Closes disclosures that a process before began and never finished.
pub(crate) async fn close_unfinished(store: &Store, open: Vec<(i64, LetterId)>) -> Result<Vec<LetterId>, Fault> {
    let mut letters = Vec::new();
    let mut batch = store.batch();
    for (seq, letter) in open {
        batch.outcome(&finished(letter.clone(), seq, Outcome::Unknown, &()));
        letters.push(letter);
    }
    if !letters.is_empty() {
        batch.commit().await?;
    }
    Ok(letters)
}

/// Writes down one change of a register, inside the batch that makes it.
pub(crate) fn register_changed(batch: &mut Batch, change: &Change<'_>) {
    let store = batch.store().clone();
    let said = Said::Register {
        list: change.list,
        row: words::name(&store, change.list, change.id),
        change: change.what,
        by: words::name(&store, "staff", change.by),
        content: change.content.map(|content| words::name(&store, "content", content)),
    };
    batch.try_line(words::line(&store, &said, Tie::None));
}

/// One change of a register.
pub(crate) struct Change<'a> {
    pub list: &'static str,
    pub id: &'a str,
    pub what: &'static str,
    pub by: &'a str,
    pub content: Option<&'a str>,
}
