//! Who plays which part: the parts of the build itself, or real programs (`make demo REAL=1`).

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use keys::open::OpeningKey;
use keys::serve::{ClientCertificates, ServerIdentity, server_config};

use super::clinician::{self, Writing};
use super::peer::{Peer, Speaks};
use super::postfix::Postfix;
use super::world::{Authority, Broken, CLINICIAN, LOGIN, PASSWORD};

/// Who plays.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Cast {
    /// Nothing but the build.
    Ourselves,
    /// Postfix receives, swaks submits, `age` opens.
    RealPrograms,
}

/// The practice's mail server.
pub enum Practice {
    /// Our own small peer.
    Peer(Peer),
    /// Postfix.
    Postfix(Postfix),
}

/// The solicitor's program for sealed files, and the key that only they have.
pub enum Opener {
    /// The age crate.
    Ourselves {
        /// Their key.
        key: OpeningKey,
        /// What they told the provider.
        recipient: String,
    },
    /// The `age` program.
    Age {
        /// Their key's file.
        identity: PathBuf,
        /// What they told the provider.
        recipient: String,
    },
}

impl Practice {
    pub(super) async fn start(cast: Cast, authority: &Authority, host: &str) -> Result<Self, Broken> {
        let (certificate, key) = authority.leaf(&[host])?;
        Ok(match cast {
            Cast::RealPrograms => Self::Postfix(Postfix::start(host, "elm-surgery.example", &certificate, &key).await?),
            Cast::Ourselves => {
                let identity = ServerIdentity::from_pem(&certificate, &key)?;
                Self::Peer(Peer::start(Speaks::Tls(server_config(&identity, ClientCertificates::None)?)).await?)
            }
        })
    }

    /// Where it listens.
    #[must_use]
    pub const fn address(&self) -> SocketAddr {
        match self {
            Self::Peer(peer) => peer.address(),
            Self::Postfix(postfix) => postfix.address(),
        }
    }

    /// The messages that it has.
    #[must_use]
    pub fn mail(&self) -> Vec<Vec<u8>> {
        match self {
            Self::Peer(peer) => peer.arrived(),
            Self::Postfix(postfix) => postfix.mail(),
        }
    }
}

impl Opener {
    pub(super) fn new(cast: Cast, folder: &Path) -> Result<Self, Broken> {
        if cast == Cast::Ourselves {
            let key = OpeningKey::fresh();
            let recipient = key.recipient();
            return Ok(Self::Ourselves { key, recipient });
        }
        let identity = folder.join("solicitor.txt");
        let made = Command::new("age-keygen").arg("-o").arg(&identity).output()?;
        let words = String::from_utf8_lossy(&made.stderr);
        let recipient = words.split_whitespace().find(|word| word.starts_with("age1"));
        let recipient = recipient.ok_or("age-keygen named no recipient")?.to_owned();
        Ok(Self::Age { identity, recipient })
    }

    /// What the provider seals to.
    #[must_use]
    pub fn recipient(&self) -> &str {
        match self {
            Self::Ourselves { recipient, .. } | Self::Age { recipient, .. } => recipient,
        }
    }

    /// Opens a sealed file.
    ///
    /// # Errors
    /// When it does not open.
    pub fn open(&self, sealed: &[u8]) -> Result<Vec<u8>, Broken> {
        match self {
            Self::Ourselves { key, .. } => {
                let mut opened = Vec::new();
                keys::open::open(std::slice::from_ref(key), sealed, &mut opened)?;
                Ok(opened)
            }
            Self::Age { identity, .. } => {
                run(Command::new("age").arg("-d").arg("-i").arg(identity), sealed.to_vec()).map(|(_, opened)| opened)
            }
        }
    }
}

impl Cast {
    /// Submits a letter as the clinician; the gateway's last words, good or bad.
    ///
    /// # Errors
    /// The gateway's refusal, as the clinician's program shows it.
    pub async fn submit(self, gateway: SocketAddr, ca: &Path, writing: Writing) -> Result<String, String> {
        let message = writing.message(CLINICIAN)?;
        let ca_pem = std::fs::read_to_string(ca).map_err(|error| error.to_string())?;
        if self == Self::Ourselves {
            return clinician::submit(gateway, &ca_pem, (LOGIN, PASSWORD), message).await;
        }
        let mut swaks = Command::new("swaks");
        swaks.args(["--server", "127.0.0.1", "--tls-on-connect", "--tls-verify", "--helo", "clinic.harbour.example"]);
        swaks.arg("--port").arg(gateway.port().to_string()).arg("--tls-ca-path").arg(ca);
        swaks.args(["--tls-sni", "localhost", "--auth", "PLAIN", "--auth-user", LOGIN, "--auth-password", PASSWORD]);
        swaks.args(["--from", CLINICIAN, "--to", writing.to, "--data", "-", "--hide-send", "--no-hints"]);
        let ran = tokio::task::spawn_blocking(move || run(&mut swaks, message.formatted())).await;
        let (succeeded, said) = ran.map_err(|lost| lost.to_string())?.map_err(|error| error.to_string())?;
        let said = String::from_utf8_lossy(&said).into_owned();
        let is_telling = |line: &&str| line.starts_with('5') || line.contains("SG-");
        let reply = said.lines().find(is_telling).unwrap_or(&said).to_owned();
        if succeeded { Ok(reply) } else { Err(reply) }
    }
}

/// Runs a program on this input; whether it succeeded, and what it wrote.
fn run(command: &mut Command, input: Vec<u8>) -> Result<(bool, Vec<u8>), Broken> {
    let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null()).spawn()?;
    let mut stdin = child.stdin.take().ok_or("no pipe to the program")?;
    // A program that ends early closes the pipe; its exit code and words tell more than that.
    let feeding = std::thread::spawn(move || std::io::Write::write_all(&mut stdin, &input));
    let output = child.wait_with_output()?;
    let _ = feeding.join();
    Ok((output.status.success(), output.stdout))
}
