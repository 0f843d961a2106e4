//! The annotated settings file, and copies of it that are filled in.

use std::path::PathBuf;

use policy::Domain;
use toml::Value;

/// The annotated settings: the sample, the defaults and the reference.
pub const SAMPLE: &str = include_str!("../sealgate.toml");

/// What somebody must say before Sealgate can start for them.
#[derive(Clone, Debug)]
pub struct Quickstart {
    /// The organisation, as agencies read it.
    pub provider_name: String,
    /// A number that is answered.
    pub phone: String,
    /// Its mail domain.
    pub domain: Domain,
    /// The name that mail programs connect to.
    pub hostname: Domain,
    /// The data folder.
    pub folder: PathBuf,
}

/// The annotated settings, filled in for a provider. Everything else keeps its default.
#[must_use]
pub fn quickstart_toml(answers: &Quickstart) -> String {
    let Quickstart { provider_name, phone, domain, hostname, folder } = answers;
    annotated(&[
        ("provider.name", Value::from(provider_name.as_str())),
        ("provider.phone", Value::from(phone.as_str())),
        ("provider.domains", Value::from(vec![domain.as_str()])),
        ("storage.folder", Value::from(folder.display().to_string())),
        ("smtp.hostname", Value::from(hostname.as_str())),
        ("notices.from", Value::from(format!("sealgate@{domain}"))),
    ])
}

/// The annotated settings with other values for some `section.key`; one that is commented out is switched on.
/// A name that is not in the sample is left out.
#[must_use]
pub fn annotated(values: &[(&str, Value)]) -> String {
    let mut section = "";
    let mut filled = String::with_capacity(SAMPLE.len());
    for line in SAMPLE.lines() {
        if let Some(name) = line.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')) {
            section = name;
        }
        let value = setting_of(line).and_then(|key| {
            let is_this = |name: &str| name.split_once('.') == Some((section, key));
            values.iter().find(|(name, _)| is_this(name)).map(|(_, value)| (key, value))
        });
        match value {
            Some((key, value)) => filled.push_str(&format!("{key} = {value}")),
            None => filled.push_str(line),
        }
        filled.push('\n');
    }
    filled
}

/// The setting that a line of the sample sets, also when it is commented out.
pub(crate) fn setting_of(line: &str) -> Option<&str> {
    let (key, _) = line.strip_prefix("# ").unwrap_or(line).split_once(" = ")?;
    (!key.is_empty() && key.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'_')).then_some(key)
}
