//! Sealing and naming as the store needs them: JSON in, sealed column out; an identifier in, its pseudonym out.

use std::sync::Arc;

use keys::storage::StorageKey;
use serde::Serialize;
use serde::de::DeserializeOwned;

use super::fault::Fault;

/// The storage key, as seen from the tables.
#[derive(Clone)]
pub(crate) struct Vault(pub Arc<StorageKey>);

impl Vault {
    /// A value as a sealed column, bound to its table and row.
    pub fn seal(&self, table: &'static str, row: &[u8], value: &impl Serialize) -> Result<Vec<u8>, Fault> {
        Ok(self.0.seal_record(table, row, &to_json(table, value)?))
    }

    /// A sealed column as the value that it was.
    pub fn open<T: DeserializeOwned>(&self, table: &'static str, row: &[u8], sealed: &[u8]) -> Result<T, Fault> {
        let plain = self.0.open_record(table, row, sealed).map_err(|_| Fault::Damaged(table))?;
        from_json(table, &plain)
    }

    /// The pseudonym of `value` within `list`, as a column holds it.
    pub fn name(&self, list: &str, value: &str) -> Vec<u8> {
        self.0.pseudonym(list, value).0.to_vec()
    }
}

pub(super) fn to_json(table: &'static str, value: &impl Serialize) -> Result<Vec<u8>, Fault> {
    serde_json::to_vec(value).map_err(|_| Fault::Shape(table))
}

pub(super) fn from_json<T: DeserializeOwned>(table: &'static str, plain: &[u8]) -> Result<T, Fault> {
    serde_json::from_slice(plain).map_err(|_| Fault::Shape(table))
}
