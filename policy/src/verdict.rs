//! What a decision says, and the clearance that only a release carries.
//!
//! Not here: any way to make a [`Cleared`] without asking [`crate::decide`], to keep one, or to copy one.

use serde::{Deserialize, Serialize};

use crate::words::words;
use crate::{Category, Channel, Letter, Purpose};

words! {
    /// Release, hold or refuse; refuse beats hold beats release.
    Verdict {
        /// It may go.
        Release = "release",
        /// A fact is missing that a named person could supply.
        Hold = "hold",
        /// It may not go.
        Refuse = "refuse",
    }
}

words! {
    /// What comes with a release (section 7).
    Duty {
        /// Nothing outside the letter says anything about the person (O-072).
        NeutralCover = "neutral-cover",
        /// The subject gets a copy (O-033).
        CopyToSubject = "copy-to-subject",
        /// The subject is to be told (O-046).
        TellSubject = "tell-subject",
        /// The disclosure is to be reviewed (O-046).
        Review = "review",
        /// View only.
        NoDownload = "no-download",
    }
}

words! {
    /// A stable reason code (section 5), in the order of the gates.
    ReasonCode {
        /// See `docs/reference/reasons.md`.
        UserUnknown = "user.unknown",
        /// See `docs/reference/reasons.md`.
        UserRole = "user.role",
        /// See `docs/reference/reasons.md`.
        UserTraining = "user.training",
        /// See `docs/reference/reasons.md`.
        UserHours = "user.hours",
        /// See `docs/reference/reasons.md`.
        PurposeMissing = "purpose.missing",
        /// See `docs/reference/reasons.md`.
        PurposeUnknown = "purpose.unknown",
        /// See `docs/reference/reasons.md`.
        PurposeMarketing = "purpose.marketing",
        /// See `docs/reference/reasons.md`.
        BasisMissing = "basis.missing",
        /// See `docs/reference/reasons.md`.
        AgencyNotListed = "agency.not-listed",
        /// See `docs/reference/reasons.md`.
        RecipientLookalike = "recipient.lookalike",
        /// See `docs/reference/reasons.md`.
        AgencySuspended = "agency.suspended",
        /// See `docs/reference/reasons.md`.
        AgencyUnauthorised = "agency.unauthorised",
        /// See `docs/reference/reasons.md`.
        AgencyPapersMissing = "agency.papers-missing",
        /// See `docs/reference/reasons.md`.
        AgencyPapersExpired = "agency.papers-expired",
        /// See `docs/reference/reasons.md`.
        AgencyPurpose = "agency.purpose",
        /// See `docs/reference/reasons.md`.
        AgencyCategory = "agency.category",
        /// See `docs/reference/reasons.md`.
        AgencyOnlyVia = "agency.only-via",
        /// See `docs/reference/reasons.md`.
        RecipientUnverified = "recipient.unverified",
        /// See `docs/reference/reasons.md`.
        RecipientNotRelated = "recipient.not-related",
        /// See `docs/reference/reasons.md`.
        TransferCountry = "transfer.country",
        /// See `docs/reference/reasons.md`.
        PatientUnresolved = "patient.unresolved",
        /// See `docs/reference/reasons.md`.
        PatientMixed = "patient.mixed",
        /// See `docs/reference/reasons.md`.
        PatientMismatch = "patient.mismatch",
        /// See `docs/reference/reasons.md`. (Beside the list of `spec/decision.md`: the site holds what it cannot read.)
        PatientUnread = "patient.unread",
        /// See `docs/reference/reasons.md`.
        SubjectDeceased = "subject.deceased",
        /// See `docs/reference/reasons.md`.
        SubjectRestricted = "subject.restricted",
        /// See `docs/reference/reasons.md`.
        SubjectObjected = "subject.objected",
        /// See `docs/reference/reasons.md`.
        SubjectMustKnowFirst = "subject.must-know-first",
        /// See `docs/reference/reasons.md`.
        ItemsMissing = "items.missing",
        /// See `docs/reference/reasons.md`.
        ItemsSurplus = "items.surplus",
        /// See `docs/reference/reasons.md`.
        ItemsForbidden = "items.forbidden",
        /// See `docs/reference/reasons.md`.
        ItemsIdentifiersPresent = "items.identifiers-present",
        /// See `docs/reference/reasons.md`.
        ConsentRefused = "consent.refused",
        /// See `docs/reference/reasons.md`.
        ConsentWithdrawn = "consent.withdrawn",
        /// See `docs/reference/reasons.md`.
        ConsentNone = "consent.none",
        /// See `docs/reference/reasons.md`.
        ConsentPurposeMismatch = "consent.purpose-mismatch",
        /// See `docs/reference/reasons.md`.
        ConsentCategoryMismatch = "consent.category-mismatch",
        /// See `docs/reference/reasons.md`.
        ConsentExpired = "consent.expired",
        /// See `docs/reference/reasons.md`.
        ConsentStale = "consent.stale",
        /// See `docs/reference/reasons.md`.
        ConsentFormTooWeak = "consent.form-too-weak",
        /// See `docs/reference/reasons.md`.
        ConsentNoEvidence = "consent.no-evidence",
        /// See `docs/reference/reasons.md`.
        ConsentNoAuthority = "consent.no-authority",
        /// See `docs/reference/reasons.md`.
        ExceptionUnapproved = "exception.unapproved",
        /// See `docs/reference/reasons.md`.
        ExceptionSelfApproved = "exception.self-approved",
        /// See `docs/reference/reasons.md`.
        ExceptionIncomplete = "exception.incomplete",
        /// See `docs/reference/reasons.md`.
        ExceptionScope = "exception.scope",
        /// See `docs/reference/reasons.md`.
        ExceptionExpired = "exception.expired",
        /// See `docs/reference/reasons.md`.
        ChannelNoMethod = "channel.no-method",
    }
}

/// One reason that applies.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Reason {
    /// Its stable code.
    pub code: ReasonCode,
    /// What it comes to by itself: a hold or a refusal.
    pub weight: Verdict,
    /// For the sender: one plain sentence. Holds nothing about the person.
    pub sentence: String,
    /// What to do about it.
    pub remedy: String,
    /// Who can act.
    pub who: std::borrow::Cow<'static, str>,
}

/// Why: everything that a decision can show of itself.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Explanation {
    /// What was decided.
    pub verdict: Verdict,
    /// Why the letter goes, as it was decided on: declared, or the sender's default.
    pub purpose: Option<Purpose>,
    /// What it holds, as it was decided on: declared, or the sender's default.
    pub categories: Vec<Category>,
    /// Every reason that applies, in the order of the gates.
    pub reasons: Vec<Reason>,
    /// Ids of the register entries that it rests on.
    pub rests_on: Vec<String>,
    /// Duties that come with a release; empty otherwise.
    pub duties: Vec<Duty>,
    /// Channels in order; empty unless released.
    pub channels: Vec<Channel>,
    /// SHA-256, lower-case hex, of the facts it read.
    pub facts_sha256: String,
}

/// A letter that may go, now. Made by [`crate::decide`] alone; never stored, copied or serialised.
///
/// ```compile_fail,E0451
/// fn forge(letter: policy::Letter<()>, explanation: policy::Explanation) -> policy::Cleared<()> {
///     policy::Cleared { letter, explanation }
/// }
/// ```
///
/// ```compile_fail,E0599
/// fn copy(cleared: &policy::Cleared<()>) -> policy::Cleared<()> {
///     cleared.clone()
/// }
/// ```
#[must_use = "a cleared letter is dropped at the end of the attempt, never stored"]
pub struct Cleared<B> {
    letter: Letter<B>,
    explanation: Explanation,
}

/// What became of the letter.
#[must_use]
pub enum Outcome<B> {
    /// It may go.
    Released(Cleared<B>),
    /// A fact is missing; the letter is handed back.
    Held(Letter<B>),
    /// It may not go; the letter is handed back.
    Refused(Letter<B>),
}

/// A decision: the outcome, and why.
#[must_use]
pub struct Decision<B> {
    /// The letter, cleared or handed back.
    pub outcome: Outcome<B>,
    /// Why.
    pub explanation: Explanation,
}

impl<B> Cleared<B> {
    /// For [`crate::decide`] alone, which hands over the explanation of a release.
    pub(crate) const fn of(letter: Letter<B>, explanation: Explanation) -> Self {
        Self { letter, explanation }
    }

    /// The letter, to read.
    #[must_use]
    pub const fn letter(&self) -> &Letter<B> {
        &self.letter
    }

    /// Why it may go; the very explanation that cleared it.
    #[must_use]
    pub const fn explanation(&self) -> &Explanation {
        &self.explanation
    }

    /// Channels that it may leave by, in order of preference; never empty.
    #[must_use]
    pub fn channels(&self) -> &[Channel] {
        &self.explanation.channels
    }

    /// Takes the letter out, which ends the clearance.
    #[must_use]
    pub fn into_letter(self) -> Letter<B> {
        self.letter
    }
}

/// Shows the letter's reference alone.
impl<B> std::fmt::Debug for Cleared<B> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Cleared({})", self.letter.id)
    }
}

/// Shows the letter's reference alone.
impl<B> std::fmt::Debug for Outcome<B> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Released(cleared) => write!(f, "Released({})", cleared.letter.id),
            Self::Held(letter) => write!(f, "Held({})", letter.id),
            Self::Refused(letter) => write!(f, "Refused({})", letter.id),
        }
    }
}
