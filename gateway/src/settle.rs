//! How things end, written down once: on the letter, its trail, the ledger, and in a notice to the sender, in one commit.
//!
//! Not here: what led to the end (`journey.rs`), and how a notice reads (`outbound/notice`).

use policy::{Channel, Explanation, Timestamp};
use serde::Serialize;
use serde_json::json;

use crate::journey::{Attempt, Journey};
use crate::ledger::Finished;
use crate::outbound::notice::{Hindrance, News, Report, Wishes};
use crate::outbound::schedule::{Next, next_attempt};
use crate::outbound::smtp::Receipt;
use crate::store::{Batch, Event, Fault, Happening, Lease, LetterRecord, NewNotice, State, Transition};

/// Why a letter stands where it stands, as `held show` and `letter show` print it.
#[derive(Serialize)]
pub(crate) struct Standing<'a> {
    /// The decision.
    pub explanation: &'a Explanation,
    /// What stands in the way of a released letter.
    pub hindrance: Option<&'a Hindrance>,
}

impl Journey {
    pub(crate) async fn refuse(&self, attempt: &Attempt) -> Result<(), Fault> {
        let Attempt { lease, record, explanation, .. } = attempt;
        let mut batch = self.store.batch();
        batch.settle(
            lease,
            Transition::Refused,
            &Standing::of(explanation),
            &[self.event(Happening::Decided, explanation)],
        );
        batch.decided(&record.letter, explanation);
        self.tell(&mut batch, attempt, News::refused(explanation));
        batch.commit().await.map(drop)
    }

    /// A letter that is held for the same reasons as before waits on, and nobody is told twice.
    pub(crate) async fn hold(&self, attempt: &Attempt) -> Result<(), Fault> {
        let Attempt { lease, record, explanation, .. } = attempt;
        let is_new = lease.state() != State::Held;
        let until = if is_new { self.after(self.terms.held_secs) } else { lease.deadline() };
        let is_same = !is_new
            && self.held_for(attempt).await? == explanation.reasons.iter().map(|r| r.code.as_str()).collect::<Vec<_>>();
        let events = if is_same { Vec::new() } else { vec![self.event(Happening::Decided, explanation)] };
        let mut batch = self.store.batch();
        batch.settle(lease, Transition::Held { due: until, deadline: until }, &Standing::of(explanation), &events);
        if !is_same {
            batch.decided(&record.letter, explanation);
            self.tell(&mut batch, attempt, News::held(explanation, until));
        }
        batch.commit().await.map(drop)
    }

    /// The facts changed while a way was sought, and the letter may still go: it is tried again at once.
    pub(crate) async fn start_over(&self, attempt: &Attempt) -> Result<(), Fault> {
        let Attempt { lease, explanation, .. } = attempt;
        let again = Transition::Deferred { due: self.clock.now(), deadline: self.life_ends(lease) };
        let mut batch = self.store.batch();
        batch.settle(lease, again, &Standing::of(explanation), &[self.event(Happening::Decided, explanation)]);
        batch.commit().await.map(drop)
    }

    /// Not now: later, until the queue's life is over.
    pub(crate) async fn put_off(
        &self,
        attempt: &Attempt,
        why: Hindrance,
        finished: Option<&Finished>,
    ) -> Result<(), Fault> {
        let Attempt { lease, explanation, .. } = attempt;
        let now = self.clock.now();
        let deadline = self.life_ends(lease);
        let first = Timestamp(deadline.0.saturating_sub(self.life_secs()));
        let tries = lease.attempts().saturating_add(1);
        let mut batch = self.store.batch();
        let standing = Standing { explanation, hindrance: Some(&why) };
        match next_attempt(tries, first, now, self.dice.up_to(u64::MAX), self.schedule) {
            Next::At(due) => {
                let event = self.event(Happening::Deferred, &json!({ "why": why, "next": due }));
                batch.settle(lease, Transition::Deferred { due, deadline }, &standing, &[event]);
                if lease.attempts() == 0 || lease.state() == State::Held {
                    let told = Timestamp(lease.created().0.saturating_add(self.terms.deferred_after_secs)).max(now);
                    self.tell_at(&mut batch, attempt, News::Delayed { obstacle: why.clone(), until: deadline }, told);
                }
            }
            Next::GiveUp => {
                batch.settle(lease, Transition::Expired, &standing, &[self.event(Happening::Expired, &why)]);
                self.tell(&mut batch, attempt, News::Expired { obstacle: why.clone() });
            }
        }
        self.commit(batch, finished).await
    }

    /// Never: the sender is told, with the diagnosis.
    pub(crate) async fn fail(
        &self,
        attempt: &Attempt,
        why: Hindrance,
        finished: Option<&Finished>,
    ) -> Result<(), Fault> {
        let Attempt { lease, explanation, .. } = attempt;
        let mut batch = self.store.batch();
        let standing = Standing { explanation, hindrance: Some(&why) };
        batch.settle(lease, Transition::Failed, &standing, &[self.event(Happening::Failed, &why)]);
        self.tell(&mut batch, attempt, News::Failed { obstacle: why.clone() });
        self.commit(batch, finished).await
    }

    pub(crate) async fn delivered(
        &self,
        attempt: &Attempt,
        channel: Channel,
        finished: &Finished,
        receipt: &Receipt,
    ) -> Result<(), Fault> {
        let Attempt { lease, explanation, .. } = attempt;
        let evidence = json!({ "channel": channel, "receipt": receipt, "facts_sha256": explanation.facts_sha256 });
        let mut batch = self.store.batch();
        let event = self.event(Happening::Delivered, &evidence);
        batch.settle(lease, Transition::Delivered, &Standing::of(explanation), &[event]);
        batch.outcome(finished);
        self.tell(&mut batch, attempt, News::delivered(receipt));
        batch.commit().await?;
        // CRASH: delivery-committed: the letter is delivered, its key destroyed and its sender's notice queued; nothing is left to do.
        tracing::info!(letter = %lease.id(), %channel, host = %receipt.host, "delivered");
        Ok(())
    }

    /// Commits an attempt's end with the outcome of its disclosure. Where the lease has passed on meanwhile, the outcome
    /// is still true, and is written by itself.
    async fn commit(&self, mut batch: Batch, finished: Option<&Finished>) -> Result<(), Fault> {
        let Some(finished) = finished else { return batch.commit().await.map(drop) };
        batch.outcome(finished);
        match batch.commit().await {
            Err(Fault::Stale) => self.ledger.finish(finished).await,
            done => done.map(drop),
        }
    }

    /// When a letter's life in the queue ends: counted from when it was cleared, so that one which was held for long and
    /// then freed is tried for as long as any other.
    fn life_ends(&self, lease: &Lease) -> Timestamp {
        if lease.state() == State::Held { self.after(self.life_secs()) } else { lease.deadline() }
    }

    /// How long a letter is tried for.
    pub(crate) fn life_secs(&self) -> i64 {
        i64::from(self.schedule.queue_life_hours).saturating_mul(3600)
    }

    fn tell(&self, batch: &mut Batch, attempt: &Attempt, news: News) {
        self.tell_at(batch, attempt, news, self.clock.now());
    }

    fn tell_at(&self, batch: &mut Batch, attempt: &Attempt, news: News, due: Timestamp) {
        let agency = attempt.agency.as_ref().map(|agency| agency.name.clone());
        self.notify(batch, &attempt.record, agency, (attempt.lease.created(), due), news);
    }

    /// Queues a notice to the letter's sender, if there is an address to tell and they want to hear it.
    pub(crate) fn notify(
        &self,
        batch: &mut Batch,
        record: &LetterRecord,
        agency: Option<String>,
        (arrived, due): (Timestamp, Timestamp),
        news: News,
    ) {
        let Some(to) = record.envelope.reverse_path.clone() else { return };
        let wishes = Wishes {
            notify: record.envelope.notify.clone(),
            orcpt: record.envelope.orcpt.clone(),
            envid: record.envelope.envid.clone(),
        };
        let letter = record.letter.id.clone();
        let recipient = record.letter.to.clone();
        let (name, written) = (self.dice.name(), self.clock.now());
        let report = Report { name, written, to, letter, arrived, recipient, agency, message_id: None, wishes, news };
        if report.is_wanted() {
            batch.notice(NewNotice::new(&report.letter, due, &report));
        }
    }

    /// The reason codes that a held letter was last held for.
    async fn held_for(&self, attempt: &Attempt) -> Result<Vec<String>, Fault> {
        let standing = self.store.letter(attempt.lease.id()).await?.standing;
        let reasons = standing.pointer("/explanation/reasons").and_then(|reasons| reasons.as_array().cloned());
        let code = |reason: &serde_json::Value| reason.get("code").and_then(|code| code.as_str().map(str::to_owned));
        Ok(reasons.unwrap_or_default().iter().filter_map(code).collect())
    }

    pub(crate) fn event(&self, what: Happening, facts: &impl Serialize) -> Event {
        Event::new(self.clock.now(), what, facts)
    }

    pub(crate) fn after(&self, secs: i64) -> Timestamp {
        Timestamp(self.clock.now().0.saturating_add(secs))
    }
}

impl<'a> Standing<'a> {
    pub(crate) const fn of(explanation: &'a Explanation) -> Self {
        Self { explanation, hindrance: None }
    }
}
