//! The tables of `spec/decision.md` as data: purposes (section 4), grounds (section 6), who may release
//! (section 8), adequate countries (section 5). The gates read them; no rule is written here.

use crate::{AgencyKind, Category, Ground, Purpose, Role, Verdict};

use AgencyKind as Kind;
use Asks::{Explicit, Implied, Nothing, Signed};
use Category::*;
use Of::{AllBut, Only};

/// What a row allows from a closed list.
#[derive(Clone, Copy)]
pub(crate) enum Of<T: 'static> {
    Only(&'static [T]),
    AllBut(&'static [T]),
}

impl<T: PartialEq> Of<T> {
    pub fn holds(&self, one: &T) -> bool {
        match self {
            Only(list) => list.contains(one),
            AllBut(list) => !list.contains(one),
        }
    }
}

/// What the consent gate asks of an entry; each asks more than the one before.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Asks {
    /// Consent is not the basis: another one is, or an exception's ground.
    Nothing,
    Implied,
    Explicit,
    /// Explicit and written.
    Signed,
}

/// What becomes of a letter in which screening found an identifier.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Identifiers {
    Taken,
    Refused,
    /// Taken where consent was given for them (O-049).
    TakenOnConsent,
}

/// Whom the recipient must be to the subject.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Relation {
    Any,
    /// The subject at their own address.
    Own,
    /// If a representative, then one on the subject's list.
    OwnRepresentative,
    /// If a responsible officer, then the subject's own, and the subject a trainee (O-009).
    OwnOfficer,
    /// The subject's own supervisor, and the subject a trainee (O-015).
    OwnSupervisor,
}

/// One row of the purpose table.
#[derive(Clone, Copy)]
pub(crate) struct Row {
    pub asks: Asks,
    /// What it asks where the agency is a carer (O-114).
    pub asks_for_carer: Asks,
    /// Agency kinds that may ever receive it.
    pub kinds: Of<Kind>,
    pub may_hold: Of<Category>,
    /// What a category beyond `may_hold` comes to (O-007).
    pub surplus: Verdict,
    pub identifiers: Identifiers,
    pub relation: Relation,
    /// The letter must cite its contract, collection, rule, incident or request.
    pub cites: bool,
    /// About many people: the subject gate is silent.
    pub bulk: bool,
    /// Coaching may leave (O-017).
    pub coaching: bool,
    /// May go to the subject's own address.
    pub to_own_address: bool,
    /// Only the roles of [`MAY_RELEASE_BULK`] may release it.
    pub few_release: bool,
    /// An exception's scope stands in for the agency's own lists and for `may_hold`.
    pub exceptional: bool,
    /// The subject must know the exact bytes first (O-016).
    pub known_first: bool,
    /// Never by `tls-email` (O-197).
    pub never_tls_email: bool,
}

const CARE: &[Category] = &[Identity, Contact, Appointments, ClinicalLetter, ClinicalRecord];
const CARE_AND_CASEWORK: &[Category] = &[Identity, Contact, Appointments, ClinicalLetter, ClinicalRecord, Casework];
const STUDY: &[Category] = &[Identity, Demographics, Appointments, ClinicalLetter, ClinicalRecord];
const PROVIDERS: &[Kind] = &[Kind::Gp, Kind::NhsProvider, Kind::CareProvider, Kind::LocalAuthority];
const CARERS_TOO: &[Kind] = &[Kind::Gp, Kind::NhsProvider, Kind::CareProvider, Kind::LocalAuthority, Kind::Carer];
const PAYERS: &[Kind] = &[Kind::Commissioner, Kind::NhsProvider, Kind::Gp];
const COLLECTORS: &[Kind] = &[Kind::Commissioner, Kind::NationalCollector];
const REGULATORS: &[Kind] = &[Kind::Regulator, Kind::RegistrationAuthority, Kind::ResponsibleOfficer];
const MONITORS: &[Kind] = &[Kind::Commissioner, Kind::NationalCollector, Kind::InternalUnit, Kind::Regulator];
const INQUIRERS: &[Kind] = &[Kind::NhsProvider, Kind::Regulator, Kind::Commissioner, Kind::RegistrationAuthority];
const SUCCESSORS: &[Kind] = &[Kind::LocalAuthority, Kind::CareProvider, Kind::NhsProvider];

/// The row of a purpose; none for marketing, which is always refused (O-057).
#[rustfmt::skip]
pub(crate) const fn row(purpose: Purpose) -> Option<Row> {
    Some(match purpose {
        Purpose::DirectCare            => Row::new(Implied, Only(CARERS_TOO), Only(CARE)).asking_for_carer(Explicit),
        Purpose::TransferOfCare        => Row::new(Implied, Only(PROVIDERS), Only(CARE_AND_CASEWORK)),
        Purpose::Invoicing             => Row::new(Nothing, Only(PAYERS), Only(&[Appointments, Financial])).citing(),
        Purpose::Commissioning         => Row::new(Nothing, Only(COLLECTORS), Only(&[Aggregate])).bulk().refusing_identifiers().few_release(),
        Purpose::MinimumDataSet        => Row::new(Nothing, Only(&[Kind::NationalCollector]), Only(&[Identity, Demographics, Appointments])).bulk().citing().few_release(),
        Purpose::Regulation            => Row::new(Nothing, Only(REGULATORS), Only(&[Identity, Appointments])).refusing_surplus().citing().to(Relation::OwnOfficer),
        Purpose::SupervisorFeedback    => Row::new(Nothing, Only(&[Kind::Supervisor]), Only(&[Identity, Appointments, Feedback, Casework])).to(Relation::OwnSupervisor).known_first(),
        Purpose::InternalAdvice        => Row::new(Nothing, Only(&[Kind::InternalUnit]), Only(&[Casework, Feedback])).refusing_identifiers(),
        Purpose::InternalTransfer      => Row::new(Explicit, Only(&[Kind::InternalUnit]), AllBut(&[Coaching, Recording])),
        Purpose::Research              => Row::new(Explicit, Only(&[Kind::ResearchPartner]), Only(STUDY)).taking_identifiers_on_consent().few_release(),
        Purpose::EqualityMonitoring    => Row::new(Nothing, Only(MONITORS), Only(&[Aggregate, Demographics])).bulk().refusing_identifiers(),
        Purpose::IncidentInvestigation => Row::new(Nothing, Only(INQUIRERS), AllBut(&[Coaching])).citing(),
        Purpose::SubjectCopy           => Row::new(Nothing, Only(&[]), AllBut(&[Coaching])).to(Relation::Own).to_own_address(),
        Purpose::SubjectAccess         => Row::new(Nothing, Only(&[Kind::Representative]), AllBut(&[])).citing().to(Relation::OwnRepresentative).to_own_address().coaching(),
        Purpose::SubjectRequest        => Row::new(Signed, AllBut(&[Kind::ReviewSite]), AllBut(&[Coaching])),
        Purpose::Handover              => Row::new(Nothing, Only(SUCCESSORS), AllBut(&[Coaching])).never_tls_email(),
        Purpose::Exceptional           => Row::new(Nothing, AllBut(&[Kind::ReviewSite, Kind::Employer]), AllBut(&[])).coaching().exceptional(),
        Purpose::Publication           => Row::new(Nothing, AllBut(&[]), Only(&[Aggregate])).bulk().refusing_identifiers().few_release(),
        Purpose::Marketing             => return None,
    })
}

/// Who may release a letter at all.
pub(crate) const MAY_RELEASE: &[Role] =
    &[Role::Clinician, Role::SeniorClinician, Role::RecordsLead, Role::SafeguardingLead, Role::IgLead, Role::System];

/// Who may release for research, commissioning, minimum-data-set and publication.
pub(crate) const MAY_RELEASE_BULK: &[Role] = &[Role::IgLead, Role::System];

/// Countries held adequate by the United Kingdom, June 2026: ISO 3166-1 alpha-2 (O-054, O-179).
#[rustfmt::skip]
pub(crate) const ADEQUATE: &[&str] = &[
    "GB",
    "AT", "BE", "BG", "HR", "CY", "CZ", "DK", "EE", "FI", "FR", "DE", "GR", "HU", "IS", "IE", "IT", // EEA
    "LV", "LI", "LT", "LU", "MT", "NL", "NO", "PL", "PT", "RO", "SK", "SI", "ES", "SE",
    "GI",
    "AD", "AR", "CA", "FO", "GG", "IL", "IM", "JE", "JP", "KR", "NZ", "CH", "UY",
];

/// One row of the table of grounds.
struct GroundRow {
    goes_with: &'static [Purpose],
    deciders: &'static [Role],
    fields: &'static [&'static str],
}

#[rustfmt::skip]
const fn ground_row(ground: Ground) -> GroundRow {
    use Purpose::{Commissioning, DirectCare, Exceptional, Research, TransferOfCare};
    use Role::{CaldicottGuardian, Clinician, IgLead, RecordsLead, SafeguardingLead, SeniorClinician};
    const fn row(goes_with: &'static [Purpose], deciders: &'static [Role], fields: &'static [&'static str]) -> GroundRow {
        GroundRow { goes_with, deciders, fields }
    }
    match ground {
        Ground::LegalDuty             => row(&[Exceptional], &[SeniorClinician, IgLead], &["instrument"]),
        Ground::StatutoryNotification => row(&[Exceptional], &[Clinician, SeniorClinician], &["instrument", "authority"]),
        Ground::VitalInterests        => row(&[Exceptional], &[SeniorClinician], &["who_at_risk", "belief", "why_no_consent"]),
        Ground::Safeguarding          => row(&[Exceptional], &[SafeguardingLead], &["concern"]),
        Ground::SeriousCrime          => row(&[Exceptional], &[SeniorClinician], &["necessity", "power"]),
        Ground::AuthorityRequest      => row(&[Exceptional], &[IgLead], &["requester", "power"]),
        Ground::DeceasedApplicant     => row(&[Exceptional], &[RecordsLead], &["applicant", "evidence"]),
        Ground::S251                  => row(&[Commissioning, Research], &[CaldicottGuardian], &["approval"]),
        Ground::UnableToConsent       => row(&[DirectCare, TransferOfCare], &[Clinician, SeniorClinician], &["reason", "capacity_note"]),
    }
}

impl Ground {
    /// The purposes that it may open.
    #[must_use]
    pub const fn goes_with(self) -> &'static [Purpose] {
        ground_row(self).goes_with
    }

    /// Who may approve it; a Caldicott guardian may besides, whatever the ground.
    #[must_use]
    pub const fn deciders(self) -> &'static [Role] {
        ground_row(self).deciders
    }

    /// The fields that must be filled, by name.
    #[must_use]
    pub const fn fields(self) -> &'static [&'static str] {
        ground_row(self).fields
    }
}

impl Purpose {
    /// Is it about many people, so that a letter need not name one?
    #[must_use]
    pub fn is_bulk(self) -> bool {
        row(self).is_some_and(|row| row.bulk)
    }
}

impl Row {
    const fn new(asks: Asks, kinds: Of<Kind>, may_hold: Of<Category>) -> Self {
        Self {
            asks,
            asks_for_carer: asks,
            kinds,
            may_hold,
            surplus: Verdict::Hold,
            identifiers: Identifiers::Taken,
            relation: Relation::Any,
            cites: false,
            bulk: false,
            coaching: false,
            to_own_address: false,
            few_release: false,
            exceptional: false,
            known_first: false,
            never_tls_email: false,
        }
    }

    const fn asking_for_carer(self, asks_for_carer: Asks) -> Self {
        Self { asks_for_carer, ..self }
    }

    const fn refusing_surplus(self) -> Self {
        Self { surplus: Verdict::Refuse, ..self }
    }

    const fn refusing_identifiers(self) -> Self {
        Self { identifiers: Identifiers::Refused, ..self }
    }

    const fn taking_identifiers_on_consent(self) -> Self {
        Self { identifiers: Identifiers::TakenOnConsent, ..self }
    }

    const fn to(self, relation: Relation) -> Self {
        Self { relation, ..self }
    }

    const fn citing(self) -> Self {
        Self { cites: true, ..self }
    }

    const fn bulk(self) -> Self {
        Self { bulk: true, ..self }
    }

    const fn coaching(self) -> Self {
        Self { coaching: true, ..self }
    }

    const fn to_own_address(self) -> Self {
        Self { to_own_address: true, ..self }
    }

    const fn few_release(self) -> Self {
        Self { few_release: true, ..self }
    }

    const fn exceptional(self) -> Self {
        Self { exceptional: true, ..self }
    }

    const fn known_first(self) -> Self {
        Self { known_first: true, ..self }
    }

    const fn never_tls_email(self) -> Self {
        Self { never_tls_email: true, ..self }
    }
}
