//! The sweep: the same few letters again and again, the plug pulled at another step of the program each time.
//!
//! `make test` tries a few of the steps, chosen by a seed; `CRASH_POINTS=1000` tries so many, and `CRASH_SEED` chooses
//! others. What is asserted is what the client can know: what it saw a 250 for, against what the peers have got.

use std::env;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

use sha2::{Digest, Sha256};

use super::{ELM, LOGIN, Letter, OAK, SENDER, Scene, arrivals_of};
use crate::build::built;
use crate::process::Gateway;
use crate::strace::{Kill, most_calls, recorded, was_killed};
use crate::wait;

/// Every call by which the program changes something outside itself; `write` wakes its own threads, too.
const CHANGES: &[&str] =
    &["fdatasync", "fsync", "ftruncate", "linkat", "pwrite64", "rename", "sendto", "unlink", "write", "writev"];
/// Steps that are tried when nobody says how many.
const POINTS: usize = 40;
/// Runs at once: most of a run is waiting.
const AT_ONCE: usize = 3;

#[test]
fn nothing_is_lost_wherever_the_plug_is_pulled() {
    let number = |name: &str, default| env::var(name).map_or(default, |text| text.parse().unwrap());
    let (count, seed) = (number("CRASH_POINTS", POINTS), number("CRASH_SEED", 1));
    let points = points(seed);
    let chosen: Vec<_> = points.iter().cycle().take(count).collect();
    let (next, struck, failed) = (AtomicUsize::new(0), AtomicUsize::new(0), Mutex::new(Vec::new()));
    thread::scope(|scope| {
        for _ in 0..AT_ONCE.min(count) {
            scope.spawn(|| {
                while let Some(kill) = chosen.get(next.fetch_add(1, Ordering::Relaxed)) {
                    match std::panic::catch_unwind(|| survives(kill)) {
                        Ok(was_struck) => drop(struck.fetch_add(usize::from(was_struck), Ordering::Relaxed)),
                        Err(_) => failed.lock().unwrap().push((*kill).clone()),
                    }
                }
            });
        }
    });
    let failed = failed.into_inner().unwrap();
    assert!(failed.is_empty(), "of {count} steps, the promise was broken at {failed:#?}");
    // A step that a run takes once or twice less often than the run that was counted is not met.
    let struck = struck.into_inner();
    assert!(struck * 10 >= count * 8, "the plug was pulled at {struck} of {count} steps only");
}

/// Each step of a run that is left alone, kind after kind in turn, in an order that the seed chooses.
fn points(seed: usize) -> Vec<Kill> {
    let scene = Scene::new();
    let log = scene.house.path("calls");
    let gateway = scene.house.start(recorded(&CHANGES.join(","), &log, &built().sealgate)).unwrap();
    let told = hand_in_all(&gateway);
    assert!(told.iter().all(|told| told.saw_250), "{}", scene.house.log());
    scene.practice.wait_for(ARRIVALS);
    gateway.stop();
    let calls = most_calls(&std::fs::read_to_string(log).unwrap());
    let mut points: Vec<_> = CHANGES
        .iter()
        .flat_map(|&syscall| (1..=calls.get(syscall).copied().unwrap_or_default()).map(move |when| (syscall, when)))
        .map(|(syscall, when)| (Sha256::digest(format!("{seed} {syscall} {when}")), Kill { syscall, when, path: None }))
        .collect();
    points.sort_by_key(|(lot, _)| *lot);
    let mut drawn = vec![0; CHANGES.len()];
    points.sort_by_cached_key(|(_, kill)| {
        let kind = CHANGES.iter().position(|syscall| *syscall == kill.syscall).unwrap();
        drawn[kind] += 1;
        drawn[kind]
    });
    points.into_iter().map(|(_, kill)| kill).collect()
}

/// Letters that arrive when all goes well.
const ARRIVALS: usize = 5;

/// What a client knows of a message that it handed in.
struct Told {
    number: usize,
    to: &'static [&'static str],
    saw_250: bool,
}

/// A message that is held: its text has another patient's number.
const HELD: usize = 5;

/// Five messages in two sessions: one is long, one has two recipients, one is held, one's sender wants to hear of its
/// delivery. Ends with the first that breaks.
fn hand_in_all(gateway: &Gateway) -> Vec<Told> {
    const TO_ELM_TOLD: &str = "letters@elm.example NOTIFY=SUCCESS,FAILURE";
    let mut told = Vec::new();
    let sessions: [&[(Letter, &[&str])]; 2] = [
        &[(Letter::new(1), &[TO_ELM_TOLD]), (Letter::new(2), &[ELM, OAK]), (Letter::mixed_up(HELD), &[ELM])],
        &[(Letter::long(3), &[OAK]), (Letter::new(4), &[ELM])],
    ];
    for session in sessions {
        let Ok(mut client) = gateway.sign_in(LOGIN.0, LOGIN.1) else { return told };
        for (letter, to) in session {
            let reply = client.hand_in(SENDER, to, &letter.message());
            let saw_250 = reply.as_ref().is_ok_and(|reply| reply.starts_with("250"));
            told.push(Told { number: letter.number, to, saw_250 });
            if !saw_250 {
                return told;
            }
        }
        let _ = client.command("QUIT");
    }
    told
}

/// Dies there, starts again, and keeps the promise; whether it did die.
fn survives(kill: &Kill) -> bool {
    let scene = Scene::new();
    let (told, status) = match scene.house.serve_until(kill) {
        Err(status) => (Vec::new(), status),
        Ok(mut gateway) => {
            let told = hand_in_all(&gateway);
            wait::until(
                || format!("{kill:?}: an end"),
                60,
                || {
                    let all_came = scene.practice.seen().taken.len() >= ARRIVALS;
                    (all_came || gateway.ended().is_some()).then_some(())
                },
            );
            (told, gateway.end())
        }
    };
    let what = || format!("{kill:?}: {status}\n{}", scene.house.log());
    assert!(was_killed(status) || status.success(), "{}", what());
    let gateway = scene.house.serve();
    scene.house.wait_until_done();
    gateway.stop();
    let arrived = arrivals_of(&scene.practice.seen().taken);
    for Told { number, to, saw_250 } in &told {
        if *number == HELD {
            let (held, told_of) = (scene.held(), scene.notices(": held"));
            assert!(held <= 1 && held >= usize::from(*saw_250), "{held} letters are held: {}", what());
            assert!(told_of >= held && told_of <= 2 * held, "{told_of} notices of {held} held letters: {}", what());
            continue;
        }
        let address = |to: &str| to.split(' ').next().unwrap_or_default().to_owned();
        let times: Vec<_> =
            to.iter().map(|to| arrived.get(&(*number, address(to))).copied().unwrap_or_default()).collect();
        let (least, most) = (*times.iter().min().unwrap(), *times.iter().max().unwrap());
        assert!(most <= 2, "letter {number} came {times:?} times: {}", what());
        assert!(!saw_250 || least >= 1, "letter {number} is lost: {times:?}: {}", what());
        assert!(least >= 1 || most == 0, "letter {number} came to some of its recipients: {}", what());
    }
    let of_delivery = scene.notices(": sent");
    let was_delivered = usize::from(arrived.contains_key(&(1, ELM.to_owned())));
    assert!(of_delivery >= was_delivered && of_delivery <= 2, "{of_delivery} notices of a delivery: {}", what());
    scene.is_in_order();
    was_killed(status)
}
