//! From settings to parts: the data folder opened, the road built. Nothing listens and nothing runs yet.
//!
//! Serving (`server.rs`) and the command line (`cli/`) both begin here.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use config::{Resolver, Settings};
use keys::peer::Roots;
use keys::storage::StorageKey;

use crate::clock::Clock;
use crate::dice::Dice;
use crate::intake::SignIns;
use crate::journey::{Journey, Parts, Terms};
use crate::ledger::Ledger;
use crate::outbound::names::Names;
use crate::outbound::notice::Letterhead;
use crate::outbound::route::FixedRoute;
use crate::outbound::smtp::Waits;
use crate::outbound::{deliver, pool, schedule};
use crate::recognise::Screener;
use crate::registers::Registers;
use crate::screening;
use crate::store::{Disk, Home, LEASE_SECS, Store};

/// Longest that a peer may take over any one stage, whatever RFC 5321 allows: a letter held by a silent peer is late.
const STAGE_MAX: Duration = Duration::from_mins(2);
/// Longest that the search for a session may take, over all hosts of a domain.
const OPEN_MAX: Duration = Duration::from_mins(3);
/// Channels that a letter may be sent by, each of which may cost a search: `age-email` and `tls-email`.
const CHANNELS: u64 = 2;

// A letter is leased once more when its lease has run out: by then whoever held it must have let go, or it goes twice.
// Not counted: an attempt that changes of the register overtake looks for a session anew, under the same lease.
const _: () = {
    let waits = Waits::standard();
    let attempt_secs_max = CHANNELS * OPEN_MAX.as_secs() + waits.message.as_secs() + waits.final_dot.as_secs();
    assert!(attempt_secs_max < LEASE_SECS.unsigned_abs(), "one attempt may outlast the lease of its letter");
};

/// Where time, chance, names and the disk come from: the system, or a test world.
#[derive(Clone)]
pub struct Seams {
    /// Time.
    pub clock: Clock,
    /// Chance.
    pub dice: Dice,
    /// The names of other hosts.
    pub names: Names,
    /// The disk.
    pub disk: Disk,
    /// The `sealgate` binary, which reads letters in a process of its own.
    pub program: PathBuf,
}

/// Why the gateway cannot start. Each names the place and the remedy.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// The configuration names something that is not there.
    #[error(transparent)]
    Config(#[from] config::ConfigError),
    /// The storage key.
    #[error(transparent)]
    Key(#[from] keys::storage::KeyFileError),
    /// The data folder.
    #[error(transparent)]
    Store(#[from] crate::store::OpenError),
    /// The store could not be written.
    #[error(transparent)]
    Fault(#[from] crate::store::Fault),
    /// A certificate or its key.
    #[error(transparent)]
    Identity(#[from] keys::serve::IdentityError),
    /// Roots of trust.
    #[error("{path}: {error}")]
    Roots {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        error: String,
    },
    /// Names cannot be looked up.
    #[error("[outbound] resolver: {0}")]
    Names(#[from] crate::outbound::names::NamesError),
    /// A listener.
    #[error("cannot listen on {address}: {error}; is another program there, or does it need CAP_NET_BIND_SERVICE?")]
    Listen {
        /// Where.
        address: std::net::SocketAddr,
        /// What the system said.
        error: std::io::Error,
    },
    /// This program's own file.
    #[error("cannot find this program's own file: {0}")]
    Program(std::io::Error),
}

impl Seams {
    /// The system's own, as the settings ask.
    ///
    /// # Errors
    /// When names cannot be looked up, or the program's own file is not found.
    pub fn of_the_system(settings: &Settings) -> Result<Self, StartError> {
        let names = match &settings.outbound.resolver {
            Resolver::System => Names::system()?,
            Resolver::Servers(servers) => Names::servers(servers)?,
        };
        Ok(Self {
            clock: Clock::system(settings.local.utc_offset.secs),
            dice: Dice::fair(),
            names,
            disk: Disk::real(),
            program: std::env::current_exe().map_err(StartError::Program)?,
        })
    }
}

/// The data folder of these settings; its key is made at first start. `true` if the key was made just now.
///
/// # Errors
/// When the key file cannot be read or made, or is not there while the folder holds a store.
pub fn home(settings: &Settings, seams: &Seams) -> Result<(Home, bool), StartError> {
    let credentials = std::env::var_os("CREDENTIALS_DIRECTORY").map(PathBuf::from);
    let path = settings.storage.key_path(credentials.as_deref())?;
    // A store that is there has a key already: a new one would open nothing, and stand where the right one belongs.
    let (key, made_now) = match settings.storage.key_credential {
        None if !Store::is_in(&settings.storage.folder) => StorageKey::open_or_make(&path)?,
        _ => (StorageKey::open(&path)?, false),
    };
    let home = Home {
        folder: settings.storage.folder.clone(),
        key: Arc::new(key),
        clock: seams.clock.clone(),
        dice: seams.dice.clone(),
        disk: seams.disk.clone(),
    };
    Ok((home, made_now))
}

/// The road, built over an open store. `own_addresses` is where this gateway listens: mail for there is a loop.
///
/// # Errors
/// When the roots of trust cannot be read.
pub fn journey(
    settings: &Settings,
    seams: &Seams,
    store: Store,
    own_addresses: Vec<std::net::SocketAddr>,
) -> Result<Journey, StartError> {
    let Seams { clock, dice, .. } = seams.clone();
    let screener = screener(settings, seams);
    Ok(Journey::new(Parts {
        registers: Registers::over(&store),
        ledger: Ledger::over(&store),
        screener,
        outbound: deliver::Outbound::new(outbound(settings, own_addresses), seams.names.clone(), dice.clone()),
        roots: roots(settings.outbound.roots_file.as_deref())?.unwrap_or_else(Roots::public),
        letterhead: letterhead(settings),
        sign_ins: SignIns::new(&clock),
        schedule: schedule(settings),
        terms: Terms {
            own_domains: settings.provider.domains.clone(),
            held_secs: i64::from(settings.held.deadline_hours).saturating_mul(3600),
            deferred_after_secs: i64::try_from(settings.notices.deferred_after_secs).unwrap_or(i64::MAX),
            free_bytes_min: settings.storage.free_bytes_min,
        },
        store,
        clock,
        dice,
    }))
}

/// Reads letters as the settings limit it.
#[must_use]
pub fn screener(settings: &Settings, seams: &Seams) -> Screener {
    let limits = screening::Limits {
        wall_secs_max: u32::try_from(settings.screening.wall_secs_max).unwrap_or(u32::MAX),
        memory_bytes_max: settings.screening.memory_bytes_max,
        text_bytes_max: u64::try_from(settings.screening.text_bytes_max).unwrap_or(u64::MAX),
        expansion_max: u32::try_from(settings.screening.expansion_max).unwrap_or(u32::MAX),
        depth_max: u32::try_from(settings.screening.depth_max).unwrap_or(u32::MAX),
    };
    let at_once = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
    Screener::new(seams.program.clone(), limits, settings.screening.unread, at_once)
}

/// Roots of trust from a PEM file, where one is named.
///
/// # Errors
/// Names the file and what is wrong with it.
pub fn roots(path: Option<&Path>) -> Result<Option<Roots>, StartError> {
    let Some(path) = path else { return Ok(None) };
    let fail = |error: String| StartError::Roots { path: path.to_owned(), error };
    let pem = std::fs::read_to_string(path).map_err(|error| fail(error.to_string()))?;
    Roots::from_pem(&pem).map(Some).map_err(|error| fail(error.to_string()))
}

fn letterhead(settings: &Settings) -> Letterhead {
    Letterhead {
        provider: settings.provider.name.as_str().to_owned(),
        phone: settings.provider.phone.as_str().to_owned(),
        from: settings.notices.from.clone(),
        own_name: settings.outbound.helo.clone(),
        offset_secs: settings.local.utc_offset.secs,
    }
}

fn schedule(settings: &Settings) -> schedule::Settings {
    let from = &settings.outbound;
    schedule::Settings {
        retry_first_secs: from.retry_first_secs,
        retry_most_secs: from.retry_most_secs,
        jitter_percent: from.retry_jitter_percent,
        queue_life_hours: from.queue_life_hours,
    }
}

fn outbound(settings: &Settings, own_addresses: Vec<std::net::SocketAddr>) -> deliver::Settings {
    let from = &settings.outbound;
    let mut fixed: BTreeMap<_, Vec<_>> = BTreeMap::new();
    for route in &from.route {
        let hop = FixedRoute::new(route.host.clone(), route.port, route.address);
        fixed.entry(route.domain.clone()).or_default().push(hop);
    }
    deliver::Settings {
        own_name: from.helo.clone(),
        own_addresses,
        fixed,
        allow: from.allow_private_networks.iter().map(|network| network.parts()).collect(),
        connect: Duration::from_secs(from.connect_timeout_secs),
        open: OPEN_MAX,
        waits: Waits::standard().at_most(STAGE_MAX),
        pool: pool::Settings {
            reuse_idle: Duration::from_secs(from.reuse_idle_secs),
            letters_per_session_max: from.letters_per_session_max,
            sessions_max: from.sessions_max,
            sessions_per_host_max: from.sessions_per_host_max,
        },
    }
}
