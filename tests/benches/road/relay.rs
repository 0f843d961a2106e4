//! Real Postfix as a plain TLS relay to the same sink: the peer. It takes from loopback without signing in, proves the
//! sink's certificate and name, keeps its queue durable, and neither reads nor decides nor seals.
//!
//! Tuned as its own advice goes: no TLS session cache on disk, no delay of the inflow.

use std::fs::{self, File};
use std::net::SocketAddr;
use std::path::Path;
use std::process::{Child, Stdio};

use tempfile::TempDir;

use crate::ca::Ca;
use crate::peers::{as_root, folder, free_port, program, succeed, until_greets};

/// A running relay.
pub struct Relay {
    folder: TempDir,
    child: Child,
    port: u16,
}

impl Relay {
    /// Starts with everything relayed to the sink.
    pub fn start(ca: &Ca, sink: SocketAddr) -> Self {
        let (folder, port) = (folder(), free_port());
        let home = folder.path();
        for name in ["etc", "queue", "data"] {
            fs::create_dir(home.join(name)).unwrap();
        }
        fs::write(home.join("etc/main.cf"), main_cf(home, ca, sink)).unwrap();
        fs::write(home.join("etc/master.cf"), master_cf(port)).unwrap();
        succeed(as_root(Path::new("/bin/chown")).arg("postfix").arg(home.join("data")));
        let mut command = as_root(&program("postfix"));
        command.arg("-c").arg(home.join("etc")).arg("start-fg");
        let words = File::create(home.join("words")).unwrap();
        let mut child = command.stdin(Stdio::null()).stdout(words.try_clone().unwrap()).stderr(words).spawn().unwrap();
        until_greets(port, &mut child, &home.join("words"));
        Self { folder, child, port }
    }

    /// The process above all of its processes.
    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Where letters are handed in.
    pub fn address(&self) -> SocketAddr {
        ([127, 0, 0, 1], self.port).into()
    }
}

impl Drop for Relay {
    fn drop(&mut self) {
        let mut stop = as_root(&program("postfix"));
        let _ = stop.arg("-c").arg(self.folder.path().join("etc")).arg("stop").output();
        let _ = self.child.wait();
        let _ = as_root(Path::new("/bin/rm")).arg("-rf").arg(self.folder.path()).status();
    }
}

fn main_cf(home: &Path, ca: &Ca, sink: SocketAddr) -> String {
    let (certificate, key) = ca.leaf(&["relay.harbour.example"]).write(&home.join("etc"), "server");
    let (roots, home) = (ca.write(&home.join("etc")), home.display());
    format!(
        "compatibility_level = 3.6
queue_directory = {home}/queue
data_directory = {home}/data
maillog_file = {home}/queue/log
maillog_file_prefixes = {home}
myhostname = relay.harbour.example
mydestination =
mynetworks = 127.0.0.0/8
inet_interfaces = 127.0.0.1
inet_protocols = ipv4
alias_maps =
message_size_limit = 104857600
smtpd_relay_restrictions = permit_mynetworks, reject
smtpd_client_connection_count_limit = 500
smtpd_tls_security_level = encrypt
smtpd_tls_cert_file = {certificate}
smtpd_tls_key_file = {key}
relayhost = [127.0.0.1]:{port}
disable_dns_lookups = yes
smtp_tls_security_level = secure
smtp_tls_secure_cert_match = mx.elm-surgery.example
smtp_tls_CAfile = {roots}
in_flow_delay = 0
",
        certificate = certificate.display(),
        key = key.display(),
        roots = roots.display(),
        port = sink.port(),
    )
}

fn master_cf(port: u16) -> String {
    format!(
        "127.0.0.1:{port} inet n - n - - smtpd
pickup unix n - n 60 1 pickup
cleanup unix n - n - 0 cleanup
qmgr unix n - n 300 1 qmgr
tlsmgr unix - - n 1000? 1 tlsmgr
rewrite unix - - n - - trivial-rewrite
bounce unix - - n - 0 bounce
defer unix - - n - 0 bounce
trace unix - - n - 0 bounce
verify unix - - n - 1 verify
flush unix n - n 1000? 0 flush
proxymap unix - - n - - proxymap
proxywrite unix - - n - 1 proxymap
smtp unix - - n - - smtp
relay unix - - n - - smtp
error unix - - n - - error
retry unix - - n - - error
discard unix - - n - - discard
anvil unix - - n - 1 anvil
scache unix - - n - 1 scache
postlog unix-dgram n - n - 1 postlogd
"
    )
}
