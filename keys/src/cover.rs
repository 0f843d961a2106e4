//! The message around a sealed letter, and the neutral subject line: not a word of the letter, nothing about a person.
//!
//! Not here: the letter. What is attached is written by the caller, through [`Cover::write_around`].

use std::io::{self, Write};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use policy::{LetterId, Mailbox};

use crate::header::{phrase, tame, unstructured};

/// RFC 2045 §6.8.
const LINE_CHARS: usize = 76;
const LINE_OCTETS: usize = LINE_CHARS / 4 * 3;

/// Who the letter is from, as its recipient and every server on the way may read it.
#[derive(Clone, Debug)]
pub struct Cover {
    /// The provider's name, at most 100 characters.
    pub provider: String,
    /// The provider's own address: not the sender's.
    pub from: Mailbox,
    /// Whom to call, at most 60 characters.
    pub phone: String,
    /// The `Date` field's value (RFC 5322 §3.3).
    pub date_rfc5322: String,
}

impl Cover {
    /// A line that a name or a number has outgrown is no line any more.
    pub(crate) fn is_sound(&self) -> bool {
        let fits = |text: &str, chars_max| !text.trim().is_empty() && text.chars().count() <= chars_max;
        fits(&self.provider, 100) && fits(&self.phone, 60) && fits(&self.date_rfc5322, 60)
    }

    /// The subject line that anybody may read.
    pub(crate) fn neutral_subject(&self, letter: &LetterId) -> String {
        unstructured(&format!("A letter from {}, reference {letter}", self.provider))
    }

    /// Writes a whole RFC 5322 message to `to`, with what `attach` writes as its one attachment, `SG-XXXX-XXXX.age`.
    pub(crate) fn write_around<W: Write, E: From<io::Error>>(
        &self,
        letter: &LetterId,
        to: &Mailbox,
        mut out: W,
        attach: impl FnOnce(&mut dyn Write) -> Result<(), E>,
    ) -> Result<W, E> {
        // `=_` is in no base 64 and in no line of ours, so that nothing can look like the boundary (RFC 2045 §6.7).
        let boundary = format!("=_{letter}");
        self.write_head(letter, to, &boundary, &mut out)?;
        write!(out, "\r\n--{boundary}\r\n{}", text_part(&self.text(letter)))?;
        write!(
            out,
            "\r\n--{boundary}\r\n\
             Content-Type: application/age; name=\"{letter}.age\"\r\n\
             Content-Transfer-Encoding: base64\r\n\
             Content-Disposition: attachment; filename=\"{letter}.age\"\r\n\
             \r\n"
        )?;
        let mut lines = Lines::new(out);
        attach(&mut lines)?;
        let mut out = lines.finish()?;
        write!(out, "\r\n--{boundary}--\r\n")?;
        Ok(out)
    }

    fn write_head(&self, letter: &LetterId, to: &Mailbox, boundary: &str, out: &mut impl Write) -> io::Result<()> {
        write!(
            out,
            "From: {}\r\n <{}>\r\n\
             To: <{to}>\r\n\
             Date: {}\r\n\
             Message-ID: <{letter}@{}>\r\n\
             Subject: {}\r\n\
             MIME-Version: 1.0\r\n\
             Content-Type: multipart/mixed; boundary=\"{boundary}\"\r\n",
            phrase(&self.provider),
            self.from,
            tame(&self.date_rfc5322),
            self.from.domain(),
            self.neutral_subject(letter),
        )
    }

    fn text(&self, letter: &LetterId) -> String {
        let (provider, phone) = (tame(&self.provider), tame(&self.phone));
        format!(
            "This is a letter from {provider}.\r\n\
             It is sealed: only the holder of your key can read it.\r\n\
             \r\n\
             Reference: {letter}\r\n\
             \r\n\
             To open it:\r\n\
             \r\n\
             1. Save the attached file {letter}.age.\r\n\
             2. Open it with your key and the age program (https://age-encryption.org):\r\n\
             \r\n    age -d -i key.txt -o letter.eml {letter}.age\r\n\
             \r\n\
             3. Open letter.eml in any mail program.\r\n\
             \r\n\
             If it does not open, or you did not expect it, call us on\r\n\
             {phone} and give the reference.\r\n"
        )
    }
}

/// ASCII as it is; anything else in base 64, which every server carries.
fn text_part(text: &str) -> String {
    if text.is_ascii() {
        return format!("Content-Type: text/plain; charset=us-ascii\r\n\r\n{text}");
    }
    let encoded: Vec<String> = text.as_bytes().chunks(LINE_OCTETS).map(|line| STANDARD.encode(line)).collect();
    let encoded = encoded.join("\r\n");
    format!("Content-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: base64\r\n\r\n{encoded}\r\n")
}

/// Base 64 in lines of 76 characters. Takes every byte it is given, as whoever writes an age header expects.
struct Lines<W: Write> {
    out: W,
    waiting: Vec<u8>,
    is_first: bool,
}

impl<W: Write> Lines<W> {
    fn new(out: W) -> Self {
        Self { out, waiting: Vec::with_capacity(LINE_OCTETS), is_first: true }
    }

    fn finish(mut self) -> io::Result<W> {
        if !self.waiting.is_empty() {
            self.write_line()?;
        }
        Ok(self.out)
    }

    fn write_line(&mut self) -> io::Result<()> {
        let mut line = [0; LINE_CHARS];
        let chars = STANDARD.encode_slice(&self.waiting, &mut line).map_err(io::Error::other)?;
        if !std::mem::take(&mut self.is_first) {
            self.out.write_all(b"\r\n")?;
        }
        self.waiting.clear();
        self.out.write_all(line.get(..chars).unwrap_or_default())
    }
}

impl<W: Write> Write for Lines<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let mut rest = bytes;
        while !rest.is_empty() {
            let (now, later) = rest.split_at_checked(LINE_OCTETS - self.waiting.len()).unwrap_or((rest, &[]));
            self.waiting.extend_from_slice(now);
            rest = later;
            if self.waiting.len() == LINE_OCTETS {
                self.write_line()?;
            }
        }
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        self.out.flush()
    }
}
