//! References, and what a letter shows of itself.

use proptest::prelude::*;

use super::{Declared, Letter, LetterId, LetterIdError};
use crate::{Category, Mailbox, Purpose};

#[test]
fn references_are_read_as_people_write_them() {
    for (text, read) in [
        ("SG-7K2M-41QD", Some("SG-7K2M-41QD")),
        ("sg-7k2m-41qd", Some("SG-7K2M-41QD")),
        ("SG-oil0-LIO1", Some("SG-0110-1101")),
        ("", None),
        ("SG-7K2M", None),
        ("SG-7K2M-41Q", None),
        ("SG-7K2M-41QDX", None),
        ("SG-7K2M-41QD-", None),
        ("SG-7K2U-41QD", None),
        ("XX-7K2M-41QD", None),
        ("SG-7K2é-41QD", None),
        ("SG-7K2ı-41QD", None),
        (" SG-7K2M-41QD", None),
    ] {
        let expected = read.map(str::to_owned).ok_or(LetterIdError);
        assert_eq!(LetterId::parse(text).map(String::from), expected, "{text}");
    }
}

#[test]
fn a_letter_shows_its_reference_alone() -> Result<(), crate::MailboxError> {
    let letter = Letter {
        id: LetterId::from_bits(0),
        sender: "dr-lamb".to_owned(),
        to: Mailbox::parse("a@listed.example")?,
        subject: None,
        purpose: Some(Declared::<Purpose>::Unknown("about Amina".to_owned())),
        categories: vec![Category::Business],
        citation: None,
        exception: None,
        contradictions: Vec::new(),
        found: Vec::new(),
        sha256: None,
        body: "secret",
    };
    assert_eq!(format!("{letter:?} {:?}", letter.purpose), "Letter(SG-0000-0000) Some(Unknown(…))");
    Ok(())
}

proptest! {
    #[test]
    fn every_reference_is_read_back(bits: u64) {
        let id = LetterId::from_bits(bits);
        prop_assert_eq!(LetterId::parse(id.as_str()), Ok(id.clone()));
        prop_assert_eq!(LetterId::from_bits(bits & 0xff_ffff_ffff), id);
    }

    #[test]
    fn no_text_panics(text in ".{0,20}") {
        let _ = LetterId::parse(&text);
    }
}
