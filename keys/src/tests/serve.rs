//! Server identities and client certificates.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::sync::Arc;

use policy::Domain;
use rcgen::{CertificateParams, ExtendedKeyUsagePurpose};
use rustls::ClientConfig;
use rustls::pki_types::ServerName;
use tokio::io::AsyncReadExt;
use tokio_rustls::{TlsAcceptor, TlsConnector};

use super::pki::{Authority, Identity, meet_config, server};
use crate::certificate::{self, CertificateFacts};
use crate::peer::Requirement;
use crate::serve::{ClientCertificates, IdentityError, ServerIdentity, client, server_config};
use crate::verifier::PROVIDER;

#[tokio::test]
async fn an_identity_from_files_serves_a_verified_peer() {
    let (folder, ca) = (tempfile::tempdir().unwrap(), Authority::new());
    let issued = ca.issue(&server(&["gate.example"]));
    let (cert, key) = (folder.path().join("cert.pem"), folder.path().join("key.pem"));
    fs::write(&cert, &issued.cert_pem).unwrap();
    fs::write(&key, &issued.key_pem).unwrap();
    for (mode, told) in [(0o644, "chmod 600"), (0o604, "chmod 600"), (0o660, "chmod 600")] {
        fs::set_permissions(&key, fs::Permissions::from_mode(mode)).unwrap();
        let error = ServerIdentity::load(&cert, &key).unwrap_err().to_string();
        assert!(error.contains(told) && error.contains("key.pem"), "{error}");
    }
    fs::set_permissions(&key, fs::Permissions::from_mode(0o600)).unwrap();
    let link = folder.path().join("current.pem");
    std::os::unix::fs::symlink(&key, &link).unwrap();
    let identity = ServerIdentity::load(&cert, &link).unwrap();
    assert_eq!(identity.facts().unwrap().names, ["gate.example"]);
    assert_eq!(format!("{identity:?}"), "ServerIdentity(…)");
    let config = server_config(&identity, ClientCertificates::None).unwrap();
    let requirement = Requirement::verified(&Domain::parse("gate.example").unwrap(), &ca.roots());
    assert_eq!(meet_config(config, &requirement).await.unwrap().facts().tls_version, "TLS 1.3");
    let missing = ServerIdentity::load(&folder.path().join("none.pem"), &key).unwrap_err().to_string();
    assert!(missing.contains("none.pem"), "{missing}");
}

#[test]
fn an_identity_that_does_not_fit_is_refused() {
    fn check(cert: &str, key: &str, told: &str) {
        let error = ServerIdentity::from_pem(cert, key).unwrap_err();
        assert!(error.to_string().contains(told), "{error}");
    }
    let (one, two) = (Identity::self_signed(&server(&["a.example"])), Identity::self_signed(&server(&["a.example"])));
    check(&one.cert_pem, &two.key_pem, "does not belong");
    check("", &one.key_pem, "no certificate");
    check(&one.key_pem, &one.key_pem, "no certificate");
    check(&one.cert_pem, "", "no private key");
    check(&one.cert_pem, &one.cert_pem, "no private key");
    check(
        &one.cert_pem,
        "-----BEGIN ENCRYPTED PRIVATE KEY-----\nAAAA\n-----END ENCRYPTED PRIVATE KEY-----\n",
        "passphrase",
    );
    let nonsense = "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n";
    check(nonsense, &one.key_pem, "no certificate");
    assert!(matches!(ServerIdentity::from_pem(nonsense, &one.key_pem), Err(IdentityError::Certificate)));
}

fn person(purpose: ExtendedKeyUsagePurpose) -> CertificateParams {
    let mut params = server(&["client.example"]);
    params.extended_key_usages = vec![purpose];
    params
}

/// Shows this certificate to a server that asks; what the server sees, or `Err` when there was no session.
async fn show(ca: &Authority, shown: Option<Identity>) -> Result<Option<CertificateFacts>, std::io::Error> {
    let issued = ca.issue(&server(&["gate.example"]));
    let identity = ServerIdentity::from_pem(&issued.cert_pem, &issued.key_pem).unwrap();
    let config = server_config(&identity, ClientCertificates::Optional(ca.roots())).unwrap();
    let builder = ClientConfig::builder_with_provider(PROVIDER.clone())
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(ca.roots().store().clone());
    let client_config = match shown {
        None => builder.with_no_client_auth(),
        Some(shown) => builder.with_client_auth_cert(shown.chain, shown.key).unwrap(),
    };
    let (ours, theirs) = tokio::io::duplex(1 << 16);
    let visitor = tokio::spawn(async move {
        let name = ServerName::try_from("gate.example").unwrap();
        let mut stream = TlsConnector::from(Arc::new(client_config)).connect(name, theirs).await?;
        stream.read(&mut [0; 1]).await
    });
    let served = TlsAcceptor::from(config).accept(ours).await.map(|stream| client(stream.get_ref().1));
    let _ = visitor.await.unwrap();
    served
}

#[tokio::test]
async fn a_client_certificate_is_optional_but_never_false() {
    let ca = Authority::new();
    assert_eq!(show(&ca, None).await.unwrap(), None);
    let good = ca.issue(&person(ExtendedKeyUsagePurpose::ClientAuth));
    let expected = certificate::sha256_hex(&good.chain[0]);
    let seen = show(&ca, Some(good)).await.unwrap().unwrap();
    assert_eq!((seen.sha256, seen.names), (expected, vec!["client.example".to_owned()]));

    let mut expired = person(ExtendedKeyUsagePurpose::ClientAuth);
    expired.not_after = rcgen::date_time_ymd(2021, 1, 1);
    for wrong in [
        Authority::new().issue(&person(ExtendedKeyUsagePurpose::ClientAuth)),
        Identity::self_signed(&person(ExtendedKeyUsagePurpose::ClientAuth)),
        ca.issue(&person(ExtendedKeyUsagePurpose::ServerAuth)),
        ca.issue(&expired),
    ] {
        assert!(show(&ca, Some(wrong)).await.is_err());
    }
}
