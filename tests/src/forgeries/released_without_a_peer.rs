// expect: E0061
// Bytes of a sealed letter with nobody at the other end.
use keys::level::Verified;
use keys::seal::Sealed;

pub fn forge(sealed: Sealed<Verified>) {
    let _ = sealed.release(std::io::empty(), std::io::empty()); // forged
}
