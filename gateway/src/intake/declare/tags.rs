//! Tags in a subject line: `[nhs 943 476 5919]`, `[for direct-care]`, `[holds clinical-letter]`, `[secure]`.
//!
//! A tag is taken out of the line; any other text in brackets is left as it is.

use policy::{Category, Declared, Purpose, SubjectId};

use super::{DeclareError, categories, purpose};

/// What the tags of a subject line say.
#[derive(Default)]
pub(super) struct Tags {
    /// The line without them.
    pub(super) rest: String,
    pub(super) subjects: Vec<SubjectId>,
    pub(super) purposes: Vec<Declared<Purpose>>,
    pub(super) categories: Vec<Category>,
}

/// Reads and removes the tags of a subject line.
pub(super) fn read(line: &str) -> Result<Tags, DeclareError> {
    let mut tags = Tags::default();
    let mut kept = String::with_capacity(line.len());
    let mut rest = line;
    while let Some((before, after)) = rest.split_once('[') {
        kept.push_str(before);
        match after.split_once(']') {
            Some((inside, after)) if !inside.contains('[') && take(inside.trim(), &mut tags)? => {
                kept.push(' ');
                rest = after;
            }
            _ => {
                kept.push('[');
                rest = after;
            }
        }
    }
    kept.push_str(rest);
    tags.rest = kept.split_whitespace().collect::<Vec<_>>().join(" ");
    Ok(tags)
}

/// Takes what is inside a pair of brackets, if it is a tag.
fn take(inside: &str, tags: &mut Tags) -> Result<bool, DeclareError> {
    let inside = inside.to_lowercase();
    if asks_for_security(&inside) {
        return Ok(true);
    }
    let Some((keyword, value)) = inside.split_once([' ', ':']) else { return Ok(false) };
    let value = value.trim();
    match keyword {
        // With no digit in it, it is words about a number, not a number.
        "nhs" | "gmc" if value.contains(|c: char| c.is_ascii_digit()) => {
            tags.subjects.push(SubjectId::parse(&format!("{keyword}:{value}")).map_err(DeclareError::Subject)?);
        }
        // `[for direct-care]` is a tag, `[for the attention of …]` is not.
        "for" if is_word(value) => tags.purposes.push(purpose(value)),
        "holds" if !value.is_empty() => tags.categories.extend(categories(value)?),
        _ => return Ok(false),
    }
    Ok(true)
}

/// `[secure]` and its like, as trusts have taught their staff to write: taken out, for secure is the only mode there is.
fn asks_for_security(word: &str) -> bool {
    matches!(word, "secure" | "secured" | "secure mail" | "secure email" | "encrypted")
        || (word.ends_with("encrypt") && is_word(word))
}

fn is_word(text: &str) -> bool {
    !text.is_empty() && text.chars().all(|c| c.is_ascii_alphanumeric() || c == '-')
}
