//! An SMTP dialogue with the gateway's doors, octet by octet: what no mail library would say.

use std::io::{self, BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use policy::LetterId;
use rustls::pki_types::ServerName;
use rustls::{ClientConnection, StreamOwned};

use super::writing::reference;
use super::{HOST, LOGIN, SENDER, World};

/// A door of the gateway.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Door {
    /// SMTP, TLS at once.
    ImplicitTls,
    /// SMTP, STARTTLS first.
    StartTls,
    /// HTTPS.
    Https,
}

/// A connection to a door, in clear or in TLS.
pub struct Dialogue<'a> {
    world: &'a World,
    line: BufReader<Line>,
}

enum Line {
    Clear(TcpStream),
    Tls(Box<StreamOwned<ClientConnection, TcpStream>>),
}

impl<'a> Dialogue<'a> {
    /// Connects in clear, without a word.
    pub fn in_clear(world: &'a World, door: Door) -> Self {
        let stream = TcpStream::connect(("127.0.0.1", world.port(door))).unwrap();
        stream.set_nodelay(true).unwrap();
        stream.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
        Self { world, line: BufReader::new(Line::Clear(stream)) }
    }

    /// A session inside TLS, greeted and signed in.
    pub fn signed_in(world: &'a World) -> Self {
        let mut dialogue = Self::in_tls(world);
        assert_eq!(dialogue.sign_in(), "235 2.7.0 Signed in");
        dialogue
    }

    /// A session inside TLS at the door where TLS starts at once, greeted.
    pub fn in_tls(world: &'a World) -> Self {
        let mut dialogue = Self::in_clear(world, Door::ImplicitTls).secured();
        assert!(dialogue.reply().starts_with("220 "));
        assert!(dialogue.say("EHLO client.example").starts_with("250"));
        dialogue
    }

    /// The same connection, inside TLS from here on.
    pub fn secured(self) -> Self {
        let Line::Clear(stream) = self.line.into_inner() else { panic!("already inside TLS") };
        let name = ServerName::try_from(HOST).unwrap();
        let client = ClientConnection::new(self.world.ca.client_config(), name).unwrap();
        Self { world: self.world, line: BufReader::new(Line::Tls(Box::new(StreamOwned::new(client, stream)))) }
    }

    /// Signs in as the sender; the reply.
    pub fn sign_in(&mut self) -> String {
        self.sign_in_as(LOGIN.0, LOGIN.1)
    }

    /// Signs in with these; the reply.
    pub fn sign_in_as(&mut self, login: &str, password: &str) -> String {
        let credentials = STANDARD.encode(format!("\0{login}\0{password}"));
        self.say(&format!("AUTH PLAIN {credentials}"))
    }

    /// Writes octets as they are; an error of the line is the other side's to explain.
    pub fn write(&mut self, bytes: &[u8]) {
        let line = self.line.get_mut();
        let _refused = line.write_all(bytes).and_then(|()| line.flush());
    }

    /// One command, and the whole reply to it.
    pub fn say(&mut self, command: &str) -> String {
        self.write(format!("{command}\r\n").as_bytes());
        self.reply()
    }

    /// A whole reply, lines joined by LF; empty when the other side has closed.
    pub fn reply(&mut self) -> String {
        let mut reply = String::new();
        loop {
            let mut line = String::new();
            match self.line.read_line(&mut line) {
                Ok(0) => return String::new(),
                Ok(_) => {}
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => panic!("no reply within 20 s: {reply:?}"),
                Err(_closed) => return String::new(),
            }
            reply.push_str(line.trim_end());
            if line.as_bytes().get(3) != Some(&b'-') {
                return reply;
            }
            reply.push('\n');
        }
    }

    /// Hands in a message, its dots stuffed already; the reply to its end.
    pub fn hand_in(&mut self, to: &[&str], message: &[u8]) -> String {
        assert!(self.say(&format!("MAIL FROM:<{SENDER}>")).starts_with("250 "));
        for to in to {
            assert!(self.say(&format!("RCPT TO:<{to}>")).starts_with("250 "));
        }
        assert!(self.say("DATA").starts_with("354 "));
        self.write(message);
        self.write(b"\r\n.\r\n");
        self.reply()
    }

    /// Hands in a message that must be taken.
    pub fn taken(&mut self, to: &[&str], message: &[u8]) -> LetterId {
        reference(&self.hand_in(to, message))
    }

    /// Has the other side closed?
    pub fn is_closed(&mut self) -> bool {
        matches!(self.line.fill_buf(), Ok([]) | Err(_))
    }
}

impl Read for Line {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        match self {
            Self::Clear(stream) => stream.read(buffer),
            Self::Tls(stream) => stream.read(buffer),
        }
    }
}

impl Write for Line {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match self {
            Self::Clear(stream) => stream.write(bytes),
            Self::Tls(stream) => stream.write(bytes),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        match self {
            Self::Clear(stream) => stream.flush(),
            Self::Tls(stream) => stream.flush(),
        }
    }
}
