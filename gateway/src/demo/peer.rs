//! A small receiving mail server for the demo's world: it keeps what it is given, and every byte it saw in clear.
//!
//! Not a mail server for anything else: no queue, no relay, no limits beyond a message's size.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use rustls::ServerConfig;
use tokio::io::{AsyncBufReadExt, AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, BufStream};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::time::timeout;
use tokio_rustls::TlsAcceptor;

/// More than any letter of the demo; beyond it the peer hangs up.
const MESSAGE_BYTES_MAX: u64 = 16 << 20;

/// What a peer can do with TLS.
#[derive(Clone)]
pub enum Speaks {
    /// Offers STARTTLS with this certificate.
    Tls(Arc<ServerConfig>),
    /// Offers nothing but clear text.
    ClearOnly,
}

/// A running peer; stops when dropped.
pub struct Peer {
    address: SocketAddr,
    seen: Seen,
    arrivals: watch::Receiver<usize>,
    running: tokio::task::AbortHandle,
}

#[derive(Clone, Default)]
struct Seen {
    in_clear: Arc<Mutex<Vec<u8>>>,
    arrived: Arc<Mutex<Vec<Vec<u8>>>>,
}

impl Seen {
    /// Keeps a message; how many there are now.
    fn keep(&self, message: Vec<u8>) -> usize {
        let mut arrived = self.arrived.lock().unwrap_or_else(PoisonError::into_inner);
        arrived.push(message);
        arrived.len()
    }
}

impl Peer {
    /// Listens on a free port of loopback.
    ///
    /// # Errors
    /// When no port can be had.
    pub async fn start(speaks: Speaks) -> std::io::Result<Self> {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await?;
        let address = listener.local_addr()?;
        let seen = Seen::default();
        let (count, arrivals) = watch::channel(0);
        let running = tokio::spawn(serve(listener, speaks, seen.clone(), count)).abort_handle();
        Ok(Self { address, seen, arrivals, running })
    }

    /// Where it listens.
    #[must_use]
    pub const fn address(&self) -> SocketAddr {
        self.address
    }

    /// Every byte that came outside TLS.
    #[must_use]
    pub fn in_clear(&self) -> Vec<u8> {
        self.seen.in_clear.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Every message that arrived, in order, dots unstuffed.
    #[must_use]
    pub fn arrived(&self) -> Vec<Vec<u8>> {
        self.seen.arrived.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Waits until at least `count` messages have arrived, or for as long as `patience`.
    pub async fn wait_for(&self, count: usize, patience: Duration) {
        let mut arrivals = self.arrivals.clone();
        let _ = timeout(patience, arrivals.wait_for(|so_far| *so_far >= count)).await;
    }
}

impl Drop for Peer {
    fn drop(&mut self) {
        self.running.abort();
    }
}

async fn serve(listener: TcpListener, speaks: Speaks, seen: Seen, count: watch::Sender<usize>) {
    while let Ok((stream, _)) = listener.accept().await {
        let (speaks, seen, count) = (speaks.clone(), seen.clone(), count.clone());
        tokio::spawn(async move {
            let _ = converse(stream, speaks, seen, count).await;
        });
    }
}

/// The clear part of a conversation: a greeting, EHLO, STARTTLS. All of it is kept.
async fn converse(stream: TcpStream, speaks: Speaks, seen: Seen, count: watch::Sender<usize>) -> std::io::Result<()> {
    stream.set_nodelay(true)?;
    let mut stream = BufStream::new(stream);
    say(&mut stream, "220 peer ready").await?;
    loop {
        let line = hear(&mut stream).await?;
        seen.in_clear.lock().unwrap_or_else(PoisonError::into_inner).extend_from_slice(line.as_bytes());
        match (verb(&line).as_str(), &speaks) {
            ("EHLO", Speaks::Tls(_)) => say(&mut stream, "250-peer\r\n250-8BITMIME\r\n250 STARTTLS").await?,
            ("EHLO", Speaks::ClearOnly) => say(&mut stream, "250-peer\r\n250 8BITMIME").await?,
            ("STARTTLS", Speaks::Tls(config)) => {
                say(&mut stream, "220 go ahead").await?;
                let inside = TlsAcceptor::from(Arc::clone(config)).accept(stream.into_inner()).await?;
                return receive(BufStream::new(inside), &seen, &count).await;
            }
            ("QUIT", _) => return say(&mut stream, "221 bye").await,
            ("MAIL" | "RCPT" | "RSET" | "NOOP", Speaks::ClearOnly) => say(&mut stream, "250 ok").await?,
            ("DATA", Speaks::ClearOnly) => say(&mut stream, "354 go on, in clear").await?,
            _ => say(&mut stream, "502 not here").await?,
        }
    }
}

/// The part inside TLS.
async fn receive<S: AsyncRead + AsyncWrite + Unpin>(
    mut stream: BufStream<S>,
    seen: &Seen,
    count: &watch::Sender<usize>,
) -> std::io::Result<()> {
    loop {
        let line = hear(&mut stream).await?;
        match verb(&line).as_str() {
            "EHLO" => say(&mut stream, "250-peer\r\n250-PIPELINING\r\n250-SMTPUTF8\r\n250 8BITMIME").await?,
            "DATA" => {
                say(&mut stream, "354 go on").await?;
                let bytes = hear_message(&mut stream).await?;
                count.send_replace(seen.keep(bytes));
                say(&mut stream, "250 2.0.0 kept").await?;
            }
            "QUIT" => return say(&mut stream, "221 2.0.0 bye").await,
            _ => say(&mut stream, "250 2.0.0 ok").await?,
        }
    }
}

async fn hear_message<S: AsyncRead + AsyncWrite + Unpin>(stream: &mut BufStream<S>) -> std::io::Result<Vec<u8>> {
    let mut message = Vec::new();
    let mut stream = stream.take(MESSAGE_BYTES_MAX);
    loop {
        let mut line = Vec::new();
        if stream.read_until(b'\n', &mut line).await? == 0 {
            return Err(std::io::ErrorKind::UnexpectedEof.into());
        }
        if line == b".\r\n" {
            return Ok(message);
        }
        message.extend_from_slice(line.strip_prefix(b".").unwrap_or(&line));
    }
}

async fn hear<S: AsyncRead + AsyncWrite + Unpin>(stream: &mut BufStream<S>) -> std::io::Result<String> {
    let mut line = String::new();
    if stream.read_line(&mut line).await? == 0 {
        return Err(std::io::ErrorKind::UnexpectedEof.into());
    }
    Ok(line)
}

async fn say<S: AsyncRead + AsyncWrite + Unpin>(stream: &mut BufStream<S>, reply: &str) -> std::io::Result<()> {
    stream.write_all(reply.as_bytes()).await?;
    stream.write_all(b"\r\n").await?;
    stream.flush().await
}

fn verb(line: &str) -> String {
    line.split_whitespace().next().unwrap_or_default().to_ascii_uppercase()
}
