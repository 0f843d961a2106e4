// expect: E0616
// The key of a stored body, read out.
use keys::stored::BodyKey;

pub fn forge(key: &BodyKey) {
    let _ = key.0; // forged
}
