//! How a transaction ends: a receipt, or one of four failures that are never mixed.

use std::net::SocketAddr;

use keys::peer::PeerFacts;
use policy::Domain;
use serde::{Serialize, Serializer};

use super::wire::WireError;
use crate::ledger::{Entry, Finished, Outcome};
use crate::outbound::replies::{PeerWords, Reply, Status};

/// The peer has taken the message: what there is to show for it.
#[derive(Clone, Debug, Serialize)]
#[must_use = "a receipt belongs in the ledger"]
pub struct Receipt {
    /// The host that took it.
    pub host: Domain,
    /// Where it was reached.
    pub address: SocketAddr,
    /// What it said last.
    pub words: PeerWords,
    /// Who it proved to be.
    pub peer: PeerFacts,
    /// Octets of the message, before dot-stuffing.
    pub bytes: u64,
    /// SHA-256 of those octets; serialised as 64 lower-case hex digits.
    #[serde(serialize_with = "as_hex")]
    pub sha256: [u8; 32],
}

/// A sending that has ended, with the entry that it was made under.
#[must_use = "the ledger is to know how it ended"]
pub struct Sent {
    pub(super) entry: Entry,
    pub(super) result: Result<Receipt, SendFailure>,
}

impl Sent {
    /// Nothing was sent, by a fault of ours: what was cleared could not be sealed.
    pub(crate) fn unsealed(entry: Entry, error: impl std::fmt::Display) -> Self {
        Self { entry, result: Err(SendFailure::ours(error)) }
    }

    /// Ends the entry with what has become of the sending, and nothing else: the outcome for the ledger, and the
    /// receipt or failure that it rests on.
    pub fn finish(self) -> (Finished, Result<Receipt, SendFailure>) {
        let Self { entry, result } = self;
        let finished = match &result {
            Ok(receipt) => entry.finish(Outcome::Delivered, receipt),
            Err(failure @ SendFailure::Rejected { .. }) => entry.finish(Outcome::Failed, failure),
            // A fault of ours is noticed before the final dot: the peer holds no whole message.
            Err(failure @ (SendFailure::Deferred { .. } | SendFailure::Fault(_))) => {
                entry.finish(Outcome::Deferred, failure)
            }
            Err(failure @ SendFailure::Unknown) => entry.finish(Outcome::Unknown, failure),
        };
        (finished, result)
    }
}

/// A stage of a transaction.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Stage {
    /// `MAIL FROM`.
    Mail,
    /// `RCPT TO`.
    Rcpt,
    /// `DATA`, up to the final dot.
    Data,
    /// The final dot, and the reply to it.
    FinalDot,
}

/// Why a message was not handed over. Display and Debug hold codes, never the peer's text.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, thiserror::Error)]
#[serde(rename_all = "kebab-case")]
pub enum SendFailure {
    /// The peer will not have it, or cannot: do not try again.
    #[error("refused at {at:?} with {status}")]
    Rejected {
        /// The peer's enhanced status code, or ours.
        status: Status,
        /// What it said; `None` where we saw for ourselves that it cannot.
        words: Option<PeerWords>,
        /// Where.
        at: Stage,
    },
    /// Not now: try again.
    #[error("deferred at {at:?} with {status}")]
    Deferred {
        /// The peer's enhanced status code, or ours.
        status: Status,
        /// What it said; `None` where the connection failed.
        words: Option<PeerWords>,
        /// Where.
        at: Stage,
    },
    /// The connection failed after the final dot: the peer may have taken it. Try again under the same Message-ID
    /// (RFC 5321 §6.1, RFC 1047).
    #[error("the outcome is unknown: the connection failed after the final dot")]
    Unknown,
    /// Ours: nothing is wrong with the peer. The message did not end, so the peer holds none of it.
    #[error("not sent, by our own fault: {0}")]
    Fault(Fault),
}

/// A fault of ours while sending.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, thiserror::Error)]
#[serde(rename_all = "kebab-case")]
pub enum Fault {
    /// The ledger entry is for another letter.
    #[error("the ledger entry is for another letter")]
    EntryOfAnotherLetter,
    /// The register has changed for this letter before its final dot: it is to be decided again.
    #[error("the register has changed for this letter before its final dot")]
    Overtaken,
    /// The host is proven to be another agency's.
    #[error("the host is proven, but not for this letter's recipient")]
    AnothersPeer,
    /// The message holds a bare CR or LF.
    #[error("the message holds a bare CR or LF")]
    BareLineEnd,
    /// The sealed letter could not be released.
    #[error("the letter could not be released: {0}")]
    Release(String),
    /// An address holds what may not stand in a command.
    #[error("an address holds what may not stand in an SMTP command")]
    Address,
}

impl SendFailure {
    /// A fault of ours: the letter cannot be read or sealed.
    pub(crate) fn ours(error: impl std::fmt::Display) -> Self {
        Self::Fault(Fault::Release(error.to_string()))
    }

    /// A failure of the connection before the final dot.
    pub(super) const fn lost(error: WireError, at: Stage) -> Self {
        let status = match error {
            WireError::Lost | WireError::TimedOut => Status::new(4, 4, 2),
            WireError::NotSmtp(_) => Status::new(4, 5, 0),
        };
        Self::Deferred { status, words: None, at }
    }

    /// A reply that is not the one hoped for. What is neither 4xx nor 5xx makes no sense here: try again.
    pub(super) fn answered(reply: &Reply, at: Stage) -> Self {
        let words = reply.words();
        if reply.is_permanent() {
            Self::Rejected { status: words.status_or_general(), words: Some(words), at }
        } else if reply.code / 100 == 4 {
            Self::Deferred { status: words.status_or_general(), words: Some(words), at }
        } else {
            Self::Deferred { status: Status::new(4, 5, 0), words: Some(words), at }
        }
    }

    /// What we see for ourselves that this peer cannot take.
    pub(super) const fn cannot(subject: u16, detail: u16, at: Stage) -> Self {
        Self::Rejected { status: Status::new(5, subject, detail), words: None, at }
    }
}

fn as_hex<S: Serializer>(digest: &[u8; 32], serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(&hex::encode(digest))
}
