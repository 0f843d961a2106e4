//! Sessions kept open for the next letter to the same host, and a limit on how many are in use with one host.
//!
//! A session is reused only for the same host, port, level and demand: what was proven for one agency's record proves
//! nothing for another's. Not here: which host (`deliver`), and what a session can do (`smtp`).

use std::any::{Any, TypeId};
use std::collections::HashMap;
use std::ops::{Deref, DerefMut};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::Duration;

use keys::level::Level;
use policy::Domain;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::Instant;

use super::smtp::Session;

/// How sessions are reused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Settings {
    /// How long a session is kept open for the next letter.
    pub reuse_idle: Duration,
    /// Most letters over one session; 1 turns reuse off.
    pub letters_per_session_max: u32,
    /// Most sessions in use with one host and port, at least 1.
    pub sessions_per_host_max: usize,
}

/// What a session is for: letters meet only sessions of the same key.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Key {
    host: Domain,
    port: u16,
    level: TypeId,
    demand: Vec<u8>,
}

impl Key {
    /// The key for sessions of level `L` with `host` that meet the demand with these distinguishing octets.
    #[must_use]
    pub fn new<L: Level>(host: &Domain, port: u16, demand: Vec<u8>) -> Self {
        Self { host: host.clone(), port, level: TypeId::of::<L>(), demand }
    }
}

/// Open sessions that wait for a letter. Cheap to clone.
#[derive(Clone)]
pub struct Pool(Arc<Inner>);

struct Inner {
    settings: Settings,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    idle: HashMap<Key, Vec<Idle>>,
    permits: HashMap<(Domain, u16), Arc<Semaphore>>,
    sweeping: bool,
}

struct Idle {
    session: Box<dyn Any + Send>,
    since: Instant,
}

/// Leave to have one more session with a host.
pub struct Permit {
    _held: OwnedSemaphorePermit,
}

/// A session in hand. Dropped, it closes; given back, it may serve another letter.
#[must_use = "a leased session is used, and given back"]
pub struct Lease<L: Level> {
    session: Session<L>,
    key: Key,
    pool: Pool,
    _permit: Permit,
}

impl Pool {
    /// An empty pool.
    #[must_use]
    pub fn new(settings: Settings) -> Self {
        Self(Arc::new(Inner { settings, state: Mutex::default() }))
    }

    /// Waits for leave to have a session with the host of `key`, at most for `patience`.
    pub async fn permit(&self, key: &Key, patience: Duration) -> Option<Permit> {
        let permits = {
            let mut state = self.state();
            // Hosts that nobody uses are forgotten: the map does not grow with the number of hosts ever met.
            state.permits.retain(|_, permits| Arc::strong_count(permits) > 1);
            let most = self.0.settings.sessions_per_host_max.max(1);
            let fresh = || Arc::new(Semaphore::new(most));
            Arc::clone(state.permits.entry((key.host.clone(), key.port)).or_insert_with(fresh))
        };
        tokio::time::timeout(patience, permits.acquire_owned()).await.ok()?.ok().map(|held| Permit { _held: held })
    }

    /// A session that waits under `key` and still answers, if there is one.
    pub async fn take<L: Level>(&self, key: &Key) -> Option<Session<L>> {
        let kept = {
            let mut state = self.state();
            let waiting = state.idle.get_mut(key)?;
            waiting.retain(|idle| idle.since.elapsed() < self.0.settings.reuse_idle);
            waiting.pop()?
        };
        let mut session = *kept.session.downcast::<Session<L>>().ok()?;
        // Asked before a letter is sealed for it: a peer that hung up meanwhile costs a fresh connection, not an attempt.
        session.reset().await.then_some(session)
    }

    /// Joins a session with its key and its permit.
    pub fn lease<L: Level>(&self, session: Session<L>, key: Key, permit: Permit) -> Lease<L> {
        Lease { session, key, pool: self.clone(), _permit: permit }
    }

    fn keep<L: Level>(&self, session: Session<L>, key: Key) {
        let start = {
            let mut state = self.state();
            let waiting = state.idle.entry(key).or_default();
            waiting.push(Idle { session: Box::new(session), since: Instant::now() });
            let surplus = waiting.len().saturating_sub(self.0.settings.sessions_per_host_max.max(1));
            waiting.drain(..surplus);
            !std::mem::replace(&mut state.sweeping, true)
        };
        if start {
            tokio::spawn(sweep(Arc::downgrade(&self.0)));
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Closes what has waited too long; ends when nothing waits, or with the pool.
async fn sweep(pool: Weak<Inner>) {
    while let Some(idle_most) = pool.upgrade().map(|pool| pool.settings.reuse_idle) {
        tokio::time::sleep(idle_most.max(Duration::from_millis(100))).await;
        let Some(pool) = pool.upgrade().map(Pool) else { return };
        let mut state = pool.state();
        state.idle.retain(|_, waiting| {
            waiting.retain(|idle| idle.since.elapsed() < idle_most);
            !waiting.is_empty()
        });
        if state.idle.is_empty() {
            state.sweeping = false;
            return;
        }
    }
}

impl<L: Level> Lease<L> {
    /// Gives the session back: for the next letter if it may carry one, else to be closed politely.
    pub async fn give_back(self) {
        let Self { session, key, pool, _permit } = self;
        if session.is_reusable() && session.taken() < pool.0.settings.letters_per_session_max {
            pool.keep(session, key);
        } else {
            session.quit().await;
        }
    }
}

impl<L: Level> Deref for Lease<L> {
    type Target = Session<L>;
    fn deref(&self) -> &Session<L> {
        &self.session
    }
}

impl<L: Level> DerefMut for Lease<L> {
    fn deref_mut(&mut self) -> &mut Session<L> {
        &mut self.session
    }
}
