//! Key files: whose they are and who may read them is checked before a byte of them counts.
//!
//! Not here: what is in them.

use std::fs::File;
use std::io::{self, Read};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use rustix::fs::{Mode, OFlags};
use zeroize::Zeroizing;

/// No key file is longer; what is, is something else.
const BYTES_MAX: u64 = 64 * 1024;

/// The key file cannot be used. Says which, what is wrong, and what to do.
#[derive(Debug, thiserror::Error)]
pub enum KeyFileError {
    /// There is none.
    #[error("{path}: no such file; put the key there, or name the right path")]
    Missing {
        /// Where.
        path: PathBuf,
    },
    /// A symbolic link where the file itself must be.
    #[error("{path}: is a symbolic link; name the file itself")]
    Link {
        /// Where.
        path: PathBuf,
    },
    /// A folder, a pipe or a device.
    #[error("{path}: is not a regular file")]
    NotAFile {
        /// Where.
        path: PathBuf,
    },
    /// Somebody else's.
    #[error("{path}: belongs to user {owner}; run `chown {me} {path}`")]
    Owner {
        /// Where.
        path: PathBuf,
        /// Whose.
        owner: u32,
        /// Whom we run as.
        me: u32,
    },
    /// Others may read or write it.
    #[error(
        "{path}: has mode {mode:04o}, so others may use it; run `chmod 600 {path}` and consider the key known to them"
    )]
    Mode {
        /// Where.
        path: PathBuf,
        /// Permission bits.
        mode: u32,
    },
    /// Longer than any key file.
    #[error("{path}: is longer than {BYTES_MAX} bytes; this is no key file")]
    TooLong {
        /// Where.
        path: PathBuf,
    },
    /// Not what such a file holds.
    #[error("{path}: {what}")]
    Content {
        /// Where.
        path: PathBuf,
        /// What is wrong, and the remedy.
        what: &'static str,
    },
    /// The system refused.
    #[error("{path}: {source}")]
    Io {
        /// Where.
        path: PathBuf,
        /// What it said.
        source: io::Error,
    },
}

/// Whether the path may be a symbolic link: certificate tools keep the current key behind one.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Links {
    Followed,
    Refused,
}

impl KeyFileError {
    pub(crate) fn io(path: &Path, source: io::Error) -> Self {
        Self::Io { path: path.to_owned(), source }
    }

    pub(crate) fn content(path: &Path, what: &'static str) -> Self {
        Self::Content { path: path.to_owned(), what }
    }
}

/// Reads a key file that only we may read, or that systemd handed us.
pub(crate) fn read(path: &Path, links: Links) -> Result<Zeroizing<Vec<u8>>, KeyFileError> {
    let file = open(path, links)?;
    check(path, &file)?;
    let mut bytes = Zeroizing::new(Vec::with_capacity(4096));
    file.take(BYTES_MAX + 1).read_to_end(&mut bytes).map_err(|source| KeyFileError::io(path, source))?;
    if bytes.len() as u64 > BYTES_MAX {
        return Err(KeyFileError::TooLong { path: path.to_owned() });
    }
    Ok(bytes)
}

/// `O_NONBLOCK`, so that a pipe in its place cannot make us wait; the checks are made on what was opened.
fn open(path: &Path, links: Links) -> Result<File, KeyFileError> {
    let mut flags = OFlags::RDONLY | OFlags::CLOEXEC | OFlags::NONBLOCK | OFlags::NOCTTY;
    if links == Links::Refused {
        flags |= OFlags::NOFOLLOW;
    }
    match rustix::fs::open(path, flags, Mode::empty()) {
        Ok(descriptor) => Ok(File::from(descriptor)),
        Err(rustix::io::Errno::NOENT) => Err(KeyFileError::Missing { path: path.to_owned() }),
        Err(rustix::io::Errno::LOOP) => Err(KeyFileError::Link { path: path.to_owned() }),
        Err(errno) => Err(KeyFileError::io(path, errno.into())),
    }
}

fn check(path: &Path, file: &File) -> Result<(), KeyFileError> {
    let about = file.metadata().map_err(|source| KeyFileError::io(path, source))?;
    if !about.is_file() {
        return Err(KeyFileError::NotAFile { path: path.to_owned() });
    }
    let (owner, me, mode) = (about.uid(), rustix::process::geteuid().as_raw(), about.mode() & 0o7777);
    if owner != me && owner != 0 {
        return Err(KeyFileError::Owner { path: path.to_owned(), owner, me });
    }
    // A systemd credential belongs to root and is opened to the service by an access list, whose mask shows as the
    // group's bits (systemd.exec(5), LoadCredential=). Only root's own group could read it besides.
    let allowed = if owner == 0 && about.gid() == 0 { 0o740 } else { 0o700 };
    if mode & !allowed != 0 {
        return Err(KeyFileError::Mode { path: path.to_owned(), mode });
    }
    Ok(())
}
