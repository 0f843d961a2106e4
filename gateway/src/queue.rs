//! The worker: leases what is due, tries it, and sleeps until something is due or something has changed.
//!
//! Not here: what an attempt does (`journey.rs`), when the next one is due (`outbound/schedule.rs`).

use std::sync::Arc;

use policy::Timestamp;
use serde_json::json;
use tokio::sync::{AcquireError, OwnedSemaphorePermit, Semaphore, watch};
use tokio::task::JoinSet;

use crate::journey::Journey;
use crate::outbound::deliver::{Class, VerifiedBy};
use crate::outbound::notice::{News, Report};
use crate::outbound::schedule::{Next, next_attempt};
use crate::outbound::smtp::SendFailure;
use crate::store::{Fault, Happening, Lease, NoticeEnd, NoticeLease, State};

/// Attempts and notices under way at once, at most.
#[derive(Clone, Copy, Debug)]
pub struct Width(pub u16);

/// A place among those under way, given up when dropped.
type Place = Result<OwnedSemaphorePermit, AcquireError>;

/// Nothing is due before it.
const NEVER: Timestamp = Timestamp(i64::MAX);

/// Works until `closing` turns true; then lets what is under way end.
///
/// # Errors
/// When the store has stopped: the caller opens it again.
pub async fn work(journey: Journey, width: Width, mut closing: watch::Receiver<bool>) -> Result<(), Fault> {
    let room = Arc::new(Semaphore::new(usize::from(width.0)));
    let mut under_way = JoinSet::new();
    let mut mark = journey.store.mark();
    while !*closing.borrow() {
        let free = u32::try_from(room.available_permits()).unwrap_or(u32::MAX);
        while under_way.try_join_next().is_some() {}
        let mut found_any = false;
        if free > 0 {
            let letters = or_none(journey.store.due(free).await)?;
            let left = free.saturating_sub(u32::try_from(letters.len()).unwrap_or(u32::MAX));
            let notices = if left > 0 { or_none(journey.store.due_notices(left).await)? } else { Vec::new() };
            found_any = !letters.is_empty() || !notices.is_empty();
            for lease in letters {
                let permit = Arc::clone(&room).acquire_owned().await;
                under_way.spawn(try_letter(journey.clone(), lease, permit));
            }
            for lease in notices {
                let permit = Arc::clone(&room).acquire_owned().await;
                under_way.spawn(try_notice(journey.clone(), lease, permit));
            }
        }
        if found_any {
            continue;
        }
        let has_room = room.available_permits() > 0;
        let next = if has_room {
            let due = or_none(journey.store.next_due().await)?;
            due.into_iter().chain(or_none(journey.store.next_notice().await)?).min()
        } else {
            None
        };
        tokio::select! {
            () = journey.store.changed(&mut mark), if has_room => {}
            () = journey.clock.sleep_until(next.unwrap_or(NEVER)) => {}
            Some(_) = under_way.join_next() => {}
            _ = closing.wait_for(|now| *now) => {}
            () = journey.store.stopped() => return Err(Fault::Stopped),
        }
    }
    while under_way.join_next().await.is_some() {}
    Ok(())
}

async fn try_letter(journey: Journey, lease: Lease, _place: Place) {
    let letter = lease.id().clone();
    if let Err(fault) = journey.attempt(lease).await {
        tracing::error!(%letter, %fault, "the attempt could not be made or settled; it is made again");
    }
}

async fn try_notice(journey: Journey, lease: NoticeLease, _place: Place) {
    let letter = lease.letter.clone();
    if let Err(fault) = journey.send_notice(lease).await {
        tracing::error!(%letter, %fault, "the notice could not be sent or settled; it is sent again");
    }
}

/// Nothing, where another process has the database locked (a long import, say): that passes, and is no reason to stop.
fn or_none<T: Default>(asked: Result<T, Fault>) -> Result<T, Fault> {
    match asked {
        Err(fault @ Fault::Busy) => {
            tracing::warn!(%fault, "the queue waits");
            Ok(T::default())
        }
        asked => asked,
    }
}

impl Journey {
    /// Sends one notice over a verified session to the sender's own side.
    async fn send_notice(&self, lease: NoticeLease) -> Result<(), Fault> {
        let mut batch = self.store.batch();
        let end = match serde_json::from_value::<Report>(lease.body.clone()) {
            Err(_) => NoticeEnd::Dropped,
            Ok(report) if self.is_stale(&report).await? || !self.is_for_us(&report) => NoticeEnd::Dropped,
            Ok(report) => self.try_notice(&report, &lease).await,
        };
        if end == NoticeEnd::Dropped {
            tracing::warn!(letter = %lease.letter, "a notice was dropped: it is out of date, not for our own side, or its life ended");
        }
        batch.settle_notice(&lease, end);
        if end == NoticeEnd::Sent {
            let news = lease.body.get("news").and_then(|news| news.as_object()?.keys().next().cloned());
            batch.event(&lease.letter, self.event(Happening::Notice, &json!({ "news": news })));
        }
        batch.commit().await.map(drop)
    }

    /// A delay is not told once the letter no longer waits.
    async fn is_stale(&self, report: &Report) -> Result<bool, Fault> {
        let is_delay = matches!(report.news, News::Delayed { .. });
        Ok(is_delay && self.store.letter(&report.letter).await?.state != State::Queued)
    }

    /// A domain may have left the settings since the letter came.
    fn is_for_us(&self, report: &Report) -> bool {
        self.terms.own_domains.contains(report.to.domain())
    }

    async fn try_notice(&self, report: &Report, lease: &NoticeLease) -> NoticeEnd {
        let Ok(notice) = report.compose(&self.letterhead) else { return NoticeEnd::Dropped };
        let is_final = match self.outbound.open_session(report.to.domain(), &VerifiedBy(&self.roots)).await {
            Ok(mut session) => {
                let sent = session.send_notice(&notice).await;
                session.give_back().await;
                match sent {
                    Ok(_) => return NoticeEnd::Sent,
                    Err(failure) => matches!(failure, SendFailure::Rejected { .. }),
                }
            }
            Err(cannot) => cannot.class == Class::Never,
        };
        let (tries, now) = (lease.attempts.saturating_add(1), self.clock.now());
        match next_attempt(tries, lease.created, now, self.dice.up_to(u64::MAX), self.schedule) {
            Next::At(due) if !is_final => NoticeEnd::Deferred(due),
            Next::At(_) | Next::GiveUp => NoticeEnd::Dropped,
        }
    }
}
