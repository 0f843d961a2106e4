//! How many messages an account may hand in within an hour, whichever door it uses.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use crate::clock::Clock;

const HOUR_MICROS: i64 = 3_600_000_000;

/// Accounts kept at once before those with nothing owing are forgotten.
const ACCOUNTS_KEPT: usize = 10_000;

/// A bucket for each account that leaks evenly, and holds one hour's messages. Clones share the buckets.
#[derive(Clone)]
pub struct Rates(Arc<Shared>);

struct Shared {
    clock: Clock,
    /// Each message fills the bucket by this much.
    cost_micros: i64,
    /// When each account's bucket will have run empty.
    empty_at: Mutex<HashMap<String, i64>>,
}

impl Rates {
    /// At most `messages_per_hour_max` messages an hour for each account.
    #[must_use]
    pub fn new(clock: Clock, messages_per_hour_max: u32) -> Self {
        let cost_micros = HOUR_MICROS / i64::from(messages_per_hour_max.max(1));
        Self(Arc::new(Shared { clock, cost_micros, empty_at: Mutex::default() }))
    }

    /// Counts one message of `staff`.
    ///
    /// # Errors
    /// When the hour is used up: seconds until there is room again, at least 1.
    pub(crate) fn count(&self, staff: &str) -> Result<(), u64> {
        let now = self.0.clock.now_micros();
        let mut buckets = self.0.empty_at.lock().unwrap_or_else(PoisonError::into_inner);
        if buckets.len() >= ACCOUNTS_KEPT {
            buckets.retain(|_, empty_at| *empty_at > now);
        }
        let filled = buckets.get(staff).copied().unwrap_or(now).max(now).saturating_add(self.0.cost_micros);
        let over = filled.saturating_sub(now).saturating_sub(HOUR_MICROS);
        if over > 0 {
            return Err(u64::try_from(over).unwrap_or(0).div_ceil(1_000_000));
        }
        buckets.insert(staff.to_owned(), filled);
        Ok(())
    }
}
