//! What does the letter hold, and may it for this purpose?

use super::{consent, exception, listed};
use crate::ReasonCode::{ItemsForbidden, ItemsIdentifiersPresent, ItemsMissing, ItemsSurplus};
use crate::question::Question;
use crate::table::{Identifiers, Row};
use crate::{Category, Ground, Reason};

pub(crate) fn reasons(question: &Question<'_>) -> Vec<Reason> {
    if question.categories.is_empty() {
        return vec![Reason::of(ItemsMissing)];
    }
    let Some(row) = question.row else { return Vec::new() };
    let is_supported = exception::in_force(question).is_some_and(|exception| exception.ground == Ground::S251);
    let mut reasons = Vec::new();
    if !row.exceptional {
        let forbidden: Vec<_> = question.categories.iter().filter(|category| is_forbidden(**category, &row)).collect();
        let surplus = question.categories.iter().filter(|it| !row.may_hold.holds(it) && !forbidden.contains(it));
        let surplus: Vec<_> = surplus.collect();
        if !surplus.is_empty() && !is_supported {
            reasons.push(Reason::naming(ItemsSurplus, &listed(surplus)).weighing(row.surplus));
        }
        if !forbidden.is_empty() {
            reasons.push(Reason::naming(ItemsForbidden, &listed(forbidden)));
        }
    }
    if !is_supported && has_identifiers_it_must_not(question, &row) {
        reasons.push(Reason::of(ItemsIdentifiersPresent));
    }
    reasons
}

/// Coaching leaves for next to nothing (O-017), demographics where the table says so alone (O-004).
fn is_forbidden(category: Category, row: &Row) -> bool {
    (category == Category::Coaching && !row.coaching)
        || (category == Category::Demographics && !row.may_hold.holds(&category))
}

fn has_identifiers_it_must_not(question: &Question<'_>, row: &Row) -> bool {
    match row.identifiers {
        Identifiers::Taken => false,
        Identifiers::Refused => !question.found.is_empty(),
        Identifiers::TakenOnConsent => consent::ruling(question).fails(),
    }
}
