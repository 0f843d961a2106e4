//! Sealed bodies in files: written while they arrive, never in clear, named by chance.
//!
//! Not here: the sealing (`keys::stored`), which rows use which blob (`queue.rs`).

use std::collections::HashSet;
use std::fs::{File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::PathBuf;
use std::sync::{Arc, PoisonError};

use keys::stored::{BodyKey, BodyWriter, StoredBody};

use super::disk::Step;
use super::fault::Fault;
use super::{Ground, Store};

/// Octets gathered before they are sealed and written in one go, off the async threads.
pub const BUFFER_BYTES: usize = 256 * 1024;

/// A body that is coming in. Dropped unfinished, it leaves no file.
#[must_use = "a body is finished, or its file is removed"]
pub struct Incoming {
    /// None once a write has failed.
    part: Option<Part>,
    buffer: Vec<u8>,
}

/// A body that is on the disk: synced, but named by no row until a letter with it is accepted. Dropped before that, it
/// leaves no file, so it is kept until the commit has answered.
#[must_use = "a body that no letter names is removed"]
pub struct Received {
    ground: Arc<Ground>,
    body: StoredBody,
    sha256: [u8; 32],
}

impl Store {
    /// Begins to take a body in. No file is made before the first [`BUFFER_BYTES`], or the end.
    pub fn receive(&self) -> Incoming {
        let ground = self.ground().clone();
        let name = ground.dice.name();
        let part = Part { ground, name, key: BodyKey::fresh(), out: None, begun: false, finished: false };
        Incoming { part: Some(part), buffer: Vec::with_capacity(BUFFER_BYTES) }
    }

    /// Opens a sealed body for reading; `keys::stored::BodyReader` gives it back in clear.
    ///
    /// # Errors
    /// When there is no such blob, or the disk fails.
    pub fn open_blob(&self, name: &str) -> Result<File, Fault> {
        let path = path_of(self.ground(), name).ok_or(Fault::NotFound)?;
        File::open(path).map_err(|error| match error.kind() {
            io::ErrorKind::NotFound => Fault::NotFound,
            _ => error.into(),
        })
    }
}

impl Incoming {
    /// Takes more of the body. Memory stays within one buffer, whatever the length.
    ///
    /// # Errors
    /// When the disk fails; the body is then lost, and its file removed.
    pub async fn push(&mut self, mut bytes: &[u8]) -> Result<(), Fault> {
        while !bytes.is_empty() {
            let room = BUFFER_BYTES.saturating_sub(self.buffer.len()).min(bytes.len());
            let (now, later) = bytes.split_at_checked(room).unwrap_or((bytes, &[]));
            self.buffer.extend_from_slice(now);
            bytes = later;
            if self.buffer.len() >= BUFFER_BYTES {
                self.flush().await?;
            }
        }
        Ok(())
    }

    /// Seals and syncs the rest. `subject_line` is the true one, and goes with the body.
    ///
    /// # Errors
    /// When the disk fails; the body is then lost, and its file removed.
    pub async fn finish(mut self, subject_line: String) -> Result<Received, Fault> {
        let part = self.part.take().ok_or_else(lost)?;
        let buffer = std::mem::take(&mut self.buffer);
        off_thread(move || part.finish(&buffer, subject_line)).await
    }

    async fn flush(&mut self) -> Result<(), Fault> {
        // Both move to the disk's thread: should this future be dropped, the part goes down there, and its file with it.
        let mut part = self.part.take().ok_or_else(lost)?;
        let mut buffer = std::mem::take(&mut self.buffer);
        let (part, buffer) = off_thread(move || {
            part.write(&buffer)?;
            buffer.clear();
            Ok((part, buffer))
        })
        .await?;
        self.part = Some(part);
        self.buffer = buffer;
        Ok(())
    }
}

impl Received {
    /// What goes into a letter's record; several letters of one message may share it.
    #[must_use]
    pub const fn body(&self) -> &StoredBody {
        &self.body
    }

    /// SHA-256 of the octets in clear.
    #[must_use]
    pub const fn sha256(&self) -> &[u8; 32] {
        &self.sha256
    }
}

impl Drop for Received {
    fn drop(&mut self) {
        if self.ground.take_unnamed(&self.body.blob) {
            discard(&self.ground, &self.body.blob);
        }
    }
}

/// The file as far as it is written; removes it when dropped unfinished.
struct Part {
    ground: Arc<Ground>,
    name: String,
    key: BodyKey,
    out: Option<BodyWriter<Watched>>,
    /// There is a file.
    begun: bool,
    finished: bool,
}

/// A blob's file, which asks the disk seam before each write.
struct Watched {
    ground: Arc<Ground>,
    file: File,
}

impl Part {
    fn write(&mut self, bytes: &[u8]) -> io::Result<()> {
        if self.out.is_none() {
            let file = self.create()?;
            self.out = Some(BodyWriter::new(file, &self.key));
        }
        self.out.as_mut().map_or(Ok(()), |out| out.write_all(bytes))
    }

    fn create(&mut self) -> io::Result<Watched> {
        self.ground.disk.step(Step::BlobCreate)?;
        let path = path_of(&self.ground, &self.name).ok_or(io::ErrorKind::InvalidInput)?;
        let file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(path)?;
        self.begun = true;
        // CRASH: blob-begun: a file of sealed chunks without a row; the next start removes it.
        Ok(Watched { ground: self.ground.clone(), file })
    }

    fn finish(mut self, rest: &[u8], subject_line: String) -> io::Result<Received> {
        self.write(rest)?;
        let Some(out) = self.out.take() else { return Err(io::ErrorKind::NotFound.into()) };
        let (watched, bytes, sha256) = out.finish()?;
        self.ground.disk.step(Step::BlobSync)?;
        // CRASH: blob-unsynced: the file may be torn; no row names it; the next start removes it.
        watched.file.sync_data()?;
        self.finished = true;
        self.ground.put_unnamed(&self.name);
        // CRASH: blob-synced: a whole file that no row names; the next start removes it.
        let body = StoredBody { blob: self.name.clone(), key: self.key.clone(), bytes, subject_line };
        Ok(Received { ground: self.ground.clone(), body, sha256 })
    }
}

impl Drop for Part {
    fn drop(&mut self) {
        if self.begun && !self.finished {
            discard(&self.ground, &self.name);
        }
    }
}

impl Write for Watched {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.ground.disk.step(Step::BlobWrite)?;
        self.file.write(bytes)
    }
    fn flush(&mut self) -> io::Result<()> {
        self.file.flush()
    }
}

impl Ground {
    /// A whole file that no row names: whoever received it removes it again.
    pub(super) fn put_unnamed(&self, name: &str) {
        self.unnamed.lock().unwrap_or_else(PoisonError::into_inner).insert(name.to_owned());
    }

    /// From here on a row may name this blob: whoever received it must not remove it any more. Was it unnamed?
    pub(super) fn take_unnamed(&self, name: &str) -> bool {
        self.unnamed.lock().unwrap_or_else(PoisonError::into_inner).remove(name)
    }
}

/// Makes the blobs' names durable. Once for a whole group.
pub(super) async fn sync_folder(ground: &Arc<Ground>) -> Result<(), Fault> {
    let ground = ground.clone();
    off_thread(move || {
        ground.disk.step(Step::FolderSync)?;
        File::open(ground.blobs())?.sync_all()
    })
    .await
}

/// Removes blobs that no row names. A failure leaves it to the next start.
pub(super) async fn remove(ground: &Arc<Ground>, names: Vec<String>) {
    let ground = ground.clone();
    let removed = off_thread(move || {
        for name in names {
            ground.disk.step(Step::BlobRemove)?;
            discard(&ground, &name);
        }
        Ok(())
    });
    if let Err(fault) = removed.await {
        tracing::warn!(%fault, "a blob that no letter uses stays until the next start");
    }
}

/// Removes every blob that no row names. How many.
pub(super) async fn sweep(ground: &Arc<Ground>, named: HashSet<String>) -> Result<u64, Fault> {
    let ground = ground.clone();
    off_thread(move || {
        let mut removed = 0;
        for entry in std::fs::read_dir(ground.blobs())? {
            let entry = entry?;
            if entry.file_name().to_str().is_none_or(|name| !named.contains(name)) {
                std::fs::remove_file(entry.path())?;
                removed += 1;
            }
        }
        Ok(removed)
    })
    .await
}

fn discard(ground: &Ground, name: &str) {
    if let Some(path) = path_of(ground, name)
        && let Err(error) = std::fs::remove_file(path)
        && error.kind() != io::ErrorKind::NotFound
    {
        tracing::warn!(%error, "a blob that no letter uses stays until the next start");
    }
}

/// Only names that we gave ourselves reach a path: 32 lower-case hex digits.
fn path_of(ground: &Ground, name: &str) -> Option<PathBuf> {
    let ours = name.len() == 32 && name.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f'));
    ours.then(|| ground.blobs().join(name))
}

fn lost() -> Fault {
    Fault::Disk("an earlier write of this body failed".to_owned())
}

async fn off_thread<T: Send + 'static>(work: impl FnOnce() -> io::Result<T> + Send + 'static) -> Result<T, Fault> {
    match tokio::task::spawn_blocking(work).await {
        Ok(result) => Ok(result?),
        Err(_) => Err(Fault::Stopped),
    }
}
