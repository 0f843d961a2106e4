//! What a certificate says of itself, for the evidence of a delivery. Never decides trust: rustls does.

use aws_lc_rs::digest::{SHA256, digest};
use x509_parser::extensions::GeneralName;
use x509_parser::prelude::{FromDer, X509Certificate};

/// More names than this are not written down: whoever made the certificate chose how many there are.
const NAMES_MAX: usize = 64;
/// A longer name is no host, mailbox or service that anyone has to recognise (RFC 1035 §2.3.4).
const NAME_CHARS_MAX: usize = 255;

/// What a certificate says of itself. All text is printable ASCII.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CertificateFacts {
    /// SHA-256 of the whole certificate, 64 lower-case hex digits.
    pub sha256: String,
    /// SHA-256 of its public key (SPKI), 64 lower-case hex digits (RFC 7469 §2.4 takes the same bytes).
    pub spki_sha256: String,
    /// Subject alternative names: hosts, mailboxes and URIs, at most 64. The common name does not count (RFC 9525 §2).
    pub names: Vec<String>,
    /// Last second of its validity, since the Unix epoch.
    pub not_after: i64,
}

/// The bytes are no X.509 certificate.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the certificate cannot be read as X.509 (RFC 5280)")]
pub struct Unreadable;

/// Reads a certificate in DER form.
///
/// # Errors
/// When it is not one.
pub fn facts(der: &[u8]) -> Result<CertificateFacts, Unreadable> {
    let (_, certificate) = X509Certificate::from_der(der).map_err(|_| Unreadable)?;
    Ok(CertificateFacts {
        sha256: sha256_hex(der),
        spki_sha256: sha256_hex(certificate.public_key().raw),
        names: names(&certificate),
        not_after: certificate.validity().not_after.timestamp(),
    })
}

pub(crate) fn sha256_hex(bytes: &[u8]) -> String {
    hex::encode(digest(&SHA256, bytes))
}

/// A name with control or non-ASCII characters is left out: it would be written into logs and shown to people.
fn names(certificate: &X509Certificate<'_>) -> Vec<String> {
    let Ok(Some(alternative)) = certificate.subject_alternative_name() else { return Vec::new() };
    let text = |name: &GeneralName<'_>| match name {
        GeneralName::DNSName(text) | GeneralName::RFC822Name(text) | GeneralName::URI(text)
            if text.len() <= NAME_CHARS_MAX && text.bytes().all(|b| b.is_ascii_graphic()) =>
        {
            Some((*text).to_owned())
        }
        _ => None,
    };
    alternative.value.general_names.iter().filter_map(text).take(NAMES_MAX).collect()
}
