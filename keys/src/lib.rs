//! What is secret here, and who may hold it; who proves what.
//!
//! - At rest: [`storage`] (the one root secret, and a key for each letter), [`stored`] (a letter's body, in chunks).
//! - On the way out: [`seal`] makes a cleared letter a sealed one, to the keys of a [`ring`] or for a proven host, and
//!   releases it to a verified [`peer`] of a sufficient [`level`]. Nothing else turns stored bytes into a message.
//! - At the other end: [`open`] opens what was sealed to an agency, with the agency's own secret key.
//! - At the doors: [`serve`] (our certificate and theirs), [`password`], [`token`]; [`certificate`] says what one says.
//!
//! Not here: sockets (a handshake runs on a stream it is handed), files other than key files, the decision, and keeping
//! any agency's secret key. `cipher.rs` alone calls the age crate, `verifier.rs` alone decides whether a server is trusted.

pub mod certificate;
pub mod level;
pub mod open;
pub mod password;
pub mod peer;
pub mod ring;
pub mod seal;
pub mod serve;
pub mod storage;
pub mod stored;
pub mod token;

mod cipher;
mod cover;
mod files;
mod header;
mod primitives;
mod roots;
mod verifier;

#[cfg(test)]
mod tests;
