//! Letters that may not go, or not yet. The promise: **a no counts at once, a missing fact is asked for, and the sender
//! is told in plain words.**

use gateway::store::{Overview, State};
use policy::LetterId;
use serde_json::json;

use crate::hostile::{Hostile, Script, Step};
use crate::world::{Dialogue, Plan, Request, SENDER, World, Writing, cast};

const HOUR_SECS: i64 = 3600;

fn with_elm(script: Script) -> (World, Hostile) {
    let mut plan = Plan::new();
    let elm = plan.peer("elm-surgery.example", script);
    (plan.start(), elm)
}

fn about(subject: &str) -> Writing {
    Writing::about(subject, &[cast::ELM])
}

/// The codes that a letter stands for.
fn codes(letter: &Overview) -> Vec<String> {
    let reasons = letter.standing.pointer("/explanation/reasons").unwrap().as_array().unwrap();
    reasons.iter().map(|reason| reason["code"].as_str().unwrap().to_owned()).collect()
}

#[test]
fn rcpt_is_answered_from_the_allow_list_at_once() {
    let world = World::alone();
    world.import(&cast::agency(
        "ash",
        ("gp", "\"direct-care\""),
        &["letters@ash-surgery.example"],
        cast::Takes::Age(cast::LOST_KEY),
    ));
    world.change_agency("oak", |oak| oak.suspended = true);
    let mut dialogue = Dialogue::signed_in(&world);
    assert!(dialogue.say(&format!("MAIL FROM:<{SENDER}>")).starts_with("250 "));
    for (address, reply) in [
        (cast::ELM, "250 2.1.5 Recipient OK"),
        ("Letters@ELM-Surgery.example", "250 2.1.5 Recipient OK"),
        ("someone@nowhere.example", "550 5.7.1 Not sent: address is not on the safe list"),
        ("letters@mail.elm-surgery.example", "550 5.7.1 Not sent: address is not on the safe list"),
        (
            "letter@elm-surgery.example",
            "550 5.7.1 Not sent: address is not on the safe list, but looks like one that is",
        ),
        (
            "letters@elm-surgcry.example",
            "550 5.7.1 Not sent: address is not on the safe list, but looks like one that is",
        ),
        (cast::OAK, "550 5.7.1 Not sent: letters to this agency are stopped for now"),
    ] {
        assert_eq!(dialogue.say(&format!("RCPT TO:<{address}>")), reply, "{address}");
    }
    assert!(world.letters().is_empty());
    world.end();
}

#[test]
fn a_letter_that_is_refused_whole_says_so_at_the_door() {
    let (world, elm) = with_elm(Script::Honest);
    world.change_subject(cast::BEN, |ben| ben.restricted = true);
    let cases = [
        (about(cast::CARA), "Not sent: The patient has said no to sharing this with the agency", "consent.refused"),
        (
            about(cast::BEN),
            "Not sent: This record is restricted, so letters about it may not go out",
            "subject.restricted",
        ),
        (
            about(cast::AMINA).declaring("Sealgate-Purpose", "marketing"),
            "Not sent: We never send letters for marketing",
            "purpose.marketing",
        ),
        (about(cast::AMINA).declaring("Sealgate-Purpose", "regulation"), "Not sent: ", "agency.purpose"),
        (about(cast::AMINA).declaring("Sealgate-Purpose", "gossip"), "Not sent: ", "purpose.unknown"),
        (about(cast::AMINA).declaring("Sealgate-Category", "safeguarding"), "Not sent: ", "agency.category"),
    ];
    for (writing, sentence, code) in cases {
        let refusal = Dialogue::signed_in(&world).hand_in(&[cast::ELM], &writing.message());
        let letter = world.letters().into_iter().find(|letter| refusal.contains(letter.id.as_str())).unwrap();
        assert!(refusal.starts_with(&format!("550 5.7.1 {sentence}")), "{refusal}");
        assert!(refusal.ends_with(&format!("Letter {}. Call 01632 960123", letter.id)), "{refusal}");
        assert!(refusal.len() <= 4 + 6 + 120, "fits a dialogue box: {refusal}");
        assert!(!refusal.contains("Cara") && !refusal.contains("999"), "{refusal}");
        assert_eq!(letter.state, State::Refused);
        assert!(codes(&letter).iter().any(|known| known == code), "{code}: {:?}", codes(&letter));
    }
    let answered = world.post(&Request::json(&json!({
        "to": [cast::ELM], "subject": cast::CARA, "purpose": "direct-care", "categories": ["clinical-letter"], "text": "x",
    })));
    assert_eq!((answered.status, &answered.body["code"]), (422, &json!("letter.refused")), "{answered:?}");
    assert_eq!(answered.body["letters"][0]["reasons"][0]["code"], "consent.refused");
    assert!(world.notices().is_empty() && elm.seen().connections == 0);
    world.end();
}

#[test]
fn a_missing_fact_holds_the_letter_and_asks_for_it() {
    let (world, elm) = with_elm(Script::Honest);
    let mixed = || about(cast::BEN).with("clinic-ben-castle.pdf");
    let contradiction = about(cast::AMINA);
    let contradiction = Writing { line: "[nhs 999 159 0838] Asthma review".to_owned(), ..contradiction };
    let cases: [(Writing, &str, &[&str]); 8] = [
        (
            about(cast::DEV),
            "consent.none",
            &["We have no record that the patient agreed", "What to do: Ask the patient."],
        ),
        (mixed(), "patient.mixed", &["a different patient as well", "check every page"]),
        (about(cast::BEN).with("clinic-ben-castle.docx"), "patient.mixed", &["a different patient as well"]),
        (about(cast::AMINA).with("hostile-encrypted.pdf"), "patient.unread", &["could not be read"]),
        (contradiction, "patient.unresolved", &["who this letter is about"]),
        (about(cast::AMINA).saying("Re: Amina Yorke, born 12 March 1984"), "patient.mismatch", &["does not match"]),
        (about("nhs:9434765919"), "patient.unresolved", &["who this letter is about"]),
        (about(cast::AMINA).declaring("Sealgate-Purpose", ""), "purpose.missing", &["What to do:"]),
    ];
    for (writing, code, words) in cases {
        let letter = world.submit_until(&writing, State::Held);
        assert_eq!(codes(&letter), [code], "{}", letter.standing);
        let notice = world.wait_notice(&letter.id, "held");
        notice
            .says(words)
            .says(&["We are holding this letter.", "If you do nothing by 09:00 on 5 March 2026, we will cancel it."]);
        notice.says(&["Is it an emergency? Call them.", letter.id.as_str()]);
        assert_eq!((notice.status["Action"].as_str(), notice.status["Status"].as_str()), ("delayed", "4.7.1"));
        for private in ["Amina", "Castle", "Cara", "999", "Asthma", "clinic-"] {
            assert!(!notice.raw.contains(private), "{private} is in {}", notice.raw);
        }
        world.check();
    }
    assert_eq!(elm.seen().connections, 0);
    world.end();
}

#[test]
fn a_contradiction_is_held_although_the_sender_has_defaults() {
    let (world, elm) = with_elm(Script::Honest);
    let staff = |staff: &mut policy::Staff| {
        staff.default_purpose = Some(policy::Purpose::DirectCare);
        staff.default_categories = vec![policy::Category::ClinicalLetter];
    };
    world.block(world.journey().registers.update("dr-lamb", "adm-reed", staff)).unwrap();
    let undeclared = Writing::bare("[nhs 999 526 0182] Asthma review", &[cast::ELM]);
    world.submit_until(&undeclared, State::Delivered);
    let line = |line: &str| Writing { line: line.to_owned(), ..undeclared.clone() };
    for (writing, code) in [
        (line("[nhs 999 526 0182] [for direct-care] [for invoicing] Review"), "purpose.missing"),
        (
            line("[nhs 999 526 0182] [holds appointments]").declaring("Sealgate-Category", "clinical-letter"),
            "items.missing",
        ),
        (line("[nhs 999 526 0182] [nhs 999 159 0838] Review"), "patient.unresolved"),
    ] {
        let letter = world.submit_until(&writing, State::Held);
        assert_eq!(codes(&letter), [code], "{}", writing.line);
    }
    assert_eq!(elm.seen().taken.len(), 1);
    world.end();
}

#[test]
fn supplying_the_fact_sends_the_letter_by_itself() {
    let (world, elm) = with_elm(Script::Honest);
    let held = world.submit_until(&about(cast::DEV), State::Held);
    world.import(&cast::consent_for("c-dev-transfer", cast::DEV, "elm", "transfer-of-care"));
    let again = || world.letter(&held.id);
    crate::wait::until(
        || format!("{:?}", codes(&again())),
        5,
        || (codes(&again()) == ["consent.purpose-mismatch"]).then_some(()),
    );
    assert_eq!(elm.seen().connections, 0, "another yes is not this yes");
    world.import(&cast::consent("c-dev-elm", cast::DEV, "elm"));
    world.wait_for(&held.id, State::Delivered);
    assert_eq!(elm.seen().taken.len(), 1);
    world.end();
}

#[test]
fn consent_withdrawn_between_two_letters_refuses_the_second() {
    let (world, elm) = with_elm(Script::Honest);
    world.submit_until(&about(cast::AMINA), State::Delivered);
    world.withdraw("c-amina-elm");
    let refusal = world.submit(&about(cast::AMINA)).unwrap_err();
    assert!(refusal.contains("550") && refusal.contains("The patient has taken back their consent"), "{refusal}");
    assert_eq!(elm.seen().taken.len(), 1);
    world.end();
}

/// What may happen to a letter that waits for its peer, each of which must keep it from ever leaving.
type Change = (&'static str, fn(&World), State, &'static str);

const CHANGES: [Change; 6] = [
    ("withdrawn", |world| world.withdraw("c-amina-elm"), State::Refused, "consent.withdrawn"),
    (
        "refused",
        |world| drop(world.import(&cast::refusal("c-no", cast::AMINA, "elm"))),
        State::Refused,
        "consent.refused",
    ),
    (
        "restricted",
        |world| world.change_subject(cast::AMINA, |amina| amina.restricted = true),
        State::Refused,
        "subject.restricted",
    ),
    ("suspended", |world| world.change_agency("elm", |elm| elm.suspended = true), State::Refused, "agency.suspended"),
    ("unlisted", |world| world.change_agency("elm", |elm| elm.addresses.clear()), State::Refused, "agency.not-listed"),
    ("unchecked", |world| world.change_agency("elm", |elm| elm.verified = None), State::Held, "recipient.unverified"),
];

fn stays(world: &World, elm: &Hostile, id: &LetterId, (name, _, state, code): Change) {
    let letter = world.wait_for(id, state);
    assert_eq!(codes(&letter), [code], "{name}");
    let word = if state == State::Held { "held" } else { "not sent" };
    world.wait_notice(id, word);
    elm.play(Script::Honest);
    world.forward(24 * HOUR_SECS);
    world.check();
    assert_eq!(world.letter(id).state, state, "{name}");
    assert!(elm.seen().taken.is_empty(), "{name}: it never left");
}

#[test]
fn a_no_while_the_letter_waits_for_its_peer_stops_it_for_good() {
    for change in CHANGES {
        let (world, elm) = with_elm(Script::DropsAt(Step::Greeting));
        let id = world.submit(&about(cast::AMINA)).unwrap();
        world.wait_deferred(&id, 1);
        change.1(&world);
        stays(&world, &elm, &id, change);
        world.end();
    }
}

/// The decision was yes when the attempt began; the peer is slow; meanwhile comes the no. Not one byte may leave after it.
#[test]
fn a_no_in_the_middle_of_an_attempt_stops_it() {
    for change in CHANGES {
        for step in [Step::Greeting, Step::EhloInTls] {
            let (world, elm) = with_elm(Script::Pauses(step));
            let id = world.submit(&about(cast::AMINA)).unwrap();
            elm.wait_paused();
            change.1(&world);
            elm.go_on();
            stays(&world, &elm, &id, change);
            world.end();
        }
    }
}

#[test]
fn a_held_letter_that_nobody_answers_is_refused_at_its_deadline() {
    let (world, elm) = with_elm(Script::Honest);
    let letter = world.submit_until(&about(cast::DEV), State::Held);
    world.wait_notice(&letter.id, "held");
    world.forward(72 * HOUR_SECS - 1);
    world.check();
    assert_eq!(world.letter(&letter.id).state, State::Held);
    world.forward(1);
    let letter = world.wait_for(&letter.id, State::Refused);
    assert_eq!(codes(&letter), ["consent.none"]);
    let notice = world.wait_notice(&letter.id, "not sent");
    notice.says(&["We did not send this letter.", "We have no record that the patient agreed"]);
    assert_eq!((notice.status["Action"].as_str(), notice.status["Status"].as_str()), ("failed", "5.7.1"));
    world.import(&cast::consent("c-late", cast::DEV, "elm"));
    world.forward(HOUR_SECS);
    assert_eq!(world.letter(&letter.id).state, State::Refused, "a final letter stays final");
    assert!(elm.seen().taken.is_empty());
    world.end();
}

#[test]
fn consent_that_ends_while_the_letter_waits_holds_it() {
    let (world, elm) = with_elm(Script::DropsAt(Step::Greeting));
    let yes = cast::consent("c-dev-elm", cast::DEV, "elm");
    world.import(&format!("{yes}expires = \"2026-03-02T12:00:00Z\"\n"));
    let id = world.submit(&about(cast::DEV)).unwrap();
    world.wait_deferred(&id, 1);
    elm.play(Script::Honest);
    world.forward(3 * HOUR_SECS);
    assert_eq!(codes(&world.wait_for(&id, State::Held)), ["consent.expired"]);
    assert!(elm.seen().taken.is_empty());
    world.end();
}

#[test]
fn one_recipient_refused_keeps_no_other_from_their_letter() {
    let (world, elm) = with_elm(Script::Honest);
    world.import(&cast::refusal("c-no", cast::AMINA, "oak"));
    world.submit(&Writing::about(cast::AMINA, &[cast::OAK, cast::ELM])).unwrap();
    let (to_elm, to_oak) = (world.letter_to(cast::ELM), world.letter_to(cast::OAK));
    world.wait_for(&to_elm.id, State::Delivered);
    assert_eq!((to_oak.state, codes(&to_oak)), (State::Refused, vec!["consent.refused".to_owned()]));
    let notice = world.wait_notice(&to_oak.id, "not sent");
    notice.says(&["The patient has said no to sharing this with the agency.", cast::OAK]);
    assert_eq!(world.notices().len(), 1);
    assert_eq!(elm.seen().taken.len(), 1);
    world.end();
}

/// A letter's time in the queue begins when it is first free to go, not while it was held.
#[test]
fn a_letter_freed_late_still_has_its_whole_life_in_the_queue() {
    let (world, elm) = with_elm(Script::DropsAt(Step::Greeting));
    let id = world.submit_until(&about(cast::DEV), State::Held).id;
    world.forward(60 * HOUR_SECS);
    world.import(&cast::consent("c-dev-elm", cast::DEV, "elm"));
    world.wait_deferred(&id, 1);
    world.forward(60);
    world.wait_notice(&id, "delayed").says(&["We will keep trying until 21:00 on 6 March 2026."]);
    elm.play(Script::Honest);
    world.forward(HOUR_SECS);
    world.wait_for(&id, State::Delivered);
    world.end();
}
