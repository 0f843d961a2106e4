//! The one writer: all batches that wait share one transaction, and so one sync (group commit).
//!
//! A failed commit or sync stops it for good: what the disk holds is then unknown, and trying again could answer `250`
//! for bytes that are gone. Whoever supervises opens the store anew, which recovers from the disk.
//! Not here: what a change is (`batch.rs`), its statements (one file a table).

use std::sync::Arc;
use std::sync::atomic::Ordering;

use sqlx::{AnyConnection, Connection};
use tokio::sync::{mpsc, oneshot, watch};

use super::batch::{Change, Committed};
use super::disk::Step;
use super::fault::Fault;
use super::line::Head;
use super::{Ground, answer, blob, line, notice, queue, record};

/// Batches that one transaction takes at most: bounds how long the first of them waits.
const GROUP_BATCHES_MAX: usize = 256;

pub(super) enum Order {
    Write(Job),
    Close(oneshot::Sender<()>),
}

pub(super) struct Job {
    pub changes: Vec<Change>,
    pub reply: oneshot::Sender<Result<Committed, Fault>>,
}

pub(super) struct Writer {
    pub conn: AnyConnection,
    pub ground: Arc<Ground>,
    /// Where the newest ledger head goes, to be written to its file.
    pub head: watch::Sender<Head>,
}

/// What a group leaves to do once it is committed.
#[derive(Default)]
struct After {
    unused_blobs: Vec<String>,
    head: Option<Head>,
    wakes: bool,
    /// Blobs that a row of this group is the first to name.
    named_blobs: Vec<String>,
}

impl Writer {
    /// Runs until the store is closed or dropped, or a write fails.
    pub async fn run(mut self, mut orders: mpsc::Receiver<Order>) {
        while let Some(order) = orders.recv().await {
            let mut jobs = Vec::new();
            let mut closing = None;
            let mut next = Some(order);
            while let Some(order) = next.take() {
                match order {
                    Order::Write(job) => jobs.push(job),
                    Order::Close(done) => closing = Some(done),
                }
                if closing.is_none() && jobs.len() < GROUP_BATCHES_MAX {
                    next = orders.try_recv().ok();
                }
            }
            if let Err(fault) = self.group(jobs).await {
                tracing::error!(%fault, "the store stops: a write failed, and what the disk holds is unknown");
                return;
            }
            if let Some(done) = closing {
                return self.close(done).await;
            }
        }
    }

    async fn close(mut self, done: oneshot::Sender<()>) {
        // Ends the log, so that no old page outlives a clean stop. Failing loses nothing: the next start reads the log.
        if let Err(fault) = self.execute("PRAGMA wal_checkpoint(TRUNCATE)").await {
            tracing::warn!(%fault, "the log stays as it is");
        }
        if let Err(error) = self.conn.close().await {
            tracing::warn!(%error, "the database did not close cleanly");
        }
        let _ = done.send(());
    }

    /// One transaction for all of `jobs`. An error here is fatal, and has been answered to every job.
    async fn group(&mut self, jobs: Vec<Job>) -> Result<(), Fault> {
        if jobs.is_empty() {
            return Ok(());
        }
        if let Err(fault) = self.execute("BEGIN IMMEDIATE").await {
            // Nothing has begun, so nothing is unknown: being locked out is no reason to stop.
            let fatal = fault != Fault::Busy;
            answer_all(jobs.into_iter().map(|job| (job.reply, Err(fault.clone()))));
            return if fatal { Err(fault) } else { Ok(()) };
        }
        let mut after = After::default();
        let mut answers = Vec::with_capacity(jobs.len());
        let mut failed = None;
        for job in jobs {
            let result = match failed {
                None => self.one(job.changes, &mut after).await,
                Some(_) => Err(Fault::Stopped),
            };
            failed = failed.or_else(|| result.as_ref().err().filter(|fault| !fault.is_the_batch_s_own()).cloned());
            answers.push((job.reply, result));
        }
        let committed = match failed {
            None => self.commit(!after.named_blobs.is_empty()).await,
            Some(fault) => Err(fault),
        };
        if let Err(fault) = committed {
            answer_all(answers.into_iter().map(|(reply, _)| (reply, Err(Fault::Stopped))));
            return Err(fault);
        }
        self.ground.counters.commits.fetch_add(1, Ordering::Relaxed);
        self.ground.counters.batches.fetch_add(u64::try_from(answers.len()).unwrap_or_default(), Ordering::Relaxed);
        answer_all(answers.into_iter());
        self.tidy(after).await;
        Ok(())
    }

    /// One batch inside its savepoint: when it fails by its own fault, it fails alone.
    async fn one(&mut self, changes: Vec<Change>, after: &mut After) -> Result<Committed, Fault> {
        self.execute("SAVEPOINT batch").await?;
        let mut mine = After { head: after.head, ..After::default() };
        match self.apply(changes, &mut mine).await {
            Ok(done) => {
                self.execute("RELEASE batch").await?;
                after.unused_blobs.append(&mut mine.unused_blobs);
                after.head = mine.head;
                after.wakes |= mine.wakes;
                after.named_blobs.append(&mut mine.named_blobs);
                Ok(done)
            }
            Err(fault) => {
                if fault.is_the_batch_s_own() {
                    self.execute("ROLLBACK TO batch").await?;
                    self.execute("RELEASE batch").await?;
                    mine.named_blobs.iter().for_each(|name| self.ground.put_unnamed(name));
                }
                Err(fault)
            }
        }
    }

    async fn apply(&mut self, changes: Vec<Change>, after: &mut After) -> Result<Committed, Fault> {
        let now = self.ground.clock.now_micros();
        let mut done = Committed::default();
        let tx = &mut self.conn;
        for change in changes {
            after.wakes |= !matches!(
                change,
                Change::LeaseLetters { .. }
                    | Change::LeaseNotices { .. }
                    | Change::Line(_)
                    | Change::Belong(_)
                    | Change::Undisturbed { .. }
            );
            match change {
                Change::Letter(letter) => {
                    if let Some(contents) = &letter.contents {
                        if self.ground.take_unnamed(&contents.blob) {
                            after.named_blobs.push(contents.blob.clone());
                        } else if !queue::is_named(tx, &contents.blob).await? {
                            // Its `Received` was dropped too early, and the file with it.
                            return Err(Fault::NotFound);
                        }
                    }
                    queue::insert(tx, letter, now).await?;
                }
                Change::Settle(settle) => after.unused_blobs.extend(queue::settle(tx, settle, now).await?),
                Change::Amend(amend) => queue::amend(tx, amend, now).await?,
                Change::Belong(belong) => queue::belong(tx, belong).await?,
                Change::Undisturbed { rests, until } => {
                    queue::undisturbed(tx, &rests).await?;
                    queue::renew(tx, &rests, until).await?;
                }
                Change::Trail(letter, sealed) => queue::append(tx, &letter, sealed).await?,
                Change::LeaseLetters { until, limit } => done.letters = queue::lease(tx, (now, until), limit).await?,
                Change::Notice(notice) => notice::insert(tx, notice, now).await?,
                Change::SettleNotice(settle) => notice::settle(tx, settle).await?,
                Change::LeaseNotices { until, limit } => {
                    done.notices = notice::lease(tx, &self.ground.vault, (now, until), limit).await?;
                }
                Change::Answer(answer) => answer::insert(tx, answer, now).await?,
                Change::Records(puts) => record::put(tx, puts, now).await?,
                Change::RemoveRecord(row) => record::remove(tx, &row).await?,
                Change::Wake(names) => {
                    for name in names {
                        queue::wake(tx, &name, now).await?;
                    }
                }
                Change::Line(new) => {
                    let head = match after.head {
                        Some(head) => head,
                        None => line::head(tx).await?,
                    };
                    let head = line::append(tx, &self.ground.vault.0, head, &new).await?;
                    done.lines.push(head.seq);
                    after.head = Some(head);
                }
                Change::VoidLeases => queue::void_leases(tx).await?,
            }
        }
        Ok(done)
    }

    async fn commit(&mut self, new_blobs: bool) -> Result<(), Fault> {
        // CRASH: blob-unnamed: the blobs of this group are synced, but no row names them; the next start removes them.
        if new_blobs {
            blob::sync_folder(&self.ground).await?;
        }
        // CRASH: row-uncommitted: the same, and the log's tail is torn; SQLite drops it. Nobody was told `250`.
        self.ground.disk.step(Step::Commit)?;
        self.execute("COMMIT").await?;
        // CRASH: row-committed: the letters are ours although nobody was told so; the sender tries again, which makes a copy.
        self.ground.disk.step(Step::Committed)?;
        Ok(())
    }

    /// What follows a commit. Failing here loses nothing: the next start does it again.
    async fn tidy(&mut self, after: After) {
        if let Some(head) = after.head {
            self.head.send_replace(head);
        }
        if after.wakes {
            self.ground.changed.send_modify(|count| *count = count.wrapping_add(1));
        }
        if !after.unused_blobs.is_empty() {
            // CRASH: blob-unused: the letter is final and its key destroyed; nobody can open the blob, and the next start
            // removes it.
            blob::remove(&self.ground, after.unused_blobs).await;
        }
    }

    async fn execute(&mut self, text: &'static str) -> Result<(), Fault> {
        sqlx::query(text).execute(&mut self.conn).await?;
        Ok(())
    }
}

fn answer_all(answers: impl Iterator<Item = (oneshot::Sender<Result<Committed, Fault>>, Result<Committed, Fault>)>) {
    for (reply, result) in answers {
        // A caller that has gone away still has its batch on the disk.
        let _ = reply.send(result);
    }
}
