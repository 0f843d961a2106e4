//! The agency's side: a sealed file opened with the agency's own secret key.
//!
//! Nothing on a letter's road calls this; it serves `sealgate open`, and worlds that play an agency's part. Not here:
//! keys that are locked by a passphrase, and plugins, which are never run.

use std::io::{self, Read, Write};

use zeroize::Zeroizing;

use crate::cipher::{Identity, open_with};

/// Bytes in memory at a time, besides one chunk of the cipher.
const COPY_BYTES: usize = 64 * 1024;
/// Each key is tried on each file; nobody has more.
const KEYS_MAX: usize = 100;

/// An X25519 secret key, `AGE-SECRET-KEY-1…` (C2SP age). Wiped on drop, never printed.
pub struct OpeningKey(Identity);

/// Why a text is no list of secret keys. Never shows the text.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum OpeningKeyError {
    /// Comments and blank lines at most.
    #[error("there is no secret key in it; give the file that `age-keygen` made")]
    None,
    /// More than anybody has.
    #[error("it holds more than {KEYS_MAX} secret keys; keep those that are still in use")]
    TooMany,
    /// The key itself is sealed.
    #[error("the key file is locked by a passphrase; unlock it first: `age -d KEYS.age > keys.txt`")]
    Locked,
    /// `age1…`.
    #[error("line {line} is a public key, which seals and never opens; give the secret key, `AGE-SECRET-KEY-1…`")]
    Public {
        /// Counted from 1.
        line: usize,
    },
    /// A plugin's, or post-quantum.
    #[error(
        "line {line} is a plugin's or a post-quantum key, which this release does not take; use one of `age-keygen`"
    )]
    OtherKind {
        /// Counted from 1.
        line: usize,
    },
    /// Mistyped, cut, or something else.
    #[error("line {line} is no secret key: it starts with `AGE-SECRET-KEY-1` and has 74 characters; copy it again")]
    NotAKey {
        /// Counted from 1.
        line: usize,
    },
}

/// Why a file was not opened whole. What was written so far must not be used.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// No age file.
    #[error("this is no file sealed with age; give the attachment itself, `SG-….age`")]
    NotSealed,
    /// Sealed to a passphrase.
    #[error("this file is sealed with a passphrase, not to a key; open it with `age -d`")]
    Passphrase,
    /// Somebody else's.
    #[error("none of these keys opens the file; it was sealed to another key")]
    NoMatch,
    /// Changed on its way, or its last part is missing.
    #[error("the file is damaged or cut short; save the attachment again, or ask the sender to send the letter again")]
    Damaged,
    /// It ends before its end.
    #[error("the file is cut short; save the attachment again, or ask the sender to send the letter again")]
    CutShort,
    /// The file cannot be read.
    #[error("reading the sealed file failed: {0}")]
    Read(#[source] io::Error),
    /// The opened letter cannot be written.
    #[error("writing the opened letter failed: {0}")]
    Write(#[source] io::Error),
}

impl OpeningKey {
    /// Takes a secret key, or a file of them as `age-keygen` writes it: one a line, between comments.
    ///
    /// # Errors
    /// When a line is anything else, which is named; or there are none, or too many.
    pub fn parse(text: &str) -> Result<Vec<Self>, OpeningKeyError> {
        let is_locked = ["age-encryption.org/", "-----BEGIN AGE"].iter().any(|start| text.starts_with(start));
        if is_locked {
            return Err(OpeningKeyError::Locked);
        }
        let lines = (1..).zip(text.lines().map(str::trim));
        let keys = lines.filter(|(_, text)| !text.is_empty() && !text.starts_with('#'));
        let keys: Vec<Self> =
            keys.take(KEYS_MAX + 1).map(|(line, text)| Self::of_line(line, text)).collect::<Result<_, _>>()?;
        match keys.len() {
            0 => Err(OpeningKeyError::None),
            1..=KEYS_MAX => Ok(keys),
            _ => Err(OpeningKeyError::TooMany),
        }
    }

    /// A new one.
    #[must_use]
    pub fn fresh() -> Self {
        Self(Identity::fresh())
    }

    /// The public key, `age1…`: what an agency's record lists.
    #[must_use]
    pub fn recipient(&self) -> String {
        self.0.recipient()
    }

    /// The secret key itself, `AGE-SECRET-KEY-1…`: for its owner alone.
    #[must_use]
    pub fn secret(&self) -> Zeroizing<String> {
        self.0.secret()
    }

    fn of_line(line: usize, text: &str) -> Result<Self, OpeningKeyError> {
        let start = text.to_ascii_lowercase();
        if start.starts_with("age1") {
            return Err(OpeningKeyError::Public { line });
        }
        if ["age-plugin-", "age-secret-key-pq-"].iter().any(|kind| start.starts_with(kind)) {
            return Err(OpeningKeyError::OtherKind { line });
        }
        Identity::parse(text).map(Self).ok_or(OpeningKeyError::NotAKey { line })
    }
}

impl std::fmt::Debug for OpeningKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("OpeningKey(…)")
    }
}

impl OpenError {
    /// What the reading of a sealed file ended with: the library tells its own findings by the kind of the error.
    pub(crate) fn reading(error: io::Error) -> Self {
        match error.kind() {
            io::ErrorKind::UnexpectedEof => Self::CutShort,
            io::ErrorKind::InvalidData => Self::Damaged,
            _ => Self::Read(error),
        }
    }
}

/// Opens a sealed file, binary or armoured, with whichever of `keys` fits; streaming, one chunk in memory. Octets
/// written. Each chunk is authentic when it is written, but only `Ok` says that the file was whole.
///
/// # Errors
/// When no key fits, the file is damaged or cut short, or reading or writing fails.
pub fn open(keys: &[OpeningKey], sealed: impl Read, mut out: impl Write) -> Result<u64, OpenError> {
    let mut opened = open_with(keys.iter().map(|key| &key.0), sealed)?;
    let mut buffer = Zeroizing::new(vec![0; COPY_BYTES]);
    let mut octets = 0;
    loop {
        let read = opened.read(&mut buffer).map_err(OpenError::reading)?;
        if read == 0 {
            out.flush().map_err(OpenError::Write)?;
            return Ok(octets);
        }
        out.write_all(buffer.get(..read).unwrap_or_default()).map_err(OpenError::Write)?;
        octets += read as u64;
    }
}
