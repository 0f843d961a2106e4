// expect: E0451
// A peer that nobody shook hands with. (Update syntax names no field, so it stays true when fields change.)
use keys::level::Proven;
use keys::peer::VerifiedPeer;

pub fn forge(peer: VerifiedPeer<Proven>) -> Option<VerifiedPeer<Proven>> {
    return Some(VerifiedPeer { ..peer }); // forged
    None
}
