//! Instants, as whole seconds since the Unix epoch, and how they are written. Nothing here reads a clock.
//!
//! Not here: leap seconds, named time zones, and times without an offset. Each is refused.

use std::ops::RangeInclusive;

use serde::{Deserialize, Serialize};

const DAY_SECS: i64 = 86_400;

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

/// Why a time was not taken. Displays the rule that it breaks, never the text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TimeError(pub &'static str);

impl Timestamp {
    /// Parses an RFC 3339 date and time with an offset, or a bare date, which is its midnight UTC.
    /// Years 0001 to 9999; a fraction of a second is dropped.
    ///
    /// # Errors
    /// Names the rule that the text breaks.
    pub fn parse(text: &str) -> Result<Self, TimeError> {
        Moment::parse(text).map(|moment| moment.at)
    }
}

impl Moment {
    /// Parses an RFC 3339 date and time, and keeps its own offset as the provider's.
    ///
    /// # Errors
    /// Names the rule that the text breaks.
    pub fn parse(text: &str) -> Result<Self, TimeError> {
        let (date, rest) = text.split_at_checked(10).ok_or(TimeError("a date reads YYYY-MM-DD"))?;
        let midnight = parse_date(date)?.saturating_mul(DAY_SECS);
        if rest.is_empty() {
            return Ok(Self { at: Timestamp(midnight), offset_secs: 0 });
        }
        let time = rest.strip_prefix(['T', 't', ' ']).ok_or(TimeError("a T parts the date from the time"))?;
        let offset_at = time.find(['Z', 'z', '+', '-']).ok_or(TimeError("a time needs an offset: Z or +hh:mm"))?;
        let (clock, offset) = time.split_at_checked(offset_at).ok_or(TimeError("a time reads hh:mm:ss"))?;
        let offset_secs = parse_offset(offset)?;
        Ok(Self { at: Timestamp(midnight + parse_clock(clock)? - i64::from(offset_secs)), offset_secs })
    }

    /// Minutes after midnight on the provider's clock; 0 to 1,439.
    #[must_use]
    pub fn local_minute(self) -> u16 {
        let local_secs = self.at.0.saturating_add(i64::from(self.offset_secs));
        u16::try_from(local_secs.rem_euclid(DAY_SECS) / 60).unwrap_or_default()
    }
}

fn parse_date(text: &str) -> Result<i64, TimeError> {
    let mut parts = text.split('-');
    let (year, month, day) = (parts.next(), parts.next(), parts.next());
    let rule = TimeError("a date reads YYYY-MM-DD");
    let (Some(year), Some(month), Some(day), None) = (year, month, day, parts.next()) else { return Err(rule) };
    let year = digits(year, 4, 1..=9999).ok_or(rule.clone())?;
    let month = digits(month, 2, 1..=12).ok_or(rule.clone())?;
    let day = digits(day, 2, 1..=31).ok_or(rule)?;
    let days = days_since_epoch(year, month, day);
    if civil_date(days) == (year, month, day) { Ok(days) } else { Err(TimeError("the month has no such day")) }
}

fn parse_clock(text: &str) -> Result<i64, TimeError> {
    let rule = TimeError("a time reads hh:mm:ss");
    let (whole, fraction) = text.split_once('.').map_or((text, "0"), |(whole, fraction)| (whole, fraction));
    let mut parts = whole.split(':');
    let (Some(hour), Some(minute), Some(second), None) = (parts.next(), parts.next(), parts.next(), parts.next())
    else {
        return Err(rule);
    };
    if fraction.is_empty() || fraction.len() > 9 || !fraction.bytes().all(|byte| byte.is_ascii_digit()) {
        return Err(TimeError("a fraction of a second is one to nine digits"));
    }
    let hour = digits(hour, 2, 0..=23).ok_or(rule.clone())?;
    let minute = digits(minute, 2, 0..=59).ok_or(rule.clone())?;
    let second = digits(second, 2, 0..=59).ok_or(rule)?;
    Ok(hour * 3600 + minute * 60 + second)
}

fn parse_offset(text: &str) -> Result<i32, TimeError> {
    let rule = TimeError("an offset reads Z or +hh:mm");
    let (sign, rest) = match text.split_at_checked(1) {
        Some(("Z" | "z", "")) => return Ok(0),
        Some(("+", rest)) => (1, rest),
        Some(("-", rest)) => (-1, rest),
        Some(_) | None => return Err(rule),
    };
    let (hours, minutes) = rest.split_once(':').ok_or(rule.clone())?;
    let hours = digits(hours, 2, 0..=23).ok_or(rule.clone())?;
    let minutes = digits(minutes, 2, 0..=59).ok_or(rule.clone())?;
    i32::try_from(hours * 3600 + minutes * 60).map(|secs| sign * secs).or(Err(rule))
}

fn digits(text: &str, len: usize, within: RangeInclusive<i64>) -> Option<i64> {
    let plain = text.len() == len && text.bytes().all(|byte| byte.is_ascii_digit());
    text.parse().ok().filter(|number| plain && within.contains(number))
}

/// Days from 1970-01-01 to a date of the proleptic Gregorian calendar, counted from 1 March of year 0
/// so that a leap day ends its year, in eras of 400 years (146,097 days).
const fn days_since_epoch(year: i64, month: i64, day: i64) -> i64 {
    let year = if month <= 2 { year - 1 } else { year };
    let (era, year_of_era) = (year.div_euclid(400), year.rem_euclid(400));
    let day_of_year = (153 * ((month + 9) % 12) + 2) / 5 + day - 1;
    era * 146_097 + year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year - 719_468
}

/// The inverse of [`days_since_epoch`].
const fn civil_date(days: i64) -> (i64, i64, i64) {
    let days = days + 719_468;
    let (era, day_of_era) = (days.div_euclid(146_097), days.rem_euclid(146_097));
    let year_of_era = (day_of_era - day_of_era / 1_460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let month_from_march = (5 * day_of_year + 2) / 153;
    let month = (month_from_march + 2) % 12 + 1;
    let year = era * 400 + year_of_era + if month <= 2 { 1 } else { 0 };
    (year, month, day_of_year - (153 * month_from_march + 2) / 5 + 1)
}

/// RFC 3339 in UTC; an instant outside the years 0001 to 9999 as `@` and its seconds.
impl std::fmt::Display for Timestamp {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        const YEAR_1_TO_9999: RangeInclusive<i64> = -62_135_596_800..=253_402_300_799;
        if !YEAR_1_TO_9999.contains(&self.0) {
            return write!(f, "@{}", self.0);
        }
        let (year, month, day) = civil_date(self.0.div_euclid(DAY_SECS));
        let secs = self.0.rem_euclid(DAY_SECS);
        let (hour, minute, second) = (secs / 3600, secs / 60 % 60, secs % 60);
        write!(f, "{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}Z")
    }
}

impl std::fmt::Display for TimeError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.0)
    }
}

impl std::error::Error for TimeError {}

#[cfg(test)]
mod tests;
