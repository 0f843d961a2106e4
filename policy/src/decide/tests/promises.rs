//! What holds in every world: fewer facts never clear more, order never matters, the same facts give the same
//! bytes, and no sentence says anything about the person.

use proptest::prelude::*;
use proptest::sample::{select, subsequence};
use proptest::strategy::ValueTree;
use proptest::test_runner::TestRunner;

use super::world::{BEFORE, LATER, NOW, World, consent, id, no};
use crate::{
    AgencyKind, AgencyOrKind, Answer, Category, Consent, Declared, Explanation, Finding, Form, GivenBy, Ground,
    LetterId, Manner, Outcome, Purpose, Reason, Recipient, Role, Timestamp, Transfer, Verdict, decide,
};

const PURPOSES: [Purpose; 7] = [
    Purpose::DirectCare,
    Purpose::TransferOfCare,
    Purpose::Research,
    Purpose::SubjectRequest,
    Purpose::Exceptional,
    Purpose::Commissioning,
    Purpose::SupervisorFeedback,
];
const CATEGORIES: [Category; 5] =
    [Category::Identity, Category::Appointments, Category::ClinicalLetter, Category::Casework, Category::Aggregate];
const KINDS: [AgencyKind; 5] =
    [AgencyKind::Gp, AgencyKind::Carer, AgencyKind::ResearchPartner, AgencyKind::Commissioner, AgencyKind::Supervisor];
const TIMES: [Timestamp; 4] = [BEFORE, NOW, Timestamp(NOW.0 + 1), LATER];

/// Each takes something away that a release may rest on, or adds what may stop one.
const NARROWINGS: [fn(&mut World); 34] = [
    |w| w.facts.sender = None,
    |w| w.with_sender(|it| it.active = false),
    |w| w.with_sender(|it| it.roles.clear()),
    |w| w.with_sender(|it| it.trained_until = Some(BEFORE)),
    |w| w.facts.recipient = Recipient::Unlisted { resembles: None },
    |w| w.facts.authoriser = None,
    |w| w.with_agency(|agency| agency.suspended = true),
    |w| w.with_agency(|agency| agency.authorised = None),
    |w| w.with_agency(|agency| agency.verified = None),
    |w| w.with_agency(|agency| agency.transfer = None),
    |w| w.with_agency(|agency| agency.papers.agreement_until = None),
    |w| w.with_agency(|agency| agency.papers.undertaking_until = Some(BEFORE)),
    |w| w.with_agency(|agency| agency.only_via = Some("oak".to_owned())),
    |w| w.with_agency(|agency| agency.country = "US".to_owned()),
    |w| w.with_agency(|agency| agency.purposes.clear()),
    |w| w.with_agency(|agency| agency.categories.clear()),
    |w| w.with_agency(|agency| agency.keys.clear()),
    |w| w.with_agency(|agency| agency.proof.clear()),
    |w| w.with_agency(|agency| agency.endpoint = None),
    |w| w.with_agency(|agency| agency.channels.truncate(1)),
    |w| w.facts.subject = None,
    |w| w.with_subject(|it| it.deceased = true),
    |w| w.with_subject(|it| it.restricted = true),
    |w| w.with_subject(|it| it.objections = Purpose::ALL.to_vec()),
    |w| w.with_subject(|it| it.usual.clear()),
    |w| w.with_subject(|it| it.trainee = false),
    |w| w.with_subject(|it| it.supervisor = None),
    |w| w.with_subject(|it| it.knows.clear()),
    |w| w.with_subject(|it| it.works.clear()),
    |w| w.with_subject(|it| it.changed = Some(LATER)),
    |w| w.letter.found.push(Finding::NameContradicts),
    |w| w.letter.found.push(Finding::Number(id("nhs:9991590838"))),
    |w| w.facts.consents.push(no("c-no")),
    |w| w.with_consents(|entry| entry.evidence = None),
];

fn subset<T: Clone + std::fmt::Debug + 'static>(of: &'static [T], least: usize) -> impl Strategy<Value = Vec<T>> {
    subsequence(of, least..=of.len())
}

fn maybe<T: Clone + std::fmt::Debug>(of: impl Strategy<Value = T>) -> impl Strategy<Value = Option<T>> {
    prop::option::weighted(0.25, of)
}

fn entries() -> impl Strategy<Value = Vec<Consent>> {
    let with = prop_oneof![
        4 => Just(AgencyOrKind::Agency("elm".to_owned())),
        2 => select(&KINDS[..]).prop_map(AgencyOrKind::AgencyKind),
        1 => Just(AgencyOrKind::Agency("oak".to_owned())),
    ];
    let answer = prop_oneof![6 => Just(Answer::Yes), 1 => Just(Answer::No), 1 => Just(Answer::NotAsked)];
    let scope = (subset(&PURPOSES, 1), subset(&CATEGORIES, 1), any::<bool>());
    let form = (any::<bool>(), any::<bool>(), any::<bool>());
    let life = (select(&TIMES[..2]), maybe(select(&TIMES[..])), maybe(select(&TIMES[..])), maybe(0_usize..5));
    let entry = (with, answer, scope, form, life).prop_map(|(with, answer, scope, form, life)| {
        let (purposes, categories, names_country) = scope;
        let (is_explicit, is_written, has_evidence) = form;
        let (given, expires, withdrawn, supersedes) = life;
        let is_yes = answer == Answer::Yes;
        Consent {
            with,
            answer,
            form: if is_explicit { Form::Explicit } else { Form::Implied },
            manner: if is_written { Manner::Written } else { Manner::Verbal },
            purposes: if is_yes || names_country { purposes } else { Vec::new() },
            categories: if is_yes || has_evidence { categories } else { Vec::new() },
            given,
            given_by: if is_written { GivenBy::Subject } else { GivenBy::Representative },
            authority: has_evidence.then(|| "attorney".to_owned()),
            capacity_note: Some("assessed".to_owned()),
            evidence: (has_evidence || is_explicit).then(|| "form 1".to_owned()),
            work: (is_yes && !is_explicit).then(|| "EP-1".to_owned()),
            expires: expires.filter(|_| is_yes),
            withdrawn: withdrawn.filter(|_| is_yes),
            abroad: if is_yes && names_country { vec!["US".to_owned()] } else { Vec::new() },
            supersedes: supersedes.map(|index| format!("c-{index}")),
            ..consent("c")
        }
    });
    prop::collection::vec(entry, 0..5).prop_map(|mut entries| {
        for (index, entry) in entries.iter_mut().enumerate() {
            entry.id = format!("c-{index}");
            // Only an earlier entry is superseded, so there is no circle.
            entry.supersedes = entry.supersedes.take().filter(|other| *other < entry.id);
        }
        entries
    })
}

/// Worlds near the edge: one that is released, a purpose that fits its agency or not, and a few changes.
fn worlds() -> impl Strategy<Value = World> {
    let purpose = (select(&PURPOSES[..]), any::<prop::sample::Index>(), subset(&CATEGORIES, 0), 0..8);
    let exception = maybe((select(Ground::ALL), select(&TIMES[..]), any::<bool>()));
    let changes = prop::collection::vec(select(&NARROWINGS[..]), 0..2);
    let flags = (any::<bool>(), any::<bool>(), any::<bool>(), any::<bool>());
    (purpose, entries(), exception, changes, flags).prop_map(|(purpose, entries, exception, changes, flags)| {
        let mut world = World::new();
        let (purpose, kind, holds, fits) = purpose;
        let row = crate::table::row(purpose);
        let fitting: Vec<_> = KINDS.into_iter().filter(|it| row.is_some_and(|row| row.kinds.holds(it))).collect();
        let kind = if fits == 0 || fitting.is_empty() { *kind.get(&KINDS) } else { *kind.get(&fitting) };
        let allowed = |it: &Category| fits == 1 || row.is_some_and(|row| row.may_hold.holds(it));
        world.purpose(purpose, kind, &holds.into_iter().filter(allowed).collect::<Vec<_>>());
        world.facts.consents = entries;
        let (is_usual, is_abroad, is_trainee, names_subject) = flags;
        if is_usual {
            world.subject().usual = vec!["elm".to_owned()];
        }
        if is_abroad && fits < 4 {
            let transfer = Some(Transfer { instrument: "clauses".to_owned(), until: LATER });
            world.with_agency(|agency| (agency.country, agency.transfer) = ("US".to_owned(), transfer));
        }
        world.subject().trainee = is_trainee;
        world.subject().supervisor = Some("elm".to_owned());
        world.subject().knows = vec!["ab".repeat(32)];
        world.letter.subject = world.letter.subject.take().filter(|_| names_subject || fits > 3);
        if let Some((ground, until, is_filled)) = exception {
            world.except(if purpose == Purpose::Exceptional { Ground::Safeguarding } else { ground });
            world.with_approval(|approval| {
                approval.exception.until = until;
                approval.exception.fields.retain(|_, _| is_filled);
            });
        }
        changes.into_iter().for_each(|change| change(&mut world));
        world
    })
}

fn explain(world: &World) -> Explanation {
    world.decide().explanation
}

/// After `change`, what was not released still is not.
fn stays_closed(world: &World, change: impl FnOnce(&mut World)) -> Result<(), TestCaseError> {
    let before = explain(world);
    let mut narrowed = world.clone();
    change(&mut narrowed);
    let after = explain(&narrowed);
    prop_assert!(
        before.verdict == Verdict::Release || after.verdict != Verdict::Release,
        "opened a letter stopped for {:?}",
        before.reasons
    );
    Ok(())
}

/// A property of worlds of which none, or all, are released would say nothing.
#[test]
fn the_worlds_are_of_every_verdict() -> Result<(), proptest::test_runner::Reason> {
    let mut runner = TestRunner::deterministic();
    let mut counts = [0; 3];
    for _ in 0..1000 {
        let verdict = explain(&worlds().new_tree(&mut runner)?.current()).verdict;
        let count = Verdict::ALL.iter().position(|it| *it == verdict).and_then(|index| counts.get_mut(index));
        count.into_iter().for_each(|count| *count += 1);
    }
    assert!(counts.iter().all(|count| *count > 80), "release, hold, refuse: {counts:?}");
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(512))]

    #[test]
    fn narrowing_the_facts_never_opens(world in worlds(), change in select(&NARROWINGS[..])) {
        stays_closed(&world, change)?;
    }

    /// With no `supersedes`: one that supersedes a wider `no` narrows it, which is the person's to do.
    #[test]
    fn adding_a_no_never_opens(world in worlds(), added in entries()) {
        let nos = added.into_iter().map(|entry| Consent {
            id: format!("{}-no", entry.id), answer: Answer::No, supersedes: None, ..entry
        });
        stays_closed(&world, |world| world.facts.consents.extend(nos))?;
    }

    /// A live `yes` that supersedes a `yes` stands between it and its revival, so it is not one of these.
    #[test]
    fn removing_a_yes_never_opens(world in worlds(), index: prop::sample::Index) {
        let entries = &world.facts.consents;
        let is_no = |id: &String| entries.iter().any(|it| it.id == *id && it.answer == Answer::No);
        let is_live_yes = |entry: &Consent| {
            entry.answer == Answer::Yes
                && entry.withdrawn.is_none_or(|withdrawn| withdrawn > NOW)
                && entry.supersedes.as_ref().is_none_or(is_no)
        };
        let live: Vec<_> = entries.iter().filter(|entry| is_live_yes(entry)).map(|entry| entry.id.clone()).collect();
        if !live.is_empty() {
            let removed = index.get(&live);
            stays_closed(&world, |world| world.facts.consents.retain(|entry| entry.id != *removed))?;
        }
    }

    #[test]
    fn withdrawing_or_expiring_a_yes_never_opens(world in worlds(), index in 0_usize..5) {
        let is_live_yes = |entry: &Consent| entry.answer == Answer::Yes && entry.withdrawn.is_none();
        let at = |world: &mut World, change: fn(&mut Consent)| {
            world.facts.consents.iter_mut().skip(index).take(1).filter(|entry| is_live_yes(entry)).for_each(change);
        };
        stays_closed(&world, |world| at(world, |entry| entry.withdrawn = Some(NOW)))?;
        stays_closed(&world, |world| at(world, |entry| entry.expires = Some(NOW)))?;
    }

    /// Defaults aside, which are the sender's own declaration. Research that names nobody may go where research
    /// that names an objector may not, and an exception that fails stops a letter that does not need it.
    #[test]
    fn dropping_a_field_of_the_letter_never_opens(world in worlds()) {
        stays_closed(&world, |world| world.letter.purpose = None)?;
        stays_closed(&world, |world| world.letter.purpose = Some(Declared::Unknown("other".to_owned())))?;
        stays_closed(&world, |world| world.letter.categories.clear())?;
        stays_closed(&world, |world| world.letter.citation = None)?;
        stays_closed(&world, |world| world.letter.sha256 = None)?;
        stays_closed(&world, |world| world.letter.sender.clear())?;
        if world.letter.purpose != Some(Declared::Known(Purpose::Research)) {
            stays_closed(&world, |world| world.letter.subject = None)?;
        }
        if world.letter.purpose == Some(Declared::Known(Purpose::Exceptional)) {
            stays_closed(&world, |world| world.letter.exception = None)?;
        }
    }

    #[test]
    fn order_never_matters(world in worlds(), seed in any::<prop::sample::Index>()) {
        let mut other = world.clone();
        let turn = seed.index(5);
        let turn = turn.min(other.facts.consents.len());
        other.facts.consents.rotate_left(turn);
        other.facts.consents.reverse();
        other.with_consents(|entry| (entry.purposes.reverse(), entry.categories.reverse()).1);
        other.with_agency(|agency| {
            agency.purposes.reverse();
            agency.categories.reverse();
            agency.keys.reverse();
        });
        other.with_sender(|it| it.roles.reverse());
        other.letter.categories.reverse();
        other.letter.found.reverse();
        prop_assert_eq!(explain(&world), explain(&other));
    }

    /// The canonical facts tell every change of the facts, and the order of an agency's channels with them.
    #[test]
    fn other_facts_give_other_bytes(world in worlds(), change in select(&NARROWINGS[..])) {
        let mut other = world.clone();
        change(&mut other);
        let json = |world: &World| serde_json::to_value(&world.facts).unwrap_or_default();
        let same = explain(&world).facts_sha256 == explain(&other).facts_sha256;
        prop_assert_eq!(same, json(&world) == json(&other));
        let mut turned = world.clone();
        turned.with_agency(|agency| agency.channels.reverse());
        let same = explain(&world).facts_sha256 == explain(&turned).facts_sha256;
        prop_assert_eq!(same, json(&world) == json(&turned));
        prop_assert_eq!(explain(&world).facts_sha256.len(), 64);
    }

    #[test]
    fn an_explanation_agrees_with_itself_and_says_nothing_about_the_person(world in worlds()) {
        let decision = world.decide();
        let Explanation { verdict, reasons, duties, channels, .. } = &decision.explanation;
        prop_assert!(reasons.is_sorted_by(|a, b| a.code < b.code));
        prop_assert_eq!(*verdict, reasons.iter().map(|reason| reason.weight).max().unwrap_or(Verdict::Release));
        let is_released = *verdict == Verdict::Release;
        prop_assert_eq!((is_released, is_released), (!channels.is_empty(), !duties.is_empty()));
        prop_assert_eq!(is_released, matches!(decision.outcome, Outcome::Released(_)));
        for Reason { sentence, remedy, .. } in reasons {
            for secret in ["9995260182", "Amina", "Yorke", "PSU-0142", "form 1", "{}"] {
                prop_assert!(!sentence.contains(secret) && !remedy.contains(secret), "{}", sentence);
            }
            prop_assert!(sentence.split_whitespace().count() <= 19, "{}", sentence);
        }
    }
}

/// The decision carries a body of any type, and hands back the very one.
#[test]
fn any_body_is_carried_and_handed_back() {
    struct Opaque(Box<u8>);
    let world = World::new();
    let body = Opaque(Box::new(7));
    let place = std::ptr::from_ref(&*body.0);
    let plain = world.letter;
    let letter = crate::Letter {
        id: LetterId::from_bits(9),
        sender: plain.sender,
        to: plain.to,
        subject: plain.subject,
        purpose: plain.purpose,
        categories: plain.categories,
        citation: plain.citation,
        exception: plain.exception,
        contradictions: plain.contradictions,
        found: plain.found,
        sha256: plain.sha256,
        body,
    };
    let decision = decide(&world.facts, letter, world.now);
    assert_eq!(format!("{:?}", decision.outcome), "Released(SG-9000-0000)");
    if let Outcome::Released(cleared) = decision.outcome {
        assert_eq!(format!("{cleared:?}"), "Cleared(SG-9000-0000)");
        assert!(std::ptr::eq(&raw const *cleared.into_letter().body.0, place));
    }
}

#[test]
fn roles_of_the_staff_are_what_the_tables_name() {
    let may_decide = |role: Role| Ground::ALL.iter().filter(|ground| ground.deciders().contains(&role)).count();
    let counts = Role::ALL.iter().map(|role| (role.as_str(), may_decide(*role))).filter(|(_, count)| *count > 0);
    let expected = [
        ("clinician", 2),
        ("senior-clinician", 5),
        ("ig-lead", 2),
        ("safeguarding-lead", 1),
        ("records-lead", 1),
        ("caldicott-guardian", 1),
    ];
    assert!(counts.eq(expected));
}
