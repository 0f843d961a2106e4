//! Screening: what a letter says, and whose identifiers it carries.
//!
//! A stranger's document is read by a child process with hard limits (`parent` starts it, `child` is it); the text that
//! comes back is searched here by pure functions. The road is
//! [`read_letter`] → [`detect`] → look-ups by the caller ([`candidate_names`]) → [`infer_subject`], [`judge`].
//!
//! Deliberately not here: look-ups in the register, the decision, and what a site does about what could not be read.

mod between;
mod child;
mod dates;
mod detect;
mod docx;
mod html;
mod judge;
mod limits;
mod names;
mod parent;
mod pdf;
mod pdf_font;
mod pdf_page;
mod report;
#[cfg(test)]
mod tests;

pub use child::child_main;
pub use detect::{Findings, Place, detect};
pub use judge::{KnownNames, infer_subject, judge};
pub use limits::Limits;
pub use names::{candidate_names, normalise_name};
pub use parent::{ScreeningFailure, read_letter};

use serde::{Deserialize, Serialize};

/// What could be read of a letter, and what could not. Personal data: its `Debug` gives counts alone.
#[derive(Clone, Default)]
pub struct Reading {
    /// Text by part and page, in the letter's order; at most [`Limits::text_bytes_max`] in all.
    pub parts: Vec<PartText>,
    /// What was not read, and why. Never taken as "nothing there".
    pub unread: Vec<Unread>,
    /// The letter holds a picture somewhere.
    pub images: bool,
}

/// The text of one part of a letter, or of one page of it. Personal data: its `Debug` leaves the text out.
#[derive(Clone, Serialize, Deserialize)]
pub struct PartText {
    /// The MIME part, counted from 1 in the order in which parts open.
    pub part: u32,
    /// The page, counted from 1, where the part has pages.
    pub page: Option<u32>,
    /// What the text was taken from.
    pub kind: PartKind,
    /// The text, lines ended by LF.
    pub text: String,
}

/// What a text was taken from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum PartKind {
    /// The subject line, and the people named at the head of a forwarded message.
    Header,
    /// The name of an attached file.
    FileName,
    /// A `text/*` part.
    Text,
    /// A `text/html` part.
    Html,
    /// A page of a PDF, or what is noted beside its pages.
    Pdf,
    /// A Word document.
    Docx,
}

/// A part that screening could not read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Unread {
    /// The MIME part, counted from 1; 0 for the letter as a whole.
    pub part: u32,
    /// Why.
    pub why: Why,
}

/// Why a part was not read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Why {
    /// Locked by a password.
    Encrypted,
    /// Damaged, or not what it says it is.
    Broken,
    /// A picture.
    Image,
    /// Pages without text, or in a font that tells no characters: most often a scan.
    NoText,
    /// A kind of file that screening does not read.
    Unsupported,
    /// An archive of other files.
    Archive,
    /// Two readers could read it two ways, so that what is screened need not be what is opened.
    Ambiguous,
    /// More text, parts, pages or expansion than the limits allow.
    TooLarge,
    /// Nested more deeply than the limits allow.
    TooDeep,
    /// Reading took longer than the limits allow.
    TooSlow,
    /// The process that read it failed: could not be screened.
    Failed,
}

impl Why {
    /// The reason in plain words, for the sender's own side.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Encrypted => "locked by a password",
            Self::Broken => "damaged, or not what it says it is",
            Self::Image => "a picture",
            Self::NoText => "pages without text",
            Self::Unsupported => "a kind of file that is not read",
            Self::Archive => "an archive",
            Self::Ambiguous => "can be read in two ways",
            Self::TooLarge => "too large to screen",
            Self::TooDeep => "nested too deeply to screen",
            Self::TooSlow => "took too long to screen",
            Self::Failed => "could not be screened",
        }
    }
}

impl std::fmt::Display for Why {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.as_str())
    }
}

impl std::fmt::Debug for Reading {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self { parts, unread, images } = self;
        f.debug_struct("Reading").field("parts", &parts.len()).field("unread", unread).field("images", images).finish()
    }
}

impl std::fmt::Debug for PartText {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self { part, page, kind, text: _ } = self;
        f.debug_struct("PartText").field("part", part).field("page", page).field("kind", kind).finish_non_exhaustive()
    }
}
