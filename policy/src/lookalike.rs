//! Does an unlisted address pass itself off as a listed one (section 5, "Resembles"; O-070)?
//!
//! Not here: whose an address is (`gateway/registers`). What is computed here is for comparing, never for display.

use unicode_security::skeleton;

use crate::{Domain, Mailbox};

/// The listed address or domain that this address resembles; of several, the first in the order of letters.
///
/// It resembles a listed domain, or the domain of a listed address, that is one slip away (a character put in,
/// left out, replaced, or swapped with its neighbour), that reads the same once likely letters and dots and
/// hyphens are folded, or that is its twin in another script (UTS #39 §4). At the very domain of a listed
/// address, it resembles that address when the local part is one slip or one script away.
pub fn resembles<'a>(
    mailbox: &Mailbox,
    listed_mailboxes: impl Iterator<Item = &'a Mailbox>,
    listed_domains: impl Iterator<Item = &'a Domain>,
) -> Option<String> {
    let domain = Shape::of(mailbox.domain());
    let resembles_domain = |listed: &Domain| listed != mailbox.domain() && domain.resembles(&Shape::of(listed));
    let name = |listed: &'a Mailbox| {
        if resembles_domain(listed.domain()) {
            Some(listed.domain().to_string())
        } else {
            (listed.domain() == mailbox.domain() && is_twin(mailbox, listed)).then(|| listed.to_string())
        }
    };
    let domains = listed_domains.filter(|listed| resembles_domain(listed)).map(Domain::to_string);
    listed_mailboxes.filter_map(name).chain(domains).min()
}

/// A domain in the forms that are compared.
struct Shape {
    letters: Vec<char>,
    folded: String,
    skeleton: String,
}

impl Shape {
    fn of(domain: &Domain) -> Self {
        let shown = domain.unicode();
        Self {
            letters: shown.chars().collect(),
            folded: fold(&shown),
            skeleton: fold(&skeleton(&shown).collect::<String>().to_lowercase()),
        }
    }

    fn resembles(&self, listed: &Self) -> bool {
        is_one_slip(&self.letters, &listed.letters)
            || self.folded == listed.folded
            || (is_foreign(&self.letters, &listed.letters) && self.skeleton == listed.skeleton)
    }
}

/// Two local parts of one domain.
fn is_twin(mailbox: &Mailbox, listed: &Mailbox) -> bool {
    let lower = |mailbox: &Mailbox| mailbox.local().to_lowercase();
    let (one, other) = (lower(mailbox), lower(listed));
    let (letters, listed_letters): (Vec<_>, Vec<_>) = (one.chars().collect(), other.chars().collect());
    let same_skeleton = || skeleton(&one).eq(skeleton(&other));
    is_one_slip(&letters, &listed_letters) || (one != other && is_foreign(&letters, &listed_letters) && same_skeleton())
}

fn fold(name: &str) -> String {
    let name = name.replace('0', "o").replace(['1', 'i'], "l").replace("rn", "m").replace("vv", "w");
    name.replace(['.', '-'], "")
}

/// Skeletons join letters within ASCII too (`m` and `rn`), which is for [`fold`] to say, and for domains alone.
fn is_foreign(one: &[char], other: &[char]) -> bool {
    one.iter().chain(other).any(|c| !c.is_ascii())
}

/// One insertion, deletion, replacement or swap of neighbours: what is left between the common ends is that.
fn is_one_slip(one: &[char], other: &[char]) -> bool {
    let front = one.iter().zip(other).take_while(|(a, b)| a == b).count();
    let (one, other) = (one.get(front..).unwrap_or_default(), other.get(front..).unwrap_or_default());
    let back = one.iter().rev().zip(other.iter().rev()).take_while(|(a, b)| a == b).count();
    let middle = |letters: &[char]| letters.iter().take(letters.len() - back).copied().collect::<Vec<_>>();
    match (middle(one).as_slice(), middle(other).as_slice()) {
        ([_], []) | ([], [_]) | ([_], [_]) => true,
        ([a, b], [c, d]) => a == d && b == c,
        _ => false,
    }
}

#[cfg(test)]
mod tests;
