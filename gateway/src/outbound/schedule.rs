//! When a letter is tried again. Pure: no clock, no chance of its own.

use policy::Timestamp;

/// How patient the queue is (RFC 5321 §4.5.4.1 asks for at least 30 minutes between tries and 4 to 5 days of life;
/// a clinical letter is worth trying sooner, and its sender is told sooner).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Settings {
    /// Wait after the first failed attempt, seconds.
    pub retry_first_secs: u64,
    /// Longest wait between attempts, seconds.
    pub retry_most_secs: u64,
    /// How far a wait is spread either way, percent of it; at most 50.
    pub jitter_percent: u32,
    /// How long a letter is tried for, hours from its first attempt.
    pub queue_life_hours: u32,
}

/// What comes next for a deferred letter.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Next {
    /// Try again then.
    At(Timestamp),
    /// Its life is over: 4.4.7, and its sender is told.
    GiveUp,
}

/// When to try again: the wait doubles from the first to the longest, spread by `jitter` (any number), and the last
/// attempt is made at the end of the queue's life.
#[must_use]
pub fn next_attempt(
    attempts_so_far: u32,
    first_attempt_at: Timestamp,
    now: Timestamp,
    jitter: u64,
    settings: Settings,
) -> Next {
    let end = first_attempt_at.0.saturating_add(i64::from(settings.queue_life_hours).saturating_mul(3600));
    if attempts_so_far == 0 {
        return Next::At(now);
    }
    if now.0 >= end {
        return Next::GiveUp;
    }
    let wait = wait_secs(attempts_so_far, jitter, settings);
    Next::At(Timestamp(now.0.saturating_add(wait).min(end)))
}

fn wait_secs(attempts_so_far: u32, jitter: u64, settings: Settings) -> i64 {
    let doubled = 1_u64 << attempts_so_far.saturating_sub(1).min(32);
    // No wait is longer than a century, so that nothing below can overflow.
    let most = settings.retry_most_secs.clamp(1, u64::from(u32::MAX));
    let wait = settings.retry_first_secs.saturating_mul(doubled).clamp(1, most);
    let spread = wait * u64::from(settings.jitter_percent.min(50)) / 100;
    // Spread either way, so that a host which was away does not meet all its letters in one second.
    let spread_wait = wait - spread + jitter % (2 * spread + 1);
    i64::try_from(spread_wait).unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const SETTINGS: Settings =
        Settings { retry_first_secs: 300, retry_most_secs: 7200, jitter_percent: 20, queue_life_hours: 48 };

    fn check(attempts_so_far: u32, now: i64, jitter: u64, expected: Next) {
        let next = next_attempt(attempts_so_far, Timestamp(1000), Timestamp(now), jitter, SETTINGS);
        assert_eq!(next, expected, "after {attempts_so_far} attempts at {now} with {jitter}");
    }

    #[test]
    fn waits_double_within_bounds_and_end_with_the_life() {
        let end = 1000 + 48 * 3600;
        check(0, 1000, 7, Next::At(Timestamp(1000)));
        check(1, 1000, 60, Next::At(Timestamp(1300)));
        check(1, 1000, 0, Next::At(Timestamp(1240)));
        check(1, 1000, 120, Next::At(Timestamp(1360)));
        check(2, 2000, 120, Next::At(Timestamp(2600)));
        check(6, 9000, 1440, Next::At(Timestamp(9000 + 7200)));
        check(u32::MAX, 9000, 1440, Next::At(Timestamp(9000 + 7200)));
        check(30, end - 60, 1440, Next::At(Timestamp(end)));
        check(31, end, 1440, Next::GiveUp);
        check(31, i64::MAX, u64::MAX, Next::GiveUp);
    }

    proptest! {
        #[test]
        fn the_next_attempt_is_never_now_nor_after_the_end(
            attempts in 1_u32.., first in 0_i64..4_000_000_000, since in 0_i64..1_000_000, jitter: u64,
            retry_first_secs: u64, retry_most_secs: u64, jitter_percent: u32, queue_life_hours: u32,
        ) {
            let settings = Settings { retry_first_secs, retry_most_secs, jitter_percent, queue_life_hours };
            let (now, end) = (first + since, first + i64::from(queue_life_hours) * 3600);
            match next_attempt(attempts, Timestamp(first), Timestamp(now), jitter, settings) {
                Next::At(at) => prop_assert!(at.0 > now && at.0 <= end),
                Next::GiveUp => prop_assert!(now >= end),
            }
        }
    }
}
