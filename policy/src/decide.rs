//! The whole rule on one screen: every gate in order, then the verdict.

use crate::{Decision, Facts, Letter, Moment};

/// Decides whether `letter` may go to its recipient now.
#[allow(clippy::todo, reason = "skeleton")]
pub fn decide<B>(_facts: &Facts, _letter: Letter<B>, _now: Moment) -> Decision<B> {
    todo!()
}
