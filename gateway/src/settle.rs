//! How things end, written down once: on the letter, its trail, the ledger, and in a notice to the sender, in one commit.
//!
//! Not here: what led to the end (`journey.rs`), and how a notice reads (`outbound/notice`).

use std::pin::pin;
use std::sync::atomic::Ordering;

use policy::{Channel, Explanation, Timestamp};
use serde::Serialize;
use serde_json::json;

use crate::journey::{Attempt, Journey};
use crate::ledger::Finished;
use crate::outbound::deliver::CannotSend;
use crate::outbound::diagnosis::{Diagnosis, Obstacle};
use crate::outbound::notice::{Hindrance, News, Report, Wishes};
use crate::outbound::schedule::{Next, next_attempt};
use crate::outbound::smtp::{Receipt, SendFailure};
use crate::store::{Batch, Event, Fault, Happening, Lease, LetterRecord, NewNotice, State, Transition};

/// Least time that an attempt may take before its sender is told that it takes long.
const ATTEMPT_TELLING_SECS: i64 = 10;

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

    /// Not now: later, until the queue's life is over.
    pub(crate) async fn put_off(
        &self,
        attempt: &Attempt,
        why: Hindrance,
        finished: Option<&Finished>,
    ) -> Result<(), Fault> {
        let Attempt { lease, explanation, .. } = attempt;
        let now = self.clock.now();
        let (first, deadline) = self.life(lease);
        let tries = lease.attempts().saturating_add(1);
        let mut batch = self.store.batch();
        let standing = Standing { explanation, hindrance: Some(&why) };
        let next = next_attempt(tries, first, now, self.dice.up_to(u64::MAX), self.schedule);
        match next {
            Next::At(due) => {
                let event = self.event(Happening::Deferred, &json!({ "why": why, "next": due }));
                batch.settle(lease, Transition::Deferred { due, deadline }, &standing, &[event]);
                if let Some(told) = self.delay_told_at(attempt) {
                    let news = News::Delayed { obstacle: why.clone(), until: deadline };
                    self.tell_at(&mut batch, attempt, news, told.max(now));
                }
            }
            Next::GiveUp => {
                batch.settle(lease, Transition::Expired, &standing, &[self.event(Happening::Expired, &why)]);
                self.tell(&mut batch, attempt, News::Expired { obstacle: why.clone() });
            }
        }
        self.commit(batch, finished).await?;
        match next {
            Next::At(due) => tracing::info!(letter = %lease.id(), tries, next = %due, "put off"),
            Next::GiveUp => tracing::warn!(letter = %lease.id(), tries, "given up; its sender is told"),
        }
        Ok(())
    }

    /// A letter's life in the queue: when it was first free to go, and when it ends. Time that it was held does not count.
    fn life(&self, lease: &Lease) -> (Timestamp, Timestamp) {
        let life_secs = i64::from(self.schedule.queue_life_hours).saturating_mul(3600);
        match lease.state() {
            State::Queued => (Timestamp(lease.deadline().0.saturating_sub(life_secs)), lease.deadline()),
            _ => (self.clock.now(), self.after(life_secs)),
        }
    }

    /// When the sender is to hear that the letter has to wait: once, at the first attempt since it was free to go.
    fn delay_told_at(&self, attempt: &Attempt) -> Option<Timestamp> {
        let lease = &attempt.lease;
        let is_first = lease.attempts() == 0 || lease.state() != State::Queued;
        let (first, _) = self.life(lease);
        let told = attempt.told.load(Ordering::Relaxed);
        (is_first && !told).then(|| Timestamp(first.0.saturating_add(self.terms.deferred_after_secs)))
    }

    /// Nothing waits in silence: where the attempt itself takes long, because a peer is slow, its sender hears of it
    /// meanwhile. (The sender of a letter that was held until now heard of that, and hears of this when it ends.)
    pub(crate) async fn telling(
        &self,
        attempt: &Attempt,
        work: impl Future<Output = Result<(), Fault>>,
    ) -> Result<(), Fault> {
        let mut work = pin!(work);
        let is_queued = attempt.lease.state() == State::Queued;
        let Some(told_at) = self.delay_told_at(attempt).filter(|_| is_queued) else { return work.await };
        // After a long stop of ours the time to tell is past: the attempt gets a moment of its own all the same.
        let told_at = told_at.max(self.after(ATTEMPT_TELLING_SECS));
        tokio::select! {
            biased;
            done = &mut work => return done,
            () = self.clock.sleep_until(told_at) => {}
        }
        let obstacle = CannotSend::before_any_host(Obstacle::new(Diagnosis::TimedOut, "the attempt goes on"));
        let (_, until) = self.life(&attempt.lease);
        let mut batch = self.store.batch();
        self.tell(&mut batch, attempt, News::Delayed { obstacle: (&obstacle).into(), until });
        attempt.told.store(batch.commit().await.is_ok(), Ordering::Relaxed);
        work.await
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

    /// Will the letter never be read again? What a newer version may have written is waited for until the deadline, for
    /// its end erases it.
    pub(crate) fn is_past_reading(&self, lease: &Lease, fault: &Fault) -> bool {
        match fault {
            Fault::Damaged(_) => true,
            Fault::Shape(_) => self.clock.now() >= lease.deadline(),
            _ => false,
        }
    }

    /// A letter that does not open ends here, by what its summary still tells: it must not wait for ever.
    pub(crate) async fn give_up(&self, lease: &Lease, fault: &Fault) -> Result<(), Fault> {
        tracing::error!(letter = %lease.id(), %fault, "the letter cannot be read any more, and has failed");
        let why = Hindrance::from(&SendFailure::ours(fault));
        let known = self.store.letter(lease.id()).await.ok();
        let explanation = known.as_ref().and_then(|known| known.standing.get("explanation"));
        let standing = json!({ "explanation": explanation, "hindrance": why });
        let mut batch = self.store.batch();
        batch.settle(lease, Transition::Failed, &standing, &[self.event(Happening::Failed, &why)]);
        // Its reverse-path went with it: its sender is told at the first address of their own.
        let account = match &known {
            Some(known) => self.account(&known.summary.sender).await.ok(),
            None => None,
        };
        match (known, account.and_then(|account| account.reverse_paths.into_iter().next())) {
            (Some(known), Some(to)) => {
                let now = self.clock.now();
                let report = Report {
                    name: self.dice.name(),
                    written: now,
                    to,
                    letter: known.id,
                    arrived: known.created,
                    recipient: known.summary.to,
                    agency: None,
                    message_id: None,
                    wishes: Wishes::default(),
                    news: News::Failed { obstacle: why },
                };
                batch.notice(NewNotice::new(lease.id(), now, &report));
            }
            _ => tracing::error!(letter = %lease.id(), "its sender cannot be told: nobody knows the address any more"),
        }
        batch.commit().await.map(drop)
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
