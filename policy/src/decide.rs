//! The whole rule on one screen: every gate in order, then the verdict.

use crate::canonical::facts_sha256;
use crate::duties::duties;
use crate::gates::{GATES, channel, consent};
use crate::question::{Question, Why};
use crate::{Cleared, Decision, Explanation, Facts, Letter, Moment, Outcome, Verdict};

/// Decides whether `letter` may go to its recipient now.
///
/// Every gate runs, and every reason that applies is told. Refuse beats hold beats release. `B` is unbounded:
/// the decision carries the body and cannot look into it.
pub fn decide<B>(facts: &Facts, letter: Letter<B>, now: Moment) -> Decision<B> {
    let explanation = explain(facts, &letter, now);
    let outcome = match explanation.verdict {
        Verdict::Release => Outcome::Released(Cleared::of(letter, explanation.clone())),
        Verdict::Hold => Outcome::Held(letter),
        Verdict::Refuse => Outcome::Refused(letter),
    };
    Decision { outcome, explanation }
}

fn explain<B>(facts: &Facts, letter: &Letter<B>, now: Moment) -> Explanation {
    let question = Question::new(facts, letter, now);
    let mut reasons: Vec<_> = GATES.iter().flat_map(|gate| gate(&question)).collect();
    reasons.sort_by_key(|reason| reason.code);
    let verdict = reasons.iter().map(|reason| reason.weight).max().unwrap_or(Verdict::Release);
    let is_released = verdict == Verdict::Release;
    Explanation {
        verdict,
        purpose: if let Why::Known(purpose) = question.why { Some(purpose) } else { None },
        categories: question.categories.iter().copied().collect(),
        reasons,
        rests_on: rests_on(&question),
        duties: if is_released { duties(&question) } else { Vec::new() },
        channels: if is_released { channel::left(&question) } else { Vec::new() },
        facts_sha256: facts_sha256(facts),
    }
}

/// The agency, the consent entries and the exception that were looked at for an answer, by id.
fn rests_on(question: &Question<'_>) -> Vec<String> {
    let agency = question.agency();
    let abroad = agency.map(|agency| consent::in_force_abroad(question, agency)).unwrap_or_default();
    let mut consents: Vec<_> =
        consent::ruling(question).rests_on.into_iter().chain(abroad).map(|entry| entry.id.clone()).collect();
    consents.sort();
    consents.dedup();
    let agency = agency.map(|agency| agency.id.clone());
    let exception = question.approval.map(|approval| approval.exception.id.clone());
    agency.into_iter().chain(consents).chain(exception).collect()
}

#[cfg(test)]
mod tests;
