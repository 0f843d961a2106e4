//! The letters' table: every statement that writes a letter, its leases or its trail.
//!
//! Not here: reading for people (`look.rs`), sealing (`batch.rs`), blobs.

use policy::{LetterId, Timestamp};
use sqlx::any::AnyRow;
use sqlx::{AnyConnection, Row};

use super::fault::Fault;
use super::letter::{Lease, Transition};
use super::{micros, timestamp};

/// A letter to be inserted, sealed already.
pub(super) struct Insert {
    pub id: LetterId,
    pub state: &'static str,
    pub deadline: Option<Timestamp>,
    pub refs: Refs,
    pub contents: Option<Contents>,
    pub summary: Vec<u8>,
    pub standing: Vec<u8>,
    pub events: Vec<u8>,
}

/// What a register change finds the letter by.
pub(super) struct Refs {
    pub sender: Vec<u8>,
    pub subject: Option<Vec<u8>>,
    pub agency: Option<Vec<u8>>,
    pub mailbox: Vec<u8>,
    pub domain: Vec<u8>,
}

/// What is destroyed when the letter is final.
pub(super) struct Contents {
    pub blob: String,
    pub wrapped_key: Vec<u8>,
    pub sealed: Vec<u8>,
}

pub(super) struct Settle {
    pub id: LetterId,
    pub token: i64,
    pub wake: i64,
    pub to: Transition,
    pub standing: Vec<u8>,
    pub events: Vec<u8>,
}

pub(super) struct Amend {
    pub id: LetterId,
    pub wake: i64,
    pub refs: Refs,
    pub sealed: Vec<u8>,
    pub summary: Vec<u8>,
}

/// Whose the recipient's address is now.
pub(super) struct Belong {
    pub id: LetterId,
    pub token: i64,
    pub agency: Option<Vec<u8>>,
    pub summary: Vec<u8>,
}

/// What an attempt rests on.
pub(super) struct Undisturbed {
    pub id: LetterId,
    pub token: i64,
    pub wake: i64,
}

pub(super) async fn insert(tx: &mut AnyConnection, letter: Insert, now: i64) -> Result<(), Fault> {
    let waits = letter.contents.is_some();
    let (blob, wrapped_key, sealed) =
        letter.contents.map_or((None, None, None), |c| (Some(c.blob), Some(c.wrapped_key), Some(c.sealed)));
    sqlx::query(
        "INSERT INTO letter (id, state, created, due, deadline, attempts, settled, wake, lease_until, lease_token, \
         sender_ref, subject_ref, agency_ref, mailbox_ref, domain_ref, blob, wrapped_key, sealed, summary, standing) \
         VALUES ($1, $2, $3, $4, $5, 0, $6, 0, 0, 0, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16)",
    )
    .bind(letter.id.to_string())
    .bind(letter.state)
    .bind(now)
    .bind(waits.then_some(now))
    .bind(letter.deadline.map(micros))
    .bind((!waits).then_some(now))
    .bind(letter.refs.sender)
    .bind(letter.refs.subject)
    .bind(letter.refs.agency)
    .bind(letter.refs.mailbox)
    .bind(letter.refs.domain)
    .bind(blob)
    .bind(wrapped_key)
    .bind(sealed)
    .bind(letter.summary)
    .bind(letter.standing)
    .execute(&mut *tx)
    .await?;
    append(tx, &letter.id, letter.events).await
}

/// Adds to the letter's trail.
pub(super) async fn append(tx: &mut AnyConnection, letter: &LetterId, events: Vec<u8>) -> Result<(), Fault> {
    sqlx::query(
        "INSERT INTO trail (letter, n, sealed) \
         SELECT CAST($1 AS TEXT), COALESCE(MAX(n), 0) + 1, $2 FROM trail WHERE letter = $1",
    )
    .bind(letter.to_string())
    .bind(events)
    .execute(tx)
    .await?;
    Ok(())
}

pub(super) async fn lease(tx: &mut AnyConnection, (now, until): (i64, i64), limit: u32) -> Result<Vec<Lease>, Fault> {
    let rows = sqlx::query(
        "UPDATE letter SET lease_until = $1, lease_token = lease_token + 1 WHERE id IN \
         (SELECT id FROM letter WHERE due <= $2 AND lease_until <= $2 ORDER BY due, created LIMIT $3) \
         RETURNING id, state, attempts, lease_token, wake, created, deadline",
    )
    .bind(until)
    .bind(now)
    .bind(i64::from(limit))
    .fetch_all(tx)
    .await?;
    // One damaged row must not stop the others: it stays leased, and is named in the log.
    let named = |row: &AnyRow| row.try_get::<String, _>("id").ok().and_then(|id| LetterId::parse(&id).ok());
    let skip = |row: &AnyRow, fault: &Fault| {
        let letter = named(row).map(|id| id.to_string()).unwrap_or_default();
        tracing::error!(letter, %fault, "a letter's row is damaged: it is passed over");
    };
    Ok(rows.iter().filter_map(|row| lease_of(row).inspect_err(|fault| skip(row, fault)).ok()).collect())
}

fn lease_of(row: &AnyRow) -> Result<Lease, Fault> {
    Ok(Lease {
        id: LetterId::parse(row.try_get("id")?).map_err(|_| Fault::Shape("letter"))?,
        token: row.try_get("lease_token")?,
        wake: row.try_get("wake")?,
        state: row.try_get::<&str, _>("state")?.parse()?,
        attempts: u32::try_from(row.try_get::<i64, _>("attempts")?).unwrap_or(u32::MAX),
        created: timestamp(row.try_get("created")?),
        deadline: timestamp(row.try_get::<Option<i64>, _>("deadline")?.unwrap_or_default()),
    })
}

/// Ends an attempt. Gives back the blob that no letter uses any more.
pub(super) async fn settle(tx: &mut AnyConnection, settle: Settle, now: i64) -> Result<Option<String>, Fault> {
    let id = settle.id.clone();
    let events = settle.events.clone();
    let freed = match settle.to {
        Transition::Deferred { due, deadline } => {
            wait(tx, settle, (due, deadline, 1), now).await?;
            None
        }
        Transition::Held { due, deadline } => {
            wait(tx, settle, (due, deadline, 0), now).await?;
            None
        }
        Transition::Refused | Transition::Delivered | Transition::Expired | Transition::Failed => {
            finish(tx, settle, now).await?
        }
    };
    append(tx, &id, events).await?;
    Ok(freed)
}

async fn wait(
    tx: &mut AnyConnection,
    settle: Settle,
    (due, deadline, attempts): (Timestamp, Timestamp, i64),
    now: i64,
) -> Result<(), Fault> {
    let done = sqlx::query(
        "UPDATE letter SET state = $1, due = CASE WHEN wake = $2 THEN $3 ELSE $4 END, deadline = $5, \
         attempts = attempts + $6, standing = $7, lease_until = 0 \
         WHERE id = $8 AND lease_token = $9 AND lease_until > 0",
    )
    .bind(settle.to.state().as_str())
    .bind(settle.wake)
    .bind(micros(due))
    .bind(now)
    .bind(micros(deadline))
    .bind(attempts)
    .bind(settle.standing)
    .bind(settle.id.to_string())
    .bind(settle.token)
    .execute(tx)
    .await?;
    if done.rows_affected() == 0 { Err(Fault::Stale) } else { Ok(()) }
}

async fn finish(tx: &mut AnyConnection, settle: Settle, now: i64) -> Result<Option<String>, Fault> {
    let id = settle.id.to_string();
    let row = sqlx::query(
        "SELECT blob, (SELECT COUNT(*) FROM letter other WHERE other.blob = letter.blob) FROM letter WHERE id = $1",
    );
    let row = row.bind(&id).fetch_one(&mut *tx).await?;
    let (blob, letters): (Option<String>, i64) = (row.try_get(0)?, row.try_get(1)?);
    // `Delivered` is taken whoever holds the lease: the bytes are with the recipient, and sending them again helps nobody.
    let whoever = i64::from(settle.to == Transition::Delivered);
    let done = sqlx::query(
        "UPDATE letter SET state = $1, due = NULL, deadline = NULL, settled = $2, standing = $3, lease_until = 0, \
         blob = NULL, wrapped_key = NULL, sealed = NULL \
         WHERE id = $4 AND due IS NOT NULL AND ($5 = 1 OR (lease_token = $6 AND lease_until > 0))",
    )
    .bind(settle.to.state().as_str())
    .bind(now)
    .bind(settle.standing)
    .bind(&id)
    .bind(whoever)
    .bind(settle.token)
    .execute(&mut *tx)
    .await?;
    match (done.rows_affected(), settle.to) {
        (0, Transition::Delivered) => Ok(None),
        (0, _) => Err(Fault::Stale),
        _ => Ok(blob.filter(|_| letters == 1)),
    }
}

/// Does a row name this blob?
pub(super) async fn is_named(tx: &mut AnyConnection, blob: &str) -> Result<bool, Fault> {
    let row = sqlx::query("SELECT id FROM letter WHERE blob = $1 LIMIT 1").bind(blob).fetch_optional(tx).await?;
    Ok(row.is_some())
}

pub(super) async fn amend(tx: &mut AnyConnection, amend: Amend, now: i64) -> Result<(), Fault> {
    let done = sqlx::query(
        "UPDATE letter SET sealed = $1, summary = $2, sender_ref = $3, subject_ref = $4, agency_ref = $5, due = $6, \
         wake = wake + 1 WHERE id = $7 AND wake = $8 AND due IS NOT NULL",
    )
    .bind(amend.sealed)
    .bind(amend.summary)
    .bind(amend.refs.sender)
    .bind(amend.refs.subject)
    .bind(amend.refs.agency)
    .bind(now)
    .bind(amend.id.to_string())
    .bind(amend.wake)
    .execute(tx)
    .await?;
    if done.rows_affected() == 0 { Err(Fault::Stale) } else { Ok(()) }
}

/// Only for whoever holds the lease.
pub(super) async fn belong(tx: &mut AnyConnection, belong: Belong) -> Result<(), Fault> {
    let done = sqlx::query(
        "UPDATE letter SET agency_ref = $1, summary = $2 \
         WHERE id = $3 AND lease_token = $4 AND lease_until > 0 AND due IS NOT NULL",
    )
    .bind(belong.agency)
    .bind(belong.summary)
    .bind(belong.id.to_string())
    .bind(belong.token)
    .execute(tx)
    .await?;
    if done.rows_affected() == 0 { Err(Fault::Stale) } else { Ok(()) }
}

/// Is the attempt's holder still the holder, and the register as it was read for it?
pub(super) async fn undisturbed(tx: &mut AnyConnection, rests: &Undisturbed) -> Result<(), Fault> {
    let row = sqlx::query("SELECT wake FROM letter WHERE id = $1 AND lease_token = $2 AND lease_until > 0");
    let row = row.bind(rests.id.to_string()).bind(rests.token).fetch_optional(tx).await?.ok_or(Fault::Stale)?;
    if row.try_get::<i64, _>(0)? == rests.wake { Ok(()) } else { Err(Fault::Overtaken) }
}

/// Lets a lease that still holds run on.
pub(super) async fn renew(tx: &mut AnyConnection, rests: &Undisturbed, until: i64) -> Result<(), Fault> {
    sqlx::query("UPDATE letter SET lease_until = $1 WHERE id = $2 AND lease_token = $3")
        .bind(until)
        .bind(rests.id.to_string())
        .bind(rests.token)
        .execute(tx)
        .await?;
    Ok(())
}

/// Makes every waiting letter that rests on `name` due now. An attempt under way notices when it settles.
pub(super) async fn wake(tx: &mut AnyConnection, name: &[u8], now: i64) -> Result<u64, Fault> {
    let done = sqlx::query(
        "UPDATE letter SET due = $1, wake = wake + 1 \
         WHERE due IS NOT NULL AND (sender_ref = $2 OR subject_ref = $2 OR agency_ref = $2 \
         OR mailbox_ref = $2 OR domain_ref = $2)",
    )
    .bind(now)
    .bind(name)
    .execute(tx)
    .await?;
    Ok(done.rows_affected())
}

/// At the start of serving: whoever held a lease is gone.
pub(super) async fn void_leases(tx: &mut AnyConnection) -> Result<(), Fault> {
    sqlx::query("UPDATE letter SET lease_until = 0 WHERE lease_until > 0").execute(&mut *tx).await?;
    sqlx::query("UPDATE notice SET lease_until = 0 WHERE lease_until > 0").execute(tx).await?;
    Ok(())
}
