//! A receiving mail server that keeps to a script, good or bad, over real TCP and TLS.
//!
//! It runs on threads of its own, so that a story may run on any runtime. It keeps every octet that it saw outside TLS,
//! every octet of the wire, every command, and every message. Real servers are in `peers/`.
#![allow(dead_code, reason = "an instrument may have a part that no story needs today")]

use std::io::{self, BufRead, BufReader, Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::sync::{Arc, Condvar, Mutex, MutexGuard};
use std::thread;
use std::time::Duration;

use rustls::{ServerConfig, ServerConnection, StreamOwned};

use crate::ca::{Ca, Leaf, self_signed};

/// What the server does to its client.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Script {
    /// All that it should, with a good certificate.
    Honest,
    /// Never heard of TLS: takes mail in clear.
    NoStartTls,
    /// Answers this step with this code.
    Refuses(Step, u16),
    /// Sends a forged reply behind the 220 to STARTTLS, in the same segment.
    InjectsAfter220,
    /// Shows a good certificate for another host.
    WrongName,
    /// Shows a certificate of the year 2021.
    Expired,
    /// Shows a certificate that vouches for itself.
    SelfSigned,
    /// Refuses every recipient with this code, and quotes the command in its reply, as real servers do.
    QuotesRcpt(u16),
    /// Closes the connection instead of answering this step.
    DropsAt(Step),
    /// Sends each reply one octet to a segment.
    ByteByByte,
    /// Takes the whole message, then says nothing and closes when the client does: taken, but was it?
    SilentAfterDot,
    /// Says nothing from this step on.
    Stalls(Step),
    /// Says nothing at this step until [`Hostile::go_on`], then all that it should.
    Pauses(Step),
}

/// A step of the dialogue.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step {
    /// The greeting.
    Greeting,
    /// `EHLO`, the first.
    Ehlo,
    /// `STARTTLS`.
    StartTls,
    /// `EHLO` inside TLS.
    EhloInTls,
    /// `MAIL FROM`.
    Mail,
    /// `RCPT TO`.
    Rcpt,
    /// `DATA`.
    Data,
    /// The final dot: the message is kept all the same, as a server may that took it and could not say so.
    Dot,
}

/// A message that was taken.
#[derive(Clone, Debug)]
pub struct Taken {
    /// Reverse-path, between the angle brackets.
    pub from: String,
    /// Recipients, between the angle brackets.
    pub to: Vec<String>,
    /// As sent, dots unstuffed.
    pub bytes: Vec<u8>,
    /// Whether it came inside TLS.
    pub in_tls: bool,
}

/// What a server saw.
#[derive(Clone, Debug, Default)]
pub struct Seen {
    /// Connections that were opened.
    pub connections: usize,
    /// Every octet that came outside TLS.
    pub clear: Vec<u8>,
    /// Every octet on the wire, both ways.
    pub wire: Vec<u8>,
    /// Command lines in order, inside and outside TLS.
    pub commands: Vec<String>,
    /// Messages.
    pub taken: Vec<Taken>,
}

/// A running server; no longer listens when dropped.
pub struct Hostile {
    port: u16,
    shared: Arc<Shared>,
}

struct Shared {
    script: Mutex<Script>,
    seen: Mutex<Seen>,
    changed: Condvar,
    ended: Mutex<bool>,
    /// Dialogues that stand still, and how often they were told to go on.
    paused: Mutex<(usize, usize)>,
    resumed: Condvar,
    lines: Mutex<Vec<TcpStream>>,
    certificates: Certificates,
}

struct Certificates {
    good: Arc<ServerConfig>,
    wrong_name: Arc<ServerConfig>,
    expired: Arc<ServerConfig>,
    self_signed: Arc<ServerConfig>,
}

impl Hostile {
    /// Starts as `host`; `leaf` is its good certificate (`ca.leaf(&[host])`), and the bad ones are made of `ca`.
    pub fn start(script: Script, ca: &Ca, host: &str, leaf: &Leaf) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let certificates = Certificates {
            good: leaf.server_config(),
            wrong_name: ca.leaf(&["elsewhere.example"]).server_config(),
            expired: ca.expired(&[host]).server_config(),
            self_signed: self_signed(&[host]).server_config(),
        };
        let shared = Arc::new(Shared {
            script: Mutex::new(script),
            seen: Mutex::default(),
            changed: Condvar::new(),
            ended: Mutex::new(false),
            paused: Mutex::default(),
            resumed: Condvar::new(),
            lines: Mutex::default(),
            certificates,
        });
        let theirs = Arc::clone(&shared);
        thread::spawn(move || {
            for stream in listener.incoming().map_while(Result::ok) {
                if *theirs.ended.lock().unwrap() {
                    return;
                }
                let shared = Arc::clone(&theirs);
                thread::spawn(move || Dialogue::hold(stream, &shared));
            }
        });
        Self { port, shared }
    }

    /// Where it listens, on loopback.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// Changes the script for the connections to come.
    pub fn play(&self, script: Script) {
        *self.shared.script.lock().unwrap() = script;
    }

    /// Waits, 30 seconds at most, until a dialogue stands still at its pause.
    pub fn wait_paused(&self) {
        let paused = self.shared.paused.lock().unwrap();
        let is_talking = |paused: &mut (usize, usize)| paused.0 == 0;
        let wait = |paused| self.shared.resumed.wait_timeout_while(paused, Duration::from_secs(30), is_talking);
        let (paused, timeout) = wait(paused).unwrap();
        assert!(!timeout.timed_out(), "waited 30 s in vain for a pause; {} now", paused.0);
    }

    /// Ends every pause.
    pub fn go_on(&self) {
        self.shared.paused.lock().unwrap().1 += 1;
        self.shared.resumed.notify_all();
    }

    /// Cuts every connection that is open.
    pub fn cut(&self) {
        for line in self.shared.lines.lock().unwrap().drain(..) {
            drop(line.shutdown(Shutdown::Both));
        }
    }

    /// What it saw so far.
    pub fn seen(&self) -> Seen {
        self.shared.seen().clone()
    }

    /// Waits, 30 seconds at most, until what it saw fits.
    pub fn wait_until(&self, what: &str, fits: impl Fn(&Seen) -> bool) -> Seen {
        let wait = |seen| self.shared.changed.wait_timeout_while(seen, Duration::from_secs(30), |seen| !fits(seen));
        let (seen, timeout) = wait(self.shared.seen()).unwrap();
        assert!(!timeout.timed_out(), "waited 30 s in vain for {what}: {:?}", seen.commands);
        seen.clone()
    }

    /// Waits for `count` messages in all.
    pub fn wait_for(&self, count: usize) -> Vec<Taken> {
        self.wait_until(&format!("{count} messages"), |seen| seen.taken.len() >= count).taken
    }
}

impl Drop for Hostile {
    fn drop(&mut self) {
        *self.shared.ended.lock().unwrap() = true;
        drop(TcpStream::connect(("127.0.0.1", self.port)));
    }
}

impl Shared {
    fn seen(&self) -> MutexGuard<'_, Seen> {
        self.seen.lock().unwrap()
    }

    fn note(&self, change: impl FnOnce(&mut Seen)) {
        change(&mut self.seen());
        self.changed.notify_all();
    }

    fn pause(&self) {
        let mut paused = self.paused.lock().unwrap();
        paused.0 += 1;
        self.resumed.notify_all();
        let before = paused.1;
        let still = |paused: &mut (usize, usize)| paused.1 == before;
        let (mut paused, _) = self.resumed.wait_timeout_while(paused, Duration::from_secs(60), still).unwrap();
        paused.0 -= 1;
    }
}

/// A TCP stream that keeps a copy of what passes.
struct Wire {
    stream: TcpStream,
    shared: Arc<Shared>,
}

impl Read for Wire {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = self.stream.read(buffer)?;
        self.shared.note(|seen| seen.wire.extend_from_slice(&buffer[..read]));
        Ok(read)
    }
}

impl Write for Wire {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let written = self.stream.write(bytes)?;
        self.shared.note(|seen| seen.wire.extend_from_slice(&bytes[..written]));
        Ok(written)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.stream.flush()
    }
}

enum Line {
    Clear(Wire),
    Tls(Box<StreamOwned<ServerConnection, Wire>>),
}

impl Read for Line {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        match self {
            Self::Tls(stream) => stream.read(buffer),
            Self::Clear(wire) => {
                let read = wire.read(buffer)?;
                wire.shared.note(|seen| seen.clear.extend_from_slice(&buffer[..read]));
                Ok(read)
            }
        }
    }
}

impl Write for Line {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match self {
            Self::Clear(wire) => wire.write(bytes),
            Self::Tls(stream) => stream.write(bytes),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        match self {
            Self::Clear(wire) => wire.flush(),
            Self::Tls(stream) => stream.flush(),
        }
    }
}

struct Dialogue {
    line: BufReader<Line>,
    script: Script,
    shared: Arc<Shared>,
    from: String,
    to: Vec<String>,
}

impl Dialogue {
    /// Holds one connection's dialogue; an error of the line ends it, as it would any server's.
    fn hold(stream: TcpStream, shared: &Arc<Shared>) {
        shared.note(|seen| seen.connections += 1);
        stream.set_nodelay(true).unwrap();
        stream.set_read_timeout(Some(Duration::from_secs(60))).unwrap();
        let script = *shared.script.lock().unwrap();
        let end = stream.try_clone().unwrap();
        shared.lines.lock().unwrap().push(stream.try_clone().unwrap());
        let line = BufReader::new(Line::Clear(Wire { stream, shared: Arc::clone(shared) }));
        let dialogue = Self { line, script, shared: Arc::clone(shared), from: String::new(), to: Vec::new() };
        drop(dialogue.run());
        drop(end.shutdown(Shutdown::Both));
    }

    fn run(mut self) -> io::Result<()> {
        self.answer(Step::Greeting, "220 ready")?;
        loop {
            let mut line = Vec::new();
            if self.line.read_until(b'\n', &mut line)? == 0 {
                return Ok(());
            }
            let command = String::from_utf8_lossy(&line).trim_end().to_owned();
            self.shared.note(|seen| seen.commands.push(command.clone()));
            let verb = command.split([' ', ':']).next().unwrap_or_default().to_ascii_uppercase();
            match verb.as_str() {
                "STARTTLS" if self.script != Script::NoStartTls && !self.in_tls() => self = self.start_tls()?,
                "QUIT" => return self.say("221 2.0.0 bye"),
                _ => self.obey(&verb, &command)?,
            }
        }
    }

    fn obey(&mut self, verb: &str, command: &str) -> io::Result<()> {
        match verb {
            "EHLO" if self.in_tls() => drop(self.answer(Step::EhloInTls, OFFERS_IN_TLS)?),
            "EHLO" if self.script == Script::NoStartTls => drop(self.answer(Step::Ehlo, OFFERS_IN_TLS)?),
            "EHLO" => drop(self.answer(Step::Ehlo, OFFERS)?),
            "MAIL" => {
                self.from = path_of(command);
                self.to.clear();
                self.answer(Step::Mail, "250 2.1.0 ok")?;
            }
            "RCPT" if let Script::QuotesRcpt(code) = self.script => {
                self.say(&format!(
                    "{code} {}.1.1 <{}>: no such user; you said {command}",
                    code / 100,
                    path_of(command)
                ))?;
            }
            "RCPT" => {
                if self.answer(Step::Rcpt, "250 2.1.5 ok")? {
                    self.to.push(path_of(command));
                }
            }
            "DATA" if self.to.is_empty() => self.say("503 5.5.1 no valid recipients")?,
            "DATA" => {
                if self.answer(Step::Data, "354 go ahead")? {
                    self.take()?;
                }
            }
            "RSET" | "NOOP" => {
                self.to.clear();
                self.say("250 2.0.0 ok")?;
            }
            _ => self.say("500 5.5.2 what")?,
        }
        Ok(())
    }

    fn start_tls(mut self) -> io::Result<Self> {
        if self.script == Script::InjectsAfter220 {
            self.say("220 2.0.0 go ahead\r\n250-forged.example\r\n250 SIZE 1")?;
        } else if !self.answer(Step::StartTls, "220 2.0.0 go ahead")? {
            return Ok(self);
        }
        let certificates = &self.shared.certificates;
        let config = match self.script {
            Script::WrongName => &certificates.wrong_name,
            Script::Expired => &certificates.expired,
            Script::SelfSigned => &certificates.self_signed,
            _ => &certificates.good,
        };
        let connection = ServerConnection::new(Arc::clone(config)).map_err(io::Error::other)?;
        let Line::Clear(wire) = self.line.into_inner() else { return Err(io::ErrorKind::InvalidData.into()) };
        let line = BufReader::new(Line::Tls(Box::new(StreamOwned::new(connection, wire))));
        Ok(Self { line, ..self })
    }

    fn take(&mut self) -> io::Result<()> {
        let mut bytes = Vec::new();
        loop {
            let mut line = Vec::new();
            if self.line.read_until(b'\n', &mut line)? == 0 {
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
            if line == b".\r\n" {
                break;
            }
            bytes.extend_from_slice(line.strip_prefix(b".").unwrap_or(&line));
        }
        let (from, to) = (std::mem::take(&mut self.from), std::mem::take(&mut self.to));
        let taken = Taken { from, to, bytes, in_tls: self.in_tls() };
        let refused = matches!(self.script, Script::Refuses(Step::Dot, _));
        if !refused {
            self.shared.note(|seen| seen.taken.push(taken));
        }
        if self.script == Script::SilentAfterDot {
            return self.stall();
        }
        self.answer(Step::Dot, "250 2.0.0 taken").map(drop)
    }

    /// Says what the script has for this step, or else `text`; true if it was `text`.
    fn answer(&mut self, step: Step, text: &str) -> io::Result<bool> {
        match self.script {
            Script::Refuses(at, code) if at == step => {
                self.say(&format!("{code} {}.7.0 scripted refusal", code / 100))?;
                Ok(false)
            }
            Script::DropsAt(at) if at == step => Err(io::ErrorKind::ConnectionAborted.into()),
            Script::Stalls(at) if at == step => self.stall().map(|()| false),
            Script::Pauses(at) if at == step => {
                self.shared.pause();
                self.say(text).map(|()| true)
            }
            _ => self.say(text).map(|()| true),
        }
    }

    fn say(&mut self, text: &str) -> io::Result<()> {
        let reply = format!("{text}\r\n");
        let pace = if self.script == Script::ByteByByte { 1 } else { reply.len() };
        for piece in reply.as_bytes().chunks(pace) {
            self.line.get_mut().write_all(piece)?;
            self.line.get_mut().flush()?;
        }
        Ok(())
    }

    /// Says nothing until the client gives up.
    fn stall(&mut self) -> io::Result<()> {
        io::copy(&mut self.line, &mut io::sink())?;
        Err(io::ErrorKind::TimedOut.into())
    }

    fn in_tls(&self) -> bool {
        matches!(self.line.get_ref(), Line::Tls(_))
    }
}

const OFFERS: &str = "250-mx.example\r\n250-PIPELINING\r\n250-SIZE 52428800\r\n250-STARTTLS\r\n\
                      250-ENHANCEDSTATUSCODES\r\n250 8BITMIME";
const OFFERS_IN_TLS: &str = "250-mx.example\r\n250-PIPELINING\r\n250-SIZE 52428800\r\n250-DSN\r\n250-SMTPUTF8\r\n\
                             250-REQUIRETLS\r\n250-ENHANCEDSTATUSCODES\r\n250 8BITMIME";

fn path_of(command: &str) -> String {
    let inside = command.split_once('<').and_then(|(_, rest)| rest.split_once('>'));
    inside.map_or("", |(path, _)| path).to_owned()
}
