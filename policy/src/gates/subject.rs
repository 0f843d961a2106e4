//! Whom is the letter about, and may letters about them go out?

use super::{exception, those};
use crate::ReasonCode::{
    PatientMismatch, PatientMixed, PatientUnread, PatientUnresolved, SubjectDeceased, SubjectMustKnowFirst, SubjectObjected,
    SubjectRestricted,
};
use crate::question::Question;
use crate::{Finding, Ground, Reason, Subject};

/// Whom the gate looks at.
pub(crate) enum About<'a> {
    /// Nobody need be named: a bulk purpose, a letter about nobody, research without identifiers.
    Nobody,
    Unresolved,
    Person(&'a Subject),
}

pub(crate) fn reasons(question: &Question<'_>) -> Vec<Reason> {
    let unread = those([(PatientUnread, question.has_unread)]);
    let about_them = match about(question) {
        About::Nobody => Vec::new(),
        About::Unresolved => vec![Reason::of(PatientUnresolved)],
        About::Person(person) => of_person(question, person),
    };
    [unread, about_them].concat()
}

pub(crate) fn about<'a>(question: &Question<'a>) -> About<'a> {
    if question.row.is_some_and(|row| row.bulk) {
        return About::Nobody;
    }
    if question.is_about_nobody() {
        return if question.found.iter().any(|finding| names_somebody(finding)) { About::Unresolved } else { About::Nobody };
    }
    match question.subject {
        Some(person) => About::Person(person),
        None if !question.names_subject && needs_no_name(question) => About::Nobody,
        None => About::Unresolved,
    }
}

/// The subject, in the register, unless the letter is unresolved.
pub(crate) fn known<'a>(question: &Question<'a>) -> Option<&'a Subject> {
    match about(question) {
        About::Nobody | About::Person(_) => question.subject,
        About::Unresolved => None,
    }
}

/// Research that identifies nobody, or that an exception for a cohort carries.
fn needs_no_name(question: &Question<'_>) -> bool {
    let is_cohort = || exception::in_force(question).is_some_and(|exception| exception.subject.is_none());
    question.is_deidentified_research() || (question.is_research() && is_cohort())
}

fn of_person(question: &Question<'_>, person: &Subject) -> Vec<Reason> {
    let names_ground =
        |grounds: &[Ground]| question.approval.is_some_and(|approval| grounds.contains(&approval.exception.ground));
    let is_strangers = |finding: &&Finding| matches!(finding, Finding::Number(id) if !person.answers_to(id));
    let contradicts = |f: &&Finding| matches!(f, Finding::NameContradicts | Finding::BirthDateContradicts);
    let goes_to_them = question.row.is_some_and(|row| row.to_own_address);
    let objected = |(purpose, _)| person.objections.contains(&purpose);
    let knows = question.sha256.is_some_and(|sha256| person.knows.iter().any(|known| known == sha256));
    those([
        (PatientMixed, question.found.iter().any(is_strangers)),
        (PatientMismatch, question.found.iter().any(contradicts)),
        (SubjectDeceased, person.deceased && !names_ground(&[Ground::DeceasedApplicant, Ground::LegalDuty])),
        (SubjectRestricted, person.restricted && !goes_to_them && !names_ground(&[Ground::LegalDuty])),
        (SubjectObjected, question.purpose().is_some_and(objected)),
        (SubjectMustKnowFirst, question.row.is_some_and(|row| row.known_first) && !knows),
    ])
}

const fn names_somebody(finding: &Finding) -> bool {
    match finding {
        Finding::Number(_)
        | Finding::Name
        | Finding::NameContradicts
        | Finding::BirthDate
        | Finding::BirthDateContradicts => true,
        Finding::Postcode | Finding::NiNumber | Finding::Email | Finding::Phone | Finding::Image | Finding::Unread => false,
    }
}
