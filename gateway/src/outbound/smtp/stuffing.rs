//! What goes between DATA and the final dot: lines that end in CRLF, with their leading dots doubled (RFC 5321 §4.5.2).
//!
//! A bare CR or LF never leaves: it is how one message is smuggled in another (VU#302671).

/// The stream holds a CR without LF, or an LF without CR.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BareLineEnd;

/// Dot-stuffing of a stream that comes in chunks.
#[derive(Debug, Default)]
pub struct Stuffing {
    place: Place,
    eight_bit: bool,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Place {
    #[default]
    LineStart,
    Within,
    AfterCr,
}

impl Stuffing {
    /// Appends `chunk`, stuffed, to `out`.
    ///
    /// # Errors
    /// [`BareLineEnd`]; nothing more may be sent then, above all no final dot.
    pub fn push(&mut self, chunk: &[u8], out: &mut Vec<u8>) -> Result<(), BareLineEnd> {
        self.eight_bit |= !chunk.is_ascii();
        let mut rest = chunk;
        while let Some(&first) = rest.first() {
            let taken = match self.place {
                Place::AfterCr if first == b'\n' => {
                    self.place = Place::LineStart;
                    1
                }
                Place::AfterCr => return Err(BareLineEnd),
                Place::LineStart => {
                    if first == b'.' {
                        out.push(b'.');
                    }
                    self.place = Place::Within;
                    0
                }
                Place::Within => match rest.iter().position(|&byte| byte == b'\r' || byte == b'\n') {
                    None => rest.len(),
                    Some(at) if rest.get(at) == Some(&b'\r') => {
                        self.place = Place::AfterCr;
                        at + 1
                    }
                    Some(_) => return Err(BareLineEnd),
                },
            };
            let (line, after) = rest.split_at(taken);
            out.extend_from_slice(line);
            rest = after;
        }
        Ok(())
    }

    /// Was there an octet above 127?
    pub const fn is_eight_bit(&self) -> bool {
        self.eight_bit
    }

    /// The end of data: closes the last line where it is open, then the dot (RFC 5321 §4.1.1.4).
    ///
    /// # Errors
    /// [`BareLineEnd`], where the stream ended in a CR.
    pub fn end(self) -> Result<&'static [u8], BareLineEnd> {
        match self.place {
            Place::LineStart => Ok(b".\r\n"),
            Place::Within => Ok(b"\r\n.\r\n"),
            Place::AfterCr => Err(BareLineEnd),
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn stuff(chunks: &[&[u8]]) -> Result<Vec<u8>, BareLineEnd> {
        let (mut stuffing, mut out) = (Stuffing::default(), Vec::new());
        for chunk in chunks {
            stuffing.push(chunk, &mut out)?;
        }
        out.extend_from_slice(stuffing.end()?);
        Ok(out)
    }

    fn check(text: &str, expected: Result<&str, BareLineEnd>) {
        assert_eq!(stuff(&[text.as_bytes()]), expected.map(|text| text.as_bytes().to_vec()), "{text:?}");
    }

    #[test]
    fn dots_are_doubled_and_bare_line_ends_refused() {
        check("", Ok(".\r\n"));
        check("a\r\n", Ok("a\r\n.\r\n"));
        check("a", Ok("a\r\n.\r\n"));
        check(".\r\n", Ok("..\r\n.\r\n"));
        check("..a\r\n.b.\r\n", Ok("...a\r\n..b.\r\n.\r\n"));
        check("a\r\n.\r\nMAIL FROM:<x>\r\n", Ok("a\r\n..\r\nMAIL FROM:<x>\r\n.\r\n"));
        for bare in ["a\n", "\n", "a\n.\n", "a\r", "a\rb\r\n", "\r\r\n", "a\r\n\n.\r\n", "a\n.\r\n", "a\r.\r\n"] {
            check(bare, Err(BareLineEnd));
        }
    }

    proptest! {
        #[test]
        fn chunks_do_not_matter_and_the_dot_ends_only_the_end(text in "[.a\r\n]{0,30}", cut in 0_usize..30) {
            let bytes = text.as_bytes();
            let whole = stuff(&[bytes]);
            let (front, back) = bytes.split_at(cut.min(bytes.len()));
            prop_assert_eq!(&stuff(&[front, back]), &whole);
            let bare = text.replace("\r\n", "").contains(['\r', '\n']);
            prop_assert_eq!(whole.is_err(), bare);
            if let Ok(stuffed) = whole {
                let framed = [b"\r\n", &stuffed[..]].concat();
                let first = framed.windows(5).position(|five| five == b"\r\n.\r\n");
                prop_assert_eq!(first, Some(framed.len() - 5));
            }
        }
    }
}
