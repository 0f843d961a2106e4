//! One record: a table with known fields, read whole, so that every fault of it is told.
//!
//! Not here: which records there are (`tables`), and rules between records (`rules`).

use super::error::Fault;
use super::field::{Field, Rule, nearest};
use super::node::{Node, Value};

/// A table while its fields are being read.
pub(crate) struct Fields<'n> {
    node: &'n Node,
    asked: Vec<&'static str>,
    faults: Vec<Fault>,
}

/// How a value is read.
pub(crate) type Read<T> = fn(&Node) -> Result<T, Vec<Fault>>;

/// What a record's file form is: `(field, value)` in the order of the specification.
pub(crate) type Written = Vec<(&'static str, toml::Value)>;

impl<'n> Fields<'n> {
    /// Begins to read a table.
    ///
    /// # Errors
    /// When the value is none.
    pub(crate) fn of(node: &'n Node) -> Result<Self, Vec<Fault>> {
        match node.value {
            Value::Table(_) => Ok(Self { node, asked: Vec::new(), faults: Vec::new() }),
            _ => super::field::wrong(node, "this is a table", "write it as { field = value, … }"),
        }
    }

    /// Ends it: the record, if there is one and nothing was wrong; every fault, also of fields that nobody asked for.
    ///
    /// # Errors
    /// With every fault.
    pub(crate) fn finish<T>(mut self, record: Option<T>) -> Result<T, Vec<Fault>> {
        if let Value::Table(fields) = &self.node.value {
            for (name, node) in fields.iter().filter(|(name, _)| !self.asked.contains(&name.as_str())) {
                let remedy = match nearest(name, self.asked.iter().copied()) {
                    Some(nearest) => format!("did you mean `{nearest}`?"),
                    None => format!("take it out; the fields here are {}", self.asked.join(", ")),
                };
                self.faults.push(node.fault("there is no field of this name", remedy).within(&shown(name)));
            }
        }
        match record {
            Some(record) if self.faults.is_empty() => Ok(record),
            _ => Err(self.faults),
        }
    }

    /// The field's node, if it is there. Marks the name as known.
    pub(crate) fn node(&mut self, name: &'static str) -> Option<&'n Node> {
        self.known(name);
        self.node.field(name)
    }

    /// Marks a name as known, whatever stands there.
    pub(crate) fn known(&mut self, name: &'static str) {
        if !self.asked.contains(&name) {
            self.asked.push(name);
        }
    }

    /// A field that must be there and not blank.
    pub(crate) fn must<T: Field>(&mut self, name: &'static str) -> Option<T> {
        self.must_be(name, T::read)
    }

    /// As [`Fields::must`], read in a way of its own.
    pub(crate) fn must_be<T>(&mut self, name: &'static str, read: Read<T>) -> Option<T> {
        match self.node(name) {
            Some(node) => self.read(name, node, read),
            None => {
                self.fault(name, "this field is required", format!("add {name} = …"));
                None
            }
        }
    }

    /// A field that may be left out.
    pub(crate) fn may<T: Field + Default>(&mut self, name: &'static str) -> Option<T> {
        self.may_be(name, T::read)
    }

    /// As [`Fields::may`], read in a way of its own.
    pub(crate) fn may_be<T: Default>(&mut self, name: &'static str, read: Read<T>) -> Option<T> {
        match self.node(name) {
            Some(node) => self.read(name, node, read),
            None => Some(T::default()),
        }
    }

    /// A list that must be there and not be empty: what names nothing never means everything.
    pub(crate) fn some<T: Field>(&mut self, name: &'static str) -> Option<Vec<T>> {
        let list: Vec<T> = self.must(name)?;
        if list.is_empty() {
            self.fault(name, "this list is empty", "name at least one; none never means all");
            return None;
        }
        Some(list)
    }

    /// Holds a field's text, or each text of its list, against a rule.
    pub(crate) fn hold(&mut self, name: &'static str, rule: Rule) {
        let Some(node) = self.node.field(name) else { return };
        let elements = node.elements().iter().enumerate().map(|(index, node)| (format!("{name}[{index}]"), node));
        for (path, text) in std::iter::once((name.to_owned(), node)).chain(elements) {
            if let Some(Err((problem, remedy))) = text.text().map(rule) {
                self.faults.push(text.fault(problem, remedy).within(&path));
            }
        }
    }

    /// Adds a fault of a field, or of the record where the field is missing.
    pub(crate) fn fault(&mut self, name: &'static str, problem: impl Into<String>, remedy: impl Into<String>) {
        let node = self.node.field(name).unwrap_or(self.node);
        self.faults.push(node.fault(problem, remedy).within(name));
    }

    fn read<T>(&mut self, name: &'static str, node: &Node, read: Read<T>) -> Option<T> {
        read(node).map_err(|found| self.faults.extend(found.into_iter().map(|fault| fault.within(name)))).ok()
    }
}

/// Declares how a record stands in a file, one field a line, in the order of the specification:
///
/// - `name: must` is required; `name: some` is a list that is never empty; `name: may` can be left out;
/// - `name: as module` is read by `module::read` and written by `module::write`;
/// - a rule may follow: `country: must country`. After the fields may stand `; check` with rules of the whole record.
macro_rules! record {
    ($type:ident { $($field:ident: $mode:ident $($rule:ident)?),+ $(,)? } $($check:ident)?) => {
        impl $crate::registers::file::field::Field for $type {
            fn read(node: &Node) -> Result<Self, Vec<Fault>> {
                let mut fields = Fields::of(node)?;
                // Every field is read before any is asked for, so that every fault is told.
                $(let $field = record!(@read fields $field $mode $($rule)?);)+
                let record = (|| Some(Self { $($field: $field?,)+ }))();
                $(if let Some(record) = &record {
                    $check(record, &mut fields);
                })?
                fields.finish(record)
            }

            fn write(&self) -> toml::Value {
                toml::Value::Table(self.written().into_iter().map(|(name, value)| (name.to_owned(), value)).collect())
            }
        }

        impl $crate::registers::file::record::Record for $type {
            fn written(&self) -> Written {
                let mut written = Written::new();
                $(record!(@write written self $field $mode $($rule)?);)+
                written
            }
        }
    };
    (@read $fields:ident $field:ident custom $module:ident) => { $module::read(&mut $fields) };
    (@read $fields:ident $field:ident $mode:ident) => { $fields.$mode(stringify!($field)) };
    (@read $fields:ident $field:ident $mode:ident $rule:ident) => {{
        let value = $fields.$mode(stringify!($field));
        $fields.hold(stringify!($field), $rule);
        value
    }};
    (@write $written:ident $self:ident $field:ident custom $module:ident) => { $module::write($self, &mut $written) };
    (@write $written:ident $self:ident $field:ident may $($rule:ident)?) => {
        if $crate::registers::file::record::is_set(&$self.$field) {
            $written.push((stringify!($field), $self.$field.write()));
        }
    };
    (@write $written:ident $self:ident $field:ident $mode:ident $($rule:ident)?) => {
        $written.extend([(stringify!($field), $self.$field.write())]);
    };
}
pub(crate) use record;

/// A name that a file made up, as far as it is repeated.
pub(crate) fn shown(name: &str) -> String {
    const CHARS_MAX: usize = 40;
    let cut = if name.chars().nth(CHARS_MAX).is_some() { "…" } else { "" };
    name.chars().filter(|c| !c.is_control()).take(CHARS_MAX).chain(cut.chars()).collect()
}

/// A field that may be left out is written when it is not at its default.
pub(crate) fn is_set<T: Default + PartialEq>(value: &T) -> bool {
    *value != T::default()
}

/// A record that can be written field by field.
pub(crate) trait Record: Field {
    /// Its fields in the order of the specification, without those that are at their default.
    fn written(&self) -> Written;
}
