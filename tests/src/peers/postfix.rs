//! Real Postfix as the mail server of a recipient's domain: takes mail, keeps it in a Maildir, sends nothing.

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::Child;

use tempfile::TempDir;

use super::{Maildir, Tls, as_root, folder, free_port, program, succeed, until_greets};

/// A running Postfix.
pub struct Postfix {
    folder: TempDir,
    child: Child,
    port: u16,
}

impl Postfix {
    /// Starts as the MX `host`, taking mail for every address at `domain`.
    pub fn start(host: &str, domain: &str, tls: Tls) -> Self {
        let (folder, port) = (folder(), free_port());
        let home = folder.path();
        for name in ["etc", "queue", "data", "mail"] {
            fs::create_dir(home.join(name)).unwrap();
        }
        fs::write(home.join("etc/main.cf"), main_cf(home, host, domain, &tls)).unwrap();
        fs::write(home.join("etc/master.cf"), master_cf(port)).unwrap();
        succeed(as_root(Path::new("/bin/chown")).arg("postfix").arg(home.join("data")));
        succeed(as_root(Path::new("/bin/chown")).arg("nobody").arg(home.join("mail")));
        let mut command = as_root(&program("postfix"));
        command.arg("-c").arg(home.join("etc")).arg("start-fg");
        let words = File::create(home.join("words")).unwrap();
        let mut child = command
            .stdin(std::process::Stdio::null())
            .stdout(words.try_clone().unwrap())
            .stderr(words)
            .spawn()
            .unwrap();
        until_greets(port, &mut child, &home.join("words"));
        Self { folder, child, port }
    }

    /// Where it listens, on loopback.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// The mail that it took.
    pub fn mail(&self) -> Maildir {
        Maildir::at(self.folder.path().join("mail/inbox"), self.folder.path().join("words"))
    }

    /// Its own log so far.
    pub fn log(&self) -> String {
        fs::read_to_string(self.folder.path().join("words")).unwrap_or_default()
    }
}

impl Drop for Postfix {
    fn drop(&mut self) {
        let mut stop = as_root(&program("postfix"));
        let _ = stop.arg("-c").arg(self.folder.path().join("etc")).arg("stop").output();
        let _ = self.child.wait();
        // Under sudo the queue belongs to others; as root this finds little left to do.
        let _ = as_root(Path::new("/bin/rm")).arg("-rf").arg(self.folder.path()).status();
    }
}

fn main_cf(home: &Path, host: &str, domain: &str, tls: &Tls) -> String {
    let home_text = home.display();
    let tls = match tls {
        Tls::None => "smtpd_tls_security_level = none".to_owned(),
        Tls::Offers(leaf) => {
            let (cert, key): (PathBuf, PathBuf) = leaf.write(&home.join("etc"), "server");
            format!(
                "smtpd_tls_security_level = may\nsmtpd_tls_received_header = yes\nsmtpd_tls_loglevel = 1\n\
                 smtpd_tls_cert_file = {}\nsmtpd_tls_key_file = {}",
                cert.display(),
                key.display()
            )
        }
    };
    format!(
        "compatibility_level = 3.6
queue_directory = {home_text}/queue
data_directory = {home_text}/data
maillog_file = /dev/stdout
myhostname = {host}
mydestination =
mynetworks =
inet_interfaces = 127.0.0.1
inet_protocols = ipv4
alias_maps =
smtpd_relay_restrictions = reject_unauth_destination
default_transport = error:this server only receives
relay_transport = error:this server only receives
virtual_mailbox_domains = {domain}
virtual_mailbox_base = {home_text}/mail
virtual_mailbox_maps = static:inbox/
virtual_uid_maps = static:65534
virtual_gid_maps = static:65534
{tls}
"
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
error unix - - n - - error
retry unix - - n - - error
discard unix - - n - - discard
virtual unix - n n - - virtual
anvil unix - - n - 1 anvil
scache unix - - n - 1 scache
postlog unix-dgram n - n - 1 postlogd
"
    )
}
