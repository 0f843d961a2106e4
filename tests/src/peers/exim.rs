//! Real Exim as the mail server of a recipient's domain: takes mail, keeps it in a Maildir, sends nothing.

use std::fs::{self, File};
use std::path::Path;
use std::process::{Child, Stdio};

use tempfile::TempDir;

use super::{Maildir, Tls, as_root, folder, free_port, program, succeed, until_greets};

/// A running Exim.
pub struct Exim {
    folder: TempDir,
    child: Child,
    port: u16,
}

impl Exim {
    /// Starts as the MX `host`, taking mail for every address at `domain`.
    pub fn start(host: &str, domain: &str, tls: Tls) -> Self {
        let (folder, port) = (folder(), free_port());
        let home = folder.path();
        for name in ["spool", "mail"] {
            fs::create_dir(home.join(name)).unwrap();
        }
        fs::write(home.join("exim.conf"), configuration(home, host, domain, &tls)).unwrap();
        succeed(as_root(Path::new("/bin/chown")).args(["-R", "nobody"]).arg(home));
        succeed(as_root(Path::new("/bin/chown")).arg("root").arg(home.join("exim.conf")));
        let words = File::create(home.join("words")).unwrap();
        let mut command = as_root(&program("exim4"));
        command.arg("-C").arg(home.join("exim.conf")).args(["-bdf", "-oX"]).arg(format!("127.0.0.1.{port}"));
        let mut child = command.stdin(Stdio::null()).stdout(words.try_clone().unwrap()).stderr(words).spawn().unwrap();
        until_greets(port, &mut child, &home.join("words"));
        Self { folder, child, port }
    }

    /// Where it listens, on loopback.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// The mail that it took.
    pub fn mail(&self) -> Maildir {
        Maildir::at(self.folder.path().join("mail/inbox"), self.folder.path().join("spool/mainlog"))
    }

    /// Its own log so far.
    pub fn log(&self) -> String {
        fs::read_to_string(self.folder.path().join("spool/mainlog")).unwrap_or_default()
    }
}

impl Drop for Exim {
    fn drop(&mut self) {
        let _ = as_root(Path::new("/bin/kill")).arg(self.child.id().to_string()).output();
        let _ = self.child.wait();
        let _ = as_root(Path::new("/bin/rm")).arg("-rf").arg(self.folder.path()).status();
    }
}

fn configuration(home: &Path, host: &str, domain: &str, tls: &Tls) -> String {
    let (home_text, exim) = (home.display(), program("exim4"));
    let exim = exim.display();
    let tls = match tls {
        Tls::None => "tls_advertise_hosts =".to_owned(),
        Tls::Offers(leaf) => {
            let (cert, key) = leaf.write(home, "server");
            format!("tls_advertise_hosts = *\ntls_certificate = {}\ntls_privatekey = {}", cert.display(), key.display())
        }
    };
    format!(
        "exim_user = nobody
exim_group = nogroup
never_users =
primary_hostname = {host}
spool_directory = {home_text}/spool
log_file_path = {home_text}/spool/%slog
pid_file_path = {home_text}/spool/exim.pid
exim_path = {exim}
keep_environment =
domainlist ours = {domain}
acl_smtp_rcpt = taking
acl_smtp_data = ending
{tls}

begin acl
taking:
  accept domains = +ours
  deny message = this server only receives
ending:
  accept

begin routers
inbox:
  driver = accept
  domains = +ours
  transport = maildir

begin transports
maildir:
  driver = appendfile
  directory = {home_text}/mail/inbox
  maildir_format
  create_directory
  envelope_to_add
  return_path_add
  user = nobody
  group = nogroup
"
    )
}
