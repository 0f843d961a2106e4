//! `sealgate key`: agencies' sealing keys, and whether each is usable now. No secret key is shown here, or taken.

use keys::ring::check_recipient;
use policy::{Agency, SealingKey, Timestamp};
use serde_json::{Value, json};

use super::out::{Failure, Out, Outcome, table};
use super::visit::Visit;
use crate::status::Status;

pub(super) async fn list(visit: &Visit) -> Outcome {
    let now = visit.seams.clock.now();
    let agencies = visit.registers.list::<Agency>().await?;
    let keys: Vec<_> = agencies.iter().flat_map(|agency| agency.keys.iter().map(move |key| (agency, key))).collect();
    let json: Vec<_> = keys.iter().map(|(agency, key)| key_json(&agency.id, key, now)).collect();
    let row = |(agency, key): &(&Agency, &SealingKey)| {
        let state = obstacle(key, now).unwrap_or_else(|| "usable".to_owned());
        let until = key.not_after.map(|at| at.to_string()).unwrap_or_default();
        vec![agency.id.clone(), key.recipient.clone(), until, state]
    };
    let rows: Vec<_> = keys.iter().map(row).collect();
    visit.out.data(&json, table(&["AGENCY", "KEY", "UNTIL", "NOW"], &rows));
    Ok(Status::Done)
}

/// Says what a text is, where an agency's key should be; never repeats it, for it may be a secret.
pub(super) fn check(out: Out, recipient: &str) -> Outcome {
    match check_recipient(recipient) {
        Ok(()) => {
            out.data(&json!({ "usable": true }), "a good key: letters can be sealed to it");
            Ok(Status::Done)
        }
        Err(error) => Err(Failure::new(Status::Fault, error)),
    }
}

fn key_json(agency: &str, key: &SealingKey, now: Timestamp) -> Value {
    let obstacle = obstacle(key, now);
    json!({
        "agency": agency,
        "recipient": key.recipient,
        "verified": key.verified,
        "not_before": key.not_before.map(|at| at.to_string()),
        "not_after": key.not_after.map(|at| at.to_string()),
        "usable": obstacle.is_none(),
        "obstacle": obstacle,
    })
}

/// Why nothing is sealed to this key now.
fn obstacle(key: &SealingKey, now: Timestamp) -> Option<String> {
    if let Err(error) = check_recipient(&key.recipient) {
        return Some(error.to_string());
    }
    let obstacle = if !key.verified {
        "not verified: two people have to check that it is theirs"
    } else if key.not_before.is_some_and(|from| now < from) {
        "too early"
    } else if key.not_after.is_some_and(|until| until <= now) {
        "past its date: ask them for a new one"
    } else {
        return None;
    };
    Some(obstacle.to_owned())
}
