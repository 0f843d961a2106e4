//! The strict reader of SMTP replies (RFC 5321 §4.2): whole lines in, one reply out, everything bounded.
//!
//! Strict on purpose: a reply that can be read in two ways is a fault of the connection, never a guess.

use bytes::BytesMut;

/// Longest reply line, octets, with its CRLF (RFC 5321 §4.5.3.1.5).
pub const LINE_BYTES_MAX: usize = 512;
/// Most lines in a reply. An EHLO reply of the longest kind has about 30.
pub const LINES_MAX: usize = 100;
/// Most characters of a peer's words that are kept.
const WORDS_MAX: usize = 300;

/// An enhanced status code, `class.subject.detail` (RFC 3463).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Status {
    /// 2, 4 or 5.
    pub class: u8,
    /// 0 to 999.
    pub subject: u16,
    /// 0 to 999.
    pub detail: u16,
}

impl Status {
    /// The code with these three numbers.
    #[must_use]
    pub const fn new(class: u8, subject: u16, detail: u16) -> Self {
        Self { class, subject, detail }
    }
}

impl std::fmt::Display for Status {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}.{}.{}", self.class, self.subject, self.detail)
    }
}

/// What a peer answered, in its own words. Those words may name the recipient: they are for the ledger and for the
/// sender's own side, never for a log, so Debug and Display show the codes alone.
#[derive(Clone, PartialEq, Eq)]
pub struct PeerWords {
    /// Reply code, 200 to 559.
    pub code: u16,
    /// Enhanced status code, where one of the same class was given.
    pub status: Option<Status>,
    text: String,
}

impl PeerWords {
    /// The text: printable, on one line, at most 300 characters.
    #[must_use]
    pub fn text(&self) -> &str {
        &self.text
    }

    /// The enhanced status code given, or the one that the reply code comes to.
    #[must_use]
    pub fn status_or_general(&self) -> Status {
        self.status.unwrap_or(Status::new(u8::try_from(self.code / 100).unwrap_or(5), 0, 0))
    }
}

impl std::fmt::Display for PeerWords {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self.status {
            Some(status) => write!(f, "{} {status}", self.code),
            None => write!(f, "{}", self.code),
        }
    }
}

impl std::fmt::Debug for PeerWords {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "PeerWords({self} …)")
    }
}

/// A whole reply.
#[derive(Clone, PartialEq, Eq)]
pub struct Reply {
    /// Reply code, 200 to 559.
    pub code: u16,
    /// Enhanced status code of the first line, where its class agrees with the reply code (RFC 2034 §4).
    pub status: Option<Status>,
    /// Text of each line, printable, enhanced status code left out.
    pub lines: Vec<String>,
}

impl Reply {
    /// 2xx.
    #[must_use]
    pub const fn is_ok(&self) -> bool {
        self.code / 100 == 2
    }

    /// 5xx.
    #[must_use]
    pub const fn is_permanent(&self) -> bool {
        self.code / 100 == 5
    }

    /// The peer's words, bounded.
    #[must_use]
    pub fn words(&self) -> PeerWords {
        let text = self.lines.join(" ").chars().take(WORDS_MAX).collect::<String>().trim().to_owned();
        PeerWords { code: self.code, status: self.status, text }
    }
}

impl std::fmt::Debug for Reply {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Reply({} …)", self.code)
    }
}

/// Why bytes are not a reply.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ReplyError {
    /// A CR without LF, or an LF without CR.
    #[error("a reply line does not end in CRLF")]
    LineEnd,
    /// More than 512 octets without an end.
    #[error("a reply line is longer than 512 octets")]
    LongLine,
    /// More than 100 lines.
    #[error("a reply has more than 100 lines")]
    ManyLines,
    /// Not three digits, then a space, a hyphen or nothing; or a NUL.
    #[error("a reply line does not begin with a reply code")]
    Code,
    /// The lines of one reply carry different codes.
    #[error("the lines of a reply carry different codes")]
    MixedCodes,
}

/// A reply while its lines come in.
#[derive(Default)]
pub struct ReplyReader {
    code: Option<u16>,
    status: Option<Status>,
    lines: Vec<String>,
}

impl ReplyReader {
    /// Takes whole lines off the front of `inbox` until the reply is whole; `None` when more bytes are needed.
    ///
    /// # Errors
    /// [`ReplyError`]; the connection is of no use then.
    pub fn take(&mut self, inbox: &mut BytesMut) -> Result<Option<Reply>, ReplyError> {
        while let Some(end) = line_end(inbox)? {
            let mut line = inbox.split_to(end);
            line.truncate(end - 2);
            if self.push(&line)? == Last::Yes {
                let Self { code, status, lines } = std::mem::take(self);
                return Ok(code.map(|code| Reply { code, status, lines }));
            }
        }
        Ok(None)
    }

    fn push(&mut self, line: &[u8]) -> Result<Last, ReplyError> {
        let (code, last, text) = split(line)?;
        if self.lines.len() >= LINES_MAX {
            return Err(ReplyError::ManyLines);
        }
        let (status, text) = split_status(code, text);
        match self.code {
            None => (self.code, self.status) = (Some(code), status),
            Some(first) if first != code => return Err(ReplyError::MixedCodes),
            Some(_) => {}
        }
        self.lines.push(text);
        Ok(last)
    }
}

#[derive(PartialEq)]
enum Last {
    Yes,
    No,
}

/// Where the first line ends, its CRLF included.
fn line_end(inbox: &[u8]) -> Result<Option<usize>, ReplyError> {
    let Some(at) = inbox.iter().position(|&byte| byte == b'\r' || byte == b'\n') else {
        return if inbox.len() < LINE_BYTES_MAX - 1 { Ok(None) } else { Err(ReplyError::LongLine) };
    };
    match (inbox.get(at), inbox.get(at + 1)) {
        _ if at + 2 > LINE_BYTES_MAX => Err(ReplyError::LongLine),
        (Some(b'\r'), Some(b'\n')) => Ok(Some(at + 2)),
        (Some(b'\r'), None) => Ok(None),
        _ => Err(ReplyError::LineEnd),
    }
}

/// `Reply-line = *( Reply-code "-" [ textstring ] CRLF ) Reply-code [ SP textstring ] CRLF` (RFC 5321 §4.2).
fn split(line: &[u8]) -> Result<(u16, Last, &[u8]), ReplyError> {
    let Some((&[a @ b'2'..=b'5', b @ b'0'..=b'5', c @ b'0'..=b'9'], rest)) = line.split_first_chunk::<3>() else {
        return Err(ReplyError::Code);
    };
    let code = [a, b, c].iter().fold(0, |code, digit| code * 10 + u16::from(digit - b'0'));
    match rest.split_first() {
        _ if rest.contains(&0) => Err(ReplyError::Code),
        None => Ok((code, Last::Yes, rest)),
        Some((b' ', text)) => Ok((code, Last::Yes, text)),
        Some((b'-', text)) => Ok((code, Last::No, text)),
        Some(_) => Err(ReplyError::Code),
    }
}

fn split_status(code: u16, text: &[u8]) -> (Option<Status>, String) {
    let text = printable(text);
    let (first, rest) = text.split_once(' ').unwrap_or((&text, ""));
    match parse_status(first).filter(|status| u16::from(status.class) == code / 100) {
        Some(status) => (Some(status), rest.to_owned()),
        None => (None, text),
    }
}

fn parse_status(word: &str) -> Option<Status> {
    let mut numbers = word.split('.').map(|digits| {
        let plain = (1..=3).contains(&digits.len()) && digits.bytes().all(|byte| byte.is_ascii_digit());
        if plain { digits.parse::<u16>().ok() } else { None }
    });
    let (class, subject, detail) = (numbers.next()??, numbers.next()??, numbers.next()??);
    if numbers.next().is_some() || !matches!(class, 2 | 4 | 5) {
        return None;
    }
    Some(Status { class: u8::try_from(class).ok()?, subject, detail })
}

/// Text as it may be shown: controls, and what is not UTF-8, become `?`; no bidirectional overrides.
fn printable(text: &[u8]) -> String {
    let shown = |c: char| match c {
        '\t' => ' ',
        '\u{200e}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | char::REPLACEMENT_CHARACTER => {
            '?'
        }
        c if c.is_control() => '?',
        c => c,
    };
    String::from_utf8_lossy(text).chars().map(shown).collect()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn read(bytes: &[u8]) -> Result<Option<Reply>, ReplyError> {
        ReplyReader::default().take(&mut BytesMut::from(bytes))
    }

    fn check(bytes: &[u8], expected: Result<Option<(u16, Option<&str>, &[&str])>, ReplyError>) {
        let shown = String::from_utf8_lossy(bytes);
        let read = read(bytes);
        let read = read.as_ref().map(|reply| {
            reply.as_ref().map(|reply| {
                let lines = reply.lines.iter().map(String::as_str).collect::<Vec<_>>();
                (reply.code, reply.status.map(|status| status.to_string()), lines)
            })
        });
        let expected = expected
            .as_ref()
            .map(|reply| reply.map(|(code, status, lines)| (code, status.map(str::to_owned), lines.to_vec())));
        assert_eq!(read, expected, "{shown:?}");
    }

    #[test]
    fn replies_are_read_strictly() {
        check(b"220 mx.example ESMTP\r\n", Ok(Some((220, None, &["mx.example ESMTP"]))));
        check(b"250\r\n", Ok(Some((250, None, &[""]))));
        check(b"250 \r\n", Ok(Some((250, None, &[""]))));
        check(b"250-a\r\n250-SIZE 10\r\n250 b\r\nmore", Ok(Some((250, None, &["a", "SIZE 10", "b"]))));
        check(b"550 5.1.1 no such user\r\n", Ok(Some((550, Some("5.1.1"), &["no such user"]))));
        check(b"550-5.1.1 no\r\n550 5.1.1 user\r\n", Ok(Some((550, Some("5.1.1"), &["no", "user"]))));
        check(b"550 4.1.1 no such user\r\n", Ok(Some((550, None, &["4.1.1 no such user"]))));
        check(b"250 2.0.0\r\n", Ok(Some((250, Some("2.0.0"), &[""]))));
        check(b"250 2.0.0.1 x\r\n", Ok(Some((250, None, &["2.0.0.1 x"]))));
        check(b"250 2.0.0000 x\r\n", Ok(Some((250, None, &["2.0.0000 x"]))));
        check(b"250 2.+1.0 x\r\n", Ok(Some((250, None, &["2.+1.0 x"]))));
        check(b"250 a\x1b[2Jb\xffc\td\r\n", Ok(Some((250, None, &["a?[2Jb?c d"]))));
        check(b"", Ok(None));
        check(b"250-a\r\n", Ok(None));
        check(b"250 a\r", Ok(None));
        check(b"250 a\n", Err(ReplyError::LineEnd));
        check(b"250 a\rb\r\n", Err(ReplyError::LineEnd));
        check(b"250-a\n250 b\r\n", Err(ReplyError::LineEnd));
        check(b"250-a\r\n251 b\r\n", Err(ReplyError::MixedCodes));
        check(b"250-a\r\n550 b\r\n", Err(ReplyError::MixedCodes));
        for bad in [&b"hello\r\n"[..], b"\r\n", b"25\r\n", b"2500 a\r\n", b"250_a\r\n", b"150 a\r\n", b"260 a\r\n"] {
            check(bad, Err(ReplyError::Code));
        }
        for bad in [&b"650 a\r\n"[..], b"250 a\0b\r\n", b" 250 a\r\n", b"\xb2\xb5\xb0 a\r\n"] {
            check(bad, Err(ReplyError::Code));
        }
    }

    #[test]
    fn what_has_no_end_is_cut_off() {
        let longest = format!("250 {}\r\n", "x".repeat(LINE_BYTES_MAX - 6));
        assert!(matches!(read(longest.as_bytes()), Ok(Some(_))));
        let longer = format!("250 {}\r\n", "x".repeat(LINE_BYTES_MAX - 5));
        check(longer.as_bytes(), Err(ReplyError::LongLine));
        check("2".repeat(LINE_BYTES_MAX).as_bytes(), Err(ReplyError::LongLine));
        let most = "250-x\r\n".repeat(LINES_MAX - 1) + "250 x\r\n";
        assert!(matches!(read(most.as_bytes()), Ok(Some(reply)) if reply.lines.len() == LINES_MAX));
        check("250-x\r\n".repeat(LINES_MAX + 1).as_bytes(), Err(ReplyError::ManyLines));
        let words = Reply { code: 550, status: None, lines: vec!["x".repeat(500); 100] }.words();
        assert_eq!(words.text().len(), WORDS_MAX);
    }

    #[test]
    fn logs_show_codes_alone() {
        let reply = read(b"550 5.1.1 <marker@example.org> unknown\r\n").ok().flatten();
        let words = reply.as_ref().map(Reply::words);
        assert_eq!(format!("{reply:?} {words:?}"), "Some(Reply(550 …)) Some(PeerWords(550 5.1.1 …))");
    }

    proptest! {
        #[test]
        fn split_anywhere_it_reads_the_same(bytes in "[-25 0a.\r\n]{0,60}", cut in 0_usize..60) {
            let bytes = bytes.as_bytes();
            let (front, back) = bytes.split_at(cut.min(bytes.len()));
            let mut inbox = BytesMut::from(front);
            let mut reader = ReplyReader::default();
            let mut pieces = reader.take(&mut inbox);
            if pieces == Ok(None) {
                inbox.extend_from_slice(back);
                pieces = reader.take(&mut inbox);
            }
            prop_assert_eq!(pieces, read(bytes));
        }

        #[test]
        fn no_bytes_make_it_panic(bytes: Vec<u8>) {
            let _read = read(&bytes);
        }
    }
}
