//! Attack in, promised behaviour out; one file for each concern.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::string_slice,
    reason = "tests say what they expect"
)]

mod header;
mod message;
mod open;
mod password;
mod peer;
mod pki;
mod ring;
mod seal;
mod serve;
mod storage;
mod stored;
mod token;
