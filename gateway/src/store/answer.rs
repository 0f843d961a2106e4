//! Answers to requests that carried an `Idempotency-Key`, kept for a week: the same request gets the same answer.
//!
//! Not here: reading the header, comparing requests (`intake/https`).

use policy::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use sqlx::{AnyConnection, Row};

use super::Store;
use super::fault::Fault;
use super::micros;

/// How long an answer is kept.
pub const ANSWER_LIFE_SECS: i64 = 7 * 24 * 3_600;

/// An answer once given.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct Answer {
    /// SHA-256 of the request, lower-case hex: the same key with another request is the client's error.
    pub request_sha256: String,
    /// What was answered.
    pub answer: Value,
}

impl Store {
    /// The answer that `account` was given under this key within the last week.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub async fn answer(&self, account: &str, key: &str) -> Result<Option<Answer>, Fault> {
        let name = name_of(self, account, key);
        let row = sqlx::query("SELECT sealed FROM answer WHERE name = $1 AND expires > $2")
            .bind(name.as_slice())
            .bind(self.now_micros())
            .fetch_optional(self.readers())
            .await?;
        row.map(|row| self.vault().open("answer", &name, &row.try_get::<Vec<u8>, _>(0)?)).transpose()
    }
}

/// Length first, so that no account and key can be read as another pair.
pub(super) fn name_of(store: &Store, account: &str, key: &str) -> Vec<u8> {
    store.vault().name("answer", &format!("{}:{account}{key}", account.len()))
}

pub(super) struct Insert {
    pub name: Vec<u8>,
    pub expires: Timestamp,
    pub sealed: Vec<u8>,
}

/// Fails with a conflict while an earlier answer stands, which undoes the whole batch: nothing is accepted twice.
pub(super) async fn insert(tx: &mut AnyConnection, answer: Insert, now: i64) -> Result<(), Fault> {
    // Whoever comes tidies up, so that the table holds a week's answers and no more.
    sqlx::query("DELETE FROM answer WHERE expires <= $1").bind(now).execute(&mut *tx).await?;
    sqlx::query("INSERT INTO answer (name, expires, sealed) VALUES ($1, $2, $3)")
        .bind(answer.name)
        .bind(micros(answer.expires))
        .bind(answer.sealed)
        .execute(tx)
        .await?;
    Ok(())
}
