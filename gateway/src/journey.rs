//! READ FIRST. The letter's road: accept → attempt → hand over. It calls leaves, and no leaf calls back.
//!
//! Which line would you change to send a letter in the clear, or to somebody uncleared? It would not compile: a
//! session takes only a `Sealed`, sealing takes only a `Cleared`, and only `policy::decide` makes one. The decision
//! is made again at every attempt; nothing approved is ever stored.
//!
//! The road's other chapters: how a message becomes letters (`arrive.rs`), how an attempt's end is written down and told
//! (`settle.rs`), who waits for whom (`queue.rs`), the doors' side (`desk.rs`). Not here: protocols (`intake/`,
//! `outbound/`), what a letter holds (`recognise.rs`).

use std::fs::File;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use keys::level::{AtLeast, Level, Proven, Verified};
use keys::peer::Roots;
use keys::ring::KeyRing;
use keys::seal::{self, Cover, SealError, Sealed};
use keys::stored::StoredBody;
use policy::{Agency, Channel, Cleared, Decision, Domain, Explanation, Facts, Mailbox, Outcome, Recipient, Verdict};

use crate::arrive::{Asked, Entered};
use crate::clock::Clock;
use crate::dice::Dice;
use crate::intake::{Answer, Declaration, DryRun, Envelope, SignIns};
use crate::ledger::{Entry, Ledger, Way};
use crate::outbound::deliver::{CannotSend, Class, Outbound, ProvenFor, VerifiedBy};
use crate::outbound::diagnosis::{Diagnosis, Obstacle};
use crate::outbound::notice::{Hindrance, Letterhead};
use crate::outbound::pool::Lease as Leased;
use crate::outbound::schedule;
use crate::outbound::smtp::{Fault as Broken, SendFailure, Sent};
use crate::recognise::Screener;
use crate::registers::Registers;
use crate::store::{self, Fault, Lease, LetterRecord, Received, Store};

/// The road, and all that it needs. Cheap to clone.
#[derive(Clone)]
pub struct Journey(Arc<Parts>);

/// What the road is built of.
pub struct Parts {
    /// Letters, registers' rows, blobs.
    pub store: Store,
    /// The consented-sharing register and the allow-list.
    pub registers: Registers,
    /// The disclosure log.
    pub ledger: Ledger,
    /// Reads letters in a limited process.
    pub screener: Screener,
    /// Everything that leaves.
    pub outbound: Outbound,
    /// Trusted roots, for agencies whose record has none of its own.
    pub roots: Roots,
    /// Who speaks in notices and on covers.
    pub letterhead: Letterhead,
    /// Failed sign-ins, and who has had too many.
    pub sign_ins: SignIns,
    /// When letters are tried again.
    pub schedule: schedule::Settings,
    /// Waits and limits that are the journey's own.
    pub terms: Terms,
    /// Time.
    pub clock: Clock,
    /// Chance.
    pub dice: Dice,
}

/// Waits and limits that are the journey's own.
#[derive(Clone, Debug)]
pub struct Terms {
    /// The provider's own mail domains: senders write from there, and nobody elsewhere is sent a notice.
    pub own_domains: Vec<Domain>,
    /// A held letter that no one answers is refused after this long.
    pub held_secs: i64,
    /// A letter still queued after this long is told to its sender.
    pub deferred_after_secs: i64,
    /// New letters are put off while the disk has less than this.
    pub free_bytes_min: u64,
}

/// One letter's attempt: all that is known besides the letter itself.
pub(crate) struct Attempt {
    pub lease: Lease,
    pub record: LetterRecord,
    pub agency: Option<Agency>,
    pub explanation: Explanation,
    /// The sender has been told, during this attempt, that it takes long.
    pub told: AtomicBool,
}

/// A channel that is open: a session whose peer has proven enough for what the channel carries.
enum Road {
    Sealed(Leased<Verified>, KeyRing),
    Proven(Leased<Proven>),
}

/// What goes with a sealed letter onto a session.
struct Post<'a> {
    entry: Entry,
    reverse_path: Option<&'a Mailbox>,
    stored: File,
}

impl std::ops::Deref for Journey {
    type Target = Parts;
    fn deref(&self) -> &Parts {
        &self.0
    }
}

impl Journey {
    /// A road built of these parts.
    #[must_use]
    pub fn new(parts: Parts) -> Self {
        Self(Arc::new(parts))
    }

    /// Takes a message in: one letter for each recipient, each decided, all durable when this returns.
    ///
    /// # Errors
    /// When the store or the reading process fails: then nothing is kept, and the sender's program tries again.
    pub async fn accept(&self, envelope: Envelope, said: Declaration, body: Received) -> Result<Answer, Fault> {
        let asked = Asked::of(&envelope);
        if let Some(answer) = self.answered_before(asked.as_ref()).await? {
            return Ok(answer);
        }
        let seen = self.screener.recognise(&self.store, &self.registers, &said, body.body()).await?;
        let mut letters = Vec::with_capacity(envelope.recipients.len());
        for recipient in &envelope.recipients {
            let record = self.record(&envelope, recipient, (&said, &seen), &body);
            let facts = self.registers.facts(&record.letter).await?;
            let Decision { explanation, outcome: _ } =
                policy::decide(&facts, record.letter.clone(), self.clock.moment());
            letters.push(Entered::new(record, facts, explanation));
        }
        let answer = Entered::answer(&letters);
        if envelope.dry_run == DryRun::Yes {
            return Ok(answer);
        }
        let mut batch = self.store.batch();
        for letter in &letters {
            self.enter(&mut batch, letter);
        }
        self.tell_of_arrival(&mut batch, &letters);
        self.remember(&mut batch, asked.as_ref(), &answer);
        match batch.commit().await {
            // CRASH: letters-committed: the letters are durable and their sender was told nothing; they go their way, and come once more if the sender's program tries again.
            Ok(_) => Ok(answer),
            // The same request came twice at once, and the other one was first. (Without a key it is a reference that was
            // drawn twice: the sender's program tries again, and another is drawn.)
            Err(Fault::Conflict) => self.answered_before(asked.as_ref()).await?.ok_or(Fault::Conflict),
            Err(fault) => Err(fault),
        }
    }

    /// Tries one letter: reads the facts again, decides again, and then holds it, refuses it or hands it over.
    ///
    /// # Errors
    /// When the store fails. The lease then runs out, and the letter is tried again.
    pub async fn attempt(&self, mut lease: Lease) -> Result<(), Fault> {
        let mut told = AtomicBool::new(false);
        loop {
            let loaded = match self.store.load(lease.id()).await {
                Err(fault) if self.is_past_reading(&lease, &fault) => return self.give_up(&lease, &fault).await,
                loaded => loaded?,
            };
            lease.rest_on(&loaded);
            let facts = self.registers.facts(&loaded.record.letter).await?;
            let agency = agency_of(&facts);
            let agency_id = agency.map(|agency| agency.id.as_str());
            if !self.store.is_of(&loaded, agency_id) {
                // Its address has passed to another agency: noted first, so that no change of that one is missed.
                let mut batch = self.store.batch();
                batch.belongs(&lease, &loaded.record, agency_id);
                batch.commit().await?;
                continue;
            }
            let (record, agency) = (loaded.record, agency.cloned());
            let letter = record.letter.clone();
            let Decision { outcome, explanation } = policy::decide(&facts, letter, self.clock.moment());
            let mut attempt = Attempt { lease, record, agency, explanation, told };
            let done = match outcome {
                Outcome::Refused(_) => self.refuse(&attempt).await,
                Outcome::Held(_) if attempt.is_overdue(self.clock.now()) => {
                    // Nobody answered (`spec/decision.md`, section 2, rule 3).
                    attempt.explanation.verdict = Verdict::Refuse;
                    self.refuse(&attempt).await
                }
                Outcome::Held(_) => self.hold(&attempt).await,
                Outcome::Released(cleared) => self.telling(&attempt, self.hand_over(&attempt, cleared)).await,
            };
            match done {
                // A no in the middle of an attempt counts at once: the letter is decided again before a byte leaves.
                Err(Fault::Overtaken) => Attempt { lease, told, .. } = attempt,
                done => return done,
            }
        }
    }

    /// Finds an open channel first; only then seals, writes the intent down, and sends.
    async fn hand_over(&self, attempt: &Attempt, cleared: Cleared<StoredBody>) -> Result<(), Fault> {
        let road = match self.find_road(attempt, &cleared).await {
            Ok(road) => road,
            Err(cannot) => return self.no_road(attempt, &cannot).await,
        };
        self.is_still_so(attempt).await?;
        let stored = match self.store.open_blob(&cleared.letter().body.blob) {
            Ok(stored) => stored,
            Err(fault) => return self.put_off(attempt, (&SendFailure::ours(fault)).into(), None).await,
        };
        let entry = self.ledger.begin(&attempt.lease, &cleared, &attempt.explanation, road.way()).await?;
        let (channel, host) = (road.way().channel, road.host().clone());
        let post = Post { entry, reverse_path: attempt.record.envelope.reverse_path.as_ref(), stored };
        let sent = match road {
            Road::Sealed(session, ring) => post.carry(session, seal::to_keys(cleared, ring, self.cover())).await,
            Road::Proven(session) => post.carry(session, seal::for_proven(cleared, self.cover())).await,
        };
        // CRASH: letter-sent: the peer may have the letter and the ledger holds an intent alone; the next start closes it as unknown, and the letter goes again under the same Message-ID (RFC 5321 §6.1, RFC 1047).
        let (finished, result) = sent.finish();
        match result {
            Ok(receipt) => self.delivered(attempt, channel, &finished, &receipt).await,
            Err(SendFailure::Fault(Broken::Overtaken)) => {
                self.ledger.finish(&finished).await?;
                Err(Fault::Overtaken)
            }
            Err(failure @ SendFailure::Rejected { .. }) => {
                self.fail(attempt, Hindrance::from(&failure).at(&host), Some(&finished)).await
            }
            Err(failure) => self.put_off(attempt, Hindrance::from(&failure).at(&host), Some(&finished)).await,
        }
    }

    /// Looks once more, with the road open. A change of the register that touches the letter is seen when the entry is
    /// begun; an address that another agency has taken over, or an hour that has struck, is seen here.
    async fn is_still_so(&self, attempt: &Attempt) -> Result<(), Fault> {
        let facts = self.registers.facts(&attempt.record.letter).await?;
        let Decision { explanation, outcome: _ } =
            policy::decide(&facts, attempt.record.letter.clone(), self.clock.moment());
        let before = &attempt.explanation;
        let same = explanation.facts_sha256 == before.facts_sha256 && explanation.channels == before.channels;
        if same && explanation.verdict == before.verdict { Ok(()) } else { Err(Fault::Overtaken) }
    }

    /// The first channel of the clearance that is open now. One that cannot be met now puts the letter off; one that
    /// cannot be met at all gives way to the next, never to a weaker connection (`spec/channels.md`).
    async fn find_road(&self, attempt: &Attempt, cleared: &Cleared<StoredBody>) -> Result<Road, CannotSend> {
        let mut shut = CannotSend::before_any_host(Obstacle::new(
            Diagnosis::NotOffered,
            "no channel of the agency is one that this gateway offers",
        ));
        let Some(agency) = &attempt.agency else { return Err(shut) };
        for &channel in cleared.clearance().channels() {
            let found = match channel {
                Channel::AgeEmail => self.open_sealed(agency, cleared).await,
                Channel::TlsEmail => {
                    let proven = ProvenFor(agency, &self.roots);
                    self.outbound.open_session(cleared.letter().to.domain(), &proven).await.map(Road::Proven)
                }
                // The portal and the push are not served by this version: to us they are shut for good.
                Channel::Link | Channel::HttpsPush => continue,
            };
            match found {
                Err(cannot) if cannot.class == Class::Never => shut = cannot,
                found => return found,
            }
        }
        Err(shut)
    }

    /// A sealed file names no one and reads as nothing: a verified peer is enough for it. The keys come first, for
    /// without them there is nothing to open a session for.
    async fn open_sealed(&self, agency: &Agency, cleared: &Cleared<StoredBody>) -> Result<Road, CannotSend> {
        let ring = KeyRing::of(agency, self.clock.now())
            .map_err(|error| CannotSend::before_any_host(Obstacle::new(Diagnosis::KeyUnusable, error)))?;
        let domain = cleared.letter().to.domain();
        let session = self.outbound.open_session(domain, &VerifiedBy(&self.roots)).await?;
        Ok(Road::Sealed(session, ring))
    }

    async fn no_road(&self, attempt: &Attempt, cannot: &CannotSend) -> Result<(), Fault> {
        match cannot.class {
            Class::Now => self.put_off(attempt, cannot.into(), None).await,
            Class::Never => self.fail(attempt, cannot.into(), None).await,
        }
    }

    fn cover(&self) -> Cover {
        Cover {
            provider: self.letterhead.provider.clone(),
            from: self.letterhead.from.clone(),
            phone: self.letterhead.phone.clone(),
            date_rfc5322: self.clock.rfc5322(),
        }
    }
}

impl Road {
    fn host(&self) -> &Domain {
        match self {
            Self::Sealed(session, _) => &session.call().host,
            Self::Proven(session) => &session.call().host,
        }
    }

    fn way(&self) -> Way<'_> {
        match self {
            Self::Sealed(session, _) => Way { channel: Channel::AgeEmail, host: &session.peer().host },
            Self::Proven(session) => Way { channel: Channel::TlsEmail, host: &session.peer().host },
        }
    }
}

impl Post<'_> {
    /// Sends over a session that is enough for what was sealed, and gives the session back.
    async fn carry<L, N>(self, mut session: Leased<L>, sealed: Result<Sealed<N>, SealError>) -> Sent
    where
        L: AtLeast<N>,
        N: Level,
    {
        let Self { entry, reverse_path, stored } = self;
        match sealed {
            Ok(sealed) => {
                let sent = session.send(entry, sealed, reverse_path, stored).await;
                session.give_back().await;
                sent
            }
            Err(error) => Sent::unsealed(entry, error),
        }
    }
}

impl Attempt {
    /// Did it wait, held, for as long as a held letter may?
    fn is_overdue(&self, now: policy::Timestamp) -> bool {
        self.lease.state() == store::State::Held && now >= self.lease.deadline()
    }
}

fn agency_of(facts: &Facts) -> Option<&Agency> {
    match &facts.recipient {
        Recipient::Agency(agency) => Some(agency),
        Recipient::OwnAddress | Recipient::Unlisted { .. } => None,
    }
}

#[cfg(test)]
mod tests;
