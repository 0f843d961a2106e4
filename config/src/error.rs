//! What can be wrong with settings, each fault with its place and its remedy.

use std::fmt;
use std::path::PathBuf;

/// Why settings were not taken.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    /// The file cannot be read.
    #[error(
        "cannot read the settings file {}: {source}; name another with --config, or make one with `sealgate quickstart DOMAIN`",
        path.display()
    )]
    Read {
        /// Where it was looked for.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// Its contents are wrong; every fault is listed.
    #[error("{}", listed(.0))]
    Faults(Vec<Fault>),
    /// A systemd credential is named, and the service was started without credentials.
    #[error(
        "storage.key_credential names `{name}`, but CREDENTIALS_DIRECTORY is not set; add LoadCredentialEncrypted={name} to the unit, or use storage.key_file"
    )]
    NoCredentials {
        /// The credential's name.
        name: String,
    },
}

/// One thing wrong with the settings. Displays as `file:line: key = value: what is wrong; remedy`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fault {
    /// `file:line`, or the environment variable.
    pub place: String,
    /// `section.key`; empty where the text is no TOML.
    pub key: String,
    /// The value as written, cut short; empty when there is none.
    pub value: String,
    /// What is wrong with it, and the bound that it breaks.
    pub problem: String,
    /// What to do.
    pub remedy: String,
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: ", self.place)?;
        if !self.key.is_empty() {
            f.write_str(&self.key)?;
            if !self.value.is_empty() {
                write!(f, " = {}", self.value)?;
            }
            f.write_str(": ")?;
        }
        write!(f, "{}; {}", self.problem, self.remedy)
    }
}

fn listed(faults: &[Fault]) -> String {
    faults.iter().map(Fault::to_string).collect::<Vec<_>>().join("\n")
}
