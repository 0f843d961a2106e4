//! A report as a `multipart/report` (RFC 6522): plain words, delivery status (RFC 3464), and two header fields of the
//! letter. Written by hand, strictly: no value can leave its line, and nothing is quoted from the letter.

use std::fmt::Write as _;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use jiff::fmt::strtime;
use jiff::tz::{Offset, TimeZone};
use policy::{Mailbox, Timestamp};

use super::{Hindrance, Letterhead, News, NoticeError, Report, texts};

/// Longest Message-ID that is quoted back, octets.
const MESSAGE_ID_BYTES_MAX: usize = 250;
/// Columns of a text line.
const COLUMNS: usize = 72;

/// The whole message: CRLF lines, ASCII except for an international address in `To`.
pub(super) fn write(report: &Report, desk: &Letterhead) -> Result<String, NoticeError> {
    let boundary = format!("=_{}", report.name);
    let mut out = Lines::default();
    header(&mut out, report, desk, &boundary)?;
    out.line(&format!("--{boundary}"));
    plain_words(&mut out, report, desk)?;
    out.line(&format!("--{boundary}"));
    delivery_status(&mut out, report, desk)?;
    out.line(&format!("--{boundary}"));
    out.line("Content-Type: text/rfc822-headers");
    out.line("");
    if let Some(message_id) = quotable(report) {
        out.field("Message-ID", "the Message-ID", message_id)?;
    }
    out.field("Subject", "the reference", &format!("Letter {}", report.letter))?;
    out.line("");
    out.line(&format!("--{boundary}--"));
    Ok(out.0)
}

/// A time as people read it, at the provider: `14:30 on 3 March 2026`.
pub(super) fn local_time(at: Timestamp, offset_secs: i32) -> Option<String> {
    local(at, offset_secs).and_then(|local| strtime::format("%H:%M on %-d %B %Y", &local).ok())
}

fn header(out: &mut Lines, report: &Report, desk: &Letterhead, boundary: &str) -> Result<(), NoticeError> {
    let subject = format!("Letter {}: {}", report.letter, texts::text(&report.news).subject);
    out.field("From", "the desk's address", &format!("Sealgate <{}>", desk.from))?;
    out.field("To", "the sender's address", &format!("<{}>", report.to))?;
    out.field("Subject", "the reference", &subject)?;
    out.field("Date", "the date", &date(report.written, desk, "the date")?)?;
    out.field("Message-ID", "the notice's name", &format!("<{}@{}>", report.name, desk.own_name))?;
    if let Some(message_id) = quotable(report) {
        out.field("In-Reply-To", "the Message-ID", message_id)?;
    }
    // Nobody's program is to answer this (RFC 3834 §5).
    out.line("Auto-Submitted: auto-replied");
    out.line("MIME-Version: 1.0");
    let kind = format!("multipart/report; report-type=delivery-status; boundary=\"{boundary}\"");
    out.field("Content-Type", "the notice's name", &kind)?;
    out.line("");
    Ok(())
}

fn plain_words(out: &mut Lines, report: &Report, desk: &Letterhead) -> Result<(), NoticeError> {
    let paragraphs = texts::paragraphs(report, desk)?;
    let mut text = Lines::default();
    for paragraph in paragraphs {
        check("the text", &paragraph)?;
        wrap(&mut text, &paragraph);
        text.line("");
    }
    if text.0.is_ascii() {
        out.line("Content-Type: text/plain; charset=us-ascii");
        out.line("");
        out.0.push_str(&text.0);
    } else {
        out.line("Content-Type: text/plain; charset=utf-8");
        out.line("Content-Transfer-Encoding: base64");
        out.line("");
        let encoded = BASE64.encode(&text.0);
        let mut rest = encoded.as_str();
        while let Some((line, after)) = rest.split_at_checked(76) {
            out.line(line);
            rest = after;
        }
        out.line(rest);
    }
    Ok(())
}

fn delivery_status(out: &mut Lines, report: &Report, desk: &Letterhead) -> Result<(), NoticeError> {
    out.line("Content-Type: message/delivery-status");
    out.line("");
    out.field("Reporting-MTA", "the gateway's name", &format!("dns; {}", desk.own_name))?;
    if let Some(envid) = report.wishes.envid.as_deref().and_then(printable) {
        out.field("Original-Envelope-Id", "ENVID", envid)?;
    }
    out.field("Arrival-Date", "the arrival", &date(report.arrived, desk, "the arrival")?)?;
    out.line("");
    if let Some((kind, address)) = report.wishes.orcpt.as_deref().and_then(|orcpt| orcpt.split_once(';')) {
        let plain_kind = !kind.is_empty() && kind.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-');
        if let Some(address) = printable(address).filter(|_| plain_kind) {
            out.field("Original-Recipient", "ORCPT", &format!("{kind}; {address}"))?;
        }
    }
    out.field("Final-Recipient", "the recipient's address", &typed(&report.recipient))?;
    for (name, value) in status_fields(report, desk)? {
        out.field(name, name, &value)?;
    }
    out.field("Last-Attempt-Date", "the date", &date(report.written, desk, "the date")?)?;
    out.line("");
    Ok(())
}

/// `Action`, `Status`, and what goes with them (RFC 3464 §2.3).
fn status_fields(report: &Report, desk: &Letterhead) -> Result<Vec<(&'static str, String)>, NoticeError> {
    let fields = |action: &str, status: &str| vec![("Action", action.to_owned()), ("Status", status.to_owned())];
    let hindered = |action: &str, obstacle: &Hindrance| {
        let mut fields = fields(action, &obstacle.status);
        fields.extend(obstacle.host.iter().map(|host| ("Remote-MTA", format!("dns; {host}"))));
        fields.push(("Diagnostic-Code", ascii(&obstacle.diagnostic)));
        fields
    };
    let retried = |mut fields: Vec<_>, until: Timestamp| {
        fields.push(("Will-Retry-Until", date(until, desk, "the deadline")?));
        Ok(fields)
    };
    match &report.news {
        News::Refused { .. } => Ok(fields("failed", "5.7.1")),
        News::Held { until, .. } => retried(fields("delayed", "4.7.1"), *until),
        News::Delayed { obstacle, until } => retried(hindered("delayed", obstacle), *until),
        News::Failed { obstacle } => Ok(hindered("failed", obstacle)),
        // Delivery time expired (RFC 3463 §3.5); what stood in the way stays the diagnostic.
        News::Expired { obstacle } => {
            let expired = Hindrance { status: "4.4.7".to_owned(), ..obstacle.clone() };
            Ok(hindered("failed", &expired))
        }
        // Relayed, not delivered: the next host has it, and more than that we do not know (RFC 3464 §2.3.3).
        News::Delivered { host, said } => {
            let mut fields = fields("relayed", "2.0.0");
            fields.push(("Remote-MTA", format!("dns; {host}")));
            fields.push(("Diagnostic-Code", format!("smtp; {}", ascii(said))));
            Ok(fields)
        }
    }
}

/// CRLF lines.
#[derive(Default)]
struct Lines(String);

impl Lines {
    fn line(&mut self, line: &str) {
        self.0.push_str(line);
        self.0.push_str("\r\n");
    }

    fn field(&mut self, name: &str, what: &'static str, value: &str) -> Result<(), NoticeError> {
        check(what, value)?;
        self.line(&format!("{name}: {value}"));
        Ok(())
    }
}

fn check(what: &'static str, value: &str) -> Result<(), NoticeError> {
    if value.chars().any(char::is_control) { Err(NoticeError::Control(what)) } else { Ok(()) }
}

fn wrap(out: &mut Lines, paragraph: &str) {
    let mut line = String::new();
    for word in paragraph.split_whitespace() {
        if !line.is_empty() && line.chars().count() + 1 + word.chars().count() > COLUMNS {
            out.line(&line);
            line.clear();
        }
        if !line.is_empty() {
            line.push(' ');
        }
        line.push_str(word);
    }
    out.line(&line);
}

/// The letter's Message-ID, if it is one: whoever wrote it, it is not to bring anything else along.
fn quotable(report: &Report) -> Option<&str> {
    let message_id = report.message_id.as_deref()?;
    let inner = message_id.strip_prefix('<')?.strip_suffix('>')?;
    let plain = |byte: u8| byte.is_ascii_graphic() && !matches!(byte, b'<' | b'>');
    (message_id.len() <= MESSAGE_ID_BYTES_MAX && inner.contains('@') && inner.bytes().all(plain)).then_some(message_id)
}

/// An address with its type (RFC 3464 §2.1.2; RFC 6533 §3 for one that is not ASCII).
fn typed(mailbox: &Mailbox) -> String {
    let address = mailbox.to_string();
    if address.is_ascii() {
        return format!("rfc822; {address}");
    }
    let mut out = "utf-8; ".to_owned();
    for c in address.chars() {
        let _infallible =
            if c.is_ascii() && c != '\\' { write!(out, "{c}") } else { write!(out, "\\x{{{:X}}}", u32::from(c)) };
    }
    out
}

/// What the sender's program made up, if it can stand in a field: printable ASCII, and not blank.
fn printable(text: &str) -> Option<&str> {
    let is_fit = text.len() <= 500 && text.bytes().all(|byte| (b' '..=b'~').contains(&byte)) && !text.trim().is_empty();
    is_fit.then_some(text)
}

fn ascii(text: &str) -> String {
    text.chars().map(|c| if c.is_ascii() { c } else { '?' }).collect()
}

/// As RFC 5322 §3.3 writes it.
fn date(at: Timestamp, desk: &Letterhead, what: &'static str) -> Result<String, NoticeError> {
    let written = local(at, desk.offset_secs).and_then(|local| jiff::fmt::rfc2822::to_string(&local).ok());
    written.ok_or(NoticeError::Time(what))
}

fn local(at: Timestamp, offset_secs: i32) -> Option<jiff::Zoned> {
    // RFC 5322 knows whole minutes only.
    let offset = Offset::from_seconds(offset_secs / 60 * 60).ok()?;
    Some(jiff::Timestamp::from_second(at.0).ok()?.to_zoned(TimeZone::fixed(offset)))
}
