//! Failed sign-ins: how many a login may have from one place, a place over all logins, and a login from everywhere.
//!
//! Whoever has had too many is told to come later, before a password is looked at. A success is never counted, so that
//! the right password still works for everybody else. Not here: how many a session may have (`smtp/sign_in.rs`).

use std::net::IpAddr;
use std::time::Duration;

use super::{Rates, crowd};
use crate::clock::Clock;

/// A mail program that keeps trying an old password is one login at one place.
const OF_LOGIN_HERE_PER_HOUR: u32 = 20;
/// A whole clinic may stand behind one address.
const FROM_PLACE_PER_HOUR: u32 = 200;
/// Guessing from many places: two thousand an hour are years for a password of any worth, and nobody is locked out sooner.
const OF_LOGIN_PER_HOUR: u32 = 2_000;

/// Counts failed sign-ins. Clones share the counts.
#[derive(Clone)]
pub struct SignIns {
    of_login_here: Rates,
    from_place: Rates,
    of_login: Rates,
}

impl SignIns {
    /// Nobody has failed yet.
    #[must_use]
    pub fn new(clock: &Clock) -> Self {
        let rates = |times_max| Rates::new(clock.clone(), times_max, Duration::from_hours(1));
        Self {
            of_login_here: rates(OF_LOGIN_HERE_PER_HOUR),
            from_place: rates(FROM_PLACE_PER_HOUR),
            of_login: rates(OF_LOGIN_PER_HOUR),
        }
    }

    /// May somebody at `from` try to sign in as `login`?
    #[must_use]
    pub fn may_try(&self, login: &str, from: IpAddr) -> bool {
        let [here, place, login] = keys(login, from);
        self.of_login_here.has_room(&here) && self.from_place.has_room(&place) && self.of_login.has_room(&login)
    }

    /// They tried, and failed.
    pub fn failed(&self, login: &str, from: IpAddr) {
        let [here, place, login] = keys(login, from);
        // Over the limit is over the limit, whichever it is.
        let _over = [self.of_login_here.count(&here), self.from_place.count(&place), self.of_login.count(&login)];
    }
}

fn keys(login: &str, from: IpAddr) -> [String; 3] {
    let place = crowd::group(from).to_string();
    let login = login.to_lowercase();
    [format!("{place} {login}"), place, login]
}

#[cfg(test)]
mod tests {
    use policy::Timestamp;

    use super::*;

    #[test]
    fn guessing_ends_and_others_still_sign_in() {
        let clock = Clock::standing(Timestamp(1_790_000_000), 0);
        let sign_ins = SignIns::new(&clock);
        let (here, there) = (IpAddr::from([192, 0, 2, 1]), IpAddr::from([192, 0, 2, 2]));
        for _ in 0..OF_LOGIN_HERE_PER_HOUR {
            assert!(sign_ins.may_try("dr-lamb", here));
            sign_ins.failed("dr-lamb", here);
        }
        assert!(!sign_ins.may_try("dr-lamb", here));
        assert!(!sign_ins.may_try("DR-LAMB", here), "whatever its case");
        assert!(sign_ins.may_try("dr-lamb", there), "its owner elsewhere is not locked out");
        assert!(sign_ins.may_try("am-stone", here));
        for guess in 0..FROM_PLACE_PER_HOUR {
            sign_ins.failed(&format!("login {guess}"), here);
        }
        assert!(!sign_ins.may_try("am-stone", here), "spraying ends too");
        clock.set(Timestamp(1_790_000_000 + 3600));
        assert!(sign_ins.may_try("dr-lamb", here), "and all passes");
    }
}
