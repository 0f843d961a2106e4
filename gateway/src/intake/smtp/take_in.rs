//! DATA: the message comes in piece by piece, and at its end the desk answers for all of it (RFC 5321 §4.1.1.4).
//!
//! Memory does not grow with the message: one piece is read, checked and pushed on before the next.

use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite};
use tokio::time::Instant;

use super::data::DataReader;
use super::reply::{self, Reply};
use super::session::{Flow, Session, Transaction};
use super::wire::Lost;
use super::{Limits, Visit};
use crate::intake::road::{Road, Sender, TakenIn};
use crate::intake::{Account, Answer, Desk, Door, DryRun, Envelope};

/// What came of reading a message.
enum Reading<B> {
    /// All of it is with the desk.
    Taken(TakenIn<B>),
    /// Its end was read, and this is why it is not taken.
    Refused(Reply),
    /// Its end cannot be found or waited for: this is the last thing said.
    Broken(Reply),
}

impl<S, D> Session<'_, S, D>
where
    S: AsyncRead + AsyncWrite + Unpin + Send,
    D: Desk,
{
    pub(super) async fn data(&mut self) -> Result<Flow, Lost> {
        let (Some(account), Some(transaction)) = (self.account.clone(), self.transaction.take()) else {
            return Ok(self.fault(&reply::MAIL_FIRST));
        };
        if transaction.recipients.is_empty() {
            return Ok(self.fault(&reply::RECIPIENT_FIRST));
        }
        if let Err(wait_secs) = self.door.rates.count(&account.staff) {
            return Ok(self.refuse(&Reply::too_often(wait_secs)));
        }
        let body = match self.door.desk.open_body().await {
            Ok(body) => body,
            Err(busy) => return Ok(self.refuse(&busy.into())),
        };
        self.wire.say(&reply::GO_AHEAD);
        let sender = Sender::now(account, transaction.mail.script, &self.door.clock, &self.door.dice);
        let reading = self.read_message(Road::new(body, &sender)).await?;
        match reading {
            Reading::Taken(taken) => {
                let answer = self.hand_over(sender.account, transaction, taken).await;
                Ok(self.report(answer))
            }
            Reading::Refused(reply) => Ok(self.refuse(&reply)),
            Reading::Broken(reply) => {
                self.refuse(&reply);
                Ok(Flow::End)
            }
        }
    }

    /// Reads to the end of the message, and pushes it down the road for as long as all is well.
    async fn read_message(&mut self, road: Road<'_, D::Body>) -> Result<Reading<D::Body>, Lost> {
        let limits = &self.door.limits;
        let mut reader = DataReader::dotted(limits.message_bytes_max);
        let mut pace = Pace::new(limits);
        let mut road = Ok(road);
        let mut text = Vec::new();
        loop {
            text.clear();
            let input = self.wire.text(pace.deadline(limits)).await?;
            let progress = match reader.read(input, &mut text) {
                Ok(progress) => progress,
                Err(poison) => return Ok(Reading::Broken(poison.into())),
            };
            self.wire.consume(progress.used_bytes);
            pace.came_in(progress.used_bytes);
            // Once something is wrong the rest is read only to find its end.
            let pushing = Instant::now();
            let pushed = match &mut road {
                Ok(road) if reader.unfit().is_none() => road.push(&text).await,
                _ => Ok(()),
            };
            if let Err(error) = pushed {
                road = Err(Reply::from(&error));
            }
            pace.paused(pushing.elapsed());
            if progress.ended {
                break;
            }
            if reader.bytes() > limits.message_bytes_max.saturating_mul(2) {
                return Ok(Reading::Broken(reply::TOO_LARGE));
            }
        }
        Ok(match (reader.unfit(), road) {
            (Some(unfit), _) => Reading::Refused(unfit.into()),
            (None, Err(reply)) => Reading::Refused(reply),
            (None, Ok(road)) => match road.finish().await {
                Ok(taken) => Reading::Taken(taken),
                Err(error) => Reading::Refused(Reply::from(&error)),
            },
        })
    }

    async fn hand_over(&self, account: Account, transaction: Transaction, taken: TakenIn<D::Body>) -> Answer {
        let envelope = Envelope {
            account,
            reverse_path: transaction.mail.reverse_path,
            recipients: transaction.recipients,
            ret: transaction.mail.ret,
            envid: transaction.mail.envid,
            content: taken.content,
            door: Door::Submission,
            dry_run: DryRun::No,
            idempotency_key: None,
            request_sha256: None,
        };
        self.door.desk.accept(envelope, taken.declaration, taken.body).await
    }

    fn report(&mut self, answer: Answer) -> Flow {
        let Visit { number, from } = self.visit;
        match answer {
            Answer::Accepted { reference, .. } => {
                tracing::info!(session = number, peer = %from, letter = %reference, code = 250, "accepted");
                self.wire.say(&Reply::accepted(&reference));
                Flow::On
            }
            Answer::Refused { reference, sentence, .. } => {
                tracing::info!(session = number, peer = %from, letter = %reference, "every letter refused");
                self.refuse(&Reply::refused(&sentence, &reference, &self.door.plate))
            }
            Answer::Deferred(busy) => self.refuse(&busy.into()),
            // Only a door that passes a key on can meet this.
            Answer::Conflict => self.refuse(&reply::CONFLICT),
        }
    }
}

/// How fast a message has to come in.
struct Pace {
    started: Instant,
    came_in_bytes: u64,
    /// Time that we ourselves took, which the client is not held to.
    ours: Duration,
}

impl Pace {
    fn new(limits: &Limits) -> Self {
        Self { started: Instant::now() + limits.slow_grace, came_in_bytes: 0, ours: Duration::ZERO }
    }

    fn came_in(&mut self, bytes: usize) {
        self.came_in_bytes = self.came_in_bytes.saturating_add(u64::try_from(bytes).unwrap_or(u64::MAX));
    }

    fn paused(&mut self, time: Duration) {
        self.ours = self.ours.saturating_add(time);
    }

    /// When the next piece must be here: every byte that has come buys its share of time.
    fn deadline(&self, limits: &Limits) -> Instant {
        let piece = Instant::now() + limits.data_timeout;
        match self.came_in_bytes.checked_div(limits.bytes_per_sec_min) {
            None => piece,
            Some(earned_secs) => piece.min(self.started + self.ours + Duration::from_secs(earned_secs)),
        }
    }
}
