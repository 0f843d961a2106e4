//! Rules on places: what only one module may do. Read from the tokens of product code, tests left out.

use super::{Breach, File, Rule};
use crate::build::root;

pub const RULES: &[Rule] = &[Rule {
    name: "place",
    breaches,
    bad: &[
        ("keys/src/seal.rs", "use age::Encryptor;"),
        ("gateway/src/journey.rs", "fn f() { let _ = SystemTime::now(); }"),
        ("gateway/src/outbound/smtp/mod.rs", "fn f() { TcpStream::connect(1); }"),
        ("gateway/src/outbound/smtp/mod.rs", "fn f() { std::net::TcpStream::connect_timeout(1, 2); }"),
        ("gateway/src/outbound/smtp/mod.rs", "fn f() { TcpSocket::new_v4(); }"),
        ("gateway/src/intake/https/compose.rs", "use lettre::{message::Message, transport::smtp};"),
        ("gateway/src/intake/https/compose.rs", "use lettre::{AsyncSmtpTransport, Message};"),
        ("gateway/src/outbound/deliver.rs", "fn f() { lettre::SmtpTransport::relay(1); }"),
        ("gateway/src/journey.rs", "fn f() { sealed.release(&peer, stored, out); }"),
        ("gateway/src/outbound/pool.rs", "fn f() { Sealed::<Proven>::release(sealed, &peer, stored, out); }"),
        ("gateway/src/outbound/deliver.rs", "use keys::peer::{Roots, handshake};"),
        ("gateway/src/journey.rs", "async fn f() { keys::peer::handshake(stream, &asked).await; }"),
        ("gateway/src/journey.rs", "use keys::peer::*;"),
        ("gateway/src/journey.rs", "use keys::stored::{BodyReader, StoredBody};"),
        ("gateway/src/journey.rs", "fn f() { sqlx::query(\"\"); }"),
        ("gateway/src/journey.rs", "fn f() { print!(\"\"); }"),
        ("gateway/src/journey.rs", "fn f() { println!(\"\"); }"),
        ("gateway/src/journey.rs", "fn f() { eprint!(\"\"); }"),
        ("gateway/src/journey.rs", "fn f() { eprintln!(\"\"); }"),
        ("gateway/src/journey.rs", "use rand::Rng;"),
        ("gateway/src/journey.rs", "use std::{fmt, time::{Duration, Instant}};"),
    ],
}];

/// What is bound to a place: tokens in a row (`^` first: they begin a path), crates, where they may stand, and the way out.
struct Bound {
    tokens: &'static str,
    within: &'static str,
    places: &'static [&'static str],
    fix: &'static str,
}

const PRINTS: &[&str] = &["gateway/src/cli/", "gateway/src/main.rs", "gateway/src/demo/"];
const DIAL: &[&str] = &["gateway/src/outbound/dial.rs"];
/// Sends as a clinician's program does, to the gateway's own door on loopback.
const CLINICIAN: &[&str] = &["gateway/src/demo/clinician.rs"];
const SESSION: &[&str] = &["gateway/src/outbound/smtp/"];
const CLOCK: &[&str] = &["gateway/src/clock.rs"];
const CONNECT_FIX: &str = "one file connects: call outbound::dial";
const TRANSPORT_FIX: &str = "what leaves leaves by outbound::smtp: only the demo's clinician sends by lettre";
const RELEASE_FIX: &str = "a sealed letter is released within Session::send, which asks for the ledger's entry";
const HANDSHAKE_FIX: &str = "one place turns a greeting into a session: call Greeting::starttls";
const PRINT_FIX: &str = "only the command line prints: trace it, or give it back to the caller";

const BOUNDS: &[Bound] = &[
    Bound {
        tokens: "^ age : :",
        within: "",
        places: &["keys/src/cipher.rs"],
        fix: "one file knows the age crate: call keys::seal or keys::ring",
    },
    Bound { tokens: "SystemTime : : now", within: "", places: CLOCK, fix: "one file reads the time: ask the Clock" },
    Bound {
        tokens: "^ std : : time : : Instant",
        within: "",
        places: CLOCK,
        fix: "one file reads the time: ask the Clock (a socket's time-out may use tokio's timer)",
    },
    Bound { tokens: "TcpStream : : connect", within: "", places: DIAL, fix: CONNECT_FIX },
    Bound { tokens: "TcpStream : : connect_timeout", within: "", places: DIAL, fix: CONNECT_FIX },
    Bound { tokens: "TcpSocket : :", within: "", places: DIAL, fix: CONNECT_FIX },
    Bound { tokens: "^ lettre : : transport", within: "", places: CLINICIAN, fix: TRANSPORT_FIX },
    Bound { tokens: "AsyncSmtpTransport", within: "", places: CLINICIAN, fix: TRANSPORT_FIX },
    Bound { tokens: "SmtpTransport", within: "", places: CLINICIAN, fix: TRANSPORT_FIX },
    Bound { tokens: ". release", within: "gateway/", places: SESSION, fix: RELEASE_FIX },
    Bound { tokens: ": : release", within: "gateway/", places: SESSION, fix: RELEASE_FIX },
    Bound { tokens: "peer : : handshake", within: "gateway/", places: SESSION, fix: HANDSHAKE_FIX },
    Bound {
        tokens: "peer : : *",
        within: "gateway/",
        places: &[],
        fix: "import by name, so that who shakes hands is seen",
    },
    Bound {
        tokens: "BodyReader",
        within: "gateway/",
        places: &["gateway/src/recognise.rs"],
        fix: "a body is read in clear by the screener alone: seal it, or ask recognise.rs what is in it",
    },
    Bound {
        tokens: "^ sqlx : :",
        within: "",
        places: &["gateway/src/store/"],
        fix: "the store owns SQL: add a function there that says what you need",
    },
    Bound {
        tokens: "^ rand : :",
        within: "gateway/",
        places: &["gateway/src/dice.rs"],
        fix: "one file draws lots: ask the Dice; keys come from the keys crate",
    },
    Bound { tokens: "print !", within: "", places: PRINTS, fix: PRINT_FIX },
    Bound { tokens: "println !", within: "", places: PRINTS, fix: PRINT_FIX },
    Bound { tokens: "eprint !", within: "", places: PRINTS, fix: PRINT_FIX },
    Bound { tokens: "eprintln !", within: "", places: PRINTS, fix: PRINT_FIX },
];

fn breaches(files: &[File]) -> Vec<Breach> {
    let mut breaches = Vec::new();
    for file in files.iter().filter(|file| file.is_product()) {
        let tokens = file.tokens();
        for bound in BOUNDS {
            for line in overstepped(bound, file, &tokens) {
                breaches.push(Breach { place: format!("{}:{line}", file.path), fix: bound.fix.to_owned() });
            }
        }
    }
    breaches
}

/// The lines of a file that may not do what is bound.
fn overstepped(bound: &Bound, file: &File, tokens: &[(String, usize)]) -> Vec<usize> {
    let at_home = bound.places.iter().any(|place| file.path.starts_with(place));
    if at_home || !file.path.starts_with(bound.within) {
        return Vec::new();
    }
    found(tokens, bound.tokens).filter(|line| !file.is_test_line(*line)).collect()
}

fn found(tokens: &[(String, usize)], wanted: &str) -> impl Iterator<Item = usize> {
    let begins = wanted.starts_with('^');
    let wanted: Vec<&str> = wanted.trim_start_matches("^ ").split(' ').collect();
    let length = wanted.len();
    let starts = tokens.windows(length).enumerate().filter(move |(index, window)| {
        let within_a_path = *index > 0 && tokens[*index - 1].0 == ":" && *index > 1 && tokens[*index - 2].0 == ":";
        let all = window.iter().zip(&wanted).all(|((token, _), wanted)| token == wanted);
        all && !(begins && within_a_path)
    });
    starts.map(|(_, window)| window[0].1)
}

#[test]
fn every_bound_has_a_bad_sample_and_a_place_that_is_there() {
    let samples: Vec<_> = RULES.iter().flat_map(|rule| rule.bad).map(|(path, text)| File::new(path, text)).collect();
    for bound in BOUNDS {
        let bitten = samples.iter().any(|sample| !overstepped(bound, sample, &sample.tokens()).is_empty());
        assert!(bitten, "no bad sample oversteps {:?}", bound.tokens);
        for place in bound.places {
            assert!(root().join(place).exists(), "{place} is gone: say where {:?} stands now", bound.tokens);
        }
    }
}
