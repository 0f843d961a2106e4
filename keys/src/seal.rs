//! From cleared to sealed: the only way a stored letter becomes bytes that may leave.
//!
//! Not here: the session that carries them (`gateway/outbound`), the decision that cleared them (`policy`).

use std::io::{self, BufWriter, Read, Write};
use std::marker::PhantomData;

use aws_lc_rs::digest;
use policy::{Channel, Cleared, LetterId, Mailbox};
use zeroize::Zeroizing;

use crate::cipher;
pub use crate::cover::Cover;
use crate::header::unstructured;
use crate::level::{AtLeast, Level, Proven, Verified};
use crate::peer::VerifiedPeer;
use crate::primitives::Damaged;
use crate::ring::KeyRing;
use crate::stored::{BodyReader, StoredBody};

/// Bytes in memory at a time, besides one chunk of each cipher.
const COPY_BYTES: usize = 16 * 1024;

/// A letter that may leave over a session of level `L` or better. No Clone, no Serialize; released once.
#[must_use = "a sealed letter is sent or dropped"]
pub struct Sealed<L: Level> {
    message: Message,
    _level: PhantomData<L>,
}

/// Why a cleared letter was not sealed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SealError {
    /// The decision gave other channels.
    #[error("the clearance does not allow this channel")]
    ChannelNotCleared,
    /// The ring is of an agency that the letter's recipient is not at.
    #[error("the keys are another agency's than the recipient's")]
    AnothersKeys,
    /// Empty, or longer than its bound.
    #[error(
        "the provider's name (at most 100 characters), telephone or date cannot stand on a cover; mend the settings"
    )]
    Cover,
}

/// Why a letter was not released whole. What was written so far must not be ended as a message.
#[derive(Debug, thiserror::Error)]
pub enum ReleaseError {
    /// The host is proven to be another agency's.
    #[error("the peer is proven, but not for this letter's recipient")]
    AnothersPeer,
    /// The stored body is not the one that was stored.
    #[error("the stored body is damaged, cut short or another letter's")]
    Damaged,
    /// The stored body cannot be read.
    #[error("reading the stored body failed")]
    Stored(#[source] io::Error),
    /// The peer went away.
    #[error("writing to the peer failed")]
    Io(#[from] io::Error),
}

/// `age-email`: the whole letter under its true subject line, to every key of the ring. The peer need not be proven to
/// be the recipient's for it, so the keys have to be.
///
/// # Errors
/// When the ring is another agency's, the clearance lacks the channel, or the cover cannot be written. The clearance is
/// gone in each case.
pub fn to_keys(cleared: Cleared<StoredBody>, ring: KeyRing, cover: Cover) -> Result<Sealed<Verified>, SealError> {
    if !ring.is_for(&cleared.letter().to) {
        return Err(SealError::AnothersKeys);
    }
    seal(cleared, Channel::AgeEmail, Form::Age(ring), cover)
}

/// `tls-email`: the letter as written, under a neutral subject line.
///
/// # Errors
/// When the clearance lacks the channel, or the cover cannot be written. The clearance is gone either way.
pub fn for_proven(cleared: Cleared<StoredBody>, cover: Cover) -> Result<Sealed<Proven>, SealError> {
    seal(cleared, Channel::TlsEmail, Form::AsWritten, cover)
}

impl<L: Level> Sealed<L> {
    /// Its reference.
    #[must_use]
    pub const fn letter(&self) -> &LetterId {
        &self.message.letter
    }

    /// The one recipient.
    #[must_use]
    pub const fn to(&self) -> &Mailbox {
        &self.message.to
    }

    /// Random name of the blob that [`Sealed::release`] wants to read.
    #[must_use]
    pub fn blob(&self) -> &str {
        &self.message.body.blob
    }

    /// Writes the whole message as it goes on the wire (cover and age file, or the letter itself), CRLF lines, not
    /// dot-stuffed, to `out`; streaming, at most a few chunks in memory. Octets and SHA-256 of what was written.
    ///
    /// # Errors
    /// When a proven peer is not proven for this recipient (nothing was written then), the stored body is not whole,
    /// or reading or writing fails.
    pub fn release<P: AtLeast<L>>(
        self,
        peer: &VerifiedPeer<P>,
        stored: impl Read,
        out: impl Write,
    ) -> Result<(u64, [u8; 32]), ReleaseError> {
        if L::BINDS_RECIPIENT && !peer.is_proven_for(&self.message.to) {
            return Err(ReleaseError::AnothersPeer);
        }
        self.message.write(stored, out)
    }
}

impl<L: Level> std::fmt::Debug for Sealed<L> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("Sealed").field(&self.message.letter.as_str()).finish()
    }
}

/// What will be written: nothing that a level has a say in.
pub(crate) struct Message {
    pub letter: LetterId,
    pub to: Mailbox,
    pub body: StoredBody,
    pub cover: Cover,
    pub form: Form,
}

/// The two shapes of a message on the wire.
pub(crate) enum Form {
    Age(KeyRing),
    AsWritten,
}

fn seal<L: Level>(
    cleared: Cleared<StoredBody>,
    channel: Channel,
    form: Form,
    cover: Cover,
) -> Result<Sealed<L>, SealError> {
    if !cleared.channels().contains(&channel) {
        return Err(SealError::ChannelNotCleared);
    }
    if !cover.is_sound() {
        return Err(SealError::Cover);
    }
    let letter = cleared.into_letter();
    let message = Message { letter: letter.id, to: letter.to, body: letter.body, cover, form };
    Ok(Sealed { message, _level: PhantomData })
}

impl Message {
    pub fn write(&self, stored: impl Read, out: impl Write) -> Result<(u64, [u8; 32]), ReleaseError> {
        let counted = Counted { out, octets: 0, sha256: digest::Context::new(&digest::SHA256) };
        let mut out = BufWriter::with_capacity(COPY_BYTES, counted);
        let body = BodyReader::new(stored, &self.body.key);
        match &self.form {
            Form::AsWritten => self.write_letter(&self.cover.neutral_subject(&self.letter), body, &mut out)?,
            Form::Age(ring) => {
                self.cover.write_around(&self.letter, &self.to, &mut out, |attachment| {
                    let subject = unstructured(&self.body.subject_line);
                    cipher::seal_to(ring.recipients(), attachment, |age| self.write_letter(&subject, body, age))?;
                    Ok::<(), ReleaseError>(())
                })?;
            }
        }
        let counted = out.into_inner().map_err(|error| ReleaseError::Io(error.into_error()))?;
        counted.finish()
    }

    /// The stored message under the fields that intake took away.
    fn write_letter<R: Read>(
        &self,
        subject: &str,
        mut body: BodyReader<R>,
        out: &mut dyn Write,
    ) -> Result<(), ReleaseError> {
        write!(out, "To: <{}>\r\nSubject: {subject}\r\n", self.to)?;
        let mut buffer = Zeroizing::new([0; COPY_BYTES]);
        let mut octets = 0;
        loop {
            let read = body.read(buffer.as_mut()).map_err(ReleaseError::reading)?;
            if read == 0 {
                break;
            }
            out.write_all(buffer.get(..read).unwrap_or_default())?;
            octets += read as u64;
        }
        if octets == self.body.bytes { Ok(()) } else { Err(ReleaseError::Damaged) }
    }
}

impl ReleaseError {
    fn reading(error: io::Error) -> Self {
        let damaged = error.get_ref().is_some_and(|inner| inner.is::<Damaged>());
        if damaged { Self::Damaged } else { Self::Stored(error) }
    }
}

/// Counts and hashes what goes by, for the evidence of the delivery.
struct Counted<W: Write> {
    out: W,
    octets: u64,
    sha256: digest::Context,
}

impl<W: Write> Counted<W> {
    fn finish(mut self) -> Result<(u64, [u8; 32]), ReleaseError> {
        self.out.flush()?;
        let mut sha256 = [0; 32];
        sha256.copy_from_slice(self.sha256.finish().as_ref());
        Ok((self.octets, sha256))
    }
}

impl<W: Write> Write for Counted<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let written = self.out.write(bytes)?;
        self.sha256.update(bytes.get(..written).unwrap_or(bytes));
        self.octets += written as u64;
        Ok(written)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.out.flush()
    }
}
