//! The head of what leaves: recipient, subject lines, covers.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use proptest::prelude::*;

use crate::header::{phrase, unstructured};

/// Unfolds and decodes, as RFC 2047 §6.2 has it: white space between encoded words is none.
fn decoded(field: &str) -> String {
    let mut text = String::new();
    for word in field.split("\r\n ") {
        match word.strip_prefix("=?utf-8?B?").and_then(|rest| rest.strip_suffix("?=")) {
            Some(encoded) => text.push_str(&String::from_utf8(STANDARD.decode(encoded).unwrap()).unwrap()),
            None => text.push_str(word),
        }
    }
    text
}

#[test]
fn short_ascii_stays_as_it_is() {
    fn check(text: &str, expected: &str) {
        assert_eq!(unstructured(text), expected);
    }
    check("", "");
    check("Discharge letter, 3 May", "Discharge letter, 3 May");
    check("naïve", "=?utf-8?B?bmHDr3Zl?=");
    check("=?utf-8?B?AAAA?=", "=?utf-8?B?PT91dGYtOD9CP0FBQUE/PQ==?=");
    check("a\r\nBcc: thief@example.com", "a  Bcc: thief@example.com");
    check(" leading", "=?utf-8?B?IGxlYWRpbmc=?=");
    assert_eq!(phrase("Dr \"Bob\" \\ Co"), "\"Dr \\\"Bob\\\" \\\\ Co\"");
    assert_eq!(phrase("Ysbyty Glan Clŵyd"), "=?utf-8?B?WXNieXR5IEdsYW4gQ2zFtXlk?=");
}

proptest! {
    #[test]
    fn no_text_leaves_its_field_and_every_text_comes_back(text in any::<String>()) {
        for field in [unstructured(&text), phrase(&text)] {
            prop_assert!(field.is_ascii());
            let lines = format!("Subject: {field}");
            for line in lines.split("\r\n") {
                prop_assert!(line.len() <= if field.contains("=?") { 76 } else { 78 } && !line.bytes().any(|b| b.is_ascii_control()), "{line}");
            }
            prop_assert!(field.split("\r\n").skip(1).all(|line| line.starts_with(' ')));
        }
        prop_assert_eq!(decoded(&unstructured(&text)), crate::header::tame(&text));
    }
}
