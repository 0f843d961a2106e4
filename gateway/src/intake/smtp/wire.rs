//! Lines in, replies out, over any stream: bounded buffers, deadlines, and replies in batches.
//!
//! Replies go out when there is no whole line left to read, so that a client that pipelines (RFC 2920)
//! gets one packet for a batch. An idle session keeps next to no memory. Not here: what a line means.

use std::io;
use std::time::Duration;

use bytes::{Buf, BytesMut};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::time::{Instant, timeout_at};

use super::grammar::COMMAND_BYTES_MAX;
use super::reply::Reply;

/// Room made for the next read of a command, and for the next read of a message.
const COMMAND_READ_BYTES: usize = 1024;
const TEXT_READ_BYTES: usize = 16 * 1024;

/// Replies kept back at most, so that a client that only talks cannot make them pile up.
const REPLY_BYTES_KEPT_MAX: usize = 16 * 1024;

/// How long a client that is being refused may take to read why, and how much of it is thrown away meanwhile.
const LINGER: Duration = Duration::from_secs(2);
const LINGER_BYTES_MAX: usize = 1024 * 1024;

/// Why a session ends from the other side's doing.
#[derive(Debug, thiserror::Error)]
pub(super) enum Lost {
    #[error("the connection closed")]
    Closed,
    #[error("the client took too long")]
    Slow,
    #[error("a bare CR, a bare LF or a NUL in a command")]
    BareLineEnd,
    #[error("a command line is too long")]
    LineTooLong,
    #[error("the connection failed")]
    Io(#[from] io::Error),
}

/// A stream with its buffers.
pub(super) struct Wire<S> {
    stream: S,
    input: BytesMut,
    output: Vec<u8>,
    /// The end of the session: nothing is waited for after it.
    ends: Instant,
    /// The longest that the client may take to read our replies.
    write_timeout: Duration,
}

impl<S: AsyncRead + AsyncWrite + Unpin> Wire<S> {
    pub(super) fn new(stream: S, ends: Instant, write_timeout: Duration) -> Self {
        Self { stream, input: BytesMut::new(), output: Vec::new(), ends, write_timeout }
    }

    pub(super) const fn stream(&self) -> &S {
        &self.stream
    }

    /// Queues a reply.
    pub(super) fn say(&mut self, reply: &Reply) {
        reply.write_to(&mut self.output);
    }

    /// Queues the lines of a reply of many lines, the last one marked (RFC 5321 §4.2.1).
    pub(super) fn say_lines(&mut self, code: u16, lines: &[String]) {
        let last = lines.len().saturating_sub(1);
        for (index, line) in lines.iter().enumerate() {
            let mark = if index == last { ' ' } else { '-' };
            self.output.extend_from_slice(format!("{code}{mark}{line}\r\n").as_bytes());
        }
    }

    /// The next command line, its CRLF taken off. The client has `within` for all of it.
    pub(super) async fn line(&mut self, within: Duration) -> Result<BytesMut, Lost> {
        let deadline = Instant::now() + within;
        loop {
            if let Some(line) = self.buffered_line()? {
                if self.output.len() > REPLY_BYTES_KEPT_MAX {
                    self.flush().await?;
                }
                return Ok(line);
            }
            self.fill(COMMAND_READ_BYTES, deadline).await?;
        }
    }

    /// What has come in and is not yet read; waits for more where there is nothing.
    pub(super) async fn text(&mut self, deadline: Instant) -> Result<&[u8], Lost> {
        if self.input.is_empty() {
            self.fill(TEXT_READ_BYTES, deadline).await?;
        }
        Ok(&self.input)
    }

    /// Takes `bytes` off what [`Wire::text`] showed.
    pub(super) fn consume(&mut self, bytes: usize) {
        self.input.advance(bytes.min(self.input.len()));
        if self.input.is_empty() && self.input.capacity() > COMMAND_READ_BYTES {
            self.input = BytesMut::new();
        }
    }

    /// Has anything come in that is not yet read?
    pub(super) fn has_input(&self) -> bool {
        !self.input.is_empty()
    }

    /// Sends what is queued.
    pub(super) async fn flush(&mut self) -> Result<(), Lost> {
        if self.output.is_empty() {
            return Ok(());
        }
        // Not bound by the session's end: what was decided while it passed must still be said.
        let deadline = Instant::now() + self.write_timeout;
        let output = std::mem::take(&mut self.output);
        let write = async {
            self.stream.write_all(&output).await?;
            self.stream.flush().await
        };
        timeout_at(deadline, write).await.map_err(|_| Lost::Slow)?.map_err(Lost::Io)
    }

    /// Sends what is queued and closes. What the client still sends is read and thrown away for a moment:
    /// closing on unread bytes would reset the connection, and the last reply would be lost with it.
    pub(super) async fn close(mut self) {
        let linger = async {
            if self.flush().await.is_err() || self.stream.shutdown().await.is_err() {
                return;
            }
            let mut thrown_away = 0_usize;
            while thrown_away < LINGER_BYTES_MAX {
                self.input.clear();
                self.input.reserve(COMMAND_READ_BYTES);
                match self.stream.read_buf(&mut self.input).await {
                    Ok(bytes @ 1..) => thrown_away = thrown_away.saturating_add(bytes),
                    _ => return,
                }
            }
        };
        let _ = timeout_at(Instant::now() + LINGER, linger).await;
    }

    /// The bare stream, for the handshake. `None` if anything has come in that is not yet read: it came
    /// in the clear, so it must not be taken for something said inside TLS (RFC 3207 §4.2).
    pub(super) fn into_stream(self) -> Option<S> {
        self.input.is_empty().then_some(self.stream)
    }

    /// A whole line from the buffer, if there is one.
    fn buffered_line(&mut self) -> Result<Option<BytesMut>, Lost> {
        let end = self.input.iter().take(COMMAND_BYTES_MAX).position(|byte| *byte == b'\n');
        let Some(end) = end else {
            return if self.input.len() >= COMMAND_BYTES_MAX { Err(Lost::LineTooLong) } else { Ok(None) };
        };
        let mut line = self.input.split_to(end.saturating_add(1));
        line.truncate(end);
        // RFC 5321 §2.3.8: only CRLF ends a line.
        if line.last() != Some(&b'\r') {
            return Err(Lost::BareLineEnd);
        }
        line.truncate(end.saturating_sub(1));
        if line.iter().any(|byte| matches!(byte, b'\r' | 0)) {
            return Err(Lost::BareLineEnd);
        }
        Ok(Some(line))
    }

    /// Sends what is queued, then reads once.
    async fn fill(&mut self, room_bytes: usize, deadline: Instant) -> Result<(), Lost> {
        self.flush().await?;
        self.input.reserve(room_bytes);
        let read = self.stream.read_buf(&mut self.input);
        match timeout_at(deadline.min(self.ends), read).await {
            Err(_) => Err(Lost::Slow),
            Ok(Ok(0)) => Err(Lost::Closed),
            Ok(Ok(_)) => Ok(()),
            Ok(Err(error)) => Err(Lost::Io(error)),
        }
    }
}
