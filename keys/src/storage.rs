//! The storage key: the one secret at rest, from which everything kept on a disk is sealed or named.
//!
//! Not here: letters' bodies (`stored.rs`); where sealed things are kept (`gateway/store`).

use std::fs::{File, OpenOptions};
use std::io::Write;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use policy::LetterId;
use zeroize::Zeroizing;

use crate::certificate::sha256_hex;
pub use crate::files::KeyFileError;
use crate::files::{Links, read};
pub use crate::primitives::Damaged;
use crate::primitives::{Secret, derive, framed, fresh_secret, mac, open, random, seal};

/// First word of the key file; names its version.
const FILE_WORD: &str = "sealgate-storage-key-1";
/// Hex digits of SHA-256 that tell a mistyped or cut key file from another one.
const CHECK_DIGITS: usize = 8;

/// The gateway's root secret, 256 bits. Never printed, never cloned; wiped on drop. Held as its sub-keys alone.
pub struct StorageKey {
    wrap: Secret,
    records: Secret,
    pseudonyms: Secret,
    ledger: Secret,
}

/// A keyed name for a value: same value, same pseudonym; says nothing without the key. 16 bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Pseudonym(pub [u8; 16]);

/// One fresh key for each letter; destroying its wrapped form erases the letter. A backup that still has the wrapped form
/// opens with the storage key until the backup itself goes.
pub struct LetterKey(Secret);

impl StorageKey {
    /// Opens the key file, or makes it (mode 0600, `O_EXCL`, file and folder synced) at first start. `(key, made_now)`.
    ///
    /// # Errors
    /// When it is there and cannot be used, or cannot be made. A key file that is there is never replaced.
    pub fn open_or_make(path: &Path) -> Result<(Self, bool), KeyFileError> {
        match Self::open(path) {
            Err(KeyFileError::Missing { .. }) => {}
            opened => return opened.map(|key| (key, false)),
        }
        let made_now = make(path).map_err(|source| KeyFileError::io(path, source))?;
        Ok((Self::open(path)?, made_now))
    }

    /// Opens a key file that must exist (a systemd credential).
    ///
    /// # Errors
    /// When it is missing, a link, somebody else's, open to others, or holds no storage key.
    pub fn open(path: &Path) -> Result<Self, KeyFileError> {
        let text = read(path, Links::Refused)?;
        let root = parse(&text).map_err(|what| KeyFileError::content(path, what))?;
        Ok(Self::of(&root))
    }

    fn of(root: &Secret) -> Self {
        let sub_key = |purpose: &str| derive(root, b"sealgate storage key", purpose.as_bytes());
        Self {
            wrap: sub_key("wrap 1"),
            records: sub_key("records 1"),
            pseudonyms: sub_key("pseudonyms 1"),
            ledger: sub_key("ledger 1"),
        }
    }

    /// Wraps a letter's key; bound to the letter's id.
    #[must_use]
    pub fn wrap(&self, letter: &LetterId, key: &LetterKey) -> Vec<u8> {
        seal(&self.wrap, &[letter.as_str().as_bytes()], key.0.as_slice())
    }

    /// Unwraps a letter's key.
    ///
    /// # Errors
    /// When it was wrapped for another letter, by another gateway, or changed.
    pub fn unwrap(&self, letter: &LetterId, wrapped: &[u8]) -> Result<LetterKey, Damaged> {
        let opened = open(&self.wrap, &[letter.as_str().as_bytes()], wrapped)?;
        let mut key = Zeroizing::new([0; 32]);
        if opened.len() != key.len() {
            return Err(Damaged);
        }
        key.copy_from_slice(&opened);
        Ok(LetterKey(key))
    }

    /// Seals a register row; bound to its table and row name. Good for 2^32 rows over the life of the key.
    #[must_use]
    pub fn seal_record(&self, table: &str, row: &[u8], plain: &[u8]) -> Vec<u8> {
        seal(&self.records, &[table.as_bytes(), row], plain)
    }

    /// Opens a register row.
    ///
    /// # Errors
    /// When it was sealed for another place, by another gateway, or changed.
    pub fn open_record(&self, table: &str, row: &[u8], sealed: &[u8]) -> Result<Zeroizing<Vec<u8>>, Damaged> {
        open(&self.records, &[table.as_bytes(), row], sealed)
    }

    /// A keyed name for `value` within `list` ("subject", "agency", "mailbox", …); different lists never share names.
    #[must_use]
    pub fn pseudonym(&self, list: &str, value: &str) -> Pseudonym {
        let whole = mac(&self.pseudonyms, &framed(&[list.as_bytes(), value.as_bytes()]));
        let mut short = [0; 16];
        short.iter_mut().zip(whole).for_each(|(to, from)| *to = from);
        Pseudonym(short)
    }

    /// HMAC-SHA-256 under the ledger's own derived key.
    #[must_use]
    pub fn ledger_mac(&self, bytes: &[u8]) -> [u8; 32] {
        mac(&self.ledger, bytes)
    }
}

impl LetterKey {
    /// A new one.
    #[must_use]
    pub fn fresh() -> Self {
        Self(fresh_secret())
    }

    /// Seals a part of the letter's record, bound to `part` ("record", "notice").
    #[must_use]
    pub fn seal(&self, part: &str, plain: &[u8]) -> Vec<u8> {
        seal(&self.0, &[part.as_bytes()], plain)
    }

    /// Opens a part of the letter's record.
    ///
    /// # Errors
    /// When it is another part, another letter's, or changed.
    pub fn open(&self, part: &str, sealed: &[u8]) -> Result<Zeroizing<Vec<u8>>, Damaged> {
        open(&self.0, &[part.as_bytes()], sealed)
    }
}

impl std::fmt::Debug for StorageKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("StorageKey(…)")
    }
}

impl std::fmt::Debug for LetterKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("LetterKey(…)")
    }
}

/// One line: the word, the key in base 64, check digits.
fn render(root: &Secret) -> Zeroizing<String> {
    let encoded = Zeroizing::new(STANDARD.encode(root.as_slice()));
    Zeroizing::new(format!("{FILE_WORD} {} {}\n", encoded.as_str(), check_digits(root)))
}

fn parse(text: &[u8]) -> Result<Secret, &'static str> {
    const NOT_ONE: &str = "holds no Sealgate storage key; name the right file, or restore it from its copy";
    const DAMAGED: &str = "the storage key in it is damaged or cut short; restore it from its copy";
    let text = std::str::from_utf8(text).map_err(|_| NOT_ONE)?;
    let line = text.strip_prefix(FILE_WORD).and_then(|rest| rest.strip_prefix(' ')).ok_or(NOT_ONE)?;
    let (encoded, digits) = line.trim_end().split_once(' ').ok_or(DAMAGED)?;
    let decoded = Zeroizing::new(STANDARD.decode(encoded).map_err(|_| DAMAGED)?);
    let mut root = Zeroizing::new([0; 32]);
    if decoded.len() != root.len() {
        return Err(DAMAGED);
    }
    root.copy_from_slice(&decoded);
    if check_digits(&root) == digits { Ok(root) } else { Err(DAMAGED) }
}

fn check_digits(root: &Secret) -> String {
    let mut digits = sha256_hex(&framed(&[FILE_WORD.as_bytes(), root.as_slice()]));
    digits.truncate(CHECK_DIGITS);
    digits
}

/// Makes a key file, whole or not at all; false when another process was first.
fn make(path: &Path) -> std::io::Result<bool> {
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let mut draft = path.as_os_str().to_owned();
    draft.push(format!(".{}.new", hex::encode(random::<8>())));
    let draft = PathBuf::from(draft);

    let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(&draft)?;
    file.write_all(render(&fresh_secret()).as_bytes())?;
    file.sync_all()?;
    // CRASH: key-drafted: a draft nobody reads is left behind; the next start makes another.
    let linked = std::fs::hard_link(&draft, path);
    // CRASH: key-linked: the key file stands, perhaps not on the disk yet; nothing was sealed under it.
    std::fs::remove_file(&draft)?;
    File::open(folder)?.sync_all()?;
    match linked {
        Ok(()) => Ok(true),
        Err(error) if error.kind() == std::io::ErrorKind::AlreadyExists => Ok(false),
        Err(error) => Err(error),
    }
}
