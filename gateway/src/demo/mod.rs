//! `sealgate demo`: the main job on real input, in a small world that starts by itself on loopback.
//!
//! Not here: anything that the gateway itself uses. The demo uses the gateway, never the other way.

mod cast;
mod clinician;
pub(crate) mod peer;
mod postfix;
mod story;
mod world;

use std::collections::BTreeMap;
use std::io::Write;
use std::process::ExitCode;
use std::time::Duration;

use policy::LetterId;
use tokio::signal::unix::{Signal, SignalKind, signal};
use tracing_subscriber::EnvFilter;

pub use cast::Cast;
use story::Line;
use world::{Broken, LOGIN, PASSWORD, World};

use crate::status::Status;
use crate::store::{Fault, Filter, State};

/// One letter was held and two were kept back: so many notices, within a minute of each.
const NOTICES: usize = 3;
const NOTICES_WAIT: Duration = Duration::from_secs(60);

/// What comes after the story.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Then {
    /// Nothing.
    End,
    /// The gateway stays for a mail program to try, until interrupted.
    Stay,
}

/// Plays the story, and tells by its exit code whether every line came out as it should.
pub async fn run(cast: Cast, then: Then) -> ExitCode {
    quiet_logs();
    let status = match play(cast, then).await {
        Ok(true) => Status::Done,
        Ok(false) => Status::Fault,
        Err(broken) => {
            print(&format!("\nThe demo broke: {broken}"));
            Status::Fault
        }
    };
    ExitCode::from(status.exit())
}

async fn play(cast: Cast, then: Then) -> Result<bool, Broken> {
    print(match cast {
        Cast::Ourselves => "A small world on loopback: five mail servers, a gateway, a dozen invented patients.\n",
        Cast::RealPrograms => {
            "The same small world, with Postfix as the practice, swaks as the clinician and age as the solicitor.\n"
        }
    });
    let mut stops = [signal(SignalKind::interrupt())?, signal(SignalKind::terminate())?];
    let world = World::start(cast).await?;
    let told = tokio::select! {
        told = tell(&world, cast) => Some(told?),
        () = told_to_stop(&mut stops) => None,
    };
    if told.is_some() && then == Then::Stay {
        invite(&world);
        tokio::select! {
            () = told_to_stop(&mut stops) => (),
            watched = watch(&world) => watched?,
        }
    }
    world.gateway.stop().await;
    Ok(told.unwrap_or(false))
}

/// The world's folder goes with the world, and so must be left by its door: no signal may end the process itself.
async fn told_to_stop([interrupt, terminate]: &mut [Signal; 2]) {
    tokio::select! {
        _ = interrupt.recv() => (),
        _ = terminate.recv() => (),
    }
}

/// The story and its sum; whether all of it came out as it should.
async fn tell(world: &World, cast: Cast) -> Result<bool, Broken> {
    let mut number = 0;
    let all_good = story::play(world, cast, |line| {
        number += 1;
        print(&written(number, line));
    })
    .await?;
    let verified = crate::ledger::verify(&world.gateway.journey.store).await;
    world.home.wait_for(NOTICES, NOTICES_WAIT).await;
    let told = world.home.arrived().len();
    print(&match &verified {
        Ok(verified) => format!("\nThe ledger holds {} linked entries, and every link verifies.", verified.entries),
        Err(broken) => format!("\nThe ledger is broken: {broken}"),
    });
    print(&format!("Dr Lamb's own mailbox has {told} notices about letters that were held or kept back."));
    let all_good = all_good && verified.is_ok() && told == NOTICES;
    print(if all_good { "Every line came out as it should." } else { "SOME LINE CAME OUT WRONG." });
    Ok(all_good)
}

fn written(number: u32, line: &Line) -> String {
    let mark = if line.good { ' ' } else { '!' };
    format!("{mark}{number}  {:<10} {}\n              {}", line.verdict, line.tried, line.why)
}

fn invite(world: &World) {
    let port = |addresses: &[std::net::SocketAddr]| addresses.first().map_or(0, std::net::SocketAddr::port);
    let listening = &world.gateway.listening;
    print(&format!(
        "
The gateway is still running. Try it with your own mail program, or with swaks:

  submission   127.0.0.1:{implicit} (TLS)   127.0.0.1:{starttls} (STARTTLS)
  sign in      {LOGIN} / {PASSWORD}          from {clinician}
  authority    {folder}/roots.pem
  look inside  {sealgate} --config {folder}/sealgate.toml letter list

  swaks --server 127.0.0.1 --port {implicit} --tls-on-connect --auth-user {LOGIN} --auth-password '{PASSWORD}' \\
        --from {clinician} --to letters@elm-surgery.example \\
        --header 'Subject: [nhs 999 628 1949] [for direct-care] [holds clinical-letter]' --body 'Gil Abara is well.'

Ctrl-C ends it, and everything of it goes.",
        implicit = port(&listening.implicit_tls),
        starttls = port(&listening.starttls),
        clinician = world::CLINICIAN,
        folder = world.folder.path().display(),
        sealgate = std::env::current_exe().unwrap_or_else(|_| "sealgate".into()).display(),
    ));
}

/// Tells what becomes of each letter that is tried by hand.
async fn watch(world: &World) -> Result<(), Fault> {
    let store = &world.gateway.journey.store;
    let mut mark = store.mark();
    let mut known: BTreeMap<LetterId, State> = BTreeMap::new();
    for letter in store.letters(&Filter::default()).await? {
        known.insert(letter.id, letter.state);
    }
    loop {
        store.changed(&mut mark).await;
        for letter in store.letters(&Filter::default()).await? {
            if known.insert(letter.id.clone(), letter.state) != Some(letter.state) {
                print(&format!("{}  {}", letter.id, letter.state.as_str()));
            }
        }
    }
}

/// The demo speaks for itself; what the gateway logs is shown only on request (`RUST_LOG=info`).
fn quiet_logs() {
    let filter = EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new("off"));
    let _ = tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr).try_init();
}

/// A pipe that was closed early is the reader's choice, not our failure.
fn print(text: &str) {
    let _ = writeln!(std::io::stdout().lock(), "{text}");
}
