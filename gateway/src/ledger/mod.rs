//! ledger
use policy::LetterId;
use crate::store::{Fault, Store};
pub(crate) async fn close_unfinished(_store: &Store, _open: Vec<(i64, LetterId)>) -> Result<Vec<LetterId>, Fault> { Ok(Vec::new()) }
