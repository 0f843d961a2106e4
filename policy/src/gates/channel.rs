//! By which channels may the letter leave? Nothing here, and nothing anywhere, adds one.

use super::those;
use crate::ReasonCode::ChannelNoMethod;
use crate::question::{Question, To, filled};
use crate::{Agency, Category, Channel, Reason};

pub(crate) fn reasons(question: &Question<'_>) -> Vec<Reason> {
    let is_listed = !matches!(question.to, To::Unlisted { .. });
    those([(ChannelNoMethod, is_listed && left(question).is_empty())])
}

/// The channels that are left, in the agency's order of preference.
pub(crate) fn left(question: &Question<'_>) -> Vec<Channel> {
    let is_left = |channel: &Channel, agency: &Agency| match channel {
        Channel::AgeEmail => agency.keys.iter().any(|key| key.is_good_at(question.at())),
        Channel::TlsEmail => !agency.proof.is_empty() && !question.row.is_some_and(|row| row.never_tls_email),
        Channel::Link => true,
        Channel::HttpsPush => filled(agency.endpoint.as_ref()),
    };
    let mut channels = match question.to {
        To::Agency(agency) => agency.channels.iter().copied().filter(|channel| is_left(channel, agency)).collect(),
        To::OwnAddress => vec![Channel::Link],
        To::Unlisted { .. } => Vec::new(),
    };
    if question.categories.contains(&Category::Recording) {
        channels.retain(|channel| *channel == Channel::Link);
    }
    channels
}
