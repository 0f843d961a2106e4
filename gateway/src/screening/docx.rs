//! Text out of a Word document (ECMA-376): a ZIP of XML parts, read under limits on entries, expansion and bytes.
//!
//! Everything that leaves counts: deleted and hidden text, notes, comments, headers, properties. Pages are not known
//! before layout, so that places in a document carry a part and no page.

use std::io::{Cursor, Read, Write};

use quick_xml::Reader;
use quick_xml::events::Event;
use zip::ZipArchive;

use super::report::{Report, Spot};
use super::{Limits, PartKind, Why};

const ENTRIES_MAX: usize = 2_000;
/// Parts that hold layout and no words.
const LAYOUT: [&str; 7] = [
    "word/styles",
    "word/stylesWithEffects",
    "word/settings",
    "word/webSettings",
    "word/fontTable",
    "word/theme/",
    "word/fonts/",
];

/// Reads a Word document; any other ZIP is an archive.
///
/// # Errors
/// Why the document, or the rest of it, could not be read.
pub(super) fn read<W: Write>(part: u32, bytes: &[u8], limits: &Limits, report: &mut Report<W>) -> Result<(), Why> {
    let mut archive = ZipArchive::new(Cursor::new(bytes)).map_err(|_| Why::Broken)?;
    if archive.len() > ENTRIES_MAX {
        return Err(Why::TooLarge);
    }
    if archive.index_for_name("word/document.xml").is_none() {
        return Err(Why::Archive);
    }
    // One name twice, or one byte in two entries: what Word opens need not be what is read here.
    if archive.has_duplicate_names() || archive.has_overlapping_entries().map_err(|_| Why::Broken)? {
        return Err(Why::Ambiguous);
    }
    let mut bytes_left = limits.unfolded_bytes_max(bytes.len());
    for index in 0..archive.len() {
        let mut entry = archive.by_index(index).map_err(|_| Why::Broken)?;
        if entry.encrypted() {
            return Err(Why::Encrypted);
        }
        match role(&entry.name().map_err(|_| Why::Broken)?) {
            role @ (Role::Words | Role::Properties) => {
                let mark = if matches!(role, Role::Words) { mark_of_words } else { |_: &str| "\n" };
                let mut xml = Vec::new();
                let most = bytes_left as u64 + 1;
                (&mut entry).take(most).read_to_end(&mut xml).map_err(|_| Why::Broken)?;
                bytes_left = bytes_left.checked_sub(xml.len()).ok_or(Why::TooLarge)?;
                let mut text = String::new();
                let whole = words(&xml, mark, &mut text);
                report.text(Spot { part, page: None, kind: PartKind::Docx }, &text);
                whole?;
            }
            Role::Picture => report.image(),
            Role::Embedded => report.unread(part, Why::Unsupported),
            Role::Layout => {}
        }
    }
    Ok(())
}

/// What an entry of the package is for.
enum Role {
    Words,
    /// XML where every element is a field of its own.
    Properties,
    Picture,
    Embedded,
    Layout,
}

fn role(name: &str) -> Role {
    let wiring = name.ends_with(".rels") || name == "[Content_Types].xml" || name.ends_with('/');
    if wiring || LAYOUT.iter().any(|layout| name.starts_with(layout)) {
        Role::Layout
    } else if name.ends_with(".xml") {
        if name.starts_with("word/") { Role::Words } else { Role::Properties }
    } else if name.starts_with("word/media/") || name.starts_with("docProps/thumbnail") {
        Role::Picture
    } else {
        Role::Embedded
    }
}

/// All character data of an XML part, with what `mark` sets where an element ends.
fn words(xml: &[u8], mark: fn(&str) -> &'static str, text: &mut String) -> Result<(), Why> {
    let mut reader = Reader::from_reader(xml);
    loop {
        match reader.read_event().map_err(|_| Why::Broken)? {
            Event::Text(run) => text.push_str(&run.xml10_content()),
            Event::CData(run) => text.push_str(&run.xml10_content()),
            Event::GeneralRef(name) => match name.resolve_char_ref().map_err(|_| Why::Broken)? {
                Some(sign) => text.push(sign),
                // Only XML's five: an entity that the document defines is never expanded.
                None => text.push_str(quick_xml::escape::resolve_xml_entity(&name).ok_or(Why::Broken)?),
            },
            Event::Empty(tag) => text.push_str(mark(tag.local_name().as_ref())),
            Event::End(tag) => text.push_str(mark(tag.local_name().as_ref())),
            Event::Eof => return Ok(()),
            _ => {}
        }
    }
}

/// The ends of paragraphs, lines and cells (ECMA-376-1 §17), and of a chart's values (§21.2).
fn mark_of_words(element: &str) -> &'static str {
    match element {
        "p" | "br" | "cr" | "tr" | "v" => "\n",
        "tab" | "tc" | "ptab" => "\t",
        "noBreakHyphen" => "-",
        _ => "",
    }
}
