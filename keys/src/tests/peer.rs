//! Peers: every certificate that must not pass, and the few that must.

use policy::{Domain, Mailbox, Proof};
use rcgen::{CertificateParams, DnType, ExtendedKeyUsagePurpose};

use super::pki::{Authority, Identity, agency, meet, meet_config, server};
use crate::certificate;
use crate::peer::{CannotHold, HandshakeError, NotProvable, Requirement, Roots, RootsError};
use crate::verifier::PROVIDER;

fn host(name: &str) -> Domain {
    Domain::parse(name).unwrap()
}

async fn check_verified(params: CertificateParams, expected: Result<(), &str>) {
    let ca = Authority::new();
    let requirement = Requirement::verified(&host("mx.practice.example"), &ca.roots());
    let got = meet(&ca.issue(&params), &requirement).await;
    let got = got.map(|peer| assert_eq!(peer.facts().proof, None)).map_err(|error| format!("{error:?}"));
    assert_eq!(got, expected.map_err(str::to_owned));
}

#[tokio::test]
async fn verified_asks_for_chain_name_dates_and_purpose() {
    check_verified(server(&["mx.practice.example"]), Ok(())).await;
    check_verified(server(&["other.example", "MX.Practice.Example"]), Ok(())).await;
    check_verified(server(&["*.practice.example"]), Ok(())).await;
    check_verified(server(&["mx.practise.example"]), Err("CertificateHostMismatch")).await;
    check_verified(server(&["practice.example"]), Err("CertificateHostMismatch")).await;
    check_verified(server(&["*.mx.practice.example"]), Err("CertificateHostMismatch")).await;
    check_verified(server(&["*.example"]), Err("CertificateHostMismatch")).await;

    let mut common_name_only = server(&[]);
    common_name_only.distinguished_name.push(DnType::CommonName, "mx.practice.example");
    check_verified(common_name_only, Err("CertificateHostMismatch")).await;

    let mut expired = server(&["mx.practice.example"]);
    expired.not_after = rcgen::date_time_ymd(2021, 1, 1);
    check_verified(expired, Err("CertificateExpired")).await;

    let mut not_yet = server(&["mx.practice.example"]);
    not_yet.not_before = rcgen::date_time_ymd(2199, 1, 1);
    check_verified(not_yet, Err("CertificateExpired")).await;

    let mut for_clients = server(&["mx.practice.example"]);
    for_clients.extended_key_usages = vec![ExtendedKeyUsagePurpose::ClientAuth];
    check_verified(for_clients, Err("CertificateNotTrusted")).await;
}

#[tokio::test]
async fn verified_asks_for_a_trusted_root() {
    let (ours, other, params) = (Authority::new(), Authority::new(), server(&["mx.practice.example"]));
    let cases = [(other.issue(&params), ours.roots()), (Identity::self_signed(&params), ours.roots())];
    for (identity, roots) in cases.into_iter().chain([(ours.issue(&params), Roots::public())]) {
        let requirement = Requirement::verified(&host("mx.practice.example"), &roots);
        let error = meet(&identity, &requirement).await.unwrap_err();
        assert!(matches!(error, HandshakeError::CertificateNotTrusted), "{error}");
    }
}

#[tokio::test]
async fn facts_say_what_the_handshake_showed() {
    let ca = Authority::new();
    let identity = ca.issue(&server(&["mx.practice.example", "mail.practice.example"]));
    let requirement = Requirement::verified(&host("mx.practice.example"), &ca.roots());
    let peer = meet(&identity, &requirement).await.unwrap();
    let facts = peer.facts();
    assert_eq!(facts.host, "mx.practice.example");
    assert_eq!((facts.tls_version.as_str(), facts.group.as_str()), ("TLS 1.3", "X25519MLKEM768"));
    assert_eq!(facts.cipher, "TLS_AES_256_GCM_SHA384");
    assert_eq!(facts.names, ["mx.practice.example", "mail.practice.example"]);
    assert_eq!(facts.not_after, 7_258_118_400);
    assert_eq!(facts.certificate_sha256, certificate::sha256_hex(&identity.chain[0]));
    assert!(!peer.is_proven_for(&Mailbox::parse("letters@practice.example").unwrap()));
}

#[tokio::test]
async fn tls_1_2_is_enough() {
    let ca = Authority::new();
    let identity = ca.issue(&server(&["mx.practice.example"]));
    let config = rustls::ServerConfig::builder_with_provider(PROVIDER.clone())
        .with_protocol_versions(&[&rustls::version::TLS12])
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(identity.chain.clone(), identity.key.clone_key())
        .unwrap();
    let requirement = Requirement::verified(&host("mx.practice.example"), &ca.roots());
    let peer = meet_config(std::sync::Arc::new(config), &requirement).await.unwrap();
    assert_eq!(peer.facts().tls_version, "TLS 1.2");
    assert!(peer.facts().cipher.starts_with("TLS_ECDHE_"), "{}", peer.facts().cipher);
    assert!(!peer.facts().group.is_empty());
}

#[tokio::test]
async fn a_peer_that_talks_no_tls_is_no_peer() {
    use tokio::io::AsyncWriteExt;
    let requirement = Requirement::verified(&host("mx.practice.example"), &Roots::public());
    for answer in [&b""[..], b"220 not today\r\n", b"HTTP/1.1 400 Bad Request\r\n\r\n"] {
        let (ours, mut theirs) = tokio::io::duplex(1 << 16);
        theirs.write_all(answer).await.unwrap();
        theirs.shutdown().await.unwrap();
        let error = crate::peer::handshake(ours, &requirement).await.map(|_| ()).unwrap_err();
        assert!(matches!(error, HandshakeError::Io(_) | HandshakeError::Tls(_)), "{error:?}");
    }
}

#[tokio::test]
async fn pkix_holds_for_hosts_on_the_record() {
    let ca = Authority::new();
    let mut record = agency(&[Proof::Pkix]);
    record.mx = vec![host("mx.practice.example")];
    let identity = ca.issue(&server(&["mx.practice.example", "mx.elsewhere.example"]));

    let requirement = Requirement::proven(&record, &host("mx.practice.example"), &ca.roots()).unwrap();
    let peer = meet(&identity, &requirement).await.unwrap();
    assert_eq!(peer.facts().proof, Some(Proof::Pkix));
    for (address, expected) in [
        ("letters@practice.example", true),
        ("Letters@Practice.Example", true),
        ("letters@sub.practice.example", false),
        ("letters@other.example", false),
    ] {
        assert_eq!(peer.is_proven_for(&Mailbox::parse(address).unwrap()), expected, "{address}");
    }

    let refused = Requirement::proven(&record, &host("mx.elsewhere.example"), &ca.roots()).map(|_| ()).unwrap_err();
    assert_eq!(refused.reasons, [(Proof::Pkix, CannotHold::HostNotListed)]);

    let stranger = ca.issue(&server(&["mx.elsewhere.example"]));
    let error = meet(&stranger, &requirement).await.unwrap_err();
    assert!(matches!(error, HandshakeError::CertificateHostMismatch), "{error}");
}

#[tokio::test]
async fn a_records_own_authority_stands_in_place_of_the_public_roots() {
    let (public, own) = (Authority::new(), Authority::new());
    let mut record = agency(&[Proof::Pkix]);
    record.mx = vec![host("mx.practice.example")];
    record.ca = Some(own.pem());
    let requirement = Requirement::proven(&record, &host("mx.practice.example"), &public.roots()).unwrap();
    let params = server(&["mx.practice.example"]);
    assert_eq!(meet(&own.issue(&params), &requirement).await.unwrap().facts().proof, Some(Proof::Pkix));
    let error = meet(&public.issue(&params), &requirement).await.unwrap_err();
    assert!(matches!(error, HandshakeError::CertificateNotTrusted), "{error}");
}

#[tokio::test]
async fn a_pin_replaces_chain_name_and_dates_but_not_the_signature() {
    let mut params = server(&["whatever.example"]);
    params.not_after = rcgen::date_time_ymd(2021, 1, 1);
    let (identity, other) = (Identity::self_signed(&params), Identity::self_signed(&params));
    let mut record = agency(&[Proof::Pin]);
    record.pins = vec!["00".repeat(32), certificate::facts(&identity.chain[0]).unwrap().spki_sha256];
    let requirement = Requirement::proven(&record, &host("mx.practice.example"), &Roots::public()).unwrap();
    assert_eq!(meet(&identity, &requirement).await.unwrap().facts().proof, Some(Proof::Pin));
    let error = meet(&other, &requirement).await.unwrap_err();
    assert!(matches!(error, HandshakeError::ValidationFailure), "{error}");

    // The listed certificate shown by somebody who does not hold its key.
    let thief = Identity { chain: identity.chain.clone(), key: other.key.clone_key(), ..other };
    let resolver = rustls::sign::SingleCertAndKey::from(rustls::sign::CertifiedKey::new(
        thief.chain.clone(),
        PROVIDER.key_provider.load_private_key(thief.key.clone_key()).unwrap(),
    ));
    let config = rustls::ServerConfig::builder_with_provider(PROVIDER.clone())
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_cert_resolver(std::sync::Arc::new(resolver));
    let error = meet_config(std::sync::Arc::new(config), &requirement).await.unwrap_err();
    assert!(matches!(error, HandshakeError::CertificateNotTrusted), "{error}");
}

#[tokio::test]
async fn any_one_accepted_proof_will_do() {
    let ca = Authority::new();
    let identity = ca.issue(&server(&["mx.practice.example"]));
    let pinned = Identity::self_signed(&server(&["mx.practice.example"]));
    let mut record = agency(&[Proof::Dane, Proof::Pkix, Proof::Pin]);
    record.mx = vec![host("mx.practice.example")];
    record.pins = vec![certificate::facts(&pinned.chain[0]).unwrap().spki_sha256];
    let requirement = Requirement::proven(&record, &host("mx.practice.example"), &ca.roots()).unwrap();
    assert_eq!(meet(&identity, &requirement).await.unwrap().facts().proof, Some(Proof::Pkix));
    assert_eq!(meet(&pinned, &requirement).await.unwrap().facts().proof, Some(Proof::Pin));
    let neither = Identity::self_signed(&server(&["mx.practice.example"]));
    let error = meet(&neither, &requirement).await.unwrap_err();
    assert!(matches!(error, HandshakeError::ValidationFailure), "{error}");
}

#[test]
fn what_cannot_be_proven_is_not_dialled() {
    fn check(record: &policy::Agency, expected: &[(Proof, CannotHold)], told: &str) {
        let refused = Requirement::proven(record, &host("mx.practice.example"), &Roots::public()).map(|_| ());
        let error = refused.unwrap_err();
        assert_eq!(error, NotProvable { host: host("mx.practice.example"), reasons: expected.to_vec() });
        assert!(error.to_string().contains(told), "{error}");
    }
    check(&agency(&[]), &[], "accepts no proof");
    check(&agency(&[Proof::Dane]), &[(Proof::Dane, CannotHold::NotYetChecked)], "dane: this release");
    check(&agency(&[Proof::MtaSts]), &[(Proof::MtaSts, CannotHold::NotYetChecked)], "mta-sts: this release");
    check(&agency(&[Proof::Pin]), &[(Proof::Pin, CannotHold::NoPins)], "pin: the record lists no");
    let mut record = agency(&[Proof::Pkix, Proof::Pin]);
    record.pins = vec!["not hex".to_owned(), "ab".to_owned()];
    let both = [(Proof::Pkix, CannotHold::HostNotListed), (Proof::Pin, CannotHold::NoPins)];
    check(&record, &both, "`mx` names; pin:");
    let mut record = agency(&[Proof::Pkix]);
    record.mx = vec![host("mx.practice.example")];
    record.ca = Some("nonsense".to_owned());
    check(&record, &[(Proof::Pkix, CannotHold::Authority(RootsError::NoCertificate))], "no CERTIFICATE");
}

#[test]
fn roots_are_read_whole_or_not_at_all() {
    fn check(pem: &str, expected: Result<(), RootsError>) {
        assert_eq!(Roots::from_pem(pem).map(|_| ()), expected);
    }
    let (one, two) = (Authority::new().pem(), Authority::new().pem());
    check(&format!("{one}{two}"), Ok(()));
    check("", Err(RootsError::NoCertificate));
    check("-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n", Err(RootsError::Certificate(1)));
    check(
        &format!("{one}-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"),
        Err(RootsError::Certificate(2)),
    );
    check("-----BEGIN CERTIFICATE-----\n!!!!\n-----END CERTIFICATE-----\n", Err(RootsError::Pem));
    check("-----BEGIN CERTIFICATE-----\nAAAA\n", Err(RootsError::Pem));
    let key = rcgen::KeyPair::generate().unwrap().serialize_pem();
    check(&key, Err(RootsError::NoCertificate));
}
