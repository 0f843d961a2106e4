//! A command's visit to the data folder, beside whoever serves from it.
//!
//! Not here: what a command does there.

use config::Settings;
use policy::Staff;

use super::args::Shared;
use super::out::{Failure, OrFail, Out, Outcome};
use crate::journey::Journey;
use crate::ledger::Ledger;
use crate::registers::{RegisterError, Registers};
use crate::setup::{self, Seams};
use crate::status::Status;
use crate::store::{Fault, Store};

/// The data folder, open, and all that a verb may need.
pub(super) struct Visit {
    pub settings: Settings,
    pub seams: Seams,
    pub store: Store,
    pub registers: Registers,
    pub out: Out,
}

/// Opens the data folder, does what `verb` does, and closes it. The first visit of all makes storage key and folder.
pub(super) async fn visit(shared: &Shared, out: Out, verb: impl AsyncFnOnce(&Visit) -> Outcome) -> Outcome {
    let settings = Settings::load(&shared.config).or_fail(Status::BadConfig)?;
    let seams = Seams::of_the_system(&settings).or_fail(Status::BadConfig)?;
    let (home, key_made) = setup::home(&settings, &seams).or_fail(Status::BadConfig)?;
    let store = Store::visit(home).await.or_fail(Status::Unhealthy)?;
    if key_made {
        Ledger::over(&store).key_made("storage").await?;
    }
    let registers = Registers::over(&store);
    let visit = Visit { settings, seams, store: store.clone(), registers, out };
    let outcome = verb(&visit).await;
    store.close().await;
    outcome
}

impl Visit {
    /// Who changes something must be an active member of staff; while there is no staff at all, one who arrives with
    /// the change.
    pub async fn permit(&self, by: &str, arriving: &[Staff]) -> Result<(), Failure> {
        let may = match self.registers.read::<Staff>(by).await? {
            Some(staff) => staff.active,
            None => {
                arriving.iter().any(|staff| staff.id == by && staff.active)
                    && self.registers.list::<Staff>().await?.is_empty()
            }
        };
        let refusal = "--by: only an active member of staff may do this; `sealgate user list` shows who is";
        if may { Ok(()) } else { Err(Failure::new(Status::NotPermitted, refusal)) }
    }

    /// The road over this store, for what is read or decided as at the door. Nothing listens, and nothing is sent.
    pub fn journey(&self) -> Result<Journey, Failure> {
        setup::journey(&self.settings, &self.seams, self.store.clone(), Vec::new()).or_fail(Status::BadConfig)
    }
}

impl From<Fault> for Failure {
    fn from(fault: Fault) -> Self {
        let status = match fault {
            Fault::NotFound => Status::NotFound,
            Fault::Conflict | Fault::Stale | Fault::Overtaken => Status::Conflict,
            Fault::Stopped | Fault::Busy | Fault::Damaged(_) | Fault::Shape(_) | Fault::Disk(_) => Status::Fault,
        };
        Self::new(status, fault)
    }
}

impl From<RegisterError> for Failure {
    fn from(error: RegisterError) -> Self {
        let status = match error {
            RegisterError::Fault(fault) => return fault.into(),
            RegisterError::Unresolved { .. } | RegisterError::NotFound { .. } => Status::NotFound,
            RegisterError::Taken { .. } | RegisterError::Edited { .. } | RegisterError::Supersedes { .. } => {
                Status::Conflict
            }
        };
        Self::new(status, error)
    }
}
