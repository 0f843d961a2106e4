//! Before TLS: a session that can be greeted, left and upgraded, and no more.
//!
//! It never sees the desk, so no command that arrives in the clear can sign anybody in or hand anything over.

use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite};
use tokio::sync::watch;
use tokio::time::{Instant, timeout_at};
use tokio_rustls::TlsAcceptor;
use tokio_rustls::server::TlsStream;

use super::grammar::{self, Command, Hello};
use super::reply::{self, Reply};
use super::session::Session;
use super::wire::{Lost, Wire};
use super::{Limits, Submission, TlsStart, Visit};
use crate::intake::{Desk, Nameplate};

/// Serves one connection from the first byte to the last.
pub(in crate::intake) async fn attend<S, D>(
    door: &Submission<D>,
    stream: S,
    start: TlsStart,
    visit: Visit,
    mut closing: watch::Receiver<bool>,
) where
    S: AsyncRead + AsyncWrite + Unpin + Send,
    D: Desk,
{
    let ends = Instant::now() + door.limits.session_life;
    let stream = match start {
        TlsStart::Implicit => Some(stream),
        TlsStart::StartTls => {
            let wire = Wire::new(stream, ends, door.limits.data_timeout);
            until_tls(wire, &door.plate, &door.limits, &mut closing).await
        }
    };
    let Some(stream) = stream else { return };
    match handshake(door, stream, ends).await {
        Ok(stream) => {
            let wire = Wire::new(stream, ends, door.limits.data_timeout);
            Session::new(door, wire, visit).run(start, closing).await;
        }
        // A failed handshake may say why, but nothing of what it says is about a person.
        Err(error) => tracing::info!(session = visit.number, peer = %visit.from, %error, "no TLS"),
    }
}

async fn handshake<S, D>(door: &Submission<D>, stream: S, ends: Instant) -> Result<TlsStream<S>, Lost>
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    let deadline = (Instant::now() + door.limits.command_timeout.min(HANDSHAKE_MAX)).min(ends);
    let accept = TlsAcceptor::from(door.tls.clone()).accept(stream);
    timeout_at(deadline, accept).await.map_err(|_| Lost::Slow)?.map_err(Lost::Io)
}

const HANDSHAKE_MAX: Duration = Duration::from_secs(30);

/// The bare stream once STARTTLS is agreed on; `None` when the session is over before that.
async fn until_tls<S>(
    mut wire: Wire<S>,
    plate: &Nameplate,
    limits: &Limits,
    closing: &mut watch::Receiver<bool>,
) -> Option<S>
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    wire.say(&Reply::greeting(plate));
    let mut errors = 0_u32;
    let last_words = loop {
        let line = tokio::select! {
            biased;
            _ = closing.wait_for(|now| *now) => break Some(reply::CLOSING),
            line = wire.line(limits.command_timeout) => line,
        };
        let line = match line {
            Ok(line) => line,
            Err(lost) => break Reply::last_words(&lost),
        };
        if grammar::is_http(&line) {
            break Some(reply::NOT_SMTP);
        }
        let answer = match grammar::parse(&line) {
            Ok(Command::StartTls) if wire.has_input() => break Some(reply::TALKS_AHEAD),
            Ok(Command::StartTls) => {
                wire.say(&reply::START_TLS);
                wire.flush().await.ok()?;
                return wire.into_stream();
            }
            Ok(Command::Hello(Hello::Extended)) => {
                wire.say_lines(250, &[plate.host.clone(), "ENHANCEDSTATUSCODES".into(), "STARTTLS".into()]);
                continue;
            }
            Ok(Command::Hello(Hello::Plain)) => {
                wire.say_lines(250, std::slice::from_ref(&plate.host));
                continue;
            }
            Ok(Command::Noop | Command::Rset) => reply::OK,
            Ok(Command::Help) => reply::HELP,
            Ok(Command::Quit) => break Some(reply::BYE),
            Ok(Command::Auth { .. }) => reply::ENCRYPT_FIRST,
            Ok(Command::Mail(_) | Command::Rcpt(_) | Command::Data | Command::Vrfy) => reply::NEED_TLS,
            Err(error) => error.into(),
        };
        wire.say(&answer);
        errors = errors.saturating_add(u32::from(answer.code >= 500));
        if errors >= limits.errors_max {
            break Some(reply::TOO_MANY_ERRORS);
        }
    };
    if let Some(reply) = last_words {
        wire.say(&reply);
    }
    wire.close().await;
    None
}
