//! What the child tells the parent: one JSON value a line, each written as soon as it is known, so that a document that
//! kills the child takes nothing with it but itself.

use std::collections::BTreeSet;
use std::io::Write;

use serde::{Deserialize, Serialize};

use super::{PartKind, PartText, Reading, Unread, Why};

/// One line of the child's output.
#[derive(Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
enum Line {
    Text(PartText),
    Unread(Unread),
    Image,
    /// The last line. Without it the child did not finish.
    Done,
}

/// A page, or what stands for one, within a part.
#[derive(Clone, Copy)]
pub(super) struct Spot {
    pub part: u32,
    pub page: Option<u32>,
    pub kind: PartKind,
}

/// The child's end: writes lines, within the bound on text.
pub(super) struct Report<W> {
    out: W,
    text_bytes_left: usize,
    unread: BTreeSet<Unread>,
    image: bool,
    failed: bool,
}

impl<W: Write> Report<W> {
    pub(super) fn new(out: W, text_bytes_max: u64) -> Self {
        let text_bytes_left = usize::try_from(text_bytes_max).unwrap_or(usize::MAX);
        Self { out, text_bytes_left, unread: BTreeSet::new(), image: false, failed: false }
    }

    /// Tells what a part says; what exceeds the bound is told as unread.
    pub(super) fn text(&mut self, spot: Spot, text: &str) {
        let text = text.trim();
        let kept = text.floor_char_boundary(self.text_bytes_left);
        if kept < text.len() {
            self.unread(spot.part, Why::TooLarge);
        }
        self.text_bytes_left -= kept;
        if let Some(text) = text.get(..kept).filter(|text| !text.is_empty()) {
            let Spot { part, page, kind } = spot;
            self.line(&Line::Text(PartText { part, page, kind, text: text.to_owned() }));
        }
    }

    pub(super) fn unread(&mut self, part: u32, why: Why) {
        let unread = Unread { part, why };
        if self.unread.insert(unread) {
            self.line(&Line::Unread(unread));
        }
    }

    pub(super) fn image(&mut self) {
        if !std::mem::replace(&mut self.image, true) {
            self.line(&Line::Image);
        }
    }

    /// Writes the last line; whether all were written.
    pub(super) fn finish(mut self) -> bool {
        self.line(&Line::Done);
        !self.failed
    }

    fn line(&mut self, line: &Line) {
        let written = serde_json::to_writer(&mut self.out, line).is_ok()
            && self.out.write_all(b"\n").is_ok()
            && self.out.flush().is_ok();
        self.failed |= !written;
    }
}

/// The parent's end: what the child wrote, and whether it came to the last line.
pub(super) fn gather(output: &[u8]) -> (Reading, bool) {
    let mut reading = Reading::default();
    let mut done = false;
    for line in output.split(|byte| *byte == b'\n').filter(|line| !line.is_empty()) {
        match serde_json::from_slice(line) {
            Ok(Line::Text(text)) => reading.parts.push(text),
            Ok(Line::Unread(unread)) => reading.unread.push(unread),
            Ok(Line::Image) => reading.images = true,
            Ok(Line::Done) => done = true,
            Err(_) => return (reading, false),
        }
    }
    reading.parts.sort_by_key(|text| (text.part, text.page));
    reading.unread.sort_unstable();
    (reading, done)
}
