// expect: E0277
// A copy of a lease, to attempt one letter twice at once.
use gateway::store::Lease;

fn twice(_: impl Clone) {}
pub fn forge(lease: Lease) {
    twice(lease); // forged
}
