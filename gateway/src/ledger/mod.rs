//! (to be written)

/// The witness that the ledger knows of a letter that is about to leave.
#[must_use = "an entry is for a send"]
pub struct Entry(policy::LetterId);

impl Entry {
    /// Which letter.
    #[must_use]
    pub const fn letter(&self) -> &policy::LetterId {
        &self.0
    }
}
