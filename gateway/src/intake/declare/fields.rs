//! A head to its fields (RFC 5322 §2.2), strictly: what two programs could read differently is refused.

use mail_parser::MessageParser;

use super::DeclareError;
use crate::intake::Script;

const FIELDS_MAX: usize = 1000;

/// One field of the head.
pub(super) struct Field<'a> {
    pub(super) name: &'a str,
    /// Name, colon, value, folds and the last CRLF, as written.
    pub(super) raw: &'a [u8],
    /// The value on one line, as written otherwise.
    pub(super) value: String,
}

impl Field<'_> {
    pub(super) fn is(&self, name: &str) -> bool {
        self.name.eq_ignore_ascii_case(name)
    }

    /// The value as people read it: encoded words decoded (RFC 2047), on one line, no control or direction characters.
    pub(super) fn decoded(&self) -> String {
        let line = format!("Subject: {}\r\n\r\n", self.value);
        let message = MessageParser::new().parse(line.as_bytes());
        let decoded = message.as_ref().and_then(|message| message.subject()).unwrap_or_default();
        let mut text = String::with_capacity(decoded.len());
        for word in decoded.split(|c: char| c.is_whitespace() || c.is_control()).filter(|word| !word.is_empty()) {
            if !text.is_empty() {
                text.push(' ');
            }
            text.extend(word.chars().filter(|c| !is_invisible(*c)));
        }
        text
    }
}

/// Characters that show nothing, or turn the text around them: they could hide a word from a reader.
const fn is_invisible(c: char) -> bool {
    matches!(c, '\u{ad}' | '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{2069}' | '\u{feff}')
}

/// The fields in their order.
pub(super) fn parse(head: &[u8], script: Script) -> Result<Vec<Field<'_>>, DeclareError> {
    if !head.is_ascii() && script == Script::Ascii {
        return Err(DeclareError::EightBit);
    }
    let text = std::str::from_utf8(head).map_err(|_| DeclareError::NotUtf8)?;
    let mut fields = Vec::new();
    let mut rest = text;
    while !rest.is_empty() {
        let (raw, after) = split_field(rest);
        if fields.len() >= FIELDS_MAX {
            return Err(DeclareError::TooManyFields);
        }
        fields.push(field(raw)?);
        rest = after;
    }
    Ok(fields)
}

/// Splits off the first line and the folded lines that belong to it.
fn split_field(text: &str) -> (&str, &str) {
    let mut end = 0;
    for line in text.split_inclusive("\r\n") {
        if end > 0 && !line.starts_with([' ', '\t']) {
            break;
        }
        end += line.len();
    }
    text.split_at_checked(end).unwrap_or((text, ""))
}

fn field(raw: &str) -> Result<Field<'_>, DeclareError> {
    let mut value = String::with_capacity(raw.len());
    for line in raw.strip_suffix("\r\n").unwrap_or(raw).split("\r\n") {
        if line.trim_matches([' ', '\t']).is_empty() || raw.starts_with([' ', '\t']) {
            return Err(DeclareError::Folding);
        }
        if line.chars().any(|c| c.is_control() && c != '\t') {
            return Err(DeclareError::Control);
        }
        value.push_str(line);
    }
    let (name, value) = value.split_once(':').ok_or(DeclareError::NotAField)?;
    // RFC 5322 §2.2: visible ASCII; white space before the colon is the obsolete form, and read differently by different programs.
    if name.is_empty() || !name.bytes().all(|byte| byte.is_ascii_graphic()) {
        return Err(DeclareError::NotAField);
    }
    let name = raw.get(..name.len()).ok_or(DeclareError::NotAField)?;
    Ok(Field { name, raw: raw.as_bytes(), value: value.trim_matches([' ', '\t']).to_owned() })
}
