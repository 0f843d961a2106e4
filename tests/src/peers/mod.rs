//! Real programs, each started on a free port of loopback in a folder of its own, and stopped when dropped.
//!
//! A program that is missing fails the test: `make test` installs them all. None is ever skipped.
#![allow(dead_code, reason = "an instrument may have a part that no story needs today")]

pub mod age;
pub mod exim;
pub mod postfix;
pub mod swaks;

use std::fs;
use std::io::Read;
use std::net::{TcpListener, TcpStream};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use tempfile::TempDir;

use crate::build::root;
use crate::ca::Leaf;
use crate::wait;

/// How a receiving mail server offers TLS.
#[derive(Clone)]
pub enum Tls {
    /// STARTTLS, with this certificate.
    Offers(Leaf),
    /// Never heard of it.
    None,
}

/// A program by name, wherever `make test` may have put it.
pub fn program(name: &str) -> PathBuf {
    let tools = root().join("target/tools");
    let path = std::env::var_os("PATH").unwrap_or_default();
    let folders = std::env::split_paths(&path).chain([
        "/usr/sbin".into(),
        "/sbin".into(),
        tools.join("bin"),
        tools.join("exim/usr/sbin"),
    ]);
    let mut places = folders.map(|folder| folder.join(name));
    places.find(|place| place.is_file()).unwrap_or_else(|| panic!("{name} is missing: `make tools` installs it"))
}

/// The program, run as root: mail servers change their user. `sudo` stands in where the test is not root.
pub fn as_root(program: &Path) -> Command {
    let me = fs::metadata("/proc/self").map(|me| std::os::unix::fs::MetadataExt::uid(&me)).unwrap();
    if me == 0 {
        return Command::new(program);
    }
    let mut sudo = Command::new("sudo");
    sudo.arg("-n").arg(program);
    sudo
}

/// A port on loopback that nothing listens on just now.
pub fn free_port() -> u16 {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
}

/// A temporary folder that other users may walk through, so that a server may keep its own folders in it.
pub fn folder() -> TempDir {
    let folder = TempDir::with_prefix("sealgate-peer-").unwrap();
    fs::set_permissions(folder.path(), fs::Permissions::from_mode(0o755)).unwrap();
    folder
}

/// Runs to the end; fails the test with the program's own words if it fails.
pub fn succeed(command: &mut Command) -> Vec<u8> {
    let output = command.stdin(Stdio::null()).output().unwrap();
    let words = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{command:?}: {}: {words}", output.status);
    output.stdout
}

/// Waits for an SMTP server's `220`.
pub fn until_greets(port: u16, child: &mut Child, log: &Path) {
    let log_text = || fs::read_to_string(log).unwrap_or_default();
    wait::until(
        || format!("an SMTP greeting on port {port}"),
        20,
        || {
            if let Some(status) = child.try_wait().unwrap() {
                panic!("the mail server ended at once: {status}\n{}", log_text());
            }
            let mut stream = TcpStream::connect(("127.0.0.1", port)).ok()?;
            stream.set_read_timeout(Some(Duration::from_secs(5))).ok()?;
            let mut greeting = [0; 3];
            stream.read_exact(&mut greeting).ok()?;
            (&greeting == b"220").then_some(())
        },
    );
}

/// A Maildir, read.
pub struct Maildir {
    path: PathBuf,
    log: PathBuf,
}

impl Maildir {
    /// The folder that holds `new`, `cur` and `tmp`, and the log to show when nothing comes.
    pub fn at(path: PathBuf, log: PathBuf) -> Self {
        Self { path, log }
    }

    /// Messages that have arrived so far, as files' bytes, oldest first.
    pub fn messages(&self) -> Vec<Vec<u8>> {
        let mut paths: Vec<_> =
            fs::read_dir(self.path.join("new")).into_iter().flatten().map(|entry| entry.unwrap().path()).collect();
        paths.sort();
        paths.iter().map(|path| fs::read(path).unwrap()).collect()
    }

    /// Waits for `count` messages in all.
    pub fn wait_for(&self, count: usize) -> Vec<Vec<u8>> {
        let what = || format!("{count} messages\n{}", fs::read_to_string(&self.log).unwrap_or_default());
        wait::until(what, 20, || {
            let messages = self.messages();
            (messages.len() >= count).then_some(messages)
        })
    }
}
