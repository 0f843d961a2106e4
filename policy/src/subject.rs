//! The person a letter is about.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::{Mailbox, Purpose, Timestamp};

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
    /// Parses `scheme:value`; spaces and hyphens within an `nhs:` number are dropped.
    ///
    /// # Errors
    /// Names the rule that the text breaks.
    pub fn parse(text: &str) -> Result<Self, SubjectIdError> {
        Ok(Self(text.to_owned()))
    }

    /// As `scheme:value`. Personal data: never for a log.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
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
