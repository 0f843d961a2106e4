//! One transaction: MAIL, RCPT, DATA, the message, the final dot (RFC 5321 §3.3). One recipient, always.
//!
//! The message is streamed: a blocking thread releases it into a bounded channel, this side stuffs dots and writes.
//! Memory does not grow with the letter. Until the final dot is written the peer holds nothing.

use std::io::{Read, Write};
use std::sync::Arc;
use std::time::Duration;

use keys::level::{AtLeast, Level};
use keys::seal::Sealed;
use policy::Mailbox;
use tokio::sync::mpsc;
use tokio::time::Instant;

use super::outcome::{Fault, Receipt, SendFailure, Stage};
use super::stuffing::{BareLineEnd, Stuffing};
use super::wire::WireError;
use super::{Health, Session};
use crate::ledger::Entry;
use crate::outbound::notice::Notice;
use crate::outbound::replies::{PeerWords, Reply};

/// Octets of a chunk on its way from the blocking thread.
const CHUNK_BYTES: usize = 64 * 1024;
/// Chunks that may wait between the two sides.
const CHUNKS_WAITING: usize = 4;

/// Who it is from and for, and what is asked for it.
struct Envelope<'a> {
    reverse_path: Option<&'a Mailbox>,
    recipient: &'a Mailbox,
    /// Our reference, for `ENVID` (RFC 3461 §4.4).
    reference: &'a str,
    /// Ask that it be passed on over TLS alone (RFC 8689)?
    onward: Onward,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Onward {
    TlsOnly,
    AsMayBe,
}

impl<L: Level> Session<L> {
    pub(super) async fn transact_letter<N: Level>(
        &mut self,
        entry: &Entry,
        sealed: Sealed<N>,
        reverse_path: Option<&Mailbox>,
        stored: impl Read + Send + 'static,
    ) -> Result<Receipt, SendFailure>
    where
        L: AtLeast<N>,
    {
        // What only a proven peer may read, only TLS may carry on. A sealed file needs no such promise of the next hop.
        let onward = if N::BINDS_RECIPIENT { Onward::TlsOnly } else { Onward::AsMayBe };
        let (letter, recipient) = (sealed.letter().clone(), sealed.to().clone());
        let envelope = Envelope { reverse_path, recipient: &recipient, reference: letter.as_str(), onward };
        self.begin(&envelope).await?;
        let (chunks, mut waiting) = mpsc::channel(CHUNKS_WAITING);
        let peer = Arc::clone(&self.peer);
        let releasing = tokio::task::spawn_blocking(move || {
            let mut outflow = Outflow::new(chunks);
            let released = sealed.release(&*peer, stored, &mut outflow).map_err(|error| error.to_string());
            outflow.flush().map_err(|error| error.to_string())?;
            released
        });
        let overtaken = SendFailure::Fault(Fault::Overtaken);
        let (stuffing, written) = tokio::select! {
            biased;
            pumped = self.pump(&mut waiting) => pumped?,
            () = entry.lost() => return Err(overtaken),
        };
        let released = releasing.await.unwrap_or_else(|stopped| Err(stopped.to_string()));
        let (bytes, sha256) = released.map_err(release_fault)?;
        if bytes != written {
            return Err(release_fault("octets were lost on the way"));
        }
        if !entry.holds().await {
            return Err(overtaken);
        }
        let words = self.finish(stuffing).await?;
        let super::Call { host, address, .. } = self.call.clone();
        Ok(Receipt { host, address, words, peer: self.peer.facts().clone(), bytes, sha256 })
    }

    pub(super) async fn transact_notice(&mut self, notice: &Notice) -> Result<PeerWords, SendFailure> {
        let envelope = Envelope {
            reverse_path: None,
            recipient: notice.to(),
            reference: notice.letter().as_str(),
            onward: Onward::AsMayBe,
        };
        self.begin(&envelope).await?;
        let (chunks, mut waiting) = mpsc::channel(1);
        // The channel is empty and has room for one: this never waits.
        let _receiver_is_here = chunks.try_send(notice.as_bytes().to_vec());
        drop(chunks);
        let (stuffing, _bytes) = self.pump(&mut waiting).await?;
        self.finish(stuffing).await
    }

    /// MAIL, RCPT and DATA: the peer waits for the message when this returns.
    async fn begin(&mut self, envelope: &Envelope<'_>) -> Result<(), SendFailure> {
        let commands = self.commands(envelope)?;
        // From here on the session is spent, however this future ends, until the peer has answered cleanly.
        self.health = Health::Spent;
        self.ends = Instant::now() + self.call.waits.message;
        if self.wire.has_unread() {
            return Err(SendFailure::lost(WireError::Lost, Stage::Mail));
        }
        let mut answers = Vec::with_capacity(STAGES.len());
        let asked = self.ask_all(&commands, &mut answers).await;
        let Some((stage, refusal)) = answers.iter().find(|(stage, reply)| !agrees(*stage, reply)) else {
            return asked;
        };
        // A peer that refused and yet waits for data gets no lone dot (RFC 2920 §3.1), but the end of the connection.
        let waits_for_data = answers.iter().any(|(stage, reply)| *stage == Stage::Data && agrees(*stage, reply));
        if asked.is_ok() && !waits_for_data {
            self.settle(answers.iter().map(|(_, reply)| reply));
        }
        Err(SendFailure::answered(refusal, *stage))
    }

    /// All three at once where the peer can take them so, each reply read for itself; else one after the other.
    async fn ask_all(&mut self, commands: &[String; 3], answers: &mut Vec<(Stage, Reply)>) -> Result<(), SendFailure> {
        let waits = self.call.waits;
        if self.offers.pipelining {
            self.say(&commands.concat(), Stage::Mail).await?;
        }
        for (stage, command) in STAGES.into_iter().zip(commands) {
            if !self.offers.pipelining {
                self.say(command, stage).await?;
            }
            let wait = if stage == Stage::Data { waits.data_start } else { waits.command };
            let reply = self.wire.reply(self.within(wait)).await.map_err(|error| SendFailure::lost(error, stage))?;
            let goes_on = self.offers.pipelining || agrees(stage, &reply);
            answers.push((stage, reply));
            if !goes_on {
                break;
            }
        }
        Ok(())
    }

    async fn say(&mut self, commands: &str, stage: Stage) -> Result<(), SendFailure> {
        let said = self.wire.write(commands.as_bytes(), self.within(self.call.waits.command)).await;
        said.map_err(|error| SendFailure::lost(error, stage))
    }

    /// A stage's own bound, or what is left for the whole message: a peer that takes a byte a minute is let go.
    fn within(&self, wait: Duration) -> Duration {
        wait.min(self.ends.saturating_duration_since(Instant::now()))
    }

    fn commands(&self, envelope: &Envelope<'_>) -> Result<[String; 3], SendFailure> {
        let path = envelope.reverse_path.map(ToString::to_string).unwrap_or_default();
        let recipient = envelope.recipient.to_string();
        if [&path, &recipient].iter().any(|address| !fits_a_command(address)) {
            return Err(SendFailure::Fault(Fault::Address));
        }
        let international = !(path.is_ascii() && recipient.is_ascii());
        if international && !self.offers.smtputf8 {
            return Err(SendFailure::cannot(6, 7, Stage::Mail));
        }
        let mut mail = format!("MAIL FROM:<{path}>");
        if self.offers.eight_bit {
            mail.push_str(" BODY=8BITMIME");
        }
        if international {
            mail.push_str(" SMTPUTF8");
        }
        if self.offers.requiretls && envelope.onward == Onward::TlsOnly {
            mail.push_str(" REQUIRETLS");
        }
        if self.offers.dsn && envelope.reverse_path.is_some() {
            // A bounce is a disclosure too: ask for headers only.
            mail.push_str(" RET=HDRS ENVID=");
            mail.push_str(envelope.reference);
        }
        Ok([mail + "\r\n", format!("RCPT TO:<{recipient}>\r\n"), "DATA\r\n".to_owned()])
    }

    /// Stuffs and writes what comes through the channel until it closes. Octets of the message, before stuffing.
    async fn pump(&mut self, waiting: &mut mpsc::Receiver<Vec<u8>>) -> Result<(Stuffing, u64), SendFailure> {
        let (mut stuffing, mut out, mut bytes) = (Stuffing::default(), Vec::with_capacity(CHUNK_BYTES * 2), 0_u64);
        loop {
            let wait = self.within(self.call.waits.data_block);
            if wait.is_zero() {
                return Err(SendFailure::lost(WireError::TimedOut, Stage::Data));
            }
            let chunk = match tokio::time::timeout(wait, waiting.recv()).await {
                Ok(Some(chunk)) => chunk,
                Ok(None) => return Ok((stuffing, bytes)),
                Err(_elapsed) if self.within(wait).is_zero() => {
                    return Err(SendFailure::lost(WireError::TimedOut, Stage::Data));
                }
                Err(_elapsed) => return Err(release_fault("its storage is too slow")),
            };
            bytes = bytes.saturating_add(chunk.len() as u64);
            if self.offers.message_bytes_max.is_some_and(|most| bytes > most) {
                return Err(SendFailure::cannot(3, 4, Stage::Data));
            }
            out.clear();
            stuffing.push(&chunk, &mut out).map_err(|BareLineEnd| SendFailure::Fault(Fault::BareLineEnd))?;
            if stuffing.is_eight_bit() && !self.offers.eight_bit {
                return Err(SendFailure::cannot(6, 3, Stage::Data));
            }
            if let Err(error) = self.wire.write(&out, wait).await {
                return Err(self.parting_words(error).await);
            }
        }
    }

    /// A peer that hangs up amid the data has often said why.
    async fn parting_words(&mut self, error: WireError) -> SendFailure {
        match self.wire.reply(self.call.waits.quit).await {
            Ok(reply) if !reply.is_ok() => SendFailure::answered(&reply, Stage::Data),
            _ => SendFailure::lost(error, Stage::Data),
        }
    }

    /// The final dot. From its first octet on, silence means that we do not know.
    async fn finish(&mut self, stuffing: Stuffing) -> Result<PeerWords, SendFailure> {
        let end = stuffing.end().map_err(|BareLineEnd| SendFailure::Fault(Fault::BareLineEnd))?;
        // An answer that came before the dot is no answer to it (RFC 5321 §3.3): the peer breaks the protocol, or a 250
        // would be believed of a message that it does not hold.
        if self.wire.has_spoken().await {
            return Err(self.parting_words(WireError::Lost).await);
        }
        let waits = self.call.waits;
        self.wire.write(end, waits.data_block).await.map_err(|_unheard| SendFailure::Unknown)?;
        let reply = self.wire.reply(waits.final_dot).await.map_err(|_unheard| SendFailure::Unknown)?;
        self.settle([&reply]);
        if !reply.is_ok() {
            return Err(SendFailure::answered(&reply, Stage::FinalDot));
        }
        self.taken = self.taken.saturating_add(1);
        Ok(reply.words())
    }

    /// The peer has answered all that it was asked: another message may follow, unless it is closing (421).
    fn settle<'a>(&mut self, replies: impl IntoIterator<Item = &'a Reply>) {
        if replies.into_iter().all(|reply| reply.code != 421) {
            self.health = Health::Good;
        }
    }
}

const STAGES: [Stage; 3] = [Stage::Mail, Stage::Rcpt, Stage::Data];

fn agrees(stage: Stage, reply: &Reply) -> bool {
    if stage == Stage::Data { reply.code == 354 } else { reply.is_ok() }
}

/// An address that cannot end its command early, or begin another.
fn fits_a_command(address: &str) -> bool {
    address.len() <= 320 && !address.chars().any(|c| c.is_control() || c.is_whitespace() || c == '<' || c == '>')
}

fn release_fault(why: impl std::fmt::Display) -> SendFailure {
    SendFailure::Fault(Fault::Release(why.to_string()))
}

/// The blocking side of the channel: gathers what is written to it into chunks.
struct Outflow {
    chunks: mpsc::Sender<Vec<u8>>,
    gathered: Vec<u8>,
}

impl Outflow {
    fn new(chunks: mpsc::Sender<Vec<u8>>) -> Self {
        Self { chunks, gathered: Vec::with_capacity(CHUNK_BYTES) }
    }
}

impl Write for Outflow {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        let room = CHUNK_BYTES.saturating_sub(self.gathered.len());
        let taken = bytes.get(..room.min(bytes.len())).unwrap_or_default();
        self.gathered.extend_from_slice(taken);
        if self.gathered.len() >= CHUNK_BYTES {
            self.flush()?;
        }
        Ok(taken.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        if self.gathered.is_empty() {
            return Ok(());
        }
        let chunk = std::mem::replace(&mut self.gathered, Vec::with_capacity(CHUNK_BYTES));
        self.chunks.blocking_send(chunk).map_err(|_receiver_gone| std::io::ErrorKind::BrokenPipe.into())
    }
}
