//! Look-alikes: pairs that deceive, pairs that do not.

use proptest::prelude::*;

use super::resembles;
use crate::{Domain, Mailbox, MailboxError};

/// What `address` resembles among listed addresses and domains.
#[track_caller]
fn check(address: &str, expected: Option<&str>) {
    let listed = || -> Result<_, MailboxError> {
        let mailboxes = ["letters@elm-surgery.example", "zoë@clinic.example"].map(Mailbox::parse);
        let domains = ["mill.example", "corner.example", "straße.example"].map(Domain::parse);
        Ok((mailboxes.into_iter().collect::<Result<Vec<_>, _>>()?, domains.into_iter().collect::<Result<Vec<_>, _>>()?))
    };
    let found = listed()
        .and_then(|(mailboxes, domains)| Ok(resembles(&Mailbox::parse(address)?, mailboxes.iter(), domains.iter())));
    assert_eq!(found, Ok(expected.map(str::to_owned)), "{address}");
}

#[test]
fn one_slip_in_a_domain_is_told() {
    for address in [
        "x@elm-surgerry.example",
        "x@elm-surgry.example",
        "x@elm-surgeru.example",
        "x@elm-sugrery.example",
        "x@ELM-SURGERY.examples",
        "letters@elmsurgery.example",
    ] {
        check(address, Some("elm-surgery.example"));
    }
    for address in ["x@mil.example", "x@mlil.example", "x@mill.exemple", "x@amill.example"] {
        check(address, Some("mill.example"));
    }
    check("x@mxil.example", None);
    check("x@mlxl.example", None);
    check("x@strasse.example", None);
    check("x@strase.example", Some("xn--strae-oqa.example"));
}

#[test]
fn letters_that_read_alike_are_told() {
    check("x@e1m.surgery.example", Some("elm-surgery.example"));
    check("x@eim-surgery-example.test", None);
    check("x@elm-surgery.exarnple", Some("elm-surgery.example"));
    check("x@e1m-surgery.examp1e", Some("elm-surgery.example"));
    check("x@m1l1.example", Some("mill.example"));
    check("x@m-i-l-l.example", Some("mill.example"));
    check("x@comer.example", Some("corner.example"));
    check("x@c0rner.examp1e", Some("corner.example"));
}

#[test]
fn confusable_scripts_are_told() {
    // Cyrillic а, е, ѕ, о, р, с in the place of Latin letters, more than one slip each.
    check("x@еlm-ѕurgеry.example", Some("elm-surgery.example"));
    check("x@соrnеr.example", Some("corner.example"));
    check("lettеrѕ@elm-surgery.example", Some("letters@elm-surgery.example"));
}

#[test]
fn one_slip_in_a_local_part_counts_at_the_same_domain_alone() {
    check("leters@elm-surgery.example", Some("letters@elm-surgery.example"));
    check("letetrs@elm-surgery.example", Some("letters@elm-surgery.example"));
    check("LETTER@elm-surgery.example", Some("letters@elm-surgery.example"));
    check("zoe@clinic.example", Some("zoë@clinic.example"));
    check("leters@mill.example", None);
    check("reception@elm-surgery.example", None);
    check("letters@elm-surgery.example", None);
    check("letters@far-away.test", None);
    check("x@mail.elm-surgery.example", None);
}

proptest! {
    #[test]
    fn every_slip_is_told_and_the_listed_order_never_matters(
        name in "[a-hj-z2-9]{8,20}", at in 0_usize..8, letter in "[a-hj-z2-9]", kind in 0..4
    ) {
        let mut slipped: Vec<char> = name.chars().collect();
        let letter = letter.chars().next().unwrap_or('a');
        match kind {
            0 => slipped.insert(at, letter),
            1 => drop(slipped.remove(at)),
            2 => slipped.splice(at..=at, [letter]).for_each(drop),
            _ => slipped.swap(at, at.saturating_sub(1)),
        }
        let slipped: String = slipped.into_iter().collect();
        let parse = |domain: &str| Mailbox::parse(&format!("x@{domain}.example"));
        let (Ok(sent), Ok(real)) = (parse(&slipped), parse(&name)) else { return Ok(()) };
        let other = Domain::parse("far-away.test");
        let domains: Vec<_> = [Ok(real.domain().clone()), other].into_iter().flatten().collect();
        let found = resembles(&sent, std::iter::empty(), domains.iter());
        prop_assert_eq!(&found, &resembles(&sent, std::iter::empty(), domains.iter().rev()));
        prop_assert_eq!(found, (slipped != name).then(|| format!("{name}.example")));
    }
}
