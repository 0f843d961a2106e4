//! Reads the text of a message: where it ends, and whether every byte of it may be in it.
//!
//! Only CRLF, dot, CRLF ends DATA (RFC 5321 §4.1.1.4), and only CRLF ends a line. A bare CR, a bare LF
//! or a NUL is never repaired or passed on: servers that disagree on what it means can be made to see
//! two messages where we saw one (SMTP smuggling, VU#302671). Pure: the same bytes give the same
//! result however they are split.

/// Longest line, without its CRLF and without a stuffed dot (RFC 5321 §4.5.3.1.6).
pub const LINE_BYTES_MAX: usize = 998;

/// What the text says of its own end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Ending {
    /// A line with a lone dot; dots that begin other lines are doubled (RFC 5321 §4.5.2).
    Dot,
    /// The input's own.
    Input,
}

/// Where in a line the next byte stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum At {
    LineStart,
    /// After a dot that begins a line.
    Dot,
    /// After that dot and a CR.
    DotCr,
    Within,
    /// After a CR.
    Cr,
    End,
}

/// A byte that no message holds: the session must not go on, for what follows cannot be trusted either.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Poison {
    /// CR without LF.
    #[error("a bare CR; only CRLF ends a line")]
    BareCr,
    /// LF without CR.
    #[error("a bare LF; only CRLF ends a line")]
    BareLf,
    /// NUL (RFC 5321 §4.5.2).
    #[error("a NUL byte")]
    Nul,
}

/// Why a message whose end is plain is not taken all the same.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Unfit {
    /// More bytes than the limit.
    #[error("the message is larger than this server takes")]
    TooLarge,
    /// A line longer than [`LINE_BYTES_MAX`].
    #[error("a line is longer than 998 bytes")]
    LineTooLong,
}

/// How far the reader came with a piece of input.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Progress {
    /// Bytes of the piece that belong to the text; the rest, if any, comes after its end.
    pub used_bytes: usize,
    /// The end has been read.
    pub ended: bool,
}

/// The reader: one for each message.
pub struct DataReader {
    ending: Ending,
    at: At,
    line_bytes: usize,
    bytes: u64,
    bytes_max: u64,
    unfit: Option<Unfit>,
}

impl DataReader {
    /// For what follows `354`: a dot ends it, at most `bytes_max` bytes long.
    #[must_use]
    pub const fn dotted(bytes_max: u64) -> Self {
        Self::new(Ending::Dot, bytes_max)
    }

    /// For a whole message as it stands in a request body: a dot is a dot.
    #[must_use]
    pub const fn whole(bytes_max: u64) -> Self {
        Self::new(Ending::Input, bytes_max)
    }

    const fn new(ending: Ending, bytes_max: u64) -> Self {
        Self { ending, at: At::LineStart, line_bytes: 0, bytes: 0, bytes_max, unfit: None }
    }

    /// Reads the next piece and appends the text in it to `text`, dots unstuffed. Once the text is unfit
    /// nothing more is appended, but its end is still looked for.
    ///
    /// # Errors
    /// [`Poison`] on a byte that no message holds. The reader is of no more use then.
    pub fn read(&mut self, input: &[u8], text: &mut Vec<u8>) -> Result<Progress, Poison> {
        let mut rest = input;
        while self.at != At::End {
            // The long way through a line: everything up to the next byte that means something.
            if self.at == At::Within {
                let run = rest.iter().position(|byte| matches!(byte, b'\r' | b'\n' | 0)).unwrap_or(rest.len());
                let (plain, after) = rest.split_at_checked(run).unwrap_or((rest, &[]));
                self.keep(plain, text);
                rest = after;
            }
            let Some((byte, after)) = rest.split_first() else { break };
            rest = after;
            self.step(*byte, text)?;
        }
        let used_bytes = input.len().saturating_sub(rest.len());
        Ok(Progress { used_bytes, ended: self.at == At::End })
    }

    /// Ends a text that ends with its input.
    ///
    /// # Errors
    /// [`Poison::BareCr`] when the input breaks off between CR and LF.
    pub fn finish(&mut self, text: &mut Vec<u8>) -> Result<(), Poison> {
        match self.at {
            At::Cr | At::DotCr => return Err(Poison::BareCr),
            // Every line of a stored message ends in CRLF, so the last one is given its own.
            At::Within => self.end_line(text),
            At::LineStart | At::Dot | At::End => {}
        }
        self.at = At::End;
        Ok(())
    }

    /// Why the text is not taken, if it is not.
    #[must_use]
    pub const fn unfit(&self) -> Option<Unfit> {
        self.unfit
    }

    /// Bytes of text so far, kept or not.
    #[must_use]
    pub const fn bytes(&self) -> u64 {
        self.bytes
    }

    /// One byte that is not in the midst of a run.
    fn step(&mut self, byte: u8, text: &mut Vec<u8>) -> Result<(), Poison> {
        self.at = match (self.at, byte) {
            (At::Cr, b'\n') => {
                self.end_line(text);
                At::LineStart
            }
            (At::DotCr, b'\n') => At::End,
            (At::Cr | At::DotCr, _) => return Err(Poison::BareCr),
            (_, b'\n') => return Err(Poison::BareLf),
            (_, 0) => return Err(Poison::Nul),
            (At::LineStart, b'.') if self.ending == Ending::Dot => At::Dot,
            (At::Dot, b'\r') => At::DotCr,
            (_, b'\r') => At::Cr,
            // After a dot that began the line, whatever comes stands without that dot (RFC 5321 §4.5.2).
            _ => {
                self.keep(&[byte], text);
                At::Within
            }
        };
        Ok(())
    }

    fn end_line(&mut self, text: &mut Vec<u8>) {
        self.count(2);
        self.line_bytes = 0;
        if self.unfit.is_none() {
            text.extend_from_slice(b"\r\n");
        }
    }

    fn keep(&mut self, plain: &[u8], text: &mut Vec<u8>) {
        self.line_bytes = self.line_bytes.saturating_add(plain.len());
        if self.line_bytes > LINE_BYTES_MAX {
            self.unfit.get_or_insert(Unfit::LineTooLong);
        }
        self.count(plain.len());
        if self.unfit.is_none() {
            text.extend_from_slice(plain);
        }
    }

    fn count(&mut self, bytes: usize) {
        self.bytes = self.bytes.saturating_add(u64::try_from(bytes).unwrap_or(u64::MAX));
        if self.bytes > self.bytes_max {
            self.unfit.get_or_insert(Unfit::TooLarge);
        }
    }
}
