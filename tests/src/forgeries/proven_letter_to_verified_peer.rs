// expect: E0277
// A letter in clear inside TLS, to a host that is only verified: not proven to be the recipient's.
use keys::level::{Proven, Verified};
use keys::peer::VerifiedPeer;
use keys::seal::Sealed;

pub fn forge(letter: Sealed<Proven>, peer: &VerifiedPeer<Verified>) {
    let _ = letter.release(peer, std::io::empty(), std::io::sink()); // forged
}
