//! How often an account may do something: hand in messages, by whichever door, or make requests.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use crate::clock::Clock;

/// Accounts kept at once before those with nothing owing are forgotten.
const ACCOUNTS_KEPT: usize = 10_000;

/// A bucket for each account that leaks evenly, and holds one period's worth. Clones share the buckets.
#[derive(Clone)]
pub struct Rates(Arc<Shared>);

struct Shared {
    clock: Clock,
    period_micros: i64,
    /// Each time fills the bucket by this much.
    cost_micros: i64,
    /// When each account's bucket will have run empty.
    empty_at: Mutex<HashMap<String, i64>>,
}

impl Rates {
    /// At most `times_max` within `period`, for each account.
    #[must_use]
    pub fn new(clock: Clock, times_max: u32, period: Duration) -> Self {
        let period_micros = i64::try_from(period.as_micros()).unwrap_or(i64::MAX);
        let cost_micros = period_micros / i64::from(times_max.max(1));
        Self(Arc::new(Shared { clock, period_micros, cost_micros, empty_at: Mutex::default() }))
    }

    /// Is there room for one more time of `staff`? Counts nothing.
    pub(crate) fn has_room(&self, staff: &str) -> bool {
        let now = self.0.clock.now_micros();
        let buckets = self.0.empty_at.lock().unwrap_or_else(PoisonError::into_inner);
        let filled = buckets.get(staff).copied().unwrap_or(now).max(now).saturating_add(self.0.cost_micros);
        filled.saturating_sub(now) <= self.0.period_micros
    }

    /// Counts one time of `staff`.
    ///
    /// # Errors
    /// When the period is used up: seconds until there is room again, at least 1.
    pub(crate) fn count(&self, staff: &str) -> Result<(), u64> {
        let now = self.0.clock.now_micros();
        let mut buckets = self.0.empty_at.lock().unwrap_or_else(PoisonError::into_inner);
        if buckets.len() >= ACCOUNTS_KEPT {
            buckets.retain(|_, empty_at| *empty_at > now);
        }
        let filled = buckets.get(staff).copied().unwrap_or(now).max(now).saturating_add(self.0.cost_micros);
        let over = filled.saturating_sub(now).saturating_sub(self.0.period_micros);
        if over > 0 {
            return Err(u64::try_from(over).unwrap_or(0).div_ceil(1_000_000));
        }
        buckets.insert(staff.to_owned(), filled);
        Ok(())
    }
}
