//! The one place where a test waits: for a thing outside this process to become true.

use std::time::{Duration, Instant};

/// What `ready` gives, asked again and again; fails the test, naming `what`, after `most_secs`.
///
/// The pause between two questions is the only sleep in these tests: files and ports of other programs tell nobody
/// when they change.
pub fn until<T>(what: impl Fn() -> String, most_secs: u64, mut ready: impl FnMut() -> Option<T>) -> T {
    let deadline = Instant::now() + Duration::from_secs(most_secs);
    loop {
        if let Some(found) = ready() {
            return found;
        }
        assert!(Instant::now() < deadline, "waited {most_secs} s in vain for {}", what());
        std::thread::sleep(Duration::from_millis(10));
    }
}
