//! Trusted roots: whose signature on a certificate counts.
//!
//! Not here: certificates of the system we run on. What is trusted is in the program or in the operator's file.

use std::sync::Arc;

use rustls::RootCertStore;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;

/// Trusted roots: the public ones, or an operator's PEM file. Never empty; cheap to clone.
#[derive(Clone)]
pub struct Roots(Arc<RootCertStore>);

/// Why a PEM text does not give roots.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RootsError {
    /// Broken base 64 or markers.
    #[error("the text is not well-formed PEM; export the certificate again, with its BEGIN and END lines")]
    Pem,
    /// No `CERTIFICATE` section at all.
    #[error("the PEM text holds no CERTIFICATE section; give the authority's certificate, not its key or a request")]
    NoCertificate,
    /// A section that is no X.509 certificate.
    #[error("certificate number {0} of the PEM text cannot be read as X.509 (RFC 5280)")]
    Certificate(usize),
}

impl Roots {
    /// The roots that Mozilla trusts for servers, as compiled in.
    #[must_use]
    pub fn public() -> Self {
        let anchors = webpki_roots::TLS_SERVER_ROOTS.iter().cloned();
        Self(Arc::new(RootCertStore { roots: anchors.collect() }))
    }

    /// Reads one or more certificates in PEM form (RFC 7468). Every one of them becomes a root.
    ///
    /// # Errors
    /// When a section is broken or no certificate is in it; nothing is skipped silently.
    pub fn from_pem(pem: &str) -> Result<Self, RootsError> {
        let mut store = RootCertStore::empty();
        for (at, certificate) in CertificateDer::pem_slice_iter(pem.as_bytes()).enumerate() {
            let certificate = certificate.map_err(|_| RootsError::Pem)?;
            store.add(certificate).map_err(|_| RootsError::Certificate(at + 1))?;
        }
        if store.is_empty() { Err(RootsError::NoCertificate) } else { Ok(Self(Arc::new(store))) }
    }

    pub(crate) const fn store(&self) -> &Arc<RootCertStore> {
        &self.0
    }
}

impl std::fmt::Debug for Roots {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Roots({})", self.0.len())
    }
}
