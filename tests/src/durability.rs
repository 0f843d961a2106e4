//! What is left when the disk dies, or the gateway stops. The promise: **nothing that was accepted is lost, and nothing is
//! accepted that is not durable.**

use gateway::store::{State, Step};

use crate::hostile::{Hostile, Script, Step as At};
use crate::wait;
use crate::world::{Dialogue, Plan, World, Writing, cast};

/// A dead disk can fail a letter's way at this many steps at least: fewer would mean that steps went uncounted.
const STEPS_MIN: usize = 12;

/// Lets the disk die at each step of a whole way, from the first octet to the notice; every `of`th step from `first` on.
fn check(first: usize, of: usize) {
    let mut plan = Plan::new();
    let elm = plan.peer("elm-surgery.example", Script::Honest);
    let mut world = plan.start();
    let mut n = first;
    while dies_at(&mut world, &elm, n) {
        n += of;
    }
    assert!(n >= STEPS_MIN, "the disk was asked {n} times only");
    world.end();
}

/// Did the disk die before the letter's way was over?
fn dies_at(world: &mut World, elm: &Hostile, n: usize) -> bool {
    let text = format!("letter {n} of a dying disk");
    let writing = Writing::about(cast::AMINA, &[cast::ELM]).saying(&text);
    let copies =
        || elm.seen().taken.iter().filter(|taken| String::from_utf8_lossy(&taken.bytes).contains(&text)).count();
    world.fail_disk_at(n);
    let answer = world.submit(&writing);
    if let Ok(id) = &answer {
        let is_over = || world.letter(id).state == State::Delivered || world.is_stopped();
        wait::until(|| format!("letter {n} to end"), 20, || is_over().then_some(()));
    }
    let is_stopped = world.is_stopped();
    let steps = world.heal_disk();
    let died = steps.len() > n;
    if is_stopped {
        world.wait_stopped();
    }
    world.restart();
    world.check();
    let id = match answer {
        Ok(id) => id,
        Err(refusal) => {
            assert!(refusal.contains("451"), "at {:?}: {refusal}", steps.get(n));
            world.submit(&writing).unwrap()
        }
    };
    world.wait_for(&id, State::Delivered);
    world.check();
    assert!((1..=2).contains(&copies()), "{} copies after {:?} failed", copies(), steps.get(n));
    if !died {
        assert!(steps.contains(&Step::BlobSync) && steps.contains(&Step::FolderSync) && steps.contains(&Step::Commit));
    }
    died
}

#[test]
fn wherever_the_disk_dies_a_restart_goes_on_at_every_other_step() {
    check(0, 2);
}

#[test]
fn wherever_the_disk_dies_a_restart_goes_on_at_the_steps_between() {
    check(1, 2);
}

#[test]
fn a_restart_finds_every_letter_where_it_was() {
    let mut plan = Plan::new();
    let elm = plan.peer("elm-surgery.example", Script::DropsAt(At::Greeting));
    let mut world = plan.start();
    world.import(&cast::refusal("c-no", cast::AMINA, "oak"));
    world.submit(&Writing::about(cast::AMINA, &[cast::ELM, cast::OAK])).unwrap();
    let (queued, refused) = (world.letter_to(cast::ELM).id, world.letter_to(cast::OAK).id);
    let held = world.submit_until(&Writing::about(cast::DEV, &[cast::ELM]), State::Held).id;
    world.wait_deferred(&queued, 1);
    world.restart();
    world.check();
    let states = [&queued, &refused, &held].map(|id| world.letter(id).state);
    assert_eq!(states, [State::Queued, State::Refused, State::Held]);
    elm.play(Script::Honest);
    world.import(&cast::consent("c-dev-elm", cast::DEV, "elm"));
    world.wait_for(&held, State::Delivered);
    world.forward(150);
    world.wait_for(&queued, State::Delivered);
    world.wait_notice(&held, "held");
    world.wait_notice(&refused, "not sent");
    assert_eq!(elm.seen().taken.len(), 2);
    world.end();
}

#[test]
fn a_notice_waits_for_the_sender_s_own_server_too() {
    let mut world = World::alone();
    world.home.play(Script::NoStartTls);
    let held = world.submit_until(&Writing::about(cast::DEV, &[cast::ELM]), State::Held).id;
    world.home.wait_until("an attempt", |seen| seen.commands.iter().any(|command| command.starts_with("EHLO")));
    world.restart();
    assert!(world.notices().is_empty(), "a notice is a disclosure too: never in clear");
    world.home.play(Script::Honest);
    world.forward(150);
    world.wait_notice(&held, "held");
    assert_eq!(world.notices().len(), 1);
    assert!(world.home.seen().taken.iter().all(|taken| taken.in_tls));
    world.end();
}

#[test]
fn a_letter_whose_body_is_lost_is_not_waited_for_in_silence() {
    let mut plan = Plan::new();
    let elm = plan.peer("elm-surgery.example", Script::DropsAt(At::Greeting));
    let world = plan.start();
    let id = world.submit(&Writing::about(cast::AMINA, &[cast::ELM])).unwrap();
    world.wait_deferred(&id, 1);
    for blob in std::fs::read_dir(world.folder().join("data/blobs")).unwrap() {
        std::fs::remove_file(blob.unwrap().path()).unwrap();
    }
    elm.play(Script::Honest);
    world.forward(150);
    world.wait_deferred(&id, 2);
    world.forward(48 * 3600);
    world.wait_for(&id, State::Expired);
    world.wait_notice(&id, "not sent").says(&["Something went wrong on our side."]);
    assert!(elm.seen().taken.is_empty());
    world.end();
}

/// A message that is never ended, and a client that goes away in the middle of one, leave nothing behind.
#[test]
fn half_a_message_leaves_nothing() {
    let world = World::alone();
    let mut dialogue = Dialogue::signed_in(&world);
    assert!(dialogue.say("MAIL FROM:<o.lamb@harbour.example>").starts_with("250 "));
    assert!(dialogue.say(&format!("RCPT TO:<{}>", cast::OAK)).starts_with("250 "));
    assert!(dialogue.say("DATA").starts_with("354 "));
    dialogue.write(&Writing::about(cast::AMINA, &[cast::OAK]).message());
    dialogue.write("another line of a letter that does not end\r\n".repeat(20_000).as_bytes());
    let blobs = || std::fs::read_dir(world.folder().join("data/blobs")).unwrap().count();
    wait::until(|| "the body to come in".to_owned(), 10, || (blobs() == 1).then_some(()));
    drop(dialogue);
    wait::until(|| "the body to be gone".to_owned(), 10, || (blobs() == 0).then_some(()));
    assert!(world.letters().is_empty());
    world.end();
}
