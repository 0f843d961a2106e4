//! The SMTP submission door (RFC 6409): one [`Submission`], served on any number of listeners.
//!
//! Before TLS there is only the vestibule, which can be greeted, left and upgraded, and knows no desk; after it a
//! session, which exists over TLS alone. So there is no way to hand a letter or a password in in the clear.
//!
//! Not here, on purpose: CHUNKING, a VRFY that tells anything, `Received` lines (they tell strangers of the inside).

pub mod data;
pub mod grammar;
mod listener;
mod parameters;
mod reply;
mod session;
mod sign_in;
mod take_in;
mod vestibule;
mod wire;

use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use super::{Crowd, Nameplate, Rates};
use crate::clock::Clock;
use crate::dice::Dice;

pub use listener::serve;
#[cfg(test)]
pub(in crate::intake) use vestibule::attend;

/// The submission door. Listeners and sessions share one.
pub struct Submission<D> {
    /// The gateway behind the door.
    pub desk: D,
    /// What the door says of the house.
    pub plate: Nameplate,
    /// Bounds on what a session may do.
    pub limits: Limits,
    /// Hosts that need not sign in.
    pub relays: Vec<Relay>,
    /// Our certificate; where it asks for client certificates, one that it has verified may stand in for a password.
    pub tls: Arc<rustls::ServerConfig>,
    /// For the `Date` of messages that have none.
    pub clock: Clock,
    /// For the `Message-ID` of messages that have none.
    pub dice: Dice,
    /// How many sessions there may be, over all listeners.
    pub crowd: Crowd,
    /// How many messages an account may hand in within an hour, over all doors.
    pub rates: Rates,
}

/// A fixed host that hands letters in without signing in, such as the record system. Over TLS like everyone.
#[derive(Clone, Debug)]
pub struct Relay {
    /// The address it connects from.
    pub address: IpAddr,
    /// Staff id that it acts as.
    pub staff: String,
}

/// Where TLS starts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TlsStart {
    /// At once (RFC 8314 §3.3).
    Implicit,
    /// After STARTTLS (RFC 3207).
    StartTls,
}

/// Bounds on one session. Settings of the same names say why each default is what it is.
#[derive(Clone, Debug)]
pub struct Limits {
    /// Recipients asked for in one message.
    pub recipients_max: usize,
    /// Size of one message.
    pub message_bytes_max: u64,
    /// Wait for the whole of the next command, and for the handshake (RFC 5321 §4.5.3.2.7).
    pub command_timeout: Duration,
    /// Wait for the next piece of a message (RFC 5321 §4.5.3.2.5), and for our replies to be read.
    pub data_timeout: Duration,
    /// Slowest that a message may come in; 0 for no floor.
    pub bytes_per_sec_min: u64,
    /// How long a message may come in more slowly than that.
    pub slow_grace: Duration,
    /// Life of a session, however busy.
    pub session_life: Duration,
    /// Failed sign-ins before a session ends.
    pub auth_failures_max: u32,
    /// Mistaken commands before a session ends.
    pub errors_max: u32,
    /// Wait for sessions to end when the gateway shuts down.
    pub drain: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            recipients_max: 100,
            message_bytes_max: 50 * 1024 * 1024,
            command_timeout: Duration::from_mins(5),
            data_timeout: Duration::from_mins(3),
            bytes_per_sec_min: 512,
            slow_grace: Duration::from_secs(10),
            session_life: Duration::from_hours(1),
            auth_failures_max: 3,
            errors_max: 20,
            drain: Duration::from_secs(30),
        }
    }
}

/// Who is at the door, as far as a log may know.
#[derive(Clone, Copy)]
pub(in crate::intake) struct Visit {
    pub(in crate::intake) number: u64,
    pub(in crate::intake) from: IpAddr,
}
