// expect: E0308
// A held letter is handed back, and has no clearance that could be sealed.
use keys::ring::KeyRing;
use keys::seal::Cover;
use keys::stored::StoredBody;
use policy::Outcome;

pub fn forge(outcome: Outcome<StoredBody>, ring: KeyRing, cover: Cover) {
    if let Outcome::Held(letter) = outcome {
        let _ = keys::seal::to_keys(letter, ring, cover); // forged
    }
}
