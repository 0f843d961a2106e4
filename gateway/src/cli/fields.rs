//! `field=value` pairs as a table of the register file, so that the command line and the file have one parser.
//!
//! A value is text; a list is written with commas where the field is one; anything that begins
//! with `[`, `{` or `"` is taken as TOML.

use toml::{Table, Value};

use super::out::Failure;
use crate::status::Status;

/// Fields that are lists in the register file (`spec/decision.md` section 8).
const LISTS: &[&str] = &[
    "abroad", "addresses", "aliases", "categories", "channels", "default_categories", "domains", "knows", "mx",
    "objections", "pins", "proof", "purposes", "representatives", "roles", "usual",
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
        let mut parsed: Table = format!("value = {text}").parse().map_err(|_| bad("the value does not parse as TOML"))?;
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
mod tests {
    use super::put;

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
