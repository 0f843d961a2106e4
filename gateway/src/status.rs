//! One table: what became of a request → exit code, SMTP reply class, HTTP status.
//!
//! The words that go with a reason are the policy's (`policy::Reason`); here are only the codes.

/// What became of it, as every face of the gateway tells it.
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
    /// Not now; later.
    Deferred,
}

/// A status in each language that a face may speak.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Codes {
    /// Process exit code.
    pub exit: u8,
    /// SMTP reply code and enhanced status code (RFC 5321 §4.2, RFC 3463).
    pub smtp: (u16, &'static str),
    /// HTTP status (RFC 9110 §15).
    pub http: u16,
}

impl Status {
    /// The table.
    #[must_use]
    pub const fn codes(self) -> Codes {
        let (exit, smtp, http) = match self {
            Self::Done => (0, (250, "2.0.0"), 202),
            Self::Fault => (1, (451, "4.3.0"), 503),
            Self::Usage => (2, (501, "5.5.4"), 400),
            Self::NotFound => (3, (550, "5.1.1"), 404),
            Self::NotPermitted => (4, (550, "5.7.1"), 403),
            Self::Conflict => (5, (554, "5.6.0"), 409),
            Self::Refused => (10, (550, "5.7.1"), 422),
            Self::Held => (11, (250, "2.0.0"), 202),
            Self::BadConfig => (12, (451, "4.3.5"), 503),
            Self::Unhealthy => (20, (421, "4.3.2"), 503),
            Self::Deferred => (1, (451, "4.3.2"), 503),
        };
        Codes { exit, smtp, http }
    }
}
