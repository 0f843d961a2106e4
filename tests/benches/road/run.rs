//! One round: letters through one peer, from the first connection to the last letter at the sink, with all that it cost.

use std::collections::HashSet;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;

use crate::ca::Ca;
use crate::cost;
use crate::gateway::{self, Sealgate};
use crate::letter::Size;
use crate::peers::age::Opener;
use crate::relay::Relay;
use crate::sender::{self, Door, Session, Sessions, Taken};
use crate::sink::Sink;
use crate::wait;

/// Idle connections held to each program.
const IDLE: usize = 80;

/// Who is measured.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Peer {
    /// A plain TLS relay.
    Postfix,
    /// Sealgate as a record system uses it, to an agency with a proven mail server.
    SealgateTls,
    /// The same, to an agency that holds a key: sealed with age.
    SealgateAge,
    /// Sealgate as a person uses it: each session signs in with a password.
    SealgateSignedIn,
}

/// What is sent, and through whom.
pub struct Cell {
    pub size: Size,
    pub sessions: Sessions,
    pub peers: &'static [Peer],
}

/// What one round came to.
pub struct Round {
    /// Letters a second, from the first connection to the last arrival.
    pub delivered_per_sec: f64,
    /// From the sender's turning to the letter to its arrival, ms, sorted.
    pub end_to_end_ms: Vec<f64>,
    /// From the sender's turning to the letter to its `250`, ms, sorted.
    pub accept_ms: Vec<f64>,
    /// Processor time of the peer and of all its children, ms a letter.
    pub cpu_ms: f64,
    /// The same of the sender and the sink.
    pub harness_cpu_ms: f64,
    /// The highest resident set of the main process, KiB; Postfix's many processes are not summed up.
    pub peak_kib: Option<u64>,
}

/// Memory of a program: PSS in KiB, and processes.
pub struct Memory {
    pub name: &'static str,
    pub pss_kib: u64,
    pub processes: usize,
}

/// What the largest letter came to.
pub struct Big {
    pub name: &'static str,
    pub took: Duration,
    pub cpu_ms: f64,
    /// The main process's resident set before, and its highest meanwhile, KiB.
    pub main_kib: (u64, u64),
    /// The highest of the process that reads letters.
    pub reader_kib: u64,
}

/// Everything that runs.
pub struct Stage {
    ca: Ca,
    sink: Sink,
    postfix: Relay,
    sealgate: Sealgate,
}

impl Peer {
    /// Those that take letters without a password.
    pub const RELAYED: [Self; 3] = [Self::Postfix, Self::SealgateTls, Self::SealgateAge];

    /// As the table names it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Postfix => "postfix",
            Self::SealgateTls => "sealgate, tls-email",
            Self::SealgateAge => "sealgate, age-email",
            Self::SealgateSignedIn => "sealgate, tls-email, password",
        }
    }
}

impl Stage {
    /// Starts the sink and both programs.
    pub async fn set() -> Self {
        let ca = Ca::new();
        let sink = Sink::start(ca.leaf(&["mx.elm-surgery.example"]).server_config()).await;
        let postfix = Relay::start(&ca, sink.address);
        let sealgate = Sealgate::start(&ca, sink.address).await;
        Self { ca, sink, postfix, sealgate }
    }

    /// Sends, waits for the last arrival and for rest, and holds what came against what was accepted.
    pub async fn round(&self, cell: &Cell, peer: Peer, letters: usize, width: usize) -> Round {
        let (door, pid) = (self.door(peer), self.pid(peer));
        let body = Arc::new(cell.size.body());
        let (peer_before, own_before) = (cost::cpu_ms_at_rest(pid), cost::own_cpu_ms());
        if peer != Peer::Postfix {
            cost::forget_peak(pid);
        }
        let begun = Instant::now();
        let taken = sender::send(&door, &body, letters, (cell.sessions, width)).await;
        let arrived = self.sink.take(letters).await;
        // Read before the wait for rest, which costs the harness but not its letters.
        let own_after = cost::own_cpu_ms();
        let peer_after = cost::cpu_ms_at_rest(pid);
        let accepted: HashSet<&String> = taken.iter().map(|letter| &letter.key).collect();
        assert_eq!(accepted.len(), letters, "each letter is told from the others\n{}", self.sealgate.words());
        assert_eq!(arrived.at.keys().collect::<HashSet<_>>(), accepted, "what was accepted came, and nothing else");
        assert_eq!((arrived.doubled, arrived.in_clear), (0, 0), "letters that came twice, and in clear");
        let last = arrived.at.values().max().unwrap();
        let all = letters as f64;
        Round {
            delivered_per_sec: all / (*last - begun).as_secs_f64(),
            end_to_end_ms: sorted_ms(taken.iter().map(|letter| arrived.at[&letter.key] - letter.begun)),
            accept_ms: sorted_ms(taken.iter().map(|Taken { begun, accepted, .. }| *accepted - *begun)),
            cpu_ms: (peer_after - peer_before) / all,
            harness_cpu_ms: (own_after - own_before) / all,
            peak_kib: (peer != Peer::Postfix).then(|| cost::peak_kib(pid)),
        }
    }

    /// Before the first letter.
    pub fn at_rest(&self) -> [Memory; 2] {
        [("postfix", self.postfix.pid()), ("sealgate", self.sealgate.pid())].map(|(name, pid)| {
            cost::cpu_ms_at_rest(pid);
            Memory { name, pss_kib: cost::pss_kib(pid), processes: cost::processes(pid) }
        })
    }

    /// Memory that each of many idle connections takes, all of them inside TLS and greeted, KiB.
    pub async fn idle_connections(&self) -> [(&'static str, f64); 2] {
        let mut measured = [("postfix", 0.0), ("sealgate", 0.0)];
        for ((_, kib), peer) in measured.iter_mut().zip([Peer::Postfix, Peer::SealgateTls]) {
            let (door, pid) = (self.door(peer), self.pid(peer));
            cost::cpu_ms_at_rest(pid);
            let before = cost::pss_kib(pid);
            let mut held = Vec::new();
            for _ in 0..IDLE {
                held.push(Session::open(&door).await.unwrap());
            }
            let after = cost::pss_kib(pid);
            *kib = (after as f64 - before as f64) / IDLE as f64;
        }
        measured
    }

    /// One letter of nearly the largest size, over the whole road, both channels.
    pub async fn big_letter(&self) -> Vec<Big> {
        let body = Arc::new(Size::Huge.body());
        let mut came_to = Vec::new();
        for peer in [Peer::SealgateTls, Peer::SealgateAge] {
            let (door, pid) = (self.door(peer), self.pid(peer));
            let cpu = cost::cpu_ms_at_rest(pid);
            cost::forget_peak(pid);
            let main = cost::peak_kib(pid);
            let (begun, mut reader_kib) = (Instant::now(), 0);
            let sending = {
                let body = Arc::clone(&body);
                tokio::spawn(async move { sender::send(&door, &body, 1, (Sessions::One, 1)).await })
            };
            tokio::task::block_in_place(|| {
                let what = || format!("a large letter\n{}", self.sealgate.words());
                wait::until(what, 120, || {
                    let now = cost::children(pid).into_iter().map(cost::peak_kib).max();
                    reader_kib = reader_kib.max(now.unwrap_or_default());
                    (self.sink.count() == 1).then_some(())
                });
            });
            let took = begun.elapsed();
            assert_eq!(sending.await.unwrap().len(), 1);
            let arrived = self.sink.take(1).await;
            assert_eq!((arrived.at.len(), arrived.in_clear), (1, 0));
            let cpu_ms = cost::cpu_ms_at_rest(pid) - cpu;
            came_to.push(Big { name: peer.name(), took, cpu_ms, main_kib: (main, cost::peak_kib(pid)), reader_kib });
        }
        came_to
    }

    /// The newest letter at the sink is a sealed one, and Go's age opens it to the letter that was sent.
    pub fn opens_with_age(&self) {
        let last = String::from_utf8(self.sink.last()).unwrap();
        let attached = last.split("Content-Type: application/age").nth(1).unwrap();
        let text = attached.split("\r\n\r\n").nth(1).unwrap().split("--").next().unwrap().replace("\r\n", "");
        let sealed = STANDARD.decode(text).unwrap();
        let opened = Opener::Age.open(&self.sealgate.identity.path(), &sealed).unwrap();
        assert!(opened.len() > 40 << 20, "the letter is whole");
        println!("age opened the last sealed letter: {} bytes", opened.len());
    }

    fn pid(&self, peer: Peer) -> u32 {
        if peer == Peer::Postfix { self.postfix.pid() } else { self.sealgate.pid() }
    }

    fn door(&self, peer: Peer) -> Door {
        let tls = self.ca.client_config();
        let door = |address: SocketAddr, name, from, to| Door { address, name, tls, from, to, sign_in: None };
        let (at, name) = (self.sealgate.address(), "sealgate.harbour.example");
        match peer {
            Peer::Postfix => door(self.postfix.address(), "relay.harbour.example", gateway::SYSTEM, gateway::BY_TLS),
            Peer::SealgateTls => door(at, name, gateway::SYSTEM, gateway::BY_TLS),
            Peer::SealgateAge => door(at, name, gateway::SYSTEM, gateway::SEALED),
            Peer::SealgateSignedIn => {
                let sign_in = Some((gateway::LOGIN, gateway::PASSWORD));
                Door { sign_in, ..door(at, name, gateway::CLINICIAN, gateway::BY_TLS) }
            }
        }
    }
}

fn sorted_ms(times: impl Iterator<Item = Duration>) -> Vec<f64> {
    let mut ms: Vec<f64> = times.map(|time| time.as_secs_f64() * 1e3).collect();
    ms.sort_by(f64::total_cmp);
    ms
}
