// expect: E0277
// A level of one's own, weaker than the two that there are.
use keys::level::Level;

pub enum Plain {}

impl Level for Plain { const BINDS_RECIPIENT: bool = false; } // forged

pub fn uses<L: Level>() {}
