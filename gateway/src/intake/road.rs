//! The one road behind both doors: head collected, declared, rewritten, then everything streamed to the desk.

use crate::clock::Clock;
use crate::dice::Dice;

use super::declare::{self, Declaration, DeclareError, HeadCollector, Rules, Stamp};
use super::{Account, Busy, Content, Incoming, Script};

/// Who sends, and what their message is given if it lacks it.
pub(super) struct Sender {
    pub(super) account: Account,
    pub(super) script: Script,
    stamp: Stamp,
}

impl Sender {
    /// `account`, sending now.
    pub(super) fn now(account: Account, script: Script, clock: &Clock, dice: &Dice) -> Self {
        Self { account, script, stamp: Stamp { moment: clock.moment(), name: dice.name() } }
    }
}

/// A message on its way to the desk.
pub(super) struct Road<'a, B> {
    sender: &'a Sender,
    stage: Stage,
    body: B,
    content: Content,
}

enum Stage {
    Head(HeadCollector),
    Body(Declaration),
}

/// A message that is wholly with the desk, and waits for its answer.
pub(super) struct TakenIn<B> {
    pub(super) declaration: Declaration,
    pub(super) content: Content,
    pub(super) body: B,
}

/// Why a message does not reach the desk.
#[derive(Debug, thiserror::Error)]
pub(super) enum RoadError {
    #[error(transparent)]
    Busy(#[from] Busy),
    #[error(transparent)]
    Declare(#[from] DeclareError),
}

impl<'a, B: Incoming> Road<'a, B> {
    pub(super) fn new(body: B, sender: &'a Sender) -> Self {
        Self { sender, stage: Stage::Head(HeadCollector::default()), body, content: Content::SevenBit }
    }

    /// Takes the next bytes of the message: CRLF lines, dots unstuffed.
    pub(super) async fn push(&mut self, bytes: &[u8]) -> Result<(), RoadError> {
        let text = match &mut self.stage {
            Stage::Head(collector) => match collector.push(bytes)? {
                None => return Ok(()),
                Some(rest) => {
                    let head = std::mem::take(collector).into_head();
                    self.declare(&head).await?;
                    rest
                }
            },
            Stage::Body(_) => bytes,
        };
        if !text.is_ascii() {
            self.content = self.content.max(Content::EightBit);
        }
        if !text.is_empty() {
            self.body.push(text).await?;
        }
        Ok(())
    }

    /// The message has ended. One that ends with its head has an empty body (RFC 5322 §3.5).
    pub(super) async fn finish(mut self) -> Result<TakenIn<B>, RoadError> {
        if let Stage::Head(collector) = &mut self.stage {
            let head = std::mem::take(collector).into_head();
            self.declare(&head).await?;
        }
        match self.stage {
            Stage::Body(declaration) => Ok(TakenIn { declaration, content: self.content, body: self.body }),
            Stage::Head(_) => Err(Busy::Fault.into()),
        }
    }

    async fn declare(&mut self, head: &[u8]) -> Result<(), RoadError> {
        let Sender { account, script, stamp } = self.sender;
        let declared = declare::declare(head, &Rules { account, script: *script, stamp })?;
        if !declared.head.is_ascii() {
            self.content = Content::Utf8;
        }
        self.body.push(&declared.head).await?;
        self.stage = Stage::Body(declared.declaration);
        Ok(())
    }
}
