// expect: E0308
// A clearance for another kind of body than the one that is stored.
use keys::seal::Cover;
use policy::Cleared;

pub fn forge(cleared: Cleared<()>, cover: Cover) {
    let _ = keys::seal::for_proven(cleared, cover); // forged
}
