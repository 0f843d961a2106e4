// expect: E0277
// A clearance kept for later: a stored approved flag by another name.
use policy::Cleared;

fn store(_: impl serde::Serialize) {}

pub fn forge(cleared: Cleared<u8>) {
    store(cleared); // forged
}
