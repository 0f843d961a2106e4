//! Attack in, promised behaviour out; one file for each concern.
#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "tests say what they expect")]

mod peer;
mod pki;
