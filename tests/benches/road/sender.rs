//! Who hands letters in: so many sessions at once, STARTTLS with a verified certificate, one letter a session or many.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Instant;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use rustls::ClientConfig;
use rustls::pki_types::ServerName;
use tokio::io::{AsyncRead, AsyncWrite, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::task::JoinSet;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

use crate::letter::Body;
use crate::sink::{Wire, key_of};

/// How letters share sessions.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sessions {
    /// Each letter in a session of its own, as a person's mail program does it.
    One,
    /// Each sender keeps one session for all its letters, as a record system does it.
    Many,
}

/// Where letters are handed in, and as whom.
#[derive(Clone)]
pub struct Door {
    pub address: SocketAddr,
    /// The name that the server's certificate must bear.
    pub name: &'static str,
    pub tls: Arc<ClientConfig>,
    pub from: &'static str,
    pub to: &'static str,
    /// Login and password, where one signs in.
    pub sign_in: Option<(&'static str, &'static str)>,
}

/// A letter that was taken.
pub struct Taken {
    /// As the sink will know it, by [`key_of`].
    pub key: String,
    /// The sender turned to it: before the connection, where it has one of its own.
    pub begun: Instant,
    /// `250`.
    pub accepted: Instant,
}

/// Hands in `count` letters over `width` sessions at once.
pub async fn send(door: &Door, body: &Arc<Body>, count: usize, (sessions, width): (Sessions, usize)) -> Vec<Taken> {
    let next = Arc::new(AtomicUsize::new(0));
    let mut senders = JoinSet::new();
    for _ in 0..width {
        let (door, body, next) = (door.clone(), Arc::clone(body), Arc::clone(&next));
        senders.spawn(async move {
            let mut taken = Vec::new();
            let mut kept = None;
            loop {
                let number = next.fetch_add(1, Ordering::Relaxed);
                if number >= count {
                    break;
                }
                let begun = Instant::now();
                let mut session = match kept.take() {
                    Some(session) => session,
                    None => Session::open(&door).await.unwrap(),
                };
                let key = session.hand_in(&door, &body, number).await.unwrap();
                taken.push(Taken { key, begun, accepted: Instant::now() });
                match sessions {
                    Sessions::Many => kept = Some(session),
                    Sessions::One => session.quit().await.unwrap(),
                }
            }
            if let Some(session) = kept {
                session.quit().await.unwrap();
            }
            taken
        });
    }
    senders.join_all().await.into_iter().flatten().collect()
}

/// An open session, greeted and, where that is asked, signed in.
pub struct Session(Wire<TlsStream<TcpStream>>);

impl Session {
    /// Connects, and says all that comes before the first letter.
    pub async fn open(door: &Door) -> std::io::Result<Self> {
        let stream = TcpStream::connect(door.address).await?;
        stream.set_nodelay(true)?;
        let mut wire = Wire { stream, buffer: Vec::new() };
        reply(&mut wire, "220").await?;
        ask(&mut wire, "EHLO pc.harbour.example", "250").await?;
        ask(&mut wire, "STARTTLS", "220").await?;
        let name = ServerName::try_from(door.name).unwrap();
        let stream = TlsConnector::from(Arc::clone(&door.tls)).connect(name, wire.stream).await?;
        let mut wire = Wire { stream, buffer: Vec::new() };
        ask(&mut wire, "EHLO pc.harbour.example", "250").await?;
        if let Some((login, password)) = door.sign_in {
            let secret = STANDARD.encode(format!("\0{login}\0{password}"));
            ask(&mut wire, &format!("AUTH PLAIN {secret}"), "235").await?;
        }
        Ok(Self(wire))
    }

    /// One letter; its key.
    pub async fn hand_in(&mut self, door: &Door, body: &Body, number: usize) -> std::io::Result<String> {
        let wire = &mut self.0;
        let mut letter = body.letter(door.from, door.to, number);
        ask(wire, &format!("MAIL FROM:<{}>", door.from), "250").await?;
        ask(wire, &format!("RCPT TO:<{}>", door.to), "250").await?;
        ask(wire, "DATA", "354").await?;
        // No line of these letters begins with a dot.
        letter.extend_from_slice(b".\r\n");
        wire.stream.write_all(&letter).await?;
        wire.stream.flush().await?;
        let words = reply(wire, "250").await?;
        Ok(key_of(words.as_bytes()).unwrap_or_else(|| format!("{number:08}")))
    }

    async fn quit(mut self) -> std::io::Result<()> {
        ask(&mut self.0, "QUIT", "221").await.map(drop)
    }
}

async fn ask<S: AsyncRead + AsyncWrite + Unpin>(
    wire: &mut Wire<S>,
    command: &str,
    code: &str,
) -> std::io::Result<String> {
    wire.say(command).await?;
    reply(wire, code).await
}

/// The last line of a reply, which must have this code.
async fn reply<S: AsyncRead + AsyncWrite + Unpin>(wire: &mut Wire<S>, code: &str) -> std::io::Result<String> {
    loop {
        let line = String::from_utf8_lossy(&wire.line().await?).into_owned();
        assert!(line.starts_with(code), "not {code}: {line}");
        if line.as_bytes().get(3) != Some(&b'-') {
            return Ok(line);
        }
    }
}
