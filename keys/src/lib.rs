//! What is secret here, and who may hold it; who proves what.
//!
//! Not here: sockets (a handshake runs on a stream it is handed), files other than key files, the decision.

pub mod certificate;
pub mod level;
pub mod password;
pub mod peer;
pub mod ring;
pub mod roots;
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
mod verifier;

#[cfg(test)]
mod tests;
