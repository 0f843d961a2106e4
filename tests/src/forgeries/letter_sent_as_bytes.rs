// expect: E0308
// The bytes of a letter, sent as they are: a session takes nothing but what is sealed.
use gateway::ledger::Entry;
use gateway::outbound::smtp::Session;
use keys::level::Verified;

pub async fn forge(session: &mut Session<Verified>, entry: Entry, letter: Vec<u8>) {
    let _ = session.send(entry, letter, None, std::io::empty()).await; // forged
}
