//! The only reader of time. The test world holds the hands of its own clock.
//!
//! Time-outs of a single socket operation use tokio's timer, which the clock does not rule.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use policy::{Moment, Timestamp};
use tokio::sync::Notify;

/// A clock: the system's, or one that stands still until it is set.
#[derive(Clone, Debug)]
pub struct Clock(Kind);

#[derive(Clone, Debug)]
enum Kind {
    System { offset_secs: i32 },
    Set(Arc<Hands>),
}

#[derive(Debug)]
struct Hands {
    micros: AtomicI64,
    offset_secs: i32,
    moved: Notify,
}

impl Clock {
    /// The system's clock; `offset_secs` is the provider's local offset from UTC.
    #[must_use]
    pub const fn system(offset_secs: i32) -> Self {
        Self(Kind::System { offset_secs })
    }

    /// A clock that stands at `at` until [`Clock::set`] moves it.
    #[must_use]
    pub fn standing(at: Timestamp, offset_secs: i32) -> Self {
        Self(Kind::Set(Arc::new(Hands {
            micros: AtomicI64::new(at.0.saturating_mul(1_000_000)),
            offset_secs,
            moved: Notify::new(),
        })))
    }

    /// Moves a standing clock, and wakes all who wait on it. A system clock is left as it is.
    pub fn set(&self, at: Timestamp) {
        if let Kind::Set(hands) = &self.0 {
            hands.micros.store(at.0.saturating_mul(1_000_000), Ordering::SeqCst);
            hands.moved.notify_waiters();
        }
    }

    /// Now, in whole seconds.
    #[must_use]
    pub fn now(&self) -> Timestamp {
        Timestamp(self.now_micros().div_euclid(1_000_000))
    }

    /// Now, in microseconds since the epoch.
    #[must_use]
    pub fn now_micros(&self) -> i64 {
        match &self.0 {
            Kind::System { .. } => SystemTime::now()
                .duration_since(UNIX_EPOCH)
                .map_or(0, |since| i64::try_from(since.as_micros()).unwrap_or(i64::MAX)),
            Kind::Set(hands) => hands.micros.load(Ordering::SeqCst),
        }
    }

    /// Now, with the provider's local offset, as a decision wants it.
    #[must_use]
    pub fn moment(&self) -> Moment {
        let offset_secs = match &self.0 {
            Kind::System { offset_secs } => *offset_secs,
            Kind::Set(hands) => hands.offset_secs,
        };
        Moment { at: self.now(), offset_secs }
    }

    /// Now, in the provider's local time, as a `Date` field has it (RFC 5322 §3.3).
    #[must_use]
    pub fn rfc5322(&self) -> String {
        let Moment { at, offset_secs } = self.moment();
        let zoned = jiff::Timestamp::from_second(at.0)
            .and_then(|instant| Ok(instant.to_zoned(jiff::tz::Offset::from_seconds(offset_secs)?.to_time_zone())));
        zoned.and_then(|zoned| jiff::fmt::rfc2822::to_string(&zoned)).unwrap_or_default()
    }

    /// Waits until the clock shows `at` or later.
    pub async fn sleep_until(&self, at: Timestamp) {
        loop {
            let wait = at.0.saturating_mul(1_000_000).saturating_sub(self.now_micros());
            let Ok(wait @ 1..) = u64::try_from(wait) else { return };
            match &self.0 {
                Kind::System { .. } => tokio::time::sleep(Duration::from_micros(wait)).await,
                Kind::Set(hands) => {
                    let moved = hands.moved.notified();
                    if self.now() < at {
                        moved.await;
                    }
                }
            }
        }
    }
}
