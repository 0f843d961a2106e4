//! A letter in JSON to a message (RFC 5322, RFC 2045), so that it can take the road of every message.
//!
//! What it declares goes into the same header fields that a mail program would write, and is read back from there:
//! there is one reader of declarations, not two.

use std::time::{Duration, SystemTime};

use lettre::message::header::{ContentTransferEncoding, HeaderName, HeaderValue};
use lettre::message::{Attachment, Body, Message, MessageBuilder, MultiPart, MultiPartKind, SinglePart};
use policy::{Mailbox, Timestamp};

use super::letter::{File, LetterJson};
use super::problem::Problem;

/// What the message cannot have from the letter.
pub(super) struct Frame {
    pub(super) from: Mailbox,
    pub(super) now: Timestamp,
    /// Sets the parts apart; drawn at random, so that no text holds it.
    pub(super) boundary: String,
}

/// The whole message, CRLF lines.
pub(super) fn message(letter: &LetterJson, files: Vec<File>, frame: &Frame) -> Result<Vec<u8>, Problem> {
    let text = letter.text.as_deref().map(|text| SinglePart::plain(normalised(text)));
    let builder = head(letter, frame)?;
    let message = match (text, files.is_empty()) {
        (None, true) => return Err(Problem::invalid("A letter needs a text or a file.")),
        (Some(text), true) => builder.singlepart(text),
        (text, false) => {
            let parts = files.into_iter().map(attached).collect::<Result<Vec<_>, _>>()?;
            let mut all = text.into_iter().chain(parts);
            let empty = MultiPart::builder().kind(MultiPartKind::Mixed).boundary(&frame.boundary);
            let first = all.next().ok_or_else(unfit)?;
            builder.multipart(all.fold(empty.singlepart(first), MultiPart::singlepart))
        }
    };
    message.map(|message| message.formatted()).map_err(|_| unfit())
}

/// Base64 always: left to choose, the builder writes a file of plain words as it is, and its line ends are not a message's.
fn attached(file: File) -> Result<SinglePart, Problem> {
    let body = Body::new_with_encoding(file.bytes, ContentTransferEncoding::Base64).map_err(|_| unfit())?;
    Ok(Attachment::new(file.name).body(body, file.kind))
}

fn head(letter: &LetterJson, frame: &Frame) -> Result<MessageBuilder, Problem> {
    let from: lettre::message::Mailbox = frame.from.to_string().parse().map_err(|_| unfit())?;
    let at = SystemTime::UNIX_EPOCH + Duration::from_secs(u64::try_from(frame.now.0).unwrap_or(0));
    // The recipients are in the envelope; a `To` is stripped at the door, but the builder wants one.
    let mut builder = Message::builder().from(from.clone()).to(from).date(at);
    let categories = (!letter.categories.is_empty()).then(|| letter.categories.join(", "));
    let fields = [
        ("Subject", &letter.title),
        ("Sealgate-Subject", &letter.subject),
        ("Sealgate-Purpose", &letter.purpose),
        ("Sealgate-Category", &categories),
        ("Sealgate-Citation", &letter.citation),
        ("Sealgate-Exception", &letter.exception),
    ];
    for (name, value) in fields {
        if let Some(value) = value {
            builder = builder.raw_header(HeaderValue::new(HeaderName::new_from_ascii_str(name), value.clone()));
        }
    }
    Ok(builder)
}

/// Line ends of every kind become LF; the builder writes them as CRLF.
fn normalised(text: &str) -> String {
    text.replace("\r\n", "\n").replace('\r', "\n")
}

fn unfit() -> Problem {
    Problem::invalid("The letter cannot be written as a message.")
}
