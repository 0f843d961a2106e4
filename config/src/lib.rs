//! Sealgate's settings: one annotated TOML file, read strictly into types.
//!
//! The promise: **no setting is misread in silence.** An unknown name, a value out of bounds or a word
//! that is not on the list stops the start, with file, line, key, value, bound and remedy, all faults at
//! once. The defaults are the annotated file itself ([`SAMPLE`]), so the reference cannot drift from them.
//!
//! Not here: secrets (settings name the files that hold them), and what is data rather than settings,
//! such as agencies, staff and consent (`gateway/registers`).

mod check;
mod error;
mod node;
mod read;
mod sample;
mod settings;
mod value;

#[cfg(test)]
mod tests;

use std::path::{Path, PathBuf};

pub use error::{ConfigError, Fault};
pub use sample::{Quickstart, SAMPLE, annotated, quickstart_toml};
pub use settings::{
    Held, Https, Local, Log, Notices, Outbound, Provider, Route, Screening, Settings, Smtp, Storage, TrustedRelay,
};
pub use value::{LogFormat, LogLevel, Network, OdsCode, Resolver, Text, Unread, UtcOffset};

/// What an environment variable that overrides a setting begins with: `SEALGATE__SECTION__KEY`.
pub const OVERRIDE_PREFIX: &str = "SEALGATE__";

impl Settings {
    /// Reads the settings file at `path`, and the overrides in the environment.
    ///
    /// # Errors
    /// When the file cannot be read, or with every fault that it or the environment has.
    pub fn load(path: &Path) -> Result<Self, ConfigError> {
        let path = &std::path::absolute(path).unwrap_or_else(|_| path.to_owned());
        let text =
            std::fs::read_to_string(path).map_err(|source| ConfigError::Read { path: path.to_owned(), source })?;
        let overrides = std::env::vars_os()
            .filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?)))
            .filter(|(name, _)| name.starts_with(OVERRIDE_PREFIX));
        Self::parse_with(&text, &path.display().to_string(), overrides)
    }

    /// Reads settings from `text`; `name` is the file's name in errors, and its folder is where relative paths begin.
    ///
    /// # Errors
    /// With every fault of the text.
    pub fn parse(text: &str, name: &str) -> Result<Self, ConfigError> {
        Self::parse_with(text, name, std::iter::empty())
    }

    /// As [`Settings::parse`], with overrides as `(SEALGATE__SECTION__KEY, value)`; the value is TOML, or plain text.
    ///
    /// # Errors
    /// With every fault of the text and of the overrides.
    pub fn parse_with(
        text: &str,
        name: &str,
        overrides: impl IntoIterator<Item = (String, String)>,
    ) -> Result<Self, ConfigError> {
        let overrides: Vec<_> = overrides.into_iter().collect();
        let mut reader = read::Reader::new(text, name, &overrides)?;
        let settings = Self::read(&mut reader);
        if let Some(settings) = &settings {
            check::across_sections(settings, &mut reader);
        }
        reader.finish(settings)
    }

    /// Every setting with the value in force, as a file that reads back to the same settings.
    ///
    /// Holds no secret, because settings hold none.
    #[must_use]
    pub fn effective_toml(&self) -> String {
        // Serialising plain tables of numbers, words and lists cannot fail; a test holds it to that.
        toml::to_string(self).unwrap_or_default()
    }
}

impl Storage {
    /// The file that holds the storage key: the systemd credential if one is named, else `key_file`.
    ///
    /// `credentials_folder` is what systemd puts into `CREDENTIALS_DIRECTORY`.
    ///
    /// # Errors
    /// When a credential is named and there is no folder of credentials.
    pub fn key_path(&self, credentials_folder: Option<&Path>) -> Result<PathBuf, ConfigError> {
        match (&self.key_credential, credentials_folder) {
            (None, _) => Ok(self.key_file.clone()),
            (Some(name), Some(folder)) => Ok(folder.join(name.as_str())),
            (Some(name), None) => Err(ConfigError::NoCredentials { name: name.as_str().to_owned() }),
        }
    }
}
