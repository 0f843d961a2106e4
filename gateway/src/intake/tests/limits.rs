//! Bounds: recipients, sizes, errors, time, pace, messages an hour, sessions, and the end of the day.

use std::time::Duration;

use tokio::sync::watch;

use super::desk::Mood;
use super::player::{House, house};
use crate::intake::smtp::Limits;
use crate::intake::smtp::TlsStart::{Implicit, StartTls};
use crate::intake::{Crowd, smtp};

const READY: &str = "S: 220\nC: EHLO pc\nS: 250\nC: AUTH PLAIN AGFubmEAZ2VoZWlt\nS: 235\n";
const MAIL: &str = "C: MAIL FROM:<anna@example.nhs.uk>\nS: 250\n";
const TO_DATA: &str = "C: MAIL FROM:<anna@example.nhs.uk>\nS: 250\nC: RCPT TO:<a@practice.example>\nS: 250\nC: DATA\n";

#[tokio::test]
async fn limits_on_what_is_said() {
    let long_line = "x".repeat(900);
    let kilobytes = |count: usize| format!("R: {}\\r\\n\n", long_line).repeat(count);
    for (name, limits, script) in [
        (
            "recipients",
            Limits { recipients_max: 2, ..Limits::default() },
            format!(
                "{MAIL}C: RCPT TO:<a@practice.example>\nS: 250\nC: RCPT TO:<x@stranger.example>\nS: 550\n
                 C: RCPT TO:<b@practice.example>\nS: 452 4.5.3\nC: RSET\nS: 250\n{MAIL}C: RCPT TO:<b@practice.example>\nS: 250"
            ),
        ),
        (
            "size",
            Limits { message_bytes_max: 2000, ..Limits::default() },
            format!("{TO_DATA}S: 354\nC: From: anna@example.nhs.uk\nC:\n{}C: .\nS: 552 5.3.4\nC: NOOP\nS: 250", kilobytes(3)),
        ),
        (
            "much too large",
            Limits { message_bytes_max: 2000, ..Limits::default() },
            format!("{TO_DATA}S: 354\nC: From: anna@example.nhs.uk\nC:\n{}S: 552 5.3.4\nE:", kilobytes(6)),
        ),
        (
            "head",
            Limits::default(),
            format!("{TO_DATA}S: 354\n{}C: .\nS: 552 5.3.4\nC: NOOP\nS: 250", format!("R: X: {long_line}\\r\\n\n").repeat(300)),
        ),
        ("errors", Limits { errors_max: 3, ..Limits::default() }, "C: FOO\nS: 500\nC: DATA\nS: 503\nC: BAR\nS: 500\nS: 421 4.7.0\nE:".into()),
    ] {
        house(limits).play(Implicit, name, &format!("{READY}{script}")).await;
    }
}

#[tokio::test]
async fn who_is_suspended_meanwhile_sends_no_more() {
    for (mood, expected) in [
        (
            Mood::Suspended,
            "S: 530 5.7.0\nC: MAIL FROM:<anna@example.nhs.uk>\nS: 530 5.7.0\nC: RCPT TO:<a@practice.example>\nS: 503",
        ),
        (Mood::Unread, "S: 451 4.3.0"),
    ] {
        let house = house(Limits::default());
        house.door.desk.feel(mood);
        house.play(Implicit, expected, &format!("{READY}C: MAIL FROM:<anna@example.nhs.uk>\n{expected}")).await;
    }
}

#[tokio::test]
async fn errors_in_the_clear_are_counted_too() {
    let limits = Limits { errors_max: 2, ..Limits::default() };
    house(limits).play(StartTls, "errors", "S: 220\nC: FOO\nS: 500\nC: DATA\nS: 530\nS: 421 4.7.0\nE:").await;
}

/// The server's patience is a few milliseconds here; the client waits for as long as it takes.
#[tokio::test]
async fn slow_clients_are_sent_away() {
    let short = Duration::from_millis(60);
    for (name, limits, script) in [
        ("silent", Limits { command_timeout: short, ..Limits::default() }, "S: 220\nS: 421 4.4.2\nE:".to_owned()),
        (
            "half a command",
            Limits { command_timeout: short, ..Limits::default() },
            "S: 220\nR: NO\nS: 421 4.4.2\nE:".into(),
        ),
        (
            "silent in DATA",
            Limits { data_timeout: short, ..Limits::default() },
            format!("{READY}{TO_DATA}S: 354\nC: From: anna@example.nhs.uk\nS: 421 4.4.2\nE:"),
        ),
        (
            "slower than the floor",
            Limits { slow_grace: short, bytes_per_sec_min: 10_000, ..Limits::default() },
            format!("{READY}{TO_DATA}S: 354\nC: From: anna@example.nhs.uk\nS: 421 4.4.2\nE:"),
        ),
        (
            "the session's life",
            Limits { session_life: short * 5, ..Limits::default() },
            "S: 220\nC: NOOP\nS: 250\nS: 421 4.4.2\nE:".into(),
        ),
    ] {
        house(limits).play(Implicit, name, &script).await;
    }
    let limits = Limits { command_timeout: short, ..Limits::default() };
    house(limits.clone()).play(StartTls, "silent in the clear", "S: 220\nS: 421 4.4.2\nE:").await;
    house(limits).play(StartTls, "no handshake", "S: 220\nC: STARTTLS\nS: 220\nE:").await;
}

#[tokio::test]
async fn messages_an_hour_are_counted_over_sessions() {
    let house = house(Limits::default());
    let letter = format!("{TO_DATA}S: 354\nC: From: anna@example.nhs.uk\nC:\nC: .\nS: 250\n");
    house.play(Implicit, "an hour's worth", &format!("{READY}{}", letter.repeat(60))).await;
    let refused = format!("{READY}{TO_DATA}S: 450 4.7.1 Too many letters within an hour; try again in 1 minutes");
    house.play(Implicit, "one more", &refused).await;
    house.door.clock.set(policy::Timestamp(1_790_000_061));
    house.play(Implicit, "a minute later", &format!("{READY}{letter}{TO_DATA}S: 450 4.7.1")).await;
}

#[tokio::test]
async fn a_gateway_that_closes_says_so() {
    let house = house(Limits::default());
    house.close();
    house.play(Implicit, "closing", "S: 220\nS: 421 4.3.2\nE:").await;
    house.play(StartTls, "closing, in the clear", "S: 220\nS: 421 4.3.2\nE:").await;
}

/// What tokio allots to a session for all of its life, beside the buffers of TLS.
#[test]
fn an_idle_session_is_small() {
    let house = house(Limits::default());
    let (_, closed) = watch::channel(false);
    let (_, stream) = tokio::io::duplex(1);
    let visit = smtp::Visit { number: 1, from: house.from };
    let bytes = size_of_val(&smtp::attend(&house.door, stream, StartTls, visit, closed));
    assert!(bytes < 8 * 1024, "{bytes}");
}

#[test]
fn sessions_are_counted_by_address_and_in_all() {
    let address = |text: &str| text.parse().unwrap();
    let crowd = Crowd::new(4, 2);
    let first = crowd.enter(address("192.0.2.1")).unwrap();
    let second = crowd.enter(address("::ffff:192.0.2.1")).unwrap();
    assert_eq!((first.number, second.number), (1, 2));
    assert!(crowd.enter(address("192.0.2.1")).is_none(), "two from one address");
    let _third = crowd.enter(address("2001:db8::1")).unwrap();
    let _fourth = crowd.enter(address("2001:db8::2")).unwrap();
    assert!(crowd.enter(address("192.0.2.2")).is_none(), "four in all");
    drop(first);
    assert!(crowd.enter(address("2001:db8::3")).is_none(), "one household is one address");
    assert!(crowd.enter(address("192.0.2.1")).is_some(), "a place given back is free");
}

#[tokio::test]
async fn the_listener_turns_away_the_crowd_and_drains() {
    use tokio::io::AsyncReadExt;
    let House { door, .. } = house(Limits { drain: Duration::from_millis(60), ..Limits::default() });
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let (closing, closed) = watch::channel(false);
    let serving = tokio::spawn(smtp::serve(door, listener, StartTls, closed));
    let mut sessions = Vec::new();
    for greeting in ["220", "220", "220", "421"] {
        let mut session = tokio::net::TcpStream::connect(address).await.unwrap();
        let mut said = [0_u8; 3];
        session.read_exact(&mut said).await.unwrap();
        assert_eq!(std::str::from_utf8(&said).unwrap(), greeting);
        sessions.push(session);
    }
    closing.send_replace(true);
    serving.await.unwrap();
    assert!(tokio::net::TcpStream::connect(address).await.is_err());
}
