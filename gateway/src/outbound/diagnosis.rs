//! Why a letter cannot be handed over now, or at all: one closed list, with the words of RFC 8460 §4.3 where it has one.
//!
//! Not here: what the recipient's server says of the letter itself, once a session is open (`smtp::SendFailure`).

use keys::peer::HandshakeError;
use serde::{Serialize, Serializer};

use super::dial::DialError;
use super::replies::Status;

/// What stood in the way of a session.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Diagnosis {
    /// STARTTLS was not offered, or was refused.
    StarttlsNotSupported,
    /// The certificate names another host.
    CertificateHostMismatch,
    /// The certificate has expired.
    CertificateExpired,
    /// The certificate does not chain to a trusted root.
    CertificateNotTrusted,
    /// No proof on the agency's record holds.
    ValidationFailure,
    /// Bytes came between the reply to STARTTLS and the handshake: response injection.
    BytesAfterStarttls,
    /// The handshake failed in another way.
    TlsFailed,
    /// No proof on the agency's record can hold for the host: it was not dialled.
    NotProvable,
    /// The host turned the connection away; its reply code.
    TurnedAway(u16),
    /// The host answered with what is not SMTP.
    NotSmtp,
    /// The connection broke.
    ConnectionLost,
    /// The host did not answer in time.
    TimedOut,
    /// No connection could be made.
    Unreachable,
    /// The name leads to an address on a private or special network.
    AddressNotAllowed,
    /// As many sessions with the host are open as the settings allow.
    Busy,
    /// The domain says that it takes no mail (RFC 7505).
    NullMx,
    /// The domain has neither MX nor address records, or does not exist.
    NoMail,
    /// A look-up of names failed.
    NamesFailed,
    /// The domain's mail leads back to this gateway.
    Loop,
    /// No channel that the agency takes is one that this gateway offers.
    NotOffered,
    /// The agency's sealing keys cannot be used.
    KeyUnusable,
}

/// What can still be done about it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Class {
    /// It cannot be sent now: try again later.
    Now,
    /// It cannot be sent this way at all: try the next channel, or refuse.
    Never,
}

impl Diagnosis {
    /// Its stable word; where RFC 8460 §4.3 has one, that.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::StarttlsNotSupported => "starttls-not-supported",
            Self::CertificateHostMismatch => "certificate-host-mismatch",
            Self::CertificateExpired => "certificate-expired",
            Self::CertificateNotTrusted => "certificate-not-trusted",
            Self::ValidationFailure => "validation-failure",
            Self::BytesAfterStarttls => "bytes-after-starttls",
            Self::TlsFailed => "tls-failed",
            Self::NotProvable => "not-provable",
            Self::TurnedAway(_) => "turned-away",
            Self::NotSmtp => "not-smtp",
            Self::ConnectionLost => "connection-lost",
            Self::TimedOut => "timed-out",
            Self::Unreachable => "unreachable",
            Self::AddressNotAllowed => "address-not-allowed",
            Self::Busy => "busy",
            Self::NullMx => "null-mx",
            Self::NoMail => "no-mail",
            Self::NamesFailed => "names-failed",
            Self::Loop => "loop",
            Self::NotOffered => "not-offered",
            Self::KeyUnusable => "key-unusable",
        }
    }

    /// One plain sentence for the sender. Says nothing about the person, the letter or its recipient.
    #[must_use]
    pub const fn sentence(self) -> &'static str {
        match self {
            Self::StarttlsNotSupported => "Their mail system only talks in the open.",
            Self::CertificateHostMismatch => "Their mail system gave the name of someone else.",
            Self::CertificateExpired => "The proof that their mail system showed is out of date.",
            Self::CertificateNotTrusted => "No one we trust speaks for their mail system.",
            Self::ValidationFailure => "Their mail system did not prove who it is.",
            Self::BytesAfterStarttls => "Someone may have tampered with the line to their mail system.",
            Self::TlsFailed => "We could not agree on a safe way to talk to their mail system.",
            Self::NotProvable => "Our record does not say how to know their mail system.",
            Self::TurnedAway(_) => "Their mail system turned us away.",
            Self::NotSmtp => "Their mail system gave an answer that makes no sense.",
            Self::ConnectionLost => "The line to their mail system broke.",
            Self::TimedOut => "Their mail system did not answer in time.",
            Self::Unreachable => "We could not reach their mail system.",
            Self::AddressNotAllowed => "Their mail address leads to a place we may not call.",
            Self::Busy => "We have many letters for their mail system, and must wait.",
            Self::NullMx => "They do not take mail at this address.",
            Self::NoMail => "We found no mail system for this address.",
            Self::NamesFailed => "We could not look up their mail system.",
            Self::Loop => "Their mail address leads back to us.",
            Self::NotOffered => "They take letters only in a way that we do not offer yet.",
            Self::KeyUnusable => "The key that we hold for them does not work.",
        }
    }

    /// Can it be tried again?
    #[must_use]
    pub const fn class(self) -> Class {
        match self {
            Self::NullMx | Self::Loop | Self::NotProvable | Self::NotOffered => Class::Never,
            _ => Class::Now,
        }
    }

    /// Its enhanced status code: class 5 where it is [`Class::Never`], else 4 (RFC 3463, RFC 7505, RFC 8689).
    #[must_use]
    pub const fn status(self) -> Status {
        let (subject, detail) = match self {
            Self::StarttlsNotSupported | Self::BytesAfterStarttls | Self::TlsFailed => (7, 5),
            Self::CertificateHostMismatch | Self::CertificateExpired | Self::CertificateNotTrusted => (7, 5),
            Self::ValidationFailure | Self::NotProvable => (7, 5),
            Self::TurnedAway(_) => (3, 2),
            Self::NotSmtp => (5, 0),
            Self::ConnectionLost => (4, 2),
            Self::TimedOut | Self::Unreachable | Self::AddressNotAllowed | Self::Busy => (4, 1),
            Self::NullMx => (1, 10),
            Self::NoMail => (4, 4),
            Self::NamesFailed => (4, 3),
            Self::Loop => (4, 6),
            Self::NotOffered => (3, 3),
            Self::KeyUnusable => (7, 5),
        };
        let class = match self.class() {
            Class::Now => 4,
            Class::Never => 5,
        };
        Status::new(class, subject, detail)
    }
}

impl Serialize for Diagnosis {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.word())
    }
}

impl std::fmt::Display for Diagnosis {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.word())
    }
}

/// A diagnosis, with internal words for the operator. Names hosts and proofs, never a letter or a person.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{diagnosis}: {detail}")]
pub struct Obstacle {
    /// What it is.
    pub diagnosis: Diagnosis,
    /// In more words.
    pub detail: String,
}

impl Obstacle {
    /// A diagnosis and the words of what caused it.
    pub fn new(diagnosis: Diagnosis, detail: impl std::fmt::Display) -> Self {
        Self { diagnosis, detail: detail.to_string() }
    }
}

impl From<DialError> for Obstacle {
    fn from(error: DialError) -> Self {
        let diagnosis = match error {
            DialError::NotAllowed => Diagnosis::AddressNotAllowed,
            DialError::TimedOut => Diagnosis::TimedOut,
            DialError::Failed(_) => Diagnosis::Unreachable,
        };
        Self::new(diagnosis, error)
    }
}

impl From<HandshakeError> for Obstacle {
    fn from(error: HandshakeError) -> Self {
        let diagnosis = match error {
            HandshakeError::CertificateHostMismatch => Diagnosis::CertificateHostMismatch,
            HandshakeError::CertificateExpired => Diagnosis::CertificateExpired,
            HandshakeError::CertificateNotTrusted => Diagnosis::CertificateNotTrusted,
            HandshakeError::ValidationFailure => Diagnosis::ValidationFailure,
            HandshakeError::Tls(_) => Diagnosis::TlsFailed,
            HandshakeError::Io(_) => Diagnosis::ConnectionLost,
        };
        Self::new(diagnosis, error)
    }
}
