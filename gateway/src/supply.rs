//! The facts that only a letter's sender can supply: whom it is about, and that what was found in it is rightly there.
//!
//! A hold is never waved through: a fact is supplied, the letter becomes due, and the gateway decides again by itself
//! (`spec/decision.md`, section 2, rule 3). Not here: facts that belong in a register.

use policy::{Contradiction, Finding, LetterId, SubjectId};
use serde_json::{Value, json};

use crate::clock::Clock;
use crate::screening::Place;
use crate::store::{Event, Fault, Happening, LetterRecord, State, Store};

/// Why a fact was not taken.
#[derive(Debug, thiserror::Error)]
pub enum SupplyError {
    /// The store could not be read or written, or there is no such letter.
    #[error(transparent)]
    Fault(#[from] Fault),
    /// The letter is not held.
    #[error("the letter is {}, not held: there is nothing to supply", .0.as_str())]
    NotHeld(State),
    /// Only the sender knows.
    #[error("only the letter's sender can say this; the register's own facts are supplied there")]
    NotTheSender,
    /// Nothing that could be confirmed was found there.
    #[error("nothing in part {0} needs to be confirmed; `held show` numbers the parts")]
    NothingThere(u32),
}

/// The sender has looked, and says that what was found in this part is rightly there.
///
/// What is confirmed stays an identifier: a letter that may hold none is no freer than before.
///
/// # Errors
/// [`SupplyError`]; nothing is changed then.
pub async fn confirm(store: &Store, clock: &Clock, id: &LetterId, part: u32, by: &str) -> Result<(), SupplyError> {
    let fact = json!({ "confirmed": { "part": part }, "by": by });
    supply(store, clock, id, by, fact, |record| {
        let own = record.letter.subject.clone();
        let mut touched = false;
        for place in record.places.iter_mut().filter(|place| place.part == part) {
            if let Some(confirmed) = confirmed(&place.finding, own.as_ref()) {
                place.finding = confirmed;
                touched = true;
            }
        }
        record.letter.found = findings(&record.places);
        if touched { Ok(()) } else { Err(SupplyError::NothingThere(part)) }
    })
    .await
}

/// The sender names whom the letter is about.
///
/// # Errors
/// [`SupplyError`]; nothing is changed then.
pub async fn name_subject(
    store: &Store,
    clock: &Clock,
    id: &LetterId,
    subject: SubjectId,
    by: &str,
) -> Result<(), SupplyError> {
    supply(store, clock, id, by, json!({ "subject": subject, "by": by }), |record| {
        record.letter.subject = Some(subject);
        record.letter.contradictions.retain(|item| *item != Contradiction::Subject);
        Ok(())
    })
    .await
}

async fn supply(
    store: &Store,
    clock: &Clock,
    id: &LetterId,
    by: &str,
    fact: Value,
    change: impl FnOnce(&mut LetterRecord) -> Result<(), SupplyError>,
) -> Result<(), SupplyError> {
    let overview = store.letter(id).await?;
    if overview.state != State::Held {
        return Err(SupplyError::NotHeld(overview.state));
    }
    let loaded = store.load(id).await?;
    let mut record = loaded.record.clone();
    if record.letter.sender != by {
        return Err(SupplyError::NotTheSender);
    }
    change(&mut record)?;
    let mut batch = store.batch();
    let event = Event::new(clock.now(), Happening::Amended, &fact);
    batch.amend(&loaded, &record, overview.summary.agency.as_deref(), event);
    Ok(batch.commit().await.map(drop)?)
}

/// What a finding comes to once the sender has confirmed it; none where there is nothing to confirm.
fn confirmed(finding: &Finding, own: Option<&SubjectId>) -> Option<Finding> {
    match finding {
        Finding::Number(id) if Some(id) != own => Some(Finding::Name),
        Finding::NameContradicts => Some(Finding::Name),
        Finding::BirthDateContradicts => Some(Finding::BirthDate),
        Finding::Unread => Some(Finding::Image),
        _ => None,
    }
}

/// Each thing that was found, once.
pub(crate) fn findings(places: &[Place]) -> Vec<Finding> {
    let mut found: Vec<Finding> = places.iter().map(|place| place.finding.clone()).collect();
    found.sort();
    found.dedup();
    found
}
