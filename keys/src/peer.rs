//! Who is at the other end: what a host must show, the handshake that makes it show it, and the facts that prove it.
//!
//! Not here: which hosts to try (`gateway/outbound`), when to stop waiting, STARTTLS.

use std::marker::PhantomData;
use std::sync::Arc;

use policy::{Agency, Domain, Mailbox, Proof};
use rustls::pki_types::{DnsName, ServerName};
use rustls::{CertificateError, ClientConnection, ProtocolVersion};
use serde::Serialize;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

use crate::certificate;
use crate::level::{Level, Proven, Verified};
pub use crate::roots::{Roots, RootsError};
use crate::verifier::{Check, Verifier, Way, client_config};

/// What the peer at one host must show. Cheap to clone; no two share a TLS session.
pub struct Requirement<L: Level> {
    host: Domain,
    ways: Arc<[Way]>,
    agency: Option<Arc<Agency>>,
    _level: PhantomData<L>,
}

/// A peer that met a requirement of level `L`. Made by [`handshake`] alone.
#[must_use = "a verified peer is what a sealed letter is released to"]
pub struct VerifiedPeer<L: Level> {
    facts: PeerFacts,
    agency: Option<Arc<Agency>>,
    _level: PhantomData<L>,
}

/// What the handshake showed; goes into the evidence of a delivery. Nothing about a person.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct PeerFacts {
    /// The host that was asked for, and named in SNI (RFC 6066 §3).
    pub host: String,
    /// Which proof held; `None` at level verified.
    pub proof: Option<Proof>,
    /// `TLS 1.3` or `TLS 1.2`.
    pub tls_version: String,
    /// The IANA name of the suite, `TLS_AES_256_GCM_SHA384`.
    pub cipher: String,
    /// The key exchange group, `X25519MLKEM768`.
    pub group: String,
    /// SHA-256 of the leaf certificate, 64 lower-case hex digits.
    pub certificate_sha256: String,
    /// SHA-256 of its public key (SPKI), 64 lower-case hex digits.
    pub spki_sha256: String,
    /// Its subject alternative names, at most 64.
    pub names: Vec<String>,
    /// Last second of its validity, since the Unix epoch.
    pub not_after: i64,
}

/// Why no accepted proof can hold for a host, so that it is not even dialled: each proof of the record, and why not.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("host {host} cannot be proven to be the agency's: {}", told(.reasons))]
pub struct NotProvable {
    /// The host that DNS named.
    pub host: Domain,
    /// In the order of the record; empty when the record accepts no proof at all.
    pub reasons: Vec<(Proof, CannotHold)>,
}

/// Why one proof cannot hold, before anybody is asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CannotHold {
    /// `dane` and `mta-sts`.
    #[error("this release does not check it; list `pkix` or `pin` on the record as well")]
    NotYetChecked,
    /// `pkix`, and the host is not among the record's `mx`.
    #[error("the host is not among the record's `mx` names")]
    HostNotListed,
    /// `pkix`, and the record's `ca` is not what it should be.
    #[error("the record's `ca` cannot be used: {0}")]
    Authority(RootsError),
    /// `pin`, and there is none of 64 hex digits.
    #[error("the record lists no `pins` of 64 hex digits")]
    NoPins,
}

/// Why there is no verified peer, told apart as RFC 8460 §4.3 does; its words are `gateway/outbound/diagnosis.rs`.
#[derive(Debug, thiserror::Error)]
pub enum HandshakeError {
    /// No subject alternative name matches the host (RFC 9525 §6.3).
    #[error("the certificate names another host")]
    CertificateHostMismatch,
    /// Out of its validity period, on either side.
    #[error("the certificate has expired, or is not valid yet")]
    CertificateExpired,
    /// Self-signed, of an unknown authority, or not made for servers.
    #[error("the certificate does not chain to a trusted root, or is not made for servers")]
    CertificateNotTrusted,
    /// Several proofs are accepted or the pins are, and none held.
    #[error("no proof on the agency's record holds")]
    ValidationFailure,
    /// Anything else that TLS minds; for operators.
    #[error("TLS failed: {0}")]
    Tls(String),
    /// The connection ended, or never carried TLS.
    #[error("connection lost during the handshake")]
    Io(#[from] std::io::Error),
}

impl Requirement<Verified> {
    /// WebPKI chain, and the certificate names `host` (RFC 9525).
    #[must_use]
    pub fn verified(host: &Domain, roots: &Roots) -> Self {
        let chain = Way { proof: None, check: Check::Chain(roots.store().clone()) };
        Self { host: host.clone(), ways: Arc::from([chain]), agency: None, _level: PhantomData }
    }
}

impl Requirement<Proven> {
    /// Every proof on the agency's record that could hold for `host`; any one will do. `roots` are the public ones: a
    /// record with a `ca` of its own has it in their place.
    ///
    /// # Errors
    /// When none could hold; the host is then not dialled.
    pub fn proven(agency: &Agency, host: &Domain, roots: &Roots) -> Result<Self, NotProvable> {
        let (mut ways, mut reasons) = (Vec::new(), Vec::new());
        for &proof in &agency.proof {
            match way(agency, host, roots, proof) {
                Ok(check) => ways.push(Way { proof: Some(proof), check }),
                Err(why) => reasons.push((proof, why)),
            }
        }
        if ways.is_empty() {
            return Err(NotProvable { host: host.clone(), reasons });
        }
        let agency = Some(Arc::new(agency.clone()));
        Ok(Self { host: host.clone(), ways: ways.into(), agency, _level: PhantomData })
    }
}

/// Handshakes as a client on a stream that is handed in. TLS 1.2 or later, AEAD and forward secrecy only.
///
/// # Errors
/// When no accepted way held, or the connection broke. The stream is gone then: nothing may be said over it in clear.
pub async fn handshake<L: Level, S: AsyncRead + AsyncWrite + Unpin>(
    stream: S,
    requirement: &Requirement<L>,
) -> Result<(TlsStream<S>, VerifiedPeer<L>), HandshakeError> {
    // A host that is no DNS name can be on no certificate.
    let name =
        DnsName::try_from(requirement.host.as_str().to_owned()).map_err(|_| HandshakeError::CertificateHostMismatch)?;
    let verifier = Verifier::new(requirement.ways.clone());
    let config = client_config(verifier.clone()).map_err(|e| HandshakeError::Tls(e.to_string()))?;
    let connecting = TlsConnector::from(Arc::new(config)).connect(ServerName::DnsName(name), stream);
    let stream = connecting.await.map_err(HandshakeError::diagnose)?;

    let proof = verifier.held().ok_or(HandshakeError::ValidationFailure)?;
    let facts = facts(requirement.host.as_str(), proof, stream.get_ref().1)?;
    let agency = requirement.agency.clone();
    Ok((stream, VerifiedPeer { facts, agency, _level: PhantomData }))
}

impl<L: Level> VerifiedPeer<L> {
    /// What it showed.
    #[must_use]
    pub const fn facts(&self) -> &PeerFacts {
        &self.facts
    }

    /// Whether the host is proven to be this recipient's. Never at level verified.
    #[must_use]
    pub fn is_proven_for(&self, to: &Mailbox) -> bool {
        self.agency.as_ref().is_some_and(|agency| agency.is_at(to))
    }
}

impl<L: Level> std::fmt::Debug for VerifiedPeer<L> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("VerifiedPeer").field(&self.facts.host).field(&self.facts.proof).finish()
    }
}

impl<L: Level> Clone for Requirement<L> {
    fn clone(&self) -> Self {
        let Self { host, ways, agency, _level } = self;
        Self { host: host.clone(), ways: ways.clone(), agency: agency.clone(), _level: PhantomData }
    }
}

impl HandshakeError {
    /// rustls wraps its own error in an I/O error; anything else is the connection's.
    fn diagnose(error: std::io::Error) -> Self {
        use CertificateError as Certificate;
        let inner = error.get_ref().and_then(|inner| inner.downcast_ref::<rustls::Error>());
        match inner {
            None => Self::Io(error),
            Some(rustls::Error::InvalidCertificate(why)) => match why {
                Certificate::NotValidForName | Certificate::NotValidForNameContext { .. } => {
                    Self::CertificateHostMismatch
                }
                Certificate::Expired
                | Certificate::ExpiredContext { .. }
                | Certificate::NotValidYet
                | Certificate::NotValidYetContext { .. } => Self::CertificateExpired,
                Certificate::ApplicationVerificationFailure => Self::ValidationFailure,
                _ => Self::CertificateNotTrusted,
            },
            Some(rustls::Error::NoCertificatesPresented) => Self::CertificateNotTrusted,
            Some(other) => Self::Tls(other.to_string()),
        }
    }
}

fn way(agency: &Agency, host: &Domain, roots: &Roots, proof: Proof) -> Result<Check, CannotHold> {
    match proof {
        Proof::Dane | Proof::MtaSts => Err(CannotHold::NotYetChecked),
        Proof::Pkix if !agency.mx.contains(host) => Err(CannotHold::HostNotListed),
        Proof::Pkix => {
            let own = agency.ca.as_deref().map(Roots::from_pem).transpose().map_err(CannotHold::Authority)?;
            Ok(Check::Chain(own.as_ref().unwrap_or(roots).store().clone()))
        }
        Proof::Pin => {
            let pins: Vec<[u8; 32]> = agency.pins.iter().filter_map(|pin| digest_from_hex(pin)).collect();
            if pins.is_empty() { Err(CannotHold::NoPins) } else { Ok(Check::Pins(pins)) }
        }
    }
}

fn digest_from_hex(text: &str) -> Option<[u8; 32]> {
    let mut digest = [0; 32];
    hex::decode_to_slice(text, &mut digest).ok().map(|()| digest)
}

fn facts(host: &str, proof: Option<Proof>, connection: &ClientConnection) -> Result<PeerFacts, HandshakeError> {
    let leaf = connection.peer_certificates().and_then(<[_]>::first).ok_or(HandshakeError::CertificateNotTrusted)?;
    let shown = certificate::facts(leaf).map_err(|e| HandshakeError::Tls(e.to_string()))?;
    let version = match connection.protocol_version() {
        Some(ProtocolVersion::TLSv1_3) => "TLS 1.3",
        Some(ProtocolVersion::TLSv1_2) => "TLS 1.2",
        other => return Err(HandshakeError::Tls(format!("unexpected protocol version {other:?}"))),
    };
    let suite = connection.negotiated_cipher_suite().and_then(|suite| suite.suite().as_str()).unwrap_or_default();
    let group = connection.negotiated_key_exchange_group().map(|group| format!("{:?}", group.name()));
    Ok(PeerFacts {
        host: host.to_owned(),
        proof,
        tls_version: version.to_owned(),
        cipher: suite.replacen("TLS13_", "TLS_", 1),
        group: group.unwrap_or_default(),
        certificate_sha256: shown.sha256,
        spki_sha256: shown.spki_sha256,
        names: shown.names,
        not_after: shown.not_after,
    })
}

fn told(reasons: &[(Proof, CannotHold)]) -> String {
    if reasons.is_empty() {
        return "its record accepts no proof; set `proof`".to_owned();
    }
    let told = reasons.iter().map(|(proof, why)| format!("{proof}: {why}"));
    told.collect::<Vec<_>>().join("; ")
}
