//! Each gate by a table: a change to a world whose letter may go, and the exact reasons that come of it.

use super::world::{BEFORE, LATER, NOW, World, consent, id, mailbox, no, staff};
use crate::AgencyKind as Kind;
use crate::Category::{
    Aggregate, Appointments, Business, Casework, ClinicalLetter, ClinicalRecord, Coaching, Contact, Demographics,
    Feedback, Identity, Recording,
};
use crate::{
    AgencyOrKind, Answer, Channel, Declared, Duty, Finding, Form, GivenBy, Ground, Hours, Manner, Outcome, Purpose,
    Recipient, Role, SealingKey, Timestamp, Transfer, Verdict,
};

/// What `change` brings about: the codes, in order; none is a release.
#[track_caller]
fn check<T>(change: impl FnOnce(&mut World) -> T, expected: &[&str]) {
    let mut world = World::new();
    change(&mut world);
    let decision = world.decide();
    let codes: Vec<_> = decision.explanation.reasons.iter().map(|reason| reason.code.as_str()).collect();
    assert_eq!(codes, expected);
    let verdict = decision.explanation.reasons.iter().map(|reason| reason.weight).max().unwrap_or(Verdict::Release);
    assert_eq!(decision.explanation.verdict, verdict);
    match decision.outcome {
        Outcome::Released(_) => assert_eq!(verdict, Verdict::Release),
        Outcome::Held(_) => assert_eq!(verdict, Verdict::Hold),
        Outcome::Refused(_) => assert_eq!(verdict, Verdict::Refuse),
    }
}

fn unlisted(resembles: Option<&str>) -> Recipient {
    Recipient::Unlisted { resembles: resembles.map(str::to_owned) }
}

#[test]
fn sender() {
    check(|_| (), &[]);
    check(|w| w.facts.sender = None, &["user.unknown"]);
    check(|w| w.sender().active = false, &["user.unknown"]);
    check(|w| w.letter.sender = "dr-other".to_owned(), &["user.unknown"]);
    check(
        |w| w.sender().roles = vec![Role::Admin, Role::Dpo, Role::AreaManager, Role::CaldicottGuardian],
        &["user.role"],
    );
    for role in [Role::SeniorClinician, Role::RecordsLead, Role::SafeguardingLead, Role::IgLead, Role::System] {
        check(|w| w.sender().roles = vec![Role::Admin, role], &[]);
    }
    check(|w| w.sender().trained_until = Some(NOW), &["user.training"]);
    check(|w| w.sender().trained_until = None, &["user.training"]);
    check(|w| (w.sender().trained_until, w.sender().roles) = (None, vec![Role::System]), &[]);
    check(|w| w.sender().trained_until = Some(Timestamp(NOW.0 + 1)), &[]);
    let few = [(Purpose::Publication, Kind::Gp), (Purpose::Commissioning, Kind::Commissioner)];
    for (purpose, kind) in few {
        check(|w| (w.purpose(purpose, kind, &[Aggregate]), w.sender().roles = vec![Role::Clinician]), &["user.role"]);
        check(|w| (w.purpose(purpose, kind, &[Aggregate]), w.sender().roles = vec![Role::System]), &[]);
    }
}

#[test]
fn hours() {
    for (from, to, on_duty, expected) in [
        ((10, 30), (10, 31), false, &[][..]),
        ((8, 0), (10, 30), false, &["user.hours"][..]),
        ((10, 31), (18, 0), false, &["user.hours"][..]),
        ((10, 31), (18, 0), true, &[][..]),
        ((22, 0), (10, 31), false, &[][..]),
        ((22, 0), (10, 30), false, &["user.hours"][..]),
        ((10, 30), (6, 0), false, &[][..]),
        ((7, 0), (7, 0), false, &[][..]),
    ] {
        let minute = |(hour, minute): (u16, u16)| hour * 60 + minute;
        let hours = Some(Hours { from_minute: minute(from), to_minute: minute(to) });
        check(|w| (w.sender().hours, w.sender().on_duty) = (hours, on_duty), expected);
    }
}

#[test]
fn purpose() {
    check(|w| w.letter.purpose = None, &["purpose.missing"]);
    check(|w| w.letter.purpose = Some(Declared::Unknown("  ".to_owned())), &["purpose.missing"]);
    check(|w| w.letter.purpose = Some(Declared::Unknown("news".to_owned())), &["purpose.unknown"]);
    check(|w| w.letter.purpose = Some(Declared::Known(Purpose::Marketing)), &["purpose.marketing"]);
    check(|w| (w.letter.purpose, w.sender().default_purpose) = (None, Some(Purpose::DirectCare)), &[]);
    check(|w| (w.facts.sender, w.letter.purpose) = (None, None), &["user.unknown", "purpose.missing"]);
    let inactive = |w: &mut World| {
        (w.sender().active, w.sender().default_purpose, w.letter.purpose) = (false, Some(Purpose::DirectCare), None);
    };
    check(inactive, &["user.unknown", "purpose.missing"]);
    let cites = [
        (Purpose::Invoicing, Kind::Gp, Appointments),
        (Purpose::MinimumDataSet, Kind::NationalCollector, Appointments),
        (Purpose::Regulation, Kind::Regulator, Appointments),
        (Purpose::IncidentInvestigation, Kind::Regulator, Appointments),
    ];
    for (purpose, kind, holds) in cites {
        check(|w| w.purpose(purpose, kind, &[holds]), &[]);
        check(|w| (w.purpose(purpose, kind, &[holds]), w.letter.citation = None), &["basis.missing"]);
        check(|w| (w.purpose(purpose, kind, &[holds]), w.letter.citation = Some(" ".to_owned())), &["basis.missing"]);
    }
    check(|w| w.purpose(Purpose::Exceptional, Kind::Court, &[Coaching]), &["basis.missing"]);
}

#[test]
fn listing() {
    check(|w| w.facts.recipient = unlisted(None), &["agency.not-listed"]);
    check(|w| w.facts.recipient = unlisted(Some("elm.example")), &["agency.not-listed", "recipient.lookalike"]);
    // The facts are of another's address.
    check(|w| w.letter.to = mailbox("letters@oak.example"), &["agency.not-listed"]);
    check(|w| w.letter.to = mailbox("letters@mail.elm.example"), &["agency.not-listed"]);
    check(
        |w| {
            w.letter.to = mailbox("anyone@oak.example");
            w.with_agency(|a| a.domains = vec![mailbox("x@oak.example").domain().clone()]);
        },
        &[],
    );
    check(|w| (w.send_home(), w.subject().addresses.clear()), &["agency.not-listed"]);
    check(World::send_home, &["agency.purpose"]);
    check(|w| (w.send_home(), w.letter.purpose = None), &["purpose.missing"]);
    check(|w| (w.purpose(Purpose::SubjectCopy, Kind::Gp, &[ClinicalLetter]), w.send_home()), &[]);
    check(|w| (w.purpose(Purpose::SubjectAccess, Kind::Gp, &[Coaching]), w.send_home()), &[]);
    check(
        |w| {
            w.purpose(Purpose::Exceptional, Kind::Gp, &[Coaching]);
            w.except(Ground::LegalDuty);
            w.send_home();
        },
        &["agency.purpose", "exception.scope"],
    );
}

#[test]
fn standing_of_the_agency() {
    check(|w| w.with_agency(|a| a.suspended = true), &["agency.suspended"]);
    let unauthorised = &["agency.unauthorised"];
    check(|w| w.with_agency(|a| a.authorised = None), unauthorised);
    check(|w| w.facts.authoriser = None, unauthorised);
    check(|w| w.facts.authoriser = Some(staff("am-other", Role::AreaManager)), unauthorised);
    check(|w| w.facts.authoriser = Some(staff("am-stone", Role::IgLead)), unauthorised);
    check(|w| w.with_agency(|a| a.requested_by = Some("am-stone".to_owned())), unauthorised);
    check(|w| w.with_agency(|a| a.requested_by = None), &[]);
    for (on, until, expected) in
        [(NOW, LATER, &[][..]), (BEFORE, NOW, unauthorised), (Timestamp(NOW.0 + 1), LATER, unauthorised)]
    {
        check(
            |w| {
                w.with_agency(|a| {
                    a.authorised.iter_mut().for_each(|it| (it.on, it.until) = (on, until));
                });
            },
            expected,
        );
        let expected: Vec<_> = expected.iter().map(|_| "recipient.unverified").collect();
        check(
            |w| {
                w.with_agency(|a| {
                    a.verified.iter_mut().for_each(|it| (it.on, it.until) = (on, until));
                });
            },
            &expected,
        );
    }
    check(|w| w.with_agency(|a| a.verified = None), &["recipient.unverified"]);
    check(|w| w.with_agency(|a| a.only_via = Some("cmt".to_owned())), &["agency.only-via"]);
    check(|w| w.with_agency(|a| a.only_via = Some(String::new())), &[]);
    check(|w| w.with_agency(|a| a.papers.agreement_until = None), &["agency.papers-missing"]);
    check(|w| w.with_agency(|a| a.papers.undertaking_until = Some(NOW)), &["agency.papers-expired"]);
    check(
        |w| w.with_agency(|a| (a.papers.policy_copy_until, a.papers.agreement_until) = (None, Some(BEFORE))),
        &["agency.papers-missing", "agency.papers-expired"],
    );
}

#[test]
fn scope_of_the_agency() {
    check(|w| w.with_agency(|a| a.purposes.clear()), &["agency.purpose"]);
    check(|w| w.with_agency(|a| a.kind = Kind::Insurer), &["agency.purpose"]);
    check(|w| w.with_agency(|a| a.categories.clear()), &["agency.category"]);
    check(
        |w| {
            w.with_agency(|a| a.categories.clear());
            w.letter.categories.clear();
        },
        &["items.missing"],
    );
    check(
        |w| {
            w.with_agency(|a| (a.categories.clear(), a.purposes.clear()).1);
            w.letter.purpose = None;
        },
        &["purpose.missing", "agency.category"],
    );
    // For an exception, the agency's own lists give way to the exception's scope; its kind does not.
    let exceptional = |kind: Kind| {
        move |w: &mut World| {
            w.purpose(Purpose::Exceptional, kind, &[Coaching]);
            w.except(Ground::LegalDuty);
            w.with_agency(|a| (a.purposes.clear(), a.categories.clear()).1);
        }
    };
    check(exceptional(Kind::Court), &[]);
    check(exceptional(Kind::ReviewSite), &["agency.purpose"]);
    check(exceptional(Kind::Employer), &["agency.purpose"]);
}

#[test]
fn relation() {
    let own = |purpose: Purpose, kind: Kind, holds| {
        move |w: &mut World| {
            w.purpose(purpose, kind, holds);
            w.subject().trainee = true;
            w.subject().responsible_officer = Some("elm".to_owned());
            w.subject().supervisor = Some("elm".to_owned());
            w.subject().knows = vec!["ab".repeat(32)];
        }
    };
    let regulation = own(Purpose::Regulation, Kind::ResponsibleOfficer, &[Identity]);
    let feedback = own(Purpose::SupervisorFeedback, Kind::Supervisor, &[Feedback]);
    check(regulation, &[]);
    check(feedback, &[]);
    check(|w| (regulation(w), w.subject().trainee = false), &["recipient.not-related"]);
    check(|w| (feedback(w), w.subject().trainee = false), &["recipient.not-related"]);
    check(|w| (regulation(w), w.subject().responsible_officer = None), &["recipient.not-related"]);
    check(|w| (feedback(w), w.subject().supervisor = Some("oak".to_owned())), &["recipient.not-related"]);
    check(|w| (regulation(w), w.subject().trainee = false, w.with_agency(|a| a.kind = Kind::Regulator)), &[]);
    check(|w| (regulation(w), w.letter.subject = None), &["patient.unresolved"]);
    check(|w| (feedback(w), w.letter.sha256 = None), &["subject.must-know-first"]);
    check(|w| (feedback(w), w.letter.sha256 = Some("cd".repeat(32))), &["subject.must-know-first"]);
    let access = own(Purpose::SubjectAccess, Kind::Representative, &[Coaching]);
    check(access, &["recipient.not-related"]);
    check(|w| (access(w), w.subject().representatives = vec!["elm".to_owned()]), &[]);
    check(|w| (access(w), w.with_agency(|a| a.kind = Kind::Gp)), &["agency.purpose"]);
    let copy = own(Purpose::SubjectCopy, Kind::Gp, &[ClinicalLetter]);
    check(copy, &["agency.purpose", "recipient.not-related"]);
    check(|w| (copy(w), w.letter.subject = None), &["agency.purpose", "patient.unresolved"]);
}

#[test]
fn country() {
    let abroad = |w: &mut World| w.with_agency(|a| a.country = "US".to_owned());
    check(abroad, &["transfer.country"]);
    for country in ["IE", "CH", "JP", "uy"] {
        check(|w| w.with_agency(|a| a.country = country.to_owned()), &[]);
    }
    let instrument = |until: Timestamp, name: &str| {
        let transfer = Some(Transfer { instrument: name.to_owned(), until });
        move |w: &mut World| (abroad(w), w.with_agency(|a| a.transfer = transfer))
    };
    check(instrument(LATER, "clauses"), &[]);
    check(instrument(NOW, "clauses"), &["transfer.country"]);
    check(instrument(LATER, " "), &["transfer.country"]);
    let named = |w: &mut World| (abroad(w), w.with_consents(|it| it.abroad = vec!["US".to_owned()]));
    check(named, &[]);
    check(|w| (named(w), w.with_consents(|it| it.abroad = vec!["PE".to_owned()])), &["transfer.country"]);
    // Implied will do for care, but not for the crossing.
    check(|w| (named(w), w.with_consents(|it| it.form = Form::Implied)), &["transfer.country"]);
    check(|w| (named(w), w.letter.categories.push(Appointments)), &["transfer.country", "consent.category-mismatch"]);
    check(|w| (named(w), w.with_consents(|it| it.withdrawn = Some(NOW))), &["transfer.country", "consent.withdrawn"]);
    let one_withdrawn = |w: &mut World| {
        let mut entry = consent("c-2");
        entry.withdrawn = Some(NOW);
        w.facts.consents.push(entry);
    };
    check(|w| (one_withdrawn(w), named(w)), &["transfer.country", "consent.withdrawn"]);
    check(|w| (named(w), w.facts.consents.push(no("c-2"))), &["consent.refused"]);
    check(|w| (named(w), w.letter.purpose = None), &["purpose.missing", "transfer.country"]);
    check(|w| (named(w), w.letter.subject = None), &["transfer.country", "patient.unresolved"]);
    check(
        |w| {
            w.purpose(Purpose::IncidentInvestigation, Kind::Regulator, &[ClinicalRecord]);
            named(w);
        },
        &[],
    );
}

#[test]
fn subject() {
    let found = |words: &'static [&'static str]| {
        move |w: &mut World| {
            w.letter.found = words.iter().filter_map(|word| Finding::try_from((*word).to_owned()).ok()).collect();
        }
    };
    check(|w| w.letter.subject = None, &["patient.unresolved"]);
    check(|w| w.facts.subject = None, &["patient.unresolved"]);
    check(|w| w.letter.subject = Some(id("case:OTHER")), &["patient.unresolved"]);
    check(|w| w.letter.subject = Some(id("case:PSU-0142")), &[]);
    check(found(&["nhs:9995260182", "case:PSU-0142", "name", "birth-date", "email"]), &[]);
    check(found(&["nhs:9991590838"]), &["patient.mixed"]);
    check(found(&["name!"]), &["patient.mismatch"]);
    check(found(&["gmc:7012345", "birth-date!"]), &["patient.mixed", "patient.mismatch"]);
    check(|w| w.subject().deceased = true, &["subject.deceased"]);
    check(|w| w.subject().restricted = true, &["subject.restricted"]);
    check(|w| w.subject().objections = vec![Purpose::DirectCare], &["subject.objected"]);
    check(|w| w.subject().objections = vec![Purpose::Research], &[]);
    check(
        |w| {
            w.subject().objections = vec![Purpose::DirectCare];
            w.letter.purpose = None;
        },
        &["purpose.missing"],
    );
    let legal_duty = |w: &mut World| {
        w.purpose(Purpose::Exceptional, Kind::Court, &[ClinicalRecord]);
        (w.subject().deceased, w.subject().restricted) = (true, true);
        w.except(Ground::LegalDuty);
    };
    check(legal_duty, &[]);
    check(|w| (legal_duty(w), w.with_approval(|it| it.exception.until = NOW)), &["exception.expired"]);
    check(|w| (legal_duty(w), w.except(Ground::DeceasedApplicant)), &["subject.restricted"]);
    check(|w| (legal_duty(w), w.except(Ground::Safeguarding)), &["subject.deceased", "subject.restricted"]);
    // Named under a purpose that it does not go with, the ground's own code stops the letter.
    check(|w| (w.subject().deceased = true, w.except(Ground::LegalDuty)), &["exception.scope"]);
    for purpose in [Purpose::SubjectCopy, Purpose::SubjectAccess] {
        check(
            |w| {
                w.purpose(purpose, Kind::Gp, &[ClinicalLetter]);
                w.subject().restricted = true;
                w.send_home();
            },
            &[],
        );
    }
    // About nobody, unless something in it says otherwise.
    let business = |w: &mut World| {
        w.purpose(Purpose::InternalTransfer, Kind::InternalUnit, &[Business, Aggregate]);
        (w.letter.subject, w.facts.consents) = (None, Vec::new());
    };
    check(business, &[]);
    check(|w| (business(w), found(&["postcode", "email", "image"])(w)), &[]);
    check(|w| (business(w), found(&["name"])(w)), &["patient.unresolved"]);
    check(
        |w| (business(w), found(&["birth-date!"])(w), w.letter.subject = Some(id("nhs:9995260182"))),
        &["patient.unresolved"],
    );
    check(|w| (business(w), w.letter.categories.push(Casework)), &["patient.unresolved"]);
}

#[test]
fn items() {
    check(|w| w.letter.categories.clear(), &["items.missing"]);
    check(|w| (w.letter.categories, w.sender().default_categories) = (vec![], vec![ClinicalLetter]), &[]);
    check(|w| (w.letter.purpose, w.letter.categories) = (None, vec![]), &["purpose.missing", "items.missing"]);
    let refused = |purpose, kind, holds| move |w: &mut World| w.purpose(purpose, kind, holds);
    check(refused(Purpose::DirectCare, Kind::Gp, &[Casework]), &["items.surplus"]);
    check(refused(Purpose::TransferOfCare, Kind::Gp, &[Casework]), &[]);
    check(refused(Purpose::Regulation, Kind::Regulator, &[Casework]), &["items.surplus"]);
    check(refused(Purpose::DirectCare, Kind::Gp, &[Coaching]), &["items.forbidden"]);
    check(refused(Purpose::SubjectRequest, Kind::Solicitor, &[Coaching]), &["items.forbidden"]);
    check(refused(Purpose::SubjectRequest, Kind::Solicitor, &[Demographics]), &[]);
    check(refused(Purpose::DirectCare, Kind::Gp, &[Demographics]), &["items.forbidden"]);
    check(refused(Purpose::InternalTransfer, Kind::InternalUnit, &[Recording, Demographics]), &["items.surplus"]);
    check(
        refused(Purpose::DirectCare, Kind::Gp, &[Coaching, Demographics, Recording]),
        &["items.surplus", "items.forbidden"],
    );
    let verdict = |world: World| world.decide().explanation.verdict;
    let mut world = World::new();
    world.purpose(Purpose::Regulation, Kind::Regulator, &[Casework]);
    assert_eq!(verdict(world.clone()), Verdict::Refuse);
    world.purpose(Purpose::DirectCare, Kind::Gp, &[Casework]);
    assert_eq!(verdict(world), Verdict::Hold);

    let with_name = |w: &mut World| w.letter.found = vec![Finding::Image];
    for (purpose, kind, holds) in [
        (Purpose::InternalAdvice, Kind::InternalUnit, Casework),
        (Purpose::Commissioning, Kind::Commissioner, Aggregate),
        (Purpose::EqualityMonitoring, Kind::Commissioner, Demographics),
        (Purpose::Publication, Kind::ReviewSite, Aggregate),
    ] {
        check(|w| w.purpose(purpose, kind, &[holds]), &[]);
        check(|w| (w.purpose(purpose, kind, &[holds]), with_name(w)), &["items.identifiers-present"]);
    }
}

#[test]
fn research() {
    let research = |w: &mut World| w.purpose(Purpose::Research, Kind::ResearchPartner, &[ClinicalRecord]);
    let identified = |w: &mut World| w.purpose(Purpose::Research, Kind::ResearchPartner, &[Identity, ClinicalRecord]);
    let with_postcode = |w: &mut World| w.letter.found = vec![Finding::Postcode];
    check(|w| (research(w), w.letter.subject = None), &[]);
    check(|w| (research(w), w.facts.consents = vec![no("c-2")]), &[]);
    check(|w| (research(w), with_postcode(w), w.letter.subject = None), &["patient.unresolved"]);
    check(|w| (research(w), w.letter.subject = Some(id("case:OTHER"))), &["patient.unresolved"]);
    check(|w| (research(w), with_postcode(w)), &[]);
    check(identified, &[]);
    let failing = &["items.identifiers-present", "consent.none"];
    check(|w| (identified(w), w.facts.consents.clear()), failing);
    check(|w| (research(w), with_postcode(w), w.facts.consents.clear()), failing);
    check(|w| (identified(w), w.facts.consents.clear(), w.facts.recipient = unlisted(None)), &["agency.not-listed"]);
    // One person's support, and a cohort's.
    let supported = |w: &mut World| (identified(w), w.facts.consents = vec![no("c-2")], w.except(Ground::S251));
    check(supported, &[]);
    check(
        |w| (supported(w), w.with_approval(|it| it.exception.until = NOW)),
        &["items.identifiers-present", "consent.refused", "exception.expired"],
    );
    check(|w| (supported(w), w.subject().objections = vec![Purpose::Research]), &["subject.objected"]);
    let cohort = |w: &mut World| {
        identified(w);
        w.letter.subject = None;
        w.letter.found = vec![Finding::Name];
        w.except(Ground::S251);
    };
    check(cohort, &[]);
    check(|w| (cohort(w), w.with_approval(|it| it.exception.until = NOW)), &["patient.unresolved"]);
    check(|w| (cohort(w), w.letter.subject = Some(id("nhs:9995260182"))), &["exception.scope"]);
    check(|w| (cohort(w), w.letter.categories.push(Contact)), &["patient.unresolved", "items.surplus"]);
}

#[test]
fn consent_that_denies() {
    check(|w| w.facts.consents.push(no("c-2")), &["consent.refused"]);
    let denying = |change: fn(&mut crate::Consent)| {
        move |w: &mut World| {
            let mut entry = no("c-2");
            change(&mut entry);
            w.facts.consents.push(entry);
        }
    };
    check(denying(|it| it.with = AgencyOrKind::AgencyKind(Kind::Gp)), &["consent.refused"]);
    check(denying(|it| it.with = AgencyOrKind::AgencyKind(Kind::Carer)), &[]);
    check(denying(|it| it.with = AgencyOrKind::Agency("oak".to_owned())), &[]);
    check(denying(|it| it.purposes = vec![Purpose::Research]), &[]);
    check(denying(|it| it.categories = vec![Appointments]), &[]);
    check(denying(|it| it.categories = vec![Appointments, ClinicalLetter]), &["consent.refused"]);
    check(denying(|it| it.given = NOW), &["consent.refused"]);
    check(denying(|it| it.given = Timestamp(NOW.0 + 1)), &[]);
    check(denying(|it| it.answer = Answer::NotAsked), &[]);
    check(denying(|it| it.subject = id("case:PSU-0142")), &["consent.refused"]);
    check(denying(|it| it.subject = id("case:OTHER")), &[]);
    check(denying(|it| it.supersedes = Some("c-1".to_owned())), &["consent.refused"]);
    let withdrawn = denying(|it| {
        (it.answer, it.withdrawn) = (Answer::Yes, Some(NOW));
        (it.purposes, it.categories) = (vec![Purpose::DirectCare], vec![ClinicalLetter]);
    });
    check(withdrawn, &["consent.withdrawn"]);
    check(|w| (withdrawn(w), w.facts.consents.push(no("c-3"))), &["consent.refused", "consent.withdrawn"]);
    check(|w| (withdrawn(w), w.subject().usual = vec!["elm".to_owned()]), &["consent.withdrawn"]);
    check(|w| w.with_consents(|it| it.withdrawn = Some(Timestamp(NOW.0 + 1))), &[]);
    // A change of mind names the entry it supersedes, and counts once it is given.
    let changed = |given: Timestamp| {
        move |w: &mut World| {
            let mut entry = consent("c-3");
            (entry.given, entry.supersedes) = (given, Some("c-2".to_owned()));
            w.facts.consents = vec![no("c-2"), entry];
        }
    };
    check(changed(NOW), &[]);
    check(changed(Timestamp(NOW.0 + 1)), &["consent.refused"]);
}

#[test]
fn consent_that_permits() {
    check(|w| w.facts.consents.clear(), &["consent.none"]);
    check(|w| w.with_consents(|it| it.answer = Answer::NotAsked), &["consent.none"]);
    check(|w| w.with_consents(|it| it.given = Timestamp(NOW.0 + 1)), &["consent.none"]);
    check(|w| w.with_consents(|it| it.purposes = vec![Purpose::Research]), &["consent.purpose-mismatch"]);
    check(|w| w.with_consents(|it| it.purposes.clear()), &["consent.purpose-mismatch"]);
    check(|w| w.with_consents(|it| it.categories.clear()), &["consent.category-mismatch"]);
    check(|w| w.letter.categories.push(Appointments), &["consent.category-mismatch"]);
    check(|w| w.with_consents(|it| it.expires = Some(NOW)), &["consent.expired"]);
    check(|w| w.with_consents(|it| it.expires = Some(Timestamp(NOW.0 + 1))), &[]);
    check(|w| w.with_consents(|it| it.work = Some("EP-1".to_owned())), &[]);
    check(|w| w.with_consents(|it| it.work = Some("EP-9".to_owned())), &["consent.expired"]);
    check(
        |w| {
            w.with_consents(|it| it.work = Some("EP-1".to_owned()));
            w.subject().works.insert("EP-1".to_owned(), Some(NOW));
        },
        &["consent.expired"],
    );
    check(|w| w.subject().changed = Some(BEFORE), &[]);
    check(|w| w.subject().changed = Some(Timestamp(BEFORE.0 + 1)), &["consent.stale"]);
    check(|w| w.with_consents(|it| it.evidence = None), &["consent.no-evidence"]);
    check(|w| w.with_consents(|it| it.notice = Some(" ".to_owned())), &["consent.no-evidence"]);
    let by_another = |authority: &'static str, note: &'static str| {
        move |w: &mut World| {
            w.with_consents(|it| {
                it.given_by = GivenBy::Representative;
                (it.authority, it.capacity_note) = (Some(authority.to_owned()), Some(note.to_owned()));
            });
        }
    };
    check(by_another("attorney", "assessed"), &[]);
    check(by_another("attorney", ""), &["consent.no-authority"]);
    check(by_another("", "assessed"), &["consent.no-authority"]);
    let implied = |w: &mut World| w.with_consents(|it| (it.form, it.manner) = (Form::Implied, Manner::Verbal));
    check(implied, &[]);
    check(|w| (implied(w), w.with_agency(|a| a.kind = Kind::Carer)), &["consent.form-too-weak"]);
    let signed = |w: &mut World| w.purpose(Purpose::SubjectRequest, Kind::Employer, &[ClinicalLetter]);
    check(signed, &[]);
    check(|w| (signed(w), w.with_consents(|it| it.form = Form::Implied)), &["consent.form-too-weak"]);
    check(|w| (signed(w), w.with_consents(|it| it.manner = Manner::Electronic)), &["consent.form-too-weak"]);
    // The usual list serves care, but no carer and nothing that asks more.
    let usual = |w: &mut World| (w.facts.consents.clear(), w.subject().usual = vec!["elm".to_owned()]);
    check(usual, &[]);
    check(|w| (usual(w), w.with_agency(|a| a.kind = Kind::Carer)), &["consent.none"]);
    check(|w| (usual(w), w.purpose(Purpose::SubjectRequest, Kind::Gp, &[ClinicalLetter])), &["consent.none"]);
    let transfer_to_carer = |w: &mut World| w.purpose(Purpose::TransferOfCare, Kind::Carer, &[ClinicalLetter]);
    check(|w| (usual(w), transfer_to_carer(w)), &["agency.purpose", "consent.none"]);
    // Every fault of every entry is told when none stands, and none when one does.
    let faulty = |w: &mut World| {
        let mut entry = consent("c-2");
        (entry.notice, entry.form) = (None, Form::Implied);
        w.facts.consents.push(entry);
        w.with_agency(|a| a.kind = Kind::Carer);
    };
    check(faulty, &[]);
    check(
        |w| (faulty(w), w.subject().changed = Some(NOW)),
        &["consent.stale", "consent.form-too-weak", "consent.no-evidence"],
    );
}

#[test]
fn exceptions() {
    let unable = |w: &mut World| (w.facts.consents.clear(), w.except(Ground::UnableToConsent));
    check(unable, &[]);
    check(|w| (unable(w), w.facts.consents.push(no("c-2"))), &["consent.refused"]);
    let fails = |change: fn(&mut crate::Approval), expected: &'static str| {
        check(|w| (unable(w), w.with_approval(change)), &["consent.none", expected]);
    };
    fails(|it| it.exception.approved_by = None, "exception.unapproved");
    fails(|it| it.approver = None, "exception.unapproved");
    fails(|it| it.approver = Some(staff("cg-other", Role::CaldicottGuardian)), "exception.unapproved");
    fails(|it| it.approver = Some(staff("cg-fox", Role::SafeguardingLead)), "exception.unapproved");
    fails(|it| it.exception.approved_on = None, "exception.unapproved");
    fails(|it| it.exception.approved_on = Some(Timestamp(NOW.0 + 1)), "exception.unapproved");
    fails(|it| it.exception.requested_by = "cg-fox".to_owned(), "exception.self-approved");
    fails(|it| drop(it.exception.fields.remove("reason")), "exception.incomplete");
    fails(|it| drop(it.exception.fields.insert("reason".to_owned(), " ".to_owned())), "exception.incomplete");
    fails(|it| it.exception.subject = Some(id("case:OTHER")), "exception.scope");
    fails(|it| it.exception.subject = None, "exception.scope");
    fails(|it| it.exception.agency = "oak".to_owned(), "exception.scope");
    fails(|it| it.exception.categories.clear(), "exception.scope");
    fails(|it| it.exception.until = NOW, "exception.expired");
    check(
        |w| {
            unable(w);
            w.with_approval(|it| {
                it.exception.approved_by = Some("dr-lamb".to_owned());
                it.exception.approved_on = None;
            });
        },
        &["consent.none", "exception.unapproved", "exception.self-approved"],
    );
    check(|w| (unable(w), w.with_approval(|it| it.exception.subject = Some(id("case:PSU-0142")))), &[]);
    check(|w| (unable(w), w.letter.exception = Some("x-2".to_owned())), &["consent.none"]);
    check(|w| (unable(w), w.letter.exception = None), &["consent.none"]);
    // An exception that fails stops even a letter that consent would carry.
    check(|w| w.except(Ground::Safeguarding), &["exception.scope"]);
    for ground in Ground::ALL {
        for purpose in [Purpose::Exceptional, Purpose::Commissioning, Purpose::DirectCare] {
            let kind = if purpose == Purpose::Commissioning { Kind::Commissioner } else { Kind::LocalAuthority };
            let holds = if purpose == Purpose::DirectCare { ClinicalLetter } else { Aggregate };
            let expected = if ground.goes_with().contains(&purpose) { &[][..] } else { &["exception.scope"][..] };
            check(|w| (w.purpose(purpose, kind, &[holds]), w.except(*ground)), expected);
        }
    }
    let commissioning = |w: &mut World| {
        w.purpose(Purpose::Commissioning, Kind::Commissioner, &[Identity, Appointments]);
        w.letter.subject = None;
        w.letter.found = vec![Finding::Name];
    };
    check(commissioning, &["items.surplus", "items.identifiers-present"]);
    check(|w| (commissioning(w), w.except(Ground::S251)), &[]);
    check(|w| (commissioning(w), w.letter.categories.push(Demographics), w.except(Ground::S251)), &["items.forbidden"]);
    check(
        |w| (commissioning(w), w.except(Ground::S251), w.facts.recipient = unlisted(None)),
        &["agency.not-listed", "items.surplus", "items.identifiers-present"],
    );
}

#[test]
fn channels_and_duties() {
    #[track_caller]
    fn check<T>(change: impl FnOnce(&mut World) -> T, channels: &[Channel], duties: &[Duty]) {
        let mut world = World::new();
        change(&mut world);
        let decision = world.decide();
        assert_eq!(decision.explanation.channels, channels, "{:?}", decision.explanation.reasons);
        assert_eq!(decision.explanation.duties, duties);
        match decision.outcome {
            Outcome::Released(cleared) => {
                assert_eq!(cleared.channels(), channels);
                assert_eq!(cleared.explanation(), &decision.explanation);
            }
            Outcome::Held(_) | Outcome::Refused(_) => assert!(channels.is_empty() && duties.is_empty()),
        }
    }
    use Channel::{AgeEmail, HttpsPush, Link, TlsEmail};
    use Duty::{CopyToSubject, NeutralCover, NoDownload, Review, TellSubject};
    let gp = &[NeutralCover, CopyToSubject];
    let keys = |change: fn(&mut SealingKey)| move |w: &mut World| w.with_agency(|a| a.keys.iter_mut().for_each(change));
    check(|_| (), &[HttpsPush, AgeEmail, TlsEmail, Link], gp);
    check(|w| w.with_agency(|a| a.channels.reverse()), &[Link, TlsEmail, AgeEmail, HttpsPush], gp);
    check(|w| w.with_agency(|a| a.keys.clear()), &[HttpsPush, TlsEmail, Link], gp);
    check(keys(|key| key.verified = false), &[HttpsPush, TlsEmail, Link], gp);
    check(keys(|key| key.not_before = Some(Timestamp(NOW.0 + 1))), &[HttpsPush, TlsEmail, Link], gp);
    check(keys(|key| key.not_after = Some(NOW)), &[HttpsPush, TlsEmail, Link], gp);
    check(keys(|key| (key.not_before, key.not_after) = (None, None)), &[HttpsPush, AgeEmail, TlsEmail, Link], gp);
    check(|w| w.with_agency(|a| a.proof.clear()), &[HttpsPush, AgeEmail, Link], gp);
    check(|w| w.with_agency(|a| a.endpoint = Some(String::new())), &[AgeEmail, TlsEmail, Link], gp);
    check(|w| w.with_agency(|a| a.channels.clear()), &[], &[]);
    check(|w| w.with_agency(|a| a.kind = Kind::Carer), &[HttpsPush, AgeEmail, TlsEmail, Link], &[NeutralCover]);
    check(|w| w.purpose(Purpose::Handover, Kind::LocalAuthority, &[Recording]), &[Link], &[NeutralCover, NoDownload]);
    check(
        |w| w.purpose(Purpose::Handover, Kind::LocalAuthority, &[Casework]),
        &[HttpsPush, AgeEmail, Link],
        &[NeutralCover],
    );
    check(
        |w| w.except(Ground::UnableToConsent),
        &[HttpsPush, AgeEmail, TlsEmail, Link],
        &[NeutralCover, CopyToSubject, TellSubject, Review],
    );
    check(|w| (w.purpose(Purpose::SubjectCopy, Kind::Gp, &[Casework]), w.send_home()), &[Link], &[NeutralCover]);
    check(|w| w.with_agency(|a| a.suspended = true), &[], &[]);
}

#[test]
fn what_a_decision_rests_on() {
    #[track_caller]
    fn check<T>(change: impl FnOnce(&mut World) -> T, expected: &[&str]) {
        let mut world = World::new();
        change(&mut world);
        assert_eq!(world.decide().explanation.rests_on, expected);
    }
    check(|_| (), &["elm", "c-1"]);
    check(|w| w.facts.consents.push(no("c-0")), &["elm", "c-0"]);
    check(|w| (w.facts.consents.push(consent("c-0")), w.except(Ground::UnableToConsent)), &["elm", "x-1"]);
    check(|w| w.facts.consents.insert(0, consent("c-9")), &["elm", "c-1", "c-9"]);
    check(|w| w.facts.recipient = unlisted(None), &[]);
    check(
        |w| {
            w.purpose(Purpose::IncidentInvestigation, Kind::Regulator, &[ClinicalRecord]);
            w.with_agency(|a| a.country = "US".to_owned());
            w.with_consents(|it| it.abroad = vec!["US".to_owned()]);
        },
        &["elm", "c-1"],
    );
}
