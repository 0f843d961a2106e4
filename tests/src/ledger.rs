//! The disclosure log as a whole gateway writes it. The promise: **no entry, no byte; and what was written cannot be
//! changed unseen.**

use gateway::ledger::{self, What};
use gateway::setup::{self, Seams};
use gateway::store::{Disk, Happening, State, Store};

use crate::hostile::{Hostile, Script, Step};
use crate::world::{Plan, World, Writing, cast};

fn with_elm(script: Script) -> (World, Hostile) {
    let mut plan = Plan::new();
    let elm = plan.peer("elm-surgery.example", script);
    (plan.start(), elm)
}

/// Lines of the ledger.
fn lines(world: &World) -> u64 {
    world.block(ledger::verify(&world.journey().store)).unwrap().entries
}

#[test]
fn where_the_entry_cannot_be_written_not_a_byte_leaves() {
    let (mut world, elm) = with_elm(Script::Pauses(Step::EhloInTls));
    let id = world.submit(&Writing::about(cast::AMINA, &[cast::ELM])).unwrap();
    elm.wait_paused();
    let before = lines(&world);
    world.fail_disk_at(0);
    elm.go_on();
    world.wait_stopped();
    assert!(!world.heal_disk().is_empty(), "the disk was asked for the entry");
    let said = elm.seen().commands;
    assert!(!said.iter().any(|command| command.starts_with("MAIL")), "{said:?}");
    elm.play(Script::Honest);
    world.restart();
    world.wait_for(&id, State::Delivered);
    assert_eq!(elm.seen().taken.len(), 1);
    // The entry that was not written is not there: a start, a disclosure, an outcome.
    assert_eq!(lines(&world), before + 3);
    world.end();
}

#[test]
fn each_thing_that_happens_is_as_many_lines_as_it_should_be() {
    let (world, elm) = with_elm(Script::Honest);
    let mut before = lines(&world);
    let mut added = || {
        let now = lines(&world);
        std::mem::replace(&mut before, now).abs_diff(now)
    };
    world.submit_until(&Writing::about(cast::AMINA, &[cast::ELM]), State::Delivered);
    assert_eq!(added(), 2, "a disclosure and its outcome");
    let held = world.submit_until(&Writing::about(cast::DEV, &[cast::ELM]), State::Held);
    world.wait_notice(&held.id, "held");
    assert_eq!(added(), 1, "a decision");
    world.submit(&Writing::about(cast::CARA, &[cast::ELM])).unwrap_err();
    assert_eq!(added(), 1, "a decision");
    world.import(&cast::consent("c-dev-elm", cast::DEV, "elm"));
    world.wait_for(&held.id, State::Delivered);
    assert_eq!(added(), 3, "a change of the register, a disclosure and its outcome");
    elm.play(Script::Refuses(Step::Rcpt, 450));
    let id = world.submit(&Writing::about(cast::AMINA, &[cast::ELM])).unwrap();
    world.wait_deferred(&id, 1);
    assert_eq!(added(), 2, "a disclosure that was put off");
    elm.play(Script::NoStartTls);
    let id = world.submit(&Writing::about(cast::AMINA, &[cast::ELM])).unwrap();
    world.wait_deferred(&id, 1);
    assert_eq!(added(), 0, "nothing was disclosed");
    world.end();
}

#[test]
fn every_decision_explains_itself_for_as_long_as_the_letter_is_known() {
    let (mut world, _elm) = with_elm(Script::Honest);
    let delivered = world.submit_until(&Writing::about(cast::AMINA, &[cast::ELM]), State::Delivered).id;
    let held = world.submit_until(&Writing::about(cast::DEV, &[cast::ELM]), State::Held).id;
    world.restart();
    for (id, verdict, rests_on) in [(delivered, "release", "c-amina-elm"), (held, "hold", "elm")] {
        let trail = world.block(world.journey().store.trail(&id)).unwrap();
        let decided = trail.iter().find(|event| event.what == Happening::Decided).unwrap();
        assert_eq!(decided.facts["verdict"], verdict);
        let entries = decided.facts["rests_on"].as_array().unwrap();
        assert!(entries.iter().any(|entry| entry == rests_on), "{}", decided.facts);
        assert_eq!(decided.facts["facts_sha256"].as_str().unwrap().len(), 64);
        assert_eq!(world.letter(&id).standing["explanation"]["verdict"], verdict);
    }
    world.end();
}

/// Each change of a word, made to the file where no program watches, and what the next reading says.
#[test]
fn a_word_that_is_changed_behind_our_back_is_found() {
    let (mut world, _elm) = with_elm(Script::Honest);
    world.submit_until(&Writing::about(cast::AMINA, &[cast::ELM]), State::Delivered);
    world.submit(&Writing::about(cast::CARA, &[cast::ELM])).unwrap_err();
    world.stop();
    let path = world.folder().join("data/sealgate.db");
    let sound = std::fs::read(&path).unwrap();
    let changes = [
        ("\"outcome\":\"delivered\"", "\"outcome\":\"defferred\""),
        ("\"channel\":\"tls-email\"", "\"channel\":\"age-email\""),
        ("\"verdict\":\"refuse\"", "\"verdict\":\"permit\""),
        ("\"kind\":\"disclosure\"", "\"kind\":\"disclosurf\""),
    ];
    for (word, other) in changes {
        let mut bytes = sound.clone();
        let at = memchr::memmem::find(&bytes, word.as_bytes()).unwrap_or_else(|| panic!("{word} is on the ledger"));
        bytes[at..at + word.len()].copy_from_slice(other.as_bytes());
        std::fs::write(&path, bytes).unwrap();
        assert_eq!(verified(&world), Err(What::Changed), "{word}");
    }
    std::fs::write(&path, sound).unwrap();
    assert_eq!(verified(&world), Ok(()));
}

fn verified(world: &World) -> Result<(), What> {
    world.block(async {
        let seams = Seams { disk: Disk::real(), ..world.seams().clone() };
        let (home, _) = setup::home(world.settings(), &seams).unwrap();
        let store = Store::visit(home).await.unwrap();
        let verified = ledger::verify(&store).await;
        store.close().await;
        verified.map(drop).map_err(|broken| broken.what)
    })
}
