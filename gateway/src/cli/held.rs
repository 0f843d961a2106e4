//! `sealgate held`: what waits for a fact, which fact, and the command that supplies it.
//!
//! A hold is never waved through: a fact is supplied, and the gateway decides again by itself. Numbers are shown by
//! their last two digits.

use policy::{Finding, LetterId, ReasonCode, Subject, SubjectId};
use serde_json::{Value, json};

use super::args;
use super::explain::Decided;
use super::letter::{absent, letter_json, letter_lines};
use super::out::{Failure, Outcome, table};
use super::visit::Visit;
use crate::screening::Place;
use crate::status::Status;
use crate::store::{Overview, State};
use crate::supply::{self, SupplyError};

pub(super) async fn held(visit: &Visit, verb: args::Held) -> Outcome {
    match verb {
        args::Held::List => list(visit).await,
        args::Held::Show { id } => show(visit, &id).await,
        args::Held::Confirm { id, part, by } => {
            visit.permit(&by, &[]).await?;
            let supplied = supply::confirm(&visit.store, &visit.seams.clock, &id, part, &by).await;
            taken(visit, &id, supplied)
        }
        args::Held::Subject { id, subject, by } => {
            visit.permit(&by, &[]).await?;
            let subject = SubjectId::parse(&subject).map_err(|error| Failure::new(Status::Usage, error))?;
            let supplied = supply::name_subject(&visit.journey()?, &id, subject, &by).await;
            taken(visit, &id, supplied)
        }
    }
}

fn taken(visit: &Visit, id: &LetterId, supplied: Result<(), SupplyError>) -> Outcome {
    supplied.map_err(|error| match error {
        SupplyError::Fault(fault) => absent(id, fault),
        SupplyError::NotHeld(_) => Failure::new(Status::Conflict, format!("{id}: {error}")),
        SupplyError::NotTheSender => Failure::new(Status::NotPermitted, format!("{id}: {error}")),
        SupplyError::NothingThere(_) | SupplyError::UnknownSubject => {
            Failure::new(Status::NotFound, format!("{id}: {error}"))
        }
    })?;
    visit.out.data(&json!({ "letter": id, "supplied": true }), format!("{id}: noted; it is decided again now"));
    Ok(Status::Done)
}

async fn list(visit: &Visit) -> Outcome {
    let letters = visit.store.held().await?;
    let row = |letter: &Overview| {
        let decided = Decided::of_standing(&letter.standing);
        let who = decided.iter().flat_map(|decided| &decided.reasons).map(|reason| reason.who.as_ref());
        let mut who: Vec<_> = who.collect();
        who.sort_unstable();
        who.dedup();
        let until = letter.deadline.map(|at| at.to_string()).unwrap_or_default();
        let why = decided.as_ref().map(Decided::codes).unwrap_or_default();
        vec![letter.id.to_string(), letter.summary.sender.clone(), until, who.join(", "), why]
    };
    let rows: Vec<_> = letters.iter().map(row).collect();
    let json: Vec<_> = letters.iter().map(letter_json).collect();
    visit.out.data(&json, table(&["LETTER", "SENDER", "UNTIL", "WHO CAN ACT", "WHY"], &rows));
    Ok(Status::Done)
}

async fn show(visit: &Visit, id: &LetterId) -> Outcome {
    let letter = visit.store.letter(id).await.map_err(|fault| absent(id, fault))?;
    if letter.state != State::Held {
        let state = letter.state.as_str();
        let sentence = format!("{id}: it is {state}, not held; `sealgate letter show {id}` tells more");
        return Err(Failure::new(Status::Conflict, sentence));
    }
    let places = visit.store.load(id).await.map_err(|fault| absent(id, fault))?.record.places;
    let subject: Option<Subject> = match &letter.summary.subject {
        Some(subject) => visit.registers.read(subject.as_str()).await?,
        None => None,
    };
    let seen: Vec<Seen> = places.iter().map(|place| Seen::of(place, subject.as_ref())).collect();
    let decided = Decided::of_standing(&letter.standing);
    let commands = commands(&letter, decided.as_ref(), &seen);

    let until = letter.deadline.map(|at| at.to_string()).unwrap_or_default();
    let mut lines = vec![format!("{id} is held until {until}, and refused then if nobody answers")];
    lines.extend(letter_lines(&letter));
    lines.push("Why:".to_owned());
    lines.extend(decided.iter().flat_map(Decided::lines));
    if !seen.is_empty() {
        lines.push("Found in it:".to_owned());
        lines.extend(seen.iter().map(Seen::line));
    }
    lines.push("To supply what is missing:".to_owned());
    lines.extend(commands.iter().map(|command| format!("  {command}")));
    let mut json = letter_json(&letter);
    if let Value::Object(fields) = &mut json {
        fields.insert("found".to_owned(), seen.iter().map(Seen::json).collect());
        fields.insert("commands".to_owned(), json!(commands));
    }
    visit.out.data(&json, lines.join("\n"));
    Ok(Status::Done)
}

/// One finding as people may see it.
struct Seen {
    part: u32,
    page: Option<u32>,
    what: String,
    /// It speaks of another person than the letter's own, or may: only the sender knows.
    is_in_question: bool,
}

impl Seen {
    fn of(place: &Place, subject: Option<&Subject>) -> Self {
        let (what, is_in_question) = match &place.finding {
            Finding::Number(id) => {
                let is_own = subject.is_some_and(|subject| subject.answers_to(id));
                (format!("number {}", masked(id)), !is_own)
            }
            Finding::NameContradicts => ("a name that is not the person's".to_owned(), true),
            Finding::BirthDateContradicts => ("a birth date that is not the person's".to_owned(), true),
            Finding::Unread => ("something that could not be read".to_owned(), true),
            Finding::Name => ("a name".to_owned(), false),
            Finding::BirthDate => ("a birth date".to_owned(), false),
            Finding::NiNumber => ("a national insurance number".to_owned(), false),
            Finding::Image => ("an image".to_owned(), false),
            Finding::Email => ("an e-mail address".to_owned(), false),
            Finding::Phone => ("a telephone number".to_owned(), false),
            Finding::Postcode => ("a postcode".to_owned(), false),
        };
        Self { part: place.part, page: place.page, what, is_in_question }
    }

    fn line(&self) -> String {
        let page = self.page.map(|page| format!(", page {page}")).unwrap_or_default();
        let place = if self.part == 0 { "the whole".to_owned() } else { format!("part {}{page}", self.part) };
        let question = if self.is_in_question { "  <- is this rightly here?" } else { "" };
        format!("  {place}: {}{question}", self.what)
    }

    fn json(&self) -> Value {
        json!({ "part": self.part, "page": self.page, "what": self.what, "in_question": self.is_in_question })
    }
}

/// A number by its scheme and last two digits.
fn masked(id: &SubjectId) -> String {
    let (scheme, value) = id.as_str().split_once(':').unwrap_or(("", id.as_str()));
    let hidden = value.chars().count().saturating_sub(2);
    let shown = value.chars().enumerate().map(|(at, c)| if at < hidden { '*' } else { c });
    format!("{scheme}:{}", shown.collect::<String>())
}

/// The commands that supply what is missing, one for each fact; where none can, what to do instead.
fn commands(letter: &Overview, decided: Option<&Decided>, seen: &[Seen]) -> Vec<String> {
    let mut commands = Vec::new();
    for reason in decided.iter().flat_map(|decided| &decided.reasons) {
        for command in command(reason.code, letter, seen) {
            if !commands.contains(&command) {
                commands.push(command);
            }
        }
    }
    commands
}

fn command(code: ReasonCode, letter: &Overview, seen: &[Seen]) -> Vec<String> {
    use ReasonCode as Code;
    let id = &letter.id;
    let sender = &letter.summary.sender;
    let agency = letter.summary.agency.as_deref().unwrap_or("AGENCY");
    let subject = letter.summary.subject.as_ref().map_or("SUBJECT", |subject| subject.as_str());
    let agency_add = |fields: &str| vec![format!("sealgate agency add --by STAFF id={agency} {fields}")];
    match code {
        Code::PatientMixed | Code::PatientMismatch | Code::PatientUnread => {
            let mut parts: Vec<_> = seen.iter().filter(|seen| seen.is_in_question).map(|seen| seen.part).collect();
            parts.sort_unstable();
            parts.dedup();
            parts.iter().map(|part| format!("sealgate held confirm {id} --part {part} --by {sender}")).collect()
        }
        Code::PatientUnresolved => vec![format!("sealgate held subject {id} SUBJECT --by {sender}")],
        Code::ConsentNone
        | Code::ConsentPurposeMismatch
        | Code::ConsentCategoryMismatch
        | Code::ConsentExpired
        | Code::ConsentStale
        | Code::ConsentFormTooWeak
        | Code::ConsentNoEvidence
        | Code::ConsentNoAuthority => vec![format!(
            "sealgate consent add --by STAFF id=NEW subject={subject} agency={agency} answer=yes form=explicit \
             manner=written purposes=PURPOSE categories=CATEGORIES given=DATE notice=NOTICE evidence=PLACE"
        )],
        Code::SubjectMustKnowFirst => {
            let sha256 = letter.summary.sha256.as_deref().unwrap_or("SHA256");
            vec![format!("sealgate subject add --by STAFF id={subject} knows={sha256}")]
        }
        Code::AgencyUnauthorised => agency_add("'authorised={ by = \"STAFF\", on = \"DATE\", until = \"DATE\" }'"),
        Code::AgencyPapersMissing | Code::AgencyPapersExpired => agency_add(
            "'papers={ agreement_until = \"DATE\", policy_copy_until = \"DATE\", undertaking_until = \"DATE\" }'",
        ),
        Code::RecipientUnverified => {
            agency_add("'verified={ by = \"STAFF\", on = \"DATE\", method = \"HOW\", until = \"DATE\" }'")
        }
        Code::ExceptionUnapproved | Code::ExceptionIncomplete => {
            vec!["sealgate exception add --by STAFF id=EXCEPTION FIELD=VALUE …".to_owned()]
        }
        _ => vec![format!("send the letter again, mended ({code}); this one is refused by itself when its time is up")],
    }
}
