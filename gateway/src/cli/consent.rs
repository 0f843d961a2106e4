//! `sealgate consent`: the register of what people said, and taking a yes back.
//!
//! What was withdrawn stops every letter that has not left. What has left cannot be fetched back, so it is listed.

use std::collections::BTreeSet;

use policy::{Agency, AgencyOrKind, Consent, Subject, SubjectId};
use serde_json::{Value, json};

use super::args;
use super::out::{Outcome, table};
use super::record::{absent, record};
use super::visit::Visit;
use crate::status::Status;
use crate::store::{Fault, Filter, Overview, State};

/// Letters that are listed; of more, the newest.
const LETTERS_MAX: u32 = 1_000;

pub(super) async fn consent(visit: &Visit, verb: args::Consent) -> Outcome {
    match verb {
        args::Consent::Record(verb) => record::<Consent>(visit, verb).await,
        args::Consent::Withdraw(one) => withdraw(visit, &one).await,
    }
}

async fn withdraw(visit: &Visit, one: &args::OneBy) -> Outcome {
    visit.permit(&one.by, &[]).await?;
    let entry: Consent = visit.registers.read(&one.id).await?.ok_or_else(|| absent::<Consent>(&one.id))?;
    // Once it is withdrawn, a gateway at work may have refused them before they are counted.
    let touched = letters(visit, &entry, &[State::Queued, State::Held]).await?;
    let now = visit.seams.clock.now();
    let what = visit.registers.withdraw(&one.id, now, &one.by).await?;
    let sent = letters(visit, &entry, &[State::Delivered]).await?;
    let since = entry.withdrawn.unwrap_or(now);
    let ids = |letters: &[Overview]| letters.iter().map(|letter| letter.id.to_string()).collect::<Vec<_>>();
    let json = json!({
        "consent": one.id,
        "withdrawn": since.to_string(),
        "change": what,
        "waiting": ids(&touched),
        "sent": sent.iter().map(sent_json).collect::<Vec<_>>(),
    });
    let mut text = format!("consent {} is withdrawn since {since}; it counts at once\n", one.id);
    text.push_str(&format!("letters that wait and are decided again now: {}\n", touched.len()));
    if sent.is_empty() {
        text.push_str("nothing had been sent to whom it named");
    } else {
        text.push_str("already sent, and not to be taken back by us; ask them to destroy it:\n");
        let rows: Vec<_> = sent.iter().map(sent_row).collect();
        text.push_str(&table(&["LETTER", "SENT", "AGENCY", "TO"], &rows));
    }
    visit.out.data(&json, text);
    Ok(Status::Done)
}

/// Letters about the subject, under each of their ids, to the agency or to any of the kind.
async fn letters(visit: &Visit, entry: &Consent, states: &[State]) -> Result<Vec<Overview>, Fault> {
    let agencies: BTreeSet<String> = match &entry.with {
        AgencyOrKind::Agency(id) => BTreeSet::from([id.clone()]),
        AgencyOrKind::AgencyKind(kind) => {
            let all = visit.registers.list::<Agency>().await?.into_iter();
            all.filter(|agency| agency.kind == *kind).map(|agency| agency.id).collect()
        }
    };
    let subject = visit.registers.read::<Subject>(entry.subject.as_str()).await?;
    let ids: Vec<SubjectId> = match subject {
        Some(subject) => std::iter::once(subject.id).chain(subject.aliases).collect(),
        None => vec![entry.subject.clone()],
    };
    let mut found = Vec::new();
    for id in ids {
        let filter = Filter { states: states.to_vec(), subject: Some(id), limit: LETTERS_MAX, ..Filter::default() };
        let letters = visit.store.letters(&filter).await?.into_iter();
        found.extend(letters.filter(|letter| letter.summary.agency.as_ref().is_some_and(|id| agencies.contains(id))));
    }
    Ok(found)
}

fn sent_json(letter: &Overview) -> Value {
    json!({
        "letter": letter.id,
        "sent": letter.settled.map(|at| at.to_string()),
        "agency": letter.summary.agency,
        "to": letter.summary.to.to_string(),
    })
}

fn sent_row(letter: &Overview) -> Vec<String> {
    let sent = letter.settled.map(|at| at.to_string()).unwrap_or_default();
    let agency = letter.summary.agency.clone().unwrap_or_default();
    vec![letter.id.to_string(), sent, agency, letter.summary.to.to_string()]
}
