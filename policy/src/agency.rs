//! Allow-listed organisations, and allow-listed persons such as carers.

use serde::{Deserialize, Serialize};

use crate::{AgencyKind, Category, Channel, Domain, Mailbox, Proof, Purpose, Timestamp};

/// Who let the agency onto the list (O-162).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Authorisation {
    /// Staff id; counts only with role `area-manager`.
    pub by: String,
    /// From.
    pub on: Timestamp,
    /// Up to, not including.
    pub until: Timestamp,
}

/// Papers on file, each up to, not including, its date (O-028, O-059, O-146).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Papers {
    /// The sharing agreement.
    pub agreement_until: Option<Timestamp>,
    /// A copy of their policy.
    pub policy_copy_until: Option<Timestamp>,
    /// The confidentiality undertaking.
    pub undertaking_until: Option<Timestamp>,
}

/// How it was checked that the address is theirs (O-065).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Verification {
    /// From.
    pub on: Timestamp,
    /// Staff id.
    pub by: String,
    /// In words.
    pub method: String,
    /// Up to, not including.
    pub until: Timestamp,
}

/// An instrument for transfer to a country without adequacy.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Transfer {
    /// Its name.
    pub instrument: String,
    /// Up to, not including.
    pub until: Timestamp,
}

/// A key that letters to the agency are sealed to.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SealingKey {
    /// An age recipient, `age1…`.
    pub recipient: String,
    /// Two people have checked that it is theirs.
    pub verified: bool,
    /// From.
    pub not_before: Option<Timestamp>,
    /// Up to, not including.
    pub not_after: Option<Timestamp>,
}

impl SealingKey {
    /// Is it verified, and in date at `now`? Nothing is sealed to any other.
    #[must_use]
    pub fn is_good_at(&self, now: Timestamp) -> bool {
        self.verified
            && self.not_before.is_none_or(|from| from <= now)
            && self.not_after.is_none_or(|until| now < until)
    }
}

/// An entry of the allow-list (section 8).
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Agency {
    /// Unique among agencies.
    pub id: String,
    /// As people know it.
    pub name: String,
    /// Of which kind.
    pub kind: AgencyKind,
    /// ISO 3166-1 alpha-2.
    pub country: String,
    /// What it may receive letters for.
    pub purposes: Vec<Purpose>,
    /// What letters to it may hold.
    pub categories: Vec<Category>,
    /// In its order of preference; never empty.
    pub channels: Vec<Channel>,
    /// Listed addresses.
    pub addresses: Vec<Mailbox>,
    /// Listed domains; sub-domains are not included.
    pub domains: Vec<Domain>,
    /// Suspended: nothing goes.
    pub suspended: bool,
    /// ODS code.
    pub ods: Option<String>,
    /// Letters go through this agency instead (O-010).
    pub only_via: Option<String>,
    /// Staff id of who asked for it to be listed.
    pub requested_by: Option<String>,
    /// Who authorised it.
    pub authorised: Option<Authorisation>,
    /// Papers on file.
    pub papers: Papers,
    /// How its addresses were checked.
    pub verified: Option<Verification>,
    /// Transfer instrument.
    pub transfer: Option<Transfer>,
    /// Keys to seal to.
    pub keys: Vec<SealingKey>,
    /// Proofs accepted for it.
    pub proof: Vec<Proof>,
    /// MX host names, for `pkix`.
    pub mx: Vec<Domain>,
    /// SPKI SHA-256, for `pin`; 64 lower-case hex digits each.
    pub pins: Vec<String>,
    /// PEM, in place of the public roots.
    pub ca: Option<String>,
    /// HTTPS endpoint, for `https-push`.
    pub endpoint: Option<String>,
}

impl Agency {
    /// Is this one of its addresses, or an address in one of its domains? Sub-domains are not included.
    #[must_use]
    pub fn is_at(&self, mailbox: &Mailbox) -> bool {
        self.addresses.contains(mailbox) || self.domains.contains(mailbox.domain())
    }
}
