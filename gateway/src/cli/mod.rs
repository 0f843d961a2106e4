//! The command line: what can be typed (`args`), how it speaks (`out`), and one file a noun.
//!
//! Not here: rules. Every verb calls the registers, the store or the journey.

#[expect(missing_docs, reason = "clap turns these fields into options; what is told of them is what `--help` prints")]
pub mod args;
mod fields;
mod out;
mod serve;

use std::process::ExitCode;

use args::{Cli, Noun};
use out::{Failure, Out};

use crate::screening;
use crate::status::Status;

/// Does what was typed.
#[must_use]
pub fn run(cli: Cli) -> ExitCode {
    // Reading a stranger's document comes before everything else: that process has no runtime, no settings, no logs.
    if matches!(cli.noun, Noun::Screen) {
        return screening::child_main();
    }
    let out = Out::new(&cli.shared);
    let runtime = match tokio::runtime::Runtime::new() {
        Ok(runtime) => runtime,
        Err(error) => return out.end(Err(Failure::new(Status::Fault, format!("cannot start: {error}")))),
    };
    if let Noun::Demo(demo) = &cli.noun {
        return runtime.block_on(crate::demo::run(demo.once, demo.real));
    }
    let outcome = runtime.block_on(dispatch(cli, out));
    out.end(outcome)
}

async fn dispatch(cli: Cli, out: Out) -> out::Outcome {
    let shared = cli.shared;
    match cli.noun {
        Noun::Serve => serve::serve(&shared, out).await,
        _ => Err(Failure::new(Status::Usage, "not yet")),
    }
}
