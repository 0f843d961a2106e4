//! What a sending under way rests on: the lease, and the register as it was read for it. Looked at until the last byte.
//!
//! Not here: holding a commit to it (`batch.rs`).

use std::time::Duration;

use super::fault::Fault;
use super::letter::Lease;
use super::{Store, queue};

/// How often a sending that takes long looks. Any process may have changed the register.
const LOOKED_AT: Duration = Duration::from_millis(250);

/// What an attempt rests on, to be looked at from elsewhere.
pub(crate) struct Footing {
    store: Store,
    rests: queue::Undisturbed,
}

impl Footing {
    pub fn of(store: &Store, lease: &Lease) -> Self {
        let Lease { id, token, wake, .. } = lease;
        let rests = queue::Undisturbed { id: id.clone(), token: *token, wake: *wake };
        Self { store: store.clone(), rests }
    }

    /// Is it still as it was? Where that cannot be read, it is not.
    pub async fn holds(&self) -> bool {
        let read = async {
            let mut reader = self.store.readers().acquire().await?;
            queue::undisturbed(&mut reader, &self.rests).await
        };
        let held: Result<(), Fault> = read.await;
        held.is_ok()
    }

    /// Waits until it is no longer as it was.
    pub async fn lost(&self) {
        loop {
            tokio::time::sleep(LOOKED_AT).await;
            if !self.holds().await {
                return;
            }
        }
    }
}
