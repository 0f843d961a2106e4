//! Instants, as whole seconds since the Unix epoch. Nothing here reads a clock.

use serde::{Deserialize, Serialize};

/// An instant: whole seconds since 1970-01-01T00:00:00Z, leap seconds not counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Timestamp(pub i64);

/// The moment a decision is made for: an instant, and the provider's local offset from UTC.
///
/// The offset serves one gate only: working hours are held against local time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Moment {
    /// The instant.
    pub at: Timestamp,
    /// Seconds to add to UTC for the provider's local time; −86,399 to 86,399.
    pub offset_secs: i32,
}
