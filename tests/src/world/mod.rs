//! The World: a whole gateway in this process, with a clock to set, a loaded die, a throwaway CA, and peers on loopback.
//!
//! The gateway runs on a runtime of its own, so a story is plain, blocking code. [`World::check`] holds the invariants
//! that no step may break; [`World::end`] stops the gateway and looks at what it left on the disk.
#![allow(dead_code, reason = "an instrument may have a part that no story needs today")]

pub mod cast;
mod dialogue;
mod post;
mod writing;

use std::collections::BTreeMap;
use std::fs;
use std::future::Future;
use std::io;
use std::sync::{Arc, Mutex, OnceLock};

use config::Settings;
use gateway::clock::Clock;
use gateway::dice::Dice;
use gateway::journey::Journey;
use gateway::ledger;
use gateway::outbound::names::{Names, Table};
use gateway::registers::file;
use gateway::registers::{Plan as Changes, Token, User};
use gateway::server::{Ended, Server};
use gateway::setup::{self, Seams};
use gateway::store::{Disk, Filter, Overview, Recovered, State, Step, Store};
use keys::password::PasswordHash;
use policy::{LetterId, Timestamp};
use tempfile::TempDir;
use tokio::runtime::Runtime;
use toml::{Table as TomlTable, Value};

use crate::build::built;
use crate::ca::Ca;
use crate::hostile::{Hostile, Script, Taken};
use crate::wait;

pub use dialogue::{Dialogue, Door};
pub use post::{Answered, Request};
pub use writing::Writing;

/// Where the gateway answers; what its certificate names.
pub const HOST: &str = "gateway.harbour.example";
/// The address that most letters come from.
pub const SENDER: &str = "o.lamb@harbour.example";
/// Its login and password.
pub const LOGIN: (&str, &str) = ("o.lamb", "a Correct horse, 9 batteries");
/// When the clock starts: a Monday morning.
pub const MORNING: &str = "2026-03-02T09:00:00Z";

/// A World that is still being laid out: peers first, for the gateway's routes name their ports.
pub struct Plan {
    /// The authority that every good certificate comes from.
    pub ca: Ca,
    home: Hostile,
    routes: Vec<Value>,
    settings: Vec<(&'static str, Value)>,
    names: Table,
    register: String,
}

/// A gateway and all that it needs.
pub struct World {
    /// The authority that every good certificate comes from.
    pub ca: Ca,
    /// The provider's own mail server: takes notices.
    pub home: Hostile,
    /// Stands until it is moved.
    pub clock: Clock,
    /// An API token of the sender's.
    pub token: String,
    folder: TempDir,
    settings: Settings,
    seams: Seams,
    failing: Arc<Failing>,
    server: Option<Server>,
    runtime: Runtime,
}

/// The steps of the disk, counted, and the one that fails.
#[derive(Default)]
struct Failing(Mutex<FailingState>);

#[derive(Default)]
struct FailingState {
    steps: Vec<Step>,
    fails_at: Option<usize>,
}

impl Plan {
    /// The cast of `cast.rs`, and a home that takes notices.
    pub fn new() -> Self {
        let ca = Ca::new();
        let home = peer(&ca, "harbour.example", Script::Honest);
        let mut plan = Self {
            register: cast::register(ca.pem()),
            ca,
            routes: Vec::new(),
            settings: Vec::new(),
            names: Table::default(),
            home,
        };
        plan.route("harbour.example", plan.home.port());
        plan
    }

    /// A scripted mail server for `domain`, and the route to it. Its host is `mx.DOMAIN`.
    pub fn peer(&mut self, domain: &str, script: Script) -> Hostile {
        let peer = peer(&self.ca, domain, script);
        self.route(domain, peer.port());
        peer
    }

    /// Mail for `domain` goes to `mx.DOMAIN`, which is on this port of loopback.
    pub fn route(&mut self, domain: &str, port: u16) {
        let text = format!("domain = \"{domain}\"\nhost = \"mx.{domain}\"\nport = {port}\naddress = \"127.0.0.1\"");
        self.routes.push(Value::Table(text.parse::<TomlTable>().unwrap()));
    }

    /// Another value for a setting, `section.key`.
    #[must_use]
    pub fn set(mut self, key: &'static str, value: impl Into<Value>) -> Self {
        self.settings.push((key, value.into()));
        self
    }

    /// What the DNS says, where there is no route.
    #[must_use]
    pub fn names(self, names: Table) -> Self {
        Self { names, ..self }
    }

    /// More register, in TOML.
    #[must_use]
    pub fn and(mut self, register: &str) -> Self {
        self.register.push_str(register);
        self
    }

    /// Starts the gateway, fills its register and opens its doors.
    pub fn start(self) -> World {
        let folder = TempDir::with_prefix("sealgate-world-").unwrap();
        let settings = self.settings(&folder);
        let clock = Clock::standing(Timestamp::parse(MORNING).unwrap(), 0);
        let failing = Arc::new(Failing::default());
        let seams = Seams {
            clock: clock.clone(),
            dice: Dice::loaded(2026),
            names: Names::table(self.names),
            disk: Disk::failing({
                let failing = Arc::clone(&failing);
                move |step| failing.meet(step)
            }),
            program: built().sealgate.clone(),
        };
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
        let token = keys::token::Token::mint();
        let mut world = World {
            ca: self.ca,
            home: self.home,
            clock,
            token: token.expose().to_owned(),
            folder,
            settings,
            seams,
            failing,
            server: None,
            runtime,
        };
        world.start();
        world.import(&self.register);
        let staff = || "dr-lamb".to_owned();
        let user = User { login: LOGIN.0.to_owned(), staff: staff(), password: password().as_str().to_owned() };
        let token = Token { sha256: token.digest().to_string(), staff: staff(), label: "tests".to_owned() };
        world.block(async {
            let registers = &world.journey().registers;
            registers.put(&user, "adm-reed").await.unwrap();
            registers.put(&token, "adm-reed").await.unwrap();
        });
        world
    }

    fn settings(&self, folder: &TempDir) -> Settings {
        let path = |name: &str| Value::from(folder.path().join(name).display().to_string());
        let loopback = || Value::from(vec!["127.0.0.1:0"]);
        self.ca.write(folder.path());
        self.ca.leaf(&[HOST, "localhost"]).write(folder.path(), "gateway");
        let mut values = vec![
            ("provider.name", Value::from("Harbour Talking Therapies")),
            ("provider.phone", Value::from("01632 960123")),
            ("provider.domains", Value::from(vec!["harbour.example"])),
            ("storage.folder", path("data")),
            ("storage.key_file", path("storage.key")),
            ("storage.free_bytes_min", Value::from(0)),
            ("smtp.hostname", Value::from(HOST)),
            ("smtp.implicit_tls_listen", loopback()),
            ("smtp.starttls_listen", loopback()),
            ("smtp.certificate_file", path("gateway.crt")),
            ("smtp.private_key_file", path("gateway.key")),
            ("https.listen", loopback()),
            ("outbound.roots_file", path("ca.pem")),
            // Each attempt meets the script that is played then, not the session of a former one.
            ("outbound.reuse_idle_secs", Value::from(0)),
            ("outbound.connect_timeout_secs", Value::from(5)),
            ("outbound.route", Value::Array(self.routes.clone())),
            ("notices.from", Value::from("sealgate@harbour.example")),
        ];
        for (key, value) in &self.settings {
            values.retain(|(known, _)| known != key);
            values.push((key, value.clone()));
        }
        Settings::parse(&config::annotated(&values), "world.toml").unwrap()
    }
}

impl World {
    /// The cast, and nobody else on the network but home.
    pub fn alone() -> Self {
        Plan::new().start()
    }

    /// The road behind the doors.
    pub fn journey(&self) -> &Journey {
        &self.server().journey
    }

    /// Runs to the end on the gateway's own runtime.
    pub fn block<T>(&self, future: impl Future<Output = T>) -> T {
        self.runtime.block_on(future)
    }

    /// Takes a register text in, as `agency import` and `consent import` do.
    pub fn import(&self, register: &str) -> Changes {
        self.block(async {
            let registers = &self.journey().registers;
            let known = registers.known().await.unwrap();
            let document = file::parse(register, "world.toml", &known).unwrap_or_else(|error| panic!("{error}"));
            registers.import(&document, "adm-reed").await.unwrap()
        })
    }

    /// The person takes a consent back, now.
    pub fn withdraw(&self, consent: &str) {
        self.block(self.journey().registers.withdraw(consent, self.clock.now(), "dr-lamb")).unwrap();
    }

    /// Changes an agency.
    pub fn change_agency(&self, id: &str, change: impl Fn(&mut policy::Agency)) {
        self.block(self.journey().registers.update(id, "adm-reed", change)).unwrap();
    }

    /// Changes a subject.
    pub fn change_subject(&self, id: &str, change: impl Fn(&mut policy::Subject)) {
        self.block(self.journey().registers.update(id, "adm-reed", change)).unwrap();
    }

    /// Submits by a real mail library over TLS; the reference, or the refusal as a mail program shows it.
    ///
    /// # Errors
    /// The gateway's refusal.
    pub fn submit(&self, writing: &Writing) -> Result<LetterId, String> {
        writing.submit(self)
    }

    /// Submits a letter that must be taken; how it stands when it gets to `state`.
    pub fn submit_until(&self, writing: &Writing, state: State) -> Overview {
        let id = self.submit(writing).unwrap();
        self.wait_for(&id, state)
    }

    /// Every letter, newest first.
    pub fn letters(&self) -> Vec<Overview> {
        self.block(self.journey().store.letters(&Filter { limit: 1000, ..Filter::default() })).unwrap()
    }

    /// The one letter to this address.
    pub fn letter_to(&self, address: &str) -> Overview {
        let mut letters = self.letters();
        letters.retain(|letter| letter.summary.to.to_string() == address);
        assert_eq!(letters.len(), 1, "one letter to {address}");
        letters.remove(0)
    }

    /// How a letter stands.
    pub fn letter(&self, id: &LetterId) -> Overview {
        self.block(self.journey().store.letter(id)).unwrap()
    }

    /// Waits until a letter has this state; how it stands then.
    pub fn wait_for(&self, id: &LetterId, state: State) -> Overview {
        self.wait_until(id, &format!("{state:?}"), |letter| letter.state == state)
    }

    /// Waits until an attempt at a queued letter has failed as often as this.
    pub fn wait_deferred(&self, id: &LetterId, attempts: u32) -> Overview {
        let fits = |letter: &Overview| letter.state == State::Queued && letter.attempts >= attempts;
        self.wait_until(id, &format!("deferral {attempts}"), fits)
    }

    fn wait_until(&self, id: &LetterId, what: &str, fits: impl Fn(&Overview) -> bool) -> Overview {
        let tell = || {
            let letter = self.letter(id);
            format!("{id} to be {what}; it is {:?} after {}: {}", letter.state, letter.attempts, letter.standing)
        };
        wait::until(tell, 20, || Some(self.letter(id)).filter(&fits))
    }

    /// Moves the clock on.
    pub fn forward(&self, secs: i64) {
        self.clock.set(Timestamp(self.clock.now().0 + secs));
    }

    /// Notices at home so far.
    pub fn notices(&self) -> Vec<Notice> {
        self.home.seen().taken.iter().map(Notice::of).collect()
    }

    /// Waits for a notice about this letter whose subject line says `word`: `held`, `delayed`, `not sent`, `sent`.
    pub fn wait_notice(&self, id: &LetterId, word: &str) -> Notice {
        let subject = format!("Subject: Letter {id}: {word}\r\n");
        let is_it = |taken: &&Taken| String::from_utf8_lossy(&taken.bytes).contains(&subject);
        let seen =
            self.home.wait_until(&format!("the notice of {id}: {word}"), |seen| seen.taken.iter().any(|t| is_it(&t)));
        Notice::of(seen.taken.iter().rev().find(is_it).unwrap())
    }

    /// Holds what must hold after every step: the ledger is whole, and every letter is final or has its next step.
    pub fn check(&self) {
        self.block(ledger::verify(&self.journey().store)).unwrap_or_else(|broken| panic!("{broken}"));
        for letter in self.letters() {
            let Overview { id, state, due, deadline, settled, .. } = &letter;
            let (due, waits) = (due.zip(*deadline), !state.is_final());
            assert_eq!((due.is_some(), settled.is_none()), (waits, waits), "{id} is {state:?}: {due:?}, {settled:?}");
            assert!(due.is_none_or(|(due, deadline)| due <= deadline), "{id} is looked at after its deadline: {due:?}");
            let trail = self.block(self.journey().store.trail(id)).unwrap();
            assert!(!trail.is_empty(), "{id} has no trail");
        }
    }

    /// Checks, stops the gateway, and looks at what it left: no blob without a letter, no disclosure without an outcome.
    pub fn end(mut self) {
        self.check();
        assert_eq!(self.stop(), Recovered::default());
    }

    /// Stops the gateway politely; what the next start then finds to recover.
    pub fn stop(&mut self) -> Recovered {
        let server = self.server.take().unwrap();
        self.block(server.stop());
        self.block(async {
            let (home, _) = setup::home(&self.settings, &self.seams).unwrap();
            let (store, recovered) = Store::serve(home).await.unwrap();
            ledger::verify(&store).await.unwrap_or_else(|broken| panic!("{broken}"));
            store.close().await;
            recovered
        })
    }

    /// Stops the gateway and starts it again on the same folder. Its doors are on other ports then.
    pub fn restart(&mut self) {
        if let Some(server) = self.server.take() {
            self.block(server.stop());
        }
        self.start();
    }

    /// From now on the disk counts its steps, and the `n`th of them (from 0) fails, with all that follow until the restart.
    pub fn fail_disk_at(&self, n: usize) {
        let mut state = self.failing.0.lock().unwrap();
        *state = FailingState { steps: Vec::new(), fails_at: Some(n) };
    }

    /// From now on the disk works again; the steps that it was asked for since it was told to fail, or began.
    pub fn heal_disk(&self) -> Vec<Step> {
        std::mem::take(&mut *self.failing.0.lock().unwrap()).steps
    }

    /// Waits until the gateway has ended by itself because its store stopped.
    pub fn wait_stopped(&mut self) {
        let server = self.server.as_mut().unwrap();
        let ended = self
            .runtime
            .block_on(async { tokio::time::timeout(std::time::Duration::from_secs(20), server.ended()).await });
        assert_eq!(ended.ok(), Some(Ended::StoreStopped), "a gateway whose store has stopped ends");
    }

    /// Has the store's writer stopped?
    pub fn is_stopped(&self) -> bool {
        self.journey().store.is_stopped()
    }

    /// The folder of key and certificates, above the data folder.
    pub fn folder(&self) -> &std::path::Path {
        self.folder.path()
    }

    /// What the gateway was started with.
    pub fn settings(&self) -> &Settings {
        &self.settings
    }

    /// The seams that the gateway stands on.
    pub fn seams(&self) -> &Seams {
        &self.seams
    }

    /// The listening port of a door.
    pub fn port(&self, door: Door) -> u16 {
        let listening = &self.server().listening;
        let addresses = match door {
            Door::ImplicitTls => &listening.implicit_tls,
            Door::StartTls => &listening.starttls,
            Door::Https => &listening.https,
        };
        addresses[0].port()
    }

    fn server(&self) -> &Server {
        self.server.as_ref().expect("the gateway runs")
    }

    fn start(&mut self) {
        self.server = Some(self.runtime.block_on(Server::start(&self.settings, self.seams.clone())).unwrap());
    }
}

impl Drop for World {
    fn drop(&mut self) {
        // A story that failed leaves its gateway running: it ends with its runtime.
        drop(self.server.take());
    }
}

impl Failing {
    fn meet(&self, step: Step) -> io::Result<()> {
        let mut state = self.0.lock().unwrap();
        state.steps.push(step);
        let failed = state.fails_at.is_some_and(|at| state.steps.len() > at);
        if failed { Err(io::Error::other("the disk was told to fail")) } else { Ok(()) }
    }
}

/// A notice as its reader sees it.
#[derive(Clone, Debug)]
pub struct Notice {
    /// The plain words, on one line.
    pub text: String,
    /// Fields of the delivery status, by name.
    pub status: BTreeMap<String, String>,
    /// The whole message.
    pub raw: String,
    /// Where it went.
    pub to: String,
}

impl Notice {
    fn of(taken: &Taken) -> Self {
        assert_eq!(taken.from, "", "a notice has the null reverse-path");
        let raw = String::from_utf8(taken.bytes.clone()).unwrap();
        let part = |kind: &str| {
            let after = raw.split_once(&format!("Content-Type: {kind}")).unwrap().1;
            let body = after.split_once("\r\n\r\n").unwrap().1;
            body.split_once("\r\n--=_").unwrap().0.to_owned()
        };
        let field = |line: &str| line.split_once(": ").map(|(name, value)| (name.to_owned(), value.to_owned()));
        Self {
            text: part("text/plain").split_whitespace().collect::<Vec<_>>().join(" "),
            status: part("message/delivery-status").lines().filter_map(field).collect(),
            to: taken.to.join(", "),
            raw,
        }
    }

    /// Fails unless the plain words hold all of these.
    pub fn says(&self, words: &[&str]) -> &Self {
        for word in words {
            assert!(self.text.contains(word), "{word:?} is not in the notice: {}", self.text);
        }
        self
    }
}

/// A server of `domain`, called `mx.DOMAIN`.
fn peer(ca: &Ca, domain: &str, script: Script) -> Hostile {
    let host = format!("mx.{domain}");
    Hostile::start(script, ca, &host, &ca.leaf(&[&host]))
}

/// Hashing is slow on purpose: once for all Worlds.
fn password() -> &'static PasswordHash {
    static HASH: OnceLock<PasswordHash> = OnceLock::new();
    HASH.get_or_init(|| keys::password::hash(LOGIN.1).unwrap())
}

/// A file of `tests/letters`.
pub fn read(path: &str) -> Vec<u8> {
    fs::read(crate::build::root().join("tests/letters").join(path)).unwrap()
}
