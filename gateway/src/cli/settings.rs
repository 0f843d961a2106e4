//! `sealgate config`: the settings checked, shown and described.

use std::path::Path;

use config::{SAMPLE, Settings};
use keys::serve::ServerIdentity;
use serde_json::json;
use toml::Table;

use super::args::{Config, Shared};
use super::files;
use super::out::{Failure, OrFail, Out, Outcome};
use crate::setup;
use crate::status::Status;

/// No settings file is longer.
const BYTES_MAX: u64 = 1 << 20;

pub(super) fn config(shared: &Shared, out: Out, verb: &Config) -> Outcome {
    match verb {
        Config::Check => check(shared, out)?,
        Config::Show { effective: false } => as_written(shared, out)?,
        Config::Show { effective: true } => {
            let settings = Settings::load(&shared.config).or_fail(Status::BadConfig)?;
            out.data(&settings, settings.effective_toml());
        }
        Config::Describe => out.data(&json!({ "reference": SAMPLE }), SAMPLE),
    }
    Ok(Status::Done)
}

/// The settings themselves, and the certificates that they name. The storage key is made at first start.
fn check(shared: &Shared, out: Out) -> Result<(), Failure> {
    let Settings { smtp, https, outbound, .. } = &Settings::load(&shared.config).or_fail(Status::BadConfig)?;
    let pair = |section: &str, certificate: &Path, key: &Path| {
        let identity = ServerIdentity::load(certificate, key);
        identity.map_err(|error| Failure::new(Status::BadConfig, format!("[{section}] {error}")))
    };
    pair("smtp", &smtp.certificate_file, &smtp.private_key_file)?;
    pair("https", &https.certificate_file, &https.private_key_file)?;
    for roots in [&smtp.client_roots_file, &https.client_roots_file, &outbound.roots_file] {
        setup::roots(roots.as_deref()).or_fail(Status::BadConfig)?;
    }
    let file = shared.config.display().to_string();
    out.data(&json!({ "file": file, "ok": true }), format!("{file}: all is well"));
    Ok(())
}

fn as_written(shared: &Shared, out: Out) -> Result<(), Failure> {
    let text = files::text(&shared.config, BYTES_MAX)?;
    let table: Table = text.parse().map_err(|error: toml::de::Error| {
        let file = shared.config.display();
        Failure::new(Status::BadConfig, format!("{file}: {}; `sealgate config check` says more", error.message()))
    })?;
    out.data(&table, text);
    Ok(())
}
