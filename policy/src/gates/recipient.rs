//! Is the recipient ours to send to: listed, approved, verified, for this purpose and these categories, there?

use super::{consent, listed, subject, those};
use crate::ReasonCode::{
    AgencyCategory, AgencyNotListed, AgencyOnlyVia, AgencyPapersExpired, AgencyPapersMissing, AgencyPurpose,
    AgencySuspended, AgencyUnauthorised, RecipientLookalike, RecipientNotRelated, RecipientUnverified, TransferCountry,
};
use crate::question::{Question, To, filled};
use crate::table::{ADEQUATE, Relation};
use crate::{Agency, AgencyKind, Category, Papers, Reason, Role, Subject, Timestamp};

pub(crate) fn reasons(question: &Question<'_>) -> Vec<Reason> {
    match question.to {
        To::Unlisted { resembles: None } => vec![Reason::of(AgencyNotListed)],
        To::Unlisted { resembles: Some(name) } => {
            vec![Reason::of(AgencyNotListed), Reason::naming(RecipientLookalike, name)]
        }
        To::OwnAddress => those([(AgencyPurpose, question.row.is_some_and(|row| !row.to_own_address))]),
        To::Agency(agency) => of_agency(question, agency),
    }
}

fn of_agency(question: &Question<'_>, agency: &Agency) -> Vec<Reason> {
    let now = question.at();
    let mut reasons = those([
        (AgencySuspended, agency.suspended),
        (AgencyUnauthorised, !is_authorised(question, agency)),
        (AgencyPurpose, !takes_purpose(question, agency)),
        (RecipientUnverified, !is_verified(agency, now)),
        (RecipientNotRelated, !is_related(question, agency)),
    ]);
    let (missing, expired) = papers(&agency.papers, now);
    let strange = strange_categories(question, agency);
    let abroad = !is_adequate(&agency.country)
        && !has_transfer_instrument(agency, now)
        && consent::in_force_abroad(question, agency).is_empty();
    let named = [
        (AgencyPapersMissing, !missing.is_empty(), listed(missing)),
        (AgencyPapersExpired, !expired.is_empty(), listed(expired)),
        (AgencyCategory, !strange.is_empty(), listed(strange)),
        (AgencyOnlyVia, filled(agency.only_via.as_ref()), listed(&agency.only_via)),
        (TransferCountry, abroad, agency.country.clone()),
    ];
    reasons.extend(named.iter().filter(|(_, applies, _)| *applies).map(|(code, _, what)| Reason::naming(*code, what)));
    reasons
}

/// By an area manager, in date, who is not the one who asked (O-162).
fn is_authorised(question: &Question<'_>, agency: &Agency) -> bool {
    agency.authorised.as_ref().is_some_and(|authorised| {
        let manager = question.authoriser.filter(|staff| staff.id == authorised.by);
        manager.is_some_and(|staff| staff.roles.contains(&Role::AreaManager))
            && (authorised.on..authorised.until).contains(&question.at())
            && agency.requested_by.as_ref() != Some(&authorised.by)
    })
}

/// The papers not on file, and those past their date (O-028, O-059, O-146).
fn papers(papers: &Papers, now: Timestamp) -> (Vec<&'static str>, Vec<&'static str>) {
    let all = [
        ("agreement", papers.agreement_until),
        ("policy copy", papers.policy_copy_until),
        ("confidentiality undertaking", papers.undertaking_until),
    ];
    let those = |wanted: fn(Option<Timestamp>, Timestamp) -> bool| {
        all.iter().filter(|(_, until)| wanted(*until, now)).map(|(name, _)| *name).collect()
    };
    (those(|until, _| until.is_none()), those(|until, now| until.is_some_and(|until| until <= now)))
}

fn takes_purpose(question: &Question<'_>, agency: &Agency) -> bool {
    question.purpose().is_none_or(|(purpose, row)| {
        row.kinds.holds(&agency.kind) && (row.exceptional || agency.purposes.contains(&purpose))
    })
}

fn strange_categories(question: &Question<'_>, agency: &Agency) -> Vec<Category> {
    if question.row.is_some_and(|row| row.exceptional) {
        return Vec::new();
    }
    question.categories.iter().filter(|category| !agency.categories.contains(category)).copied().collect()
}

fn is_verified(agency: &Agency, now: Timestamp) -> bool {
    agency.verified.as_ref().is_some_and(|verified| {
        let said = filled(Some(&verified.by)) && filled(Some(&verified.method));
        said && (verified.on..verified.until).contains(&now)
    })
}

/// Is the agency to the subject what the purpose asks? Silent where nobody is resolved.
fn is_related(question: &Question<'_>, agency: &Agency) -> bool {
    let (Some((_, row)), Some(person)) = (question.purpose(), subject::known(question)) else { return true };
    let is_own = |own: fn(&Subject) -> Option<&String>| person.trainee && own(person) == Some(&agency.id);
    match row.relation {
        Relation::Any => true,
        Relation::Own => false,
        Relation::OwnRepresentative => {
            agency.kind != AgencyKind::Representative || person.representatives.contains(&agency.id)
        }
        Relation::OwnOfficer => {
            agency.kind != AgencyKind::ResponsibleOfficer || is_own(|person| person.responsible_officer.as_ref())
        }
        Relation::OwnSupervisor => is_own(|person| person.supervisor.as_ref()),
    }
}

fn is_adequate(country: &str) -> bool {
    ADEQUATE.iter().any(|adequate| adequate.eq_ignore_ascii_case(country))
}

fn has_transfer_instrument(agency: &Agency, now: Timestamp) -> bool {
    agency.transfer.as_ref().is_some_and(|transfer| filled(Some(&transfer.instrument)) && now < transfer.until)
}
