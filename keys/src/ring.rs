//! An agency's sealing keys that are verified and in date.
#![allow(clippy::todo, missing_docs, reason = "skeleton")]
use policy::{Agency, Timestamp};

/// At least one usable key; never a plugin's.
pub struct KeyRing;
#[derive(Debug, thiserror::Error)]
pub enum KeyRingError {
    #[error("no key")]
    None,
}
impl KeyRing {
    pub fn of(_agency: &Agency, _now: Timestamp) -> Result<Self, KeyRingError> {
        todo!()
    }
}
/// Checks a recipient string as an admin types it: an X25519 `age1…`; names what else it is (secret key, plugin, ssh, post-quantum) and the remedy.
pub fn check_recipient(_text: &str) -> Result<(), KeyRingError> {
    todo!()
}
