//! Who is at the other end: our own rustls verifier for each connection, and the facts that prove it.
#![allow(clippy::todo, missing_docs, reason = "skeleton")]
use std::marker::PhantomData;
use std::sync::Arc;

use policy::{Agency, Domain, Proof};
use serde::Serialize;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio_rustls::client::TlsStream;

use crate::level::{Level, Proven, Verified};

/// Trusted roots: the public ones, or an operator's PEM file.
#[derive(Clone)]
pub struct Roots(Arc<rustls::RootCertStore>);
impl Roots {
    #[must_use]
    pub fn public() -> Self {
        todo!()
    }
    pub fn from_pem(_pem: &str) -> Result<Self, RootsError> {
        todo!()
    }
}
#[derive(Debug, thiserror::Error)]
pub enum RootsError {}

/// What the peer at `host` must show.
#[derive(Clone)]
pub struct Requirement<L: Level> {
    _level: PhantomData<L>,
}
impl Requirement<Verified> {
    /// WebPKI chain, and the certificate names `host` (RFC 9525).
    #[must_use]
    pub fn verified(_host: &Domain, _roots: &Roots) -> Self {
        todo!()
    }
}
impl Requirement<Proven> {
    /// Every proof on the agency's record that could hold for `host` (pkix, pin; dane and mta-sts come later); any one will do.
    pub fn proven(_agency: &Agency, _host: &Domain, _roots: &Roots) -> Result<Self, NotProvable> {
        todo!()
    }
}
/// Why no accepted proof can hold for this host (so the host is not even dialled): names each proof and why.
#[derive(Debug, thiserror::Error)]
pub enum NotProvable {}

/// What the handshake showed; goes into the evidence of a delivery.
#[derive(Clone, Debug, Serialize)]
pub struct PeerFacts {
    pub host: String,
    /// Which proof held; `None` at level verified.
    pub proof: Option<Proof>,
    pub tls_version: String,
    pub cipher: String,
    pub group: String,
    pub certificate_sha256: String,
    pub spki_sha256: String,
    pub names: Vec<String>,
    pub not_after: i64,
}

/// A peer that met a requirement of level `L`. Made by [`handshake`] alone.
pub struct VerifiedPeer<L: Level> {
    _facts: PeerFacts,
    _level: PhantomData<L>,
}
impl<L: Level> VerifiedPeer<L> {
    #[must_use]
    pub fn facts(&self) -> &PeerFacts {
        &self._facts
    }
}

/// RFC 8460 §4.3 result words, as a closed list.
#[derive(Debug, thiserror::Error)]
pub enum HandshakeError {
    #[error("the certificate names another host")]
    CertificateHostMismatch,
    #[error("the certificate has expired")]
    CertificateExpired,
    #[error("the certificate does not chain to a trusted root")]
    CertificateNotTrusted,
    #[error("no proof on the agency's record holds")]
    ValidationFailure,
    #[error("TLS failed: {0}")]
    Tls(String),
    #[error("connection lost during the handshake")]
    Io(#[from] std::io::Error),
}

/// Handshakes as a client on a stream that is handed in. TLS 1.2 or later, AEAD and forward secrecy only.
pub async fn handshake<L: Level, S: AsyncRead + AsyncWrite + Unpin>(
    _stream: S,
    _requirement: &Requirement<L>,
) -> Result<(TlsStream<S>, VerifiedPeer<L>), HandshakeError> {
    todo!()
}
