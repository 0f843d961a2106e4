//! The one question, as the gates see it: facts and letter side by side, with the sender's defaults in place.
//!
//! Not here: the letter's body. A question is made from a letter of any body, so no gate can look into one.
//! Facts that do not belong to this letter (another sender, another's address, another exception) are no facts.

use std::collections::BTreeSet;

use crate::table::{self, Identifiers, Row};
use crate::{
    Agency, Approval, Category, Consent, Contradiction, Declared, Facts, Finding, Letter, Moment, Purpose, Recipient, Staff, Subject,
    Timestamp,
};

/// Why the letter goes, as far as it says.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Why {
    Missing,
    Unknown,
    Known(Purpose),
}

/// To whom the letter goes.
#[derive(Clone, Copy)]
pub(crate) enum To<'a> {
    Agency(&'a Agency),
    OwnAddress,
    Unlisted { resembles: Option<&'a str> },
}

pub(crate) struct Question<'a> {
    pub now: Moment,
    pub sender_id: &'a str,
    /// Active, and on the staff.
    pub sender: Option<&'a Staff>,
    pub why: Why,
    /// The purpose's row; none without a purpose, with an unknown one, and for marketing.
    pub row: Option<Row>,
    pub to: To<'a>,
    pub authoriser: Option<&'a Staff>,
    /// The letter names somebody, in the register or not.
    pub names_subject: bool,
    /// In the register.
    pub subject: Option<&'a Subject>,
    pub categories: BTreeSet<Category>,
    pub cited: bool,
    /// Identifiers that screening saw.
    pub found: Vec<&'a Finding>,
    /// Some part could not be read.
    pub has_unread: bool,
    pub sha256: Option<&'a str>,
    /// Of this subject.
    pub consents: Vec<&'a Consent>,
    pub approval: Option<&'a Approval>,
}

impl<'a> Question<'a> {
    pub fn new<B>(facts: &'a Facts, letter: &'a Letter<B>, now: Moment) -> Self {
        let contradicts = |item| letter.contradictions.contains(&item);
        let sender = facts.sender.as_ref().filter(|staff| staff.id == letter.sender && staff.active);
        let why = why(letter.purpose.as_ref(), sender.filter(|_| !contradicts(Contradiction::Purpose)));
        let subject = facts.subject.as_ref().filter(|s| letter.subject.as_ref().is_some_and(|id| s.answers_to(id)));
        let consents = match subject {
            Some(subject) => facts.consents.iter().filter(|entry| subject.answers_to(&entry.subject)).collect(),
            None => Vec::new(),
        };
        Self {
            now,
            sender_id: &letter.sender,
            sender,
            why,
            row: if let Why::Known(purpose) = why { table::row(purpose) } else { None },
            to: to(facts, letter, subject),
            authoriser: facts.authoriser.as_ref(),
            names_subject: letter.subject.is_some(),
            subject,
            categories: categories(&letter.categories, sender.filter(|_| !contradicts(Contradiction::Categories))),
            cited: filled(letter.citation.as_ref()),
            found: letter.found.iter().filter(|finding| **finding != Finding::Unread).collect(),
            has_unread: letter.found.contains(&Finding::Unread),
            sha256: letter.sha256.as_deref(),
            consents,
            approval: facts.approval.as_ref().filter(|it| letter.exception.as_ref() == Some(&it.exception.id)),
        }
    }

    pub const fn at(&self) -> Timestamp {
        self.now.at
    }

    pub const fn agency(&self) -> Option<&'a Agency> {
        match self.to {
            To::Agency(agency) => Some(agency),
            To::OwnAddress | To::Unlisted { .. } => None,
        }
    }

    /// The purpose and its row, where there is one.
    pub const fn purpose(&self) -> Option<(Purpose, Row)> {
        match (self.why, self.row) {
            (Why::Known(purpose), Some(row)) => Some((purpose, row)),
            (Why::Known(_) | Why::Missing | Why::Unknown, _) => None,
        }
    }

    /// A letter of only `business` or `aggregate` is about nobody.
    pub fn is_about_nobody(&self) -> bool {
        let nobodys = |category: &Category| matches!(category, Category::Business | Category::Aggregate);
        !self.categories.is_empty() && self.categories.iter().all(nobodys)
    }

    /// Research in which nobody is identified: nothing found, no identity or contact declared (O-049).
    pub fn is_deidentified_research(&self) -> bool {
        self.is_research()
            && self.found.is_empty()
            && !self.categories.contains(&Category::Identity)
            && !self.categories.contains(&Category::Contact)
    }

    pub fn is_research(&self) -> bool {
        self.row.is_some_and(|row| row.identifiers == Identifiers::TakenOnConsent)
    }
}

/// Blank text is the same as none.
pub(crate) fn filled(text: Option<&String>) -> bool {
    text.is_some_and(|text| !text.trim().is_empty())
}

fn why(declared: Option<&Declared<Purpose>>, sender: Option<&Staff>) -> Why {
    match declared {
        Some(Declared::Known(purpose)) => Why::Known(*purpose),
        Some(Declared::Unknown(word)) if filled(Some(word)) => Why::Unknown,
        Some(Declared::Unknown(_)) | None => {
            sender.and_then(|staff| staff.default_purpose).map_or(Why::Missing, Why::Known)
        }
    }
}

fn categories(declared: &[Category], sender: Option<&Staff>) -> BTreeSet<Category> {
    let defaults = sender.map_or(&[][..], |staff| &staff.default_categories);
    let stated = if declared.is_empty() { defaults } else { declared };
    stated.iter().copied().collect()
}

fn to<'a, B>(facts: &'a Facts, letter: &Letter<B>, subject: Option<&Subject>) -> To<'a> {
    match &facts.recipient {
        Recipient::Agency(agency) if agency.is_at(&letter.to) => To::Agency(agency),
        Recipient::OwnAddress if subject.is_some_and(|subject| subject.addresses.contains(&letter.to)) => {
            To::OwnAddress
        }
        Recipient::Unlisted { resembles } => To::Unlisted { resembles: resembles.as_deref() },
        Recipient::Agency(_) | Recipient::OwnAddress => To::Unlisted { resembles: None },
    }
}
