// expect: E0117
// A verified peer declared good enough for what needs a proven one.
use keys::level::{AtLeast, Proven, Verified};

impl AtLeast<Proven> for Verified {} // forged

pub fn uses<L: AtLeast<Verified>>() {}
