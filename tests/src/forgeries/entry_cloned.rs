// expect: E0277
// One entry, two sends.
use gateway::ledger::Entry;

fn twice(_: impl Clone) {}

pub fn forge(entry: Entry) {
    twice(entry); // forged
}
