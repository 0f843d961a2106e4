//! The doors from outside: a desk that writes down what reaches it, and clients that play dialogues.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::string_slice,
    reason = "a test that fails should say so at once"
)]

mod data;
mod declare;
mod desk;
mod dialogue;
mod grammar;
mod hostile;
mod https;
mod limits;
mod player;
mod program;
