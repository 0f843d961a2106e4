//! The only file that calls the age crate (C2SP age): parsing recipients, and sealing to them.
//!
//! Nothing here opens: an agency's secret keys are the agency's.

use std::io::{self, Write};

/// Somebody's X25519 public key, `age1…`.
pub(crate) struct Recipient(age::x25519::Recipient);

impl Recipient {
    /// The caller has made sure that the key is no low-order point, on which the crate would panic (see `ring.rs`).
    pub fn parse(text: &str) -> Option<Self> {
        text.parse().ok().map(Self)
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
