//! The storage seam: the few steps at which a disk can fail, so that the test world can make it fail.
//!
//! Not here: the steps themselves, which always run on a real disk.

use std::io;
use std::sync::Arc;

/// A durable step. A crash at each is answered for by a `// CRASH:` comment where the step is taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Step {
    /// A blob's file is about to be created.
    BlobCreate,
    /// Sealed bytes are about to be written to it.
    BlobWrite,
    /// It is about to be synced.
    BlobSync,
    /// The blobs' folder is about to be synced.
    FolderSync,
    /// A transaction is about to be committed.
    Commit,
    /// The transaction is committed, and nobody has been told yet.
    Committed,
    /// A blob that no letter uses is about to be removed.
    BlobRemove,
    /// The ledger's head file is about to be written.
    HeadWrite,
}

/// A disk: the real one, or one that the test world fails at a step of its choice.
#[derive(Clone)]
pub struct Disk(Option<Arc<dyn Fn(Step) -> io::Result<()> + Send + Sync>>);

impl Disk {
    /// The real disk, which fails when it fails.
    #[must_use]
    pub const fn real() -> Self {
        Self(None)
    }

    /// A disk that asks `verdict` before every step, and fails the step with the error it is given.
    #[must_use]
    pub fn failing(verdict: impl Fn(Step) -> io::Result<()> + Send + Sync + 'static) -> Self {
        Self(Some(Arc::new(verdict)))
    }

    pub(super) fn step(&self, step: Step) -> io::Result<()> {
        self.0.as_ref().map_or(Ok(()), |verdict| verdict(step))
    }
}
