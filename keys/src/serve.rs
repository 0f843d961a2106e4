//! Who we are to those who connect to us, and who they show they are.
//!
//! Not here: accepting connections; which client may do what.

use std::path::Path;
use std::sync::Arc;

use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::server::{NoServerSessionStorage, WebPkiClientVerifier};
use rustls::sign::{CertifiedKey, SingleCertAndKey};
use rustls::{ServerConfig, ServerConnection};

use crate::certificate::{self, CertificateFacts};
use crate::files::{KeyFileError, Links, read};
use crate::peer::Roots;
use crate::verifier::PROVIDER;

/// A certificate chain and its private key. Cheap to clone; the key is never printed.
#[derive(Clone)]
pub struct ServerIdentity(Arc<CertifiedKey>);

/// Whether clients are asked for a certificate.
#[derive(Clone, Debug)]
pub enum ClientCertificates {
    /// They are not asked.
    None,
    /// They are asked and may go without; one that is shown must chain to these roots and be made for clients.
    Optional(Roots),
}

/// Why there is no server identity.
#[derive(Debug, thiserror::Error)]
pub enum IdentityError {
    /// The key's file.
    #[error(transparent)]
    KeyFile(#[from] KeyFileError),
    /// The certificate's file.
    #[error("{path}: {source}")]
    CertificateFile {
        /// Where.
        path: std::path::PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// No certificate in the PEM text.
    #[error("no certificate can be read; give the chain in PEM form, the server's own certificate first")]
    Certificate,
    /// No private key in the PEM text.
    #[error("no private key can be read; give it in PEM form, without a passphrase")]
    Key,
    /// They are not of one pair.
    #[error("the private key does not belong to the first certificate; give the two files that were made together")]
    Mismatch,
    /// rustls refuses it.
    #[error("TLS does not take this identity: {0}")]
    Tls(String),
}

impl ServerIdentity {
    /// Reads two PEM files. The key's must be readable by us alone; both may be symbolic links.
    ///
    /// # Errors
    /// Names the file and the remedy.
    pub fn load(certificate: &Path, key: &Path) -> Result<Self, IdentityError> {
        let key = read(key, Links::Followed)?;
        let chain = std::fs::read(certificate)
            .map_err(|source| IdentityError::CertificateFile { path: certificate.to_owned(), source })?;
        Self::from_bytes(&chain, &key)
    }

    /// Reads two PEM texts: the chain, the server's own certificate first, and its private key.
    ///
    /// # Errors
    /// When one cannot be read, or they do not belong together.
    pub fn from_pem(certificate: &str, key: &str) -> Result<Self, IdentityError> {
        Self::from_bytes(certificate.as_bytes(), key.as_bytes())
    }

    fn from_bytes(chain: &[u8], key: &[u8]) -> Result<Self, IdentityError> {
        let chain: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(chain).collect();
        let chain = chain.ok().filter(|chain| !chain.is_empty()).ok_or(IdentityError::Certificate)?;
        let key = PrivateKeyDer::from_pem_slice(key).map_err(|_| IdentityError::Key)?;
        let key = PROVIDER.key_provider.load_private_key(key).map_err(|_| IdentityError::Key)?;
        let certified = CertifiedKey::new(chain, key);
        match certified.keys_match() {
            Ok(()) => Ok(Self(Arc::new(certified))),
            Err(rustls::Error::InconsistentKeys(_)) => Err(IdentityError::Mismatch),
            Err(_) => Err(IdentityError::Certificate),
        }
    }

    /// What our own certificate says: its names, and when it ends.
    ///
    /// # Errors
    /// When it cannot be read.
    pub fn facts(&self) -> Result<CertificateFacts, IdentityError> {
        let leaf = self.0.end_entity_cert().map_err(|_| IdentityError::Certificate)?;
        certificate::facts(leaf).map_err(|_| IdentityError::Certificate)
    }
}

impl std::fmt::Debug for ServerIdentity {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("ServerIdentity(…)")
    }
}

/// TLS 1.2 or later, AEAD and forward secrecy only. No ALPN: whoever speaks HTTP sets it.
///
/// # Errors
/// When rustls refuses the identity or the roots.
pub fn server_config(
    identity: &ServerIdentity,
    clients: ClientCertificates,
) -> Result<Arc<ServerConfig>, IdentityError> {
    let tls = |error: &dyn std::fmt::Display| IdentityError::Tls(error.to_string());
    let builder = ServerConfig::builder_with_provider(PROVIDER.clone())
        .with_protocol_versions(&[&rustls::version::TLS13, &rustls::version::TLS12])
        .map_err(|error| tls(&error))?;
    let resolver = Arc::new(SingleCertAndKey::from(identity.0.clone()));
    let mut config = match clients {
        ClientCertificates::None => builder.with_no_client_auth().with_cert_resolver(resolver),
        ClientCertificates::Optional(roots) => {
            let verifier = WebPkiClientVerifier::builder_with_provider(roots.store().clone(), PROVIDER.clone())
                .allow_unauthenticated()
                .build()
                .map_err(|error| tls(&error))?;
            builder.with_client_cert_verifier(verifier).with_cert_resolver(resolver)
        }
    };
    // A resumed session would bring back a client certificate that has expired since.
    config.session_storage = Arc::new(NoServerSessionStorage {});
    config.send_tls13_tickets = 0;
    Ok(Arc::new(config))
}

/// What the client's certificate says, if it showed one; it then chains to the roots that were asked for.
#[must_use]
pub fn client(connection: &ServerConnection) -> Option<CertificateFacts> {
    let leaf = connection.peer_certificates()?.first()?;
    certificate::facts(leaf).ok()
}
