// expect: E0061
// An entry for a letter that nobody holds: what the register says may have changed meanwhile.
use gateway::ledger::{Ledger, Way};
use keys::stored::StoredBody;
use policy::Cleared;

pub async fn forge(ledger: &Ledger, cleared: &Cleared<StoredBody>, way: Way<'_>) {
    let _ = ledger.begin(cleared, way).await; // forged
}
