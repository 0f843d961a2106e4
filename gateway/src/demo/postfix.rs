//! Real Postfix as a practice's mail server, for `make demo REAL=1`: takes mail for one domain, keeps it, sends nothing.

use std::net::{SocketAddr, TcpListener};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use tempfile::TempDir;
use tokio::io::AsyncReadExt;

use super::world::Broken;
use crate::outbound::dial::Dial;

/// Longest that Postfix may take to greet.
const START_TRIES: u32 = 200;
/// Between two looks.
const START_LOOK: Duration = Duration::from_millis(50);

/// A running Postfix; stops when dropped.
pub struct Postfix {
    folder: TempDir,
    child: Child,
    address: SocketAddr,
}

impl Postfix {
    /// Starts as `host`, for every address at `domain`.
    ///
    /// # Errors
    /// When Postfix is missing, may not be started (it wants to be root), or does not greet.
    pub async fn start(host: &str, domain: &str, certificate_pem: &str, key_pem: &str) -> Result<Self, Broken> {
        let folder = TempDir::with_prefix("sealgate-postfix-")?;
        let home = folder.path();
        let address = TcpListener::bind("127.0.0.1:0")?.local_addr()?;
        for name in ["etc", "queue", "data", "mail"] {
            std::fs::create_dir(home.join(name))?;
        }
        std::fs::write(home.join("etc/server.pem"), [key_pem, certificate_pem].concat())?;
        std::fs::write(home.join("etc/main.cf"), main_cf(home, host, domain))?;
        std::fs::write(home.join("etc/master.cf"), master_cf(address.port()))?;
        run(Command::new("chmod").arg("755").arg(home))?;
        run(Command::new("chown").arg("postfix").arg(home.join("data")))?;
        run(Command::new("chown").arg("nobody").arg(home.join("mail")))?;
        let child = Command::new(program())
            .arg("-c")
            .arg(home.join("etc"))
            .arg("start-fg")
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()?;
        let postfix = Self { folder, child, address };
        postfix.greets().await?;
        Ok(postfix)
    }

    /// Where it listens.
    #[must_use]
    pub const fn address(&self) -> SocketAddr {
        self.address
    }

    /// The mail that it keeps, in the order of arrival.
    #[must_use]
    pub fn mail(&self) -> Vec<Vec<u8>> {
        let inbox = self.folder.path().join("mail/inbox/new");
        let Ok(entries) = std::fs::read_dir(inbox) else { return Vec::new() };
        let mut paths: Vec<PathBuf> = entries.filter_map(|entry| Some(entry.ok()?.path())).collect();
        paths.sort();
        paths.iter().filter_map(|path| std::fs::read(path).ok()).collect()
    }

    async fn greets(&self) -> Result<(), Broken> {
        let dial = Dial::new(START_LOOK, Vec::new(), vec![self.address]);
        for _ in 0..START_TRIES {
            if let Ok(mut stream) = dial.connect(self.address).await {
                let mut greeting = [0; 3];
                if stream.read_exact(&mut greeting).await.is_ok() && greeting == *b"220" {
                    return Ok(());
                }
            }
            tokio::time::sleep(START_LOOK).await;
        }
        Err("Postfix does not greet; it wants to be started as root".into())
    }
}

impl Drop for Postfix {
    fn drop(&mut self) {
        let stop = Command::new(program()).arg("-c").arg(self.folder.path().join("etc")).arg("stop").output();
        if stop.is_ok() {
            let _ = self.child.wait();
        }
    }
}

fn program() -> &'static str {
    "/usr/sbin/postfix"
}

fn run(command: &mut Command) -> Result<(), Broken> {
    let output = command.stdin(Stdio::null()).output()?;
    if output.status.success() { Ok(()) } else { Err(String::from_utf8_lossy(&output.stderr).into_owned().into()) }
}

fn main_cf(home: &Path, host: &str, domain: &str) -> String {
    let home = home.display();
    format!(
        "compatibility_level = 3.6
queue_directory = {home}/queue
data_directory = {home}/data
maillog_file = {home}/queue/log
maillog_file_prefixes = {home}
myhostname = {host}
mydestination =
mynetworks =
inet_interfaces = 127.0.0.1
inet_protocols = ipv4
alias_maps =
default_transport = error:this server only receives
smtpd_relay_restrictions = reject_unauth_destination
smtpd_tls_security_level = may
smtpd_tls_chain_files = {home}/etc/server.pem
virtual_mailbox_domains = {domain}
virtual_mailbox_base = {home}/mail
virtual_mailbox_maps = static:inbox/
virtual_uid_maps = static:65534
virtual_gid_maps = static:65534
"
    )
}

fn master_cf(port: u16) -> String {
    format!(
        "127.0.0.1:{port} inet n - n - - smtpd
cleanup unix n - n - 0 cleanup
qmgr unix n - n 300 1 qmgr
tlsmgr unix - - n 1000? 1 tlsmgr
rewrite unix - - n - - trivial-rewrite
bounce unix - - n - 0 bounce
defer unix - - n - 0 bounce
error unix - - n - - error
virtual unix - n n - - virtual
anvil unix - - n - 1 anvil
proxymap unix - - n - - proxymap
postlog unix-dgram n - n - 1 postlogd
"
    )
}
