//! Every hostile peer, by both channels. The promise: **nothing leaves in the clear, no retry is weaker than the first
//! attempt, and nothing waits in silence.**

use std::net::IpAddr;

use gateway::dice::Dice;
use gateway::outbound::names::{Mx, MxAnswer, NamesError, Table};
use gateway::store::{Overview, State};
use policy::{Domain, LetterId};

use crate::ca::Ca;
use crate::hostile::{Hostile, Script, Seen, Step};
use crate::markers::{Markers, assert_none};
use crate::world::{HOST, Notice, Plan, World, Writing, cast};

const CANARY: &str = "Canary-Text-4711";

/// What becomes of a letter at its first attempt.
#[derive(Clone, Copy, Debug)]
enum Then {
    /// Put off, with this diagnosis.
    Waits(&'static str),
    /// Put off; the peer may have it already.
    MayBeThere,
    /// Refused by the peer for good, with this status.
    Fails(&'static str),
    /// Delivered all the same.
    Arrives,
}

/// Before there is a session: nobody has proved anything.
const BEFORE: [(Script, Then); 17] = [
    (Script::NoStartTls, Then::Waits("starttls-not-supported")),
    (Script::Refuses(Step::StartTls, 454), Then::Waits("starttls-not-supported")),
    (Script::Refuses(Step::StartTls, 554), Then::Waits("starttls-not-supported")),
    (Script::Refuses(Step::Ehlo, 502), Then::Waits("starttls-not-supported")),
    (Script::InjectsAfter220, Then::Waits("bytes-after-starttls")),
    (Script::WrongName, Then::Waits("certificate-host-mismatch")),
    (Script::Expired, Then::Waits("certificate-expired")),
    (Script::SelfSigned, Then::Waits("certificate-not-trusted")),
    (Script::Refuses(Step::Greeting, 421), Then::Waits("turned-away")),
    (Script::Refuses(Step::Greeting, 554), Then::Waits("turned-away")),
    (Script::Refuses(Step::Ehlo, 421), Then::Waits("turned-away")),
    (Script::Refuses(Step::EhloInTls, 421), Then::Waits("turned-away")),
    (Script::DropsAt(Step::Greeting), Then::Waits("connection-lost")),
    (Script::DropsAt(Step::Ehlo), Then::Waits("connection-lost")),
    (Script::DropsAt(Step::StartTls), Then::Waits("connection-lost")),
    (Script::DropsAt(Step::EhloInTls), Then::Waits("connection-lost")),
    (Script::ByteByByte, Then::Arrives),
];

/// In a session with a peer that has proved itself.
const WITHIN: [(Script, Then); 13] = [
    (Script::Refuses(Step::Mail, 451), Then::Waits("smtp; 451 4.7.0 scripted refusal")),
    (Script::Refuses(Step::Rcpt, 450), Then::Waits("smtp; 450 4.7.0 scripted refusal")),
    (Script::Refuses(Step::Data, 421), Then::Waits("smtp; 421 4.7.0 scripted refusal")),
    (Script::Refuses(Step::Dot, 452), Then::Waits("smtp; 452 4.7.0 scripted refusal")),
    (Script::Refuses(Step::Mail, 550), Then::Fails("5.7.0")),
    (Script::Refuses(Step::Rcpt, 550), Then::Fails("5.7.0")),
    (Script::Refuses(Step::Data, 554), Then::Fails("5.7.0")),
    (Script::Refuses(Step::Dot, 550), Then::Fails("5.7.0")),
    (Script::DropsAt(Step::Mail), Then::Waits("deferred at Mail with 4.4.2")),
    (Script::DropsAt(Step::Rcpt), Then::Waits("deferred at Rcpt with 4.4.2")),
    (Script::DropsAt(Step::Data), Then::Waits("deferred at Data with 4.4.2")),
    (Script::DropsAt(Step::Dot), Then::MayBeThere),
    (Script::Honest, Then::Arrives),
];

/// A peer that says nothing from a step on, until its line is cut.
const SILENT: [(Script, Then); 8] = [
    (Script::Stalls(Step::Greeting), Then::Waits("timed-out")),
    (Script::Stalls(Step::Ehlo), Then::Waits("timed-out")),
    (Script::Stalls(Step::StartTls), Then::Waits("timed-out")),
    (Script::Stalls(Step::EhloInTls), Then::Waits("timed-out")),
    (Script::Stalls(Step::Mail), Then::Waits("timed-out")),
    (Script::Stalls(Step::Rcpt), Then::Waits("timed-out")),
    (Script::Stalls(Step::Data), Then::Waits("timed-out")),
    (Script::SilentAfterDot, Then::MayBeThere),
];

/// Plays every script of a table to one peer, by this channel's agency, and heals it after each.
fn check(to: &'static str, table: &[(Script, Then)]) {
    let mut plan = Plan::new();
    let peer = plan.peer(to.split_once('@').unwrap().1, Script::Honest);
    let world = plan.start();
    for &(script, then) in table {
        play(&world, &peer, to, (script, then));
        world.check();
    }
    secret(&world, &peer, to);
    world.end();
}

fn play(world: &World, peer: &Hostile, to: &str, (script, then): (Script, Then)) {
    let before = peer.seen();
    peer.play(script);
    let id = world.submit(&letter(to)).unwrap();
    match then {
        Then::Arrives => drop(world.wait_for(&id, State::Delivered)),
        Then::Fails(status) => {
            world.wait_for(&id, State::Failed);
            let notice = world.wait_notice(&id, "not sent");
            notice.says(&["We could not send this letter.", "We did not send it in the open"]);
            assert_eq!(notice.status["Status"], status, "{script:?}");
            assert!(peer.seen().taken.len() == before.taken.len(), "{script:?}: refused and not taken");
        }
        Then::Waits(word) => {
            let notice = told_of_delay(world, (peer, before.connections), &id, script);
            let diagnostic = &notice.status["Diagnostic-Code"];
            assert!(diagnostic.contains(word), "{script:?} is diagnosed as {diagnostic:?}");
            assert_eq!(peer.seen().taken.len(), before.taken.len(), "{script:?}: not taken");
            heal(world, peer, &id);
            assert_eq!(peer.seen().taken.len(), before.taken.len() + 1, "{script:?}: taken once healed, once");
        }
        Then::MayBeThere => {
            told_of_delay(world, (peer, before.connections), &id, script);
            heal(world, peer, &id);
            let copies = &peer.seen().taken[before.taken.len()..];
            let [first, again] = copies else { panic!("{script:?}: {} copies", copies.len()) };
            assert_eq!(
                message_id(&first.bytes),
                message_id(&again.bytes),
                "{script:?}: a reader can tell it is the same"
            );
        }
    }
}

fn letter(to: &str) -> Writing {
    Writing::about(cast::AMINA, &[to]).saying(CANARY)
}

/// The notice of a delay, which comes within a minute, however the peer behaves.
fn told_of_delay(world: &World, (peer, connections): (&Hostile, usize), id: &LetterId, script: Script) -> Notice {
    if matches!(script, Script::Stalls(_) | Script::SilentAfterDot) {
        peer.wait_until("silence", |seen| seen.connections > connections && is_silent(seen, script));
        world.forward(45);
        let notice = world.wait_notice(id, "delayed");
        peer.cut();
        world.wait_deferred(id, 1);
        return notice;
    }
    world.wait_deferred(id, 1);
    world.forward(45);
    let notice = world.wait_notice(id, "delayed");
    notice.says(&["We could not send this letter in a safe way yet.", "We did not send it in the open."]);
    assert_eq!(notice.status["Action"], "delayed");
    notice
}

/// Has the dialogue come to the step at which the peer falls silent?
fn is_silent(seen: &Seen, script: Script) -> bool {
    let last = seen.commands.last().map_or("", String::as_str);
    match script {
        Script::Stalls(Step::Greeting) => last.is_empty() || last == "QUIT",
        Script::Stalls(Step::Ehlo | Step::EhloInTls) => last.starts_with("EHLO"),
        Script::Stalls(Step::StartTls) => last == "STARTTLS",
        Script::Stalls(Step::Mail) => last.starts_with("MAIL"),
        Script::Stalls(Step::Rcpt) => last.starts_with("RCPT"),
        Script::Stalls(Step::Data | Step::Dot) | Script::SilentAfterDot => last == "DATA",
        _ => true,
    }
}

fn heal(world: &World, peer: &Hostile, id: &LetterId) {
    peer.play(Script::Honest);
    world.forward(150);
    world.wait_for(id, State::Delivered);
}

fn message_id(message: &[u8]) -> String {
    let text = String::from_utf8_lossy(message).into_owned();
    text.lines().find(|line| line.starts_with("Message-ID:")).unwrap().to_owned()
}

/// Not one octet of a letter, nor an address, outside TLS: in clear the peer heard EHLO, STARTTLS and QUIT, and no more.
fn secret(world: &World, peer: &Hostile, to: &str) {
    let seen = peer.seen();
    let hello = format!("EHLO {HOST}");
    for line in String::from_utf8(seen.clear.clone()).unwrap().lines() {
        assert!([hello.as_str(), "STARTTLS", "QUIT"].contains(&line), "said in clear: {line:?}");
    }
    assert!(seen.taken.iter().all(|taken| taken.in_tls));
    let markers = Markers::new([CANARY, to, "o.lamb@harbour.example", "Asthma review", "9995260182", "Amina Yorke"]);
    assert_none(&markers.scan("the wire", &seen.wire));
    assert_none(&markers.scan("the wire at home", &world.home.seen().wire));
}

#[test]
fn a_letter_as_written_waits_for_a_peer_that_proves_itself() {
    check(cast::ELM, &BEFORE);
}

#[test]
fn a_sealed_letter_waits_for_a_verified_peer() {
    check(cast::OAK, &BEFORE);
}

#[test]
fn a_letter_as_written_heeds_every_answer_of_its_peer() {
    check(cast::ELM, &WITHIN);
}

#[test]
fn a_sealed_letter_heeds_every_answer_of_its_peer() {
    check(cast::OAK, &WITHIN);
}

#[test]
fn a_letter_as_written_outlasts_silence() {
    check(cast::ELM, &SILENT);
}

#[test]
fn a_sealed_letter_outlasts_silence() {
    check(cast::OAK, &SILENT);
}

/// A peer that never answers holds the attempt for minutes: its sender is not left waiting for that long.
#[test]
fn the_sender_is_told_while_a_silent_peer_still_holds_the_attempt() {
    let mut plan = Plan::new();
    let elm = plan.peer("elm-surgery.example", Script::Pauses(Step::Ehlo));
    let world = plan.start();
    let id = world.submit(&letter(cast::ELM)).unwrap();
    elm.wait_paused();
    world.forward(44);
    assert!(world.notices().is_empty());
    world.forward(1);
    world.wait_notice(&id, "delayed").says(&["Their mail system did not answer in time.", "We will keep trying until"]);
    elm.go_on();
    world.wait_for(&id, State::Delivered);
    assert_eq!(world.notices().len(), 1);
    world.end();
}

#[test]
fn a_peer_that_stays_away_ends_the_letter_s_life_with_a_notice() {
    let mut plan = Plan::new();
    let elm = plan.peer("elm-surgery.example", Script::NoStartTls);
    let world = plan.start();
    let id = world.submit(&letter(cast::ELM)).unwrap();
    let mut attempts = 1;
    let ended = loop {
        let letter = world.wait_deferred(&id, attempts);
        world.check();
        let (due, deadline) = letter.due.zip(letter.deadline).unwrap();
        let next = if attempts > 4 { deadline } else { due };
        world.clock.set(next);
        if next == deadline {
            break world.wait_for(&id, State::Expired);
        }
        attempts += 1;
    };
    assert_eq!(ended.settled, Some(policy::Timestamp::parse("2026-03-04T09:00:00Z").unwrap()));
    let notice = world.wait_notice(&id, "not sent");
    notice.says(&["We could not send this letter in time.", "Their mail system only talks in the open."]);
    assert_eq!((notice.status["Action"].as_str(), notice.status["Status"].as_str()), ("failed", "4.4.7"));
    elm.play(Script::Honest);
    world.forward(24 * 3600);
    assert!(elm.seen().taken.is_empty() && world.notices().len() == 2);
    secret(&world, &elm, cast::ELM);
    world.end();
}

/// Many letters to peers that each behave by a throw of the dice. 16 letters a round, each by both channels.
#[test]
fn whatever_the_peers_do_nothing_is_said_in_clear_and_everything_ends() {
    const PEERS: usize = 8;
    const ROUNDS: usize = 14;
    let scripts: Vec<Script> = BEFORE.iter().chain(&WITHIN).map(|(script, _)| *script).collect();
    let mut plan = Plan::new();
    let domains: Vec<String> = (0..PEERS).map(|n| format!("surgery{n}.example")).collect();
    let peers: Vec<Hostile> = domains.iter().map(|domain| plan.peer(domain, Script::Honest)).collect();
    let hosts: Vec<String> = domains.iter().map(|domain| format!("mx.{domain}")).collect();
    let at = |local: &str| domains.iter().map(|domain| format!("{local}@{domain}")).collect::<Vec<_>>();
    let (written, sealed) = (at("written"), at("sealed"));
    let agency = |id, addresses: &[String], takes: cast::Takes<'_>| {
        let addresses: Vec<&str> = addresses.iter().map(String::as_str).collect();
        cast::agency(id, ("gp", "\"direct-care\""), &addresses, takes)
    };
    let host_names: Vec<&str> = hosts.iter().map(String::as_str).collect();
    let register = [
        agency("many-written", &written, cast::Takes::Tls(&host_names, plan.ca.pem())),
        agency("many-sealed", &sealed, cast::Takes::Age(cast::LOST_KEY)),
        cast::consent("c-written", cast::AMINA, "many-written"),
        cast::consent("c-sealed", cast::AMINA, "many-sealed"),
    ];
    let world = plan.and(&register.concat()).start();
    let dice = Dice::loaded(4711);
    let to: Vec<&str> = written.iter().chain(&sealed).map(String::as_str).collect();
    for round in 1..=ROUNDS {
        for peer in &peers {
            let throw = usize::try_from(dice.up_to(scripts.len() as u64 - 1)).unwrap();
            peer.play(scripts[throw]);
        }
        world.submit(&Writing::about(cast::AMINA, &to).saying(CANARY)).unwrap();
        let tried = |letter: &Overview| letter.state.is_final() || letter.attempts > 0;
        let untried = || world.letters().iter().filter(|letter| !tried(letter)).count();
        crate::wait::until(
            || format!("{} letters of round {round} to be tried", untried()),
            20,
            || (untried() == 0).then_some(()),
        );
    }
    peers.iter().for_each(|peer| peer.play(Script::Honest));
    world.forward(3600);
    let waiting = || world.letters().iter().filter(|letter| !letter.state.is_final()).count();
    crate::wait::until(|| format!("{} letters to end", waiting()), 30, || (waiting() == 0).then_some(()));
    let letters = world.letters();
    assert_eq!(letters.len(), 2 * PEERS * ROUNDS);
    assert!(letters.iter().all(|letter| matches!(letter.state, State::Delivered | State::Failed)));
    for (peer, domain) in peers.iter().zip(&domains) {
        secret(&world, peer, &format!("written@{domain}"));
        secret(&world, peer, &format!("sealed@{domain}"));
        let delivered = letters
            .iter()
            .filter(|letter| letter.state == State::Delivered && letter.summary.to.domain().as_str() == domain);
        assert!(peer.seen().taken.len() >= delivered.count(), "what is called delivered was taken");
    }
    world.end();
}

fn domain(text: &str) -> Domain {
    Domain::parse(text).unwrap()
}

/// What the DNS of a stranger can say, and what it leads to. Nobody listens anywhere: no case may dial.
#[test]
fn no_answer_of_the_dns_leads_astray() {
    let mx = |host: &str| Ok(MxAnswer::Hosts(vec![Mx { preference: 10, host: domain(host) }]));
    let private = ["10.1.2.3", "127.0.0.1", "169.254.169.254", "192.168.0.1", "::1", "fd00::1", "::ffff:127.0.0.1"];
    let mut table = Table::default()
        .with_mx(&domain("null.example"), Ok(MxAnswer::Null))
        .with_mx(&domain("circle.example"), mx(HOST))
        .with_mx(&domain("failing.example"), Err(NamesError::ServerFailure))
        .with_mx(&domain("slow.example"), Err(NamesError::TimedOut))
        .with_mx(&domain("gone.example"), Err(NamesError::NoSuchDomain))
        .with_mx(&domain("elsewhere.example"), mx("mx.another.example"))
        .with_addresses(&domain("mx.another.example"), Ok(vec!["192.0.2.1".parse().unwrap()]));
    let mut cases = vec![
        ("null.example".to_owned(), State::Failed, "5.1.10", "null-mx"),
        ("circle.example".to_owned(), State::Failed, "5.4.6", "loop"),
        ("elsewhere.example".to_owned(), State::Failed, "5.7.5", "not-provable"),
        ("failing.example".to_owned(), State::Queued, "4.4.3", "names-failed"),
        ("slow.example".to_owned(), State::Queued, "4.4.3", "names-failed"),
        ("gone.example".to_owned(), State::Queued, "4.4.4", "no-mail"),
    ];
    for (n, address) in private.into_iter().enumerate() {
        let (name, host) = (format!("inside{n}.example"), format!("mx.inside{n}.example"));
        let address: IpAddr = address.parse().unwrap();
        table = table.with_mx(&domain(&name), mx(&host)).with_addresses(&domain(&host), Ok(vec![address]));
        cases.push((name, State::Queued, "4.4.1", "address-not-allowed"));
    }
    let mut plan = Plan::new().names(table);
    for (index, (name, ..)) in cases.iter().enumerate() {
        let host = format!("mx.{name}");
        let takes = cast::Takes::Tls(&[&host], plan.ca.pem());
        let id = format!("a{index}");
        let agency = cast::practice(&id, &format!("post@{name}"), takes);
        plan = plan.and(&agency).and(&cast::consent(&format!("c{index}"), cast::AMINA, &id));
    }
    let world = plan.start();
    let to: Vec<String> = cases.iter().map(|(name, ..)| format!("post@{name}")).collect();
    world.submit(&Writing::about(cast::AMINA, &to.iter().map(String::as_str).collect::<Vec<_>>())).unwrap();
    for (name, state, status, word) in cases {
        let id = world.letter_to(&format!("post@{name}")).id;
        let said = match state {
            State::Failed => {
                world.wait_for(&id, State::Failed);
                world.wait_notice(&id, "not sent")
            }
            _ => {
                world.wait_deferred(&id, 1);
                world.forward(45);
                world.wait_notice(&id, "delayed")
            }
        };
        assert_eq!(said.status["Status"], status, "{name}");
        assert!(said.status["Diagnostic-Code"].contains(word), "{name}: {}", said.status["Diagnostic-Code"]);
    }
    world.end();
}

/// A channel that cannot be met at all gives way to the next; one that cannot be met now does not, though the next could.
#[test]
fn only_what_can_never_be_met_gives_way_to_the_next_channel() {
    let mut plan = Plan::new();
    let elm = plan.peer("elm-surgery.example", Script::Honest);
    let (own, another) = (plan.ca.pem().to_owned(), Ca::new().pem().to_owned());
    let world = plan.start();
    world.change_agency("elm", |elm| {
        elm.channels = vec![policy::Channel::TlsEmail, policy::Channel::AgeEmail];
        let recipient = cast::LOST_KEY.to_owned();
        elm.keys = vec![policy::SealingKey { recipient, verified: true, not_before: None, not_after: None }];
        // Enough for a sealed letter, whose peer answers to the roots of all; not for one as written.
        elm.ca = Some(another.clone());
    });
    let id = world.submit(&letter(cast::ELM)).unwrap();
    world.wait_deferred(&id, 1);
    assert!(elm.seen().taken.is_empty());
    world.change_agency("elm", |elm| elm.ca = Some(own.clone()));
    world.wait_for(&id, State::Delivered);
    assert!(String::from_utf8_lossy(&elm.seen().taken[0].bytes).contains(CANARY), "by the first channel");
    world.change_agency("elm", |elm| elm.mx = vec![domain("mx9.elm-surgery.example")]);
    world.submit_until(&letter(cast::ELM), State::Delivered);
    let sealed = String::from_utf8(elm.seen().taken[1].bytes.clone()).unwrap();
    assert!(sealed.contains("application/age") && !sealed.contains(CANARY), "{sealed}");
    world.end();
}

#[test]
fn a_delay_that_is_over_within_the_minute_is_not_told() {
    let mut plan = Plan::new();
    let elm = plan.peer("elm-surgery.example", Script::NoStartTls);
    let world = plan.start();
    let id = world.submit(&letter(cast::ELM)).unwrap();
    world.wait_deferred(&id, 1);
    elm.play(Script::Honest);
    // A change of the register has every letter that rests on it tried again.
    world.change_agency("elm", |elm| elm.name = "Elm Street".to_owned());
    world.wait_for(&id, State::Delivered);
    world.forward(45);
    let held = world.submit(&Writing::about(cast::DEV, &[cast::ELM])).unwrap();
    world.wait_notice(&held, "held");
    assert_eq!(world.notices().len(), 1, "and that one is not about the delay");
    world.end();
}
