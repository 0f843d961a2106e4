// expect: E0382
// One decision, sealed twice.
use keys::seal::Cover;
use keys::stored::StoredBody;
use policy::Cleared;

pub fn forge(cleared: Cleared<StoredBody>, cover: Cover) {
    let _ = keys::seal::for_proven(cleared, cover.clone());
    let _ = keys::seal::for_proven(cleared, cover); // forged
}
