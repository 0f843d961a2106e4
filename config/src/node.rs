//! One value in its place: what reads it into a type, and what says what is wrong with it.
//!
//! Not here: which layer a value is taken from (`read`), and the types themselves (`value`).

use std::ops::{Range, RangeInclusive};
use std::path::Path;

use toml::de::{DeTable, DeValue};

use crate::error::Fault;

/// Every fault found so far.
pub(crate) type Faults = Vec<Fault>;

/// A type that a setting can have.
pub(crate) trait Setting: Sized {
    /// Reads the value, or adds what is wrong with it to `faults`.
    fn read(node: &Node<'_>, faults: &mut Faults) -> Option<Self>;

    /// The value when even the sample has none.
    fn absent() -> Option<Self> {
        None
    }

    /// The value as a number, to be held against a bound.
    fn number(&self) -> Option<u64> {
        None
    }
}

/// One value, its name and its place.
pub(crate) struct Node<'a> {
    pub(crate) value: &'a DeValue<'a>,
    pub(crate) span: Range<usize>,
    pub(crate) key: String,
    pub(crate) origin: Origin<'a>,
    pub(crate) folder: &'a Path,
}

/// A table within a value, such as a route.
pub(crate) struct Record<'n> {
    table: &'n DeTable<'n>,
    node: &'n Node<'n>,
}

/// Where a text came from.
#[derive(Clone, Copy)]
pub(crate) enum Origin<'a> {
    File { name: &'a str, text: &'a str },
    Variable { name: &'a str, text: &'a str },
}

impl<'n> Node<'n> {
    /// What is wrong here, and what to do.
    pub(crate) fn fault(&self, problem: &str, remedy: &str) -> Fault {
        Fault {
            place: self.origin.place(self.span.start),
            key: self.key.clone(),
            value: shortened(self.origin.text().get(self.span.clone()).unwrap_or_default()),
            problem: problem.to_owned(),
            remedy: remedy.to_owned(),
        }
    }

    /// The elements of a list, each with a name and place of its own.
    pub(crate) fn elements(&self) -> Option<Vec<Node<'n>>> {
        let list = self.value.as_array()?;
        let element = |(index, value): (usize, &'n toml::Spanned<DeValue<'n>>)| Node {
            value: value.get_ref(),
            // An override has no spans worth keeping: its place is the variable.
            span: if value.span().is_empty() { self.span.clone() } else { value.span() },
            key: format!("{}[{index}]", self.key),
            origin: self.origin,
            folder: self.folder,
        };
        Some(list.iter().enumerate().map(element).collect())
    }

    /// This value as a table with no fields but these.
    pub(crate) fn table(&self, known: &[&'static str], faults: &mut Faults) -> Option<Record<'_>> {
        let Some(table) = self.value.as_table() else {
            faults.push(self.fault("this is a table", &format!("write {{ {} }}", known.join(" = …, "))));
            return None;
        };
        for (name, value) in table {
            if !known.contains(&name.get_ref().as_ref()) {
                let key = format!("{}.{}", self.key, name.get_ref());
                let node =
                    Node { value: value.get_ref(), span: name.span(), key, origin: self.origin, folder: self.folder };
                faults.push(node.unknown("field", name.get_ref(), known));
            }
        }
        Some(Record { table, node: self })
    }

    pub(crate) fn unknown(&self, what: &str, word: &str, known: &[&str]) -> Fault {
        let remedy = match nearest(word, known) {
            Some(nearest) => format!("did you mean `{nearest}`?"),
            None => format!("take it out; the {what}s here are {}", known.join(", ")),
        };
        let value = String::new();
        Fault { value, ..self.fault(&format!("there is no {what} of this name"), &remedy) }
    }

    pub(crate) fn read_within<T: Setting>(&self, bound: Option<RangeInclusive<u64>>, faults: &mut Faults) -> Option<T> {
        let value = T::read(self, faults)?;
        match (bound, value.number()) {
            (Some(bound), Some(number)) if !bound.contains(&number) => {
                let problem = format!("this is out of bounds, which are {} to {}", bound.start(), bound.end());
                faults.push(self.fault(&problem, "set it within them, or leave it out for the default"));
                None
            }
            _ => Some(value),
        }
    }
}

impl Record<'_> {
    /// A field that must be there.
    pub(crate) fn field<T: Setting>(&self, name: &str, faults: &mut Faults) -> Option<T> {
        let value = self.optional_field(name, faults)?;
        if value.is_none() {
            let key = format!("{}.{name}", self.node.key);
            let fault = self.node.fault("this field is required", &format!("add `{name} = …`"));
            faults.push(Fault { key, value: String::new(), ..fault });
        }
        value
    }

    /// A field that may be left out: `Some(None)` when it is, `None` when it is wrong.
    pub(crate) fn optional_field<T: Setting>(&self, name: &str, faults: &mut Faults) -> Option<Option<T>> {
        let Some(value) = self.table.get(name) else { return Some(None) };
        let key = format!("{}.{name}", self.node.key);
        let (origin, folder) = (self.node.origin, self.node.folder);
        T::read(&Node { value: value.get_ref(), span: value.span(), key, origin, folder }, faults).map(Some)
    }
}

impl<'a> Origin<'a> {
    pub(crate) const fn text(self) -> &'a str {
        match self {
            Self::File { text, .. } | Self::Variable { text, .. } => text,
        }
    }

    pub(crate) fn place(self, offset: usize) -> String {
        match self {
            Self::Variable { name, .. } => name.to_owned(),
            Self::File { name, text } => {
                let before = text.get(..offset).unwrap_or_default();
                format!("{name}:{}", before.matches('\n').count().saturating_add(1))
            }
        }
    }
}

/// The known word that `word` is most likely a misspelling of.
pub(crate) fn nearest<'k>(word: &str, known: &[&'k str]) -> Option<&'k str> {
    const ALIKE_ENOUGH: f64 = 0.8;
    known
        .iter()
        .map(|candidate| (strsim::jaro_winkler(word, candidate), *candidate))
        .filter(|(alike, _)| *alike >= ALIKE_ENOUGH)
        .max_by(|a, b| a.0.total_cmp(&b.0))
        .map(|(_, candidate)| candidate)
}

fn shortened(value: &str) -> String {
    const SHOWN_CHARS_MAX: usize = 60;
    let one_line = value.split_whitespace().collect::<Vec<_>>().join(" ");
    if one_line.chars().count() <= SHOWN_CHARS_MAX {
        return one_line;
    }
    one_line.chars().take(SHOWN_CHARS_MAX).chain("…".chars()).collect()
}
