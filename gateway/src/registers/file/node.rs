//! A file as a tree of values that know their lines, whether it was written in TOML or in JSON.
//!
//! Not here: what any value means (`field`, `tables`). No node can be printed: they hold people's data.

use serde::de::{Deserialize, Deserializer, Error as _, MapAccess, SeqAccess, Visitor};
use toml::de::{DeTable, DeValue};

use super::error::{Fault, FileError};

/// Size of a file.
const FILE_BYTES_MAX: usize = 64 * 1024 * 1024;

/// One value and where it stands.
pub(crate) struct Node {
    /// From 1; JSON has none.
    pub(crate) line: Option<usize>,
    pub(crate) value: Value,
}

/// What stands there.
pub(crate) enum Value {
    Text(String),
    Truth(bool),
    List(Vec<Node>),
    Table(Vec<(String, Node)>),
    /// What no field holds, by what it is called.
    Other(&'static str),
}

impl Node {
    /// Reads a whole file: JSON when it begins with a brace, as no TOML file can; else TOML.
    ///
    /// # Errors
    /// When it is too large, or with every place where it is neither.
    pub(crate) fn parse(text: &str, file: &str) -> Result<Self, FileError> {
        let text = text.strip_prefix('\u{feff}').unwrap_or(text);
        if text.len() > FILE_BYTES_MAX {
            return Err(FileError::TooLarge { file: file.to_owned(), bytes_max: FILE_BYTES_MAX });
        }
        let root = if text.trim_start().starts_with('{') { from_json(text) } else { from_toml(text) };
        root.map_err(|faults| FileError::of(file, faults))
    }

    /// The field of this name, if this is a table that has it.
    pub(crate) fn field(&self, name: &str) -> Option<&Self> {
        match &self.value {
            Value::Table(fields) => fields.iter().find(|(field, _)| field == name).map(|(_, node)| node),
            _ => None,
        }
    }

    /// The elements of a list; none of anything else.
    pub(crate) fn elements(&self) -> &[Self] {
        match &self.value {
            Value::List(elements) => elements,
            _ => &[],
        }
    }

    /// The text, if it is text that is not blank.
    pub(crate) fn text(&self) -> Option<&str> {
        match &self.value {
            Value::Text(text) if !text.trim().is_empty() => Some(text),
            _ => None,
        }
    }

    /// Blank text is the same as none.
    pub(crate) fn is_blank(&self) -> bool {
        matches!(&self.value, Value::Text(text) if text.trim().is_empty())
    }

    /// A fault of this value.
    pub(crate) fn fault(&self, problem: impl Into<String>, remedy: impl Into<String>) -> Fault {
        Fault::new(self.line, problem, remedy)
    }
}

fn from_toml(text: &str) -> Result<Node, Vec<Fault>> {
    let lines = Lines::of(text);
    let (root, errors) = DeTable::parse_recoverable(text);
    if errors.is_empty() {
        return Ok(lines.table(root.get_ref(), 0));
    }
    let fault = |error: &toml::de::Error| {
        let offset = error.span().map_or(0, |span| span.start);
        let fault = Fault::new(
            Some(lines.line_at(offset)),
            format!("this is not TOML: {}", error.message().replace('\n', ", ")),
            "write each field once, as `name = value`, with text in quotes and dates as \"2026-06-15\"",
        );
        lines.key_at(text, offset).map_or(fault.clone(), |key| fault.within(key))
    };
    Err(errors.iter().map(fault).collect())
}

/// Where each line begins.
struct Lines(Vec<usize>);

impl Lines {
    fn of(text: &str) -> Self {
        Self(std::iter::once(0).chain(text.match_indices('\n').map(|(offset, _)| offset + 1)).collect())
    }

    fn line_at(&self, offset: usize) -> usize {
        self.0.partition_point(|start| *start <= offset)
    }

    /// The name before the `=` on the line of `offset`.
    fn key_at<'t>(&self, text: &'t str, offset: usize) -> Option<&'t str> {
        let start = *self.0.get(self.line_at(offset).checked_sub(1)?)?;
        let (key, _) = text.get(start..)?.lines().next()?.split_once('=')?;
        let plain = |key: &&str| !key.is_empty() && key.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'_');
        Some(key.trim()).filter(plain)
    }

    fn table(&self, table: &DeTable<'_>, offset: usize) -> Node {
        let field = |(name, value): (&toml::Spanned<_>, &toml::Spanned<DeValue<'_>>)| {
            let name: &std::borrow::Cow<'_, str> = name.get_ref();
            (name.to_string(), self.node(value.get_ref(), value.span().start))
        };
        Node { line: Some(self.line_at(offset)), value: Value::Table(table.iter().map(field).collect()) }
    }

    fn node(&self, value: &DeValue<'_>, offset: usize) -> Node {
        let value = match value {
            DeValue::Table(table) => return self.table(table, offset),
            DeValue::Array(array) => {
                Value::List(array.iter().map(|value| self.node(value.get_ref(), value.span().start)).collect())
            }
            DeValue::String(text) => Value::Text(text.to_string()),
            // TOML's own dates are taken as the text that they are written as.
            DeValue::Datetime(date) => Value::Text(date.to_string()),
            DeValue::Boolean(truth) => Value::Truth(*truth),
            DeValue::Integer(_) | DeValue::Float(_) => Value::Other("a number"),
        };
        Node { line: Some(self.line_at(offset)), value }
    }
}

fn from_json(text: &str) -> Result<Node, Vec<Fault>> {
    serde_json::from_str(text).map_err(|error| {
        let words = error.to_string();
        let problem = words.split(" at line ").next().unwrap_or_default();
        let remedy = "write one object with a list for each table, and each field once";
        vec![Fault::new(Some(error.line()), format!("this is not JSON: {problem}"), remedy)]
    })
}

/// As JSON, but a field that stands twice is an error: `serde_json` would keep the last.
impl<'de> Deserialize<'de> for Node {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(JsonVisitor).map(|value| Self { line: None, value })
    }
}

struct JsonVisitor;

impl<'de> Visitor<'de> for JsonVisitor {
    type Value = Value;

    fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("a JSON value")
    }

    fn visit_str<E>(self, text: &str) -> Result<Value, E> {
        Ok(Value::Text(text.to_owned()))
    }

    fn visit_bool<E>(self, truth: bool) -> Result<Value, E> {
        Ok(Value::Truth(truth))
    }

    fn visit_unit<E>(self) -> Result<Value, E> {
        Ok(Value::Other("null"))
    }

    fn visit_i64<E>(self, _: i64) -> Result<Value, E> {
        Ok(Value::Other("a number"))
    }

    fn visit_u64<E>(self, _: u64) -> Result<Value, E> {
        Ok(Value::Other("a number"))
    }

    fn visit_f64<E>(self, _: f64) -> Result<Value, E> {
        Ok(Value::Other("a number"))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Value, A::Error> {
        let mut elements = Vec::new();
        while let Some(element) = list.next_element()? {
            elements.push(element);
        }
        Ok(Value::List(elements))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Value, A::Error> {
        let mut fields = std::collections::BTreeMap::new();
        while let Some(name) = map.next_key::<String>()? {
            if fields.insert(name, map.next_value()?).is_some() {
                return Err(A::Error::custom("a field stands twice in one object"));
            }
        }
        Ok(Value::Table(fields.into_iter().collect()))
    }
}
