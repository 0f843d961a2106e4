//! The vocabulary of Sealgate, and its one decision: may this letter go to this recipient?
//!
//! The promise: **fewer facts never clear more.** [`decide`] is a pure function of the facts it is
//! handed; it never reads a clock, a file or a socket, and it is the only maker of a [`Cleared`].
//!
//! Read in this order: `decide.rs` (the rule), `table.rs` (the rule's data), `question.rs` (what a gate may
//! see), `gates/` (one small file each), `reasons.rs` (what people are told).
//!
//! Not here: where facts come from (`gateway/registers`), how a letter is sealed (`keys`), what a refusal looks like on
//! a wire (`gateway/intake/smtp/reply.rs`) and in a sender's notice (`gateway/outbound/notice`).

#![deny(clippy::wildcard_enum_match_arm, clippy::match_wildcard_for_single_variants)]

mod agency;
mod canonical;
mod consent;
mod decide;
mod duties;
mod exception;
mod facts;
mod finding;
mod gates;
mod letter;
mod lookalike;
mod mailbox;
mod question;
mod reasons;
mod staff;
mod subject;
mod table;
mod time;
mod verdict;
mod words;

pub use agency::{Agency, Authorisation, Papers, SealingKey, Transfer, Verification};
pub use consent::{AgencyOrKind, Answer, Consent, Form, GivenBy, Manner};
pub use decide::decide;
pub use exception::{Exception, Ground};
pub use facts::{Approval, Facts, Recipient};
pub use finding::Finding;
pub use letter::{Contradiction, Declared, Letter, LetterId, LetterIdError};
pub use lookalike::resembles;
pub use mailbox::{Domain, Mailbox, MailboxError};
pub use staff::{Hours, Role, Staff};
pub use subject::{Subject, SubjectId, SubjectIdError, nhs_check};
pub use time::{Moment, TimeError, Timestamp};
pub use verdict::{Cleared, Decision, Duty, Explanation, Outcome, Reason, ReasonCode, Verdict};
pub use words::{AgencyKind, Category, Channel, Proof, Purpose};
