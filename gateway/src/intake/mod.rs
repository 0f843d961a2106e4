//! The doors: SMTP submission and HTTPS. Both end on one road, and behind the road is one [`Desk`].
//!
//! A door settles who is sending, reads the message strictly, learns from its head what the letter
//! declares, and streams it in bounded pieces to the desk, whose one [`Answer`] becomes the reply.
//!
//! Not here, on purpose: any decision, any disk, any list. The journey alone implements [`Desk`].

mod crowd;
pub mod declare;
pub mod https;
mod rate;
mod road;
mod sign_ins;
pub mod smtp;
#[cfg(test)]
mod tests;

use std::future::Future;
use std::net::IpAddr;

use policy::{LetterId, Mailbox, Reason, Verdict};
use rustls::pki_types::CertificateDer;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

pub use crowd::Crowd;
pub use declare::{Contradiction, Declaration};
pub use rate::Rates;
/// A password or a token on its way to be checked: wiped on drop, never printed.
pub use secrecy::SecretString as Secret;
pub use sign_ins::SignIns;

/// What a door asks of the gateway behind it. Implemented by the journey alone.
pub trait Desk: Clone + Send + Sync + 'static {
    /// An open handle for one message being taken in; dropped unfinished, it leaves nothing behind.
    type Body: Incoming;

    /// Who is this? An unknown login and a wrong password look and cost the same.
    fn sign_in(
        &self,
        login: &str,
        password: Secret,
        from: IpAddr,
    ) -> impl Future<Output = Result<Account, SignInRefused>> + Send;

    /// Whose bearer token is this (RFC 6750)?
    fn token(&self, token: Secret) -> impl Future<Output = Result<Account, SignInRefused>> + Send;

    /// Whose client certificate is this? SHA-256 of its DER, 64 lower-case hex digits; TLS has checked its chain.
    fn certificate(&self, sha256: &str) -> impl Future<Output = Result<Account, SignInRefused>> + Send;

    /// The account of this staff id, for a peer whose address is on the list of trusted relays.
    fn relay(&self, staff: &str) -> impl Future<Output = Result<Account, SignInRefused>> + Send;

    /// The account as it is now: who was let in may have been suspended since, or have lost an address.
    fn still(&self, account: &Account) -> impl Future<Output = Result<Account, SignInRefused>> + Send;

    /// `RCPT TO`, answered from the allow-list at once.
    fn recipient(&self, account: &Account, to: &Mailbox) -> impl Future<Output = RecipientAnswer> + Send;

    /// Is there room for one more message?
    fn open_body(&self) -> impl Future<Output = Result<Self::Body, Busy>> + Send;

    /// The end of the message: every recipient is decided, and all is durable, before this returns.
    fn accept(
        &self,
        envelope: Envelope,
        declaration: Declaration,
        body: Self::Body,
    ) -> impl Future<Output = Answer> + Send;
}

/// Takes one message in, piece by piece and in order: first the rewritten head, then the body.
pub trait Incoming: Send + 'static {
    /// Takes the next bytes. Slow is fine: the sender waits meanwhile.
    fn push(&mut self, bytes: &[u8]) -> impl Future<Output = Result<(), Busy>> + Send;
}

/// Who is sending, as proven at the door.
#[derive(Clone)]
pub struct Account {
    /// Staff id.
    pub staff: String,
    /// Addresses they may send from; the first stands in where an HTTPS request names none.
    pub reverse_paths: Vec<Mailbox>,
}

impl Account {
    /// May this account send from `address`? Compared without regard to case.
    #[must_use]
    pub fn may_send_as(&self, address: &Mailbox) -> bool {
        let key = address.key();
        self.reverse_paths.iter().any(|own| own.key() == key)
    }
}

/// Why nobody was signed in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SignInRefused {
    /// Unknown, wrong, suspended or not allowed here: all alike to the stranger.
    Wrong,
    /// Too many tries, or the register cannot be read now.
    Later,
}

/// The answer to one recipient.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RecipientAnswer {
    /// It belongs to somebody on the list. The decision is still to come.
    Listed,
    /// Nothing may go there; `sentence` says why, holds nothing about a person and ends in no full stop.
    Refused {
        /// At most 60 characters: `address is not on the safe list`.
        sentence: String,
    },
    /// The list cannot be read now.
    Later,
}

/// Why the desk does not take a message, or the next piece of one, now.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
pub enum Busy {
    /// Disk or memory is short, or the queue is long.
    #[error("no room now; try again later")]
    Full,
    /// The gateway is shutting down.
    #[error("shutting down; try again later")]
    Closing,
    /// Our own fault: a write or the store failed. Nothing of the message is kept.
    #[error("a fault of ours; try again later")]
    Fault,
}

/// The envelope of one message (RFC 5321 §2.3.1): who sends, to whom, and how to report.
pub struct Envelope {
    /// Who is sending.
    pub account: Account,
    /// One of the account's addresses; reports go there. `None` only where a door takes the null reverse-path.
    pub reverse_path: Option<Mailbox>,
    /// At least one; each address once.
    pub recipients: Vec<EnvelopeRecipient>,
    /// How much a report should return (RFC 3461 §4.3). Asked for, not obeyed: reports return headers only.
    pub ret: Option<Ret>,
    /// The sender's own id for the message (RFC 3461 §4.4), decoded, at most 100 characters.
    pub envid: Option<String>,
    /// What the next server must be able to carry.
    pub content: Content,
    /// Which door it came in by.
    pub door: Door,
    /// Decide only?
    pub dry_run: DryRun,
    /// The same key within a week is the same message (HTTPS only); 1 to 255 visible ASCII characters.
    pub idempotency_key: Option<String>,
    /// SHA-256 of the request as it came, 64 lower-case hex digits, set with the key: tells a repeat from another message.
    /// (The message itself does not: its date, id and boundaries are drawn afresh each time.)
    pub request_sha256: Option<String>,
}

/// One recipient of the envelope.
#[derive(Clone)]
pub struct EnvelopeRecipient {
    /// The address that is decided on, and delivered to.
    pub to: Mailbox,
    /// When to report (RFC 3461 §4.1).
    pub notify: Notify,
    /// The address as the sender first wrote it, `type;address` (RFC 3461 §4.2), decoded, at most 500 characters.
    pub orcpt: Option<String>,
}

/// When the sender wants a report on a recipient (RFC 3461 §4.1).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Notify {
    /// Not said: on failure, and on delay.
    #[default]
    Unsaid,
    /// Never.
    Never,
    /// On each that is set.
    On {
        /// It was delivered.
        success: bool,
        /// It could not be.
        failure: bool,
        /// It waits.
        delay: bool,
    },
}

/// How much of a message a report should return (RFC 3461 §4.3).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Ret {
    /// All of it.
    Full,
    /// Its head.
    Headers,
}

/// What the bytes of a message ask of the server that carries them, as seen, not as announced.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Content {
    /// ASCII throughout.
    #[default]
    SevenBit,
    /// 8-bit bytes in the body (RFC 6152).
    EightBit,
    /// UTF-8 in the head (RFC 6531).
    Utf8,
}

/// In which characters something is written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Script {
    /// ASCII alone.
    #[default]
    Ascii,
    /// UTF-8.
    Utf8,
}

/// The door a message came in by.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Door {
    /// SMTP submission (RFC 6409).
    Submission,
    /// `POST /v1/letters`.
    Https,
}

/// Is the message to be decided only?
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DryRun {
    /// No: it is kept and goes its way.
    No,
    /// Yes: it is decided, and nothing of it is kept.
    Yes,
}

/// What became of one message at the door.
#[derive(Serialize, Deserialize)]
pub enum Answer {
    /// At least one letter is released or held, and all is durable.
    Accepted {
        /// What the sender quotes: the first letter's.
        reference: LetterId,
        /// One for each recipient, in the envelope's order.
        letters: Vec<Judged>,
    },
    /// Every letter is refused.
    Refused {
        /// What the sender quotes: the first letter's.
        reference: LetterId,
        /// Why, in one plain sentence with nothing about a person and no full stop. As long as the
        /// policy has it: a door whose protocol has less room shortens it.
        sentence: String,
        /// One for each recipient, in the envelope's order.
        letters: Vec<Judged>,
    },
    /// Nothing is decided and nothing kept.
    Deferred(Busy),
    /// The idempotency key was used for another message within the week.
    Conflict,
}

/// What was decided for one recipient.
#[derive(Serialize, Deserialize)]
pub struct Judged {
    /// The letter's reference.
    pub id: LetterId,
    /// Its recipient.
    pub to: Mailbox,
    /// What was decided.
    pub verdict: Verdict,
    /// Every reason that applies.
    pub reasons: Vec<Reason>,
}

/// What a door says of the house: its name, and whom to call.
#[derive(Clone, Debug)]
pub struct Nameplate {
    /// Host name, as in the certificate.
    pub host: String,
    /// Telephone number that a sender can call; ASCII.
    pub phone: String,
}

/// How a client certificate is named: SHA-256 of its DER, in lower-case hex.
fn certificate_sha256(leaf: &CertificateDer<'_>) -> String {
    hex::encode(Sha256::digest(leaf))
}
