//! What the store answers when it cannot do as asked.
//!
//! Not here: what a sender is told about it (`intake/smtp/reply.rs`, `intake/https/problem.rs`), nor an exit code
//! (`status.rs`).

use sqlx::error::ErrorKind;

/// Why a read or a write was not done. No text here names a person, so any may be logged.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Fault {
    /// A commit or a sync failed, so the writer stopped: nothing more is accepted until the store is opened again.
    #[error("the store has stopped after a failed write; open it again, which recovers from the disk")]
    Stopped,
    /// Another process kept the database locked for longer than the store waits.
    #[error("the database is locked by another process; try again")]
    Busy,
    /// Something of this name is there already; the batch was undone.
    #[error("something else already goes by this name")]
    Conflict,
    /// The lease has passed to someone else, or the letter was settled or changed meanwhile; the batch was undone.
    #[error("the lease or the copy is out of date; read again")]
    Stale,
    /// A register entry that the letter rests on has changed since it was loaded; the batch was undone.
    #[error("the register has changed meanwhile; decide again")]
    Overtaken,
    /// There is no such thing, or its key has been destroyed.
    #[error("no such entry, or it has been erased")]
    NotFound,
    /// A sealed column does not open.
    #[error("a sealed record of table `{0}` does not open: the storage key is another, or the row was changed")]
    Damaged(&'static str),
    /// A value could not be written as JSON or read from it.
    #[error("a record of table `{0}` has an unknown shape; was it written by a newer version?")]
    Shape(&'static str),
    /// The disk or the database answered with an error.
    #[error("the disk or the database failed: {0}")]
    Disk(String),
}

impl Fault {
    /// One batch fails alone with these; any other fault of a write stops the writer.
    pub(super) const fn is_the_batch_s_own(&self) -> bool {
        let undone = matches!(self, Self::Conflict | Self::Stale | Self::Overtaken | Self::NotFound);
        undone || matches!(self, Self::Damaged(_) | Self::Shape(_))
    }
}

impl From<sqlx::Error> for Fault {
    fn from(error: sqlx::Error) -> Self {
        match &error {
            sqlx::Error::RowNotFound => Self::NotFound,
            sqlx::Error::PoolClosed | sqlx::Error::WorkerCrashed => Self::Stopped,
            sqlx::Error::PoolTimedOut => Self::Busy,
            sqlx::Error::Database(database) => match (database.kind(), database.code().as_deref()) {
                (ErrorKind::UniqueViolation, _) => Self::Conflict,
                // SQLITE_BUSY, SQLITE_BUSY_RECOVERY, SQLITE_BUSY_SNAPSHOT, SQLITE_BUSY_TIMEOUT
                (_, Some("5" | "261" | "517" | "773")) => Self::Busy,
                _ => Self::Disk(database.to_string()),
            },
            _ => Self::Disk(error.to_string()),
        }
    }
}

impl From<std::io::Error> for Fault {
    fn from(error: std::io::Error) -> Self {
        // An io::Error's own text may hold a path, never a letter's bytes.
        Self::Disk(error.to_string())
    }
}

/// Why the data folder could not be opened. Each names the path and the remedy.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// The folder cannot be made, read or written.
    #[error("data folder {path}: {source}; it must be a folder that this user owns")]
    Folder {
        /// Which.
        path: String,
        /// What the system said.
        source: std::io::Error,
    },
    /// Another gateway serves from this folder.
    #[error("data folder {path}: another gateway is serving from it; stop that one first")]
    Served {
        /// Which.
        path: String,
    },
    /// The database does not open or does not take its schema.
    #[error("data folder {path}: the database does not open: {fault}")]
    Database {
        /// Which.
        path: String,
        /// What the database said.
        fault: Fault,
    },
    /// A newer version has written it.
    #[error(
        "data folder {path}: schema version {found} is newer than this program's {known}; install the newer program"
    )]
    Newer {
        /// Which.
        path: String,
        /// The version found.
        found: i64,
        /// The version that this program knows.
        known: i64,
    },
    /// The storage key is not the one that this folder was sealed with.
    #[error("data folder {path}: it was sealed with another storage key; put the right key file back")]
    OtherKey {
        /// Which.
        path: String,
    },
}
