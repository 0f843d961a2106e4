//! The words of one PDF page, in the order in which they are painted (ISO 32000-1 §9).
//!
//! lopdf parses and decodes; its own text extraction passes over form XObjects and joins what stands apart, so the text
//! operators are followed here: where a string is shown decides whether it continues the word, the line, or neither.

use std::collections::{BTreeMap, BTreeSet};

use lopdf::content::{Content, Operation};
use lopdf::{Dictionary, Document, Object, ObjectId, Stream};

use super::Why;
use super::pdf_font::Font;

/// A 2×3 matrix `a b c d e f` (ISO 32000-1 §8.3.3).
type Matrix = [f32; 6];

const IDENTITY: Matrix = [1.0, 0.0, 0.0, 1.0, 0.0, 0.0];
/// Forms in forms, and saved graphics states.
const FORMS_DEEP_MAX: usize = 8;
const STATES_MAX: usize = 64;
/// A gap in a `TJ` array that stands for a space, in thousandths of the font size; a space is 250 or so wide.
const SPACE: f32 = -180.0;

/// What a page says.
#[derive(Default)]
pub(super) struct PageText {
    pub text: String,
    pub image: bool,
    /// Some words are shown in a font that tells no characters.
    pub illegible: bool,
}

/// A page being read.
pub(super) struct Page<'a, 'b> {
    document: &'a Document,
    stream_bytes_max: usize,
    bytes_left: &'b mut usize,
    out: PageText,
    /// Each form is read once a page: its words do not change, and forms that show forms would multiply.
    seen: BTreeSet<ObjectId>,
    /// Where the last string began, in device space, and how many glyphs were shown since.
    last: Option<(f32, f32, usize)>,
    /// Was the pen placed since, be it where it was?
    placed: bool,
}

/// The part of the graphics state that places text (ISO 32000-1 §9.3).
#[derive(Clone)]
struct State<'a> {
    ctm: Matrix,
    text: Matrix,
    line: Matrix,
    leading: f32,
    size: f32,
    font: Option<&'a [u8]>,
}

impl<'a, 'b> Page<'a, 'b> {
    pub fn new(document: &'a Document, stream_bytes_max: usize, bytes_left: &'b mut usize) -> Self {
        let (out, seen) = (PageText::default(), BTreeSet::new());
        Self { document, stream_bytes_max, bytes_left, out, seen, last: None, placed: false }
    }

    /// Reads the page's content, its forms and the appearances of its annotations.
    ///
    /// # Errors
    /// When the document unfolds beyond its limit.
    pub fn read(mut self, page: ObjectId) -> Result<PageText, Why> {
        let document = self.document;
        let resources = resources(document, page);
        let content = document
            .get_page_content_with_limit(page, self.stream_bytes_max.min(*self.bytes_left))
            .map_err(|_| Why::TooLarge)?;
        self.content(&content, &resources, IDENTITY, 0)?;
        for annotation in document.get_page_annotations(page).map_err(|_| Why::Broken)? {
            if let Ok(appearances) = annotation.get_deref(b"AP", document).and_then(Object::as_dict) {
                self.appearance(appearances, &resources)?;
            }
        }
        Ok(self.out)
    }

    /// The appearance streams of an annotation, or of each of its states (ISO 32000-1 §12.5.5).
    fn appearance(&mut self, appearances: &'a Dictionary, resources: &[&'a Dictionary]) -> Result<(), Why> {
        for (_, appearance) in appearances {
            let states = match self.document.dereference(appearance) {
                Ok((_, Object::Dictionary(states))) => states.iter().map(|(_, state)| state).collect(),
                _ => vec![appearance],
            };
            for state in states {
                self.form(state, resources, IDENTITY, 0)?;
            }
        }
        Ok(())
    }

    fn content(&mut self, content: &[u8], resources: &[&'a Dictionary], ctm: Matrix, deep: usize) -> Result<(), Why> {
        *self.bytes_left = self.bytes_left.checked_sub(content.len()).ok_or(Why::TooLarge)?;
        let fonts = self.fonts(resources);
        let mut state = State { ctm, text: IDENTITY, line: IDENTITY, leading: 0.0, size: 1.0, font: None };
        let mut saved = Vec::new();
        let mut names: BTreeMap<Vec<u8>, &'a [u8]> = BTreeMap::new();
        for (name, _) in &fonts {
            names.insert(name.to_vec(), name);
        }
        for operation in Content::decode_iter(content) {
            let Ok(Operation { operator, operands }) = operation else {
                self.out.illegible = true;
                break;
            };
            match (operator.as_str(), operands.as_slice()) {
                ("q", _) if saved.len() < STATES_MAX => saved.push(state.clone()),
                ("Q", _) => state = saved.pop().unwrap_or(state),
                ("cm", operands) => state.ctm = product(matrix(operands), state.ctm),
                ("Tf", [Object::Name(name), size]) => {
                    state.font = names.get(name.as_slice()).copied();
                    state.size = number(size);
                }
                ("Do", [Object::Name(name)]) => {
                    let object = find(self.document, resources, b"XObject", name);
                    if let Some(object) = object {
                        self.form(object, resources, state.ctm, deep)?;
                    }
                }
                // What paints may hold words too: a tile, or the mask that others are seen through (§8.7.3, §11.6.5.2).
                ("scn" | "SCN", [.., Object::Name(name)]) => {
                    if let Some(tile) = find(self.document, resources, b"Pattern", name) {
                        self.form(tile, resources, state.ctm, deep)?;
                    }
                }
                ("gs", [Object::Name(name)]) => {
                    let masked = find(self.document, resources, b"ExtGState", name)
                        .and_then(|object| self.document.dereference(object).ok()?.1.as_dict().ok())
                        .and_then(|graphics| graphics.get_deref(b"SMask", self.document).ok()?.as_dict().ok())
                        .and_then(|mask| mask.get(b"G").ok());
                    if let Some(group) = masked {
                        self.form(group, resources, state.ctm, deep)?;
                    }
                }
                ("BI", _) => self.out.image = true,
                ("Tj", [shown]) => self.show(std::slice::from_ref(shown), &state, &fonts),
                ("TJ", [Object::Array(shown)]) => self.show(shown, &state, &fonts),
                ("'", [shown]) | ("\"", [_, _, shown]) => {
                    state.next_line();
                    self.show(std::slice::from_ref(shown), &state, &fonts);
                }
                (operator, operands) => {
                    self.placed |= matches!(operator, "BT" | "Tm" | "Td" | "TD" | "T*");
                    state.place(operator, operands);
                }
            }
        }
        Ok(())
    }

    /// A form XObject is a page within the page; an image is an image.
    fn form(&mut self, object: &'a Object, resources: &[&'a Dictionary], ctm: Matrix, deep: usize) -> Result<(), Why> {
        let Ok((id, Object::Stream(form))) = self.document.dereference(object) else { return Ok(()) };
        if form.dict.get(b"Subtype").and_then(Object::as_name).is_ok_and(|subtype| subtype == b"Image") {
            self.out.image = true;
            return Ok(());
        }
        if id.is_some_and(|id| !self.seen.insert(id)) {
            return Ok(());
        }
        if deep >= FORMS_DEEP_MAX {
            return Err(Why::TooDeep);
        }
        let within = form.dict.get(b"Matrix").and_then(Object::as_array).map_or(IDENTITY, |array| matrix(array));
        let mut inner: Vec<&Dictionary> = Vec::new();
        inner.extend(form.dict.get_deref(b"Resources", self.document).and_then(Object::as_dict));
        inner.extend_from_slice(resources);
        let content = self.unfold(form)?;
        self.placed = true;
        self.content(&content, &inner, product(within, ctm), deep + 1)
    }

    fn unfold(&self, stream: &Stream) -> Result<Vec<u8>, Why> {
        if !stream.is_compressed() {
            return Ok(stream.content.clone());
        }
        stream.decompressed_content_with_limit(self.stream_bytes_max.min(*self.bytes_left)).map_err(|_| Why::TooLarge)
    }

    fn fonts(&self, resources: &[&'a Dictionary]) -> Vec<(&'a [u8], Font<'a>)> {
        let mut fonts: Vec<(&[u8], Font<'_>)> = Vec::new();
        for resource in resources {
            let Ok(named) = resource.get_deref(b"Font", self.document).and_then(Object::as_dict) else { continue };
            for (name, font) in named {
                if !fonts.iter().any(|(known, _)| *known == name.as_slice())
                    && let Ok((_, Object::Dictionary(font))) = self.document.dereference(font)
                {
                    fonts.push((name, Font::new(font, self.document, self.stream_bytes_max)));
                }
            }
        }
        fonts
    }

    /// Shows the strings of a `TJ` array; numbers between them move the pen.
    fn show(&mut self, shown: &[Object], state: &State<'a>, fonts: &[(&'a [u8], Font<'a>)]) {
        let mut run = String::new();
        let font = fonts.iter().find(|(name, _)| Some(*name) == state.font).map(|(_, font)| font);
        for object in shown {
            match object {
                Object::String(bytes, _) => match font.and_then(|font| font.decode(bytes)) {
                    Some(text) => run.push_str(&text),
                    None => self.out.illegible |= !bytes.is_empty(),
                },
                Object::Integer(_) | Object::Real(_) if number(object) < SPACE => run.push(' '),
                _ => {}
            }
        }
        if !run.is_empty() {
            self.separate(state, &run);
            self.out.text.push_str(&run);
        }
    }

    /// Writes what stands between the last string and the one shown now: nothing, a space, or the end of a line.
    fn separate(&mut self, state: &State<'a>, run: &str) {
        let glyphs = run.chars().count();
        let spaced = self.out.text.ends_with(char::is_whitespace) || run.starts_with(char::is_whitespace);
        let [a, b, _, _, x, y] = product(state.text, state.ctm);
        let em = a.hypot(b).max(f32::MIN_POSITIVE);
        let size = (state.size * em).abs();
        let placed = std::mem::take(&mut self.placed);
        let Some((last_x, last_y, shown)) = self.last.replace((x, y, glyphs)) else { return };
        let (dx, dy) = (x - last_x, y - last_y);
        let along = (dx * a + dy * b) / em;
        let across = (dy * a - dx * b) / em;
        // What is painted over other words goes on from none of them.
        if across.abs() > size * 0.4 || (along == 0.0 && placed) {
            self.out.text.push('\n');
        } else if along == 0.0 {
            self.last = Some((x, y, shown + glyphs));
        } else if !spaced && (shown != 1 || along < 0.0 || along > size) {
            // Programs that place every glyph on its own put one within an em; all others place words.
            self.out.text.push(' ');
        }
    }
}

impl State<'_> {
    /// The operators that place text (ISO 32000-1 §9.4.2).
    fn place(&mut self, operator: &str, operands: &[Object]) {
        match (operator, operands) {
            ("BT", _) => (self.text, self.line) = (IDENTITY, IDENTITY),
            ("Tm", operands) => {
                self.line = matrix(operands);
                self.text = self.line;
            }
            ("Td", [x, y]) => self.advance(number(x), number(y)),
            ("TD", [x, y]) => {
                self.leading = -number(y);
                self.advance(number(x), number(y));
            }
            ("TL", [leading]) => self.leading = number(leading),
            ("T*", _) => self.next_line(),
            _ => {}
        }
    }

    fn advance(&mut self, x: f32, y: f32) {
        self.line = product([1.0, 0.0, 0.0, 1.0, x, y], self.line);
        self.text = self.line;
    }

    fn next_line(&mut self) {
        self.advance(0.0, -self.leading);
    }
}

/// The resources of a page, nearest first (ISO 32000-1 §7.7.3.4).
fn resources(document: &Document, page: ObjectId) -> Vec<&Dictionary> {
    let Ok((direct, referenced)) = document.get_page_resources(page) else { return Vec::new() };
    direct.into_iter().chain(referenced.iter().filter_map(|id| document.get_dictionary(*id).ok())).collect()
}

fn find<'a>(document: &'a Document, resources: &[&'a Dictionary], kind: &[u8], name: &[u8]) -> Option<&'a Object> {
    resources
        .iter()
        .find_map(|resource| resource.get_deref(kind, document).and_then(Object::as_dict).ok()?.get(name).ok())
}

fn number(object: &Object) -> f32 {
    object.as_float().unwrap_or_default()
}

fn matrix(operands: &[Object]) -> Matrix {
    match operands {
        [a, b, c, d, e, f] => [a, b, c, d, e, f].map(number),
        _ => IDENTITY,
    }
}

fn product([a, b, c, d, e, f]: Matrix, [p, q, r, s, t, u]: Matrix) -> Matrix {
    [a * p + b * r, a * q + b * s, c * p + d * r, c * q + d * s, e * p + f * r + t, e * q + f * s + u]
}
