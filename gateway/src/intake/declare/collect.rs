//! Finds the blank line that ends a head, however the bytes are split.

use super::DeclareError;

/// Longest head, in bytes.
pub const HEAD_BYTES_MAX: usize = 256 * 1024;

/// Collects a head. The default is empty.
#[derive(Default)]
pub struct HeadCollector {
    bytes: Vec<u8>,
}

impl HeadCollector {
    /// Takes the next bytes. `Some(rest)` once the head is whole: `rest` begins the body.
    ///
    /// # Errors
    /// [`DeclareError::HeadTooLong`] when there is no end within [`HEAD_BYTES_MAX`].
    pub fn push<'a>(&mut self, bytes: &'a [u8]) -> Result<Option<&'a [u8]>, DeclareError> {
        let before = self.bytes.len();
        // The end may have begun in an earlier piece, at most three bytes back.
        let scan_from = before.saturating_sub(3);
        let room = HEAD_BYTES_MAX.saturating_add(4).saturating_sub(before);
        self.bytes.extend_from_slice(bytes.get(..room).unwrap_or(bytes));
        let Some(end) = self.end(scan_from) else {
            let too_long = self.bytes.len() > HEAD_BYTES_MAX;
            return if too_long { Err(DeclareError::HeadTooLong) } else { Ok(None) };
        };
        let rest = bytes.get(end.saturating_sub(before)..).unwrap_or_default();
        // The blank line itself is no part of the head.
        self.bytes.truncate(end.saturating_sub(2));
        Ok(Some(rest))
    }

    /// What was collected: the whole head, if it has ended, without its blank line.
    #[must_use]
    pub fn into_head(self) -> Vec<u8> {
        self.bytes
    }

    /// Where the body begins: after a blank line, be it the very first.
    fn end(&self, scan_from: usize) -> Option<usize> {
        if self.bytes.starts_with(b"\r\n") {
            return Some(2);
        }
        let unseen = self.bytes.get(scan_from..)?;
        let at = unseen.windows(4).position(|window| window == b"\r\n\r\n")?;
        Some(scan_from.saturating_add(at).saturating_add(4))
    }
}
