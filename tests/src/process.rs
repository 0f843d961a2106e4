//! The real program as a process: `sealgate serve` over a folder of its own, on loopback alone, whole or under strace.
//!
//! Peers are those of `hostile.rs`; a [`Gate`] before one holds a reply back until the test has what it waits for. What
//! runs in the test's own process is `world.rs`.
#![allow(dead_code, reason = "an instrument may have a part that no story needs today")]

mod client;
mod gate;

use std::fs::{self, File};
use std::io;
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitStatus, Stdio};
use std::sync::Arc;

use config::Settings;
use gateway::registers::file::{self, Document, Known};
use gateway::registers::{Registers, User};
use gateway::setup::{self, Seams};
use gateway::store::{Filter, Home, State, Store};
use keys::password;
use rustls::ClientConfig;
use tempfile::TempDir;
use toml::Value;

use crate::build::built;
use crate::ca::Ca;
use crate::strace::{Kill, Running, terminate};
use crate::wait;

pub use client::Client;
pub use gate::Gate;

/// The gateway's own name.
pub const HOST: &str = "sealgate.trust.example";
/// The provider's mail domain.
pub const DOMAIN: &str = "trust.example";

/// A next hop: letters to `domain` go to `host`, which listens on `port` of loopback.
pub struct Hop<'a> {
    pub domain: &'a str,
    pub host: &'a str,
    pub port: u16,
}

/// Where a gateway lives: settings, certificates, key, data, logs.
pub struct House {
    folder: TempDir,
    client: Arc<ClientConfig>,
}

impl House {
    /// Settings and certificates, and nothing else: the program has never run here. `more` are further settings.
    pub fn bare(ca: &Ca, hops: &[Hop<'_>], more: &[(&str, Value)]) -> Self {
        let house = Self { folder: TempDir::with_prefix("sealgate-house-").unwrap(), client: ca.client_config() };
        fs::create_dir(house.path("tmp")).unwrap();
        ca.write(&house.path(""));
        ca.leaf(&[HOST, "127.0.0.1"]).write(&house.path(""), "gateway");
        house.write_settings(hops, more);
        house
    }

    /// A copy of a house in which nothing runs, with hops of its own.
    pub fn like(model: &Self, hops: &[Hop<'_>], more: &[(&str, Value)]) -> Self {
        let house =
            Self { folder: TempDir::with_prefix("sealgate-house-").unwrap(), client: Arc::clone(&model.client) };
        copy_tree(model.folder.path(), house.folder.path());
        house.write_settings(hops, more);
        house
    }

    /// Takes a register file and its users (login, staff id, password) in, as the command line would.
    pub fn admit(&self, register: &str, users: &[(&str, &str, &str)]) {
        let register = file::parse(register, "register.toml", &Known::default()).unwrap();
        self.visit(async |store| {
            let registers = Registers::over(store);
            registers.import(&register, "set-up").await.unwrap();
            for (login, staff, password) in users {
                let password = password::hash(password).unwrap().as_str().to_owned();
                let user = User { login: (*login).to_owned(), staff: (*staff).to_owned(), password };
                registers.put(&user, "set-up").await.unwrap();
            }
        });
    }

    /// Opens the data folder beside whoever serves from it.
    pub fn visit<T>(&self, work: impl AsyncFnOnce(&Store) -> T) -> T {
        run(async {
            let store = Store::visit(self.home()).await.unwrap();
            let done = work(&store).await;
            store.close().await;
            done
        })
    }

    /// Waits until no letter is queued, and no notice.
    pub fn wait_until_done(&self) {
        let runtime = runtime();
        let store = runtime.block_on(Store::visit(self.home())).unwrap();
        let waiting = Filter { states: vec![State::Queued], ..Filter::default() };
        let what = || format!("the queue to drain\n{}", self.log());
        wait::until(what, 60, || {
            let letters = runtime.block_on(store.letters(&waiting)).unwrap();
            let notice = runtime.block_on(store.next_notice()).unwrap();
            (letters.is_empty() && notice.is_none()).then_some(())
        });
        runtime.block_on(store.close());
    }

    /// What a client of this gateway trusts.
    pub fn client_config(&self) -> &Arc<ClientConfig> {
        &self.client
    }

    /// Everything that the register holds.
    pub fn register(&self) -> Document {
        self.visit(async |store| Registers::over(store).export().await.unwrap())
    }

    /// The data folder, to be opened from here; its key is made if there is none.
    pub fn home(&self) -> Home {
        let settings = self.settings();
        setup::home(&settings, &Seams::of_the_system(&settings).unwrap()).unwrap().0
    }

    /// What the settings file says.
    pub fn settings(&self) -> Settings {
        Settings::load(&self.path("sealgate.toml")).unwrap()
    }

    /// Starts the program; returns when it listens.
    pub fn serve(&self) -> Gateway {
        self.start(Command::new(&built().sealgate)).unwrap_or_else(|status| panic!("{status}\n{}", self.log()))
    }

    /// Starts the program under strace, which will kill it; the end, if it came before it listened.
    pub fn serve_until(&self, kill: &Kill) -> Result<Gateway, ExitStatus> {
        self.start(kill.command(&built().sealgate))
    }

    /// Starts the program by this command; the end, if it came before it listened. One worker thread, so that a run
    /// takes its steps in much the same order as the run before.
    pub fn start(&self, mut command: Command) -> Result<Gateway, ExitStatus> {
        let log = self.next_log();
        let file = File::create(&log).unwrap();
        command.arg("serve").arg("--config").arg(self.path("sealgate.toml"));
        command.env("TMPDIR", self.path("tmp")).env("TOKIO_WORKER_THREADS", "1");
        command.stdin(Stdio::null()).stdout(file.try_clone().unwrap()).stderr(file);
        let mut running = Running::start(&mut command);
        let what = || format!("the gateway to listen\n{}", self.log());
        let doors = wait::until(what, 60, || match Doors::read(&fs::read_to_string(&log).unwrap()) {
            Some(doors) => Some(Ok(doors)),
            None => running.ended().map(Err),
        })?;
        Ok(Gateway { running, doors, log, client: Arc::clone(&self.client) })
    }

    /// A path in the house.
    pub fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// A path in the data folder.
    pub fn data(&self, name: &str) -> PathBuf {
        self.path("data").join(name)
    }

    /// Names of the blobs that are there.
    pub fn blobs(&self) -> Vec<String> {
        let entries = fs::read_dir(self.data("blobs")).into_iter().flatten();
        entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect()
    }

    /// The path of the one blob, once there is one.
    pub fn one_blob(&self) -> PathBuf {
        wait::until(|| "a blob".to_owned(), 30, || self.blobs().pop().map(|name| self.data("blobs").join(name)))
    }

    /// What all runs of the program have written to standard output and standard error.
    pub fn log(&self) -> String {
        let logs = (1..).map(|run| self.path(&format!("log-{run}"))).take_while(|path| path.exists());
        logs.map(|path| String::from_utf8_lossy(&fs::read(path).unwrap()).into_owned()).collect()
    }

    fn next_log(&self) -> PathBuf {
        (1..).map(|run| self.path(&format!("log-{run}"))).find(|path| !path.exists()).unwrap()
    }

    fn write_settings(&self, hops: &[Hop<'_>], more: &[(&str, Value)]) {
        let listen = || Value::from(vec!["127.0.0.1:0"]);
        let hops: Vec<Value> = hops.iter().map(Hop::value).collect();
        let ours = [
            ("provider.name", "Harbour Talking Therapies".into()),
            ("provider.domains", vec![DOMAIN].into()),
            ("storage.folder", "data".into()),
            ("smtp.hostname", HOST.into()),
            ("smtp.implicit_tls_listen", listen()),
            ("smtp.starttls_listen", listen()),
            ("smtp.certificate_file", "gateway.crt".into()),
            ("smtp.private_key_file", "gateway.key".into()),
            ("https.listen", listen()),
            ("outbound.roots_file", "ca.pem".into()),
            ("outbound.allow_private_networks", vec!["127.0.0.0/8"].into()),
            ("outbound.route", hops.into()),
            ("outbound.retry_first_secs", 10.into()),
            ("notices.from", format!("sealgate@{DOMAIN}").into()),
            ("log.format", "json".into()),
        ];
        let mut values = more.to_vec();
        values.extend(ours);
        fs::write(self.path("sealgate.toml"), config::annotated(&values)).unwrap();
    }
}

impl Hop<'_> {
    fn value(&self) -> Value {
        let fields = [
            ("domain", self.domain.into()),
            ("host", self.host.into()),
            ("port", i64::from(self.port).into()),
            ("address", "127.0.0.1".into()),
        ];
        Value::Table(fields.map(|(name, value): (&str, Value)| (name.to_owned(), value)).into_iter().collect())
    }
}

/// Runs a future on this thread.
pub fn run<T>(work: impl Future<Output = T>) -> T {
    runtime().block_on(work)
}

fn runtime() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap()
}

/// The processes that this one has started and that still run.
pub fn children_of(process: u32) -> Vec<u32> {
    let parent = |id: &u32| {
        let stat = fs::read_to_string(format!("/proc/{id}/stat")).ok()?;
        // After the name, which may hold anything but ends with the last bracket: state, parent.
        stat.rsplit_once(')')?.1.split_whitespace().nth(1)?.parse::<u32>().ok()
    };
    let names = fs::read_dir("/proc").unwrap().filter_map(|entry| entry.unwrap().file_name().into_string().ok());
    names.filter_map(|name| name.parse().ok()).filter(|id| parent(id) == Some(process)).collect()
}

/// Ports of loopback on which a gateway listens.
#[derive(Clone, Copy, Debug)]
pub struct Doors {
    pub implicit_tls: u16,
    pub starttls: u16,
    pub https: u16,
}

impl Doors {
    /// From the line in which the program says where it listens.
    fn read(log: &str) -> Option<Self> {
        let line = log.lines().find(|line| line.starts_with("sealgate: listening"))?;
        let ports = line.split("127.0.0.1:").skip(1).map(|rest| {
            let digits: String = rest.chars().take_while(char::is_ascii_digit).collect();
            digits.parse().unwrap()
        });
        let [implicit_tls, starttls, https] = ports.collect::<Vec<u16>>().try_into().ok()?;
        Some(Self { implicit_tls, starttls, https })
    }
}

/// A gateway that runs; killed when dropped.
pub struct Gateway {
    running: Running,
    /// Where it listens.
    pub doors: Doors,
    /// Where its standard output and standard error go.
    pub log: PathBuf,
    client: Arc<ClientConfig>,
}

impl Gateway {
    /// Its process, if it was started without strace.
    pub fn pid(&self) -> u32 {
        self.running.id()
    }

    /// Will be killed at the next call of this kind. Not for one that was started under strace.
    pub fn plug(&self, syscall: &'static str, path: Option<PathBuf>) -> Plug {
        self.plug_nth(syscall, path, 1)
    }

    /// Will be killed at the nth call of this kind that one of its threads makes.
    pub fn plug_nth(&self, syscall: &'static str, path: Option<PathBuf>, when: usize) -> Plug {
        let kill = Kill { syscall, when, path };
        Plug { tracer: kill.attach(self.pid()), kill }
    }

    /// Waits until the plug has been pulled.
    pub fn wait_for(self, plug: Plug) {
        let Plug { kill, tracer } = plug;
        let mut running = self.running;
        let status = wait::until(|| format!("{kill:?} to strike"), 60, || running.ended());
        assert!(crate::strace::was_killed(status), "{kill:?}: {status}");
        drop(tracer);
    }

    /// The end, if it has come.
    pub fn ended(&mut self) -> Option<ExitStatus> {
        self.running.ended()
    }

    /// Pulls the plug now.
    pub fn kill(self) -> ExitStatus {
        self.running.kill()
    }

    /// Asks it to stop, and waits until it has.
    pub fn stop(self) {
        let status = self.end();
        assert!(status.success(), "{status}");
    }

    /// Asks it to stop, if it has not yet come to its end, and tells how it ended.
    pub fn end(mut self) -> ExitStatus {
        if let Some(program) = self.program() {
            terminate(program);
        }
        let log = self.log.clone();
        let what = || format!("the gateway to stop\n{}", fs::read_to_string(&log).unwrap_or_default());
        wait::until(what, 60, || self.running.ended())
    }

    /// The program itself, while it runs: what was started may be strace.
    fn program(&self) -> Option<u32> {
        let is_it = |id: &u32| fs::read_link(format!("/proc/{id}/exe")).is_ok_and(|exe| exe == built().sealgate);
        std::iter::once(self.running.id()).chain(children_of(self.running.id())).find(is_it)
    }

    /// A mail program's session, signed in.
    pub fn sign_in(&self, login: &str, password: &str) -> io::Result<Client> {
        let mut client = Client::tls(self.doors.implicit_tls, &self.client)?;
        client.reply()?;
        client.sign_in(login, password)?;
        Ok(client)
    }
}

/// A kill that waits for its moment.
pub struct Plug {
    kill: Kill,
    tracer: Running,
}

fn copy_tree(from: &Path, to: &Path) {
    for entry in fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let target = to.join(entry.file_name());
        if entry.file_type().unwrap().is_dir() {
            fs::DirBuilder::new().mode(0o700).create(&target).unwrap();
            copy_tree(&entry.path(), &target);
        } else {
            fs::copy(entry.path(), &target).unwrap();
        }
    }
}
