//! Identifiers by their own shape: numbers with a check digit or a label, birth dates, postcodes and the like.
//!
//! A pass of the check digit is no proof of a person: one ten-digit string in eleven passes. Names, and what contradicts
//! the register, are `judge`'s.

use std::collections::BTreeSet;
use std::sync::LazyLock;

use policy::{Finding, SubjectId};
use regex::Regex;

use super::{PartText, Reading, Unread, dates};

/// A letter that carries more has long been stopped for those it carries.
const PLACES_MAX: usize = 10_000;

/// What screening found, where, and what it could not read. Its `Debug` tells kinds and places, never a value.
#[derive(Clone, Debug, Default)]
pub struct Findings {
    /// Each thing once, as [`policy::Letter`] takes it.
    pub found: Vec<Finding>,
    /// Where each was found; at most 10,000.
    pub places: Vec<Place>,
    /// What could not be read, from the [`Reading`].
    pub unread: Vec<Unread>,
}

/// One finding at one place. Personal data where the finding is a number; its `Debug` leaves it out.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, serde::Serialize, serde::Deserialize)]
pub struct Place {
    /// What was found.
    pub finding: Finding,
    /// The MIME part, counted from 1; 0 for the letter as a whole.
    pub part: u32,
    /// The page, counted from 1, where the part has pages.
    pub page: Option<u32>,
}

impl Findings {
    /// Takes in what [`judge`](super::judge()) found besides.
    pub fn add(&mut self, places: impl IntoIterator<Item = Place>) {
        let mut all: BTreeSet<Place> = std::mem::take(&mut self.places).into_iter().collect();
        for place in places {
            if all.len() < PLACES_MAX {
                all.insert(place);
            }
        }
        self.places = all.into_iter().collect();
        self.found =
            self.places.iter().map(|place| place.finding.clone()).collect::<BTreeSet<_>>().into_iter().collect();
    }
}

/// Finds identifiers in what was read.
#[must_use]
pub fn detect(reading: &Reading) -> Findings {
    let mut findings = Findings { unread: reading.unread.clone(), ..Findings::default() };
    let image = reading.images.then_some(Place { finding: Finding::Image, part: 0, page: None });
    findings.add(reading.parts.iter().flat_map(places).chain(image));
    findings
}

fn places(text: &PartText) -> Vec<Place> {
    let folded = fold(&text.text);
    let lowered = folded.to_ascii_lowercase();
    let mut found: BTreeSet<Finding> = numbers(&lowered).into_iter().map(Finding::Number).collect();
    for (finding, seen) in [
        (Finding::BirthDate, !dates::labelled(&lowered).is_empty()),
        (Finding::Postcode, postcode(&folded)),
        (Finding::NiNumber, ni_number(&lowered)),
        (Finding::Email, EMAIL.is_match(&lowered)),
        (Finding::Phone, phone(&lowered)),
    ] {
        if seen {
            found.insert(finding);
        }
    }
    found.into_iter().map(|finding| Place { finding, part: text.part, page: text.page }).collect()
}

/// Ten digits as letters write them: 3-3-4 (NHS Data Dictionary), whole, or each glyph on its own.
static TEN_DIGITS: LazyLock<Regex> =
    LazyLock::new(|| pattern(r"[0-9]{3}[ .\n\t-]{0,3}[0-9]{3}[ .\n\t-]{0,3}[0-9]{4}|[0-9](?: [0-9]){9}"));
/// After a label, however they are grouped.
static LABELLED_TEN_DIGITS: LazyLock<Regex> =
    LazyLock::new(|| pattern(r"(?:nhs|chi|h&c|hcn|health and care)[^0-9]{0,24}((?:[0-9][ ./\n\t-]{0,3}){9}[0-9])"));
static GMC: LazyLock<Regex> = LazyLock::new(|| pattern(r"(?-u:\b)gmc[^0-9\n]{0,24}([0-9]{7})"));
static NI_NUMBER: LazyLock<Regex> = LazyLock::new(|| {
    pattern(r"([a-ceghj-prstw-z][a-ceghj-npr-tw-z])[ -]?[0-9]{2}[ -]?[0-9]{2}[ -]?[0-9]{2}[ -]?[a-d]")
});
static POSTCODE: LazyLock<Regex> = LazyLock::new(|| {
    pattern(
        r"[A-Z]{1,2}[0-9][A-Z0-9]?[ \n]?[0-9][ABD-HJLNP-UW-Z]{2}|[a-z]{1,2}[0-9][a-z0-9]? ?[0-9][abd-hjlnp-uw-z]{2}",
    )
});
static EMAIL: LazyLock<Regex> = LazyLock::new(|| pattern(r"[a-z0-9._%+'-]@[a-z0-9-]+\.[a-z0-9]"));
static PHONE: LazyLock<Regex> =
    LazyLock::new(|| pattern(r"(?:(?:\+|00)44[ -]?(?:\(0\) ?)?|\(?0)[1235789](?:[ )-]{0,2}[0-9]){8,9}"));

/// NHS, CHI and H&C numbers that pass their check, and GMC numbers that are called so.
fn numbers(lowered: &str) -> BTreeSet<SubjectId> {
    let ten = spans(&TEN_DIGITS, lowered, 0).into_iter().chain(spans(&LABELLED_TEN_DIGITS, lowered, 1));
    let ten = ten.map(|span| format!("nhs:{}", digits(span)));
    let seven = spans(&GMC, lowered, 1).into_iter().map(|span| format!("gmc:{span}"));
    ten.chain(seven).filter_map(|id| SubjectId::parse(&id).ok()).collect()
}

fn ni_number(lowered: &str) -> bool {
    // Prefixes that are never given out.
    const BARRED: [&str; 7] = ["bg", "gb", "kn", "nk", "nt", "tn", "zz"];
    let alone = |range: std::ops::Range<usize>| stands_alone(lowered, range, |c| c.is_ascii_alphanumeric());
    NI_NUMBER
        .find_iter(lowered)
        .any(|found| alone(found.range()) && found.as_str().get(..2).is_some_and(|prefix| !BARRED.contains(&prefix)))
}

fn postcode(folded: &str) -> bool {
    POSTCODE.find_iter(folded).any(|found| stands_alone(folded, found.range(), |c| c.is_ascii_alphanumeric()))
}

fn phone(lowered: &str) -> bool {
    !spans(&PHONE, lowered, 0).is_empty()
}

/// The matches of a group that are not inside a longer run of digits. Where one is, the search goes on after the digits
/// that it begins with: nothing that begins within them stands alone.
fn spans<'t>(pattern: &Regex, text: &'t str, group: usize) -> Vec<&'t str> {
    let next = |at| match group {
        0 => pattern.find_at(text, at),
        group => pattern.captures_at(text, at)?.get(group),
    };
    let mut found = Vec::new();
    let mut at = 0;
    while let Some(span) = next(at) {
        if stands_alone(text, span.range(), |c| c.is_ascii_digit()) {
            found.push(span.as_str());
            at = span.end();
        } else {
            let digits = text.bytes().skip(span.start()).take_while(u8::is_ascii_digit).count();
            at = span.start() + digits.max(1);
        }
    }
    found
}

/// Whether neither neighbour continues the run.
fn stands_alone(text: &str, range: std::ops::Range<usize>, continues: impl Fn(char) -> bool) -> bool {
    let before = text.get(..range.start).and_then(|before| before.chars().next_back());
    let after = text.get(range.end..).and_then(|after| after.chars().next());
    !before.is_some_and(&continues) && !after.is_some_and(&continues)
}

fn digits(text: &str) -> String {
    text.chars().filter(char::is_ascii_digit).collect()
}

/// The text with every dash a hyphen, every space a space, every digit ASCII, and what has no width left out: so that no
/// typography hides a number.
pub(super) fn fold(text: &str) -> String {
    text.chars()
        .filter_map(|c| match c {
            '\u{AD}'
            | '\u{200B}'..='\u{200F}'
            | '\u{202A}'..='\u{202E}'
            | '\u{2060}'..='\u{2069}'
            | '\u{FEFF}'
            | '\u{34F}'
            | '\u{61C}'
            | '\u{180B}'..='\u{180E}'
            | '\u{FE00}'..='\u{FE0F}'
            | '\u{E0000}'..='\u{E0FFF}'
            | '\r' => None,
            '\u{2010}'..='\u{2015}' | '\u{2212}' | '\u{FE58}' | '\u{FE63}' | '\u{FF0D}' => Some('-'),
            '\n' | '\t' => Some(c),
            '\u{B}' | '\u{C}' | '\u{85}' | '\u{2028}' | '\u{2029}' => Some('\n'),
            c if c.is_whitespace() => Some(' '),
            '\u{FF01}'..='\u{FF5E}' => char::from_u32(u32::from(c) - 0xFEE0),
            c if c.is_control() => None,
            c if c.is_ascii() => Some(c),
            c => Some(digit(c).unwrap_or(c)),
        })
        .collect()
}

/// The ASCII digit that a digit of another script or style stands for: those that people in this country write, and
/// those that mathematics offers. Not raised ones: they are footnotes, and belong to no number.
fn digit(c: char) -> Option<char> {
    // Zeros: Arabic, Persian and Urdu, Devanagari, Bengali, Gurmukhi, Gujarati, Tamil, Thai; five mathematical styles.
    const ZEROS: [u32; 13] =
        [0x660, 0x6F0, 0x966, 0x9E6, 0xA66, 0xAE6, 0xBE6, 0xE50, 0x1D7CE, 0x1D7D8, 0x1D7E2, 0x1D7EC, 0x1D7F6];
    let value = ZEROS.iter().find_map(|zero| u32::from(c).checked_sub(*zero).filter(|value| *value < 10))?;
    char::from_digit(value, 10)
}

/// A pattern of this module's own, over ASCII classes alone.
#[expect(clippy::expect_used, reason = "the patterns are constants, and every one of them is compiled by a test")]
pub(super) fn pattern(text: &str) -> Regex {
    Regex::new(text).expect("a constant pattern")
}
