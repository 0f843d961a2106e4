//! What a subject agreed to: with whom, for what, how long.

use serde::{Deserialize, Serialize};

use crate::words::words;
use crate::{AgencyKind, Category, Purpose, SubjectId, Timestamp};

words! {
    /// What the subject answered.
    Answer {
        /// Agreed.
        Yes = "yes",
        /// Said no.
        No = "no",
        /// Was never asked.
        NotAsked = "not-asked",
    }
}

words! {
    /// How plain the consent is.
    Form {
        /// Asked and answered.
        Explicit = "explicit",
        /// Understood from what the person did.
        Implied = "implied",
    }
}

words! {
    /// How the answer was given.
    Manner {
        /// On paper, signed.
        Written = "written",
        /// By word of mouth.
        Verbal = "verbal",
        /// On a screen.
        Electronic = "electronic",
    }
}

words! {
    /// Who gave the answer.
    GivenBy {
        /// The subject.
        Subject = "subject",
        /// Someone with authority to (O-139).
        Representative = "representative",
    }
}

/// Whom an entry concerns: one agency, or every agency of a kind.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AgencyOrKind {
    /// One agency, by id.
    Agency(String),
    /// All of a kind.
    AgencyKind(AgencyKind),
}

/// One entry of the consented-sharing register. Never edited: a change of mind is a new entry that `supersedes`.
#[derive(Clone, PartialEq, Serialize, Deserialize)]
pub struct Consent {
    /// Unique among consents.
    pub id: String,
    /// Whose.
    pub subject: SubjectId,
    /// With whom.
    pub with: AgencyOrKind,
    /// What they answered.
    pub answer: Answer,
    /// How plainly.
    pub form: Form,
    /// By what means.
    pub manner: Manner,
    /// For what; empty stands for `any`, which only a `no` may say.
    pub purposes: Vec<Purpose>,
    /// Which information; empty stands for `any`, which only a `no` may say.
    pub categories: Vec<Category>,
    /// When.
    pub given: Timestamp,
    /// By whom.
    pub given_by: GivenBy,
    /// A representative's authority.
    pub authority: Option<String>,
    /// Why the subject could not answer.
    pub capacity_note: Option<String>,
    /// The notice they were shown.
    pub notice: Option<String>,
    /// Where the proof is kept.
    pub evidence: Option<String>,
    /// The piece of work it ends with (O-213).
    pub work: Option<String>,
    /// Holds up to, not including, this instant.
    pub expires: Option<Timestamp>,
    /// Withdrawn then.
    pub withdrawn: Option<Timestamp>,
    /// Countries it names, ISO 3166-1 alpha-2.
    pub abroad: Vec<String>,
    /// The entry it stands in for.
    pub supersedes: Option<String>,
}

/// Shows the id alone: the rest is about a person.
impl std::fmt::Debug for Consent {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Consent({})", self.id)
    }
}
