//! What screening saw in a letter.

use serde::{Deserialize, Serialize};

use crate::SubjectId;

/// One thing that screening saw: a number, or a kind of identifier.
///
/// Written as in section 8: `nhs:…`, `gmc:…`, `name`, `birth-date`, `name!`, `postcode` and so on.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub enum Finding {
    /// Somebody's number.
    Number(SubjectId),
    /// A name that the register knows.
    Name,
    /// A name that contradicts the register: `name!`.
    NameContradicts,
    /// A birth date.
    BirthDate,
    /// A birth date that contradicts the register: `birth-date!`.
    BirthDateContradicts,
    /// A postcode.
    Postcode,
    /// A national insurance number.
    NiNumber,
    /// An e-mail address.
    Email,
    /// A telephone number.
    Phone,
    /// An image.
    Image,
    /// A part that could not be read, where the site holds such letters. No identifier itself: it may hide one.
    Unread,
}

impl Finding {
    /// The word of section 8. Personal data where it is a number.
    #[must_use]
    pub fn as_str(&self) -> &str {
        match self {
            Self::Number(id) => id.as_str(),
            Self::Name => "name",
            Self::NameContradicts => "name!",
            Self::BirthDate => "birth-date",
            Self::BirthDateContradicts => "birth-date!",
            Self::Postcode => "postcode",
            Self::NiNumber => "ni-number",
            Self::Email => "email",
            Self::Phone => "phone",
            Self::Image => "image",
            Self::Unread => "unread",
        }
    }
}

impl TryFrom<String> for Finding {
    type Error = crate::SubjectIdError;
    fn try_from(word: String) -> Result<Self, Self::Error> {
        Ok(match word.as_str() {
            "name" => Self::Name,
            "name!" => Self::NameContradicts,
            "birth-date" => Self::BirthDate,
            "birth-date!" => Self::BirthDateContradicts,
            "postcode" => Self::Postcode,
            "ni-number" => Self::NiNumber,
            "email" => Self::Email,
            "phone" => Self::Phone,
            "image" => Self::Image,
            "unread" => Self::Unread,
            _ => Self::Number(crate::SubjectId::parse(&word)?),
        })
    }
}

impl From<Finding> for String {
    fn from(finding: Finding) -> Self {
        finding.as_str().to_owned()
    }
}

impl std::fmt::Debug for Finding {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(if matches!(self, Self::Number(_)) { "Number(…)" } else { self.as_str() })
    }
}
