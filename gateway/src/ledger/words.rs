//! What the lines of the ledger say: each kind once, in the order in which it is written.
//!
//! Every identifier is a keyed pseudonym in hex; letter references, times, codes and closed words stand as they are.
//! Not here: numbers and hashes (`store/line.rs`).

use policy::{Category, Channel, Explanation, Letter, LetterId, Purpose, ReasonCode, Verdict};
use serde::Serialize;

use super::Outcome;
use crate::store::line::{NewLine, Tie};
use crate::store::{Fault, Store};

/// One line, by kind.
#[derive(Serialize)]
#[serde(tag = "kind", rename_all = "kebab-case")]
pub(super) enum Said<'a> {
    Disclosure {
        channel: Channel,
        host: String,
        bytes: u64,
        #[serde(flatten)]
        told: Told<'a>,
    },
    Outcome {
        letter: &'a LetterId,
        of: i64,
        outcome: Outcome,
        evidence: String,
    },
    Decision {
        verdict: Verdict,
        reasons: Vec<ReasonCode>,
        #[serde(flatten)]
        told: Told<'a>,
    },
    Register {
        list: &'static str,
        row: String,
        change: &'static str,
        by: String,
        content: Option<String>,
    },
    KeyMade {
        what: &'static str,
    },
    Start {
        version: &'a str,
    },
}

/// Who, to whom, about whom, what for, and on what ground.
#[derive(Serialize)]
pub(super) struct Told<'a> {
    letter: &'a LetterId,
    sender: String,
    to: String,
    subject: Option<String>,
    purpose: Option<Purpose>,
    categories: &'a [Category],
    sha256: Option<String>,
    rests_on: Vec<String>,
    facts: String,
}

impl<'a> Told<'a> {
    pub fn of<B>(store: &Store, letter: &'a Letter<B>, explanation: &'a Explanation) -> Self {
        Self {
            letter: &letter.id,
            sender: name(store, "staff", &letter.sender),
            to: name(store, "mailbox", &letter.to.key()),
            subject: letter.subject.as_ref().map(|id| name(store, "subject", id.as_str())),
            // As it was decided on. A word that is on no list is the sender's own writing: it stays out.
            purpose: explanation.purpose,
            categories: &explanation.categories,
            sha256: letter.sha256.as_deref().map(|digest| name(store, "letter", digest)),
            rests_on: explanation.rests_on.iter().map(|id| name(store, "entry", id)).collect(),
            facts: name(store, "facts", &explanation.facts_sha256),
        }
    }
}

#[derive(Serialize)]
struct Dated<'a> {
    /// Microseconds since the epoch.
    at: i64,
    #[serde(flatten)]
    said: &'a Said<'a>,
}

/// A line as it is hashed and stored.
pub(super) fn line(store: &Store, said: &Said<'_>, tie: Tie) -> Result<NewLine, Fault> {
    let dated = Dated { at: store.now_micros(), said };
    let entry = serde_json::to_string(&dated).map_err(|_| Fault::Shape("ledger"))?;
    Ok(NewLine { entry, tie })
}

/// The pseudonym of a value, in hex.
pub(super) fn name(store: &Store, list: &str, value: &str) -> String {
    hex::encode(store.vault().name(list, value))
}
