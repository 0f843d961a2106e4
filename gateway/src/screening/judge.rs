//! Findings held against the register: pure functions over what the caller looked up.
//!
//! Whether a number is the subject's is not judged here: the decision does that (`patient.mixed`).

use std::collections::BTreeSet;

use jiff::civil::Date;
use jiff::tz::TimeZone;
use policy::{Finding, Subject, SubjectId};

use super::dates::{self, BirthDate};
use super::detect::fold;
use super::{PartText, Place, Reading, names, normalise_name};

/// Those of the [`candidate_names`](super::candidate_names) that the register knows, whoever's they are, in
/// [`normalise_name`]'s form. Personal data: its `Debug` gives their number alone.
#[derive(Clone, Default)]
pub struct KnownNames(pub BTreeSet<String>);

impl std::fmt::Debug for KnownNames {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "KnownNames({})", self.0.len())
    }
}

/// Names and birth dates of a letter against its subject's: theirs, another's, or against the register.
///
/// A labelled name or birth date that is not the subject's contradicts. Without a subject nothing contradicts.
/// Add the result to the [`Findings`](super::Findings).
#[must_use]
pub fn judge(reading: &Reading, subject: Option<&Subject>, known: &KnownNames) -> Vec<Place> {
    let subject = subject.map(Person::new);
    let mut places = Vec::new();
    for text in &reading.parts {
        let mut found = BTreeSet::new();
        for readings in names::labelled(text) {
            let contradicts = subject.as_ref().is_some_and(|person| !person.is_named(&readings));
            found.insert(if contradicts { Finding::NameContradicts } else { Finding::Name });
        }
        for date in birth_dates(text) {
            let contradicts = subject.as_ref().is_some_and(|person| !person.is_born(date));
            found.insert(if contradicts { Finding::BirthDateContradicts } else { Finding::BirthDate });
        }
        let theirs = |name: &String| subject.as_ref().is_some_and(|person| person.name == *name);
        if names::candidates(text).iter().any(|name| known.0.contains(name) || theirs(name)) {
            found.insert(Finding::Name);
        }
        places.extend(found.into_iter().map(|finding| Place { finding, part: text.part, page: text.page }));
    }
    places
}

/// The one person whom the letter is about, if its number and its name or birth date both agree with the register.
///
/// `people` are the subjects whom the register knows by the numbers in `found`. `None` where no one, or more than one,
/// agrees.
#[must_use]
pub fn infer_subject(reading: &Reading, found: &[Finding], people: &[Subject]) -> Option<SubjectId> {
    let numbers: BTreeSet<&SubjectId> =
        found.iter().filter_map(|finding| if let Finding::Number(id) = finding { Some(id) } else { None }).collect();
    let agreeing: BTreeSet<&SubjectId> = people
        .iter()
        .filter(|subject| numbers.contains(&subject.id) || subject.aliases.iter().any(|alias| numbers.contains(alias)))
        .filter(|subject| {
            let person = Person::new(subject);
            reading.parts.iter().any(|text| {
                birth_dates(text).into_iter().any(|date| person.is_born(date))
                    || names::candidates(text).contains(&person.name)
                    || names::labelled(text).iter().any(|readings| person.is_named(readings))
            })
        })
        .map(|subject| &subject.id)
        .collect();
    match agreeing.into_iter().collect::<Vec<_>>().as_slice() {
        [one] => Some((*one).clone()),
        _ => None,
    }
}

/// What of a subject's entry is compared.
struct Person {
    name: String,
    birth_date: Option<Date>,
}

impl Person {
    fn new(subject: &Subject) -> Self {
        let instant = jiff::Timestamp::from_second(subject.birth_date.0).ok();
        let birth_date = instant.map(|instant| instant.to_zoned(TimeZone::UTC).date());
        Self { name: normalise_name(&subject.name), birth_date }
    }

    /// Whether one reading is this person's name; an initial stands for the forename that it begins.
    fn is_named(&self, readings: &[String]) -> bool {
        readings.iter().any(|reading| *reading == self.name || self.is_initialled(reading))
    }

    fn is_initialled(&self, reading: &str) -> bool {
        match (reading.split_once(' '), self.name.split_once(' ')) {
            (Some((initial, last)), Some((first, surname))) => {
                last == surname && initial.chars().count() == 1 && first.starts_with(initial)
            }
            _ => false,
        }
    }

    fn is_born(&self, stated: BirthDate) -> bool {
        self.birth_date.is_some_and(|date| stated.agrees(date))
    }
}

fn birth_dates(text: &PartText) -> Vec<BirthDate> {
    dates::labelled(&fold(&text.text).to_ascii_lowercase())
}
