//! The child process, `sealgate screen`: an RFC 5322 message in, lines of JSON out, nothing else within reach.
//!
//! Text first, documents after: a document that kills the process takes no text with it. Deliberately not here: any
//! judgement of what the text says.

use std::io::{self, Read, Write};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::process::ExitCode;

use mail_parser::decoders::charsets::map::charset_decoder;
use mail_parser::parsers::MessageStream;
use mail_parser::{
    Address, Encoding, HeaderName, HeaderValue, Message, MessageParser, MessagePart, MimeHeaders, PartType,
};

use super::report::{Report, Spot};
use super::{Limits, PartKind, Why, between, docx, html, pdf};

/// More parts than any letter has.
const PARTS_MAX: u32 = 1_000;

/// Runs the child: reads a message from standard input, writes what it says to standard output.
///
/// Call it before any thread is started. It binds the process to its limits for good.
#[must_use]
pub fn child_main() -> ExitCode {
    let Some(limits) = Limits::handed_over() else { return ExitCode::FAILURE };
    if limits.impose().is_err() {
        return ExitCode::FAILURE;
    }
    let mut letter = Vec::new();
    let bytes_max = limits.letter_bytes_max();
    if io::stdin().lock().take(bytes_max + 1).read_to_end(&mut letter).is_err() {
        return ExitCode::FAILURE;
    }
    let mut report = Report::new(io::stdout().lock(), limits.text_bytes_max);
    if letter.len() as u64 > bytes_max {
        report.unread(0, Why::TooLarge);
    } else {
        read(&letter, &limits, &mut report);
    }
    if report.finish() { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

/// Reads a whole message into the report.
fn read<W: Write>(letter: &[u8], limits: &Limits, report: &mut Report<W>) {
    let Some(message) = MessageParser::default().parse(letter) else {
        return report.unread(0, Why::Broken);
    };
    beside(&message, report);
    let mut walk = Walk { limits, report, parts: 0, documents: Vec::new() };
    walk.message(&message, 0);
    let documents = std::mem::take(&mut walk.documents);
    for (part, bytes) in documents {
        read_document(part, bytes, limits, report);
    }
    // Freeing a message that holds a hundred thousand messages, each in the last, would overflow the stack.
    std::mem::forget(message);
}

/// What is written beside the parts of a message, and whether another program would see other parts.
fn beside<W: Write>(message: &Message<'_>, report: &mut Report<W>) {
    let between = between::read(message);
    report.text(Spot { part: 0, page: None, kind: PartKind::Text }, &between.text);
    if between.ambiguous {
        report.unread(0, Why::Ambiguous);
    }
}

/// Sniffs and reads one attached document. What its declared type says does not matter: programs sniff as well.
fn read_document<W: Write>(part: u32, bytes: &[u8], limits: &Limits, report: &mut Report<W>) {
    let read = catch_unwind(AssertUnwindSafe(|| match sniff(bytes) {
        Sniffed::Pdf => {
            if ends_as_zip(bytes) {
                report.unread(part, Why::Ambiguous);
            }
            pdf::read(part, bytes, limits, report)
        }
        Sniffed::Zip => docx::read(part, bytes, limits, report),
        Sniffed::Image => {
            report.image();
            Err(Why::Image)
        }
        Sniffed::Unknown => Err(Why::Unsupported),
    }));
    if let Err(why) = read.unwrap_or(Err(Why::Broken)) {
        report.unread(part, why);
    }
}

/// A ZIP is read from its end (APPNOTE 4.3.16), whatever it begins with: a PDF may be a Word document as well.
fn ends_as_zip(bytes: &[u8]) -> bool {
    const END_BYTES_MAX: usize = 22 + 65_535;
    let tail = bytes.get(bytes.len().saturating_sub(END_BYTES_MAX)..).unwrap_or_default();
    tail.windows(4).any(|window| window == b"PK\x05\x06")
}

enum Sniffed {
    Pdf,
    Zip,
    Image,
    Unknown,
}

fn sniff(bytes: &[u8]) -> Sniffed {
    const IMAGES: [&[u8]; 9] =
        [b"\x89PNG", b"\xFF\xD8\xFF", b"GIF8", b"BM", b"II*\0", b"MM\0*", b"RIFF", b"\0\0\0\x0CJXL", b"<svg"];
    // ISO 32000-1 §7.5.2 note 13: readers accept the header within the first 1,024 bytes.
    let head = bytes.get(..1024).unwrap_or(bytes);
    if head.windows(5).any(|window| window == b"%PDF-") {
        Sniffed::Pdf
    } else if bytes.starts_with(b"PK\x03\x04") {
        Sniffed::Zip
    } else if IMAGES.iter().any(|magic| bytes.starts_with(magic)) || bytes.get(4..8) == Some(b"ftyp") {
        Sniffed::Image
    } else {
        Sniffed::Unknown
    }
}

/// The way through a message and the messages within it.
struct Walk<'r, 'm, W> {
    limits: &'r Limits,
    report: &'r mut Report<W>,
    /// Parts seen so far, all messages taken together.
    parts: u32,
    /// For later: part and bytes.
    documents: Vec<(u32, &'m [u8])>,
}

impl<'m, W: Write> Walk<'_, 'm, W> {
    fn message(&mut self, message: &'m Message<'m>, depth: u32) {
        let mut depths = vec![depth; message.parts.len()];
        for (index, part) in message.parts.iter().enumerate() {
            self.parts += 1;
            let number = self.parts;
            let depth = depths.get(index).copied().unwrap_or(depth);
            if number > PARTS_MAX {
                return self.report.unread(0, Why::TooLarge);
            }
            if depth > self.limits.depth_max {
                self.report.unread(number, Why::TooDeep);
                continue;
            }
            self.head(number, part, index == 0 && depth > 0);
            if ambiguous(part) {
                self.report.unread(number, Why::Ambiguous);
            }
            if part.is_encoding_problem {
                self.report.unread(number, Why::Broken);
            }
            if let PartType::Multipart(children) = &part.body {
                for child in children {
                    if let Some(below) = depths.get_mut(*child as usize) {
                        *below = depth + 1;
                    }
                }
            }
            self.body(number, part, depth);
        }
    }

    /// Those header fields that say something to a reader. The people named at the head of the letter itself are its
    /// sender and recipient; those at the head of a forwarded message are content.
    fn head(&mut self, part: u32, from: &'m MessagePart<'m>, forwarded: bool) {
        let spot = Spot { part, page: None, kind: PartKind::Header };
        for header in &from.headers {
            match (&header.name, &header.value) {
                (
                    HeaderName::Subject | HeaderName::Comments | HeaderName::Keywords | HeaderName::ContentDescription,
                    value,
                ) => {
                    self.report.text(spot, &words(value));
                }
                (name, HeaderValue::Address(address)) if forwarded && names_people(name) => {
                    self.report.text(spot, &people(address));
                }
                // A record system may put a number there, and some programs show every field.
                (HeaderName::Other(name), HeaderValue::Text(value)) if forwarded && !is_of_the_road(name) => {
                    self.report.text(spot, &decoded(value));
                }
                _ => {}
            }
        }
        // Some programs show the one name, some the other.
        let disposition = from.content_disposition().and_then(|how| how.attribute("filename"));
        let kind = from.content_type().and_then(|kind| kind.attribute("name"));
        for name in [disposition, kind.filter(|name| Some(*name) != disposition)].into_iter().flatten() {
            let spot = Spot { kind: PartKind::FileName, ..spot };
            self.report.text(spot, &name.replace('_', " "));
        }
    }

    fn body(&mut self, part: u32, from: &'m MessagePart<'m>, depth: u32) {
        let spot = |kind| Spot { part, page: None, kind };
        match &from.body {
            PartType::Text(text) if is_document(text) => self.report.unread(part, Why::Unsupported),
            PartType::Text(text) => {
                self.charset(part, from, text);
                self.report.text(spot(PartKind::Text), text);
            }
            PartType::Html(text) => {
                self.charset(part, from, text);
                let page = html::read(text);
                self.report.text(spot(PartKind::Html), &page.text);
                if page.image {
                    self.report.image();
                }
            }
            PartType::Binary(bytes) | PartType::InlineBinary(bytes) if !bytes.is_empty() => {
                if from.content_type().is_some_and(|kind| kind.ctype().eq_ignore_ascii_case("image")) {
                    self.report.image();
                }
                if !is_in_the_page(from) || !matches!(sniff(bytes), Sniffed::Image) {
                    self.documents.push((part, bytes));
                }
            }
            PartType::Binary(_) | PartType::InlineBinary(_) | PartType::Multipart(_) => {}
            PartType::Message(_) if depth >= self.limits.depth_max => self.report.unread(part, Why::TooDeep),
            PartType::Message(message) => {
                if from.encoding != Encoding::None {
                    beside(message, self.report);
                }
                self.message(message, depth + 1);
            }
        }
    }
}

impl<W: Write> Walk<'_, '_, W> {
    /// Text in a character set that we do not know, or with the zeros of UTF-16 under another's name, is not what was read.
    fn charset(&mut self, part: u32, from: &MessagePart<'_>, text: &str) {
        let named = from.content_type().and_then(|kind| kind.attribute("charset"));
        let is_known = |name: &str| {
            let name = name.trim();
            ["utf-8", "utf8", "us-ascii"].iter().any(|known| name.eq_ignore_ascii_case(known))
                || (!name.is_empty() && charset_decoder(name.as_bytes()).is_some())
        };
        if !named.is_none_or(is_known) || text.contains('\0') {
            self.report.unread(part, Why::Ambiguous);
        }
    }
}

/// A picture that a page shows, such as a logo in a signature (RFC 2392): told as an image, and no document of its own.
fn is_in_the_page(part: &MessagePart<'_>) -> bool {
    let is_attached = part.content_disposition().is_some_and(|how| how.ctype().eq_ignore_ascii_case("attachment"));
    part.content_id().is_some() && !is_attached
}

/// A document that calls itself `text/*`: its bytes are no text.
fn is_document(text: &str) -> bool {
    let text = text.trim_start();
    text.starts_with("{\\rtf") || text.starts_with("%PDF-") || text.starts_with("PK\u{3}\u{4}")
}

/// Structure that two readers take in two ways ("Inbox Invasion", CCS 2024): doubled fields of structure (RFC 2045 §3
/// has one of each), or an encoding that RFC 2045 §6.1 does not know.
fn ambiguous(part: &MessagePart<'_>) -> bool {
    const ENCODINGS: [&str; 5] = ["7bit", "8bit", "binary", "quoted-printable", "base64"];
    let count = |name: HeaderName<'_>| part.headers.iter().filter(|header| header.name == name).count();
    let unknown_encoding = part
        .content_transfer_encoding()
        .is_some_and(|encoding| !ENCODINGS.iter().any(|known| encoding.trim().eq_ignore_ascii_case(known)));
    count(HeaderName::ContentType) > 1 || count(HeaderName::ContentTransferEncoding) > 1 || unknown_encoding
}

const fn names_people(name: &HeaderName<'_>) -> bool {
    use HeaderName as H;
    let of_the_message = matches!(name, H::From | H::Sender | H::ReplyTo | H::To | H::Cc | H::Bcc);
    of_the_message || matches!(name, H::ResentFrom | H::ResentSender | H::ResentTo | H::ResentCc | H::ResentBcc)
}

/// Fields that servers add on the way: marks and digests, long digits among them, and no word about a person.
fn is_of_the_road(name: &str) -> bool {
    const NAMES: [&str; 5] =
        ["authentication-results", "feedback-id", "thread-index", "x-authentication-results", "x-originating-ip"];
    const BEGINNINGS: [&str; 8] =
        ["arc-", "dkim-", "domainkey-", "received-", "x-received", "x-google-", "x-microsoft-", "x-ms-exchange-"];
    let name = name.to_ascii_lowercase();
    let is_of_a_filter = name.starts_with("x-") && name.contains("spam");
    NAMES.contains(&name.as_str()) || BEGINNINGS.iter().any(|begins| name.starts_with(begins)) || is_of_a_filter
}

/// A field that our reader left as it was written, with its encoded words (RFC 2047).
fn decoded(value: &str) -> String {
    words(&MessageStream::new(format!("{value}\r\n").as_bytes()).parse_unstructured())
}

fn words(value: &HeaderValue<'_>) -> String {
    match value {
        HeaderValue::Text(text) => text.to_string(),
        HeaderValue::TextList(list) => list.join("\n"),
        _ => String::new(),
    }
}

fn people(address: &Address<'_>) -> String {
    let mut text = String::new();
    for person in address.iter() {
        for word in [person.name(), person.address()].into_iter().flatten() {
            text.push_str(word);
            text.push('\n');
        }
    }
    text
}
