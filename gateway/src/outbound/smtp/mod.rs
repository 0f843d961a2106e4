//! The SMTP client (RFC 5321, RFC 3207), in two states that the compiler keeps apart.
//!
//! ```text
//! Greeting ──starttls(requirement)──▶ Session<L> { VerifiedPeer<L> }
//!            ──implicit_tls(requirement)──▶ Session<L>
//! ```
//!
//! A [`Greeting`] is a connection in clear. It has no method that takes a letter or a notice, so none can leave by it:
//! EHLO, STARTTLS and QUIT are all that it can say. A [`Session`] exists only where a handshake met its requirement.
//! Not here: which host to talk to (`deliver`), and a fallback to anything weaker (nowhere).

mod offers;
mod outcome;
mod stuffing;
mod transaction;
mod wire;

use std::io::Read;
use std::net::SocketAddr;
use std::sync::Arc;

use keys::level::{AtLeast, Level};
use keys::peer::{PeerFacts, Requirement, VerifiedPeer, handshake};
use keys::seal::Sealed;
use policy::{Domain, Mailbox};
use tokio::time::Instant;

pub use self::outcome::{Fault, Receipt, SendFailure, Sent, Stage};
pub use self::wire::Waits;

use self::offers::Offers;
use self::wire::{Stream, Wire};
use super::diagnosis::{Diagnosis, Obstacle};
use super::notice::Notice;
use super::replies::{PeerWords, Reply};
use crate::ledger::Entry;

/// Who calls whom, and how patiently.
#[derive(Clone, Debug)]
pub struct Call {
    /// The name that we give in EHLO.
    pub own_name: Domain,
    /// The host that was called, as the route names it.
    pub host: Domain,
    /// Where it was reached.
    pub address: SocketAddr,
    /// How long each stage may take.
    pub waits: Waits,
}

/// A connection in clear that has been greeted. It carries nothing.
pub struct Greeting<S> {
    wire: Wire<S>,
    call: Call,
}

impl<S: Stream + 'static> Greeting<S> {
    /// Reads the peer's greeting.
    ///
    /// # Errors
    /// An [`Obstacle`]: the peer turned us away, is silent, or is no SMTP server.
    pub async fn read(stream: S, call: Call) -> Result<Self, Obstacle> {
        let mut wire = Wire::new(stream);
        let banner = wire.reply(call.waits.greeting).await?;
        welcome(&banner, 220)?;
        Ok(Self { wire, call })
    }

    /// Turns the connection into a session whose peer has met `requirement` (RFC 3207). Consumes the greeting: where
    /// it fails there is nothing left to send by.
    ///
    /// # Errors
    /// An [`Obstacle`], by the words of RFC 8460 §4.3.
    pub async fn starttls<L: Level>(mut self, requirement: &Requirement<L>) -> Result<Session<L>, Obstacle> {
        let wait = self.call.waits.command;
        let hello = self.wire.ask(&format!("EHLO {}", self.call.own_name), wait).await?;
        // EHLO refused means no extensions, hence no STARTTLS: never HELO (RFC 5321 §4.1.4 would allow it).
        if !hello.is_ok() || !Offers::read(&hello).starttls {
            let turned_away = hello.code / 100 == 4;
            self.leave().await;
            return Err(match turned_away {
                true => Obstacle::new(Diagnosis::TurnedAway(hello.code), "EHLO was deferred"),
                false => Obstacle::new(Diagnosis::StarttlsNotSupported, "STARTTLS is not offered"),
            });
        }
        if self.wire.has_unread() {
            return Err(injected());
        }
        let go = self.wire.ask("STARTTLS", wait).await?;
        if go.code != 220 {
            let refusal = Obstacle::new(Diagnosis::StarttlsNotSupported, format_args!("refused with {}", go.code));
            self.leave().await;
            return Err(refusal);
        }
        // What follows the 220 in clear would be taken for an answer inside TLS (CVE-2011-0411, "NO STARTTLS" 2021).
        if self.wire.has_unread() {
            return Err(injected());
        }
        let Self { wire, call } = self;
        Session::secure(wire.into_stream(), requirement, call).await?.hello().await
    }

    async fn leave(mut self) {
        let wait = self.call.waits.quit;
        let _gone_anyway = self.wire.write(b"QUIT\r\n", wait).await;
        self.wire.close(wait).await;
    }
}

/// Opens a session on a connection where TLS begins at once (RFC 8314 §3.3): nothing at all is said in clear.
///
/// # Errors
/// An [`Obstacle`], by the words of RFC 8460 §4.3.
pub async fn implicit_tls<L: Level, S: Stream + 'static>(
    stream: S,
    requirement: &Requirement<L>,
    call: Call,
) -> Result<Session<L>, Obstacle> {
    let mut session = Session::secure(stream, requirement, call).await?;
    let banner = session.wire.reply(session.call.waits.greeting).await?;
    welcome(&banner, 220)?;
    session.hello().await
}

/// A connection inside TLS, to a peer that met a requirement of level `L`. The only thing that letters leave by.
pub struct Session<L: Level> {
    wire: Wire<Box<dyn Stream>>,
    peer: Arc<VerifiedPeer<L>>,
    call: Call,
    offers: Offers,
    taken: u32,
    health: Health,
    /// When the message in hand must have been taken, but for the reply to its final dot.
    ends: Instant,
}

/// May another message follow?
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Health {
    Good,
    Spent,
}

impl<L: Level> Session<L> {
    /// Sends a sealed letter to its recipient, reading its stored body from `stored` on a blocking thread. The entry
    /// is the witness that the ledger knows of it: no entry, no byte; and one entry, one sending. Where the register
    /// changes for the letter before its final dot is written, there is no dot.
    pub async fn send<N: Level>(
        &mut self,
        entry: Entry,
        sealed: Sealed<N>,
        reverse_path: Option<&Mailbox>,
        stored: impl Read + Send + 'static,
    ) -> Sent
    where
        L: AtLeast<N>,
    {
        let result = if entry.letter() != sealed.letter() {
            Err(SendFailure::Fault(Fault::EntryOfAnotherLetter))
        } else if N::BINDS_RECIPIENT && !self.peer.is_proven_for(sealed.to()) {
            // Seen before the peer is told anything, even to whom.
            Err(SendFailure::Fault(Fault::AnothersPeer))
        } else {
            self.transact_letter(&entry, sealed, reverse_path, stored).await
        };
        Sent { entry, result }
    }

    /// Sends a report to the sender's own side, under the null reverse-path.
    ///
    /// # Errors
    /// [`SendFailure`]
    pub async fn send_notice(&mut self, notice: &Notice) -> Result<PeerWords, SendFailure> {
        self.transact_notice(notice).await
    }

    /// What the handshake showed of the peer.
    #[must_use]
    pub fn peer(&self) -> &PeerFacts {
        self.peer.facts()
    }

    /// Who was called, and where.
    #[must_use]
    pub const fn call(&self) -> &Call {
        &self.call
    }

    /// Messages that the peer has taken over this session.
    #[must_use]
    pub const fn taken(&self) -> u32 {
        self.taken
    }

    /// May another message follow on this session?
    #[must_use]
    pub fn is_reusable(&self) -> bool {
        self.health == Health::Good && !self.wire.has_unread()
    }

    /// Asks whether the peer still listens, and clears what a former transaction left (RFC 5321 §4.1.1.5).
    pub async fn reset(&mut self) -> bool {
        let answer = self.wire.ask("RSET", self.call.waits.reset).await;
        let alive = answer.is_ok_and(|reply| reply.is_ok());
        if !alive {
            self.health = Health::Spent;
        }
        alive
    }

    /// Says goodbye, and closes. Nobody waits for the answer longer than [`Waits::quit`].
    pub async fn quit(mut self) {
        let wait = self.call.waits.quit;
        // A spent session may stand amid the data of a letter: there, not even QUIT is said.
        if self.is_reusable() {
            let _gone_anyway = self.wire.ask("QUIT", wait).await;
        }
        self.wire.close(wait).await;
    }

    async fn secure<S: Stream + 'static>(
        stream: S,
        requirement: &Requirement<L>,
        call: Call,
    ) -> Result<Self, Obstacle> {
        let (stream, peer) = tokio::time::timeout(call.waits.handshake, handshake(stream, requirement))
            .await
            .map_err(|_elapsed| Obstacle::new(Diagnosis::TimedOut, "the TLS handshake took too long"))??;
        // A new wire: nothing read in clear can reach the session. What was offered in clear is forgotten too.
        let wire = Wire::new(Box::new(stream) as Box<dyn Stream>);
        let (peer, offers, ends) = (Arc::new(peer), Offers::default(), Instant::now());
        Ok(Self { wire, peer, call, offers, taken: 0, health: Health::Good, ends })
    }

    async fn hello(mut self) -> Result<Self, Obstacle> {
        let hello = self.wire.ask(&format!("EHLO {}", self.call.own_name), self.call.waits.command).await?;
        welcome(&hello, 250)?;
        self.offers = Offers::read(&hello);
        Ok(self)
    }
}

fn welcome(reply: &Reply, expected: u16) -> Result<(), Obstacle> {
    if reply.code == expected {
        return Ok(());
    }
    match reply.code / 100 {
        4 | 5 => Err(Obstacle::new(Diagnosis::TurnedAway(reply.code), format_args!("reply code {}", reply.code))),
        _ => Err(Obstacle::new(Diagnosis::NotSmtp, format_args!("reply code {}", reply.code))),
    }
}

fn injected() -> Obstacle {
    Obstacle::new(Diagnosis::BytesAfterStarttls, "the peer said more than it was asked before the handshake")
}
