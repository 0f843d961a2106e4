//! A letter: one document, with its attachments, to one recipient.

use serde::{Deserialize, Serialize};

use crate::{Category, Finding, Mailbox, Purpose, SubjectId};

/// A letter's public reference, `SG-XXXX-XXXX` in Crockford base 32: says nothing about anybody.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct LetterId(String);

/// What a letter declares from a closed list: a word of it, or another word.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum Declared<T> {
    /// On the list.
    Known(T),
    /// Not on the list.
    Unknown(String),
}

/// A letter to one recipient, with a body of type `B` that the decision cannot look into.
#[derive(Clone, Serialize, Deserialize)]
pub struct Letter<B> {
    /// Its reference.
    pub id: LetterId,
    /// Staff id of the sender, as authenticated.
    pub sender: String,
    /// The one recipient.
    pub to: Mailbox,
    /// Declared, or inferred by screening.
    pub subject: Option<SubjectId>,
    /// Declared; the sender's default stands in for none.
    pub purpose: Option<Declared<Purpose>>,
    /// Declared; the sender's default stands in for none.
    pub categories: Vec<Category>,
    /// The contract, collection, rule, incident or request.
    pub citation: Option<String>,
    /// Exception id.
    pub exception: Option<String>,
    /// What screening saw.
    pub found: Vec<Finding>,
    /// SHA-256 of the bytes as they will leave, 64 lower-case hex digits.
    pub sha256: Option<String>,
    /// The document.
    pub body: B,
}

impl LetterId {
    /// The reference that stands for the low 40 of these bits.
    #[must_use]
    pub fn from_bits(bits: u64) -> Self {
        const ALPHABET: &[u8; 32] = b"0123456789ABCDEFGHJKMNPQRSTVWXYZ";
        let digit = |place: u32| {
            let index = usize::try_from((bits >> (5 * place)) & 31).unwrap_or_default();
            char::from(ALPHABET.get(index).copied().unwrap_or(b'0'))
        };
        let (front, back): (String, String) = ((0..4).map(digit).collect(), (4..8).map(digit).collect());
        Self(format!("SG-{front}-{back}"))
    }

    /// As written, `SG-XXXX-XXXX`.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// Why a reference was not taken.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LetterIdError;

impl std::fmt::Display for LetterIdError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("a letter's reference reads SG-XXXX-XXXX")
    }
}

impl std::error::Error for LetterIdError {}

impl LetterId {
    /// Parses a reference, in either case.
    ///
    /// # Errors
    /// When it does not read `SG-XXXX-XXXX`.
    pub fn parse(text: &str) -> Result<Self, LetterIdError> {
        Ok(Self(text.to_uppercase()))
    }
}

impl std::fmt::Display for LetterId {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0)
    }
}

impl TryFrom<String> for LetterId {
    type Error = LetterIdError;
    fn try_from(text: String) -> Result<Self, LetterIdError> {
        Self::parse(&text)
    }
}

impl From<LetterId> for String {
    fn from(id: LetterId) -> Self {
        id.0
    }
}
