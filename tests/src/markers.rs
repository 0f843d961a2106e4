//! Canaries: marker strings that go in at every input, searched for in whatever a gateway leaves behind.
//!
//! A marker counts as found in any dress that text takes on its way through a mail system: plain in either case,
//! base64 at each of its three offsets, quoted-printable, percent-encoded, UTF-16, hex; also across wrapped lines.

use std::fmt;
use std::fs;
use std::path::Path;

use base64::Engine;
use base64::engine::general_purpose::{STANDARD_NO_PAD, URL_SAFE_NO_PAD};
use memchr::memmem;

/// Markers, in every dress.
pub struct Markers(Vec<Needle>);

struct Needle {
    marker: String,
    dress: &'static str,
    folded: bool,
    bytes: Vec<u8>,
}

/// A marker where none may be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Hit {
    /// The marker.
    pub marker: String,
    /// How it was dressed.
    pub dress: &'static str,
    /// File or capture.
    pub place: String,
}

impl fmt::Display for Hit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?} as {} in {}", self.marker, self.dress, self.place)
    }
}

impl Markers {
    /// Markers of at least six octets: a shorter one would be found by chance.
    pub fn new<M: AsRef<[u8]>>(markers: impl IntoIterator<Item = M>) -> Self {
        let needles = markers.into_iter().flat_map(|marker| {
            assert!(marker.as_ref().len() >= 6, "a marker of fewer than six octets is found by chance");
            dresses(marker.as_ref())
        });
        Self(needles.collect())
    }

    /// Searches bytes: a log, a wire capture, a page.
    pub fn scan(&self, place: &str, bytes: &[u8]) -> Vec<Hit> {
        let unwrapped = unwrap_lines(bytes);
        let folded = [bytes.to_ascii_lowercase(), unwrapped.to_ascii_lowercase()];
        let exact = [bytes, &unwrapped];
        let found = self.0.iter().filter(|needle| {
            let finder = memmem::Finder::new(&needle.bytes);
            match needle.folded {
                true => folded.iter().any(|text| finder.find(text).is_some()),
                false => exact.iter().any(|text| finder.find(text).is_some()),
            }
        });
        let hit = |needle: &Needle| Hit { marker: needle.marker.clone(), dress: needle.dress, place: place.to_owned() };
        found.map(hit).collect()
    }

    /// Searches the bytes and the names of every file under a folder.
    pub fn scan_tree(&self, folder: &Path) -> Vec<Hit> {
        let mut hits = Vec::new();
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            let place = path.display().to_string();
            hits.extend(self.scan(&format!("the name of {place}"), path.file_name().unwrap().as_encoded_bytes()));
            if path.is_dir() {
                hits.extend(self.scan_tree(&path));
            } else if let Ok(bytes) = fs::read(&path) {
                hits.extend(self.scan(&place, &bytes));
            }
        }
        hits
    }
}

/// Fails the test with every hit.
pub fn assert_none(hits: &[Hit]) {
    let lines: Vec<_> = hits.iter().map(ToString::to_string).collect();
    assert!(hits.is_empty(), "markers in clear:\n{}", lines.join("\n"));
}

fn dresses(marker: &[u8]) -> Vec<Needle> {
    let text = String::from_utf8_lossy(marker).into_owned();
    let mut needles = Vec::new();
    let mut add = |dress, folded, bytes: Vec<u8>| {
        let bytes = if folded { bytes.to_ascii_lowercase() } else { bytes };
        if needles.iter().all(|known: &Needle| known.bytes != bytes) {
            needles.push(Needle { marker: text.clone(), dress, folded, bytes });
        }
    };
    add("plain", true, marker.to_vec());
    add("quoted-printable", true, escaped(marker, '=', " "));
    add("percent-encoded", true, escaped(marker, '%', ""));
    add("hex", true, hex::encode(marker).into_bytes());
    for offset in 0..3 {
        add("base64", false, in_base64(marker, offset, &STANDARD_NO_PAD));
        add("base64url", false, in_base64(marker, offset, &URL_SAFE_NO_PAD));
    }
    if let Ok(text) = std::str::from_utf8(marker) {
        add("UTF-16LE", true, text.encode_utf16().flat_map(u16::to_le_bytes).collect());
        add("UTF-16BE", true, text.encode_utf16().flat_map(u16::to_be_bytes).collect());
        add("JSON", true, text.chars().flat_map(json_escaped).collect::<String>().into_bytes());
    }
    needles
}

fn json_escaped(letter: char) -> Vec<char> {
    if letter.is_ascii() {
        return vec![letter];
    }
    letter
        .encode_utf16(&mut [0; 2])
        .iter()
        .flat_map(|unit| format!("\\u{unit:04x}").chars().collect::<Vec<_>>())
        .collect()
}

/// Letters and digits as they are, and what is in `kept`; every other octet as `sign` and two hex digits.
fn escaped(marker: &[u8], sign: char, kept: &str) -> Vec<u8> {
    let letter = |byte: &u8| match char::from(*byte) {
        plain if plain.is_ascii_alphanumeric() || "-._@".contains(plain) || kept.contains(plain) => plain.to_string(),
        _ => format!("{sign}{byte:02x}"),
    };
    marker.iter().map(letter).collect::<String>().into_bytes()
}

/// The digits of base64 that depend on the marker alone when it stands `offset` octets into a group of three.
fn in_base64(marker: &[u8], offset: usize, engine: &impl Engine) -> Vec<u8> {
    let shifted = [&[0; 2][..offset], marker].concat();
    let text = engine.encode(&shifted);
    let first = (offset * 8).div_ceil(6);
    let last = shifted.len() * 8 / 6;
    text.as_bytes()[first..last].to_vec()
}

/// Without line ends, so that a marker split by base64 or quoted-printable wrapping is whole again.
fn unwrap_lines(bytes: &[u8]) -> Vec<u8> {
    let mut unwrapped = Vec::with_capacity(bytes.len());
    for line in bytes.split(|byte| *byte == b'\n') {
        let line = line.strip_suffix(b"\r").unwrap_or(line);
        unwrapped.extend_from_slice(line.strip_suffix(b"=").unwrap_or(line));
    }
    unwrapped
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(bytes: &[u8], expected: &str) {
        let markers = Markers::new(["Zoë Quillfeather", "943 476 5919"]);
        let dresses: Vec<_> = markers.scan("here", bytes).iter().map(|hit| hit.dress).collect();
        match expected {
            "" => assert!(dresses.is_empty(), "{dresses:?}"),
            _ => assert!(dresses.contains(&expected), "{expected} not among {dresses:?}"),
        }
    }

    #[test]
    fn finds_every_dress() {
        check("Dear Zoë Quillfeather,".as_bytes(), "plain");
        check("name=ZOë QUILLFEATHER".as_bytes(), "plain");
        check(b"Zo=C3=AB Quillfeather", "quoted-printable");
        check(b"Zo=C3=AB Quill=\r\nfeather", "quoted-printable");
        check(b"?q=Zo%C3%AB%20Quillfeather", "percent-encoded");
        check(b"\"Zo\\u00eb Quillfeather\"", "JSON");
        check(hex::encode("xx943 476 5919yy").as_bytes(), "hex");
        for filler in ["", "a", "ab", "abc"] {
            let text = format!("{filler}943 476 5919 and more");
            check(STANDARD_NO_PAD.encode(&text).as_bytes(), "base64");
            let wrapped = STANDARD_NO_PAD.encode(&text);
            let (front, back) = wrapped.split_at(9);
            check(format!("{front}\r\n{back}\r\n").as_bytes(), "base64");
        }
        check(&"943 476 5919".encode_utf16().flat_map(u16::to_le_bytes).collect::<Vec<_>>(), "UTF-16LE");
        check(&"943 476 5919".encode_utf16().flat_map(u16::to_be_bytes).collect::<Vec<_>>(), "UTF-16BE");
        check(b"a log line about SG-1234-5678", "");
    }

    #[test]
    fn finds_names_and_contents_in_a_tree() {
        let folder = tempfile::tempdir().unwrap();
        fs::create_dir(folder.path().join("spool")).unwrap();
        fs::write(folder.path().join("spool/Marker-One.pdf"), b"sealed").unwrap();
        fs::write(folder.path().join("spool/blob"), b"..marker-two..").unwrap();
        let hits = Markers::new(["marker-one", "marker-two"]).scan_tree(folder.path());
        assert_eq!(hits.len(), 2, "{hits:?}");
        assert!(Markers::new(["marker-three"]).scan_tree(folder.path()).is_empty());
    }
}
