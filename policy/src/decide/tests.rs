//! The decision, tried: each gate by a table of cases, and the promises by worlds drawn at random.

mod gates;
mod promises;
mod world;
