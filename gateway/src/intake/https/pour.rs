//! A message from a request onto the road: checked as strictly as one that comes by SMTP.

use super::problem::Problem;
use crate::intake::Incoming;
use crate::intake::road::{Road, Sender, TakenIn};
use crate::intake::smtp::data::DataReader;

/// A message on its way in.
pub(super) struct Pour<'a, B> {
    reader: DataReader,
    road: Road<'a, B>,
    text: Vec<u8>,
}

impl<'a, B: Incoming> Pour<'a, B> {
    pub(super) fn new(body: B, sender: &'a Sender, message_bytes_max: u64) -> Self {
        Self { reader: DataReader::whole(message_bytes_max), road: Road::new(body, sender), text: Vec::new() }
    }

    /// Takes the next bytes of the message.
    pub(super) async fn push(&mut self, bytes: &[u8]) -> Result<(), Problem> {
        self.text.clear();
        self.reader.read(bytes, &mut self.text)?;
        self.pass_on().await
    }

    /// The message has ended.
    pub(super) async fn finish(mut self) -> Result<TakenIn<B>, Problem> {
        self.text.clear();
        self.reader.finish(&mut self.text)?;
        self.pass_on().await?;
        Ok(self.road.finish().await?)
    }

    async fn pass_on(&mut self) -> Result<(), Problem> {
        match self.reader.unfit() {
            Some(unfit) => Err(unfit.into()),
            None => Ok(self.road.push(&self.text).await?),
        }
    }
}
