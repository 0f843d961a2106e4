//! Approved disclosures without consent, on a closed list of legal grounds (section 6).

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::words::words;
use crate::{Category, SubjectId, Timestamp};

words! {
    /// A legal ground.
    Ground {
        /// A duty in law.
        LegalDuty = "legal-duty",
        /// A notification that a statute demands.
        StatutoryNotification = "statutory-notification",
        /// Someone's life or safety.
        VitalInterests = "vital-interests",
        /// A safeguarding concern.
        Safeguarding = "safeguarding",
        /// Serious crime.
        SeriousCrime = "serious-crime",
        /// An authority asked, with a power.
        AuthorityRequest = "authority-request",
        /// An applicant for a dead person's record.
        DeceasedApplicant = "deceased-applicant",
        /// Section 251 approval.
        S251 = "s251",
        /// The person cannot consent.
        UnableToConsent = "unable-to-consent",
    }
}

/// One approved, or asked-for, exception.
#[derive(Clone, PartialEq, Serialize, Deserialize)]
pub struct Exception {
    /// Unique among exceptions.
    pub id: String,
    /// On which ground.
    pub ground: Ground,
    /// Agency id.
    pub agency: String,
    /// What it covers; never empty.
    pub categories: Vec<Category>,
    /// Staff id.
    pub requested_by: String,
    /// Up to, not including.
    pub until: Timestamp,
    /// Whose; none only for a bulk purpose or a cohort.
    pub subject: Option<SubjectId>,
    /// Staff id.
    pub approved_by: Option<String>,
    /// When.
    pub approved_on: Option<Timestamp>,
    /// The ground's own fields by name (`instrument`, `concern`, …); blank text is the same as none.
    pub fields: BTreeMap<String, String>,
    /// The subject was told.
    pub told: Option<String>,
    /// Why the subject was not told.
    pub not_told_because: Option<String>,
}

/// Shows the id alone: the rest is about a person.
impl std::fmt::Debug for Exception {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Exception({})", self.id)
    }
}
