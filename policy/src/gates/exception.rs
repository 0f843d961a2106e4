//! Does the exception that the letter names hold, and does it cover this letter (section 6)?

use super::subject::{About, about};
use super::{listed, those};
use crate::ReasonCode::{
    ExceptionExpired, ExceptionIncomplete, ExceptionScope, ExceptionSelfApproved, ExceptionUnapproved,
};
use crate::question::{Question, To, filled};
use crate::{Approval, Exception, Purpose, Reason, Role, Staff};

pub(crate) fn reasons(question: &Question<'_>) -> Vec<Reason> {
    let is_silent = matches!(question.to, To::Unlisted { .. }) || matches!(about(question), About::Unresolved);
    match (question.purpose(), question.approval) {
        (Some((purpose, _)), Some(approval)) if !is_silent => faults(question, purpose, approval),
        (Some(_) | None, _) => Vec::new(),
    }
}

/// The exception that the letter names, when nothing is wrong with it. A failing one opens nothing.
pub(crate) fn in_force<'a>(question: &Question<'a>) -> Option<&'a Exception> {
    let (purpose, _) = question.purpose()?;
    let approval = question.approval?;
    faults(question, purpose, approval).is_empty().then_some(&approval.exception)
}

fn faults(question: &Question<'_>, purpose: Purpose, approval: &Approval) -> Vec<Reason> {
    let exception = &approval.exception;
    let approver = exception.approved_by.as_ref().filter(|id| filled(Some(id)));
    let is_own = approver.is_some_and(|id| id == question.sender_id || *id == exception.requested_by);
    let mut reasons = those([
        (ExceptionUnapproved, !is_approved(question, approval)),
        (ExceptionSelfApproved, is_own),
        (ExceptionScope, !covers(question, purpose, exception)),
        (ExceptionExpired, exception.until <= question.at()),
    ]);
    let blank: Vec<_> =
        exception.ground.fields().iter().filter(|field| !filled(exception.fields.get(**field))).collect();
    if !blank.is_empty() {
        reasons.push(Reason::naming(ExceptionIncomplete, &listed(blank).replace('_', " ")));
    }
    reasons
}

fn is_approved(question: &Question<'_>, Approval { exception, approver }: &Approval) -> bool {
    let approver = approver.as_ref().filter(|staff| exception.approved_by.as_ref() == Some(&staff.id));
    approver.is_some_and(|staff| may_decide(staff, exception))
        && exception.approved_on.is_some_and(|approved_on| approved_on <= question.at())
}

fn may_decide(staff: &Staff, exception: &Exception) -> bool {
    let decides = |role: &Role| *role == Role::CaldicottGuardian || exception.ground.deciders().contains(role);
    staff.roles.iter().any(decides)
}

fn covers(question: &Question<'_>, purpose: Purpose, exception: &Exception) -> bool {
    let covers_subject = match &exception.subject {
        Some(id) => question.subject.is_some_and(|person| person.answers_to(id)),
        // Many people for a bulk purpose; a cohort for research, whose letters name nobody.
        None => purpose.is_bulk() || (question.is_research() && !question.names_subject),
    };
    covers_subject
        && question.agency().is_some_and(|agency| agency.id == exception.agency)
        && question.categories.iter().all(|category| exception.categories.contains(category))
        && exception.ground.goes_with().contains(&purpose)
}
