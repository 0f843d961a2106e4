//! The rustls verifier of one connection: which ways of proof are accepted, and which of them held.
//!
//! rustls hands a verifier no data of its caller's, so each handshake gets a verifier and a configuration of its own.
//! No session is ever resumed: a resumed session would carry the proof of another moment.

use std::sync::{Arc, LazyLock, OnceLock};

use aws_lc_rs::digest::{SHA256, digest};
use policy::Proof;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::client::{Resumption, verify_server_cert_signed_by_trust_anchor, verify_server_name};
use rustls::crypto::{CryptoProvider, aws_lc_rs as provider, verify_tls12_signature, verify_tls13_signature};
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::server::ParsedCertificate;
use rustls::{CertificateError, ClientConfig, DigitallySignedStruct, Error, RootCertStore, SignatureScheme};

/// The one provider: named wherever a configuration is built, so that no process default is ever asked.
pub(crate) static PROVIDER: LazyLock<Arc<CryptoProvider>> = LazyLock::new(|| Arc::new(provider::default_provider()));

/// One accepted way to show who the peer is.
#[derive(Debug)]
pub(crate) struct Way {
    /// Its word on the agency's record; none at level verified.
    pub proof: Option<Proof>,
    pub check: Check,
}

#[derive(Debug)]
pub(crate) enum Check {
    /// Chain to one of these roots, made for servers, and a name that matches the host (RFC 5280 §6, RFC 9525 §6).
    Chain(Arc<RootCertStore>),
    /// The public key is one of these, by SHA-256 of its SPKI. Replaces chain, name and dates, not the signature.
    Pins(Vec<[u8; 32]>),
}

/// Verifier of one handshake. Any one way will do; the first that holds is remembered.
#[derive(Debug)]
pub(crate) struct Verifier {
    ways: Arc<[Way]>,
    held: OnceLock<Option<Proof>>,
}

impl Verifier {
    pub fn new(ways: Arc<[Way]>) -> Arc<Self> {
        Arc::new(Self { ways, held: OnceLock::new() })
    }

    /// What the peer showed: `None` as long as nothing held, `Some(None)` for level verified.
    pub fn held(&self) -> Option<Option<Proof>> {
        self.held.get().copied()
    }
}

/// TLS 1.2 or later (RFC 9325 §3.1.1); every suite that the provider offers is AEAD with forward secrecy (§4.2).
pub(crate) fn client_config(verifier: Arc<Verifier>) -> Result<ClientConfig, Error> {
    let mut config = ClientConfig::builder_with_provider(PROVIDER.clone())
        .with_protocol_versions(&[&rustls::version::TLS13, &rustls::version::TLS12])?
        .dangerous()
        .with_custom_certificate_verifier(verifier)
        .with_no_client_auth();
    config.resumption = Resumption::disabled();
    Ok(config)
}

impl Check {
    fn holds(
        &self,
        leaf: &ParsedCertificate<'_>,
        others: &[CertificateDer<'_>],
        name: &ServerName<'_>,
        now: UnixTime,
    ) -> Result<(), Error> {
        match self {
            Self::Chain(roots) => {
                let algorithms = PROVIDER.signature_verification_algorithms.all;
                verify_server_cert_signed_by_trust_anchor(leaf, roots, others, now, algorithms)?;
                verify_server_name(leaf, name)
            }
            Self::Pins(pins) => {
                let shown = digest(&SHA256, &leaf.subject_public_key_info());
                let listed = pins.iter().any(|pin| pin == shown.as_ref());
                listed.then_some(()).ok_or(CertificateError::ApplicationVerificationFailure.into())
            }
        }
    }
}

impl ServerCertVerifier for Verifier {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        server_name: &ServerName<'_>,
        _ocsp_response: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        let leaf = ParsedCertificate::try_from(end_entity)?;
        let mut failed = None;
        for way in self.ways.iter() {
            match way.check.holds(&leaf, intermediates, server_name, now) {
                Ok(()) => {
                    let _ = self.held.set(way.proof);
                    return Ok(ServerCertVerified::assertion());
                }
                // One way alone says what is wrong with it; of several, none is to blame more than the others.
                Err(error) if self.ways.len() == 1 => failed = Some(error),
                Err(_) => {}
            }
        }
        Err(failed.unwrap_or_else(|| CertificateError::ApplicationVerificationFailure.into()))
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        verify_tls12_signature(message, cert, dss, &PROVIDER.signature_verification_algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        verify_tls13_signature(message, cert, dss, &PROVIDER.signature_verification_algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        PROVIDER.signature_verification_algorithms.supported_schemes()
    }
}
