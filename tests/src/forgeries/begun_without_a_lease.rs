// expect: E0061
// An entry for a letter that nobody holds: what the register says may have changed meanwhile.
use gateway::ledger::{Ledger, Way};
use keys::stored::StoredBody;
use policy::{Cleared, Explanation};

pub async fn forge(ledger: &Ledger, cleared: &Cleared<StoredBody>, explanation: &Explanation, way: Way<'_>) {
    let _ = ledger.begin(cleared, explanation, way).await; // forged
}
