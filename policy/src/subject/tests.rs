//! Identifiers: what is taken, in which form, and by which rule the rest is not.

use proptest::prelude::*;

use super::{SubjectId, SubjectIdError, nhs_check};
use crate::Finding;

#[track_caller]
fn check(text: &str, expected: Result<&str, &'static str>) {
    let id = SubjectId::parse(text);
    assert_eq!(id.as_ref().map(SubjectId::as_str), expected.map_err(SubjectIdError).as_ref().copied(), "{text}");
}

#[test]
fn ids_of_the_three_schemes_are_taken() {
    check("nhs:9434765919", Ok("nhs:9434765919"));
    check("NHS:943 476-5919", Ok("nhs:9434765919"));
    check("nhs:9990109281", Ok("nhs:9990109281"));
    check("gmc:7012345", Ok("gmc:7012345"));
    check("case:PSU-0142", Ok("case:PSU-0142"));
    check("Case:a/b_c.9", Ok("case:a/b_c.9"));
}

#[test]
fn all_else_is_refused_by_the_rule_it_breaks() {
    for text in ["", "9434765919", "chi:0101701234", "nhs", ":9434765919", " nhs:9434765919"] {
        check(text, Err("a subject reads nhs:…, gmc:… or case:…"));
    }
    for text in ["nhs:", "nhs:943476591", "nhs:94347659190", "nhs:９434765919", "nhs:943476591x", "nhs:+43476591 9"] {
        check(text, Err("an nhs number has ten digits"));
    }
    for text in ["nhs:9434765918", "nhs:1111111111", "nhs:0000000000", "nhs:9999999999", "nhs:9991590138"] {
        check(text, Err("an nhs number passes modulus 11 and is no repeated digit"));
    }
    for text in ["gmc:", "gmc:701234", "gmc:70123456", "gmc:701 234", "gmc:701234x"] {
        check(text, Err("a gmc number has seven digits"));
    }
    for text in ["case:", "case:-1", "case:a b", "case:a\n", "case:é", "case:a:b"] {
        check(text, Err("a case id holds letters, digits, and . - _ / after the first"));
    }
    check(&format!("case:{}", "a".repeat(65)), Err("a subject's id has at most 64 characters"));
}

#[test]
fn ids_and_findings_do_not_show_themselves() -> Result<(), SubjectIdError> {
    let id = SubjectId::parse("nhs:9434765919")?;
    assert_eq!(format!("{id:?} {:?}", Finding::Number(id.clone())), "SubjectId(…) Number(…)");
    Ok(())
}

#[test]
fn every_word_of_screening_is_read_back_as_itself() {
    for word in [
        "name",
        "name!",
        "birth-date",
        "birth-date!",
        "postcode",
        "ni-number",
        "email",
        "phone",
        "image",
        "nhs:9434765919",
    ] {
        assert_eq!(Finding::try_from(word.to_owned()).map(|finding| finding.as_str().to_owned()), Ok(word.to_owned()));
    }
    for word in ["", "Name", "nhs:1", "chi:1", "name!!"] {
        assert!(Finding::try_from(word.to_owned()).is_err(), "{word}");
    }
}

proptest! {
    /// Of the ten last digits, nine fail; for one sum in eleven (check digit 10) all ten do.
    #[test]
    fn at_most_one_check_digit_fits(front in "[0-9]{9}") {
        let fitting = (0..10).filter(|digit| nhs_check(&format!("{front}{digit}"))).count();
        prop_assert!(fitting <= 1);
    }

    /// What modulus 11 is for: a digit mistyped, or two neighbours swapped, is always caught.
    #[test]
    fn one_slip_is_always_caught(front in "[0-9]{9}", at in 0_usize..9, other in 0_u8..10) {
        let Some(good) = (0..10).map(|digit| format!("{front}{digit}")).find(|digits| nhs_check(digits)) else {
            return Ok(());
        };
        let mut mistyped = good.clone().into_bytes();
        let mut swapped = mistyped.clone();
        mistyped.splice(at..=at, [b'0' + other]);
        swapped.swap(at, at + 1);
        for slip in [mistyped, swapped] {
            let slip = String::from_utf8_lossy(&slip).into_owned();
            prop_assert!(slip == good || !nhs_check(&slip));
        }
    }

    #[test]
    fn no_text_panics_and_what_is_taken_is_taken_again(text in "(nhs:|gmc:|case:)?[ -:a-zé]{0,70}") {
        if let Ok(id) = SubjectId::parse(&text) {
            prop_assert_eq!(SubjectId::parse(id.as_str()), Ok(id));
        }
        let _ = nhs_check(&text);
    }
}
