//! Reading letters: for an attempt, and for the people who ask what became of them.
//!
//! Not here: writing (`queue.rs`).

use policy::{LetterId, Timestamp};
use serde_json::Value;
use sqlx::Row;
use sqlx::any::AnyRow;

use super::fault::Fault;
use super::letter::{Event, Filter, LetterRecord, Loaded, Overview, State, Summary};
use super::vault::from_json;
use super::{Store, micros, timestamp};

const LIMIT_DEFAULT: u32 = 100;
const LIMIT_MAX: u32 = 1_000;

impl Store {
    /// Opens a letter that is not final.
    ///
    /// # Errors
    /// [`Fault::NotFound`] when there is none of this reference, or its contents are erased.
    pub async fn load(&self, id: &LetterId) -> Result<Loaded, Fault> {
        let row =
            sqlx::query("SELECT wake, agency_ref, wrapped_key, sealed FROM letter WHERE id = $1 AND due IS NOT NULL")
                .bind(id.to_string())
                .fetch_one(self.readers())
                .await?;
        let wrapped: Vec<u8> = row.try_get("wrapped_key")?;
        let sealed: Vec<u8> = row.try_get("sealed")?;
        let key = self.vault().0.unwrap(id, &wrapped).map_err(|_| Fault::Damaged("letter"))?;
        let plain = key.open("record", &sealed).map_err(|_| Fault::Damaged("letter"))?;
        let record: LetterRecord = from_json("letter", &plain)?;
        Ok(Loaded { record, wake: row.try_get("wake")?, agency: row.try_get("agency_ref")?, key })
    }

    /// Is this the agency, or none, that the letter was noted as belonging to when it was loaded?
    #[must_use]
    pub fn is_of(&self, loaded: &Loaded, agency: Option<&str>) -> bool {
        loaded.agency == agency.map(|id| self.vault().name("agency", id))
    }

    /// One letter, final or not.
    ///
    /// # Errors
    /// [`Fault::NotFound`] when there is none of this reference.
    pub async fn letter(&self, id: &LetterId) -> Result<Overview, Fault> {
        let query = sqlx::query(
            "SELECT id, state, created, due, deadline, attempts, settled, summary, standing FROM letter WHERE id = $1",
        );
        overview(self, &query.bind(id.to_string()).fetch_one(self.readers()).await?)
    }

    /// Letters, newest first.
    ///
    /// # Errors
    /// When the database cannot be read, or a row does not open.
    pub async fn letters(&self, filter: &Filter) -> Result<Vec<Overview>, Fault> {
        let states = if filter.states.is_empty() { State::ALL } else { &filter.states };
        let state = |n: usize| states.get(n).or(states.last()).map_or("", |state| state.as_str());
        let vault = self.vault();
        let limit = if filter.limit == 0 { LIMIT_DEFAULT } else { filter.limit.min(LIMIT_MAX) };
        let rows = sqlx::query(
            "SELECT id, state, created, due, deadline, attempts, settled, summary, standing FROM letter \
             WHERE state IN ($1, $2, $3, $4, $5, $6) AND created < $7 \
             AND ($8 = 0 OR sender_ref = $9) AND ($10 = 0 OR subject_ref = $11) AND ($12 = 0 OR agency_ref = $13) \
             ORDER BY created DESC, id LIMIT $14",
        )
        .bind(state(0))
        .bind(state(1))
        .bind(state(2))
        .bind(state(3))
        .bind(state(4))
        .bind(state(5))
        .bind(filter.before.map_or(i64::MAX, micros))
        .bind(i64::from(filter.sender.is_some()))
        .bind(filter.sender.as_deref().map(|id| vault.name("staff", id)).unwrap_or_default())
        .bind(i64::from(filter.subject.is_some()))
        .bind(filter.subject.as_ref().map(|id| vault.name("subject", id.as_str())).unwrap_or_default())
        .bind(i64::from(filter.agency.is_some()))
        .bind(filter.agency.as_deref().map(|id| vault.name("agency", id)).unwrap_or_default())
        .bind(i64::from(limit))
        .fetch_all(self.readers())
        .await?;
        rows.iter().map(|row| overview(self, row)).collect()
    }

    /// Letters that wait for a fact.
    ///
    /// # Errors
    /// As [`Store::letters`].
    pub async fn held(&self) -> Result<Vec<Overview>, Fault> {
        self.letters(&Filter { states: vec![State::Held], limit: LIMIT_MAX, ..Filter::default() }).await
    }

    /// All that happened to a letter, oldest first.
    ///
    /// # Errors
    /// [`Fault::NotFound`] when there is none of this reference.
    pub async fn trail(&self, id: &LetterId) -> Result<Vec<Event>, Fault> {
        let rows = sqlx::query("SELECT sealed FROM trail WHERE letter = $1 ORDER BY n")
            .bind(id.to_string())
            .fetch_all(self.readers())
            .await?;
        if rows.is_empty() {
            return Err(Fault::NotFound);
        }
        let mut events = Vec::new();
        for row in rows {
            let sealed: Vec<u8> = row.try_get(0)?;
            events.extend(self.vault().open::<Vec<Event>>("trail", id.as_str().as_bytes(), &sealed)?);
        }
        Ok(events)
    }

    /// When the next letter wants to be looked at; none when none waits. May be past.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub async fn next_due(&self) -> Result<Option<Timestamp>, Fault> {
        let row = sqlx::query(
            "SELECT (SELECT due FROM letter WHERE due IS NOT NULL AND lease_until <= $1 ORDER BY due LIMIT 1) AS due, \
             (SELECT MIN(lease_until) FROM letter WHERE lease_until > $1) AS lease_ends",
        );
        self.sooner(row).await
    }

    /// When the next notice wants to be sent; none when none waits. May be past.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub async fn next_notice(&self) -> Result<Option<Timestamp>, Fault> {
        let row = sqlx::query(
            "SELECT (SELECT due FROM notice WHERE lease_until <= $1 ORDER BY due LIMIT 1) AS due, \
             (SELECT MIN(lease_until) FROM notice WHERE lease_until > $1) AS lease_ends",
        );
        self.sooner(row).await
    }

    async fn sooner(
        &self,
        query: sqlx::query::Query<'_, sqlx::Any, sqlx::any::AnyArguments>,
    ) -> Result<Option<Timestamp>, Fault> {
        let now = self.now_micros();
        let row = query.bind(now).fetch_one(self.readers()).await?;
        let (due, lease_ends): (Option<i64>, Option<i64>) = (row.try_get(0)?, row.try_get(1)?);
        let soonest = due.into_iter().chain(lease_ends).min();
        // What is not due yet is rounded up: whoever sleeps until then finds it due.
        Ok(soonest.map(|at| timestamp(if at <= now { at } else { at.saturating_add(999_999) })))
    }
}

fn overview(store: &Store, row: &AnyRow) -> Result<Overview, Fault> {
    let id: String = row.try_get("id")?;
    let summary: Vec<u8> = row.try_get("summary")?;
    let standing: Vec<u8> = row.try_get("standing")?;
    let summary: Summary = store.vault().open("summary", id.as_bytes(), &summary)?;
    let standing: Value = store.vault().open("standing", id.as_bytes(), &standing)?;
    Ok(Overview {
        id: LetterId::parse(&id).map_err(|_| Fault::Shape("letter"))?,
        state: row.try_get::<&str, _>("state")?.parse()?,
        created: timestamp(row.try_get("created")?),
        due: row.try_get::<Option<i64>, _>("due")?.map(timestamp),
        deadline: row.try_get::<Option<i64>, _>("deadline")?.map(timestamp),
        attempts: u32::try_from(row.try_get::<i64, _>("attempts")?).unwrap_or(u32::MAX),
        settled: row.try_get::<Option<i64>, _>("settled")?.map(timestamp),
        summary,
        standing,
    })
}
