// expect: E0061
// No ledger entry, no byte.
use gateway::outbound::smtp::Session;
use keys::level::Proven;
use keys::seal::Sealed;

pub async fn forge(session: &mut Session<Proven>, sealed: Sealed<Proven>) {
    let _ = session.send(sealed, None, std::io::empty()).await; // forged
}
