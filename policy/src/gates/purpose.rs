//! Why does the letter go, and what does that rest on?

use super::those;
use crate::ReasonCode::{BasisMissing, PurposeMarketing, PurposeMissing, PurposeUnknown};
use crate::question::{Question, Why};
use crate::{Purpose, Reason};

pub(crate) fn reasons(question: &Question<'_>) -> Vec<Reason> {
    let lacks_basis = question
        .row
        .is_some_and(|row| (row.cites && !question.cited) || (row.exceptional && question.approval.is_none()));
    those([
        (PurposeMissing, question.why == Why::Missing),
        (PurposeUnknown, question.why == Why::Unknown),
        (PurposeMarketing, question.why == Why::Known(Purpose::Marketing)),
        (BasisMissing, lacks_basis),
    ])
}
