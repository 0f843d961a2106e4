//! The ledger's head, kept in a file of its own beside the database: a ledger cut short ends before its head.
//!
//! The file follows each commit that appends, a moment later: behind the table is fine, ahead of it is a cut.
//! Not here: the table (`line.rs`), the verdict (`ledger/verify.rs`).

use std::fs::{File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;
use std::sync::Arc;

use keys::storage::StorageKey;
use serde::{Deserialize, Serialize};
use tokio::sync::watch;

use super::Ground;
use super::disk::Step;
use super::line::Head;

const FILE: &str = "ledger.head";

#[derive(Serialize, Deserialize)]
struct Written {
    seq: i64,
    hash: String,
    mac: String,
}

/// What the file says.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum HeadFile {
    /// There is none.
    Absent,
    /// It is not of our making, or was changed.
    Forged,
    /// The ledger reached at least here.
    Reached(Head),
}

pub(crate) fn read(folder: &Path, key: &StorageKey) -> io::Result<HeadFile> {
    let text = match std::fs::read(folder.join(FILE)) {
        Ok(text) => text,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(HeadFile::Absent),
        Err(error) => return Err(error),
    };
    let head = serde_json::from_slice::<Written>(&text).ok().and_then(|written| {
        let hash: [u8; 32] = hex::decode(&written.hash).ok()?.try_into().ok()?;
        let head = Head { seq: written.seq, hash };
        (written.mac == mac_of(key, head)).then_some(head)
    });
    Ok(head.map_or(HeadFile::Forged, HeadFile::Reached))
}

pub(super) fn write(folder: &Path, key: &StorageKey, head: Head) -> io::Result<()> {
    let written = Written { seq: head.seq, hash: hex::encode(head.hash), mac: mac_of(key, head) };
    let new = folder.join("ledger.head.new");
    let mut file = OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(&new)?;
    file.write_all(&serde_json::to_vec(&written)?)?;
    file.sync_data()?;
    // CRASH: head-behind: the old head stands, a few lines behind the table, which is fine.
    std::fs::rename(&new, folder.join(FILE))?;
    File::open(folder)?.sync_all()
}

/// Writes each newest head until the writer is gone. Many commits may share one write.
pub(super) async fn keep(ground: Arc<Ground>, mut heads: watch::Receiver<Head>) {
    while heads.changed().await.is_ok() {
        let head = *heads.borrow_and_update();
        let ground = ground.clone();
        let written = tokio::task::spawn_blocking(move || {
            ground.disk.step(Step::HeadWrite)?;
            // Another process may have gone further already; a file that was forged or is ahead stays as evidence.
            match read(&ground.folder, &ground.vault.0)? {
                HeadFile::Reached(old) if old.seq < head.seq => write(&ground.folder, &ground.vault.0, head),
                _ => Ok(()),
            }
        });
        if let Ok(Err(error)) = written.await {
            tracing::error!(%error, "the ledger's head file could not be written; a cut of the newest lines would go unseen");
        }
    }
}

fn mac_of(key: &StorageKey, head: Head) -> String {
    let mut bytes = b"head".to_vec();
    bytes.extend_from_slice(&head.seq.to_be_bytes());
    bytes.extend_from_slice(&head.hash);
    hex::encode(key.ledger_mac(&bytes))
}
