//! Birth dates in a text: only those that a label calls so, in the ways that letters of this country write them.

use std::sync::LazyLock;

use jiff::civil::Date;
use regex::Regex;

use super::detect::pattern;

/// A birth date as a letter states it. Personal data.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) struct BirthDate {
    date: Date,
    /// Written with two digits of the year: the century is not known.
    short: bool,
}

impl BirthDate {
    /// Whether the letter means this day.
    pub fn agrees(self, other: Date) -> bool {
        let years =
            if self.short { (self.date.year() - other.year()) % 100 == 0 } else { self.date.year() == other.year() };
        years && (self.date.month(), self.date.day()) == (other.month(), other.day())
    }
}

const MONTHS: [&str; 12] = ["jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"];

static LABEL: LazyLock<Regex> = LazyLock::new(|| {
    pattern(concat!(
        r"(?-u:\b)(?:d\.? ?o\.? ?b(?-u:\b)|date of birth|birth ?date|birthday|born)",
        r"[] :.,()\[\t\n=-]{0,8}(?:(?:on|is|was|the|in) ){0,2}(?:(?:mon|tues|wednes|thurs|fri|satur|sun)day,? )?",
    ))
});
/// Anchored: a date right at the start.
static ISO: LazyLock<Regex> = LazyLock::new(|| pattern(r"^([0-9]{4})[-/]([0-9]{1,2})[-/]([0-9]{1,2})(?:[^0-9]|$)"));
static NUMERIC: LazyLock<Regex> =
    LazyLock::new(|| pattern(r"^([0-9]{1,2}) ?[/. -] ?([0-9]{1,2}) ?[/. -] ?([0-9]{4}|[0-9]{2})(?:[^0-9]|$)"));
static DAY_FIRST: LazyLock<Regex> = LazyLock::new(|| {
    pattern(r"^([0-9]{1,2})(?:st|nd|rd|th)?(?: of)?[ \n/.-]?([a-z]{3,9})[., \n/-]{0,2}([0-9]{4}|[0-9]{2})(?:[^0-9]|$)")
});
static MONTH_FIRST: LazyLock<Regex> =
    LazyLock::new(|| pattern(r"^([a-z]{3,9})[ \n.]{1,2}([0-9]{1,2})(?:st|nd|rd|th)?,?[ \n]([0-9]{4})(?:[^0-9]|$)"));

/// The labelled birth dates of a text that `detect::fold` has folded and lowered.
pub(super) fn labelled(lowered: &str) -> Vec<BirthDate> {
    LABEL.find_iter(lowered).filter_map(|label| parse(lowered.get(label.end()..)?)).collect()
}

/// The date that a text begins with.
fn parse(text: &str) -> Option<BirthDate> {
    // No date is longer; the patterns need not look further.
    let text = text.get(..text.floor_char_boundary(40))?;
    let order = [(&*ISO, [3, 2, 1]), (&*NUMERIC, [1, 2, 3]), (&*DAY_FIRST, [1, 2, 3]), (&*MONTH_FIRST, [2, 1, 3])];
    order.into_iter().find_map(|(pattern, groups)| {
        let found = pattern.captures(text)?;
        let [day, month, year] = groups.map(|group| found.get(group).map_or("", |text| text.as_str()));
        let short = year.len() == 2;
        // 2000 has every day that any year has.
        let year = if short { 2000 + year.parse::<i16>().ok()? } else { year.parse().ok()? };
        Some(BirthDate { date: Date::new(year, month_number(month)?, day.parse().ok()?).ok()?, short })
    })
}

fn month_number(word: &str) -> Option<i8> {
    word.parse().ok().or_else(|| {
        let at = MONTHS.iter().position(|month| word.starts_with(month))?;
        i8::try_from(at + 1).ok()
    })
}
