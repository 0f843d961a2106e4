//! Sealgate, the program: intake, journey, registers, store, outbound, ledger, command line.

mod arrive;
pub mod cli;
pub mod clock;
pub mod demo;
mod desk;
pub mod dice;
pub mod intake;
pub mod journey;
pub mod ledger;
pub mod outbound;
pub mod queue;
pub mod recognise;
pub mod registers;
pub mod screening;
pub mod server;
mod settle;
pub mod setup;
pub mod status;
pub mod store;
pub mod supply;
