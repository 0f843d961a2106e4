//! What comes with a release (section 7).

use crate::question::Question;
use crate::{AgencyKind, Category, Duty, Ground, Purpose};

/// The duties of a letter that is released, in the order of the specification.
pub(crate) fn duties(question: &Question<'_>) -> Vec<Duty> {
    let is_about_care =
        question.purpose().is_some_and(|(purpose, _)| matches!(purpose, Purpose::DirectCare | Purpose::TransferOfCare));
    let is_to_gp = question.agency().is_some_and(|agency| agency.kind == AgencyKind::Gp);
    let is_unconsented = question.approval.is_some_and(|approval| approval.exception.ground != Ground::S251);
    let duties = [
        (Duty::NeutralCover, true),
        (Duty::CopyToSubject, is_about_care && is_to_gp),
        (Duty::TellSubject, is_unconsented),
        (Duty::Review, is_unconsented),
        (Duty::NoDownload, question.categories.contains(&Category::Recording)),
    ];
    duties.into_iter().filter(|(_, applies)| *applies).map(|(duty, _)| duty).collect()
}
