//! Notices to senders: a durable queue of their own, leased like letters.
//!
//! Not here: what a notice says, and how it is sent (`outbound/notice`).

use policy::{LetterId, Timestamp};
use serde::Serialize;
use serde_json::Value;
use sqlx::any::AnyRow;
use sqlx::{AnyConnection, Row};

use super::fault::Fault;
use super::vault::Vault;
use super::{micros, timestamp};

/// A notice to be sent.
pub struct NewNotice {
    /// About which letter.
    pub letter: LetterId,
    /// When to try first.
    pub due: Timestamp,
    /// All that sending it needs; stored sealed.
    pub body: Value,
}

impl NewNotice {
    /// A notice that is due then. A body that cannot be written as JSON is left out.
    #[must_use]
    pub fn new(letter: &LetterId, due: Timestamp, body: &impl Serialize) -> Self {
        Self { letter: letter.clone(), due, body: serde_json::to_value(body).unwrap_or(Value::Null) }
    }
}

/// A notice leased for one attempt.
#[must_use = "a leased notice is settled, or waits until the lease ends"]
pub struct NoticeLease {
    pub(super) id: String,
    pub(super) token: i64,
    /// About which letter.
    pub letter: LetterId,
    /// When it was written.
    pub created: Timestamp,
    /// Attempts that failed before this one.
    pub attempts: u32,
    /// What [`NewNotice::body`] was.
    pub body: Value,
}

/// How an attempt to send a notice ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NoticeEnd {
    /// Sent.
    Sent,
    /// Try again then.
    Deferred(Timestamp),
    /// Given up.
    Dropped,
}

pub(super) struct Insert {
    pub id: String,
    pub letter: LetterId,
    pub due: Timestamp,
    pub sealed: Vec<u8>,
}

pub(super) struct Settle {
    pub id: String,
    pub token: i64,
    pub end: NoticeEnd,
}

pub(super) async fn insert(tx: &mut AnyConnection, notice: Insert, now: i64) -> Result<(), Fault> {
    sqlx::query("INSERT INTO notice VALUES ($1, $2, $3, $4, 0, 0, 0, $5)")
        .bind(notice.id)
        .bind(notice.letter.to_string())
        .bind(now)
        .bind(micros(notice.due))
        .bind(notice.sealed)
        .execute(tx)
        .await?;
    Ok(())
}

pub(super) async fn settle(tx: &mut AnyConnection, settle: Settle) -> Result<(), Fault> {
    let query = match settle.end {
        NoticeEnd::Sent | NoticeEnd::Dropped => {
            sqlx::query("DELETE FROM notice WHERE id = $1 AND lease_token = $2 AND lease_until > 0")
        }
        NoticeEnd::Deferred(_) => sqlx::query(
            "UPDATE notice SET due = $3, attempts = attempts + 1, lease_until = 0 \
             WHERE id = $1 AND lease_token = $2 AND lease_until > 0",
        ),
    };
    let query = query.bind(settle.id).bind(settle.token);
    let query = if let NoticeEnd::Deferred(due) = settle.end { query.bind(micros(due)) } else { query };
    if query.execute(tx).await?.rows_affected() == 0 { Err(Fault::Stale) } else { Ok(()) }
}

pub(super) async fn lease(
    tx: &mut AnyConnection,
    vault: &Vault,
    (now, until): (i64, i64),
    limit: u32,
) -> Result<Vec<NoticeLease>, Fault> {
    let rows = sqlx::query(
        "UPDATE notice SET lease_until = $1, lease_token = lease_token + 1 WHERE id IN \
         (SELECT id FROM notice WHERE due <= $2 AND lease_until <= $2 ORDER BY due, created LIMIT $3) \
         RETURNING id, letter, created, attempts, lease_token, sealed",
    )
    .bind(until)
    .bind(now)
    .bind(i64::from(limit))
    .fetch_all(tx)
    .await?;
    // One damaged row must not stop the others: it stays leased, and is named in the log.
    let opened =
        rows.iter().filter_map(|row| open(vault, row).inspect_err(|fault| tracing::error!(%fault, "notice")).ok());
    Ok(opened.collect())
}

fn open(vault: &Vault, row: &AnyRow) -> Result<NoticeLease, Fault> {
    let id: String = row.try_get("id")?;
    let letter: String = row.try_get("letter")?;
    let sealed: Vec<u8> = row.try_get("sealed")?;
    Ok(NoticeLease {
        body: vault.open("notice", id.as_bytes(), &sealed)?,
        token: row.try_get("lease_token")?,
        letter: LetterId::parse(&letter).map_err(|_| Fault::Shape("notice"))?,
        created: timestamp(row.try_get("created")?),
        attempts: u32::try_from(row.try_get::<i64, _>("attempts")?).unwrap_or(u32::MAX),
        id,
    })
}
