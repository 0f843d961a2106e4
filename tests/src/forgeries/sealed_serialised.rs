// expect: E0277
// A sealed letter kept for later, past the decision that it rests on.
use keys::level::Verified;
use keys::seal::Sealed;

fn store(_: impl serde::Serialize) {}

pub fn forge(sealed: Sealed<Verified>) {
    store(sealed); // forged
}
