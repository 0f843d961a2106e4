//! A throwaway authority and the servers it vouches for.

use std::sync::Arc;

use policy::{Agency, AgencyKind, Channel, Domain, Papers, Proof};
use rcgen::{
    BasicConstraints, CertificateParams, CertifiedIssuer, DnType, ExtendedKeyUsagePurpose, IsCa, KeyPair, SanType,
};
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio_rustls::TlsAcceptor;

use crate::level::Level;
use crate::peer::{HandshakeError, Requirement, Roots, VerifiedPeer, handshake};
use crate::verifier::PROVIDER;

/// An authority of its own.
pub struct Authority(CertifiedIssuer<'static, KeyPair>);

/// A certificate and its key.
pub struct Identity {
    pub chain: Vec<CertificateDer<'static>>,
    pub key: PrivateKeyDer<'static>,
    pub cert_pem: String,
    pub key_pem: String,
}

impl Authority {
    pub fn new() -> Self {
        let mut params = CertificateParams::new([]).unwrap();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.distinguished_name.push(DnType::CommonName, "Throwaway Authority");
        Self(CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap())
    }

    pub fn pem(&self) -> String {
        self.0.pem()
    }

    pub fn roots(&self) -> Roots {
        Roots::from_pem(&self.pem()).unwrap()
    }

    pub fn issue(&self, params: &CertificateParams) -> Identity {
        let key = KeyPair::generate().unwrap();
        let certificate = params.signed_by(&key, &self.0).unwrap();
        Identity::of(&certificate, &key)
    }
}

impl Identity {
    pub fn self_signed(params: &CertificateParams) -> Self {
        let key = KeyPair::generate().unwrap();
        Self::of(&params.self_signed(&key).unwrap(), &key)
    }

    fn of(certificate: &rcgen::Certificate, key: &KeyPair) -> Self {
        Self {
            chain: vec![certificate.der().clone()],
            key: PrivateKeyDer::try_from(key.serialize_der()).unwrap(),
            cert_pem: certificate.pem(),
            key_pem: key.serialize_pem(),
        }
    }
}

/// A server certificate for these names, in date.
pub fn server(names: &[&str]) -> CertificateParams {
    let mut params = CertificateParams::new([]).unwrap();
    params.subject_alt_names = names.iter().map(|n| SanType::DnsName((*n).try_into().unwrap())).collect();
    params.distinguished_name = rcgen::DistinguishedName::new();
    params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
    params.not_before = rcgen::date_time_ymd(2020, 1, 1);
    params.not_after = rcgen::date_time_ymd(2200, 1, 1);
    params
}

/// An agency that accepts these proofs.
pub fn agency(proof: &[Proof]) -> Agency {
    Agency {
        id: "ag-1".to_owned(),
        name: "Practice".to_owned(),
        kind: AgencyKind::Gp,
        country: "GB".to_owned(),
        purposes: vec![],
        categories: vec![],
        channels: vec![Channel::TlsEmail],
        addresses: vec![],
        domains: vec![Domain::parse("practice.example").unwrap()],
        suspended: false,
        ods: None,
        only_via: None,
        requested_by: None,
        authorised: None,
        papers: Papers::default(),
        verified: None,
        transfer: None,
        keys: vec![],
        proof: proof.to_vec(),
        mx: vec![],
        pins: vec![],
        ca: None,
        endpoint: None,
    }
}

/// Lets a server with this identity answer one handshake, and says one line each way over it.
pub async fn meet<L: Level>(
    identity: &Identity,
    requirement: &Requirement<L>,
) -> Result<VerifiedPeer<L>, HandshakeError> {
    let config = rustls::ServerConfig::builder_with_provider(PROVIDER.clone())
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(identity.chain.clone(), identity.key.clone_key())
        .unwrap();
    meet_config(Arc::new(config), requirement).await
}

pub async fn meet_config<L: Level>(
    config: Arc<rustls::ServerConfig>,
    requirement: &Requirement<L>,
) -> Result<VerifiedPeer<L>, HandshakeError> {
    let (ours, theirs) = tokio::io::duplex(1 << 16);
    let server = tokio::spawn(async move {
        let mut stream = TlsAcceptor::from(config).accept(theirs).await?;
        stream.write_all(b"220 ready\r\n").await?;
        stream.flush().await
    });
    let met = match handshake(ours, requirement).await {
        Ok((mut stream, peer)) => {
            let mut greeting = [0; 11];
            stream.read_exact(&mut greeting).await?;
            assert_eq!(&greeting, b"220 ready\r\n");
            Ok(peer)
        }
        Err(error) => Err(error),
    };
    let served = server.await.unwrap();
    assert_eq!(met.is_ok(), served.is_ok(), "both ends agree on whether a session stands");
    met
}
