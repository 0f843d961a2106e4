//! What stands between, before and after the parts of a message: it leaves with the letter, and some program shows it.
//!
//! Our reader takes a boundary wherever it stands, others at the start of a line alone (RFC 2046 §5.1.1): where the two
//! could differ, the letter says so. Deliberately not here: the parts themselves.

use mail_parser::{Encoding, Message, PartType};

/// What is not in any part.
#[derive(Default)]
pub(super) struct Between {
    /// Preambles, epilogues and whatever our reader passed over, without the boundaries.
    pub text: String,
    /// Two readers could see other parts.
    pub ambiguous: bool,
}

/// Looks between the parts of a message and of the messages within it that are written in the same bytes.
pub(super) fn read(message: &Message<'_>) -> Between {
    let mut seen = Seen::default();
    seen.message(message, 0);
    seen.spans.sort_unstable();
    let raw = message.raw_message.as_ref();
    let mut between = Between { ambiguous: seen.ambiguous, text: std::mem::take(&mut seen.odd_fields) };
    let mut from = 0;
    for (start, end) in seen.spans.into_iter().chain([(raw.len(), raw.len())]) {
        if let Some(gap) = raw.get(from..start) {
            // What follows a boundary on its own line belongs to it.
            let tail = raw.get(start..).unwrap_or_default();
            let rest = tail.iter().position(|byte| *byte == b'\n').unwrap_or(tail.len());
            let is_whole = gap.is_empty() || gap.ends_with(b"\n");
            let line_end = if is_whole { start } else { start + rest };
            between.gap(raw.get(from..line_end).unwrap_or(gap), &seen.boundaries);
        }
        from = from.max(end);
    }
    between
}

/// The stretches of the message that are parts, and the boundaries between them.
#[derive(Default)]
struct Seen {
    spans: Vec<(usize, usize)>,
    boundaries: Vec<Vec<u8>>,
    /// Fields of a part that say nothing of MIME, and so may be text to another reader.
    odd_fields: String,
    ambiguous: bool,
}

/// Messages in messages that are followed; screening tells of more as too deep.
const DEEP_MAX: u32 = 64;

impl Seen {
    fn message(&mut self, message: &Message<'_>, deep: u32) {
        if deep > DEEP_MAX {
            self.ambiguous = true;
            return;
        }
        for (index, part) in message.parts.iter().enumerate() {
            let [head, body, end] = [part.offset_header, part.offset_body, part.offset_end].map(|at| at as usize);
            match &part.body {
                PartType::Multipart(_) => self.spans.push((head, body)),
                PartType::Message(inner) if part.encoding == Encoding::None => {
                    self.spans.push((head, body));
                    self.message(inner, deep + 1);
                }
                _ => self.spans.push((head, end)),
            }
            let raw = message.raw_message.get(head..body).unwrap_or_default();
            self.structure(part, raw);
            if index > 0 {
                self.head(raw);
            }
        }
    }

    /// The head of a part holds fields (RFC 2046 §5.1); a line that is none begins the text for some readers.
    fn head(&mut self, head: &[u8]) {
        let head = String::from_utf8_lossy(head);
        let mut is_of_mime = false;
        for line in head.lines().filter(|line| !line.trim().is_empty()) {
            // A folded line goes with the field that it continues (RFC 5322 §2.2.3).
            if !line.starts_with([' ', '\t']) {
                let name = line.split_once(':').map_or("", |(name, _)| name);
                let is_field = !name.is_empty() && name.bytes().all(|byte| byte.is_ascii_graphic());
                is_of_mime = name.get(..8).is_some_and(|start| start.eq_ignore_ascii_case("content-"));
                self.ambiguous |= !is_field;
            }
            if !is_of_mime {
                self.odd_fields.push_str(line);
                self.odd_fields.push('\n');
            }
        }
    }

    /// A multipart is one to every reader, with the same boundary, or it is ambiguous.
    fn structure(&mut self, part: &mail_parser::MessagePart<'_>, head: &[u8]) {
        use mail_parser::MimeHeaders;
        let Some(kind) = part.content_type().filter(|kind| kind.ctype().eq_ignore_ascii_case("multipart")) else {
            return;
        };
        let Some(boundary) = kind.attribute("boundary").filter(|boundary| !boundary.is_empty()) else {
            self.ambiguous = true;
            return;
        };
        let head = String::from_utf8_lossy(head);
        let written = |text: String| head.to_ascii_lowercase().contains(&text.to_ascii_lowercase());
        let plainly = written(format!("boundary=\"{boundary}\"")) || written(format!("boundary={boundary}"));
        let once = head.to_ascii_lowercase().matches("boundary").count()
            == 1 + boundary.to_ascii_lowercase().matches("boundary").count();
        let encoded = part.content_transfer_encoding().is_some_and(|encoding| {
            ["base64", "quoted-printable"].iter().any(|word| encoding.trim().eq_ignore_ascii_case(word))
        });
        self.ambiguous |= !plainly || !once || encoded || !matches!(part.body, PartType::Multipart(_));
        self.boundaries.push(boundary.as_bytes().to_vec());
    }
}

impl Between {
    fn gap(&mut self, gap: &[u8], boundaries: &[Vec<u8>]) {
        let mut closed: Vec<&[u8]> = Vec::new();
        for line in gap.split(|byte| *byte == b'\n') {
            let line = line.trim_ascii_end();
            let delimiter = line.strip_prefix(b"--").and_then(|rest| {
                let close = rest.strip_suffix(b"--").filter(|name| boundaries.iter().any(|b| b == name));
                let open = Some(rest).filter(|name| boundaries.iter().any(|b| b == name));
                open.map(|name| (name, false)).or(close.map(|name| (name, true)))
            });
            match delimiter {
                // After its end a boundary means nothing to one reader, and another part to the next.
                Some((name, _)) if closed.contains(&name) => self.ambiguous = true,
                Some((name, true)) => closed.push(name),
                Some((_, false)) => {}
                None => {
                    self.ambiguous |= boundaries.iter().any(|boundary| contains(line, boundary));
                    self.text.push_str(&String::from_utf8_lossy(line));
                    self.text.push('\n');
                }
            }
        }
    }
}

/// Does the line hold two dashes and the boundary?
fn contains(line: &[u8], boundary: &[u8]) -> bool {
    let marked = [b"--", boundary].concat();
    line.windows(marked.len()).any(|window| window == marked)
}
