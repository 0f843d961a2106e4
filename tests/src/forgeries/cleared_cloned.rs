// expect: E0277
// One decision, two letters.
use policy::Cleared;

fn twice(_: impl Clone) {}

pub fn forge(cleared: Cleared<u8>) {
    twice(cleared); // forged
}
