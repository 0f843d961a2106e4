//! A letter: one document, with its attachments, to one recipient.
//!
//! Not here: how a message's headers and tags become these fields (`gateway/intake/declare.rs`).

use serde::{Deserialize, Serialize};

use crate::words::words;
use crate::{Category, Finding, Mailbox, Purpose, SubjectId};

/// Crockford's base 32: no I, L, O or U.
const ALPHABET: &[u8; 32] = b"0123456789ABCDEFGHJKMNPQRSTVWXYZ";

/// A letter's public reference, `SG-XXXX-XXXX` in Crockford base 32: says nothing about anybody.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct LetterId(String);

/// What a letter declares from a closed list: a word of it, or another word.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum Declared<T> {
    /// On the list.
    Known(T),
    /// Not on the list.
    Unknown(String),
}

words! {
    /// An item that two places of one message declare differently. It counts as not declared, and neither the sender's
    /// default nor what screening infers may stand in: held, never guessed.
    Contradiction {
        /// Whom the letter is about.
        Subject = "subject",
        /// Why it goes.
        Purpose = "purpose",
        /// What it holds.
        Categories = "categories",
        /// What it cites.
        Citation = "citation",
        /// The exception it names.
        Exception = "exception",
    }
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
    /// What was declared twice and differently; no default stands in for it.
    #[serde(default)]
    pub contradictions: Vec<Contradiction>,
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
    /// Parses a reference, in either case; as Crockford has it, `I` and `L` read as 1, and `O` as 0.
    ///
    /// # Errors
    /// When it does not read `SG-XXXX-XXXX`.
    pub fn parse(text: &str) -> Result<Self, LetterIdError> {
        let read = |c: char| match c.to_ascii_uppercase() {
            'I' | 'L' => Some('1'),
            'O' => Some('0'),
            upper if upper.is_ascii() && ALPHABET.contains(&(upper as u8)) => Some(upper),
            _ => None,
        };
        let quad = |quad: &str| quad.chars().map(read).collect::<Option<String>>().filter(|read| read.len() == 4);
        let mut parts = text.split('-');
        let (sg, front, back) = (parts.next(), parts.next().and_then(quad), parts.next().and_then(quad));
        match (sg, front, back, parts.next()) {
            (Some(sg), Some(front), Some(back), None) if sg.eq_ignore_ascii_case("SG") => {
                Ok(Self(format!("SG-{front}-{back}")))
            }
            _ => Err(LetterIdError),
        }
    }
}

/// Shows a word of the list; of another word, which is the sender's own text, only that there is one.
impl<T: std::fmt::Debug> std::fmt::Debug for Declared<T> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Known(word) => write!(f, "Known({word:?})"),
            Self::Unknown(_) => f.write_str("Unknown(…)"),
        }
    }
}

/// Shows the reference alone.
impl<B> std::fmt::Debug for Letter<B> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Letter({})", self.id)
    }
}

impl std::fmt::Display for LetterId {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::str::FromStr for LetterId {
    type Err = LetterIdError;
    fn from_str(text: &str) -> Result<Self, LetterIdError> {
        Self::parse(text)
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

#[cfg(test)]
mod tests;
