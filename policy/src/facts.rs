//! What the registers say that bears on one letter: the only thing a decision reads besides the letter.
//!
//! A decision trusts no link that it can check itself: a sender, subject, address, authoriser, exception or
//! approver whose id is not the one that the letter or the register entry names counts as absent.

use serde::Serialize;

use crate::{Agency, Consent, Exception, Staff, Subject};

/// Whose the recipient's address is.
#[derive(Clone, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Recipient {
    /// An allow-listed agency's.
    Agency(Box<Agency>),
    /// The subject's own registered address.
    OwnAddress,
    /// Nobody's; perhaps it resembles a listed address or domain.
    Unlisted {
        /// The listed address or domain that it resembles.
        resembles: Option<String>,
    },
}

/// An exception, and the members of staff whose standing it rests on.
#[derive(Clone, Serialize)]
pub struct Approval {
    /// The exception that the letter names.
    pub exception: Exception,
    /// Who approved it, if they are on the staff.
    pub approver: Option<Staff>,
}

/// The slice of the registers that one decision reads.
#[derive(Clone, Serialize)]
pub struct Facts {
    /// The letter's sender, if on the staff.
    pub sender: Option<Staff>,
    /// Whose the address is.
    pub recipient: Recipient,
    /// Who authorised the agency, if they are on the staff.
    pub authoriser: Option<Staff>,
    /// The letter's subject, if in the register (by id or alias).
    pub subject: Option<Subject>,
    /// Every consent entry of that subject, in any order.
    pub consents: Vec<Consent>,
    /// The exception that the letter names, if it exists.
    pub approval: Option<Approval>,
}
