//! Reports to the sender of a letter: what became of it, in plain words first, then for programs (RFC 3464, RFC 6522).
//!
//! A notice is a disclosure too. It is made from typed fields alone: of the letter it holds the reference, the
//! recipient's address (which its sender wrote) and the Message-ID; never its subject line, text, names or file names.
//! Headers only, whatever `RET` asks. It goes to the sender's own side, over a verified session.

mod message;
mod texts;

use policy::{Domain, Explanation, LetterId, Mailbox, Reason, Timestamp};
use serde::{Deserialize, Serialize};

use super::deliver::CannotSend;
use super::replies::{PeerWords, Status};
use super::smtp::{Receipt, SendFailure};

/// Who speaks in notices.
#[derive(Clone, Debug)]
pub struct Letterhead {
    /// The provider's name, as people know it.
    pub provider: String,
    /// The number to call.
    pub phone: String,
    /// Where notices come from.
    pub from: Mailbox,
    /// The name of this gateway: `Reporting-MTA`.
    pub own_name: Domain,
    /// The provider's local offset from UTC, seconds.
    pub offset_secs: i32,
}

/// What is to be reported. The store keeps it, sealed, until the notice has been taken.
#[derive(Clone, Serialize, Deserialize)]
pub struct Report {
    /// A random name, 32 hex digits: every attempt to send it bears the same Message-ID.
    pub name: String,
    /// When it was written.
    pub written: Timestamp,
    /// The letter's sender.
    pub to: Mailbox,
    /// The letter.
    pub letter: LetterId,
    /// When the letter was accepted.
    pub arrived: Timestamp,
    /// The letter's recipient.
    pub recipient: Mailbox,
    /// The name of the recipient's agency, where it is listed.
    pub agency: Option<String>,
    /// The letter's own Message-ID, with its angle brackets.
    pub message_id: Option<String>,
    /// What the sender's program asked for.
    pub wishes: Wishes,
    /// What there is to say.
    pub news: News,
}

/// What the sender's program asked for (RFC 3461 §4), decoded. `RET` is not among it: headers only, always.
#[derive(Clone, Default, Serialize, Deserialize)]
pub struct Wishes {
    /// `NEVER`, or some of `SUCCESS FAILURE DELAY`; empty when not said.
    pub notify: Vec<String>,
    /// `ORCPT`.
    pub orcpt: Option<String>,
    /// `ENVID`.
    pub envid: Option<String>,
}

/// What became of a letter.
#[derive(Clone, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum News {
    /// It may not go.
    Refused {
        /// Every reason.
        reasons: Vec<Cause>,
    },
    /// A fact is missing.
    Held {
        /// Every reason.
        reasons: Vec<Cause>,
        /// When it is refused if nobody answers.
        until: Timestamp,
    },
    /// It could not be handed over yet.
    Delayed {
        /// What stood in the way.
        obstacle: Hindrance,
        /// Until when it is tried.
        until: Timestamp,
    },
    /// It will never be taken.
    Failed {
        /// What stood in the way.
        obstacle: Hindrance,
    },
    /// It was tried for as long as the queue keeps letters.
    Expired {
        /// What stood in the way the last time.
        obstacle: Hindrance,
    },
    /// The recipient's server has it.
    Delivered {
        /// Which host.
        host: String,
        /// What it said: codes alone.
        said: String,
    },
}

/// One reason of a decision, as it was worded.
#[derive(Clone, Serialize, Deserialize)]
pub struct Cause {
    /// For the sender: one plain sentence.
    pub sentence: String,
    /// What to do.
    pub remedy: String,
    /// Who can act.
    pub who: String,
}

/// What stood in the way of a delivery.
#[derive(Clone, Serialize, Deserialize)]
pub struct Hindrance {
    sentence: String,
    status: String,
    diagnostic: String,
    host: Option<String>,
}

/// A report as a message, ready to be sent. Made by [`Report::compose`] alone.
pub struct Notice {
    to: Mailbox,
    letter: LetterId,
    bytes: Vec<u8>,
}

/// Why a report cannot be made a message. Names the field, not what it holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NoticeError {
    /// A field holds a CR, an LF, a NUL or another control character.
    #[error("{0} holds a control character")]
    Control(&'static str),
    /// A time is out of range.
    #[error("{0} is not a time of this era")]
    Time(&'static str),
}

impl Report {
    /// Does the sender want to hear this (RFC 3461 §4.1)? That a letter is held, or will not arrive, is always told,
    /// whatever `NOTIFY` says: a letter that never arrives can cost a life.
    #[must_use]
    pub fn is_wanted(&self) -> bool {
        let asked = |word: &str| self.wishes.notify.iter().any(|notify| notify.eq_ignore_ascii_case(word));
        let unsaid = self.wishes.notify.is_empty();
        match &self.news {
            News::Held { .. } | News::Refused { .. } | News::Failed { .. } | News::Expired { .. } => true,
            News::Delayed { .. } => unsaid || asked("DELAY"),
            News::Delivered { .. } => asked("SUCCESS"),
        }
    }

    /// Writes the message: the same report gives the same bytes.
    ///
    /// # Errors
    /// [`NoticeError`], where a field could break out of its place.
    pub fn compose(&self, desk: &Letterhead) -> Result<Notice, NoticeError> {
        let bytes = message::write(self, desk)?.into_bytes();
        Ok(Notice { to: self.to.clone(), letter: self.letter.clone(), bytes })
    }
}

impl News {
    /// It may not go: every reason of the decision.
    #[must_use]
    pub fn refused(explanation: &Explanation) -> Self {
        Self::Refused { reasons: explanation.reasons.iter().map(Cause::from).collect() }
    }

    /// A fact is missing: every reason of the decision, and until when it waits.
    #[must_use]
    pub fn held(explanation: &Explanation, until: Timestamp) -> Self {
        Self::Held { reasons: explanation.reasons.iter().map(Cause::from).collect(), until }
    }

    /// The recipient's server has it: what a receipt says of that.
    #[must_use]
    pub fn delivered(receipt: &Receipt) -> Self {
        Self::Delivered { host: receipt.host.to_string(), said: receipt.words.to_string() }
    }
}

impl From<&Reason> for Cause {
    fn from(reason: &Reason) -> Self {
        Self { sentence: reason.sentence.clone(), remedy: reason.remedy.clone(), who: reason.who.clone().into_owned() }
    }
}

impl From<&CannotSend> for Hindrance {
    fn from(cannot: &CannotSend) -> Self {
        Self {
            sentence: cannot.diagnosis.sentence().to_owned(),
            status: cannot.diagnosis.status().to_string(),
            diagnostic: format!("x-sealgate; {}", cannot.diagnosis),
            host: cannot.host.as_ref().map(ToString::to_string),
        }
    }
}

impl From<&SendFailure> for Hindrance {
    fn from(failure: &SendFailure) -> Self {
        let (sentence, status, words) = match failure {
            SendFailure::Rejected { status, words, .. } => (texts::REJECTED, *status, words.as_ref()),
            SendFailure::Deferred { status, words: Some(words), .. } => (texts::ASKED_TO_WAIT, *status, Some(words)),
            SendFailure::Deferred { status, words: None, .. } => (texts::LINE_BROKE, *status, None),
            SendFailure::Unknown => (texts::OUTCOME_UNKNOWN, Status::new(4, 4, 2), None),
            SendFailure::Fault(_) => (texts::OUR_FAULT, Status::new(4, 3, 0), None),
        };
        let said = |words: &PeerWords| format!("smtp; {words} {}", words.text());
        let diagnostic = words.map_or_else(|| format!("x-sealgate; {failure}"), said);
        Self { sentence: sentence.to_owned(), status: status.to_string(), diagnostic, host: None }
    }
}

impl Hindrance {
    /// Met at this host.
    #[must_use]
    pub fn at(self, host: &Domain) -> Self {
        Self { host: Some(host.to_string()), ..self }
    }
}

impl Notice {
    /// To whom.
    #[must_use]
    pub const fn to(&self) -> &Mailbox {
        &self.to
    }

    /// About which letter.
    #[must_use]
    pub const fn letter(&self) -> &LetterId {
        &self.letter
    }

    /// The message: CRLF lines, not dot-stuffed.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8] {
        &self.bytes
    }
}
