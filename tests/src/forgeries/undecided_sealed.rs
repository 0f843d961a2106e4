// expect: E0308
// A letter that nobody decided on.
use keys::stored::StoredBody;
use policy::Letter;

pub fn forge(letter: Letter<StoredBody>) {
    let _ = keys::seal::for_proven(letter); // forged
}
