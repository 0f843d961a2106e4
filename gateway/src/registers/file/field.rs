//! One field: how each type of value is read out of a file, and written back into one.
//!
//! Not here: which record has which fields (`tables`).

use std::collections::BTreeMap;

use keys::ring::check_recipient;
use policy::{
    AgencyKind, Answer, Category, Channel, Domain, Duty, Finding, Form, GivenBy, Ground, Hours, Mailbox, Manner, Proof,
    Purpose, ReasonCode, Role, SubjectId, Timestamp, Verdict,
};

use super::error::Fault;
use super::node::{Node, Value};

/// A type that a field can have.
pub(crate) trait Field: Sized {
    /// Reads it.
    ///
    /// # Errors
    /// With every fault of the value.
    fn read(node: &Node) -> Result<Self, Vec<Fault>>;

    /// Writes it, so that reading gives the same value.
    fn write(&self) -> toml::Value;
}

/// What is wrong, and what to do.
pub(crate) type Broken = (&'static str, &'static str);

/// A check of a text beyond its type; of each, where the field is a list.
pub(crate) type Rule = fn(&str) -> Result<(), Broken>;

/// The known word that `word` is most likely a misspelling of.
pub(crate) fn nearest<'k>(word: &str, known: impl IntoIterator<Item = &'k str>) -> Option<&'k str> {
    const ALIKE_ENOUGH: f64 = 0.8;
    const BYTES_MAX: usize = 128;
    let known = known.into_iter().filter(|_| word.len() <= BYTES_MAX);
    known
        .map(|candidate| (strsim::jaro_winkler(word, candidate), candidate))
        .filter(|(alike, _)| *alike >= ALIKE_ENOUGH)
        .max_by(|a, b| a.0.total_cmp(&b.0))
        .map(|(_, candidate)| candidate)
}

/// Text that is not blank.
impl Field for String {
    fn read(node: &Node) -> Result<Self, Vec<Fault>> {
        text(node).map(ToOwned::to_owned)
    }

    fn write(&self) -> toml::Value {
        self.as_str().into()
    }
}

impl Field for bool {
    fn read(node: &Node) -> Result<Self, Vec<Fault>> {
        match node.value {
            Value::Truth(truth) => Ok(truth),
            _ => wrong(node, "this is true or false", "write it without quotes"),
        }
    }

    fn write(&self) -> toml::Value {
        (*self).into()
    }
}

impl Field for Timestamp {
    fn read(node: &Node) -> Result<Self, Vec<Fault>> {
        let remedy = "write a day as \"2026-06-15\", an instant as \"2026-06-15T10:30:00+01:00\"";
        Self::parse(text(node)?).or_else(|error| wrong(node, &format!("this is no date: {error}"), remedy))
    }

    fn write(&self) -> toml::Value {
        let instant = self.to_string();
        instant.strip_suffix("T00:00:00Z").unwrap_or(&instant).into()
    }
}

/// Fields that are parsed from text by a type of its own.
macro_rules! parsed {
    ($($type:ty: $remedy:literal;)+) => {$(
        impl Field for $type {
            fn read(node: &Node) -> Result<Self, Vec<Fault>> {
                <$type>::try_from(text(node)?.to_owned()).or_else(|error| wrong(node, &error.to_string(), $remedy))
            }

            fn write(&self) -> toml::Value {
                String::from(self.clone()).into()
            }
        }
    )+};
}

parsed! {
    SubjectId: "write it as \"nhs:\" and ten digits, \"gmc:\" and seven, or \"case:\" and the case's name";
    Mailbox: "write it as \"name@host.example\"";
    Domain: "write it as \"host.example\"";
    Finding: "write what was found as a number (\"nhs:…\", \"gmc:…\") or a kind, such as \"name\" or \"birth-date!\"";
}

/// Fields that hold a word of a closed list.
macro_rules! words {
    ($($type:ty),+) => {$(
        impl Field for $type {
            fn read(node: &Node) -> Result<Self, Vec<Fault>> {
                let word = text(node)?;
                word.parse().or_else(|()| {
                    let list = || Self::ALL.iter().map(|known| known.as_str());
                    let remedy = match nearest(word, list()) {
                        Some(nearest) => format!("did you mean `{nearest}`?"),
                        None => format!("choose one of {}", list().collect::<Vec<_>>().join(", ")),
                    };
                    wrong(node, "this word is not on the list", &remedy)
                })
            }

            fn write(&self) -> toml::Value {
                self.as_str().into()
            }
        }
    )+};
}

words!(
    AgencyKind, Answer, Category, Channel, Duty, Form, GivenBy, Ground, Manner, Proof, Purpose, ReasonCode, Role,
    Verdict
);

/// `08:00-18:00`.
impl Field for Hours {
    fn read(node: &Node) -> Result<Self, Vec<Fault>> {
        let minute = |clock: &str| {
            let (hours, minutes) = clock.split_once(':')?;
            let two_digits = |text: &str, most: u16| {
                let plain = text.len() == 2 && text.bytes().all(|byte| byte.is_ascii_digit());
                text.parse::<u16>().ok().filter(|number| plain && *number <= most)
            };
            Some(two_digits(hours, 23)? * 60 + two_digits(minutes, 59)?)
        };
        let hours = text(node)?
            .split_once('-')
            .and_then(|(from, to)| Some(Self { from_minute: minute(from.trim())?, to_minute: minute(to.trim())? }));
        hours.map_or_else(|| wrong(node, "these are no hours", "write them as \"08:00-18:00\""), Ok)
    }

    fn write(&self) -> toml::Value {
        let clock = |minute: u16| format!("{:02}:{:02}", minute / 60, minute % 60);
        format!("{}-{}", clock(self.from_minute), clock(self.to_minute)).into()
    }
}

/// Blank text is the same as none.
impl<T: Field> Field for Option<T> {
    fn read(node: &Node) -> Result<Self, Vec<Fault>> {
        if node.is_blank() { Ok(None) } else { T::read(node).map(Some) }
    }

    fn write(&self) -> toml::Value {
        self.as_ref().map_or_else(|| "".into(), T::write)
    }
}

impl<T: Field> Field for Vec<T> {
    fn read(node: &Node) -> Result<Self, Vec<Fault>> {
        if !matches!(node.value, Value::List(_)) {
            return wrong(node, "this is a list", "write it in brackets: [\"…\", \"…\"]");
        }
        let (mut values, mut faults) = (Self::new(), Vec::new());
        for (index, element) in node.elements().iter().enumerate() {
            match T::read(element) {
                Ok(value) => values.push(value),
                Err(found) => faults.extend(found.into_iter().map(|fault| fault.within(&format!("[{index}]")))),
            }
        }
        if faults.is_empty() { Ok(values) } else { Err(faults) }
    }

    fn write(&self) -> toml::Value {
        toml::Value::Array(self.iter().map(T::write).collect())
    }
}

/// Pieces of work and their ends.
impl Field for BTreeMap<String, Option<Timestamp>> {
    fn read(node: &Node) -> Result<Self, Vec<Fault>> {
        let Value::Table(fields) = &node.value else {
            return wrong(node, "this is a table", "write it as { \"EP-1\" = \"2026-06-01\", \"EP-2\" = \"\" }");
        };
        let (mut works, mut faults) = (Self::new(), Vec::new());
        for (name, end) in fields {
            match Field::read(end) {
                Ok(end) => drop(works.insert(name.clone(), end)),
                Err(found) => faults.extend(found),
            }
        }
        if faults.is_empty() { Ok(works) } else { Err(faults) }
    }

    fn write(&self) -> toml::Value {
        toml::Value::Table(self.iter().map(|(name, end)| (name.clone(), end.write())).collect())
    }
}

/// The text of a value that must be text and not blank.
pub(crate) fn text(node: &Node) -> Result<&str, Vec<Fault>> {
    match (&node.value, node.text()) {
        (_, Some(text)) => Ok(text),
        (Value::Text(_), None) => wrong(node, "this is blank", "fill it in"),
        (Value::Other(what), None) => wrong(node, &format!("this is text, not {what}"), "write it in quotes"),
        _ => wrong(node, "this is text", "write it in quotes"),
    }
}

/// A value with one fault.
pub(crate) fn wrong<T>(node: &Node, problem: &str, remedy: &str) -> Result<T, Vec<Fault>> {
    Err(vec![node.fault(problem, remedy)])
}

/// Two capital letters (ISO 3166-1 alpha-2).
pub(crate) fn country(text: &str) -> Result<(), Broken> {
    let ok = text.len() == 2 && text.bytes().all(|byte| byte.is_ascii_uppercase());
    ok.then_some(()).ok_or(("a country is two capital letters", "write the code of ISO 3166-1, such as \"GB\""))
}

/// 64 lower-case hex digits.
pub(crate) fn sha256(text: &str) -> Result<(), Broken> {
    let ok = text.len() == 64 && text.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'));
    ok.then_some(()).ok_or(("a SHA-256 is 64 lower-case hex digits", "copy it from `sha256sum`"))
}

/// A recipient that letters can be sealed to (C2SP age): a slip of the pen is told to whoever made it, not to a letter.
pub(crate) fn age_recipient(text: &str) -> Result<(), Broken> {
    let remedy = "copy all 62 characters of their `age1…`; `sealgate key check` says what is wrong with it";
    check_recipient(text).map_err(|_| ("this is no age recipient that letters can be sealed to", remedy))
}

/// HTTPS alone.
pub(crate) fn https(text: &str) -> Result<(), Broken> {
    let ok = text.strip_prefix("https://").is_some_and(|rest| !rest.is_empty());
    ok.then_some(()).ok_or(("letters are pushed by HTTPS alone", "write it as \"https://host.example/letters\""))
}
