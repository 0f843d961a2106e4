//! The registers' table: sealed rows, found by keyed names, their past kept.
//!
//! Not here: what a row means (`registers/`).

use sqlx::any::AnyRow;
use sqlx::{AnyConnection, AssertSqlSafe, Row};

use super::fault::Fault;

/// A row to be put, sealed already.
pub(crate) struct Put {
    pub list: &'static str,
    pub row: Vec<u8>,
    pub sealed: Vec<u8>,
    pub names: Vec<Name>,
    /// The row as the caller read it (none: it must be new); a row that changed meanwhile is not overwritten.
    pub before: Option<Vec<u8>>,
    pub past: Past,
}

/// What a row is found by.
pub(crate) struct Name {
    pub name: Vec<u8>,
    pub sole: Sole,
}

/// May other rows go by the same name?
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sole {
    /// No other row.
    Sole,
    /// As many as like.
    Shared,
}

/// Is what a row was kept when it changes?
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Past {
    /// Every version.
    Kept,
    /// None: secrets are not worth keeping.
    Forgotten,
}

/// A row as found.
pub(crate) struct Found {
    /// Which of the names asked for it goes by.
    pub name: Vec<u8>,
    pub list: String,
    pub row: Vec<u8>,
    pub sealed: Vec<u8>,
}

/// Puts rows. All old names go before any new one comes, so that an address may move from one row to another.
pub(super) async fn put(tx: &mut AnyConnection, puts: Vec<Put>, now: i64) -> Result<(), Fault> {
    for put in puts.iter().filter(|put| put.before.is_some()) {
        sqlx::query("DELETE FROM record_name WHERE row = $1").bind(put.row.as_slice()).execute(&mut *tx).await?;
    }
    for put in puts {
        write(tx, put, now).await?;
    }
    moved(tx).await
}

async fn write(tx: &mut AnyConnection, put: Put, now: i64) -> Result<(), Fault> {
    if let Some(before) = put.before {
        if put.past == Past::Kept {
            sqlx::query(
                "INSERT INTO record_past (row, n, sealed) \
                 SELECT $1, COALESCE(MAX(n), 0) + 1, $2 FROM record_past WHERE row = $1",
            )
            .bind(put.row.as_slice())
            .bind(before.as_slice())
            .execute(&mut *tx)
            .await?;
        }
        let done = sqlx::query("UPDATE record SET sealed = $1, changed = $2 WHERE row = $3 AND sealed = $4")
            .bind(put.sealed)
            .bind(now)
            .bind(put.row.as_slice())
            .bind(before)
            .execute(&mut *tx)
            .await?;
        if done.rows_affected() == 0 {
            return Err(Fault::Stale);
        }
    } else {
        sqlx::query("INSERT INTO record (row, list, changed, sealed) VALUES ($1, $2, $3, $4)")
            .bind(put.row.as_slice())
            .bind(put.list)
            .bind(now)
            .bind(put.sealed)
            .execute(&mut *tx)
            .await?;
    }
    for name in put.names {
        sqlx::query("INSERT INTO record_name (name, row, sole) VALUES ($1, $2, $3) ON CONFLICT (name, row) DO NOTHING")
            .bind(name.name)
            .bind(put.row.as_slice())
            .bind(i64::from(name.sole == Sole::Sole))
            .execute(&mut *tx)
            .await?;
    }
    Ok(())
}

pub(super) async fn remove(tx: &mut AnyConnection, row: &[u8]) -> Result<(), Fault> {
    sqlx::query("DELETE FROM record_name WHERE row = $1").bind(row).execute(&mut *tx).await?;
    let done = sqlx::query("DELETE FROM record WHERE row = $1").bind(row).execute(&mut *tx).await?;
    if done.rows_affected() == 0 { Err(Fault::NotFound) } else { moved(tx).await }
}

/// Moves with every change, whoever makes it.
pub(super) async fn version(tx: &mut AnyConnection) -> Result<i64, Fault> {
    let row = sqlx::query("SELECT value FROM meta WHERE name = 'registers'").fetch_optional(tx).await?;
    row.map_or(Ok(0), |row| Ok(row.try_get(0)?))
}

async fn moved(tx: &mut AnyConnection) -> Result<(), Fault> {
    sqlx::query(
        "INSERT INTO meta (name, value) VALUES ('registers', 1) ON CONFLICT (name) DO UPDATE SET value = meta.value + 1",
    )
    .execute(tx)
    .await?;
    Ok(())
}

/// Every row that goes by one of `names`: one indexed read for up to 200 of them.
pub(super) async fn find(tx: &mut AnyConnection, names: &[Vec<u8>]) -> Result<Vec<Found>, Fault> {
    const AT_ONCE: usize = 200;
    let mut found = Vec::new();
    for names in names.chunks(AT_ONCE) {
        let places: Vec<String> = (1..=names.len()).map(|n| format!("${n}")).collect();
        let text = format!(
            "SELECT n.name, r.list, r.row, r.sealed FROM record_name n JOIN record r ON r.row = n.row WHERE n.name IN ({})",
            places.join(", ")
        );
        // Safe: the text holds only place numbers counted here.
        let mut query = sqlx::query(AssertSqlSafe(text));
        for name in names {
            query = query.bind(name.as_slice());
        }
        for row in query.fetch_all(&mut *tx).await? {
            found.push(found_of(&row)?);
        }
    }
    Ok(found)
}

/// The next `limit` rows of a list after `after`, in the order of their pseudonyms.
pub(super) async fn page(tx: &mut AnyConnection, list: &str, after: &[u8], limit: i64) -> Result<Vec<Found>, Fault> {
    let rows = sqlx::query(
        "SELECT row AS name, list, row, sealed FROM record WHERE list = $1 AND row > $2 ORDER BY row LIMIT $3",
    )
    .bind(list)
    .bind(after)
    .bind(limit)
    .fetch_all(tx)
    .await?;
    rows.iter().map(found_of).collect()
}

/// What a row was, oldest first, without what it is.
pub(super) async fn past(tx: &mut AnyConnection, row: &[u8]) -> Result<Vec<Vec<u8>>, Fault> {
    let rows = sqlx::query("SELECT sealed FROM record_past WHERE row = $1 ORDER BY n").bind(row).fetch_all(tx).await?;
    rows.iter().map(|row| Ok(row.try_get(0)?)).collect()
}

fn found_of(row: &AnyRow) -> Result<Found, Fault> {
    Ok(Found { name: row.try_get(0)?, list: row.try_get(1)?, row: row.try_get(2)?, sealed: row.try_get(3)? })
}
