// expect: E0061
// An entry that says another reason than the one that cleared the letter.
use gateway::ledger::{Ledger, Way};
use gateway::store::Lease;
use keys::stored::StoredBody;
use policy::{Cleared, Explanation};

pub async fn forge(ledger: &Ledger, lease: &Lease, cleared: &Cleared<StoredBody>, other: &Explanation, way: Way<'_>) {
    let _ = ledger.begin(lease, cleared, other, way).await; // forged
}
