//! (to be written)

pub mod file;
