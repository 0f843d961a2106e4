//! The peers themselves, tried: what a story relies on them for does happen.

use std::io::{BufRead, BufReader, Write};
use std::net::TcpStream;

use rustls::pki_types::ServerName;
use rustls::{ClientConnection, StreamOwned};
use tempfile::TempDir;

use crate::ca::{Ca, self_signed};
use crate::hostile::{Hostile, Script, Step};
use crate::markers::{Markers, assert_none};
use crate::peers::Tls;
use crate::peers::exim::Exim;
use crate::peers::postfix::Postfix;
use crate::peers::swaks::{Security, Submitted, Swaks};
use crate::tap::Tap;

const HOST: &str = "mx.surgery.example";
const MESSAGE: &[u8] = b"From: a@trust.example\r\nTo: gp@surgery.example\r\nSubject: Canary-Subject\r\n\r\n\
                         .a line with a dot, and a literal \\n, 100%\r\n..\r\nCanary-Body\r\n";

struct World {
    ca: Ca,
    folder: TempDir,
}

impl World {
    fn new() -> Self {
        Self { ca: Ca::new(), folder: TempDir::new().unwrap() }
    }

    fn tls(&self) -> Tls {
        Tls::Offers(self.ca.leaf(&[HOST]))
    }

    fn send(&self, port: u16, security: Security) -> Submitted {
        let swaks = Swaks::to(port, "a@trust.example", &["gp@surgery.example"]);
        let swaks = match security {
            Security::Clear => swaks,
            _ => swaks.with_tls(security, &self.ca.write(self.folder.path())),
        };
        swaks.submit(MESSAGE)
    }

    fn hostile(&self, script: Script) -> Hostile {
        Hostile::start(script, &self.ca, HOST, &self.ca.leaf(&[HOST]))
    }
}

fn holds_the_message(mail: &[u8]) {
    let text = String::from_utf8_lossy(mail).replace("\r\n", "\n");
    let body = "\n\n.a line with a dot, and a literal \\n, 100%\n..\nCanary-Body\n";
    assert!(text.contains("Subject: Canary-Subject"), "{text}");
    assert!(text.ends_with(body), "{text:?}");
}

#[test]
fn postfix_takes_mail_over_tls_and_the_wire_shows_none_of_it() {
    let world = World::new();
    let postfix = Postfix::start(HOST, "surgery.example", world.tls());
    let tap = Tap::before(postfix.port());
    let sent = world.send(tap.port(), Security::StartTls);
    assert_eq!(sent.code, 0, "{}\n{}", sent.transcript, postfix.log());
    let mail = postfix.mail().wait_for(1);
    holds_the_message(&mail[0]);
    assert!(String::from_utf8_lossy(&mail[0]).contains("using TLSv1.3"), "{}", String::from_utf8_lossy(&mail[0]));
    let canaries = Markers::new(["Canary-Subject", "Canary-Body", "gp@surgery.example"]);
    assert_none(&canaries.scan("the wire", &tap.copy()));
    assert_eq!(canaries.scan("the mail", &mail[0]).len(), 3, "the canaries are in the mail itself");
}

#[test]
fn exim_takes_mail_over_tls_and_the_wire_shows_none_of_it() {
    let world = World::new();
    let exim = Exim::start(HOST, "surgery.example", world.tls());
    let tap = Tap::before(exim.port());
    let sent = world.send(tap.port(), Security::StartTls);
    assert_eq!(sent.code, 0, "{}\n{}", sent.transcript, exim.log());
    holds_the_message(&exim.mail().wait_for(1)[0]);
    let canaries = Markers::new(["Canary-Subject", "Canary-Body", "gp@surgery.example"]);
    assert_none(&canaries.scan("the wire", &tap.copy()));
}

#[test]
fn each_may_know_only_clear_text() {
    let world = World::new();
    let postfix = Postfix::start(HOST, "surgery.example", Tls::None);
    let exim = Exim::start(HOST, "surgery.example", Tls::None);
    for (port, mail) in [(postfix.port(), postfix.mail()), (exim.port(), exim.mail())] {
        assert_eq!(world.send(port, Security::StartTls).code, 29, "no TLS to be had");
        let tap = Tap::before(port);
        assert_eq!(world.send(tap.port(), Security::Clear).code, 0);
        mail.wait_for(1);
        assert!(!Markers::new(["Canary-Body"]).scan("the wire", &tap.copy()).is_empty(), "the tap does see it");
    }
}

#[test]
fn each_takes_mail_for_its_own_domain_only() {
    let world = World::new();
    let postfix = Postfix::start(HOST, "surgery.example", world.tls());
    let exim = Exim::start(HOST, "surgery.example", world.tls());
    for port in [postfix.port(), exim.port()] {
        let elsewhere = Swaks::to(port, "a@trust.example", &["gp@elsewhere.example"]).submit(MESSAGE);
        assert_eq!(elsewhere.code, 24, "{}", elsewhere.transcript);
    }
}

#[test]
fn real_servers_show_the_certificate_they_are_given() {
    let world = World::new();
    let bad = [
        (world.ca.leaf(&["elsewhere.example"]), "not valid for name"),
        (world.ca.expired(&[HOST]), "expired"),
        (self_signed(&[HOST]), "UnknownIssuer"),
    ];
    for (leaf, expected) in bad {
        let postfix = Postfix::start(HOST, "surgery.example", Tls::Offers(leaf));
        check_handshake(&world.ca, postfix.port(), expected);
    }
    check_handshake(&world.ca, Postfix::start(HOST, "surgery.example", world.tls()).port(), "");
}

#[test]
fn the_scripted_server_shows_the_certificate_of_its_script() {
    let world = World::new();
    check_handshake(&world.ca, world.hostile(Script::Honest).port(), "");
    check_handshake(&world.ca, world.hostile(Script::WrongName).port(), "not valid for name");
    check_handshake(&world.ca, world.hostile(Script::Expired).port(), "expired");
    check_handshake(&world.ca, world.hostile(Script::SelfSigned).port(), "UnknownIssuer");
}

/// STARTTLS as a strict client; `expected` is in what rustls says, or empty for a handshake that holds.
fn check_handshake(ca: &Ca, port: u16, expected: &str) {
    let mut line = BufReader::new(TcpStream::connect(("127.0.0.1", port)).unwrap());
    for command in ["", "EHLO a.example\r\n", "STARTTLS\r\n"] {
        line.get_mut().write_all(command.as_bytes()).unwrap();
        let mut reply = String::new();
        while reply.lines().last().is_none_or(|last| last.as_bytes().get(3) != Some(&b' ')) {
            line.read_line(&mut reply).unwrap();
        }
        assert!(reply.starts_with('2'), "{reply}");
    }
    let client = ClientConnection::new(ca.client_config(), ServerName::try_from(HOST).unwrap()).unwrap();
    let mut stream = StreamOwned::new(client, line.into_inner());
    let said = stream.write_all(b"NOOP\r\n").map_err(|error| error.to_string());
    match expected {
        "" => assert_eq!(said, Ok(())),
        _ => assert!(said.as_ref().is_err_and(|said| said.contains(expected)), "{said:?} does not say {expected}"),
    }
}

#[test]
fn the_scripted_server_keeps_to_its_script() {
    let world = World::new();
    for (script, code, taken) in [
        (Script::Honest, 0, 1),
        (Script::ByteByByte, 0, 1),
        (Script::NoStartTls, 29, 0),
        (Script::Refuses(Step::Greeting, 554), 21, 0),
        (Script::Refuses(Step::StartTls, 454), 29, 0),
        (Script::Refuses(Step::Mail, 550), 23, 0),
        (Script::Refuses(Step::Rcpt, 550), 24, 0),
        (Script::Refuses(Step::Data, 451), 25, 0),
        (Script::Refuses(Step::Dot, 452), 26, 0),
        (Script::DropsAt(Step::Rcpt), 6, 0),
        (Script::DropsAt(Step::Dot), 6, 1),
    ] {
        let server = world.hostile(script);
        let sent = world.send(server.port(), Security::StartTls);
        assert_eq!(sent.code, code, "{script:?}: {}", sent.transcript);
        let seen = server.seen();
        assert_eq!(seen.taken.len(), taken, "{script:?}");
        for message in seen.taken {
            assert_eq!((message.from.as_str(), message.in_tls), ("a@trust.example", true));
            assert_eq!(message.to, ["gp@surgery.example"]);
            assert_eq!(message.bytes, MESSAGE, "{script:?}");
        }
        assert_none(&Markers::new(["Canary-Body", "gp@surgery.example"]).scan("outside TLS", &seen.clear));
        assert_none(&Markers::new(["Canary-Body", "gp@surgery.example"]).scan("the wire", &seen.wire));
    }
}

#[test]
fn a_script_can_change_between_connections() {
    let world = World::new();
    let server = world.hostile(Script::Refuses(Step::Rcpt, 451));
    assert_eq!(world.send(server.port(), Security::StartTls).code, 24);
    server.play(Script::Honest);
    assert_eq!(world.send(server.port(), Security::StartTls).code, 0);
    assert_eq!(server.wait_for(1).len(), 1);
    assert_eq!(server.seen().connections, 2);
}

#[test]
fn what_comes_in_clear_is_recorded_as_such() {
    let world = World::new();
    let server = world.hostile(Script::NoStartTls);
    assert_eq!(world.send(server.port(), Security::Clear).code, 0);
    let seen = server.seen();
    assert!(!Markers::new(["Canary-Body"]).scan("outside TLS", &seen.clear).is_empty());
    assert!(seen.commands.iter().any(|command| command.starts_with("RCPT TO:")));
    assert!(!seen.taken[0].in_tls);
}

#[test]
fn a_forged_reply_comes_in_the_same_breath_as_the_220() {
    let server = World::new().hostile(Script::InjectsAfter220);
    let mut line = BufReader::new(TcpStream::connect(("127.0.0.1", server.port())).unwrap());
    line.get_mut().write_all(b"STARTTLS\r\n").unwrap();
    let mut reply = String::new();
    while !reply.ends_with("250 SIZE 1\r\n") {
        assert!(line.read_line(&mut reply).unwrap() > 0, "{reply}");
    }
    assert!(reply.contains("220 2.0.0 go ahead\r\n250-forged.example\r\n"), "{reply}");
}

#[test]
fn silence_lasts_until_the_client_gives_up() {
    let world = World::new();
    for (script, taken) in [(Script::SilentAfterDot, 1), (Script::Stalls(Step::Rcpt), 0)] {
        let server = world.hostile(script);
        let swaks = Swaks::to(server.port(), "a@trust.example", &["gp@surgery.example"]);
        let sent =
            swaks.with_tls(Security::StartTls, &world.ca.write(world.folder.path())).patient_for(2).submit(MESSAGE);
        assert_ne!(sent.code, 0, "{script:?}: {}", sent.transcript);
        assert_eq!(server.seen().taken.len(), taken, "{script:?}");
    }
}
