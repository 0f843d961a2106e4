//! The real Sealgate, built for release, in a process of its own, with a register that says yes to the letters of the bench.
//!
//! All settings are the product's own but for the limits that protect it from a sender like ours, and where things lie.

use std::fs::File;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use config::{Settings, annotated};
use gateway::registers::{Registers, User, file};
use gateway::setup::{self, Seams};
use gateway::store::Store;
use tempfile::TempDir;
use toml::{Table, Value};

use crate::build::root;
use crate::ca::Ca;
use crate::peers::age::{Identity, Opener};
use crate::peers::{free_port, until_greets};

/// The record system, known by its address.
pub const SYSTEM: &str = "letters@harbour.example";
/// The clinician, who signs in.
pub const CLINICIAN: &str = "o.lamb@harbour.example";
pub const LOGIN: &str = "dr-lamb";
pub const PASSWORD: &str = "a long enough password";
/// A practice with a proven mail server, and one that holds an age key.
pub const BY_TLS: &str = "letters@elm-surgery.example";
pub const SEALED: &str = "letters@oak-surgery.example";

/// A running gateway.
pub struct Sealgate {
    folder: TempDir,
    child: Child,
    port: u16,
    /// The sealed letters' key.
    pub identity: Identity,
}

impl Sealgate {
    /// Starts with every route leading to the sink.
    pub async fn start(ca: &Ca, sink: SocketAddr) -> Self {
        let program = root().join("target/release/sealgate");
        assert!(program.is_file(), "`make bench` builds {} first", program.display());
        let folder = TempDir::with_prefix("sealgate-bench-").unwrap();
        let port = free_port();
        let identity = Opener::Age.keygen();
        let settings_file = settings(folder.path(), ca, port, sink);
        fill(&settings_file, ca, &identity.recipient).await;
        let words = File::create(folder.path().join("words")).unwrap();
        let mut child = Command::new(program)
            .arg("--config")
            .arg(&settings_file)
            .arg("serve")
            .stdin(Stdio::null())
            .stdout(words.try_clone().unwrap())
            .stderr(words)
            .spawn()
            .unwrap();
        until_greets(port, &mut child, &folder.path().join("words"));
        Self { folder, child, port, identity }
    }

    /// The main process.
    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Where letters are handed in.
    pub fn address(&self) -> SocketAddr {
        ([127, 0, 0, 1], self.port).into()
    }

    /// The end of its log.
    pub fn words(&self) -> String {
        let text = std::fs::read_to_string(self.folder.path().join("words")).unwrap_or_default();
        let lines: Vec<&str> = text.lines().rev().take(20).collect();
        lines.join("\n")
    }
}

impl Drop for Sealgate {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn settings(folder: &Path, ca: &Ca, port: u16, sink: SocketAddr) -> PathBuf {
    let (certificate, key) = ca.leaf(&["sealgate.harbour.example"]).write(folder, "server");
    let roots = ca.write(folder);
    let text = |text: &str| Value::String(text.to_owned());
    let path = |path: &Path| text(path.to_str().unwrap());
    let list = |items: &[&str]| Value::Array(items.iter().map(|item| text(item)).collect());
    let table = |fields: &[(&str, Value)]| {
        Value::Table(fields.iter().map(|(name, value)| ((*name).to_owned(), value.clone())).collect::<Table>())
    };
    let route = |domain: &str| {
        let address = text(&sink.ip().to_string());
        let port = Value::Integer(i64::from(sink.port()));
        let host = text("mx.elm-surgery.example");
        table(&[("domain", text(domain)), ("host", host), ("port", port), ("address", address)])
    };
    let relay = table(&[("address", text("127.0.0.1")), ("staff", text("sys-ehr"))]);
    let written = annotated(&[
        ("provider.name", text("Harbour Talking Therapies")),
        ("provider.ods", text("X9H01")),
        ("provider.domains", list(&["harbour.example"])),
        ("storage.folder", path(&folder.join("data"))),
        ("storage.key_file", path(&folder.join("storage.key"))),
        ("smtp.hostname", text("sealgate.harbour.example")),
        ("smtp.implicit_tls_listen", list(&[])),
        ("smtp.starttls_listen", list(&[&format!("127.0.0.1:{port}")])),
        ("smtp.certificate_file", path(&certificate)),
        ("smtp.private_key_file", path(&key)),
        ("smtp.sessions_per_address_max", Value::Integer(500)),
        ("smtp.messages_per_hour_max", Value::Integer(1_000_000)),
        ("smtp.trusted_relay", Value::Array(vec![relay])),
        ("https.listen", list(&[])),
        ("outbound.roots_file", path(&roots)),
        ("outbound.route", Value::Array(["elm-surgery.example", "oak-surgery.example"].map(route).to_vec())),
        ("notices.from", text("sealgate@harbour.example")),
    ]);
    let file = folder.join("sealgate.toml");
    std::fs::write(&file, written).unwrap();
    file
}

/// Imports the register, beside nobody: the gateway is not there yet.
async fn fill(settings_file: &Path, ca: &Ca, recipient: &str) {
    let settings = Settings::load(settings_file).unwrap();
    let seams = Seams::of_the_system(&settings).unwrap();
    let now = seams.clock.now();
    let text = include_str!("register.toml")
        .replace("{PAST}", &policy::Timestamp(now.0 - 90 * 86_400).to_string())
        .replace("{FUTURE}", &policy::Timestamp(now.0 + 365 * 86_400).to_string())
        .replace("{CA}", ca.pem())
        .replace("{AGE_KEY}", recipient);
    let register = file::parse(&text, "register.toml", &file::Known::default()).unwrap();
    let (home, _) = setup::home(&settings, &seams).unwrap();
    let store = Store::visit(home).await.unwrap();
    let registers = Registers::over(&store);
    registers.import(&register, "adm-reed").await.unwrap();
    let password = keys::password::hash(PASSWORD).unwrap().as_str().to_owned();
    registers.put(&User { login: LOGIN.to_owned(), staff: "dr-lamb".to_owned(), password }, "adm-reed").await.unwrap();
    store.close().await;
}
