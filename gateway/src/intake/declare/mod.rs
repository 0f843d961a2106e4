//! What a letter says of itself: read once, at the door, from the head of the message (`spec/product.md`, Intake).
//!
//! Header fields `Sealgate-…` and tags in the subject line declare the subject, the purpose, the categories, the
//! citation and the exception. The head that is kept, and later leaves, holds none of them, nor the subject line, nor
//! any recipient's name. Pure. Not here: the sender's defaults and what screening finds.

mod collect;
mod error;
mod fields;
mod from;
mod mime;
mod rewrite;
mod tags;

pub use policy::Contradiction;
use policy::{Category, Declared, Moment, Purpose, SubjectId};

use super::{Account, Script};
use fields::Field;
use tags::Tags;

pub use collect::{HEAD_BYTES_MAX, HeadCollector};
pub use error::DeclareError;

/// Longest subject line and longest value of a `Sealgate-` field, in characters, once decoded.
const VALUE_CHARS_MAX: usize = 1000;

/// What a letter declares. Personal data: no Debug, never for a log.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Declaration {
    /// The subject line, decoded, tags removed, on one line; empty if there was none.
    pub subject_line: String,
    /// Whom the letter is about.
    pub subject: Option<SubjectId>,
    /// Why it goes.
    pub purpose: Option<Declared<Purpose>>,
    /// What it holds; each once, in the order of the specification.
    pub categories: Vec<Category>,
    /// The contract, collection, rule, incident or request.
    pub citation: Option<String>,
    /// Exception id.
    pub exception: Option<String>,
    /// What was declared twice and differently. Each such item is empty above and stays so: the letter counts as
    /// having none, and neither the sender's default nor what screening finds may stand in. Held, never guessed.
    pub contradictions: Vec<Contradiction>,
}

/// A head, read: what it declares, and the head that takes its place.
pub struct DeclaredHead {
    /// What it declares.
    pub declaration: Declaration,
    /// The rewritten head with the blank line that ends it; CRLF lines.
    pub head: Vec<u8>,
}

/// What a head is read by.
pub struct Rules<'a> {
    /// `From` must be one of this account's addresses.
    pub account: &'a Account,
    /// May the head hold UTF-8 (RFC 6532)?
    pub script: Script,
    /// What a head that lacks them is given.
    pub stamp: &'a Stamp,
}

/// The makings of a `Date` and a `Message-ID`.
pub struct Stamp {
    /// Now.
    pub moment: Moment,
    /// A random name, for the left side of the `Message-ID`.
    pub name: String,
}

/// Reads a head: the lines before the blank one, each with its CRLF.
///
/// # Errors
/// Names the field and the rule that it breaks, never its value.
pub fn declare(head: &[u8], rules: &Rules<'_>) -> Result<DeclaredHead, DeclareError> {
    let fields = fields::parse(head, rules.script)?;
    rewrite::check_singletons(&fields)?;
    let from = from::sender(&fields, rules.account)?;
    let mime = mime::check(&fields)?;
    let declaration = declaration(&fields)?;
    let head = rewrite::head(&fields, &mime, &from, rules.stamp);
    Ok(DeclaredHead { declaration, head })
}

fn declaration(fields: &[Field<'_>]) -> Result<Declaration, DeclareError> {
    let line = values(fields, "Subject")?.into_iter().next().unwrap_or_default();
    let Tags { rest: subject_line, subjects, purposes, categories } = tags::read(&line)?;
    let mut declaration = Declaration { subject_line, ..Declaration::default() };
    let mut contradictions = Vec::new();

    let mut all = subjects;
    for value in values(fields, "Sealgate-Subject")? {
        all.push(SubjectId::parse(&value).map_err(DeclareError::Subject)?);
    }
    declaration.subject = one(all, Contradiction::Subject, &mut contradictions);

    let mut all = purposes;
    all.extend(values(fields, "Sealgate-Purpose")?.iter().map(|word| purpose(word)));
    declaration.purpose = one(all, Contradiction::Purpose, &mut contradictions);

    let mut declared = Vec::new();
    for value in values(fields, "Sealgate-Category")? {
        declared.extend(self::categories(&value)?);
    }
    declaration.categories = both(in_order(declared), in_order(categories), &mut contradictions);

    let citations = values(fields, "Sealgate-Citation")?;
    declaration.citation = one(citations, Contradiction::Citation, &mut contradictions);
    let exceptions = values(fields, "Sealgate-Exception")?;
    declaration.exception = one(exceptions, Contradiction::Exception, &mut contradictions);

    declaration.contradictions = contradictions;
    Ok(declaration)
}

/// The one value, if all are the same.
fn one<T: PartialEq>(all: Vec<T>, what: Contradiction, contradictions: &mut Vec<Contradiction>) -> Option<T> {
    let mut all = all.into_iter();
    let first = all.next()?;
    if all.any(|other| other != first) {
        contradictions.push(what);
        return None;
    }
    Some(first)
}

/// The categories of the fields and those of the tags: where there are both, they must be the same.
fn both(fields: Vec<Category>, tags: Vec<Category>, contradictions: &mut Vec<Contradiction>) -> Vec<Category> {
    match (fields.is_empty(), tags.is_empty()) {
        (_, true) => fields,
        (true, false) => tags,
        (false, false) if fields == tags => fields,
        (false, false) => {
            contradictions.push(Contradiction::Categories);
            Vec::new()
        }
    }
}

fn in_order(mut categories: Vec<Category>) -> Vec<Category> {
    categories.sort_unstable();
    categories.dedup();
    categories
}

/// A purpose by its word; another word is carried on, for the decision to refuse by name.
fn purpose(word: &str) -> Declared<Purpose> {
    let word = word.to_lowercase();
    word.parse().map_or(Declared::Unknown(word), Declared::Known)
}

/// Categories by their words, set apart by commas or spaces.
fn categories(words: &str) -> Result<Vec<Category>, DeclareError> {
    words
        .split([',', ' '])
        .filter(|word| !word.is_empty())
        .map(|word| word.to_lowercase().parse().map_err(|()| DeclareError::Category))
        .collect()
}

/// The decoded values of every field of this name that is not blank: blank is the same as none.
fn values(fields: &[Field<'_>], name: &'static str) -> Result<Vec<String>, DeclareError> {
    let mut values = Vec::new();
    for field in fields.iter().filter(|field| field.is(name)) {
        let value = field.decoded();
        if value.chars().count() > VALUE_CHARS_MAX {
            return Err(DeclareError::ValueTooLong(name));
        }
        if !value.is_empty() {
            values.push(value);
        }
    }
    Ok(values)
}
