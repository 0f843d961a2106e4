// expect: E0451
// An entry that the ledger never wrote. (Update syntax names no field.)
use gateway::ledger::Entry;

pub fn forge(entry: Entry) -> Option<Entry> {
    return Some(Entry { ..entry }); // forged
    None
}
