//! The closed lists of `spec/decision.md`: purposes, categories, kinds, channels, proofs.
//!
//! Each word is spelled once, here, and serialises as that spelling.

use serde::{Deserialize, Serialize};

/// Declares an enum whose variants have one spelling each, with `ALL`, `as_str` and `FromStr`.
macro_rules! words {
    ($(#[$doc:meta])* $name:ident { $($(#[$vdoc:meta])* $variant:ident = $word:literal,)+ }) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        pub enum $name { $($(#[$vdoc])* #[serde(rename = $word)] $variant,)+ }

        impl $name {
            /// Every word of the list, in the order of the specification.
            pub const ALL: &[Self] = &[$(Self::$variant,)+];

            /// The one spelling.
            #[must_use]
            pub const fn as_str(self) -> &'static str {
                match self { $(Self::$variant => $word,)+ }
            }
        }

        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str(self.as_str())
            }
        }

        impl std::str::FromStr for $name {
            type Err = ();
            fn from_str(word: &str) -> Result<Self, ()> {
                Self::ALL.iter().copied().find(|w| w.as_str() == word).ok_or(())
            }
        }
    };
}
pub(crate) use words;

words! {
    /// What kind of information a letter holds (section 3).
    Category {
        /// Name, birth date, numbers.
        Identity = "identity",
        /// Address, telephone, e-mail.
        Contact = "contact",
        /// Age band, ethnicity and the like, for equality monitoring.
        Demographics = "demographics",
        /// Services used and their dates.
        Appointments = "appointments",
        /// A letter about care.
        ClinicalLetter = "clinical-letter",
        /// The record itself, or a part of it.
        ClinicalRecord = "clinical-record",
        /// Notes of a case.
        Casework = "casework",
        /// What the person said of the service.
        Feedback = "feedback",
        /// Coaching notes; they leave for almost no purpose (O-017).
        Coaching = "coaching",
        /// Sound or picture; by link alone (O-029).
        Recording = "recording",
        /// A safeguarding concern.
        Safeguarding = "safeguarding",
        /// Charges and payments.
        Financial = "financial",
        /// Counts with nobody identifiable.
        Aggregate = "aggregate",
        /// Confidential, but about no person.
        Business = "business",
    }
}

words! {
    /// Why a letter goes (section 4).
    Purpose {
        /// Care of the person.
        DirectCare = "direct-care",
        /// Care passes to another provider.
        TransferOfCare = "transfer-of-care",
        /// Charging for care.
        Invoicing = "invoicing",
        /// Reports to those who commission care.
        Commissioning = "commissioning",
        /// A national collection.
        MinimumDataSet = "minimum-data-set",
        /// A regulator's or registration authority's business.
        Regulation = "regulation",
        /// Feedback to a trainee's supervisor.
        SupervisorFeedback = "supervisor-feedback",
        /// Advice within the organisation, nobody named.
        InternalAdvice = "internal-advice",
        /// A move between units of the organisation.
        InternalTransfer = "internal-transfer",
        /// Research.
        Research = "research",
        /// Equality monitoring.
        EqualityMonitoring = "equality-monitoring",
        /// Inquiry into an incident.
        IncidentInvestigation = "incident-investigation",
        /// The person's own copy.
        SubjectCopy = "subject-copy",
        /// A subject access request.
        SubjectAccess = "subject-access",
        /// To a third party at the person's own wish.
        SubjectRequest = "subject-request",
        /// End of a placement.
        Handover = "handover",
        /// Disclosure without consent, on a legal ground (section 6).
        Exceptional = "exceptional",
        /// To be made public.
        Publication = "publication",
        /// Never.
        Marketing = "marketing",
    }
}

words! {
    /// What kind of body an agency is (section 4 and section 8).
    AgencyKind {
        /// A general practice.
        Gp = "gp",
        /// An NHS provider.
        NhsProvider = "nhs-provider",
        /// A care provider.
        CareProvider = "care-provider",
        /// A local authority.
        LocalAuthority = "local-authority",
        /// An allow-listed carer.
        Carer = "carer",
        /// A commissioner of care.
        Commissioner = "commissioner",
        /// A national collector of data.
        NationalCollector = "national-collector",
        /// A regulator.
        Regulator = "regulator",
        /// A registration authority.
        RegistrationAuthority = "registration-authority",
        /// A responsible officer.
        ResponsibleOfficer = "responsible-officer",
        /// A supervisor of trainees.
        Supervisor = "supervisor",
        /// A unit of this organisation.
        InternalUnit = "internal-unit",
        /// A research partner.
        ResearchPartner = "research-partner",
        /// A representative of the subject.
        Representative = "representative",
        /// A court.
        Court = "court",
        /// A police force.
        Police = "police",
        /// A coroner.
        Coroner = "coroner",
        /// A solicitor.
        Solicitor = "solicitor",
        /// An insurer.
        Insurer = "insurer",
        /// An employer.
        Employer = "employer",
        /// A public review site.
        ReviewSite = "review-site",
    }
}

words! {
    /// How a released letter leaves (`spec/channels.md`).
    Channel {
        /// Sealed with age, carried by mail over a verified connection.
        AgeEmail = "age-email",
        /// As written, over a proven connection only.
        TlsEmail = "tls-email",
        /// Kept for the agency to pull after signing in.
        Link = "link",
        /// Posted to the agency's registered endpoint.
        HttpsPush = "https-push",
    }
}

words! {
    /// How a host is proven to be the recipient's (`spec/channels.md`).
    Proof {
        /// DNSSEC and TLSA (RFC 7672).
        Dane = "dane",
        /// An enforced MTA-STS policy (RFC 8461).
        MtaSts = "mta-sts",
        /// The host is on the agency's record and its certificate names it (RFC 9525).
        Pkix = "pkix",
        /// The certificate's SPKI SHA-256 is on the agency's record.
        Pin = "pin",
    }
}
