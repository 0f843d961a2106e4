//! Reads settings out of three layers: the environment over the file over the annotated sample.
//!
//! Knows TOML, places and faults; knows no single setting.

use std::ops::{Range, RangeInclusive};
use std::path::Path;

use toml::de::{DeTable, DeValue};

use crate::error::{ConfigError, Fault};
use crate::node::{Faults, Node, Origin, Setting};
use crate::sample::SAMPLE;
use crate::settings::Settings;

/// A section's settings: name, and the bound of each that is a number.
pub(crate) type Names = &'static [(&'static str, Option<RangeInclusive<u64>>)];

/// What a setting's value is when the file leaves it out.
#[derive(Clone, Copy)]
pub(crate) enum Absent {
    /// That of the annotated sample.
    Sample,
    /// There is none: leaving it out is a fault.
    Required,
    /// That of another setting, by section and name.
    As(&'static str, &'static str),
}

/// The three layers, and the faults found in them.
pub(crate) struct Reader<'a> {
    file: Layer<'a>,
    sample: Layer<'a>,
    overrides: Vec<Override<'a>>,
    folder: &'a Path,
    faults: Faults,
}

struct Layer<'a> {
    origin: Origin<'a>,
    table: DeTable<'a>,
}

/// `SEALGATE__SECTION__KEY=text`; read as TOML where it is, and else as plain text.
struct Override<'a> {
    origin: Origin<'a>,
    section: String,
    key: String,
    as_toml: Option<DeValue<'a>>,
    as_text: DeValue<'a>,
}

impl<'a> Reader<'a> {
    /// Takes the layers apart.
    ///
    /// # Errors
    /// With every place where `text` is no TOML.
    pub(crate) fn new(text: &'a str, name: &'a str, overrides: &'a [(String, String)]) -> Result<Self, ConfigError> {
        Ok(Self {
            file: Layer::parse(Origin::File { name, text })?,
            sample: Layer::parse(Origin::File { name: "the annotated sample", text: SAMPLE })?,
            overrides: overrides.iter().filter_map(|(name, text)| Override::new(name, text)).collect(),
            folder: Path::new(name).parent().unwrap_or_else(|| Path::new("")),
            faults: Faults::new(),
        })
    }

    /// The settings, or every fault.
    pub(crate) fn finish(self, settings: Option<Settings>) -> Result<Settings, ConfigError> {
        match settings {
            Some(settings) if self.faults.is_empty() => Ok(settings),
            _ => Err(ConfigError::Faults(self.faults)),
        }
    }

    /// Reads one setting from the topmost layer that has it.
    pub(crate) fn setting<T: Setting>(
        &mut self,
        section: &'static str,
        key: &'static str,
        absent: Absent,
        bound: Option<RangeInclusive<u64>>,
    ) -> Option<T> {
        let mut faults = Faults::new();
        let found = match absent {
            Absent::Sample => self.find(section, key).or_else(|| self.sample.find(section, key, self.folder)),
            Absent::Required => self.find(section, key),
            Absent::As(other, key_of_other) => self
                .find(section, key)
                .or_else(|| self.find(other, key_of_other))
                .or_else(|| self.sample.find(other, key_of_other, self.folder)),
        };
        let value = match found {
            Some(found) => found.read(bound, &mut faults),
            None => T::absent().filter(|_| matches!(absent, Absent::Sample)).or_else(|| {
                faults.push(self.missing(section, key));
                None
            }),
        };
        // A fault in the setting that this one follows is told there.
        faults.retain(|fault| fault.key.starts_with(&format!("{section}.{key}")));
        self.faults.append(&mut faults);
        value
    }

    /// A setting that is wrong only beside others.
    pub(crate) fn fault(&mut self, section: &'static str, key: &'static str, problem: &str, remedy: &str) {
        let fault = match self.find(section, key) {
            Some(found) => found.node().fault(problem, remedy),
            None => Fault { problem: problem.to_owned(), remedy: remedy.to_owned(), ..self.missing(section, key) },
        };
        self.faults.push(fault);
    }

    /// Every section of the file, and every override, is one that exists.
    pub(crate) fn no_other_sections(&mut self, known: impl Iterator<Item = &'static str> + Clone) {
        let known: Vec<_> = known.collect();
        for (name, value) in &self.file.table {
            let node = self.file.node(value.get_ref(), name.span(), name.get_ref().to_string(), self.folder);
            if !known.contains(&name.get_ref().as_ref()) {
                self.faults.push(node.unknown("section", name.get_ref(), &known));
            } else if value.get_ref().as_table().is_none() {
                let remedy = format!("write [{}] above its settings", node.key);
                let fault = node.fault("this is a section", &remedy);
                self.faults.push(Fault { value: String::new(), ..fault });
            }
        }
        for over in &self.overrides {
            let keys = Settings::SECTIONS.iter().find(|(section, _)| *section == over.section).map(|(_, keys)| *keys);
            let node = over.node(&over.as_text, self.folder);
            match keys {
                None => self.faults.push(node.unknown("section", &over.section, &known)),
                Some(keys) if keys.iter().all(|(key, _)| *key != over.key) => {
                    let keys: Vec<_> = keys.iter().map(|(key, _)| *key).collect();
                    self.faults.push(node.unknown("setting", &over.key, &keys));
                }
                Some(_) => {}
            }
        }
    }

    /// Every setting of the file's section is one that exists.
    pub(crate) fn no_others(&mut self, section: &'static str, known: impl Iterator<Item = &'static str>) {
        let known: Vec<_> = known.collect();
        let Some(table) = self.file.table.get(section).and_then(|value| value.get_ref().as_table()) else { return };
        for (name, value) in table {
            if !known.contains(&name.get_ref().as_ref()) {
                let key = format!("{section}.{}", name.get_ref());
                let node = self.file.node(value.get_ref(), name.span(), key, self.folder);
                self.faults.push(node.unknown("setting", name.get_ref(), &known));
            }
        }
    }

    fn find(&self, section: &'static str, key: &'static str) -> Option<Found<'_>> {
        let over = self.overrides.iter().find(|over| over.section == section && over.key == key);
        over.map(|over| Found::Override(over, self.folder)).or_else(|| self.file.find(section, key, self.folder))
    }

    fn missing(&self, section: &str, key: &str) -> Fault {
        let place = match self.file.table.get(section) {
            Some(value) => self.file.origin.place(value.span().start),
            None => self.file.origin.place(0),
        };
        let remedy = format!("add `{key} = …` to [{section}]; `sealgate config describe` says what it is for");
        let (key, value) = (format!("{section}.{key}"), String::new());
        Fault { place, key, value, problem: "this setting is required".to_owned(), remedy }
    }
}

/// Where a setting was found.
enum Found<'a> {
    Node(Node<'a>),
    Override(&'a Override<'a>, &'a Path),
}

impl<'a> Found<'a> {
    fn read<T: Setting>(&self, bound: Option<RangeInclusive<u64>>, faults: &mut Faults) -> Option<T> {
        let (over, folder) = match self {
            Self::Node(node) => return node.read_within(bound, faults),
            Self::Override(over, folder) => (over, folder),
        };
        let as_text = over.node(&over.as_text, folder);
        let Some(value) = &over.as_toml else { return as_text.read_within(bound, faults) };
        let as_toml = over.node(value, folder).read_within(bound.clone(), faults);
        // `SEALGATE__PROVIDER__PHONE=441632960000` is a text that looks like a number.
        as_toml.or_else(|| as_text.read_within(bound, &mut Faults::new()).inspect(|_| faults.clear()))
    }

    fn node(self) -> Node<'a> {
        match self {
            Self::Node(node) => node,
            Self::Override(over, folder) => over.node(&over.as_text, folder),
        }
    }
}

impl<'a> Layer<'a> {
    fn parse(origin: Origin<'a>) -> Result<Self, ConfigError> {
        let (table, errors) = DeTable::parse_recoverable(origin.text());
        if errors.is_empty() {
            return Ok(Self { origin, table: table.into_inner() });
        }
        let fault = |error: &toml::de::Error| Fault {
            place: origin.place(error.span().map_or(0, |span| span.start)),
            key: String::new(),
            value: String::new(),
            problem: format!("this is not TOML: {}", error.message().replace('\n', ", ")),
            remedy: "write each setting as `name = value`, and text in quotes".to_owned(),
        };
        Err(ConfigError::Faults(errors.iter().map(fault).collect()))
    }

    fn find<'s>(&'s self, section: &str, key: &str, folder: &'s Path) -> Option<Found<'s>> {
        let value = self.table.get(section)?.get_ref().as_table()?.get(key)?;
        Some(Found::Node(self.node(value.get_ref(), value.span(), format!("{section}.{key}"), folder)))
    }

    const fn node<'s>(&'s self, value: &'s DeValue<'s>, span: Range<usize>, key: String, folder: &'s Path) -> Node<'s> {
        Node { value, span, key, origin: self.origin, folder }
    }
}

impl<'a> Override<'a> {
    fn new(name: &'a str, text: &'a str) -> Option<Self> {
        let (section, key) = name.strip_prefix(crate::OVERRIDE_PREFIX)?.split_once("__").unwrap_or_default();
        Some(Self {
            origin: Origin::Variable { name, text },
            section: section.to_lowercase(),
            key: key.to_lowercase(),
            as_toml: DeValue::parse(text).ok().map(toml::Spanned::into_inner),
            as_text: DeValue::String(text.into()),
        })
    }

    fn node<'s>(&'s self, value: &'s DeValue<'s>, folder: &'s Path) -> Node<'s> {
        let key = format!("{}.{}", self.section, self.key);
        Node { value, span: 0..self.origin.text().len(), key, origin: self.origin, folder }
    }
}
