//! `sealgate serve`: the gateway in the foreground, until SIGTERM or SIGINT.

use std::io::IsTerminal;

use config::{LogFormat, Settings};
use tokio::signal::unix::{SignalKind, signal};
use tracing_subscriber::EnvFilter;

use super::args::Shared;
use super::out::{OrFail, Out, Outcome};
use crate::server::{Ended, Server};
use crate::setup::Seams;
use crate::status::Status;

/// Runs the gateway. When its store stops after a failed write it is started anew, which recovers from the disk.
pub(super) async fn serve(shared: &Shared, out: Out) -> Outcome {
    let settings = Settings::load(&shared.config).or_fail(Status::BadConfig)?;
    log(&settings);
    let mut terminate = signal(SignalKind::terminate()).or_fail(Status::Fault)?;
    let mut interrupt = signal(SignalKind::interrupt()).or_fail(Status::Fault)?;
    loop {
        let seams = Seams::of_the_system(&settings).or_fail(Status::BadConfig)?;
        let mut server = Server::start(&settings, seams).await.or_fail(Status::Unhealthy)?;
        out.say(format!("sealgate: listening: {}", server.listening));
        let ended = tokio::select! {
            ended = server.ended() => ended,
            _ = terminate.recv() => Ended::AsTold,
            _ = interrupt.recv() => Ended::AsTold,
        };
        server.stop().await;
        match ended {
            Ended::AsTold => {
                out.say("sealgate: stopped, as told");
                return Ok(Status::Done);
            }
            Ended::StoreStopped => tracing::error!("a write failed; starting again from what the disk holds"),
        }
    }
}

/// Logs go to standard error. They hold letter references and reason codes, never a name, a number or an address. That
/// is why our own crates alone speak: nobody could vouch for the words of a library.
pub(super) fn log(settings: &Settings) {
    let level = settings.log.level.as_str();
    let filter =
        EnvFilter::new(format!("off,gateway={level},sealgate={level},config={level},keys={level},policy={level}"));
    let lines = tracing_subscriber::fmt()
        .with_env_filter(filter)
        // Colours are for eyes: in a journal or a file they only hide words from a search.
        .with_ansi(std::io::stderr().is_terminal())
        .with_writer(std::io::stderr);
    // A second call, as the demo's tests make, finds the first subscriber in place; that is fine.
    let _ = match settings.log.format {
        LogFormat::Json => lines.json().try_init(),
        LogFormat::Text => lines.try_init(),
    };
}
