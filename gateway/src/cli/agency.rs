//! `sealgate agency`: the allow-list, and stopping it at once.

use policy::Agency;
use serde_json::json;

use super::args;
use super::out::{Failure, Outcome};
use super::record::{absent, record};
use super::visit::Visit;
use crate::registers::RegisterError;
use crate::status::Status;

pub(super) async fn agency(visit: &Visit, verb: args::Agency) -> Outcome {
    match verb {
        args::Agency::Record(verb) => record::<Agency>(visit, verb).await,
        args::Agency::Suspend(one) => change(visit, &one, Letters::Stop).await,
        args::Agency::Resume(one) => change(visit, &one, Letters::Go).await,
    }
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Letters {
    Stop,
    Go,
}

async fn change(visit: &Visit, one: &args::OneBy, letters: Letters) -> Outcome {
    visit.permit(&one.by, &[]).await?;
    let suspended = letters == Letters::Stop;
    let changed = visit.registers.update::<Agency>(&one.id, &one.by, |agency| agency.suspended = suspended).await;
    let what = changed.map_err(|error| match error {
        RegisterError::NotFound { .. } => absent::<Agency>(&one.id),
        error => Failure::from(error),
    })?;
    let (status, told) = match letters {
        Letters::Stop => ("suspended", "no letter goes to it from now on, and those that wait are refused"),
        Letters::Go => ("active", "letters may go to it again; each is decided anew"),
    };
    let json = json!({ "agency": one.id, "status": status, "change": what });
    visit.out.data(&json, format!("agency {} is {status}: {told}", one.id));
    Ok(Status::Done)
}
