//! The one source of chance outside key material: letter references, blob names, retry jitter.
//!
//! Keys are not drawn here, on purpose: a seed that a test may choose must never choose a key.

use std::sync::{Arc, Mutex, PoisonError};

use policy::LetterId;
use rand::rngs::StdRng;
use rand::{Rng, RngExt, SeedableRng};

/// Chance: the operating system's, or a seeded run of it that the test world can replay.
#[derive(Clone)]
pub struct Dice(Arc<Mutex<StdRng>>);

impl Dice {
    /// Seeded by the operating system.
    #[must_use]
    pub fn fair() -> Self {
        Self(Arc::new(Mutex::new(rand::make_rng())))
    }

    /// Seeded by `seed`: the same seed throws the same.
    #[must_use]
    pub fn loaded(seed: u64) -> Self {
        Self(Arc::new(Mutex::new(StdRng::seed_from_u64(seed))))
    }

    /// A new letter reference: 40 random bits.
    #[must_use]
    pub fn letter_id(&self) -> LetterId {
        let mut bits = [0_u8; 8];
        self.with(|rng| rng.fill_bytes(&mut bits));
        LetterId::from_bits(u64::from_le_bytes(bits))
    }

    /// A random name of 32 lower-case hex digits.
    #[must_use]
    pub fn name(&self) -> String {
        let mut bytes = [0_u8; 16];
        self.with(|rng| rng.fill_bytes(&mut bytes));
        hex::encode(bytes)
    }

    /// A number of `0..=most`.
    #[must_use]
    pub fn up_to(&self, most: u64) -> u64 {
        self.with(|rng| rng.random_range(0..=most))
    }

    fn with<T>(&self, throw: impl FnOnce(&mut StdRng) -> T) -> T {
        throw(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}
