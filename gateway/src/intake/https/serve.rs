//! The accept loop of the HTTPS door: TLS, limits on connections, and how the door closes.

use std::convert::Infallible;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::extract::Request;
use axum::http::{HeaderValue, header};
use axum::response::Response;
use hyper::body::Incoming;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use hyper_util::server::conn::auto;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep, sleep_until, timeout};
use tokio_rustls::TlsAcceptor;
use tokio_rustls::server::TlsStream;
use tower::ServiceExt;

use super::ClientCertificate;
use crate::intake::{Crowd, certificate_sha256};

/// Wait after the system would not hand over a connection, so that the loop does not spin.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

/// Requests of one HTTP/2 connection at once.
const STREAMS_MAX: u32 = 32;

/// How the listener treats connections.
#[derive(Clone)]
pub struct Front {
    /// Our certificate. Its ALPN should offer `h2` and `http/1.1`; where it asks for client certificates, one that it
    /// has verified may stand in for a token.
    pub tls: Arc<rustls::ServerConfig>,
    /// How many connections there may be.
    pub crowd: Crowd,
    /// Wait for the handshake, and for the head of the next request.
    pub header_timeout: Duration,
    /// Life of a connection, however busy; a request under way then has `drain` to finish.
    pub connection_life: Duration,
    /// Wait for requests to finish when the connection's life is over or the gateway shuts down.
    pub drain: Duration,
}

/// Serves `listener` until `closing` turns true (or its sender is dropped); then requests under way are finished, and
/// connections still there after `drain` are cut off.
pub async fn serve(front: Front, router: Router, listener: TcpListener, mut closing: watch::Receiver<bool>) {
    let mut connections = JoinSet::new();
    loop {
        let accepted = tokio::select! {
            biased;
            _ = closing.wait_for(|now| *now) => break,
            Some(_) = connections.join_next(), if !connections.is_empty() => continue,
            accepted = listener.accept() => accepted,
        };
        match accepted {
            Ok((stream, peer)) => {
                // Who finds no place is hung up on: before TLS there is nothing that could be said.
                let Some(place) = front.crowd.enter(peer.ip()) else { continue };
                let (front, router, closing) = (front.clone(), router.clone(), closing.clone());
                connections.spawn(async move {
                    if let Some(stream) = handshake(&front, stream).await {
                        connection(&front, router, stream, closing).await;
                    }
                    drop(place);
                });
            }
            Err(error) => {
                tracing::warn!(%error, "cannot accept connections");
                sleep(ACCEPT_PAUSE).await;
            }
        }
    }
    drop(listener);
    let drained = timeout(front.drain, async { while connections.join_next().await.is_some() {} }).await;
    if drained.is_err() {
        tracing::warn!(connections = connections.len(), "connections cut off at shutdown");
        connections.shutdown().await;
    }
}

async fn handshake(front: &Front, stream: TcpStream) -> Option<TlsStream<TcpStream>> {
    stream.set_nodelay(true).ok()?;
    let accept = TlsAcceptor::from(front.tls.clone()).accept(stream);
    timeout(front.header_timeout, accept).await.ok()?.ok()
}

async fn connection(front: &Front, router: Router, stream: TlsStream<TcpStream>, mut closing: watch::Receiver<bool>) {
    let (_, tls) = stream.get_ref();
    let certificate = tls.peer_certificates().and_then(|chain| chain.first());
    let certificate = certificate.map(|leaf| ClientCertificate { sha256: certificate_sha256(leaf) });
    let builder = builder(front, tls.alpn_protocol());
    let service = hyper::service::service_fn(move |request: hyper::Request<Incoming>| {
        let mut request = request.map(Body::new);
        if let Some(certificate) = &certificate {
            request.extensions_mut().insert(certificate.clone());
        }
        answer(router.clone(), request)
    });
    let mut connection = pin!(builder.serve_connection(TokioIo::new(stream), service));
    let ends = Instant::now() + front.connection_life;
    tokio::select! {
        _ = connection.as_mut() => return,
        _ = closing.wait_for(|now| *now) => {}
        () = sleep_until(ends) => {}
    }
    connection.as_mut().graceful_shutdown();
    // Who reads or writes a byte a minute is not waited for.
    let _cut_off_anyway = timeout(front.drain, connection).await;
}

/// RFC 9112 §6.1: a request with both a length and chunks may be one that somebody in front of us read differently.
/// The length is gone by the time it gets here, so no chunked request is followed by another on its connection.
async fn answer(router: Router, request: Request) -> Result<Response, Infallible> {
    let chunked = request.headers().contains_key(header::TRANSFER_ENCODING);
    let mut response = router.oneshot(request).await?;
    if chunked {
        response.headers_mut().insert(header::CONNECTION, HeaderValue::from_static("close"));
    }
    Ok(response)
}

/// The protocol that ALPN settled on (RFC 7301), and no guessing from the first bytes.
fn builder(front: &Front, alpn: Option<&[u8]>) -> auto::Builder<TokioExecutor> {
    let mut builder = auto::Builder::new(TokioExecutor::new());
    builder.http1().timer(TokioTimer::new()).header_read_timeout(front.header_timeout);
    builder
        .http2()
        .timer(TokioTimer::new())
        .max_concurrent_streams(STREAMS_MAX)
        .keep_alive_interval(front.header_timeout)
        .keep_alive_timeout(front.header_timeout);
    if alpn == Some(b"h2") { builder.http2_only() } else { builder.http1_only() }
}
