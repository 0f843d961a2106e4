//! A letter's body at rest: 64 KiB chunks under AES-256-GCM, each bound to its place, the last marked as last.
#![allow(clippy::todo, missing_docs, reason = "skeleton")]

use std::io::{Read, Write};

use serde::{Deserialize, Serialize};

use crate::storage::Damaged;

/// A body's own key. Serialised only into a record that is itself sealed (see `StorageKey`).
#[derive(Clone, Serialize, Deserialize)]
pub struct BodyKey;

impl BodyKey {
    #[must_use]
    pub fn fresh() -> Self {
        todo!()
    }
}

/// Which body: where its bytes are, how to open them, and the true subject line that goes with them.
#[derive(Clone, Serialize, Deserialize)]
pub struct StoredBody {
    /// Random name of the blob, 32 hex digits.
    pub blob: String,
    pub key: BodyKey,
    /// Octets of the letter as it will leave, before prepended header fields.
    pub bytes: u64,
    /// The true subject line, decoded, tags removed; leaves only inside age.
    pub subject_line: String,
}

/// Takes plain bytes in, gives sealed chunks out. Finishing is a move: an unfinished body cannot be named.
pub struct BodyWriter<W: Write> {
    _w: W,
}
impl<W: Write> BodyWriter<W> {
    pub fn new(_out: W, _key: &BodyKey) -> Self {
        todo!()
    }
    pub fn write_all(&mut self, _bytes: &[u8]) -> std::io::Result<()> {
        todo!()
    }
    /// Seals the last chunk. Gives back the output, octets written in clear, and their SHA-256.
    pub fn finish(self) -> std::io::Result<(W, u64, [u8; 32])> {
        todo!()
    }
}

/// Gives the plain bytes back, never a byte of a chunk that does not verify; a missing tail is an error.
pub struct BodyReader<R: Read> {
    _r: R,
}
impl<R: Read> BodyReader<R> {
    pub fn new(_sealed: R, _key: &BodyKey) -> Self {
        todo!()
    }
}
impl<R: Read> Read for BodyReader<R> {
    fn read(&mut self, _b: &mut [u8]) -> std::io::Result<usize> {
        let _ = Damaged;
        todo!()
    }
}
