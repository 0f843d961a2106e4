//! What characters a PDF font's codes stand for (ISO 32000-1 §9.10): or that the font does not tell.
//!
//! lopdf answers with the standard encoding where it finds none; a guess would pass for text, so here it counts as
//! illegible.

use lopdf::{Dictionary, Document, Encoding, Object};

/// A font's way from codes to characters.
pub(super) struct Font<'a> {
    /// The font's own map, which rules where it speaks (ISO 32000-1 §9.10.2).
    to_unicode: Option<Encoding<'a>>,
    encoding: Option<Encoding<'a>>,
}

impl<'a> Font<'a> {
    pub fn new(font: &'a Dictionary, document: &'a Document, bytes_max: usize) -> Self {
        let to_unicode = to_unicode(font, document, bytes_max);
        let encoding = if to_unicode.is_none() && !tells(font, document) {
            None
        } else {
            font.get_font_encoding_with_limit(document, bytes_max).ok().filter(|found| honest(found, font, document))
        };
        Self { to_unicode, encoding }
    }

    /// The text of a shown string; `None` where the font does not tell it.
    pub fn decode(&self, bytes: &[u8]) -> Option<String> {
        let tried = [&self.to_unicode, &self.encoding].into_iter().flatten();
        tried.filter_map(|encoding| encoding.bytes_to_string(bytes).ok()).find(|text| !text.contains('\u{FFFD}'))
    }
}

fn to_unicode<'a>(font: &'a Dictionary, document: &'a Document, bytes_max: usize) -> Option<Encoding<'a>> {
    font.get_deref(b"ToUnicode", document).and_then(Object::as_stream).ok()?;
    // lopdf reads `Encoding` before `ToUnicode`; a font without the former has it read the latter.
    let mut bare = Dictionary::new();
    bare.set("Type", Object::Name(b"Font".to_vec()));
    bare.set("ToUnicode", font.get(b"ToUnicode").ok()?.clone());
    match bare.get_font_encoding_with_limit(document, bytes_max) {
        Ok(Encoding::UnicodeMapEncoding(map)) => Some(Encoding::UnicodeMapEncoding(map)),
        _ => None,
    }
}

/// Whether a font without a map tells its characters at all: composite fonts have glyph numbers, Type 3 fonts drawings,
/// symbolic subsets codes of their own.
fn tells(font: &Dictionary, document: &Document) -> bool {
    let subtype = font.get(b"Subtype").and_then(Object::as_name).unwrap_or_default();
    let unicode = font
        .get_deref(b"Encoding", document)
        .and_then(Object::as_name)
        .is_ok_and(|name| matches!(name, b"UniGB-UCS2-H" | b"UniGB-UTF16-H"));
    let own_codes = !font.has(b"Encoding") && font.has(b"FontDescriptor");
    match subtype {
        b"Type0" => unicode,
        b"Type3" => font.get_deref(b"Encoding", document).is_ok(),
        _ => !own_codes,
    }
}

/// Whether the encoding is the font's, and not lopdf's stand-in for differences that it could not follow.
fn honest(found: &Encoding<'_>, font: &Dictionary, document: &Document) -> bool {
    let differs = font
        .get_deref(b"Encoding", document)
        .and_then(Object::as_dict)
        .is_ok_and(|encoding| encoding.has(b"Differences"));
    !differs || matches!(found, Encoding::Differences(_))
}
