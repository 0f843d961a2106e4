//! The gates, in the order in which their reasons are told. Each is a pure look at one [`Question`].
//!
//! A gate that lacks its input is silent (section 5, "What does not run"); some other gate has then said why.

pub(crate) mod channel;
pub(crate) mod consent;
pub(crate) mod exception;
mod items;
mod purpose;
pub(crate) mod recipient;
mod sender;
mod subject;

use crate::question::Question;
use crate::{Reason, ReasonCode};

/// Every gate, in order.
pub(crate) const GATES: [fn(&Question<'_>) -> Vec<Reason>; 8] = [
    sender::reasons,
    purpose::reasons,
    recipient::reasons,
    subject::reasons,
    items::reasons,
    consent::reasons,
    exception::reasons,
    channel::reasons,
];

/// The reasons of the codes that apply.
fn those<const N: usize>(codes: [(ReasonCode, bool); N]) -> Vec<Reason> {
    codes.into_iter().filter(|(_, applies)| *applies).map(|(code, _)| Reason::of(code)).collect()
}

/// The words of a list, for a sentence.
fn listed<T: ToString>(words: impl IntoIterator<Item = T>) -> String {
    words.into_iter().map(|word| word.to_string()).collect::<Vec<_>>().join(", ")
}
