//! A mail program, step by step: where in a session the plug is pulled, or what is said in the wrong place, is the point.
//!
//! Whole submissions by real programs are in `peers/swaks.rs`.

use std::io::{self, BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::sync::Arc;
use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use rustls::pki_types::ServerName;
use rustls::{ClientConfig, ClientConnection, StreamOwned};

use super::HOST;

trait Wire: Read + Write + Send {}
impl<T: Read + Write + Send> Wire for T {}

/// A connection to one of a gateway's ports, which keeps what it said and heard.
pub struct Client {
    line: BufReader<Box<dyn Wire>>,
    /// Every octet that it sent, as it was before it was sealed.
    pub said: Vec<u8>,
    /// Every octet of every reply.
    pub heard: Vec<u8>,
}

impl Client {
    /// In clear, as a stranger would begin.
    pub fn clear(port: u16) -> io::Result<Self> {
        Ok(Self::over(Box::new(dial(port)?)))
    }

    /// TLS from the first byte.
    pub fn tls(port: u16, config: &Arc<ClientConfig>) -> io::Result<Self> {
        Ok(Self::over(Box::new(sealed(dial(port)?, config)?)))
    }

    /// TLS after `STARTTLS`.
    pub fn start_tls(port: u16, config: &Arc<ClientConfig>) -> io::Result<Self> {
        let stream = dial(port)?;
        let mut clear = Self::over(Box::new(stream.try_clone()?));
        clear.reply()?;
        clear.command("EHLO client.trust.example")?;
        clear.command("STARTTLS")?;
        Ok(Self { line: BufReader::new(Box::new(sealed(stream, config)?)), said: clear.said, heard: clear.heard })
    }

    fn over(wire: Box<dyn Wire>) -> Self {
        Self { line: BufReader::new(wire), said: Vec::new(), heard: Vec::new() }
    }

    /// `EHLO` and `AUTH PLAIN`; the reply to it.
    pub fn sign_in(&mut self, login: &str, password: &str) -> io::Result<String> {
        self.said.extend_from_slice(format!("{login} {password}").as_bytes());
        self.command("EHLO client.trust.example")?;
        self.command(&format!("AUTH PLAIN {}", STANDARD.encode(format!("\0{login}\0{password}"))))
    }

    /// Sends bytes as they are.
    pub fn send(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.said.extend_from_slice(bytes);
        self.line.get_mut().write_all(bytes)?;
        self.line.get_mut().flush()
    }

    /// Sends a line, and takes the reply to it.
    pub fn command(&mut self, line: &str) -> io::Result<String> {
        self.send(format!("{line}\r\n").as_bytes())?;
        self.reply()
    }

    /// All lines of the next reply.
    pub fn reply(&mut self) -> io::Result<String> {
        let mut reply = String::new();
        loop {
            let start = reply.len();
            if self.line.read_line(&mut reply)? == 0 {
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
            if reply.as_bytes()[start..].get(3) != Some(&b'-') {
                self.heard.extend_from_slice(reply.as_bytes());
                return Ok(reply);
            }
        }
    }

    /// Everything until the other side closes.
    pub fn read_to_end(&mut self) -> String {
        let mut bytes = Vec::new();
        // A peer that closes without a goodbye is an error at the end of what was read, and nothing more.
        let _ = self.line.read_to_end(&mut bytes);
        self.heard.extend_from_slice(&bytes);
        String::from_utf8_lossy(&bytes).into_owned()
    }

    /// The envelope; the reply to `DATA`, or the first that says no. A recipient may have parameters after a space.
    pub fn envelope(&mut self, from: &str, to: &[&str]) -> io::Result<String> {
        let path = |text: &str| match text.split_once(' ') {
            Some((address, parameters)) => format!("<{address}> {parameters}"),
            None => format!("<{text}>"),
        };
        let mut commands = vec![format!("MAIL FROM:{}", path(from))];
        commands.extend(to.iter().map(|to| format!("RCPT TO:{}", path(to))));
        commands.push("DATA".to_owned());
        let mut reply = String::new();
        for command in commands {
            reply = self.command(&command)?;
            if !reply.starts_with(['2', '3']) {
                break;
            }
        }
        Ok(reply)
    }

    /// The end of a message, whose lines came before; the reply to it.
    pub fn finish(&mut self) -> io::Result<String> {
        self.command(".")
    }

    /// A whole message; the reply to it, or the first that says no. No line of it begins with a dot.
    pub fn hand_in(&mut self, from: &str, to: &[&str], message: &[u8]) -> io::Result<String> {
        let reply = self.envelope(from, to)?;
        if !reply.starts_with("354") {
            return Ok(reply);
        }
        self.send(message)?;
        self.finish()
    }
}

fn dial(port: u16) -> io::Result<TcpStream> {
    let stream = TcpStream::connect(("127.0.0.1", port))?;
    stream.set_read_timeout(Some(Duration::from_secs(60)))?;
    stream.set_nodelay(true)?;
    Ok(stream)
}

fn sealed(stream: TcpStream, config: &Arc<ClientConfig>) -> io::Result<StreamOwned<ClientConnection, TcpStream>> {
    let connection = ClientConnection::new(Arc::clone(config), ServerName::try_from(HOST).unwrap());
    Ok(StreamOwned::new(connection.map_err(io::Error::other)?, stream))
}
