//! Every test that needs more than one crate: stories, forgeries, house rules, real peers.
//!
//! Unit tests live beside the code that they test. This file is the list of modules and nothing else.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::string_slice,
    reason = "a test that meets the unexpected should stop there and say so"
)]

mod build;
mod ca;
mod canary;
mod channels;
mod crashes;
mod demo;
mod doors;
mod durability;
mod forgeries;
mod hostile;
mod ledger;
mod letters;
mod markers;
mod peers;
mod peers_road;
mod process;
mod refusals;
mod strace;
mod tap;
mod tidy;
mod tries;
mod wait;
mod world;
