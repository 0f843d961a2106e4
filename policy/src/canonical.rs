//! One byte string for one set of facts, whatever order they were read in, and its SHA-256.
//!
//! The form is JSON with no spaces and sorted keys, in which a list is sorted too, for every list of facts
//! is a set; but for an agency's channels, whose order is a fact.

use std::collections::BTreeMap;

use serde_json::Value;
use sha2::{Digest, Sha256};

use crate::Facts;

/// SHA-256 of the canonical form, 64 lower-case hex digits.
pub(crate) fn facts_sha256(facts: &Facts) -> String {
    // Every key is a string and no number a float, so writing the facts down cannot fail.
    let value = serde_json::to_value(facts).unwrap_or_default();
    Sha256::digest(canonical(&value)).iter().map(|byte| format!("{byte:02x}")).collect()
}

fn canonical(value: &Value) -> String {
    match value {
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => value.to_string(),
        Value::Array(items) => {
            let mut items: Vec<_> = items.iter().map(canonical).collect();
            items.sort();
            format!("[{}]", items.join(","))
        }
        Value::Object(fields) => {
            let field = |(name, value): (&String, &Value)| match (name.as_str(), value) {
                ("channels", Value::Array(_)) => (name.clone(), value.to_string()),
                (_, value) => (name.clone(), canonical(value)),
            };
            let fields: BTreeMap<_, _> = fields.iter().map(field).collect();
            let fields: Vec<_> =
                fields.iter().map(|(name, value)| format!("{}:{value}", Value::from(&**name))).collect();
            format!("{{{}}}", fields.join(","))
        }
    }
}
