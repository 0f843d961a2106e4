//! A relay before a peer, which may hold what the peer says until the test has what it waits for.
//!
//! A relay that only listens in is `tap.rs`.

use std::io::{Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::sync::{Arc, Condvar, Mutex};
use std::thread;
use std::time::Duration;

use crate::hostile::{Hostile, Seen};

/// Listens on a port of its own, passes all on, and holds a reply when its time has come.
pub struct Gate {
    port: u16,
    latch: Arc<Latch>,
}

#[derive(Default)]
struct Latch {
    state: Mutex<Held>,
    changed: Condvar,
}

#[derive(Clone, Copy, Default, PartialEq, Eq)]
enum Held {
    /// Nothing yet.
    #[default]
    No,
    /// A reply waits here.
    Yes,
    /// No more: all passes.
    Released,
    /// The gate is gone.
    Gone,
}

impl Gate {
    /// Passes all on to `peer`, and holds what it says as soon as what it saw fits.
    pub fn before(peer: &Arc<Hostile>, fits: fn(&Seen) -> bool) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let gate = Self { port: listener.local_addr().unwrap().port(), latch: Arc::default() };
        let (peer, latch) = (Arc::clone(peer), Arc::clone(&gate.latch));
        thread::spawn(move || {
            for client in listener.incoming().map_while(Result::ok) {
                if *latch.state.lock().unwrap() == Held::Gone {
                    return;
                }
                let Ok(server) = TcpStream::connect(("127.0.0.1", peer.port())) else { continue };
                relay(&client, &server, || ());
                let (peer, latch) = (Arc::clone(&peer), Arc::clone(&latch));
                relay(&server, &client, move || {
                    if fits(&peer.seen()) {
                        latch.hold()
                    }
                });
            }
        });
        gate
    }

    /// Where to connect instead.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// Waits until a reply is held.
    pub fn wait_until_held(&self) {
        let state = self.latch.state.lock().unwrap();
        let wait = self.latch.changed.wait_timeout_while(state, Duration::from_secs(30), |held| *held == Held::No);
        assert!(!wait.unwrap().1.timed_out(), "waited 30 s in vain for a reply to hold");
    }

    /// Lets the reply go, and holds no other.
    pub fn release(&self) {
        self.latch.turn(Held::Released);
    }
}

impl Drop for Gate {
    fn drop(&mut self) {
        self.latch.turn(Held::Gone);
        drop(TcpStream::connect(("127.0.0.1", self.port)));
    }
}

impl Latch {
    fn turn(&self, to: Held) {
        *self.state.lock().unwrap() = to;
        self.changed.notify_all();
    }

    /// Waits here from the first time on, until released.
    fn hold(&self) {
        let mut state = self.state.lock().unwrap();
        if *state == Held::No {
            *state = Held::Yes;
            self.changed.notify_all();
        }
        drop(self.changed.wait_while(state, |held| *held == Held::Yes).unwrap());
    }
}

fn relay(from: &TcpStream, to: &TcpStream, before_each: impl Fn() + Send + 'static) {
    let (mut from, mut to) = (from.try_clone().unwrap(), to.try_clone().unwrap());
    thread::spawn(move || {
        let mut buffer = [0; 16 * 1024];
        while let Ok(read @ 1..) = from.read(&mut buffer) {
            before_each();
            if to.write_all(&buffer[..read]).is_err() {
                break;
            }
        }
        let _ = to.shutdown(Shutdown::Write);
    });
}
