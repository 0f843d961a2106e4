// expect: E0308
// A letter in clear inside TLS, over a session whose peer is only verified.
use gateway::ledger::Entry;
use gateway::outbound::smtp::Session;
use keys::level::{Proven, Verified};
use keys::seal::Sealed;

pub async fn forge(session: &mut Session<Verified>, entry: Entry, letter: Sealed<Proven>) {
    let _ = session.send(entry, letter, None, std::io::empty()).await; // forged
}
