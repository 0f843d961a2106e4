//! The accept loop: who gets a place, and how the door closes.

use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use tokio::io::AsyncWriteExt;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio::time::timeout;

use super::reply;
use super::vestibule::attend;
use super::{Submission, TlsStart, Visit};
use crate::intake::Desk;
use crate::intake::crowd::Place;

/// Wait after the system would not hand over a connection (out of descriptors, say), so that the loop does not spin.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

/// How long one who is turned away may take to read why.
const TURN_AWAY_MAX: Duration = Duration::from_millis(500);

/// Serves `listener` until `closing` turns true (or its sender is dropped); then sessions end at their next
/// command, and those still there after the limit's `drain` are cut off.
pub async fn serve<D: Desk>(
    door: Arc<Submission<D>>,
    listener: TcpListener,
    start: TlsStart,
    mut closing: watch::Receiver<bool>,
) {
    let mut sessions = JoinSet::new();
    loop {
        let accepted = tokio::select! {
            biased;
            _ = closing.wait_for(|now| *now) => break,
            Some(_) = sessions.join_next(), if !sessions.is_empty() => continue,
            accepted = listener.accept() => accepted,
        };
        match accepted {
            Ok((stream, peer)) => {
                let from = peer.ip().to_canonical();
                match door.crowd.enter(from) {
                    Some(place) => drop(sessions.spawn(session(door.clone(), stream, start, place, closing.clone()))),
                    None => drop(sessions.spawn(turn_away(stream, start, from))),
                }
            }
            Err(error) => {
                tracing::warn!(%error, "cannot accept connections");
                tokio::time::sleep(ACCEPT_PAUSE).await;
            }
        }
    }
    drop(listener);
    let drained = timeout(door.limits.drain, async { while sessions.join_next().await.is_some() {} }).await;
    if drained.is_err() {
        tracing::warn!(sessions = sessions.len(), "sessions cut off at shutdown");
        sessions.shutdown().await;
    }
}

async fn session<D: Desk>(
    door: Arc<Submission<D>>,
    stream: TcpStream,
    start: TlsStart,
    place: Place,
    closing: watch::Receiver<bool>,
) {
    // Without this a small reply that follows a TLS ticket waits some 40 ms for the client's delayed ACK.
    if stream.set_nodelay(true).is_err() {
        return;
    }
    let visit = Visit { number: place.number, from: place.from };
    attend(&door, stream, start, visit, closing).await;
}

/// RFC 5321 §3.8. Where TLS starts at once there is nobody to say it to yet.
async fn turn_away(mut stream: TcpStream, start: TlsStart, from: IpAddr) {
    tracing::info!(peer = %from, code = reply::CROWDED.code, "turned away");
    if start == TlsStart::StartTls {
        let mut line = Vec::new();
        reply::CROWDED.write_to(&mut line);
        let _ = timeout(TURN_AWAY_MAX, stream.write_all(&line)).await;
    }
}
