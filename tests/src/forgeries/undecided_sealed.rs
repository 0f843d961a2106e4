// expect: E0308
// A letter that nobody decided on.
use keys::seal::Cover;
use keys::stored::StoredBody;
use policy::Letter;

pub fn forge(letter: Letter<StoredBody>, cover: Cover) {
    let _ = keys::seal::for_proven(letter, cover); // forged
}
