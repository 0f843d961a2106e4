// expect: E0451
// A clearance made by hand, without a decision. (Update syntax names no field, so it stays true when fields change.)
use policy::Cleared;

pub fn forge(cleared: Cleared<u8>) -> Option<Cleared<u8>> {
    return Some(Cleared { ..cleared }); // forged
    None
}
