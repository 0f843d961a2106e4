//! `sealgate letter`: what became of each letter, and all that happened to it.

use policy::LetterId;
use serde_json::{Value, json};

use super::args;
use super::explain::Decided;
use super::out::{Failure, Outcome, joined, table};
use super::visit::Visit;
use crate::status::Status;
use crate::store::{Event, Fault, Filter, Happening, Overview, State};

pub(super) async fn letter(visit: &Visit, verb: args::Letter) -> Outcome {
    match verb {
        args::Letter::List { state, most } => list(visit, state.as_deref(), most).await,
        args::Letter::Show { id } => show(visit, &id).await,
        args::Letter::Trail { id } => trail(visit, &id).await,
    }
}

/// There is no letter of this reference.
pub(super) fn absent(id: &LetterId, fault: Fault) -> Failure {
    match fault {
        Fault::NotFound => {
            let sentence = format!("{id}: there is no such letter; `sealgate letter list` shows them");
            Failure::new(Status::NotFound, sentence)
        }
        fault => fault.into(),
    }
}

/// A letter with its times as people and programs read them.
pub(super) fn letter_json(letter: &Overview) -> Value {
    let at = |at: Option<policy::Timestamp>| at.map(|at| at.to_string());
    json!({
        "id": letter.id,
        "state": letter.state,
        "accepted": letter.created.to_string(),
        "due": at(letter.due),
        "deadline": at(letter.deadline),
        "attempts": letter.attempts,
        "settled": at(letter.settled),
        "sender": letter.summary.sender,
        "to": letter.summary.to.to_string(),
        "agency": letter.summary.agency,
        "subject": letter.summary.subject,
        "purpose": letter.summary.purpose,
        "categories": letter.summary.categories,
        "octets": letter.summary.bytes,
        "sha256": letter.summary.sha256,
        "standing": letter.standing,
    })
}

/// Who, to whom, about whom, what for.
pub(super) fn letter_lines(letter: &Overview) -> Vec<String> {
    let summary = &letter.summary;
    let agency = summary.agency.as_ref().map(|agency| format!(" ({agency})")).unwrap_or_default();
    // As it was decided on: what the letter does not declare, its sender's defaults may.
    let (decided_for, held) = Decided::of_standing(&letter.standing)
        .map_or_else(|| (None, summary.categories.clone()), |decided| (decided.purpose, decided.categories));
    let purpose = match (decided_for, &summary.purpose) {
        (Some(purpose), _) => purpose.to_string(),
        (None, Some(_)) => "a word that is on no list".to_owned(),
        (None, None) => "not declared".to_owned(),
    };
    let holds = if held.is_empty() { "not declared".to_owned() } else { joined(&held) };
    vec![
        format!("From:     {}", summary.sender),
        format!("To:       {}{agency}", summary.to),
        format!("About:    {}", summary.subject.as_ref().map_or("nobody named", |subject| subject.as_str())),
        format!("Purpose:  {purpose}"),
        format!("Holds:    {holds}"),
        format!("Accepted: {}, {} octets", letter.created, summary.bytes),
    ]
}

async fn list(visit: &Visit, state: Option<&str>, most: u32) -> Outcome {
    let states = state.map(state_of).transpose()?.into_iter().collect();
    let filter = Filter { states, limit: most.max(1), ..Filter::default() };
    let letters = visit.store.letters(&filter).await?;
    let row = |letter: &Overview| {
        let why = Decided::of_standing(&letter.standing).map(|decided| decided.codes()).unwrap_or_default();
        let agency = letter.summary.agency.clone().unwrap_or_default();
        let accepted = letter.created.to_string();
        vec![
            letter.id.to_string(),
            letter.state.as_str().to_owned(),
            accepted,
            letter.summary.sender.clone(),
            agency,
            why,
        ]
    };
    let rows: Vec<_> = letters.iter().map(row).collect();
    let json: Vec<_> = letters.iter().map(letter_json).collect();
    visit.out.data(&json, table(&["LETTER", "STATE", "ACCEPTED", "SENDER", "AGENCY", "WHY"], &rows));
    Ok(Status::Done)
}

fn state_of(word: &str) -> Result<State, Failure> {
    word.parse().map_err(|_| {
        let states = State::ALL.iter().map(|state| state.as_str()).collect::<Vec<_>>().join(", ");
        Failure::new(Status::Usage, format!("--state: no letter is ever in this state; the states are {states}"))
    })
}

async fn show(visit: &Visit, id: &LetterId) -> Outcome {
    let letter = visit.store.letter(id).await.map_err(|fault| absent(id, fault))?;
    let mut lines = vec![format!("{id} is {}", letter.state.as_str())];
    lines.extend(letter_lines(&letter));
    lines.push(next(&letter));
    if let Some(obstacle) = obstacle(&letter.standing) {
        lines.push(format!("In the way: {obstacle}"));
    }
    if let Some(decided) = Decided::of_standing(&letter.standing) {
        lines.push(format!("Decided:  {}", decided.verdict));
        lines.extend(decided.lines());
    }
    visit.out.data(&letter_json(&letter), lines.join("\n"));
    Ok(Status::Done)
}

/// What happens next, and when.
fn next(letter: &Overview) -> String {
    let time = |at: Option<policy::Timestamp>| at.map(|at| at.to_string()).unwrap_or_default();
    match letter.state {
        State::Queued => {
            let (due, end) = (time(letter.due), time(letter.deadline));
            format!(
                "Next:     an attempt at {due}; after {end} it goes back to its sender ({} put off so far)",
                letter.attempts
            )
        }
        State::Held => format!("Next:     it waits until {}, and is refused then", time(letter.deadline)),
        State::Refused | State::Delivered | State::Expired | State::Failed => {
            format!("Ended:    {}; its contents are erased", time(letter.settled))
        }
    }
}

/// What stands in the way of a letter that may go.
fn obstacle(standing: &Value) -> Option<String> {
    let hindrance = standing.get("hindrance").filter(|hindrance| hindrance.is_object())?;
    let part = |name: &str| hindrance.get(name).and_then(Value::as_str).unwrap_or_default();
    let told = [part("host"), plain(part("diagnostic"))].into_iter().filter(|text| !text.is_empty());
    Some(format!("{} {}", part("sentence"), told.collect::<Vec<_>>().join(": ")).trim().to_owned())
}

/// A diagnostic without its type (RFC 3464 §2.3.6), which says nothing to people.
fn plain(diagnostic: &str) -> &str {
    diagnostic.split_once("; ").map_or(diagnostic, |(_, text)| text)
}

async fn trail(visit: &Visit, id: &LetterId) -> Outcome {
    let events = visit.store.trail(id).await.map_err(|fault| absent(id, fault))?;
    let json: Vec<_> = events
        .iter()
        .map(|Event { at, what, facts }| json!({ "at": at.to_string(), "what": what, "facts": facts }))
        .collect();
    let rows: Vec<_> =
        events.iter().map(|event| vec![event.at.to_string(), word(event.what), particulars(event)]).collect();
    visit.out.data(&json, table(&["AT", "WHAT", "PARTICULARS"], &rows));
    Ok(Status::Done)
}

fn word(what: Happening) -> String {
    serde_json::to_value(what).ok().and_then(|word| word.as_str().map(str::to_owned)).unwrap_or_default()
}

/// What matters of an event, in one line.
fn particulars(Event { what, facts, .. }: &Event) -> String {
    let at = |pointer: &str| match facts.pointer(pointer) {
        Some(Value::String(text)) => text.clone(),
        Some(Value::Null) | None => String::new(),
        Some(other) => other.to_string(),
    };
    match what {
        Happening::Accepted => format!("{} octets", at("/bytes")),
        Happening::Decided => {
            let codes = facts.get("reasons").and_then(Value::as_array).into_iter().flatten();
            let codes: Vec<_> = codes.filter_map(|reason| reason.get("code")?.as_str()).collect();
            format!("{} {}", at("/verdict"), codes.join(", "))
        }
        Happening::Deferred => format!("{} {}", at("/why/sentence"), plain(&at("/why/diagnostic"))),
        Happening::Delivered => {
            format!("by {} to {}, {} octets", at("/channel"), at("/receipt/host"), at("/receipt/bytes"))
        }
        Happening::Failed | Happening::Expired => format!("{} {}", at("/sentence"), plain(&at("/diagnostic"))),
        Happening::Amended => match facts.pointer("/confirmed/part") {
            Some(part) => format!("{} confirmed what was found in part {part}", at("/by")),
            None => format!("{} said whom it is about", at("/by")),
        },
        Happening::Notice => at("/news"),
    }
    .trim()
    .to_owned()
}
