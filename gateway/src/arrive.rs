//! The end of a door's work: a message becomes letters, decided for the first time, and the door gets its answer.
//!
//! This first decision is advice to the sender; authority is the one made at each attempt (`journey.rs`).

use policy::{Explanation, Facts, Letter, Recipient, Verdict};
use serde_json::json;

use crate::intake::{Answer, Busy, Declaration, DryRun, Envelope, EnvelopeRecipient, Judged, Notify, Ret};
use crate::journey::Journey;
use crate::outbound::notice::News;
use crate::recognise::Recognised;
use crate::settle::Standing;
use crate::store::{self, Batch, Fault, Happening, LetterRecord, NewLetter, Opening, Received};
use crate::supply;

/// A letter of the message that is coming in, as it was decided.
pub(crate) struct Entered {
    record: LetterRecord,
    /// Id and name, where the address is listed.
    agency: Option<(String, String)>,
    explanation: Explanation,
}

impl Entered {
    pub fn new(record: LetterRecord, facts: Facts, explanation: Explanation) -> Self {
        let agency = match facts.recipient {
            Recipient::Agency(agency) => Some((agency.id, agency.name)),
            Recipient::OwnAddress | Recipient::Unlisted { .. } => None,
        };
        Self { record, agency, explanation }
    }

    /// What the door tells: refused only where every letter is.
    pub fn answer(letters: &[Self]) -> Answer {
        let is_refused = |entered: &Self| entered.explanation.verdict == Verdict::Refuse;
        let refusal =
            |entered: &Self| entered.explanation.reasons.iter().find(|r| r.weight == Verdict::Refuse).cloned();
        let judged = letters.iter().map(Self::judged).collect();
        let Some(first) = letters.first() else { return Answer::Deferred(Busy::Fault) };
        let reference = first.record.letter.id.clone();
        match refusal(first) {
            Some(reason) if letters.iter().all(is_refused) => {
                let sentence = reason.sentence.trim_end_matches('.').to_owned();
                Answer::Refused { reference, sentence, letters: judged }
            }
            _ => Answer::Accepted { reference, letters: judged },
        }
    }

    fn judged(&self) -> Judged {
        Judged {
            id: self.record.letter.id.clone(),
            to: self.record.letter.to.clone(),
            verdict: self.explanation.verdict,
            reasons: self.explanation.reasons.clone(),
        }
    }
}

impl Journey {
    /// The letter to one recipient, with all that an attempt will need.
    pub(crate) fn record(
        &self,
        envelope: &Envelope,
        recipient: &EnvelopeRecipient,
        (said, seen): (&Declaration, &Recognised),
        body: &Received,
    ) -> LetterRecord {
        let found = supply::findings(&seen.places);
        let letter = Letter {
            id: self.dice.letter_id(),
            sender: envelope.account.staff.clone(),
            to: recipient.to.clone(),
            subject: seen.subject.clone(),
            purpose: said.purpose.clone(),
            categories: said.categories.clone(),
            citation: said.citation.clone(),
            exception: said.exception.clone(),
            contradictions: said.contradictions.clone(),
            found,
            sha256: Some(hex::encode(body.sha256())),
            body: body.body().clone(),
        };
        let envelope = store::Envelope {
            reverse_path: envelope.reverse_path.clone(),
            notify: words(recipient.notify),
            orcpt: recipient.orcpt.clone(),
            envid: envelope.envid.clone(),
            ret: envelope.ret.map(|ret| if ret == Ret::Full { "FULL" } else { "HDRS" }.to_owned()),
        };
        LetterRecord { letter, envelope, places: seen.places.clone() }
    }

    /// Puts a decided letter into the batch that takes the message in.
    pub(crate) fn enter(&self, batch: &mut Batch, entered: &Entered) {
        let Entered { record, explanation, .. } = entered;
        let now = self.clock.now();
        let opening = match explanation.verdict {
            Verdict::Release => {
                let life = i64::from(self.schedule.queue_life_hours).saturating_mul(3600);
                Opening::Queued { deadline: self.after(life) }
            }
            Verdict::Hold => Opening::Held { deadline: self.after(self.terms.held_secs) },
            Verdict::Refuse => Opening::Refused,
        };
        let accepted = json!({ "bytes": record.letter.body.bytes, "sha256": record.letter.sha256 });
        batch.accept(NewLetter {
            record: record.clone(),
            opening,
            agency: entered.agency.as_ref().map(|(id, _)| id.clone()),
            standing: json!(Standing::of(explanation)),
            events: vec![self.event(Happening::Accepted, &accepted), self.event(Happening::Decided, explanation)],
        });
        if explanation.verdict != Verdict::Release {
            batch.decided(&record.letter, explanation);
        }
        tracing::info!(letter = %record.letter.id, verdict = %explanation.verdict, at = now.0, "letter decided");
    }

    /// A message that is taken in, though some of its letters are held or refused, is reported on for each of those.
    /// One that is refused whole needs none: its sender's program has the answer in hand.
    pub(crate) fn tell_of_arrival(&self, batch: &mut Batch, letters: &[Entered]) {
        if letters.iter().all(|letter| letter.explanation.verdict == Verdict::Refuse) {
            return;
        }
        let now = self.clock.now();
        for Entered { record, agency, explanation } in letters {
            let news = match explanation.verdict {
                Verdict::Release => continue,
                Verdict::Hold => News::held(explanation, self.after(self.terms.held_secs)),
                Verdict::Refuse => News::refused(explanation),
            };
            let name = agency.as_ref().map(|(_, name)| name.clone());
            self.notify(batch, record, name, (now, now), news);
        }
    }
}

/// The same request again is the same answer, for a week; another request under the same key is a conflict.
impl Journey {
    pub(crate) async fn answered_before(&self, asked: Option<&Asked>) -> Result<Option<Answer>, Fault> {
        let Some(Asked { account, key, sha256 }) = asked else { return Ok(None) };
        Ok(self.store.answer(account, key).await?.map(|kept| {
            let is_same = kept.request_sha256 == *sha256;
            serde_json::from_value(kept.answer).ok().filter(|_| is_same).unwrap_or(Answer::Conflict)
        }))
    }

    pub(crate) fn remember(&self, batch: &mut Batch, asked: Option<&Asked>, answer: &Answer) {
        if let Some(Asked { account, key, sha256 }) = asked {
            let kept = store::Answer { request_sha256: sha256.clone(), answer: json!(answer) };
            batch.answer(account, key, &kept);
        }
    }
}

/// A request that its sender may repeat: the key, and what tells it from another under the same key.
#[derive(Clone)]
pub(crate) struct Asked {
    account: String,
    key: String,
    sha256: String,
}

impl Asked {
    /// None for a dry run: its answer is of that moment alone, and no answer to the letter itself.
    pub fn of(envelope: &Envelope) -> Option<Self> {
        if envelope.dry_run == DryRun::Yes {
            return None;
        }
        let (key, sha256) = (envelope.idempotency_key.clone()?, envelope.request_sha256.clone()?);
        Some(Self { account: envelope.account.staff.clone(), key, sha256 })
    }
}

fn words(notify: Notify) -> Vec<String> {
    let (words, asked): (&[&str], &[bool]) = match notify {
        Notify::Unsaid => (&[], &[]),
        Notify::Never => (&["NEVER"], &[true]),
        Notify::On { success, failure, delay } => (&["SUCCESS", "FAILURE", "DELAY"], &[success, failure, delay]),
    };
    words.iter().zip(asked).filter(|(_, asked)| **asked).map(|(word, _)| (*word).to_owned()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::intake::{Account, Content, Door};

    #[test]
    fn only_what_is_kept_is_answered_again() {
        let envelope = |dry_run, key: Option<&str>| Envelope {
            account: Account { staff: "dr-lamb".to_owned(), reverse_paths: Vec::new() },
            reverse_path: None,
            recipients: Vec::new(),
            ret: None,
            envid: None,
            content: Content::SevenBit,
            door: Door::Https,
            dry_run,
            idempotency_key: key.map(str::to_owned),
            request_sha256: key.map(|_| "ab".repeat(32)),
        };
        for (dry_run, key, expected) in
            [(DryRun::No, Some("k"), true), (DryRun::No, None, false), (DryRun::Yes, Some("k"), false)]
        {
            assert_eq!(Asked::of(&envelope(dry_run, key)).is_some(), expected);
        }
    }
}
