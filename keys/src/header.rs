//! Header fields that we write ourselves: names and subject lines as RFC 2047 and RFC 5322 have them.
//!
//! Not here: parsing. No input can break out of its field: control characters become spaces.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;

/// `=?utf-8?B?` and `?=` take 12 of an encoded word's 75 characters (RFC 2047 §2), which leaves 45 octets of text.
const WORD_OCTETS_MAX: usize = 45;
/// The first word shares its line, of 76 characters at most then, with the field's name.
const FIRST_WORD_OCTETS_MAX: usize = 39;
/// A line should have no more than 78 characters (RFC 5322 §2.1.1); this is what `Subject: ` leaves.
const PLAIN_CHARS_MAX: usize = 69;

/// An unstructured field's value, folded: as it is where it is short ASCII, in encoded words elsewhere.
pub(crate) fn unstructured(text: &str) -> String {
    let text = tame(text);
    let plain = text.bytes().all(|b| b.is_ascii_graphic() || b == b' ')
        && text.len() <= PLAIN_CHARS_MAX
        && !text.contains("=?")
        && text.trim() == text;
    if plain { text } else { encoded_words(&text) }
}

/// A display name, quoted or in encoded words (RFC 5322 §3.2.5).
pub(crate) fn phrase(text: &str) -> String {
    let text = tame(text);
    if text.is_ascii() && text.len() <= PLAIN_CHARS_MAX - 2 {
        format!("\"{}\"", text.replace('\\', "\\\\").replace('"', "\\\""))
    } else {
        encoded_words(&text)
    }
}

/// The text with a space for every control character and line or paragraph separator.
pub(crate) fn tame(text: &str) -> String {
    text.chars().map(|c| if c.is_control() || matches!(c, '\u{2028}' | '\u{2029}') { ' ' } else { c }).collect()
}

/// Each word holds whole characters (RFC 2047 §5), and stands on a line of its own but for the first.
fn encoded_words(text: &str) -> String {
    let (mut words, mut word) = (Vec::new(), String::new());
    for character in text.chars() {
        let octets_max = if words.is_empty() { FIRST_WORD_OCTETS_MAX } else { WORD_OCTETS_MAX };
        if word.len() + character.len_utf8() > octets_max {
            words.push(encoded_word(&word));
            word.clear();
        }
        word.push(character);
    }
    words.push(encoded_word(&word));
    words.join("\r\n ")
}

fn encoded_word(text: &str) -> String {
    format!("=?utf-8?B?{}?=", STANDARD.encode(text))
}
