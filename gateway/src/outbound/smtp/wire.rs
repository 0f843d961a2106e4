//! Bytes to and from a peer, each exchange under its own deadline. Knows lines and replies; knows nothing of TLS,
//! letters or commands.

use std::pin::Pin;
use std::task::Poll;
use std::time::Duration;

use bytes::BytesMut;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, ReadBuf};

use crate::outbound::diagnosis::{Diagnosis, Obstacle};
use crate::outbound::replies::{Reply, ReplyError, ReplyReader};

/// What a peer is read from and written to.
pub trait Stream: AsyncRead + AsyncWrite + Send + Unpin {}
impl<S: AsyncRead + AsyncWrite + Send + Unpin> Stream for S {}

/// How long each stage may take (RFC 5321 §4.5.3.2).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Waits {
    /// For the greeting.
    pub greeting: Duration,
    /// For the TLS handshake.
    pub handshake: Duration,
    /// For the reply to EHLO, STARTTLS, MAIL or RCPT.
    pub command: Duration,
    /// For the reply to RSET on a session that has waited: a dead one is not waited for.
    pub reset: Duration,
    /// For the reply to DATA.
    pub data_start: Duration,
    /// For a block of data to be taken, or to be ready.
    pub data_block: Duration,
    /// For all from MAIL up to the final dot. Ours: RFC 5321 bounds no whole. With the wait for the reply to the dot
    /// and the wait for a session, it stays below the store's lease of a letter: `setup.rs` asserts it.
    pub message: Duration,
    /// For the reply to the final dot.
    pub final_dot: Duration,
    /// For the reply to QUIT: nobody waits long for a goodbye.
    pub quit: Duration,
}

impl Waits {
    /// As RFC 5321 §4.5.3.2 has them.
    #[must_use]
    pub const fn standard() -> Self {
        Self {
            greeting: Duration::from_mins(5),
            handshake: Duration::from_mins(1),
            command: Duration::from_mins(5),
            reset: Duration::from_secs(10),
            data_start: Duration::from_mins(2),
            data_block: Duration::from_mins(3),
            message: Duration::from_mins(12),
            final_dot: Duration::from_mins(10),
            quit: Duration::from_secs(2),
        }
    }

    /// No single stage longer than `most`; the whole message as before.
    #[must_use]
    pub fn at_most(self, most: Duration) -> Self {
        Self {
            greeting: self.greeting.min(most),
            handshake: self.handshake.min(most),
            command: self.command.min(most),
            reset: self.reset.min(most),
            data_start: self.data_start.min(most),
            data_block: self.data_block.min(most),
            message: self.message,
            final_dot: self.final_dot.min(most),
            quit: self.quit.min(most),
        }
    }
}

/// Why an exchange failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum WireError {
    /// The connection broke.
    #[error("the connection broke")]
    Lost,
    /// The stage's time ran out.
    #[error("no answer in time")]
    TimedOut,
    /// The answer is not SMTP.
    #[error("the answer is not SMTP: {0}")]
    NotSmtp(#[from] ReplyError),
}

impl From<WireError> for Obstacle {
    fn from(error: WireError) -> Self {
        let diagnosis = match error {
            WireError::Lost => Diagnosis::ConnectionLost,
            WireError::TimedOut => Diagnosis::TimedOut,
            WireError::NotSmtp(_) => Diagnosis::NotSmtp,
        };
        Self::new(diagnosis, error)
    }
}

/// A stream, and what has been read from it but not yet taken.
pub struct Wire<S> {
    stream: S,
    inbox: BytesMut,
}

impl<S: Stream> Wire<S> {
    pub fn new(stream: S) -> Self {
        Self { stream, inbox: BytesMut::new() }
    }

    /// Writes `bytes` and sees them off, within `wait`.
    pub async fn write(&mut self, bytes: &[u8], wait: Duration) -> Result<(), WireError> {
        let written = async {
            self.stream.write_all(bytes).await?;
            self.stream.flush().await
        };
        match tokio::time::timeout(wait, written).await {
            Ok(Ok(())) => Ok(()),
            Ok(Err(_broken)) => Err(WireError::Lost),
            Err(_elapsed) => Err(WireError::TimedOut),
        }
    }

    /// Reads one whole reply within `wait`, however it is cut into pieces.
    pub async fn reply(&mut self, wait: Duration) -> Result<Reply, WireError> {
        tokio::time::timeout(wait, self.read_reply()).await.unwrap_or(Err(WireError::TimedOut))
    }

    /// Says one line and reads its reply, each within `wait`.
    pub async fn ask(&mut self, line: &str, wait: Duration) -> Result<Reply, WireError> {
        self.write(format!("{line}\r\n").as_bytes(), wait).await?;
        self.reply(wait).await
    }

    /// Has the peer said more than it was asked?
    pub fn has_unread(&self) -> bool {
        !self.inbox.is_empty()
    }

    /// Has the peer said anything by now that was not yet taken, or hung up? Looks at the stream too, without waiting.
    pub async fn has_spoken(&mut self) -> bool {
        if self.has_unread() {
            return true;
        }
        // What has come over the network is seen once the runtime has looked, which it does before it resumes a task.
        tokio::task::yield_now().await;
        let mut piece = [0_u8; 2048];
        let mut piece = ReadBuf::new(&mut piece);
        // Never told to wait for the sake of fairness: that would read as silence.
        let read = tokio::task::unconstrained(std::future::poll_fn(|context| {
            Poll::Ready(Pin::new(&mut self.stream).poll_read(context, &mut piece).is_ready())
        }));
        let spoke = read.await;
        self.inbox.extend_from_slice(piece.filled());
        spoke
    }

    /// The stream alone; what was read from it but not taken is dropped with the wire.
    pub fn into_stream(self) -> S {
        self.stream
    }

    /// Closes our side.
    pub async fn close(mut self, wait: Duration) {
        let _closed_anyway = tokio::time::timeout(wait, self.stream.shutdown()).await;
    }

    async fn read_reply(&mut self) -> Result<Reply, WireError> {
        let mut reader = ReplyReader::default();
        loop {
            if let Some(reply) = reader.take(&mut self.inbox)? {
                return Ok(reply);
            }
            let mut piece = [0_u8; 2048];
            let count = self.stream.read(&mut piece).await.map_err(|_broken| WireError::Lost)?;
            match piece.get(..count) {
                None | Some([]) => return Err(WireError::Lost),
                Some(read) => self.inbox.extend_from_slice(read),
            }
        }
    }
}
