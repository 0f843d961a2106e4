//! The storage key: the one secret at rest, from which everything kept on a disk is sealed or named.
#![allow(clippy::todo, missing_docs, reason = "skeleton")]

use std::path::Path;

use policy::LetterId;
use secrecy::zeroize::Zeroizing;

/// The gateway's root secret, 256 bits. Never printed, never cloned; wiped on drop.
pub struct StorageKey;

/// A keyed name for a value: same value, same pseudonym; says nothing without the key. 16 bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Pseudonym(pub [u8; 16]);

/// One fresh key for each letter; destroying its wrapped form erases the letter everywhere.
pub struct LetterKey;

/// Sealed bytes do not open: wrong key, wrong place, or changed.
#[derive(Debug, thiserror::Error)]
#[error("sealed bytes do not open: the key is another, or they were changed or moved")]
pub struct Damaged;

/// The key file cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum KeyFileError {/* names path, what is wrong, remedy */}

impl StorageKey {
    /// Opens the key file, or makes it (mode 0600, `O_EXCL`, file and folder synced) at first start. `(key, made_now)`.
    pub fn open_or_make(_path: &Path) -> Result<(Self, bool), KeyFileError> {
        todo!()
    }
    /// Opens a key file that must exist (a systemd credential).
    pub fn open(_path: &Path) -> Result<Self, KeyFileError> {
        todo!()
    }
    /// Wraps a letter's key; bound to the letter's id.
    #[must_use]
    pub fn wrap(&self, _letter: &LetterId, _key: &LetterKey) -> Vec<u8> {
        todo!()
    }
    pub fn unwrap(&self, _letter: &LetterId, _wrapped: &[u8]) -> Result<LetterKey, Damaged> {
        todo!()
    }
    /// Seals a register row; bound to its table and row name.
    #[must_use]
    pub fn seal_record(&self, _table: &str, _row: &[u8], _plain: &[u8]) -> Vec<u8> {
        todo!()
    }
    pub fn open_record(&self, _table: &str, _row: &[u8], _sealed: &[u8]) -> Result<Zeroizing<Vec<u8>>, Damaged> {
        todo!()
    }
    /// A keyed name for `value` within `list` ("subject", "agency", "mailbox", …); different lists never share names.
    #[must_use]
    pub fn pseudonym(&self, _list: &str, _value: &str) -> Pseudonym {
        todo!()
    }
    /// HMAC-SHA-256 under the ledger's own derived key.
    #[must_use]
    pub fn ledger_mac(&self, _bytes: &[u8]) -> [u8; 32] {
        todo!()
    }
}

impl LetterKey {
    #[must_use]
    pub fn fresh() -> Self {
        todo!()
    }
    /// Seals a part of the letter's record, bound to `part` ("record", "notice").
    #[must_use]
    pub fn seal(&self, _part: &str, _plain: &[u8]) -> Vec<u8> {
        todo!()
    }
    pub fn open(&self, _part: &str, _sealed: &[u8]) -> Result<Zeroizing<Vec<u8>>, Damaged> {
        todo!()
    }
}
