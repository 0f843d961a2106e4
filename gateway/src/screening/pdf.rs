//! Text out of a PDF (ISO 32000-1): pages by `pdf_page`, and here what stands beside them.
//!
//! Every word that leaves counts, shown or not: form fields, notes, properties, alternative texts. What cannot be told
//! (a password, a scan, a font without characters, a file within the file) is told as unread.

use std::io::Write;

use lopdf::{Dictionary, Document, LoadOptions, Object, decode_text_string};

use super::pdf_page::{Page, PageText};
use super::report::{Report, Spot};
use super::{Limits, PartKind, Why, html};

const PAGES_MAX: usize = 2_000;
/// The most that one stream may unfold to; a page of text has some kilobytes.
const STREAM_BYTES_MAX: usize = 8 << 20;
/// Dictionary keys whose strings are meant for people: properties, notes, fields, alternative and replacement texts.
const SPEAKING: [&[u8]; 12] = [
    b"Title",
    b"Subject",
    b"Author",
    b"Keywords",
    b"Contents",
    b"RC",
    b"V",
    b"DV",
    b"TU",
    b"Alt",
    b"ActualText",
    b"URI",
];
/// Dictionaries in dictionaries written directly, without a reference.
const NESTING_MAX: u32 = 16;

/// Reads a PDF, page by page.
///
/// # Errors
/// Why the document, or the rest of it, could not be read.
pub(super) fn read<W: Write>(part: u32, bytes: &[u8], limits: &Limits, report: &mut Report<W>) -> Result<(), Why> {
    let mut bytes_left = limits.unfolded_bytes_max(bytes.len());
    let stream_bytes_max = bytes_left.min(STREAM_BYTES_MAX);
    let locked = bytes.windows(8).any(|window| window == b"/Encrypt");
    let document = Document::load_mem_with_options(bytes, LoadOptions::with_max_decompressed_size(stream_bytes_max))
        .map_err(|_| if locked { Why::Encrypted } else { Why::Broken })?;
    if document.is_encrypted() && !document.was_encrypted() {
        return Err(Why::Encrypted);
    }
    let spot = |page| Spot { part, page, kind: PartKind::Pdf };
    let pages = document.get_pages();
    if pages.is_empty() {
        return Err(Why::Broken);
    }
    for (number, page) in pages.iter().take(PAGES_MAX) {
        let PageText { text, image, illegible } =
            Page::new(&document, stream_bytes_max, &mut bytes_left).read(*page)?;
        if image {
            report.image();
        }
        if illegible || (image && text.trim().is_empty()) {
            report.unread(part, Why::NoText);
        }
        report.text(spot(Some(*number)), &text);
    }
    if pages.len() > PAGES_MAX {
        return Err(Why::TooLarge);
    }
    let mut beside = Beside::default();
    for object in document.objects.values() {
        beside.object(object, 0);
        bytes_left = beside.metadata(object, bytes_left)?;
    }
    report.text(spot(None), &beside.text);
    if beside.unreadable { Err(Why::Unsupported) } else { Ok(()) }
}

/// What stands beside the pages.
#[derive(Default)]
struct Beside {
    text: String,
    /// A file within the file, or a form of the XFA kind.
    unreadable: bool,
}

impl Beside {
    fn object(&mut self, object: &Object, nesting: u32) {
        if nesting > NESTING_MAX {
            return;
        }
        match object {
            Object::Dictionary(dictionary) => self.dictionary(dictionary, nesting),
            Object::Stream(stream) => self.dictionary(&stream.dict, nesting),
            Object::Array(items) => items.iter().for_each(|item| self.object(item, nesting + 1)),
            _ => {}
        }
    }

    fn dictionary(&mut self, dictionary: &Dictionary, nesting: u32) {
        self.unreadable |= dictionary.has(b"EF") || dictionary.has(b"XFA") || dictionary.has_type(b"EmbeddedFile");
        for (key, value) in dictionary {
            if SPEAKING.contains(&key.as_slice())
                && let Ok(text) = decode_text_string(value)
            {
                self.text.push_str(&text);
                self.text.push('\n');
            }
            self.object(value, nesting + 1);
        }
    }

    /// XMP (ISO 32000-1 §14.3.2) repeats the properties in XML, or contradicts them.
    fn metadata(&mut self, object: &Object, bytes_left: usize) -> Result<usize, Why> {
        let Ok(stream) = object.as_stream() else { return Ok(bytes_left) };
        if !stream.dict.has_type(b"Metadata") {
            return Ok(bytes_left);
        }
        let xml = stream.decompressed_content_with_limit(bytes_left).map_err(|_| Why::TooLarge)?;
        self.text.push_str(&html::read(&String::from_utf8_lossy(&xml)).text);
        Ok(bytes_left.saturating_sub(xml.len()))
    }
}
