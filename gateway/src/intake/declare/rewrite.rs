//! The head that is kept, and later leaves: a short list of fields, and nothing that is not on it.
//!
//! A list of what stays, not of what goes: `Bcc`, `TLS-Required`, `Received`, signatures that no longer hold, other
//! recipients' names and whatever a mail program invents next are gone without being named.

use jiff::fmt::rfc2822::DateTimePrinter;
use jiff::tz::{Offset, TimeZone};
use policy::Mailbox;

use super::fields::Field;
use super::mime::{Mime, is_content};
use super::{DeclareError, Stamp};

/// Kept as written; so is every `Content-` field.
const KEPT: [&str; 6] = ["From", "Date", "Message-ID", "Reply-To", "In-Reply-To", "References"];

/// RFC 5322 §3.6 and RFC 2045 §3: at most one of each, for readers disagree on which of two counts.
const SINGLETONS: [&str; 9] =
    ["From", "Sender", "Reply-To", "Date", "Message-ID", "In-Reply-To", "References", "Subject", "MIME-Version"];

/// RFC 5321 §6.3.
const HOPS_MAX: usize = 100;

/// Refuses a head with two fields where only one may stand, or one that has gone round in a loop.
pub(super) fn check_singletons(fields: &[Field<'_>]) -> Result<(), DeclareError> {
    for name in SINGLETONS {
        if fields.iter().filter(|field| field.is(name)).count() > 1 {
            return Err(DeclareError::Twice(name));
        }
    }
    let content: Vec<_> = fields.iter().filter(|field| is_content(field)).collect();
    if content.iter().enumerate().any(|(index, field)| content.iter().skip(index + 1).any(|other| other.is(field.name)))
    {
        return Err(DeclareError::Twice("A Content- field"));
    }
    if fields.iter().filter(|field| field.is("Received")).count() > HOPS_MAX {
        return Err(DeclareError::TooManyHops);
    }
    Ok(())
}

/// The kept fields in their order, then what was missing, then the blank line.
pub(super) fn head(fields: &[Field<'_>], mime: &Mime, from: &Mailbox, stamp: &Stamp) -> Vec<u8> {
    let mut head = Vec::new();
    for field in fields {
        if is_content(field) || KEPT.iter().any(|name| field.is(name)) {
            head.extend_from_slice(field.raw);
            if !field.raw.ends_with(b"\r\n") {
                head.extend_from_slice(b"\r\n");
            }
        }
    }
    let lacks = |name: &str| !fields.iter().any(|field| field.is(name));
    if lacks("Date") {
        head.extend_from_slice(format!("Date: {}\r\n", date(stamp)).as_bytes());
    }
    if lacks("Message-ID") {
        head.extend_from_slice(format!("Message-ID: <{}@{}>\r\n", stamp.name, from.domain()).as_bytes());
    }
    // Written anew, for comments in it name the program; added where parts are announced without it.
    if *mime == Mime::Version1 {
        head.extend_from_slice(b"MIME-Version: 1.0\r\n");
    }
    head.extend_from_slice(b"\r\n");
    head
}

/// RFC 5322 §3.3, in the provider's local time.
fn date(stamp: &Stamp) -> String {
    let at = jiff::Timestamp::from_second(stamp.moment.at.0).unwrap_or_default();
    let offset = Offset::from_seconds(stamp.moment.offset_secs).unwrap_or(Offset::UTC);
    DateTimePrinter::new().zoned_to_string(&at.to_zoned(TimeZone::fixed(offset))).unwrap_or_default()
}
