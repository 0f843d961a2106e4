// expect: E0308
// A clearance for another kind of body than the one that is stored.
use policy::Cleared;

pub fn forge(cleared: Cleared<()>) {
    let _ = keys::seal::for_proven(cleared); // forged
}
