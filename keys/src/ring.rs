//! An agency's sealing keys that are verified and in date.
//!
//! Not here: secret keys. We never hold an agency's, and say so to whoever pastes one.

use aws_lc_rs::agreement::{EphemeralPrivateKey, UnparsedPublicKey, X25519, agree_ephemeral};
use aws_lc_rs::rand::SystemRandom;
use bech32::Bech32;
use bech32::primitives::decode::CheckedHrpstring;
use policy::{Agency, Mailbox, Timestamp};

use crate::cipher::Recipient;

/// Each key makes the sealed file's head longer; nobody reads one letter with more keys than this.
const KEYS_MAX: usize = 20;

/// One agency's keys, at least one, each usable; never a plugin's. Only letters to that agency are sealed to them.
pub struct KeyRing {
    keys: Vec<Recipient>,
    agency: Box<Agency>,
}

/// Why a letter cannot be sealed to an agency.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum KeyRingError {
    /// The record lists none.
    #[error("the agency's record lists no sealing key; ask them for their `age1…` key")]
    None,
    /// None is verified.
    #[error("no sealing key on the agency's record is verified; two people have to check that one is theirs")]
    NoneVerified,
    /// Those that are verified are too early or too late.
    #[error("no verified sealing key on the agency's record is in date; ask them for a new one")]
    NoneInDate,
    /// More than anybody needs.
    #[error("the agency's record has more than {KEYS_MAX} sealing keys in use; end those that are no longer theirs")]
    TooMany,
    /// A verified key in date that cannot be sealed to. The letter waits: it is to open with every such key.
    #[error("sealing key number {at} of the agency's record: {why}")]
    Unusable {
        /// Counted from 1.
        at: usize,
        /// What it is.
        why: RecipientError,
    },
}

/// What a text is, where an X25519 recipient `age1…` should be. Never shows the text: it may be a secret.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RecipientError {
    /// A private key.
    #[error("this is a secret key, which must never leave its owner; have them make a new one and send its public key")]
    SecretKey,
    /// `age1pq1…`.
    #[error("this is a post-quantum key (`age1pq1…`), which this release does not take; use an X25519 key `age1…`")]
    PostQuantum,
    /// `age1tag1…` or `age1tagpq1…`.
    #[error("this is a hardware key (`age1tag…`), which this release does not take; use an X25519 key `age1…`")]
    Tag,
    /// `age1name1…`.
    #[error("this key belongs to an age plugin, and no plugin is ever run; use an X25519 key `age1…`")]
    Plugin,
    /// An SSH public key.
    #[error("this is an SSH key; use an X25519 key `age1…`, made by `age-keygen`")]
    Ssh,
    /// Mistyped or cut.
    #[error("the key's checksum does not match: a character is wrong or missing; copy all 62 characters again")]
    Checksum,
    /// The checksum matches, but anyone could open what is sealed to it.
    #[error("the key is a degenerate one that protects nothing; have its owner make a new one")]
    Degenerate,
    /// Nothing that we know.
    #[error("this is no age public key; it starts with `age1` and has 62 characters, all lower-case")]
    NotAKey,
}

impl KeyRing {
    /// Every key of the agency that is verified and in date at `now`.
    ///
    /// # Errors
    /// When there is none, or one of them cannot be sealed to.
    pub fn of(agency: &Agency, now: Timestamp) -> Result<Self, KeyRingError> {
        if agency.keys.is_empty() {
            return Err(KeyRingError::None);
        }
        if !agency.keys.iter().any(|key| key.verified) {
            return Err(KeyRingError::NoneVerified);
        }
        let good = agency.keys.iter().enumerate().filter(|(_, key)| key.is_good_at(now));
        let keys: Vec<Recipient> = good
            .map(|(at, key)| recipient(&key.recipient).map_err(|why| KeyRingError::Unusable { at: at + 1, why }))
            .collect::<Result<_, _>>()?;
        match keys.len() {
            0 => Err(KeyRingError::NoneInDate),
            1..=KEYS_MAX => Ok(Self { keys, agency: Box::new(agency.clone()) }),
            _ => Err(KeyRingError::TooMany),
        }
    }

    /// Whether these are the keys of the agency that this recipient is at.
    pub(crate) fn is_for(&self, to: &Mailbox) -> bool {
        self.agency.is_at(to)
    }

    pub(crate) fn recipients(&self) -> &[Recipient] {
        &self.keys
    }
}

impl std::fmt::Debug for KeyRing {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "KeyRing({})", self.keys.len())
    }
}

/// Checks a recipient string as an admin types it: an X25519 `age1…`; names what else it is (secret key, plugin, ssh,
/// post-quantum) and the remedy.
///
/// # Errors
/// When it is anything else, spaces around it included.
pub fn check_recipient(text: &str) -> Result<(), RecipientError> {
    recipient(text).map(|_| ())
}

fn recipient(text: &str) -> Result<Recipient, RecipientError> {
    recognise(text)?;
    let checked = CheckedHrpstring::new::<Bech32>(text).map_err(|_| RecipientError::Checksum)?;
    let point: Vec<u8> = checked.byte_iter().collect();
    if !is_contributory(&point) {
        return Err(RecipientError::Degenerate);
    }
    Recipient::parse(text).ok_or(RecipientError::NotAKey)
}

/// Passes what begins as an X25519 recipient does, and names everything else.
fn recognise(text: &str) -> Result<(), RecipientError> {
    let start: String = text.trim_start().chars().take(32).collect::<String>().to_ascii_lowercase();
    if ["age-secret-key-", "age-plugin-", "-----begin"].iter().any(|word| start.starts_with(word)) {
        return Err(RecipientError::SecretKey);
    }
    if ["ssh-", "ecdsa-sha2-", "sk-ssh-", "sk-ecdsa-"].iter().any(|word| start.starts_with(word)) {
        return Err(RecipientError::Ssh);
    }
    if start.starts_with("age1pq1") {
        return Err(RecipientError::PostQuantum);
    }
    if start.starts_with("age1tag1") || start.starts_with("age1tagpq1") {
        return Err(RecipientError::Tag);
    }
    let data = text.strip_prefix("age1").ok_or(RecipientError::NotAKey)?;
    if !data.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-') {
        return Err(RecipientError::NotAKey);
    }
    // The data part of Bech32 has no `1` (BIP 173), so a second one ends the name of a plugin.
    if data.contains('1') { Err(RecipientError::Plugin) } else { Ok(()) }
}

/// A low-order point gives every partner the same, all-zero share (RFC 7748 §6.1); the age crate panics on it.
fn is_contributory(point: &[u8]) -> bool {
    let Ok(ours) = EphemeralPrivateKey::generate(&X25519, &SystemRandom::new()) else { return false };
    agree_ephemeral(ours, UnparsedPublicKey::new(&X25519, point), (), |_| Ok(())).is_ok()
}
