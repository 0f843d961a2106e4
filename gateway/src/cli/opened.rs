//! `sealgate open`: the agency's side of a sealed letter. Needs no settings and no store.

use std::path::Path;

use keys::open::{OpenError, OpeningKey, open};
use secrecy::{ExposeSecret, SecretString};
use serde_json::json;

use super::args::Open;
use super::files;
use super::out::{Failure, Out, Outcome};
use crate::status::Status;

/// Longer than any file of keys.
const KEYS_BYTES_MAX: u64 = 64 * 1024;

/// The file is opened twice: once to see that it is whole, and only then is a word of it shown.
pub(super) fn open_sealed(out: Out, asked: &Open) -> Outcome {
    let keys = identities(&asked.identity)?;
    let name = asked.file.display();
    let failure = |error: OpenError| {
        let status = if matches!(error, OpenError::NoMatch) { Status::NotPermitted } else { Status::Fault };
        Failure::new(status, format!("{name}: {error}"))
    };
    open(&keys, files::open(&asked.file)?, std::io::sink()).map_err(failure)?;
    let sealed = files::open(&asked.file)?;
    match &asked.output {
        None => {
            open(&keys, sealed, out.bytes()).map_err(failure)?;
        }
        Some(path) => {
            let octets = open(&keys, sealed, files::make(path, 0o600)?).map_err(|error| {
                // What was written is not the letter.
                let _ = std::fs::remove_file(path);
                failure(error)
            })?;
            let to = path.display().to_string();
            out.data(&json!({ "opened": to, "octets": octets }), format!("opened into {to}, {octets} octets"));
        }
    }
    Ok(Status::Done)
}

fn identities(path: &Path) -> Result<Vec<OpeningKey>, Failure> {
    let text = SecretString::from(files::text(path, KEYS_BYTES_MAX)?);
    OpeningKey::parse(text.expose_secret())
        .map_err(|error| Failure::new(Status::Usage, format!("{}: {error}", path.display())))
}
