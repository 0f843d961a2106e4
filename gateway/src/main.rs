//! The `sealgate` program: reads its arguments, and hands over to the command line.

use std::process::ExitCode;

use clap::Parser;
use gateway::cli::{self, args::Cli};

fn main() -> ExitCode {
    cli::run(Cli::parse())
}
