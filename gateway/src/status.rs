//! One table: what became of a command → exit code (`docs/reference/cli.md`).
//!
//! The doors keep a table each beside their protocol (`intake/smtp/reply.rs`, `intake/https/problem.rs`), and the words of a
//! reason are the policy's (`policy::Reason`).

/// What became of a command.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Status {
    /// Done.
    Done,
    /// It failed, and it is our fault.
    Fault,
    /// It was asked for wrongly.
    Usage,
    /// There is no such thing.
    NotFound,
    /// The person asking may not.
    NotPermitted,
    /// It contradicts what is there.
    Conflict,
    /// The rules refuse it.
    Refused,
    /// It would wait for a fact.
    Held,
    /// The configuration is wrong.
    BadConfig,
    /// The gateway is not well.
    Unhealthy,
}

impl Status {
    /// The exit code.
    #[must_use]
    pub const fn exit(self) -> u8 {
        match self {
            Self::Done => 0,
            Self::Fault => 1,
            Self::Usage => 2,
            Self::NotFound => 3,
            Self::NotPermitted => 4,
            Self::Conflict => 5,
            Self::Refused => 10,
            Self::Held => 11,
            Self::BadConfig => 12,
            Self::Unhealthy => 20,
        }
    }
}
