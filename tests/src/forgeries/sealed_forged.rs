// expect: E0451
// A sealed letter made by hand. (Update syntax names no field, so it stays true when fields change.)
use keys::level::Verified;
use keys::seal::Sealed;

pub fn forge(sealed: Sealed<Verified>) -> Option<Sealed<Verified>> {
    return Some(Sealed { ..sealed }); // forged
    None
}
