//! A mail server that follows a script, honest or not, and keeps every byte that it was sent.

use std::collections::HashMap;
use std::pin::Pin;
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll};

use keys::peer::Roots;
use rcgen::{
    BasicConstraints, CertificateParams, CertifiedIssuer, DistinguishedName, DnType, ExtendedKeyUsagePurpose, IsCa,
    KeyPair, SanType,
};
use rustls::ServerConfig;
use rustls::crypto::aws_lc_rs::default_provider;
use rustls::pki_types::PrivateKeyDer;
use tokio::io::{AsyncBufReadExt, AsyncRead, AsyncWrite, AsyncWriteExt, BufReader, ReadBuf};
use tokio_rustls::TlsAcceptor;

use crate::outbound::smtp::Waits;

/// The name that honest certificates bear.
pub const HOST: &str = "mx.practice.example";

/// A throwaway authority.
pub struct Authority(CertifiedIssuer<'static, KeyPair>);

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

    /// Vouches for `name`, in date.
    pub fn server(&self, name: &str) -> TlsAcceptor {
        self.vouch(&params(name))
    }

    /// Vouches for `name`, out of date.
    pub fn expired(&self, name: &str) -> TlsAcceptor {
        let mut params = params(name);
        params.not_after = rcgen::date_time_ymd(2021, 1, 1);
        self.vouch(&params)
    }

    fn vouch(&self, params: &CertificateParams) -> TlsAcceptor {
        let key = KeyPair::generate().unwrap();
        acceptor(&params.signed_by(&key, &self.0).unwrap(), &key)
    }
}

/// A server that vouches for itself.
pub fn self_signed(name: &str) -> TlsAcceptor {
    let key = KeyPair::generate().unwrap();
    acceptor(&params(name).self_signed(&key).unwrap(), &key)
}

fn params(name: &str) -> CertificateParams {
    let mut params = CertificateParams::new([]).unwrap();
    params.subject_alt_names = vec![SanType::DnsName(name.try_into().unwrap())];
    params.distinguished_name = DistinguishedName::new();
    params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
    params.not_before = rcgen::date_time_ymd(2020, 1, 1);
    params.not_after = rcgen::date_time_ymd(2200, 1, 1);
    params
}

fn acceptor(certificate: &rcgen::Certificate, key: &KeyPair) -> TlsAcceptor {
    let config = ServerConfig::builder_with_provider(Arc::new(default_provider()))
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![certificate.der().clone()], PrivateKeyDer::try_from(key.serialize_der()).unwrap())
        .unwrap();
    TlsAcceptor::from(Arc::new(config))
}

/// Waits short enough for a test, long enough for a busy machine.
pub fn waits() -> Waits {
    Waits::standard().at_most(std::time::Duration::from_secs(20))
}

/// What a peer answers. Keys: `banner`, `EHLO`, `STARTTLS`, `banner-tls`, `EHLO-tls`, `MAIL`, `RCPT`, `DATA`, `.`,
/// `RSET`, `QUIT`. The answer `drop` hangs up, `silence` says nothing and goes on listening.
#[derive(Clone)]
pub struct Script {
    pub answers: HashMap<&'static str, String>,
    /// Hangs up after so many octets of a message.
    pub data_bytes_max: Option<usize>,
    /// Said at the first line of a message, before its final dot.
    pub amid_data: Option<&'static str>,
    /// Is TLS spoken from the first byte on?
    pub implicit: bool,
    pub byte_by_byte: bool,
}

impl Script {
    pub fn honest() -> Self {
        let answers = [
            ("banner", "220 mx ESMTP"),
            ("EHLO", "250-mx\r\n250-SIZE 10\r\n250 STARTTLS"),
            ("STARTTLS", "220 2.0.0 go"),
            ("banner-tls", "220 mx ESMTP inside"),
            (
                "EHLO-tls",
                "250-mx\r\n250-PIPELINING\r\n250-SIZE 10000000\r\n250-8BITMIME\r\n250-SMTPUTF8\r\n250-REQUIRETLS\r\n250 DSN",
            ),
            ("MAIL", "250 2.1.0 ok"),
            ("RCPT", "250 2.1.5 ok"),
            ("DATA", "354 go"),
            (".", "250 2.0.0 taken as 4711"),
            ("RSET", "250 2.0.0 reset"),
            ("QUIT", "221 2.0.0 bye"),
        ];
        Self {
            answers: answers.map(|(key, answer)| (key, format!("{answer}\r\n"))).into(),
            data_bytes_max: None,
            amid_data: None,
            implicit: false,
            byte_by_byte: false,
        }
    }

    /// Answers so instead; whole lines, as they are to cross.
    pub fn with(mut self, key: &'static str, answer: &str) -> Self {
        assert!(self.answers.insert(key, answer.to_owned()).is_some(), "{key} is no answer of the script");
        self
    }
}

/// What a peer saw.
#[derive(Clone, Default)]
pub struct Seen {
    /// Every byte as it crossed, ciphertext included.
    pub raw: Arc<Mutex<Vec<u8>>>,
    /// Commands in clear, without CRLF.
    pub clear: Vec<String>,
    /// Commands inside TLS, without CRLF.
    pub inside: Vec<String>,
    /// Whole messages, dots unstuffed.
    pub messages: Vec<String>,
    /// Octets of a message that never ended.
    pub unended: String,
}

impl Seen {
    /// Nothing of a letter, nor of a person, may have crossed in clear: not in a command, not in a byte.
    pub fn assert_nothing_in_clear(&self, marker: &str) {
        for line in &self.clear {
            let verb = line.split(' ').next().unwrap();
            assert!(["EHLO", "STARTTLS", "QUIT"].contains(&verb), "{line} crossed in clear");
        }
        let raw = self.raw.lock().unwrap();
        assert!(!raw.windows(marker.len()).any(|window| window.eq_ignore_ascii_case(marker.as_bytes())));
    }
}

/// Serves one connection by the script until it ends.
pub async fn serve(stream: impl Wire + 'static, script: Script, tls: TlsAcceptor) -> Seen {
    let mut seen = Seen::default();
    let tap = Tap { stream, raw: Arc::clone(&seen.raw), byte_by_byte: script.byte_by_byte };
    let mut lines = BufReader::new(tap);
    if !script.implicit {
        let upgrade = clear(&mut lines, &script, &mut seen).await;
        if !upgrade {
            return seen;
        }
    }
    // What the client sent early would be lost here; it sends nothing before it has its answer.
    let Ok(stream) = tls.accept(lines.into_inner()).await else { return seen };
    let mut lines = BufReader::new(stream);
    if script.implicit && !answer(&mut lines, &script, "banner-tls").await {
        return seen;
    }
    inside(&mut lines, &script, &mut seen).await;
    seen
}

async fn clear(lines: &mut BufReader<impl Wire>, script: &Script, seen: &mut Seen) -> bool {
    if !answer(lines, script, "banner").await {
        return false;
    }
    while let Some(line) = line(lines).await {
        seen.clear.push(line.clone());
        let verb = line.split(' ').next().unwrap().to_owned();
        let key = ["EHLO", "STARTTLS", "QUIT"].into_iter().find(|key| *key == verb);
        if !answer(lines, script, key.unwrap_or("QUIT")).await || key == Some("QUIT") {
            return false;
        }
        if verb == "STARTTLS" && script.answers["STARTTLS"].starts_with("220") {
            return true;
        }
    }
    false
}

async fn inside(lines: &mut BufReader<impl Wire>, script: &Script, seen: &mut Seen) {
    while let Some(line) = line(lines).await {
        seen.inside.push(line.clone());
        let verb = line.split([' ', ':']).next().unwrap();
        let key = ["MAIL", "RCPT", "DATA", "RSET", "QUIT"].into_iter().find(|key| *key == verb).unwrap_or("EHLO-tls");
        if !answer(lines, script, key).await || key == "QUIT" {
            return;
        }
        let takes_data = key == "DATA" && script.answers["DATA"].starts_with("354");
        if takes_data && !(message(lines, script, seen).await && answer(lines, script, ".").await) {
            return;
        }
    }
}

/// Reads up to the final dot; CRLF.CRLF alone ends it.
async fn message(lines: &mut BufReader<impl Wire>, script: &Script, seen: &mut Seen) -> bool {
    loop {
        let Some(line) = line(lines).await else { return false };
        if line == "." {
            seen.messages.push(std::mem::take(&mut seen.unended));
            return true;
        }
        if let Some(words) = script.amid_data.filter(|_| seen.unended.is_empty())
            && (lines.write_all(words.as_bytes()).await.is_err() || lines.flush().await.is_err())
        {
            return false;
        }
        seen.unended.push_str(line.strip_prefix('.').unwrap_or(&line));
        seen.unended.push_str("\r\n");
        if script.data_bytes_max.is_some_and(|most| seen.unended.len() > most) {
            return false;
        }
    }
}

async fn line(lines: &mut BufReader<impl Wire>) -> Option<String> {
    let mut line = Vec::new();
    loop {
        let count = lines.read_until(b'\n', &mut line).await.ok()?;
        if count == 0 {
            return None;
        }
        if line.ends_with(b"\r\n") {
            line.truncate(line.len() - 2);
            return Some(String::from_utf8_lossy(&line).into_owned());
        }
    }
}

async fn answer(lines: &mut BufReader<impl Wire>, script: &Script, key: &str) -> bool {
    match script.answers[key].as_str() {
        "drop" => false,
        "silence" => true,
        "endless" => {
            // Until the client has had enough.
            while lines.write_all(b"250-and so on\r\n").await.is_ok() && lines.flush().await.is_ok() {}
            false
        }
        text => {
            // Two answers in one write are what an injecting server sends.
            lines.write_all(text.as_bytes()).await.is_ok() && lines.flush().await.is_ok()
        }
    }
}

pub trait Wire: AsyncRead + AsyncWrite + Send + Unpin {}
impl<S: AsyncRead + AsyncWrite + Send + Unpin> Wire for S {}

/// A stream that remembers what was read from it, and may write a byte at a time.
struct Tap<S> {
    stream: S,
    raw: Arc<Mutex<Vec<u8>>>,
    byte_by_byte: bool,
}

impl<S: Wire> AsyncRead for Tap<S> {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<std::io::Result<()>> {
        let before = buf.filled().len();
        let read = Pin::new(&mut self.stream).poll_read(cx, buf);
        self.raw.lock().unwrap().extend_from_slice(&buf.filled()[before..]);
        read
    }
}

impl<S: Wire> AsyncWrite for Tap<S> {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<std::io::Result<usize>> {
        let most = if self.byte_by_byte { 1.min(buf.len()) } else { buf.len() };
        Pin::new(&mut self.stream).poll_write(cx, &buf[..most])
    }
    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<std::io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }
    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<std::io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}
