//! The command line: what can be typed (`args`), how it speaks (`out`), and one file a noun.
//!
//! Not here: rules. Every verb calls the registers, the store or the journey.

mod agency;
#[expect(missing_docs, reason = "clap turns these fields into options; what is told of them is what `--help` prints")]
pub mod args;
mod consent;
mod explain;
mod fields;
mod files;
mod held;
mod key;
mod ledger;
mod letter;
mod opened;
mod out;
mod policy;
mod quickstart;
mod record;
mod serve;
mod settings;
mod tables;
mod user;
mod visit;

use std::process::ExitCode;

use ::policy::{Exception, Subject};

use args::{Cli, Noun};
use out::{Failure, Out};
use visit::visit;

use crate::demo::{self, Cast, Then};
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
    if let Noun::Demo(played) = &cli.noun {
        let cast = if played.real { Cast::RealPrograms } else { Cast::Ourselves };
        let then = if played.once { Then::End } else { Then::Stay };
        return runtime.block_on(demo::run(cast, then));
    }
    let outcome = runtime.block_on(dispatch(cli, out));
    out.end(outcome)
}

async fn dispatch(cli: Cli, out: Out) -> out::Outcome {
    let shared = &cli.shared;
    match cli.noun {
        Noun::Serve => serve::serve(shared, out).await,
        Noun::Config(verb) => settings::config(shared, out, &verb),
        Noun::Quickstart(asked) => quickstart::quickstart(shared, out, &asked).await,
        Noun::Open(asked) => opened::open_sealed(out, &asked),
        Noun::Policy(args::Policy::Test { files }) => policy::test(out, &files),
        Noun::Policy(args::Policy::Explain(asked)) => {
            visit(shared, out, async |visit| policy::explain(visit, &asked).await).await
        }
        Noun::Key(args::Key::Check { recipient }) => key::check(out, &recipient),
        Noun::Key(args::Key::List) => visit(shared, out, key::list).await,
        Noun::Agency(verb) => visit(shared, out, async |visit| agency::agency(visit, verb).await).await,
        Noun::Consent(verb) => visit(shared, out, async |visit| consent::consent(visit, verb).await).await,
        Noun::Subject(verb) => visit(shared, out, async |visit| record::record::<Subject>(visit, verb).await).await,
        Noun::User(verb) => visit(shared, out, async |visit| user::user(visit, verb).await).await,
        Noun::Exception(verb) => visit(shared, out, async |visit| record::record::<Exception>(visit, verb).await).await,
        Noun::Letter(verb) => visit(shared, out, async |visit| letter::letter(visit, verb).await).await,
        Noun::Held(verb) => visit(shared, out, async |visit| held::held(visit, verb).await).await,
        Noun::Ledger(args::Ledger::Verify) => visit(shared, out, ledger::verify).await,
        Noun::Ledger(args::Ledger::Tail { most }) => {
            visit(shared, out, async |visit| ledger::tail(visit, most).await).await
        }
        // These two have a process of their own, in `run`.
        Noun::Demo(_) | Noun::Screen => Ok(Status::Done),
    }
}
