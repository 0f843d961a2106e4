//! A tap on a wire: a relay on loopback that keeps a copy of every byte that passes, both ways.

use std::io::{Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::thread;

/// Listens on a port of its own and passes all on to another; stops taking connections when dropped.
pub struct Tap {
    port: u16,
    copy: Arc<Mutex<Vec<u8>>>,
    open: Arc<Mutex<bool>>,
}

impl Tap {
    /// A tap before `port` on loopback.
    pub fn before(port: u16) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let tap = Self {
            port: listener.local_addr().unwrap().port(),
            copy: Arc::default(),
            open: Arc::new(Mutex::new(true)),
        };
        let (copy, open) = (Arc::clone(&tap.copy), Arc::clone(&tap.open));
        thread::spawn(move || {
            for client in listener.incoming().map_while(Result::ok) {
                if !*open.lock().unwrap() {
                    return;
                }
                let Ok(server) = TcpStream::connect(("127.0.0.1", port)) else { continue };
                relay(&client, &server, &copy);
                relay(&server, &client, &copy);
            }
        });
        tap
    }

    /// Where to connect instead.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// Every byte that passed so far.
    pub fn copy(&self) -> Vec<u8> {
        self.copy.lock().unwrap().clone()
    }
}

impl Drop for Tap {
    fn drop(&mut self) {
        *self.open.lock().unwrap() = false;
        drop(TcpStream::connect(("127.0.0.1", self.port)));
    }
}

fn relay(from: &TcpStream, to: &TcpStream, copy: &Arc<Mutex<Vec<u8>>>) {
    let (mut from, mut to, copy) = (from.try_clone().unwrap(), to.try_clone().unwrap(), Arc::clone(copy));
    thread::spawn(move || {
        let mut buffer = [0; 16 * 1024];
        while let Ok(read @ 1..) = from.read(&mut buffer) {
            copy.lock().unwrap().extend_from_slice(&buffer[..read]);
            if to.write_all(&buffer[..read]).is_err() {
                break;
            }
        }
        let _ = to.shutdown(Shutdown::Write);
    });
}
