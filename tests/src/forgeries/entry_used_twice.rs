// expect: E0382
// One entry, two letters.
use gateway::ledger::Entry;
use gateway::outbound::smtp::Session;
use keys::level::Proven;
use keys::seal::Sealed;

pub async fn forge(session: &mut Session<Proven>, entry: Entry, one: Sealed<Proven>, other: Sealed<Proven>) {
    let _ = session.send(entry, one, None, std::io::empty()).await;
    let _ = session.send(entry, other, None, std::io::empty()).await; // forged
}
