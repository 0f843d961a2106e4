//! The ledger's table: lines appended in the transaction that they speak of, each hashed over the one before.
//!
//! Not here: what a line says (`ledger/`), checking the whole (`ledger/verify.rs`), the head file (`head.rs`).

use keys::storage::StorageKey;
use policy::LetterId;
use sqlx::{AnyConnection, Row};

use super::fault::Fault;

/// Where a ledger ends: the last line's number and hash. Number 0, and a hash of zeros, before the first.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Head {
    pub seq: i64,
    pub hash: [u8; 32],
}

impl Head {
    pub const START: Self = Self { seq: 0, hash: [0; 32] };

    /// The head after one more line.
    pub fn next(self, key: &StorageKey, entry: &str) -> Self {
        let seq = self.seq.saturating_add(1);
        Self { seq, hash: hash_of(key, seq, &self.hash, entry) }
    }
}

/// HMAC-SHA-256 over number, previous hash and entry. The first two have fixed lengths, so nothing can slide between them.
pub(crate) fn hash_of(key: &StorageKey, seq: i64, previous: &[u8], entry: &str) -> [u8; 32] {
    let mut bytes = Vec::with_capacity(entry.len().saturating_add(40));
    bytes.extend_from_slice(&seq.to_be_bytes());
    bytes.extend_from_slice(previous);
    bytes.extend_from_slice(entry.as_bytes());
    key.ledger_mac(&bytes)
}

/// A line to be appended, and what it opens or closes.
pub(crate) struct NewLine {
    /// JSON, pseudonyms in place of identifiers.
    pub entry: String,
    pub tie: Tie,
}

pub(crate) enum Tie {
    /// Stands for itself.
    None,
    /// Begins a disclosure of this letter.
    Opens(LetterId),
    /// Writes the outcome of the disclosure that this line began.
    Closes(i64),
}

/// A line as read.
pub(crate) struct Line {
    pub seq: i64,
    pub entry: String,
    pub previous: Vec<u8>,
    pub hash: Vec<u8>,
}

/// The head, read inside the transaction: other processes append too.
pub(super) async fn head(tx: &mut AnyConnection) -> Result<Head, Fault> {
    let row = sqlx::query("SELECT seq, hash FROM ledger ORDER BY seq DESC LIMIT 1").fetch_optional(tx).await?;
    let Some(row) = row else { return Ok(Head::START) };
    let hash: Vec<u8> = row.try_get("hash")?;
    Ok(Head { seq: row.try_get("seq")?, hash: hash.try_into().map_err(|_| Fault::Shape("ledger"))? })
}

pub(super) async fn append(
    tx: &mut AnyConnection,
    key: &StorageKey,
    head: Head,
    line: &NewLine,
) -> Result<Head, Fault> {
    let next = head.next(key, &line.entry);
    sqlx::query("INSERT INTO ledger (seq, entry, previous, hash) VALUES ($1, $2, $3, $4)")
        .bind(next.seq)
        .bind(line.entry.as_str())
        .bind(head.hash.as_slice())
        .bind(next.hash.as_slice())
        .execute(&mut *tx)
        .await?;
    match &line.tie {
        Tie::None => {}
        Tie::Opens(letter) => {
            sqlx::query("INSERT INTO ledger_open (seq, letter) VALUES ($1, $2)")
                .bind(next.seq)
                .bind(letter.to_string())
                .execute(tx)
                .await?;
        }
        Tie::Closes(seq) => {
            let done = sqlx::query("DELETE FROM ledger_open WHERE seq = $1").bind(seq).execute(tx).await?;
            if done.rows_affected() == 0 {
                return Err(Fault::Stale);
            }
        }
    }
    Ok(next)
}

/// Up to `limit` lines after number `after`, in order.
pub(super) async fn page(tx: &mut AnyConnection, after: i64, limit: i64) -> Result<Vec<Line>, Fault> {
    let rows = sqlx::query("SELECT seq, entry, previous, hash FROM ledger WHERE seq > $1 ORDER BY seq LIMIT $2")
        .bind(after)
        .bind(limit)
        .fetch_all(tx)
        .await?;
    rows.iter()
        .map(|row| {
            Ok(Line { seq: row.try_get(0)?, entry: row.try_get(1)?, previous: row.try_get(2)?, hash: row.try_get(3)? })
        })
        .collect()
}

/// The last `limit` lines, newest first.
pub(super) async fn last(tx: &mut AnyConnection, limit: i64) -> Result<Vec<(i64, String)>, Fault> {
    let query = sqlx::query("SELECT seq, entry FROM ledger ORDER BY seq DESC LIMIT $1");
    let rows = query.bind(limit).fetch_all(tx).await?;
    rows.iter().map(|row| Ok((row.try_get(0)?, row.try_get(1)?))).collect()
}

/// Disclosures begun whose outcome was never written.
pub(super) async fn open(tx: &mut AnyConnection) -> Result<Vec<(i64, LetterId)>, Fault> {
    let rows = sqlx::query("SELECT seq, letter FROM ledger_open ORDER BY seq").fetch_all(tx).await?;
    rows.iter()
        .map(|row| {
            let letter = LetterId::parse(row.try_get(1)?).map_err(|_| Fault::Shape("ledger_open"))?;
            Ok((row.try_get(0)?, letter))
        })
        .collect()
}
