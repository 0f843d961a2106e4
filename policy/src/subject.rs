//! The person a letter is about: their identifier, and their entry in the register.
//!
//! Not here: who the person is when a letter names nobody; screening infers that before a decision.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::{Mailbox, Purpose, Timestamp};

const VALUE_BYTES_MAX: usize = 64;

/// A subject's identifier: `nhs:9434765919`, `case:PSU-0142`, `gmc:7012345`.
///
/// An `nhs:` id has ten digits, passes modulus 11 and is not one digit ten times; a `gmc:` id has seven digits.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct SubjectId(String);

/// A subject's entry in the register (section 8).
#[derive(Clone, PartialEq, Serialize, Deserialize)]
pub struct Subject {
    /// Unique among subjects and their aliases.
    pub id: SubjectId,
    /// Full name.
    pub name: String,
    /// Midnight UTC of the day of birth.
    pub birth_date: Timestamp,
    /// Other ids of the same person.
    pub aliases: Vec<SubjectId>,
    /// Home postcode.
    pub postcode: Option<String>,
    /// Their own registered addresses.
    pub addresses: Vec<Mailbox>,
    /// Has died.
    pub deceased: bool,
    /// Processing is restricted (O-228).
    pub restricted: bool,
    /// Purposes objected to (O-231).
    pub objections: Vec<Purpose>,
    /// Agency ids that care is usually shared with (O-138).
    pub usual: Vec<String>,
    /// Is a trainee of the provider.
    pub trainee: bool,
    /// Agency id.
    pub responsible_officer: Option<String>,
    /// Agency id.
    pub supervisor: Option<String>,
    /// Agency ids.
    pub representatives: Vec<String>,
    /// Piece of work to its end; `None` while open.
    pub works: BTreeMap<String, Option<Timestamp>>,
    /// Circumstances changed then: older consents are stale (O-214).
    pub changed: Option<Timestamp>,
    /// SHA-256, 64 lower-case hex digits, of letters whose exact bytes the subject knows (O-016).
    pub knows: Vec<String>,
}

/// Why an id was not taken. Displays the rule that it breaks, never the id.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SubjectIdError(pub &'static str);

impl std::fmt::Display for SubjectIdError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.0)
    }
}

impl std::error::Error for SubjectIdError {}

impl SubjectId {
    /// Parses `scheme:value`; the scheme in either case, spaces and hyphens within an `nhs:` number dropped.
    /// A `case:` id is 1 to 64 letters, digits, dots, hyphens, underscores and slashes, kept as written.
    ///
    /// # Errors
    /// Names the rule that the text breaks.
    pub fn parse(text: &str) -> Result<Self, SubjectIdError> {
        let (scheme, value) = text.split_once(':').ok_or(SubjectIdError("a subject reads nhs:…, gmc:… or case:…"))?;
        if value.len() > VALUE_BYTES_MAX {
            return Err(SubjectIdError("a subject's id has at most 64 characters"));
        }
        match scheme.to_ascii_lowercase().as_str() {
            "nhs" => parse_nhs(value).map(|digits| Self(format!("nhs:{digits}"))),
            "gmc" if is_digits(value, 7) => Ok(Self(format!("gmc:{value}"))),
            "gmc" => Err(SubjectIdError("a gmc number has seven digits")),
            "case" if is_case(value) => Ok(Self(format!("case:{value}"))),
            "case" => Err(SubjectIdError("a case id holds letters, digits, and . - _ / after the first")),
            _ => Err(SubjectIdError("a subject reads nhs:…, gmc:… or case:…")),
        }
    }

    /// As `scheme:value`. Personal data: never for a log.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// Are these the ten digits of an NHS number: modulus 11 holds, and they are not one digit ten times?
/// (NHS Data Dictionary, NHS NUMBER: weights 10 to 2, remainder from 11, 11 stands for 0, 10 is never given out.)
#[must_use]
pub fn nhs_check(digits: &str) -> bool {
    let values = || digits.bytes().map(|byte| u32::from(byte.wrapping_sub(b'0')));
    let sum: u32 = values().zip((2..=10).rev()).map(|(value, weight)| value * weight).sum();
    let check_digit = (11 - sum % 11) % 11;
    let one_digit = values().skip(1).eq(values().take(9));
    is_digits(digits, 10) && !one_digit && values().next_back() == Some(check_digit)
}

fn parse_nhs(value: &str) -> Result<String, SubjectIdError> {
    let digits: String = value.chars().filter(|c| !matches!(c, ' ' | '-')).collect();
    match () {
        () if !is_digits(&digits, 10) => Err(SubjectIdError("an nhs number has ten digits")),
        () if !nhs_check(&digits) => Err(SubjectIdError("an nhs number passes modulus 11 and is no repeated digit")),
        () => Ok(digits),
    }
}

fn is_digits(text: &str, len: usize) -> bool {
    text.len() == len && text.bytes().all(|byte| byte.is_ascii_digit())
}

fn is_case(text: &str) -> bool {
    text.starts_with(|c: char| c.is_ascii_alphanumeric())
        && text.chars().all(|c| c.is_ascii_alphanumeric() || ".-_/".contains(c))
}

impl Subject {
    /// Is this one of the person's ids: the register's own, or an alias?
    #[must_use]
    pub fn answers_to(&self, id: &SubjectId) -> bool {
        self.id == *id || self.aliases.contains(id)
    }
}

impl std::fmt::Debug for SubjectId {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("SubjectId(…)")
    }
}

impl TryFrom<String> for SubjectId {
    type Error = SubjectIdError;
    fn try_from(text: String) -> Result<Self, SubjectIdError> {
        Self::parse(&text)
    }
}

impl From<SubjectId> for String {
    fn from(id: SubjectId) -> Self {
        id.0
    }
}

impl std::fmt::Debug for Subject {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Subject(…)")
    }
}

#[cfg(test)]
mod tests;
