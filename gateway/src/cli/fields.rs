//! `field=value` pairs as a table of the register file, so that the command line and the file have one parser.
//!
//! A value is text; a list is written with commas where the field is one; anything that begins
//! with `[`, `{` or `"` is taken as TOML.

use toml::{Table, Value};

use super::out::Failure;
use crate::status::Status;

/// Fields that are lists in the register file (`spec/decision.md` section 8).
const LISTS: &[&str] = &[
    "abroad",
    "addresses",
    "aliases",
    "categories",
    "channels",
    "default_categories",
    "domains",
    "knows",
    "mx",
    "objections",
    "pins",
    "proof",
    "purposes",
    "representatives",
    "roles",
    "usual",
];
/// Fields that are true or false.
const SWITCHES: &[&str] = &["active", "deceased", "on_duty", "restricted", "trainee"];

/// Puts the pairs into `record`, over what is there.
///
/// # Errors
/// When a pair has no `=`, a switch is neither `true` nor `false`, or TOML does not parse; names the pair's field.
pub fn put(record: &mut Table, pairs: &[String]) -> Result<(), Failure> {
    for pair in pairs {
        let (field, text) = pair
            .split_once('=')
            .ok_or_else(|| Failure::new(Status::Usage, format!("`{pair}`: write it as field=value")))?;
        record.insert(field.to_owned(), value(field, text)?);
    }
    Ok(())
}

fn value(field: &str, text: &str) -> Result<Value, Failure> {
    let bad = |why: &str| Failure::new(Status::Usage, format!("{field}: {why}"));
    if text.starts_with(['[', '{', '"']) {
        let mut parsed: Table =
            format!("value = {text}").parse().map_err(|_| bad("the value does not parse as TOML"))?;
        return parsed.remove("value").ok_or_else(|| bad("the value does not parse as TOML"));
    }
    if SWITCHES.contains(&field) {
        return text.parse().map(Value::Boolean).map_err(|_| bad("say true or false"));
    }
    if LISTS.contains(&field) {
        let words = text.split(',').map(str::trim).filter(|word| !word.is_empty());
        return Ok(Value::Array(words.map(|word| Value::String(word.to_owned())).collect()));
    }
    Ok(Value::String(text.to_owned()))
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]
mod tests {
    use std::collections::{BTreeMap, BTreeSet};

    use policy::{Agency, Consent, Exception, Staff, Subject};

    use super::{LISTS, SWITCHES, put};
    use crate::registers::file::field::Field;
    use crate::registers::file::node::Node;

    /// What a field takes, as its reader tells by what it rejects.
    #[derive(Clone, Copy, Debug, PartialEq, Eq)]
    enum Takes {
        Text,
        Switch,
        Words,
        /// A table, or a list of tables: written as TOML.
        Toml,
    }

    /// Every table's every field is written on the command line as its reader takes it.
    #[test]
    fn lists_and_switches_are_those_of_the_tables() {
        let tables = [fields::<Staff>, fields::<Subject>, fields::<Agency>, fields::<Consent>, fields::<Exception>];
        let mut takes = BTreeMap::new();
        for (field, what) in tables.into_iter().flat_map(|fields| fields()) {
            let before = takes.insert(field.clone(), what).unwrap_or(what);
            assert_eq!(
                before, what,
                "`{field}` is one thing in one table and another in the next: they cannot share it"
            );
        }
        let of = |what| takes.iter().filter(move |(_, it)| **it == what).map(|(field, _)| field.as_str());
        assert_eq!(of(Takes::Words).collect::<Vec<_>>(), LISTS);
        assert_eq!(of(Takes::Switch).collect::<Vec<_>>(), SWITCHES);
        assert_eq!(of(Takes::Toml).collect::<Vec<_>>(), TOML);
        assert!(of(Takes::Text).count() > 20, "{takes:?}");
    }

    const TOML: &[&str] = &["authorised", "keys", "papers", "transfer", "verified", "works"];

    fn fields<T: Field>() -> Vec<(String, Takes)> {
        names::<T>().into_iter().map(|name| (name.clone(), takes::<T>(&name))).collect()
    }

    /// The names that a reader knows: it lists them to whoever writes one that is like none of them.
    fn names<T: Field>() -> BTreeSet<String> {
        let faults = faults::<T>("\"0\" = true");
        let known = faults.iter().find_map(|(_, told)| told.split_once("the fields here are ")).unwrap().1;
        known.split(", ").map(str::to_owned).collect()
    }

    fn takes<T: Field>(name: &str) -> Takes {
        let said = |value: &str, place: &str, problem: &str| {
            let faults = faults::<T>(&format!("{name} = {value}"));
            faults.iter().any(|(field, told)| field == place && told.starts_with(problem))
        };
        let element = format!("{name}[0]");
        match () {
            () if said("\"0\"", name, "this is true or false") => Takes::Switch,
            () if said("\"0\"", name, "this is a table") => Takes::Toml,
            () if !said("\"0\"", name, "this is a list") => Takes::Text,
            () if said("[\"0\"]", &element, "this is a table") => Takes::Toml,
            () => Takes::Words,
        }
    }

    /// Field, and what is told of it, of a record that holds this alone.
    fn faults<T: Field>(text: &str) -> Vec<(String, String)> {
        let node = Node::parse(text, "fields").unwrap_or_else(|error| panic!("{text}: {error}"));
        let found = T::read(&node).err().unwrap();
        found.into_iter().map(|fault| (fault.field, format!("{}; {}", fault.problem, fault.remedy))).collect()
    }

    #[test]
    fn pairs_become_a_table() {
        let cases: &[(&[&str], Result<&str, &str>)] = &[
            (&["id=elm", "name=Elm Street"], Ok("id = \"elm\"\nname = \"Elm Street\"\n")),
            (&["purposes=direct-care, research"], Ok("purposes = [\"direct-care\", \"research\"]\n")),
            (&["deceased=true"], Ok("deceased = true\n")),
            (&["works={ EP-1 = \"\" }"], Ok("[works]\nEP-1 = \"\"\n")),
            (&["note=a=b"], Ok("note = \"a=b\"\n")),
            (&["name"], Err("`name`: write it as field=value")),
            (&["deceased=yes"], Err("deceased: say true or false")),
            (&["keys=[{"], Err("keys: the value does not parse as TOML")),
        ];
        for (pairs, expected) in cases {
            let mut record = toml::Table::new();
            let pairs: Vec<String> = pairs.iter().map(|&pair| pair.to_owned()).collect();
            let got = put(&mut record, &pairs).map(|()| record.to_string()).map_err(|failure| failure.to_string());
            assert_eq!(got, expected.map(str::to_owned).map_err(str::to_owned), "{pairs:?}");
        }
    }
}
