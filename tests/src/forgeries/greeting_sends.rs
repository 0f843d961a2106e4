// expect: E0599
// A letter handed to a connection in clear, before anybody has proved anything.
use gateway::ledger::Entry;
use gateway::outbound::smtp::Greeting;
use keys::level::Verified;
use keys::seal::Sealed;

pub async fn forge<S>(mut greeting: Greeting<S>, entry: Entry, sealed: Sealed<Verified>) {
    let _ = greeting.send(entry, sealed, None, std::io::empty()).await; // forged
}
