//! What reading one letter may cost, and how the child process binds itself to it.

use rustix::process::{Resource, Rlimit, setrlimit};
use serde::{Deserialize, Serialize};

/// How the parent hands its limits to the child: the one variable of the child's environment.
pub(super) const VARIABLE: &str = "SEALGATE_SCREENING_LIMITS";

/// What reading one letter may cost.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Limits {
    /// Seconds that reading may take by the clock, and of processor time.
    pub wall_secs_max: u32,
    /// Bytes of address space of the process that reads; a letter may fill a quarter of it.
    pub memory_bytes_max: u64,
    /// Bytes of text kept of one letter.
    pub text_bytes_max: u64,
    /// How many times its own size a compressed document may unfold to.
    pub expansion_max: u32,
    /// How deep parts may nest in parts.
    pub depth_max: u32,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            wall_secs_max: 20,
            memory_bytes_max: 512 << 20,
            text_bytes_max: 4 << 20,
            expansion_max: 100,
            depth_max: 12,
        }
    }
}

impl Limits {
    /// The limits that the parent handed over, or the defaults where a person runs `sealgate screen` by hand.
    /// `None` where what was handed over cannot be read: then nothing is.
    pub(super) fn handed_over() -> Option<Self> {
        match std::env::var(VARIABLE) {
            Ok(text) => serde_json::from_str(&text).ok(),
            Err(std::env::VarError::NotPresent) => Some(Self::default()),
            Err(std::env::VarError::NotUnicode(_)) => None,
        }
    }

    /// Binds this process, for good. With descriptors 0 to 2 as its only ones, it can open neither file nor socket.
    ///
    /// # Errors
    /// When the system refuses a limit.
    pub(super) fn impose(&self) -> rustix::io::Result<()> {
        let secs = u64::from(self.wall_secs_max);
        for (resource, most) in [
            (Resource::As, self.memory_bytes_max),
            (Resource::Cpu, secs),
            (Resource::Fsize, 0),
            (Resource::Core, 0),
            (Resource::Nofile, 3),
            // Root is above this one; a service that runs as it should is not.
            (Resource::Nproc, 0),
        ] {
            setrlimit(resource, Rlimit { current: Some(most), maximum: Some(most) })?;
        }
        Ok(())
    }

    /// Bytes that one letter may have.
    pub(super) const fn letter_bytes_max(&self) -> u64 {
        self.memory_bytes_max / 4
    }

    /// Bytes that a document of `bytes` may unfold to.
    pub(super) fn unfolded_bytes_max(&self, bytes: usize) -> usize {
        let by_ratio = (bytes as u64).saturating_mul(u64::from(self.expansion_max));
        usize::try_from(by_ratio.min(self.memory_bytes_max / 8)).unwrap_or(usize::MAX)
    }
}
