//! The real openers of an `application/age` file: `age` (Go) and `rage` (Rust), as an agency would run them.

use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use tempfile::TempDir;

use super::program;

/// Which program.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Opener {
    /// `age`, Debian's package.
    Age,
    /// `rage`, built by cargo.
    Rage,
}

/// Both, to try one file against each.
pub const OPENERS: [Opener; 2] = [Opener::Age, Opener::Rage];

/// A key pair as the program's own key maker wrote it.
pub struct Identity {
    folder: TempDir,
    /// `age1…`
    pub recipient: String,
}

impl Identity {
    /// The identity file.
    pub fn path(&self) -> PathBuf {
        self.folder.path().join("key.txt")
    }
}

impl Opener {
    /// Makes a key pair with `age-keygen` or `rage-keygen`.
    pub fn keygen(self) -> Identity {
        let name = match self {
            Self::Age => "age-keygen",
            Self::Rage => "rage-keygen",
        };
        let folder = TempDir::new().unwrap();
        super::succeed(Command::new(program(name)).arg("-o").arg(folder.path().join("key.txt")));
        let text = fs::read_to_string(folder.path().join("key.txt")).unwrap();
        let recipient = text.lines().find_map(|line| line.strip_prefix("# public key: ")).unwrap().to_owned();
        Identity { folder, recipient }
    }

    /// Opens a sealed file, armoured or not, with the identity file.
    ///
    /// # Errors
    /// The program's own words.
    pub fn open(self, identity: &Path, sealed: &[u8]) -> Result<Vec<u8>, String> {
        self.run(&["-d", "-i", identity.to_str().unwrap()], sealed)
    }

    /// Seals to a recipient, armoured.
    pub fn seal(self, recipient: &str, plain: &[u8]) -> Vec<u8> {
        self.run(&["-a", "-r", recipient], plain).unwrap()
    }

    fn run(self, arguments: &[&str], input: &[u8]) -> Result<Vec<u8>, String> {
        let name = match self {
            Self::Age => "age",
            Self::Rage => "rage",
        };
        let mut child = Command::new(program(name))
            .args(arguments)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let (mut stdin, input) = (child.stdin.take().unwrap(), input.to_vec());
        // A program that stops reading early has said why on its stderr.
        let writer = std::thread::spawn(move || drop(stdin.write_all(&input)));
        let output = child.wait_with_output().unwrap();
        writer.join().unwrap();
        if output.status.success() {
            Ok(output.stdout)
        } else {
            Err(String::from_utf8_lossy(&output.stderr).into_owned())
        }
    }
}

#[test]
fn each_opens_what_the_other_sealed() {
    let letter = b"Subject: Referral\r\n\r\nDear colleague,\r\n".repeat(10_000);
    for maker in OPENERS {
        let identity = maker.keygen();
        for sealer in OPENERS {
            let sealed = sealer.seal(&identity.recipient, &letter);
            for opener in OPENERS {
                let opened = opener.open(&identity.path(), &sealed);
                assert_eq!(opened.as_deref(), Ok(&letter[..]), "{maker:?} {sealer:?} {opener:?}");
            }
        }
    }
}

#[test]
fn neither_opens_for_another_key() {
    for opener in OPENERS {
        let sealed = opener.seal(&opener.keygen().recipient, b"for one reader");
        let said = opener.open(&opener.keygen().path(), &sealed).unwrap_err();
        assert!(!said.is_empty(), "{opener:?} says why");
    }
}
