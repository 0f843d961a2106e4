// expect: E0277
// One sealed letter, sent twice.
use keys::level::Verified;
use keys::seal::Sealed;

fn twice(_: impl Clone) {}

pub fn forge(sealed: Sealed<Verified>) {
    twice(sealed); // forged
}
