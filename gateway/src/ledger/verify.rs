//! Checking the whole ledger: every number, every link, every hash, and that it reaches as far as its head file says.
//!
//! Not here: mending. A broken ledger is evidence, and stays as it is.

use crate::store::head::{self, HeadFile};
use crate::store::line::{Head, Line, hash_of};
use crate::store::{Fault, Store};

/// Lines read at once.
const PAGE: i64 = 500;

/// A ledger in which nothing was changed, dropped, swapped or cut off.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Verified {
    /// How many lines it has.
    pub entries: u64,
}

/// The first line that is not as it was written.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("ledger line {seq}: {what}")]
pub struct Broken {
    /// Its number.
    pub seq: i64,
    /// What is wrong with it.
    pub what: What,
}

/// What can be wrong with a ledger.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum What {
    /// Its number is not there.
    #[error("it is missing")]
    Missing,
    /// It does not name the hash of the line before it.
    #[error("it does not follow the line before it: one of them was swapped or changed")]
    Unlinked,
    /// Its hash is not that of its text.
    #[error("it was changed, or the storage key is another")]
    Changed,
    /// The ledger once reached this line.
    #[error("it is missing: the end of the ledger was cut off")]
    CutOff,
    /// The head file is not there.
    #[error("the lines are sound, but the file `ledger.head` is missing, so a cut of the end cannot be ruled out")]
    HeadMissing,
    /// The head file is not of our making.
    #[error("the lines are sound, but the file `ledger.head` was changed, so a cut of the end cannot be ruled out")]
    HeadForged,
    /// The ledger cannot be read.
    #[error("it cannot be read: {0}")]
    Unreadable(Fault),
}

/// Reads the whole ledger, and names the first line that is not as it was written.
///
/// # Errors
/// The first bad line, and what is wrong with it.
pub async fn verify(store: &Store) -> Result<Verified, Broken> {
    // The head first: what is appended meanwhile can only lie beyond it.
    let ground = store.ground();
    let head_file = head::read(&ground.folder, &ground.vault.0).map_err(|error| unreadable(0, error.into()))?;
    let mut walked = Head::START;
    let mut at_head = None;
    let mut snapshot = store.snapshot().await.map_err(|fault| unreadable(0, fault))?;
    let mut after = i64::MIN;
    loop {
        let lines = snapshot.lines(after, PAGE).await.map_err(|fault| unreadable(walked.seq, fault))?;
        let Some(last) = lines.last() else { break };
        after = last.seq;
        for line in &lines {
            walked = step(store, walked, line)?;
            if matches!(head_file, HeadFile::Reached(head) if head.seq == walked.seq) {
                at_head = Some(walked);
            }
        }
    }
    end(&head_file, walked, at_head)?;
    Ok(Verified { entries: u64::try_from(walked.seq).unwrap_or_default() })
}

fn step(store: &Store, before: Head, line: &Line) -> Result<Head, Broken> {
    let seq = before.seq.saturating_add(1);
    let hash = hash_of(&store.ground().vault.0, seq, &before.hash, &line.entry);
    let what = if line.seq > seq {
        What::Missing
    } else if line.previous != before.hash {
        What::Unlinked
    } else if line.seq < seq || line.hash != hash {
        What::Changed
    } else {
        return Ok(Head { seq, hash });
    };
    Err(Broken { seq, what })
}

fn end(head_file: &HeadFile, walked: Head, at_head: Option<Head>) -> Result<(), Broken> {
    let next = walked.seq.saturating_add(1);
    match head_file {
        HeadFile::Absent => Err(Broken { seq: next, what: What::HeadMissing }),
        HeadFile::Forged => Err(Broken { seq: next, what: What::HeadForged }),
        HeadFile::Reached(head) if head.seq > walked.seq => Err(Broken { seq: next, what: What::CutOff }),
        HeadFile::Reached(head) => match at_head {
            Some(at_head) if at_head != *head => Err(Broken { seq: head.seq, what: What::Changed }),
            _ => Ok(()),
        },
    }
}

fn unreadable(seq: i64, fault: Fault) -> Broken {
    Broken { seq: seq.saturating_add(1), what: What::Unreadable(fault) }
}
