//! The facts that only a letter's sender can supply: whom it is about, and that what was found in it is rightly there.
//!
//! A hold is never waved through: a fact is supplied, the letter becomes due, and the gateway decides again by itself
//! (`spec/decision.md`, section 2, rule 3). Not here: facts that belong in a register.

use policy::{Contradiction, Finding, LetterId, Recipient, Subject, SubjectId};
use serde_json::{Value, json};

use crate::clock::Clock;
use crate::intake::Declaration;
use crate::journey::{Journey, Parts};
use crate::screening::Place;
use crate::store::{Event, Fault, Happening, LetterRecord, Loaded, State, Store};

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
    /// The register does not know them.
    #[error("the register has no person of this id; add them first")]
    UnknownSubject,
}

/// The sender has looked, and says that what was found in this part is rightly there.
///
/// What is confirmed stays an identifier: a letter that may hold none is no freer than before.
///
/// # Errors
/// [`SupplyError`]; nothing is changed then.
pub async fn confirm(store: &Store, clock: &Clock, id: &LetterId, part: u32, by: &str) -> Result<(), SupplyError> {
    let held = Held::open(store, id, by).await?;
    let mut record = held.loaded.record.clone();
    let own = record.letter.subject.clone();
    let mut touched = false;
    for place in record.places.iter_mut().filter(|place| place.part == part) {
        if let Some(confirmed) = confirmed(&place.finding, own.as_ref()) {
            place.finding = confirmed;
            touched = true;
        }
    }
    record.letter.found = findings(&record.places);
    let fact = json!({ "confirmed": { "part": part }, "by": by });
    if touched { held.amend(store, clock, &record, &fact).await } else { Err(SupplyError::NothingThere(part)) }
}

/// The sender names whom the letter is about. It is read again and held against that person's entry, as at the door: a
/// wrong name then contradicts what the letter says. What was confirmed before is asked again.
///
/// # Errors
/// [`SupplyError`]; nothing is changed then.
pub async fn name_subject(journey: &Journey, id: &LetterId, subject: SubjectId, by: &str) -> Result<(), SupplyError> {
    let Parts { store, registers, screener, clock, .. } = &**journey;
    let mut held = Held::open(store, id, by).await?;
    if registers.read::<Subject>(subject.as_str()).await?.is_none() {
        return Err(SupplyError::UnknownSubject);
    }
    let mut record = held.loaded.record.clone();
    let letter = &mut record.letter;
    let subject_line = letter.body.subject_line.clone();
    let said = Declaration { subject: Some(subject.clone()), subject_line, ..Declaration::default() };
    record.places = screener.recognise(store, registers, &said, &letter.body).await?.places;
    letter.found = findings(&record.places);
    letter.contradictions.retain(|item| *item != Contradiction::Subject);
    held.agency = match registers.recipient(&letter.to, Some(&subject)).await? {
        Recipient::Agency(agency) => Some(agency.id),
        Recipient::OwnAddress | Recipient::Unlisted { .. } => None,
    };
    let fact = json!({ "subject": subject, "by": by });
    letter.subject = Some(subject);
    held.amend(store, clock, &record, &fact).await
}

/// A held letter, opened by its sender.
struct Held {
    loaded: Loaded,
    agency: Option<String>,
}

impl Held {
    async fn open(store: &Store, id: &LetterId, by: &str) -> Result<Self, SupplyError> {
        let overview = store.letter(id).await?;
        if overview.state != State::Held {
            return Err(SupplyError::NotHeld(overview.state));
        }
        let loaded = store.load(id).await?;
        if loaded.record.letter.sender != by {
            return Err(SupplyError::NotTheSender);
        }
        Ok(Self { loaded, agency: overview.summary.agency })
    }

    async fn amend(self, store: &Store, clock: &Clock, record: &LetterRecord, fact: &Value) -> Result<(), SupplyError> {
        let mut batch = store.batch();
        let event = Event::new(clock.now(), Happening::Amended, fact);
        batch.amend(&self.loaded, record, self.agency.as_deref(), event);
        Ok(batch.commit().await.map(drop)?)
    }
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
