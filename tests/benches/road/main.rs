//! The whole road beside a real peer, in turn, in one run: a sender, the program under measurement, a sink that wants TLS.
//!
//! Sealgate is the real program, built for release; Postfix is a plain TLS relay that decides and seals nothing. What is
//! measured, and what came out: `docs/performance.md`. Not here: any promise about time. A run fails on a lost, a
//! doubled or a plain letter, never on a slow one.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::string_slice,
    clippy::print_stdout,
    reason = "a measurement that meets the unexpected should stop there and say so; its table goes to the terminal"
)]

#[allow(dead_code, reason = "only the root is asked for: make builds the program")]
#[path = "../../src/build.rs"]
mod build;
#[path = "../../src/ca.rs"]
mod ca;
mod cost;
mod gateway;
mod letter;
#[path = "../../src/peers/mod.rs"]
mod peers;
mod relay;
mod run;
mod sender;
mod sink;
mod table;
#[path = "../../src/wait.rs"]
mod wait;

use letter::Size;
use run::{Cell, Peer, Stage};
use sender::Sessions;

/// How much is sent. `SCALE=4 make bench` sends four times as many letters in each round; `ROUNDS=7` plays more rounds.
struct Amount {
    letters: usize,
    rounds: usize,
    sessions: usize,
}

const CELLS: [Cell; 4] = [
    Cell { size: Size::Small, sessions: Sessions::One, peers: &Peer::RELAYED },
    Cell { size: Size::Small, sessions: Sessions::Many, peers: &Peer::RELAYED },
    Cell { size: Size::Large, sessions: Sessions::One, peers: &Peer::RELAYED },
    Cell { size: Size::Large, sessions: Sessions::Many, peers: &Peer::RELAYED },
];
/// Last, for what it does to memory stays.
const SIGNED_IN: Cell = Cell { size: Size::Small, sessions: Sessions::One, peers: &[Peer::SealgateSignedIn] };

fn main() {
    // `cargo bench` and `cargo test` say which they are; both run the same thing.
    let number = |name: &str, unless_set| std::env::var(name).map_or(unless_set, |text| text.parse().unwrap());
    let amount = Amount { letters: 200 * number("SCALE", 1), rounds: number("ROUNDS", 3), sessions: 10 };
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let stage = runtime.block_on(Stage::set());
    println!("load before: {}", cost::load());
    table::print_rest(&stage.at_rest());
    runtime.block_on(warm(&stage));
    table::print_idle(&runtime.block_on(stage.idle_connections()));
    for cell in &CELLS {
        runtime.block_on(play(&stage, cell, &amount));
    }
    table::print_big(&runtime.block_on(stage.big_letter()));
    stage.opens_with_age();
    runtime.block_on(play(&stage, &SIGNED_IN, &amount));
    println!("\nafter all of it:");
    table::print_rest(&stage.at_rest());
    println!("load after: {}", cost::load());
}

/// All rounds of a cell, the peers in turn.
async fn play(stage: &Stage, cell: &Cell, amount: &Amount) {
    let mut rounds: Vec<Vec<run::Round>> = cell.peers.iter().map(|_| Vec::new()).collect();
    for _ in 0..amount.rounds {
        for (peer, rounds) in cell.peers.iter().zip(&mut rounds) {
            rounds.push(stage.round(cell, *peer, amount.letters, amount.sessions).await);
        }
    }
    table::print_cell(cell, &rounds, amount.letters);
}

/// A few letters each way, so that nobody's first start is measured.
async fn warm(stage: &Stage) {
    for peer in Peer::RELAYED {
        stage.round(&CELLS[1], peer, 20, 2).await;
    }
}
