//! Files that a command reads, with a bound, and files that it makes, never over something.

use std::fs::{File, OpenOptions};
use std::io::{ErrorKind, Read, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

use super::out::Failure;
use crate::status::Status;

/// Opens a file to be read.
pub(super) fn open(path: &Path) -> Result<File, Failure> {
    File::open(path).map_err(|error| {
        let status = if error.kind() == ErrorKind::NotFound { Status::NotFound } else { Status::Fault };
        Failure::new(status, format!("cannot read {}: {error}", path.display()))
    })
}

/// The whole of a text file; `-` stands for standard input.
pub(super) fn text(path: &Path, bytes_max: u64) -> Result<String, Failure> {
    String::from_utf8(bytes(path, bytes_max)?)
        .map_err(|_| Failure::new(Status::Usage, format!("{}: is not UTF-8 text", path.display())))
}

/// The whole of a file; `-` stands for standard input.
pub(super) fn bytes(path: &Path, bytes_max: u64) -> Result<Vec<u8>, Failure> {
    if path == Path::new("-") { whole(std::io::stdin(), path, bytes_max) } else { whole(open(path)?, path, bytes_max) }
}

fn whole(from: impl Read, path: &Path, bytes_max: u64) -> Result<Vec<u8>, Failure> {
    let mut bytes = Vec::new();
    from.take(bytes_max.saturating_add(1))
        .read_to_end(&mut bytes)
        .map_err(|error| Failure::new(Status::Fault, format!("cannot read {}: {error}", path.display())))?;
    if bytes.len() as u64 > bytes_max {
        let sentence =
            format!("{}: is longer than {bytes_max} bytes; split it, or give the right file", path.display());
        return Err(Failure::new(Status::Usage, sentence));
    }
    Ok(bytes)
}

/// Makes a file with these permission bits, where there is none.
pub(super) fn make(path: &Path, mode: u32) -> Result<File, Failure> {
    OpenOptions::new().write(true).create_new(true).mode(mode).open(path).map_err(|error| {
        let status = if error.kind() == ErrorKind::AlreadyExists { Status::Conflict } else { Status::Fault };
        Failure::new(status, format!("cannot make {}: {error}", path.display()))
    })
}

/// Fills a file that was just made, durably.
pub(super) fn fill(mut file: File, path: &Path, text: &str) -> Result<(), Failure> {
    file.write_all(text.as_bytes())
        .and_then(|()| file.sync_all())
        .map_err(|error| Failure::new(Status::Fault, format!("cannot write {}: {error}", path.display())))
}
