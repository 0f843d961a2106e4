// expect: E0382
// One sealed letter, written out twice.
use keys::level::Verified;
use keys::peer::VerifiedPeer;
use keys::seal::Sealed;

pub fn forge(sealed: Sealed<Verified>, peer: &VerifiedPeer<Verified>) {
    let _ = sealed.release(peer, std::io::empty(), std::io::sink());
    let _ = sealed.release(peer, std::io::empty(), std::io::sink()); // forged
}
