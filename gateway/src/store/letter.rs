//! A stored letter as the rest of the program sees it: record, states, leases, transitions, trail.
//!
//! Not here: SQL (`queue.rs`), the decision, when to try again.

use std::str::FromStr;

use keys::storage::LetterKey;
use keys::stored::StoredBody;
use policy::{Category, Declared, Letter, LetterId, Mailbox, Purpose, SubjectId, Timestamp};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::fault::Fault;
use crate::screening::Place;

/// What the sender's program said around the letter (RFC 5321 §3.3, RFC 3461 §4), needed for reports to the sender.
#[derive(Clone, Default, Serialize, Deserialize)]
pub struct Envelope {
    /// Where reports go: the reverse-path, or by HTTPS the sender's address. None for the null reverse-path.
    pub reverse_path: Option<Mailbox>,
    /// RFC 3461 §4.1 words in upper case, `NEVER` or some of `SUCCESS FAILURE DELAY`; empty when not said.
    pub notify: Vec<String>,
    /// RFC 3461 §4.2, decoded: `type;address`.
    pub orcpt: Option<String>,
    /// RFC 3461 §4.4, decoded.
    pub envid: Option<String>,
    /// RFC 3461 §4.3, `FULL` or `HDRS`.
    pub ret: Option<String>,
}

/// A letter with all that an attempt needs. Holds the body's key; lives sealed under the letter's own key.
#[derive(Clone, Serialize, Deserialize)]
pub struct LetterRecord {
    /// The letter that is decided on and sent.
    pub letter: Letter<StoredBody>,
    /// What was said around it.
    pub envelope: Envelope,
    /// What screening found, and where: what `held confirm` goes by.
    pub places: Vec<Place>,
}

/// Where a letter stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum State {
    /// It waits for its next attempt.
    Queued,
    /// A fact is missing; it waits for that, or for its deadline.
    Held,
    /// Final: it may not go.
    Refused,
    /// Final: the recipient's server has it.
    Delivered,
    /// Final: its life ended before anyone would take it.
    Expired,
    /// Final: the recipient's server will never take it.
    Failed,
}

impl State {
    /// Every state.
    pub const ALL: &[Self] = &[Self::Queued, Self::Held, Self::Refused, Self::Delivered, Self::Expired, Self::Failed];

    /// The one spelling.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Queued => "queued",
            Self::Held => "held",
            Self::Refused => "refused",
            Self::Delivered => "delivered",
            Self::Expired => "expired",
            Self::Failed => "failed",
        }
    }

    /// Nothing more happens to it, and its contents are erased.
    #[must_use]
    pub const fn is_final(self) -> bool {
        !matches!(self, Self::Queued | Self::Held)
    }
}

impl FromStr for State {
    type Err = Fault;
    fn from_str(word: &str) -> Result<Self, Fault> {
        Self::ALL.iter().copied().find(|state| state.as_str() == word).ok_or(Fault::Shape("letter"))
    }
}

/// How a letter enters the store.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Opening {
    /// Cleared at the door; tried at once, and decided again first.
    Queued {
        /// When its life ends.
        deadline: Timestamp,
    },
    /// Held at the door. Decided again at once, so that a fact supplied meanwhile is not missed.
    Held {
        /// When it is refused if nobody answers.
        deadline: Timestamp,
    },
    /// Refused at the door, beside other recipients that were not: kept as a trail alone, without contents.
    Refused,
}

/// A letter as it is handed in.
pub struct NewLetter {
    /// Its contents.
    pub record: LetterRecord,
    /// How it enters.
    pub opening: Opening,
    /// Agency id, where its address is listed: a change of that agency wakes it.
    pub agency: Option<String>,
    /// Why it enters so (the explanation), as `held show` prints it.
    pub standing: Value,
    /// What has happened to it so far, oldest first.
    pub events: Vec<Event>,
}

/// A letter leased for one attempt. Whoever holds it may settle the letter, until the lease passes to someone else.
#[derive(Debug)]
#[must_use = "a leased letter is settled, or waits until the lease ends"]
pub struct Lease {
    pub(super) id: LetterId,
    pub(super) token: i64,
    pub(super) wake: i64,
    pub(super) state: State,
    pub(super) attempts: u32,
    pub(super) created: Timestamp,
    pub(super) deadline: Timestamp,
}

impl Lease {
    /// Which letter.
    #[must_use]
    pub const fn id(&self) -> &LetterId {
        &self.id
    }
    /// Queued or held, when it was leased.
    #[must_use]
    pub const fn state(&self) -> State {
        self.state
    }
    /// Attempts that ended deferred, before this one.
    #[must_use]
    pub const fn attempts(&self) -> u32 {
        self.attempts
    }
    /// When the letter was accepted.
    #[must_use]
    pub const fn created(&self) -> Timestamp {
        self.created
    }
    /// When its wait ends.
    #[must_use]
    pub const fn deadline(&self) -> Timestamp {
        self.deadline
    }
    /// The attempt rests on the register as it is after this loading: [`super::Batch::undisturbed`] holds it to that.
    pub const fn rest_on(&mut self, loaded: &Loaded) {
        self.wake = loaded.wake;
    }
}

/// How an attempt ended. The last four are final: the letter's key, and its blob if no other letter uses it, are destroyed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Transition {
    /// Try again then; counts one attempt. A register change during the attempt makes it due at once.
    Deferred {
        /// When.
        due: Timestamp,
        /// When its life ends.
        deadline: Timestamp,
    },
    /// A fact is missing. A register change during the attempt makes it due at once.
    Held {
        /// When to look again, at the latest its deadline.
        due: Timestamp,
        /// When it is refused if nobody answers.
        deadline: Timestamp,
    },
    /// It may not go.
    Refused,
    /// The recipient's server has it. A fact, not a wish: it is taken whoever holds the lease.
    Delivered,
    /// Its life ended.
    Expired,
    /// The recipient's server will never take it.
    Failed,
}

impl Transition {
    /// The state that it leads to.
    #[must_use]
    pub const fn state(self) -> State {
        match self {
            Self::Deferred { .. } => State::Queued,
            Self::Held { .. } => State::Held,
            Self::Refused => State::Refused,
            Self::Delivered => State::Delivered,
            Self::Expired => State::Expired,
            Self::Failed => State::Failed,
        }
    }
}

/// What happened to a letter, as a closed list.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Happening {
    /// Taken in durably.
    Accepted,
    /// Decided; the facts are the explanation.
    Decided,
    /// An attempt ended without an answer for good; the facts say why and until when.
    Deferred,
    /// The recipient's server has it; the facts are the evidence.
    Delivered,
    /// Refused for good by the recipient's server.
    Failed,
    /// Its life ended.
    Expired,
    /// A fact was supplied by hand.
    Amended,
    /// The sender was told.
    Notice,
}

/// One dated line of a letter's trail.
#[derive(Clone, Serialize, Deserialize)]
pub struct Event {
    /// When.
    pub at: Timestamp,
    /// What.
    pub what: Happening,
    /// Its particulars; may be personal, and is stored sealed.
    pub facts: Value,
}

impl Event {
    /// A line of the trail. Facts that cannot be written as JSON are left out.
    #[must_use]
    pub fn new(at: Timestamp, what: Happening, facts: &impl Serialize) -> Self {
        Self { at, what, facts: serde_json::to_value(facts).unwrap_or(Value::Null) }
    }
}

/// Who wrote to whom, about whom, what for: what is kept of a letter when its contents are erased.
#[derive(Clone, Serialize, Deserialize)]
pub struct Summary {
    /// Staff id.
    pub sender: String,
    /// The recipient.
    pub to: Mailbox,
    /// Whom it is about.
    pub subject: Option<SubjectId>,
    /// What for.
    pub purpose: Option<Declared<Purpose>>,
    /// What it holds.
    pub categories: Vec<Category>,
    /// Agency id.
    pub agency: Option<String>,
    /// Octets of the body.
    pub bytes: u64,
    /// SHA-256 of the letter, lower-case hex.
    pub sha256: Option<String>,
}

impl Summary {
    pub(super) fn of(record: &LetterRecord, agency: Option<&str>) -> Self {
        let letter = &record.letter;
        Self {
            sender: letter.sender.clone(),
            to: letter.to.clone(),
            subject: letter.subject.clone(),
            purpose: letter.purpose.clone(),
            categories: letter.categories.clone(),
            agency: agency.map(str::to_owned),
            bytes: letter.body.bytes,
            sha256: letter.sha256.clone(),
        }
    }
}

/// A letter as `letter list`, `letter show` and `held list` print it.
#[derive(Clone, Serialize)]
pub struct Overview {
    /// Which.
    pub id: LetterId,
    /// Where it stands.
    pub state: State,
    /// When it was accepted.
    pub created: Timestamp,
    /// When it is next looked at; none once final.
    pub due: Option<Timestamp>,
    /// When its wait ends; none once final.
    pub deadline: Option<Timestamp>,
    /// Attempts that ended deferred.
    pub attempts: u32,
    /// When it became final.
    pub settled: Option<Timestamp>,
    /// Who, whom, what for.
    pub summary: Summary,
    /// Why it stands where it stands.
    pub standing: Value,
}

/// A letter opened for an attempt or a change.
pub struct Loaded {
    /// Its contents.
    pub record: LetterRecord,
    pub(super) wake: i64,
    /// Pseudonym of the agency that it is noted as belonging to.
    pub(super) agency: Option<Vec<u8>>,
    pub(super) key: LetterKey,
}

/// Which letters to list, newest first.
#[derive(Clone, Default)]
pub struct Filter {
    /// Only of these states; empty stands for all.
    pub states: Vec<State>,
    /// Only accepted before this instant (for the next page).
    pub before: Option<Timestamp>,
    /// Only this staff id's.
    pub sender: Option<String>,
    /// Only about this subject.
    pub subject: Option<SubjectId>,
    /// Only to this agency id.
    pub agency: Option<String>,
    /// At most so many; 0 stands for 100; never more than 1,000.
    pub limit: u32,
}
