//! Passwords of those who sign in: argon2id (RFC 9106), as PHC strings.
//!
//! Slow and hungry on purpose (19 MiB, tens of milliseconds): call on a blocking thread, and bound how many run at once.

use std::sync::{Mutex, PoisonError};

use argon2::password_hash::phc;
use argon2::{Algorithm, Argon2, Block, Params, PasswordHasher, Version};
use aws_lc_rs::constant_time;
use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

/// Shorter ones are guessed (NIST SP 800-63B §5.1.1.2 asks for 8 at least).
const CHARS_MIN: usize = 8;
/// Longer ones are an attack on our time.
const BYTES_MAX: usize = 1024;
/// No hash of ours needs more memory, passes or lanes; one that was imported could.
const MEMORY_KIB_MAX: u32 = 64 * 1024;
const PASSES_MAX: u32 = 10;
const LANES_MAX: u32 = 4;

/// Checks that callers let run at once, and so memories that are kept for checks to come.
pub const AT_ONCE_MAX: usize = 4;

/// A password's argon2id hash as a PHC string, with its salt and costs.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct PasswordHash(String);

/// Why a password or a hash was not taken. Shows neither.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PasswordError {
    /// Easily guessed.
    #[error("a password has at least {CHARS_MIN} characters; choose a longer one")]
    TooShort,
    /// Longer than anybody types.
    #[error("a password has at most {BYTES_MAX} octets; choose a shorter one")]
    TooLong,
    /// Another kind of hash, or costs beyond bounds.
    #[error(
        "this is no argon2id hash in PHC form (`$argon2id$…`) within 64 MiB, 10 passes and 4 lanes; set the password anew"
    )]
    NotAHash,
    /// No memory or no randomness.
    #[error("the password could not be hashed; try again")]
    Failed,
}

impl PasswordHash {
    /// Takes a PHC string.
    ///
    /// # Errors
    /// When it is no argon2id hash, or one that would cost us more than our own.
    pub fn parse(text: &str) -> Result<Self, PasswordError> {
        let hash = phc::PasswordHash::new(text).map_err(|_| PasswordError::NotAHash)?;
        let params = Params::try_from(&hash).map_err(|_| PasswordError::NotAHash)?;
        let bounded =
            params.m_cost() <= MEMORY_KIB_MAX && params.t_cost() <= PASSES_MAX && params.p_cost() <= LANES_MAX;
        let complete = hash.salt.is_some() && hash.hash.is_some() && hash.algorithm == Algorithm::Argon2id.ident();
        if bounded && complete { Ok(Self(text.to_owned())) } else { Err(PasswordError::NotAHash) }
    }

    /// Costs, salt and output; the text was parsed once, so they are there.
    fn parts(&self) -> Option<(Params, Vec<u8>, Option<Vec<u8>>)> {
        let hash = phc::PasswordHash::new(&self.0).ok()?;
        let params = Params::try_from(&hash).ok()?;
        let output = hash.hash.as_ref()?.as_bytes().to_vec();
        Some((params, hash.salt.as_ref()?.as_ref().to_vec(), Some(output)))
    }

    /// The PHC string, to be kept.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// Hashes a password under a fresh salt.
///
/// # Errors
/// When it is too short or too long, or the machine is out of memory.
pub fn hash(password: &str) -> Result<PasswordHash, PasswordError> {
    if password.chars().count() < CHARS_MIN {
        return Err(PasswordError::TooShort);
    }
    if password.len() > BYTES_MAX {
        return Err(PasswordError::TooLong);
    }
    let hash = Argon2::default().hash_password(password.as_bytes()).map_err(|_| PasswordError::Failed)?;
    Ok(PasswordHash(hash.to_string()))
}

/// Whether the password is the one that was hashed. An unknown user (`None`) costs as much as a known one, so that the
/// time of the answer does not say who exists.
#[must_use]
pub fn verify(password: &str, known: Option<&PasswordHash>) -> bool {
    if password.len() > BYTES_MAX {
        return false;
    }
    let nobody = (Params::default(), b"nobody's salt...".to_vec(), None);
    let (params, salt, expected) = known.and_then(PasswordHash::parts).unwrap_or(nobody);
    let mut output = Zeroizing::new([0; Params::DEFAULT_OUTPUT_LEN]);
    let argon2 = Argon2::new(Algorithm::Argon2id, Version::V0x13, params.clone());
    let mut memory = borrow(params.block_count());
    let done = argon2.hash_password_into_with_memory(password.as_bytes(), &salt, output.as_mut(), &mut memory);
    give_back(memory);
    let is_equal =
        expected.is_some_and(|expected| constant_time::verify_slices_are_equal(&expected, output.as_ref()).is_ok());
    done.is_ok() && is_equal
}

/// Memory of checks that are over, for the next ones: an allocator keeps what is freed on each of many threads, and ten
/// people signing in at once then hold half a gibibyte for good.
static MEMORY: Mutex<Vec<Vec<Block>>> = Mutex::new(Vec::new());

fn borrow(blocks: usize) -> Vec<Block> {
    let mut memory = MEMORY.lock().unwrap_or_else(PoisonError::into_inner).pop().unwrap_or_default();
    memory.resize(blocks, Block::default());
    memory
}

fn give_back(memory: Vec<Block>) {
    let mut kept = MEMORY.lock().unwrap_or_else(PoisonError::into_inner);
    if kept.len() < AT_ONCE_MAX {
        kept.push(memory);
    }
}

impl std::fmt::Debug for PasswordHash {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("PasswordHash(…)")
    }
}

impl TryFrom<String> for PasswordHash {
    type Error = PasswordError;
    fn try_from(text: String) -> Result<Self, PasswordError> {
        Self::parse(&text)
    }
}

impl From<PasswordHash> for String {
    fn from(hash: PasswordHash) -> Self {
        hash.0
    }
}
