//! Parameters of MAIL and RCPT (RFC 1870, 3461, 4954 §5, 6152, 6531). Pure; each at most once; unknown ones refused.

use super::grammar::GrammarError;
use crate::intake::{Notify, Ret, Script};

/// RFC 3461 §4.4: at most 100 characters.
const ENVID_CHARS_MAX: usize = 100;

/// RFC 3461 §4.2: at most 500 characters.
const ORCPT_CHARS_MAX: usize = 500;

/// What the parameters of one command say.
#[derive(Default)]
pub(super) struct Parameters {
    pub(super) size_bytes: Option<u64>,
    pub(super) script: Script,
    pub(super) ret: Option<Ret>,
    pub(super) envid: Option<String>,
    pub(super) notify: Notify,
    pub(super) orcpt: Option<String>,
}

/// The parameters of MAIL.
pub(super) fn of_mail(text: &str) -> Result<Parameters, GrammarError> {
    let mut found = Parameters::default();
    for (name, value) in each(text)? {
        match (name.as_str(), value) {
            ("SIZE", Some(value)) => found.size_bytes = Some(size(value)?),
            ("BODY", Some(value)) => body(value)?,
            ("SMTPUTF8", None) => found.script = Script::Utf8,
            ("RET", Some(value)) => found.ret = Some(ret(value)?),
            ("ENVID", Some(value)) => found.envid = Some(xtext(value, ENVID_CHARS_MAX)?),
            // RFC 4954 §5: from whom the client says it has the message. It proves nothing, so it is let go.
            ("AUTH", Some(_)) => {}
            ("SIZE" | "BODY" | "SMTPUTF8" | "RET" | "ENVID" | "AUTH", _) => return Err(BAD_VALUE),
            _ => return Err(GrammarError::Parameter),
        }
    }
    Ok(found)
}

/// The parameters of RCPT.
pub(super) fn of_rcpt(text: &str) -> Result<Parameters, GrammarError> {
    let mut found = Parameters::default();
    for (name, value) in each(text)? {
        match (name.as_str(), value) {
            ("NOTIFY", Some(value)) => found.notify = notify(value)?,
            ("ORCPT", Some(value)) => found.orcpt = Some(orcpt(value)?),
            ("NOTIFY" | "ORCPT", None) => return Err(BAD_VALUE),
            _ => return Err(GrammarError::Parameter),
        }
    }
    Ok(found)
}

const BAD_VALUE: GrammarError = GrammarError::Syntax("A parameter's value is not as it should be");

/// `name[=value]`, names in capitals; a name that comes twice is an error.
fn each(text: &str) -> Result<Vec<(String, Option<&str>)>, GrammarError> {
    let mut found: Vec<(String, Option<&str>)> = Vec::new();
    for word in text.split(' ').filter(|word| !word.is_empty()) {
        let (name, value) = word.split_once('=').map_or((word, None), |(name, value)| (name, Some(value)));
        let name = name.to_ascii_uppercase();
        if found.iter().any(|(seen, _)| *seen == name) {
            return Err(GrammarError::Syntax("A parameter stands twice"));
        }
        found.push((name, value));
    }
    Ok(found)
}

/// RFC 1870 §3: one to twenty digits.
fn size(value: &str) -> Result<u64, GrammarError> {
    if value.is_empty() || value.len() > 20 || !value.bytes().all(|b| b.is_ascii_digit()) {
        return Err(BAD_VALUE);
    }
    // More than fits is more than any limit.
    Ok(value.parse().unwrap_or(u64::MAX))
}

/// RFC 6152 §2. BINARYMIME (RFC 3030) is not offered. What was announced is not kept: the bytes themselves tell.
fn body(value: &str) -> Result<(), GrammarError> {
    let known = ["7BIT", "8BITMIME"].iter().any(|word| value.eq_ignore_ascii_case(word));
    if known { Ok(()) } else { Err(GrammarError::Syntax("BODY is 7BIT or 8BITMIME")) }
}

fn ret(value: &str) -> Result<Ret, GrammarError> {
    match value.to_ascii_uppercase().as_str() {
        "FULL" => Ok(Ret::Full),
        "HDRS" => Ok(Ret::Headers),
        _ => Err(GrammarError::Syntax("RET is FULL or HDRS")),
    }
}

/// RFC 3461 §4.1: NEVER alone, or a list without repeats.
fn notify(value: &str) -> Result<Notify, GrammarError> {
    const USAGE: GrammarError = GrammarError::Syntax("NOTIFY is NEVER, or of SUCCESS, FAILURE, DELAY");
    if value.eq_ignore_ascii_case("NEVER") {
        return Ok(Notify::Never);
    }
    let (mut success, mut failure, mut delay) = (false, false, false);
    for word in value.split(',') {
        let seen = match word.to_ascii_uppercase().as_str() {
            "SUCCESS" => &mut success,
            "FAILURE" => &mut failure,
            "DELAY" => &mut delay,
            _ => return Err(USAGE),
        };
        if std::mem::replace(seen, true) {
            return Err(USAGE);
        }
    }
    Ok(Notify::On { success, failure, delay })
}

/// RFC 3461 §4.2: `address-type;xtext`. RFC 6533 §3 allows UTF-8 in it for type `utf-8`.
fn orcpt(value: &str) -> Result<String, GrammarError> {
    let (kind, address) = value.split_once(';').ok_or(BAD_VALUE)?;
    let kind_ok = !kind.is_empty() && kind.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-');
    if !kind_ok || address.is_empty() || value.chars().count() > ORCPT_CHARS_MAX {
        return Err(BAD_VALUE);
    }
    if kind.eq_ignore_ascii_case("utf-8") {
        return Ok(value.to_owned());
    }
    Ok(format!("{kind};{}", xtext(address, ORCPT_CHARS_MAX)?))
}

/// Decodes xtext (RFC 3461 §4): printable ASCII with `+XX` for the rest; what comes out is printable ASCII too.
fn xtext(value: &str, chars_max: usize) -> Result<String, GrammarError> {
    if value.is_empty() || value.len() > chars_max {
        return Err(BAD_VALUE);
    }
    let mut decoded = String::with_capacity(value.len());
    let mut bytes = value.bytes();
    while let Some(byte) = bytes.next() {
        let byte = match byte {
            b'+' => {
                let (high, low) = bytes.next().zip(bytes.next()).ok_or(BAD_VALUE)?;
                hex_digit(high).zip(hex_digit(low)).map(|(high, low)| high << 4 | low).ok_or(BAD_VALUE)?
            }
            b'=' => return Err(BAD_VALUE),
            plain => plain,
        };
        if byte != b' ' && !byte.is_ascii_graphic() {
            return Err(BAD_VALUE);
        }
        decoded.push(char::from(byte));
    }
    Ok(decoded)
}

/// Upper-case digits alone (RFC 3461 §4).
const fn hex_digit(byte: u8) -> Option<u8> {
    match byte {
        b'0'..=b'9' => Some(byte - b'0'),
        b'A'..=b'F' => Some(byte - b'A' + 10),
        _ => None,
    }
}
