//! How many sessions are in the house: in all, and from one address. Shared by all listeners of a door.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, PoisonError};

/// Counts sessions. Clones share the count.
#[derive(Clone)]
pub struct Crowd(Arc<Shared>);

struct Shared {
    sessions_max: usize,
    sessions_per_address_max: usize,
    present: Mutex<Present>,
}

#[derive(Default)]
struct Present {
    all: usize,
    numbers_given: u64,
    by_address: HashMap<IpAddr, usize>,
}

/// A session's place, given back on drop.
pub(crate) struct Place {
    crowd: Crowd,
    group: IpAddr,
    /// Where the session comes from.
    pub(crate) from: IpAddr,
    /// Counts from 1 since the start: what a log line calls the session.
    pub(crate) number: u64,
}

impl Crowd {
    /// Room for `sessions_max` sessions, `sessions_per_address_max` of them from one address.
    #[must_use]
    pub fn new(sessions_max: usize, sessions_per_address_max: usize) -> Self {
        Self(Arc::new(Shared { sessions_max, sessions_per_address_max, present: Mutex::default() }))
    }

    /// A place for one more session, if there is one.
    pub(crate) fn enter(&self, from: IpAddr) -> Option<Place> {
        let group = group(from);
        let mut present = self.0.present.lock().unwrap_or_else(PoisonError::into_inner);
        if present.all >= self.0.sessions_max {
            return None;
        }
        let here = present.by_address.entry(group).or_default();
        if *here >= self.0.sessions_per_address_max {
            return None;
        }
        *here = here.saturating_add(1);
        present.all = present.all.saturating_add(1);
        present.numbers_given = present.numbers_given.saturating_add(1);
        let number = present.numbers_given;
        drop(present);
        Some(Place { crowd: self.clone(), group, from, number })
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut present = self.crowd.0.present.lock().unwrap_or_else(PoisonError::into_inner);
        present.all = present.all.saturating_sub(1);
        if let Some(here) = present.by_address.get_mut(&self.group) {
            *here = here.saturating_sub(1);
            if *here == 0 {
                present.by_address.remove(&self.group);
            }
        }
    }
}

/// One household is one address: an IPv6 host has a whole /64 to itself (RFC 6177), so that is what counts.
pub(super) fn group(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V6(v6) => IpAddr::V6((u128::from(v6) & !u128::from(u64::MAX)).into()),
        v4 @ IpAddr::V4(_) => v4,
    }
}
