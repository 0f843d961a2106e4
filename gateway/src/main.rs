//! The `sealgate` program.

use std::process::ExitCode;

fn main() -> ExitCode {
    if std::env::args_os().nth(1).is_some_and(|verb| verb == "screen") {
        return gateway::screening::child_main();
    }
    ExitCode::FAILURE
}
