//! From cleared to sealed: the only way a stored letter becomes bytes that may leave.
#![allow(clippy::todo, missing_docs, reason = "skeleton")]
use std::io::{Read, Write};
use std::marker::PhantomData;

use policy::{Cleared, LetterId, Mailbox};

use crate::level::{AtLeast, Level, Proven, Verified};
use crate::peer::VerifiedPeer;
use crate::ring::KeyRing;
use crate::stored::StoredBody;

/// A letter that may leave over a session of level `L` or better. No Clone, no Serialize; released once.
#[must_use = "a sealed letter is sent or dropped"]
pub struct Sealed<L: Level> {
    _level: PhantomData<L>,
}

#[derive(Debug, thiserror::Error)]
pub enum SealError {
    #[error("the clearance does not allow this channel")]
    ChannelNotCleared,
}
#[derive(Debug, thiserror::Error)]
pub enum ReleaseError {
    #[error("reading or writing failed")]
    Io(#[from] std::io::Error),
}

/// `age-email`: the whole letter under its true subject line, to every key of the ring.
pub fn to_keys(_cleared: Cleared<StoredBody>, _ring: KeyRing) -> Result<Sealed<Verified>, SealError> {
    todo!()
}
/// `tls-email`: the letter as written, under a neutral subject line.
pub fn for_proven(_cleared: Cleared<StoredBody>) -> Result<Sealed<Proven>, SealError> {
    todo!()
}

impl<L: Level> Sealed<L> {
    #[must_use]
    pub fn letter(&self) -> &LetterId {
        todo!()
    }
    #[must_use]
    pub fn to(&self) -> &Mailbox {
        todo!()
    }
    /// Random name of the blob that [`Sealed::release`] wants to read.
    #[must_use]
    pub fn blob(&self) -> &str {
        todo!()
    }
    /// Writes the whole message as it goes on the wire (cover and armoured age file, or the letter itself), CRLF lines,
    /// not dot-stuffed, to `out`; streaming, at most a few chunks in memory. Octets and SHA-256 of what was written.
    pub fn release<P: AtLeast<L>>(
        self,
        _peer: &VerifiedPeer<P>,
        _stored: impl Read,
        _out: impl Write,
    ) -> Result<(u64, [u8; 32]), ReleaseError> {
        todo!()
    }
}
