//! A letter's body at rest: 64 KiB chunks under AES-256-GCM, each bound to its place, the last marked as last.
//!
//! The file: 8 bytes of name and version, 32 of salt, then the chunks, each with its 16-byte tag. The chunks' key is
//! HKDF(body key, salt), so that writing twice under one body key never repeats a nonce. A chunk's nonce is its number
//! (11 bytes) and 1 for the last chunk, 0 for the others: the STREAM construction, as in C2SP age. The last chunk is
//! empty only when the body is.

use std::io::{self, Read, Write};

use aws_lc_rs::aead::{Aad, LessSafeKey, NONCE_LEN, Nonce};
use aws_lc_rs::digest;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use zeroize::Zeroizing;

use crate::primitives::{Damaged, Secret, aes_256_gcm, derive, fresh_secret, random, sure};

const MAGIC: [u8; 8] = *b"SGBODY1\n";
const SALT_BYTES: usize = 32;
const CHUNK_BYTES: usize = 64 * 1024;
const TAG_BYTES: usize = 16;

/// A body's own key. Serialised only into a record that is itself sealed (see `StorageKey`).
#[derive(Clone)]
pub struct BodyKey(Secret);

/// Which body: where its bytes are, how to open them, and the true subject line that goes with them.
#[derive(Clone, Serialize, Deserialize)]
pub struct StoredBody {
    /// Random name of the blob, 32 hex digits.
    pub blob: String,
    /// Its key.
    pub key: BodyKey,
    /// Octets of the letter as it will leave, before prepended header fields.
    pub bytes: u64,
    /// The true subject line, decoded, tags removed; leaves only inside age.
    pub subject_line: String,
}

/// Takes plain bytes in, gives sealed chunks out. Finishing is a move: an unfinished body cannot be named.
#[must_use = "a body that is not finished does not open"]
pub struct BodyWriter<W: Write> {
    out: W,
    key: LessSafeKey,
    header: Option<[u8; MAGIC.len() + SALT_BYTES]>,
    chunk: Zeroizing<Vec<u8>>,
    number: u64,
    bytes: u64,
    sha256: digest::Context,
}

/// Gives the plain bytes back, never a byte of a chunk that does not verify; a missing tail is an error.
pub struct BodyReader<R: Read> {
    sealed: R,
    state: State,
    body_key: BodyKey,
    /// Room for one sealed chunk and one byte of the next, which tells whether this one is the last.
    buffer: Zeroizing<Vec<u8>>,
    number: u64,
}

enum State {
    Start,
    /// `ready` to `end` of the buffer are verified and not handed out yet; `ahead` is the next chunk's first byte.
    Open {
        key: LessSafeKey,
        ready: usize,
        end: usize,
        ahead: Option<u8>,
    },
    Failed,
}

impl BodyKey {
    /// A new one.
    #[must_use]
    pub fn fresh() -> Self {
        Self(fresh_secret())
    }

    pub(crate) fn chunks(&self, salt: &[u8]) -> LessSafeKey {
        aes_256_gcm(&derive(&self.0, salt, b"sealgate body 1"))
    }
}

impl<W: Write> BodyWriter<W> {
    /// Writes nothing yet.
    pub fn new(out: W, key: &BodyKey) -> Self {
        let salt: [u8; SALT_BYTES] = random();
        let mut header = [0; MAGIC.len() + SALT_BYTES];
        header.iter_mut().zip(MAGIC.into_iter().chain(salt)).for_each(|(to, from)| *to = from);
        Self {
            out,
            key: key.chunks(&salt),
            header: Some(header),
            chunk: Zeroizing::new(Vec::with_capacity(CHUNK_BYTES + TAG_BYTES)),
            number: 0,
            bytes: 0,
            sha256: digest::Context::new(&digest::SHA256),
        }
    }

    /// Takes these bytes. What is not a whole chunk yet waits, in memory, for more or for [`BodyWriter::finish`].
    ///
    /// # Errors
    /// When the output fails; the body is lost then.
    pub fn write_all(&mut self, mut bytes: &[u8]) -> io::Result<()> {
        self.sha256.update(bytes);
        self.bytes += bytes.len() as u64;
        while !bytes.is_empty() {
            // Only now is it certain that the full chunk is not the last.
            if self.chunk.len() == CHUNK_BYTES {
                self.seal_chunk(Place::Inner)?;
            }
            let room = CHUNK_BYTES - self.chunk.len();
            let (now, later) = bytes.split_at_checked(room).unwrap_or((bytes, &[]));
            self.chunk.extend_from_slice(now);
            bytes = later;
        }
        Ok(())
    }

    /// Seals the last chunk. Gives back the output, octets written in clear, and their SHA-256.
    ///
    /// # Errors
    /// When the output fails; the body is lost then.
    pub fn finish(mut self) -> io::Result<(W, u64, [u8; 32])> {
        self.seal_chunk(Place::Last)?;
        self.out.flush()?;
        let mut sha256 = [0; 32];
        sha256.copy_from_slice(self.sha256.finish().as_ref());
        Ok((self.out, self.bytes, sha256))
    }

    fn seal_chunk(&mut self, place: Place) -> io::Result<()> {
        if let Some(header) = self.header.take() {
            self.out.write_all(&header)?;
        }
        sure(self.key.seal_in_place_append_tag(nonce(self.number, place), Aad::empty(), &mut *self.chunk));
        self.number += 1;
        self.out.write_all(&self.chunk)?;
        self.chunk.clear();
        Ok(())
    }
}

impl<R: Read> BodyReader<R> {
    /// Reads nothing yet.
    pub fn new(sealed: R, key: &BodyKey) -> Self {
        let buffer = Zeroizing::new(vec![0; CHUNK_BYTES + TAG_BYTES + 1]);
        Self { sealed, state: State::Start, body_key: key.clone(), buffer, number: 0 }
    }

    /// Makes verified bytes ready, unless the body has ended.
    fn advance(&mut self) -> io::Result<()> {
        let (key, ahead) = match std::mem::replace(&mut self.state, State::Failed) {
            State::Start => {
                let mut header = [0; MAGIC.len() + SALT_BYTES];
                fill_exactly(&mut self.sealed, &mut header)?;
                let salt = header.strip_prefix(&MAGIC).ok_or_else(damaged)?;
                (self.body_key.chunks(salt), None)
            }
            State::Open { key, ready, end, ahead } if ready < end || ahead.is_none() => {
                self.state = State::Open { key, ready, end, ahead };
                return Ok(());
            }
            State::Open { key, ahead, .. } => (key, ahead),
            State::Failed => return Err(damaged()),
        };
        let carried = usize::from(ahead.is_some());
        if let (Some(first), Some(byte)) = (self.buffer.first_mut(), ahead) {
            *first = byte;
        }
        let filled = carried + fill(&mut self.sealed, self.buffer.get_mut(carried..).unwrap_or_default())?;
        let place = if filled > CHUNK_BYTES + TAG_BYTES { Place::Inner } else { Place::Last };
        let (chunk, next) = self.buffer.split_at_mut(filled.min(CHUNK_BYTES + TAG_BYTES));
        let opened = key.open_in_place(nonce(self.number, place), Aad::empty(), chunk).map_err(|_| damaged())?;
        let end = opened.len();
        if end == 0 && self.number > 0 {
            return Err(damaged());
        }
        self.number += 1;
        let ahead = next.first().copied().filter(|_| matches!(place, Place::Inner));
        self.state = State::Open { key, ready: 0, end, ahead };
        Ok(())
    }
}

impl<R: Read> Read for BodyReader<R> {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        if out.is_empty() {
            return Ok(0);
        }
        self.advance()?;
        let State::Open { ready, end, .. } = &mut self.state else { return Err(damaged()) };
        let mut waiting = self.buffer.get(*ready..*end).unwrap_or_default();
        let taken = waiting.read(out)?;
        *ready += taken;
        Ok(taken)
    }
}

#[derive(Clone, Copy)]
enum Place {
    Inner,
    Last,
}

fn nonce(number: u64, place: Place) -> Nonce {
    let last = u8::from(matches!(place, Place::Last));
    let mut nonce = [0; NONCE_LEN];
    nonce.iter_mut().rev().zip([last].into_iter().chain(number.to_le_bytes())).for_each(|(to, from)| *to = from);
    Nonce::assume_unique_for_key(nonce)
}

fn damaged() -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, Damaged)
}

/// Fills as much of the buffer as there is.
fn fill(from: &mut impl Read, buffer: &mut [u8]) -> io::Result<usize> {
    let mut filled = 0;
    while let Some(rest) = buffer.get_mut(filled..).filter(|rest| !rest.is_empty()) {
        match from.read(rest) {
            Ok(0) => break,
            Ok(n) => filled += n,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(filled)
}

fn fill_exactly(from: &mut impl Read, buffer: &mut [u8]) -> io::Result<()> {
    if fill(from, buffer)? == buffer.len() { Ok(()) } else { Err(damaged()) }
}

impl std::fmt::Debug for BodyKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("BodyKey(…)")
    }
}

impl std::fmt::Debug for StoredBody {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("StoredBody").field("blob", &self.blob).field("bytes", &self.bytes).finish_non_exhaustive()
    }
}

impl Serialize for BodyKey {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&Zeroizing::new(STANDARD.encode(self.0.as_slice())))
    }
}

impl<'de> Deserialize<'de> for BodyKey {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        // The text of the error leaves out what was read.
        let wrong = || serde::de::Error::custom("a body key is 32 bytes in base 64");
        let text = Zeroizing::new(String::deserialize(deserializer)?);
        let bytes = Zeroizing::new(STANDARD.decode(text.as_bytes()).map_err(|_| wrong())?);
        let mut key = Zeroizing::new([0; 32]);
        if bytes.len() != key.len() {
            return Err(wrong());
        }
        key.copy_from_slice(&bytes);
        Ok(Self(key))
    }
}
