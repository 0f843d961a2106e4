//! May this account send: standing, role, training (O-132), hours (O-195)?

use super::those;
use crate::ReasonCode::{UserHours, UserRole, UserTraining, UserUnknown};
use crate::question::Question;
use crate::table::{MAY_RELEASE, MAY_RELEASE_BULK, Row};
use crate::{Hours, Moment, Reason, Role, Staff, Timestamp};

pub(crate) fn reasons(question: &Question<'_>) -> Vec<Reason> {
    let Some(sender) = question.sender else { return vec![Reason::of(UserUnknown)] };
    those([
        (UserRole, question.row.is_some_and(|row| !may_release(sender, &row))),
        (UserTraining, !is_trained(sender, question.at())),
        (UserHours, !sender.on_duty && sender.hours.is_some_and(|hours| !is_within(hours, question.now))),
    ])
}

fn may_release(sender: &Staff, row: &Row) -> bool {
    let roles = if row.few_release { MAY_RELEASE_BULK } else { MAY_RELEASE };
    sender.roles.iter().any(|role| roles.contains(role))
}

fn is_trained(sender: &Staff, now: Timestamp) -> bool {
    sender.trained_until.map_or(sender.roles.contains(&Role::System), |until| now < until)
}

fn is_within(Hours { from_minute, to_minute }: Hours, now: Moment) -> bool {
    let minute = now.local_minute();
    if from_minute < to_minute {
        (from_minute..to_minute).contains(&minute)
    } else {
        minute >= from_minute || minute < to_minute
    }
}
