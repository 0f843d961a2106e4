//! The one store: letters, registers, ledger and notices in SQLite, sealed bodies in files.
//!
//! The disk holds sealed records, found by keyed pseudonyms: no page, log or file holds anything personal in clear.
//! A write is `Ok` only once it is durable. One writer shares each commit among all who wait (`writer.rs`); any number of
//! readers see what is committed. No SQL stands outside this folder.
//! Not here: what the rows mean (`registers/`, `ledger/`), when a letter is tried (`journey.rs`).

mod answer;
mod batch;
mod blob;
mod disk;
mod fault;
mod footing;
pub(crate) mod head;
mod letter;
pub(crate) mod line;
mod look;
mod notice;
mod open;
mod queue;
pub(crate) mod record;
#[cfg(test)]
pub(crate) mod tests;
pub(crate) mod vault;
mod writer;

use std::collections::HashSet;
use std::fs::File;
use std::path::PathBuf;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use policy::Timestamp;
use sqlx::{AnyConnection, AnyPool, Row};
use tokio::sync::{mpsc, oneshot, watch};

use crate::clock::Clock;
use crate::dice::Dice;

pub use answer::{ANSWER_LIFE_SECS, Answer};
pub use batch::{Batch, Committed};
pub use blob::{BUFFER_BYTES, Incoming, Received};
pub use disk::{Disk, Step};
pub use fault::{Fault, OpenError};
pub(crate) use footing::Footing;
pub use letter::{
    Envelope, Event, Filter, Happening, Lease, LetterRecord, Loaded, NewLetter, Opening, Overview, State, Summary,
    Transition,
};
pub use notice::{NewNotice, NoticeEnd, NoticeLease};
pub use open::{Home, Recovered};
pub use record::{Past, Sole};

use batch::Change;
use vault::Vault;
use writer::{Job, Order};

/// How long a lease lasts. Longer than an attempt that nothing overtakes, so that nobody else sends the same letter
/// meanwhile: `setup.rs` asserts it of the waits.
pub const LEASE_SECS: i64 = 30 * 60;

/// Letters leased at once, at most.
pub const LEASES_MAX: u32 = 1_000;

/// How often another process's commits are looked for.
const OTHERS_LOOKED_FOR: Duration = Duration::from_millis(250);

/// The store. Cheap to clone; all clones are one store.
#[derive(Clone)]
pub struct Store(Arc<Inner>);

struct Inner {
    ground: Arc<Ground>,
    readers: AnyPool,
    orders: mpsc::Sender<Order>,
    /// One connection that nobody writes on: its `data_version` moves when anybody commits.
    watcher: tokio::sync::Mutex<AnyConnection>,
    keeper: Mutex<Option<tokio::task::JoinHandle<()>>>,
    /// Held while this process serves; none for a visitor such as the command line.
    serving: Mutex<Option<File>>,
}

/// What writer and blobs stand on.
pub(crate) struct Ground {
    pub folder: PathBuf,
    pub vault: Vault,
    pub clock: Clock,
    dice: Dice,
    disk: Disk,
    counters: Counts,
    /// Counts commits of this process that may make something due.
    changed: watch::Sender<u64>,
    /// Blobs that are whole, but named by no row yet.
    unnamed: Mutex<HashSet<String>>,
}

#[derive(Default)]
struct Counts {
    commits: AtomicU64,
    batches: AtomicU64,
}

/// What the writer has done since the store was opened.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Counters {
    /// Transactions, each one sync of the log.
    pub commits: u64,
    /// Batches in them.
    pub batches: u64,
}

impl Store {
    /// A batch of changes, to be committed together.
    pub fn batch(&self) -> Batch {
        Batch::new(self.clone())
    }

    /// Leases letters that are due, the longest waiting first; at most `limit`, and never more than [`LEASES_MAX`].
    ///
    /// # Errors
    /// When the store cannot be read or written.
    pub async fn due(&self, limit: u32) -> Result<Vec<Lease>, Fault> {
        if self.next_due().await?.is_none_or(|due| due > self.now()) {
            return Ok(Vec::new());
        }
        let lease = Change::LeaseLetters { until: self.lease_end(), limit: limit.min(LEASES_MAX) };
        Ok(self.write(vec![lease]).await?.letters)
    }

    /// Leases notices that are due, the longest waiting first.
    ///
    /// # Errors
    /// When the store cannot be read or written.
    pub async fn due_notices(&self, limit: u32) -> Result<Vec<NoticeLease>, Fault> {
        if self.next_notice().await?.is_none_or(|due| due > self.now()) {
            return Ok(Vec::new());
        }
        let lease = Change::LeaseNotices { until: self.lease_end(), limit: limit.min(LEASES_MAX) };
        Ok(self.write(vec![lease]).await?.notices)
    }

    /// A mark of what is committed now, for [`Store::changed`].
    #[must_use]
    pub fn mark(&self) -> Mark {
        Mark(self.0.ground.changed.subscribe())
    }

    /// Waits until a commit since `mark`, or one of another process, may have made something due. Take the mark before
    /// looking for what is due, so that nothing falls between.
    pub async fn changed(&self, mark: &mut Mark) {
        tokio::select! {
            _ = mark.0.changed() => {}
            () = self.others_committed() => {}
        }
        mark.0.borrow_and_update();
    }

    /// Octets free on the data folder's file system, for `452` before a letter is read.
    ///
    /// # Errors
    /// When the file system does not say.
    pub fn free_bytes(&self) -> Result<u64, Fault> {
        let stat = rustix::fs::statvfs(&self.0.ground.folder).map_err(std::io::Error::from)?;
        Ok(stat.f_bavail.saturating_mul(stat.f_frsize))
    }

    /// What the writer has done.
    #[must_use]
    pub fn counters(&self) -> Counters {
        let counts = &self.0.ground.counters;
        Counters { commits: counts.commits.load(Ordering::Relaxed), batches: counts.batches.load(Ordering::Relaxed) }
    }

    /// Waits until the writer has stopped, after which every write answers [`Fault::Stopped`]: open the store again.
    pub async fn stopped(&self) {
        self.0.orders.closed().await;
    }

    /// Is the writer at work?
    #[must_use]
    pub fn is_stopped(&self) -> bool {
        self.0.orders.is_closed()
    }

    /// Finishes what is under way, closes the files, and lets another process serve.
    pub async fn close(self) {
        let (done, closed) = oneshot::channel();
        if self.0.orders.send(Order::Close(done)).await.is_ok() {
            let _ = closed.await;
        }
        let keeper = self.0.keeper.lock().unwrap_or_else(PoisonError::into_inner).take();
        if let Some(keeper) = keeper {
            let _ = keeper.await;
        }
        self.0.readers.close().await;
        if let Some(lock) = self.0.serving.lock().unwrap_or_else(PoisonError::into_inner).take() {
            // Said aloud: a child that was forked a moment ago may still hold a copy of the descriptor.
            let _ = lock.unlock();
        }
    }

    pub(crate) fn now(&self) -> Timestamp {
        self.0.ground.clock.now()
    }

    pub(crate) fn now_micros(&self) -> i64 {
        self.0.ground.clock.now_micros()
    }

    pub(crate) fn ground(&self) -> &Arc<Ground> {
        &self.0.ground
    }

    pub(crate) fn vault(&self) -> &Vault {
        &self.0.ground.vault
    }

    fn dice(&self) -> &Dice {
        &self.0.ground.dice
    }

    fn readers(&self) -> &AnyPool {
        &self.0.readers
    }

    /// One snapshot to read from, however many reads.
    pub(crate) async fn snapshot(&self) -> Result<Snapshot, Fault> {
        Ok(Snapshot(self.0.readers.begin().await?))
    }

    async fn write(&self, changes: Vec<Change>) -> Result<Committed, Fault> {
        let (reply, answer) = oneshot::channel();
        self.0.orders.send(Order::Write(Job { changes, reply })).await.map_err(|_| Fault::Stopped)?;
        answer.await.map_err(|_| Fault::Stopped)?
    }

    fn lease_end(&self) -> i64 {
        self.now_micros().saturating_add(LEASE_SECS.saturating_mul(1_000_000))
    }

    async fn others_committed(&self) {
        let mut watcher = self.0.watcher.lock().await;
        let before = version(&mut watcher).await;
        loop {
            tokio::time::sleep(OTHERS_LOOKED_FOR).await;
            if version(&mut watcher).await != before {
                return;
            }
        }
    }
}

/// What was committed at some moment; see [`Store::changed`].
pub struct Mark(watch::Receiver<u64>);

/// Reads that all see the same state.
pub(crate) struct Snapshot(sqlx::Transaction<'static, sqlx::Any>);

impl Snapshot {
    /// Rows that go by one of `names`.
    pub async fn find(&mut self, names: &[Vec<u8>]) -> Result<Vec<record::Found>, Fault> {
        record::find(&mut self.0, names).await
    }

    /// All rows of a list, in pages.
    pub async fn page(&mut self, list: &str, after: &[u8], limit: i64) -> Result<Vec<record::Found>, Fault> {
        record::page(&mut self.0, list, after, limit).await
    }

    /// What a row was, oldest first.
    pub async fn past(&mut self, row: &[u8]) -> Result<Vec<Vec<u8>>, Fault> {
        record::past(&mut self.0, row).await
    }

    /// Moves with every change of a register.
    pub async fn registers_version(&mut self) -> Result<i64, Fault> {
        record::version(&mut self.0).await
    }

    /// Ledger lines in order.
    pub async fn lines(&mut self, after: i64, limit: i64) -> Result<Vec<line::Line>, Fault> {
        line::page(&mut self.0, after, limit).await
    }

    /// The last ledger lines, newest first: number and text.
    pub async fn last_lines(&mut self, limit: i64) -> Result<Vec<(i64, String)>, Fault> {
        line::last(&mut self.0, limit).await
    }
}

impl Ground {
    fn blobs(&self) -> PathBuf {
        self.folder.join("blobs")
    }
}

async fn version(watcher: &mut AnyConnection) -> Option<i64> {
    sqlx::query("PRAGMA data_version").fetch_one(watcher).await.ok()?.try_get(0).ok()
}

pub(crate) const fn micros(at: Timestamp) -> i64 {
    at.0.saturating_mul(1_000_000)
}

pub(crate) const fn timestamp(micros: i64) -> Timestamp {
    Timestamp(micros.div_euclid(1_000_000))
}
