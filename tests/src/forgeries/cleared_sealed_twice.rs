// expect: E0382
// One decision, sealed twice.
use keys::stored::StoredBody;
use policy::Cleared;

pub fn forge(cleared: Cleared<StoredBody>) {
    let _ = keys::seal::for_proven(cleared);
    let _ = keys::seal::for_proven(cleared); // forged
}
