//! Sealgate, the program: intake, journey, registers, store, outbound, ledger, command line.

pub mod cli;
pub mod clock;
pub mod demo;
pub mod dice;
pub mod intake;
pub mod journey;
pub mod ledger;
pub mod outbound;
pub mod registers;
pub mod screening;
pub mod server;
pub mod status;
pub mod store;
