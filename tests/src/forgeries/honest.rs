//! The honest way, in the same words that the forgeries use: it must compile, or they prove nothing.

use std::io::{self, Read, Write};

use gateway::ledger::{Entry, Ledger, Way};
use gateway::outbound::smtp::Session;
use gateway::store::Lease;
use keys::level::{Proven, Verified};
use keys::peer::VerifiedPeer;
use keys::ring::KeyRing;
use keys::seal::{Cover, ReleaseError, Sealed, for_proven, to_keys};
use keys::stored::StoredBody;
use policy::{Cleared, Facts, Letter, Moment, Outcome};

pub fn by_age(letter: Letter<StoredBody>, facts: &Facts, now: Moment, ring: KeyRing, cover: Cover) -> Option<Sealed<Verified>> {
    match policy::decide(facts, letter, now).outcome {
        Outcome::Released(cleared) => to_keys(cleared, ring, cover).ok(),
        Outcome::Held(_) | Outcome::Refused(_) => None,
    }
}

pub fn by_tls(letter: Letter<StoredBody>, facts: &Facts, now: Moment, cover: Cover) -> Option<Sealed<Proven>> {
    match policy::decide(facts, letter, now).outcome {
        Outcome::Released(cleared) => for_proven(cleared, cover).ok(),
        Outcome::Held(_) | Outcome::Refused(_) => None,
    }
}

pub fn proven_carries_both(
    sealed: Sealed<Verified>,
    letter: Sealed<Proven>,
    peer: &VerifiedPeer<Proven>,
) -> Result<(), ReleaseError> {
    sealed.release(peer, io::empty(), io::sink())?;
    letter.release(peer, io::empty(), io::sink())?;
    Ok(())
}

fn store(_: impl serde::Serialize) {}
fn twice(_: impl Clone) {}

pub fn an_undecided_letter_is_stored(letter: Letter<StoredBody>) {
    twice(letter.clone());
    store(letter);
}

pub async fn begun(ledger: &Ledger, lease: &Lease, cleared: &Cleared<StoredBody>, way: Way<'_>) {
    let _ = ledger.begin(lease, cleared, way).await;
}

pub async fn over_a_session(session: &mut Session<Proven>, entry: Entry, letter: Sealed<Proven>) {
    let _ = session.send(entry, letter, None, io::empty()).await;
}

pub fn once(
    sealed: Sealed<Verified>,
    peer: &VerifiedPeer<Verified>,
    stored: impl Read,
    out: impl Write,
) -> Result<(u64, [u8; 32]), ReleaseError> {
    sealed.release(peer, stored, out)
}
