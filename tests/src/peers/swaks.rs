//! Real swaks: a clinician's mail program, submitting a message file over TLS with a password.

use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use tempfile::NamedTempFile;

use super::program;

/// How the client asks for TLS.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Security {
    /// From the first byte (port 465).
    Implicit,
    /// After `STARTTLS` (port 587, and 25 towards an MX).
    StartTls,
    /// None: an attack, or a peer that only talks in clear.
    Clear,
}

/// A submission, ready to run.
pub struct Swaks {
    /// Port on loopback.
    pub port: u16,
    /// How.
    pub security: Security,
    /// Trusted authority; without one, any certificate will do.
    pub ca: Option<PathBuf>,
    /// User and password for `AUTH PLAIN`.
    pub login: Option<(String, String)>,
    /// Reverse-path.
    pub from: String,
    /// Recipients.
    pub to: Vec<String>,
    /// How long it waits for a reply.
    pub patience_secs: u32,
}

/// What became of it.
#[derive(Debug)]
pub struct Submitted {
    /// swaks's own exit code; 0 only if the server took the message.
    pub code: i32,
    /// The whole dialogue, both sides.
    pub transcript: String,
}

impl Swaks {
    /// Without TLS, login or authority.
    pub fn to(port: u16, from: &str, to: &[&str]) -> Self {
        let to = to.iter().map(|address| (*address).to_owned()).collect();
        Self { port, security: Security::Clear, ca: None, login: None, from: from.to_owned(), to, patience_secs: 30 }
    }

    /// With TLS, checked against the authority in this PEM file.
    #[must_use]
    pub fn with_tls(self, security: Security, ca: &Path) -> Self {
        Self { security, ca: Some(ca.to_owned()), ..self }
    }

    /// With `AUTH PLAIN`.
    #[must_use]
    pub fn with_login(self, user: &str, password: &str) -> Self {
        Self { login: Some((user.to_owned(), password.to_owned())), ..self }
    }

    /// Waiting so long for a reply, and no longer.
    #[must_use]
    pub fn patient_for(self, patience_secs: u32) -> Self {
        Self { patience_secs, ..self }
    }

    /// Submits these bytes as they are; only dots are stuffed, and the end is marked.
    pub fn submit(&self, message: &[u8]) -> Submitted {
        let mut file = NamedTempFile::new().unwrap();
        file.write_all(&stuffed(message)).unwrap();
        let mut command = Command::new(program("swaks"));
        command.args(["--server", "127.0.0.1", "--helo", "client.example"]);
        command.arg("--timeout").arg(self.patience_secs.to_string());
        command.arg("--port").arg(self.port.to_string());
        command.args(["--from", &self.from, "--to", &self.to.join(",")]);
        command.arg("--no-data-fixup").arg("--data").arg(format!("@{}", file.path().display()));
        match self.security {
            Security::Implicit => drop(command.arg("--tls-on-connect")),
            Security::StartTls => drop(command.arg("--tls")),
            Security::Clear => {}
        }
        if let Some(ca) = &self.ca {
            command.arg("--tls-verify").arg("--tls-ca-path").arg(ca);
        }
        if let Some((user, password)) = &self.login {
            command.args(["--auth", "PLAIN", "--auth-user", user, "--auth-password", password]);
        }
        let output = command.stdin(Stdio::null()).output().unwrap();
        let transcript = [output.stdout, output.stderr].concat();
        Submitted {
            code: output.status.code().unwrap_or(-1),
            transcript: String::from_utf8_lossy(&transcript).into_owned(),
        }
    }
}

/// RFC 5321 §4.5.2; swaks itself adds the CRLF after the last dot.
fn stuffed(message: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(message.len() + 8);
    for line in message.split_inclusive(|byte| *byte == b'\n') {
        if line.starts_with(b".") {
            out.push(b'.');
        }
        out.extend_from_slice(line);
    }
    if !out.ends_with(b"\r\n") {
        out.extend_from_slice(b"\r\n");
    }
    out.push(b'.');
    out
}
