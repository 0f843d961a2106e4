//! A submission door, and a client that plays a dialogue on it.
//!
//! A dialogue is text: `C: ` sends a line with CRLF, `R: ` sends bytes (`\r`, `\n`, `\0`), `S: ` expects a reply
//! that begins so (the last line of it), `T:` does the TLS handshake, `E:` expects the connection to end.

use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use policy::Timestamp;
use rcgen::CertifiedKey;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use rustls::server::WebPkiClientVerifier;
use rustls::{ClientConfig, RootCertStore, ServerConfig};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, duplex};
use tokio::sync::watch;
use tokio::time::timeout;
use tokio_rustls::TlsConnector;

use super::desk::FakeDesk;
use crate::clock::Clock;
use crate::dice::Dice;
use crate::intake::smtp::{Limits, Relay, Submission, TlsStart, Visit, attend};
use crate::intake::{Crowd, Nameplate, Rates};

/// Much longer than any dialogue takes: a test that reaches it has failed.
const PATIENCE: Duration = Duration::from_secs(20);

pub struct House {
    pub door: Arc<Submission<FakeDesk>>,
    client: Arc<ClientConfig>,
    pub tls: Tls,
    closing: watch::Sender<bool>,
    pub from: IpAddr,
}

trait Stream: AsyncRead + AsyncWrite + Unpin + Send {}
impl<T: AsyncRead + AsyncWrite + Unpin + Send> Stream for T {}

pub fn house(limits: Limits) -> House {
    let tls = tls();
    let clock = Clock::standing(Timestamp(1_790_000_000), 3600);
    let door = Submission {
        desk: FakeDesk::default(),
        plate: Nameplate { host: "sealgate.test".into(), phone: "01632 960000".into() },
        limits,
        relays: vec![Relay { address: "192.0.2.25".parse().unwrap(), staff: "sys-ehr".into() }],
        tls: tls.server.clone(),
        dice: Dice::loaded(1),
        crowd: Crowd::new(10, 3),
        rates: Rates::new(clock.clone(), 60, Duration::from_hours(1)),
        clock,
    };
    let (closing, _) = watch::channel(false);
    House { door: Arc::new(door), client: tls.client.clone(), tls, closing, from: "198.51.100.7".parse().unwrap() }
}

/// What both ends of a TLS connection need.
pub struct Tls {
    /// The server's certificate, which is its own root.
    pub root: CertificateDer<'static>,
    /// Asks for a client certificate, and does without.
    pub server: Arc<ServerConfig>,
    pub client: Arc<ClientConfig>,
    /// A client that has a certificate.
    pub certified: Arc<ClientConfig>,
}

pub fn tls() -> Tls {
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let (certificate, key) = self_signed("sealgate.test");
    let (client_certificate, client_key) = self_signed("ehr.example.nhs.uk");
    let roots = |certificate: &CertificateDer<'static>| {
        let mut roots = RootCertStore::empty();
        roots.add(certificate.clone()).unwrap();
        Arc::new(roots)
    };
    let verifier = WebPkiClientVerifier::builder_with_provider(roots(&client_certificate), provider.clone());
    let server = ServerConfig::builder_with_provider(provider.clone())
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_client_cert_verifier(verifier.allow_unauthenticated().build().unwrap())
        .with_single_cert(vec![certificate.clone()], key)
        .unwrap();
    let client = || {
        ClientConfig::builder_with_provider(provider.clone())
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_root_certificates(roots(&certificate))
    };
    let plain = client().with_no_client_auth();
    let certified = client().with_client_auth_cert(vec![client_certificate.clone()], client_key).unwrap();
    Tls { root: certificate, server: Arc::new(server), client: Arc::new(plain), certified: Arc::new(certified) }
}

fn self_signed(name: &str) -> (CertificateDer<'static>, PrivateKeyDer<'static>) {
    let CertifiedKey { cert, signing_key } = rcgen::generate_simple_self_signed(vec![name.to_owned()]).unwrap();
    (CertificateDer::from(cert.der().to_vec()), PrivateKeyDer::try_from(signing_key.serialize_der()).unwrap())
}

impl House {
    /// The gateway begins to shut down.
    pub fn close(&self) {
        self.closing.send_replace(true);
    }

    /// Clients present a certificate from now on.
    pub fn certify(&mut self) {
        self.client = self.tls.certified.clone();
    }

    /// Plays a dialogue on a fresh session, and says which session it was when it goes wrong.
    pub async fn play(&self, start: TlsStart, name: &str, script: &str) {
        let (ours, theirs) = duplex(64 * 1024);
        let visit = Visit { number: 1, from: self.from };
        let door = self.door.clone();
        let closing = self.closing.subscribe();
        let session = tokio::spawn(async move { attend(&door, theirs, start, visit, closing).await });
        let mut player = Player { stream: None, input: Vec::new(), name: name.to_owned() };
        match start {
            TlsStart::Implicit => player.stream = Some(self.handshake(ours).await),
            TlsStart::StartTls => player.stream = Some(Box::new(ours)),
        }
        for line in script.lines().map(str::trim_start).filter(|line| !line.is_empty()) {
            timeout(PATIENCE, self.step(&mut player, line)).await.unwrap_or_else(|_| panic!("{name}: stuck at {line}"));
        }
        drop(player);
        timeout(PATIENCE, session).await.unwrap_or_else(|_| panic!("{name}: the session does not end")).unwrap();
    }

    async fn step(&self, player: &mut Player, line: &str) {
        let (what, text) = line.split_at(2);
        let text = text.strip_prefix(' ').unwrap_or(text);
        match what {
            "C:" => player.send(format!("{text}\r\n").as_bytes()).await,
            "R:" => player.send(&unescaped(text)).await,
            "S:" => player.expect(text).await,
            "E:" => player.expect_end().await,
            "T:" => {
                assert!(player.input.is_empty(), "{}: words before the handshake", player.name);
                let plain = player.stream.take().unwrap();
                player.stream = Some(self.handshake(plain).await);
            }
            _ => panic!("{}: no such step: {line}", player.name),
        }
    }

    async fn handshake(&self, stream: impl Stream + 'static) -> Box<dyn Stream> {
        let name = ServerName::try_from("sealgate.test").unwrap();
        Box::new(TlsConnector::from(self.client.clone()).connect(name, stream).await.unwrap())
    }
}

struct Player {
    stream: Option<Box<dyn Stream>>,
    input: Vec<u8>,
    name: String,
}

impl Player {
    async fn send(&mut self, bytes: &[u8]) {
        // The server may have hung up already: what it said before that is what counts.
        let stream = self.stream.as_mut().unwrap();
        if stream.write_all(bytes).await.is_ok() {
            let _ = stream.flush().await;
        }
    }

    async fn line(&mut self) -> Option<String> {
        loop {
            if let Some(end) = self.input.windows(2).position(|w| w == b"\r\n") {
                let line = self.input.drain(..end + 2).collect::<Vec<_>>();
                return Some(String::from_utf8(line[..end].to_vec()).unwrap());
            }
            if !matches!(self.stream.as_mut().unwrap().read_buf(&mut self.input).await, Ok(1..)) {
                return None;
            }
        }
    }

    async fn expect(&mut self, start: &str) {
        let reply = loop {
            match self.line().await {
                Some(line) if line.as_bytes().get(3) == Some(&b'-') => {}
                Some(line) => break line,
                None => panic!("{}: expected {start:?}, but the connection ended", self.name),
            }
        };
        assert!(reply.starts_with(start), "{}: expected {start:?}, got {reply:?}", self.name);
    }

    async fn expect_end(&mut self) {
        let line = self.line().await;
        assert_eq!(line, None, "{}: expected the end", self.name);
        assert!(self.input.is_empty(), "{}: half a line at the end", self.name);
    }
}

/// `\r`, `\n`, `\0` and `\\` as bytes.
fn unescaped(text: &str) -> Vec<u8> {
    text.replace("\\r", "\r").replace("\\n", "\n").replace("\\0", "\0").into_bytes()
}
