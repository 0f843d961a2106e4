//! Where letters end: an SMTP server that takes nothing outside TLS, counts, and tells one letter from another by the
//! reference in its head. It keeps the last letter whole, and of the others only when they came.

use std::collections::HashMap;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use memchr::memmem;
use rustls::ServerConfig;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio_rustls::TlsAcceptor;

/// The reference or number stands within the first so many bytes.
const HEAD_BYTES: usize = 4 << 10;
const LETTER_BYTES_MAX: usize = 128 << 20;
/// Longest wait for the letters of one round.
const PATIENCE: Duration = Duration::from_secs(300);

/// A running sink.
pub struct Sink {
    pub address: SocketAddr,
    state: Arc<Mutex<State>>,
    count: Arc<watch::Sender<usize>>,
}

#[derive(Default)]
struct State {
    arrived: HashMap<String, Instant>,
    doubled: usize,
    in_clear: usize,
    last: Vec<u8>,
}

/// What came in one round.
pub struct Arrived {
    /// When each came, by [`key_of`].
    pub at: HashMap<String, Instant>,
    /// Letters that came more than once.
    pub doubled: usize,
    /// Mail transactions that somebody began outside TLS.
    pub in_clear: usize,
}

/// What tells a letter from all others: the gateway's reference if it has one, else the number that the sender gave it.
pub fn key_of(text: &[u8]) -> Option<String> {
    let head = &text[..text.len().min(HEAD_BYTES)];
    let found = |mark: &[u8], from: usize, bytes: usize| {
        let at = memmem::find(head, mark)? + from;
        Some(String::from_utf8_lossy(head.get(at..at + bytes)?).into_owned())
    };
    found(b"SG-", 0, 12).or_else(|| found(b"X-Road: ", 8, 8))
}

impl Sink {
    /// Listens on loopback with this certificate.
    pub async fn start(tls: Arc<ServerConfig>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let count = Arc::new(watch::Sender::new(0));
        let state: Arc<Mutex<State>> = Arc::default();
        let (serving, counter, acceptor) = (Arc::clone(&state), Arc::clone(&count), TlsAcceptor::from(tls));
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let (state, counter, acceptor) = (Arc::clone(&serving), Arc::clone(&counter), acceptor.clone());
                // A peer that hangs up in the middle tries again: only what was taken counts.
                tokio::spawn(async move { converse(stream, &acceptor, &state, &counter).await });
            }
        });
        Self { address, state, count }
    }

    /// Waits for `count` letters since the last call, and forgets them.
    pub async fn take(&self, count: usize) -> Arrived {
        let mut counter = self.count.subscribe();
        let all_came = tokio::time::timeout(PATIENCE, counter.wait_for(|so_far| *so_far >= count)).await.is_ok();
        assert!(all_came, "{} of {count} letters came", self.count());
        let mut state = self.state.lock().unwrap();
        self.count.send_replace(0);
        Arrived {
            at: std::mem::take(&mut state.arrived),
            doubled: std::mem::take(&mut state.doubled),
            in_clear: state.in_clear,
        }
    }

    /// How many are there now.
    pub fn count(&self) -> usize {
        self.state.lock().unwrap().arrived.len()
    }

    /// The newest letter, as it came.
    pub fn last(&self) -> Vec<u8> {
        self.state.lock().unwrap().last.clone()
    }
}

async fn converse(
    mut stream: TcpStream,
    tls: &TlsAcceptor,
    state: &Mutex<State>,
    counter: &watch::Sender<usize>,
) -> std::io::Result<()> {
    stream.set_nodelay(true)?;
    stream.write_all(b"220 mx.elm-surgery.example ready\r\n").await?;
    let mut wire = Wire { stream, buffer: Vec::new() };
    loop {
        let line = wire.line().await?;
        match &line[..line.len().min(4)] {
            b"EHLO" => wire.say("250-mx.elm-surgery.example\r\n250-8BITMIME\r\n250 STARTTLS").await?,
            b"STAR" => break wire.say("220 go ahead").await?,
            b"QUIT" => return wire.say("221 bye").await,
            _ => {
                state.lock().unwrap().in_clear += 1;
                wire.say("530 5.7.0 Must issue a STARTTLS command first").await?;
            }
        }
    }
    assert!(wire.buffer.is_empty(), "nothing follows STARTTLS in clear");
    let stream = tls.accept(wire.stream).await?;
    receive(Wire { stream, buffer: Vec::new() }, state, counter).await
}

async fn receive<S: AsyncRead + AsyncWrite + Unpin>(
    mut wire: Wire<S>,
    state: &Mutex<State>,
    counter: &watch::Sender<usize>,
) -> std::io::Result<()> {
    loop {
        let line = wire.line().await?;
        match &line[..line.len().min(4)] {
            b"EHLO" => wire.say("250-mx.elm-surgery.example\r\n250-PIPELINING\r\n250 8BITMIME").await?,
            b"DATA" => {
                wire.say("354 go on").await?;
                let letter = wire.letter().await?;
                let came = Instant::now();
                let key = key_of(&letter).unwrap_or_else(|| "a letter without a name".to_owned());
                let so_far = {
                    let mut state = state.lock().unwrap();
                    if state.arrived.insert(key, came).is_some() {
                        state.doubled += 1;
                    }
                    state.last = letter;
                    state.arrived.len()
                };
                counter.send_replace(so_far);
                wire.say("250 2.0.0 taken").await?;
            }
            b"QUIT" => return wire.say("221 2.0.0 bye").await,
            _ => wire.say("250 2.0.0 ok").await?,
        }
    }
}

/// A connection and what was read of it ahead.
pub struct Wire<S> {
    pub stream: S,
    pub buffer: Vec<u8>,
}

impl<S: AsyncRead + AsyncWrite + Unpin> Wire<S> {
    /// The next line, with its end.
    pub async fn line(&mut self) -> std::io::Result<Vec<u8>> {
        loop {
            if let Some(at) = memchr::memchr(b'\n', &self.buffer) {
                return Ok(self.buffer.drain(..=at).collect());
            }
            self.fill().await?;
        }
    }

    /// Up to the lone dot, as it came.
    async fn letter(&mut self) -> std::io::Result<Vec<u8>> {
        let end = memmem::Finder::new(b"\r\n.\r\n");
        let mut looked = 0;
        loop {
            if let Some(at) = end.find(&self.buffer[looked..]) {
                let rest = self.buffer.split_off(looked + at + 5);
                return Ok(std::mem::replace(&mut self.buffer, rest));
            }
            looked = self.buffer.len().saturating_sub(4);
            self.fill().await?;
        }
    }

    /// Says one line, or several.
    pub async fn say(&mut self, text: &str) -> std::io::Result<()> {
        self.stream.write_all(format!("{text}\r\n").as_bytes()).await?;
        self.stream.flush().await
    }

    async fn fill(&mut self) -> std::io::Result<()> {
        if self.buffer.len() > LETTER_BYTES_MAX {
            return Err(std::io::ErrorKind::FileTooLarge.into());
        }
        self.buffer.reserve(64 << 10);
        match self.stream.read_buf(&mut self.buffer).await? {
            0 => Err(std::io::ErrorKind::UnexpectedEof.into()),
            _ => Ok(()),
        }
    }
}
