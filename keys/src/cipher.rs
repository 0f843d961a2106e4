//! The only file that calls the age crate (C2SP age): recipients and sealing to them, secret keys and opening with them.
//!
//! Not here: whose keys those are. An agency's secret keys are the agency's: nothing on the road to it opens.

use std::io::{self, BufRead, BufReader, Read, Write};

use age::secrecy::ExposeSecret;
use zeroize::Zeroizing;

use crate::open::OpenError;

/// No head is longer: it has room for more than a hundred recipients, and the crate reads a head once for each line.
const HEAD_BYTES_MAX: u64 = 16 * 1024;
/// What the last line of a head begins with.
const HEAD_END: &[u8] = b"\n---";

/// Somebody's X25519 public key, `age1…`.
pub(crate) struct Recipient(age::x25519::Recipient);

/// An X25519 secret key, `AGE-SECRET-KEY-1…`; wiped on drop.
pub(crate) struct Identity(age::x25519::Identity);

impl Recipient {
    /// The caller has made sure that the key is no low-order point, on which the crate would panic (see `ring.rs`).
    pub fn parse(text: &str) -> Option<Self> {
        text.parse().ok().map(Self)
    }
}

impl Identity {
    pub fn parse(text: &str) -> Option<Self> {
        text.parse().ok().map(Self)
    }

    pub fn fresh() -> Self {
        Self(age::x25519::Identity::generate())
    }

    pub fn recipient(&self) -> String {
        self.0.to_public().to_string()
    }

    pub fn secret(&self) -> Zeroizing<String> {
        Zeroizing::new(self.0.to_string().expose_secret().to_owned())
    }
}

/// Seals what `write` writes to every one of `recipients`, in the binary format. A file is whole or it is an error:
/// there is no writer to forget the end of.
pub(crate) fn seal_to<W: Write, E: From<io::Error>>(
    recipients: &[Recipient],
    out: W,
    write: impl FnOnce(&mut dyn Write) -> Result<(), E>,
) -> Result<W, E> {
    let all = recipients.iter().map(|recipient| &recipient.0 as &dyn age::Recipient);
    // Fails for an empty or a mixed list alone; a ring has at least one key, all of one kind.
    let encryptor = age::Encryptor::with_recipients(all).map_err(|e| io::Error::other(e.to_string()))?;
    let mut sealing = encryptor.wrap_output(out)?;
    write(&mut sealing)?;
    Ok(sealing.finish()?)
}

/// Reads a head, binary or armoured, and gives what is sealed beneath it.
pub(crate) fn open_with<'k>(
    identities: impl Iterator<Item = &'k Identity>,
    sealed: impl Read,
) -> Result<impl Read, OpenError> {
    let sealed = with_bounded_head(BufReader::new(age::armor::ArmoredReader::new(sealed)))?;
    let decryptor = age::Decryptor::new_buffered(sealed).map_err(refusal)?;
    if decryptor.is_scrypt() {
        return Err(OpenError::Passphrase);
    }
    decryptor.decrypt(identities.map(|identity| &identity.0 as &dyn age::Identity)).map_err(refusal)
}

fn with_bounded_head(mut sealed: impl BufRead) -> Result<impl BufRead, OpenError> {
    let mut start = Vec::new();
    sealed.by_ref().take(HEAD_BYTES_MAX).read_to_end(&mut start).map_err(OpenError::reading)?;
    if start.len() as u64 == HEAD_BYTES_MAX && !start.windows(HEAD_END.len()).any(|window| window == HEAD_END) {
        return Err(OpenError::NotSealed);
    }
    Ok(io::Cursor::new(start).chain(sealed))
}

fn refusal(error: age::DecryptError) -> OpenError {
    match error {
        age::DecryptError::NoMatchingKeys => OpenError::NoMatch,
        age::DecryptError::InvalidHeader | age::DecryptError::UnknownFormat => OpenError::NotSealed,
        age::DecryptError::Io(error) => OpenError::reading(error),
        _ => OpenError::Damaged,
    }
}
