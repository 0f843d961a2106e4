//! `sealgate ledger`: the disclosure log checked, and its last lines shown.

use policy::Timestamp;
use serde_json::{Value, json};

use super::out::{Outcome, table};
use super::visit::Visit;
use crate::ledger::{self, Ledger};
use crate::status::Status;

pub(super) async fn verify(visit: &Visit) -> Outcome {
    match ledger::verify(&visit.store).await {
        Ok(verified) => {
            let entries = verified.entries;
            let json = json!({ "sound": true, "entries": entries });
            visit.out.data(&json, format!("the ledger is sound: {entries} entries, each linked to the one before"));
            Ok(Status::Done)
        }
        Err(broken) => {
            let json = json!({ "sound": false, "entry": broken.seq, "what": broken.what.to_string() });
            visit.out.data(&json, format!("the ledger is NOT sound: {broken}"));
            Ok(Status::Fault)
        }
    }
}

pub(super) async fn tail(visit: &Visit, most: u32) -> Outcome {
    let lines = Ledger::over(&visit.store).tail(most).await?;
    let json: Vec<_> = lines.iter().map(|(seq, entry)| json!({ "seq": seq, "entry": entry })).collect();
    let row = |(seq, entry): &(i64, Value)| {
        let micros = entry.get("at").and_then(Value::as_i64).unwrap_or_default();
        let kind = entry.get("kind").and_then(Value::as_str).unwrap_or_default();
        vec![seq.to_string(), Timestamp(micros.div_euclid(1_000_000)).to_string(), kind.to_owned(), particulars(entry)]
    };
    let rows: Vec<_> = lines.iter().map(row).collect();
    visit.out.data(&json, table(&["ENTRY", "AT", "KIND", "PARTICULARS"], &rows));
    Ok(Status::Done)
}

/// What of a line says something to people; pseudonyms do not.
fn particulars(entry: &Value) -> String {
    const SHOWN: [&str; 10] =
        ["letter", "of", "verdict", "reasons", "channel", "bytes", "outcome", "list", "change", "version"];
    let word = |value: &Value| match value {
        Value::String(text) => text.clone(),
        Value::Array(items) => items.iter().filter_map(Value::as_str).collect::<Vec<_>>().join(" "),
        other => other.to_string(),
    };
    let shown = SHOWN.iter().chain(&["what"]).filter_map(|name| Some((*name, entry.get(*name)?)));
    let words = shown.map(|(name, value)| format!("{name} {}", word(value)));
    words.collect::<Vec<_>>().join(", ")
}
