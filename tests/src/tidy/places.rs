//! Rules on places: what only one module may do. Read from the tokens of product code, tests left out.

use super::{Breach, File, Rule};

pub const RULES: &[Rule] = &[Rule {
    name: "place",
    breaches,
    bad: &[
        ("keys/src/seal.rs", "use age::Encryptor;"),
        ("gateway/src/journey.rs", "fn f() { let _ = SystemTime::now(); }"),
        ("gateway/src/outbound/smtp.rs", "fn f() { TcpStream::connect(1); }"),
        ("gateway/src/journey.rs", "fn f() { sqlx::query(\"\"); }"),
        ("gateway/src/journey.rs", "fn f() { println!(\"\"); }"),
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
const CLOCK: &[&str] = &["gateway/src/clock.rs"];
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
    Bound { tokens: "TcpStream : : connect", within: "", places: DIAL, fix: "one file connects: call outbound::dial" },
    Bound { tokens: "TcpSocket : :", within: "", places: DIAL, fix: "one file connects: call outbound::dial" },
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
        for bound in BOUNDS.iter().filter(|bound| file.path.starts_with(bound.within)) {
            if bound.places.iter().any(|place| file.path.starts_with(place)) {
                continue;
            }
            for line in found(&tokens, bound.tokens).filter(|line| !file.is_test_line(*line)) {
                breaches.push(Breach { place: format!("{}:{line}", file.path), fix: bound.fix.to_owned() });
            }
        }
    }
    breaches
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
