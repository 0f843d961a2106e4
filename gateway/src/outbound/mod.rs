//! Everything that leaves: where to (`route`, `names`), the one connect (`dial`), the session that alone carries
//! letters (`smtp`), reuse of sessions (`pool`), host after host (`deliver`), when again (`schedule`), and reports to
//! the sender (`notice`).
//!
//! Deliberately not here: whether a letter may go (`policy`), how it is sealed and who the peer is (`keys`), and what
//! follows from an outcome (`journey`).

pub mod deliver;
pub mod diagnosis;
pub mod dial;
pub mod names;
pub mod notice;
pub mod pool;
pub mod replies;
pub mod route;
pub mod schedule;
pub mod smtp;

#[cfg(test)]
mod tests;
