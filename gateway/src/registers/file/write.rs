//! Writes a register back as a file that reads to the same register.

use super::Document;
use super::record::Record;

impl Document {
    /// As TOML, fields in the order of the specification.
    #[must_use]
    pub fn to_toml(&self) -> String {
        let tables = self.written().into_iter().flat_map(|(table, list, records)| {
            let head = if list { format!("[[{table}]]\n") } else { format!("[{table}]\n") };
            records.into_iter().map(move |record| {
                let fields = record.into_iter().map(|(name, value)| format!("{name} = {value}\n"));
                format!("{head}{}\n", fields.collect::<String>())
            })
        });
        tables.collect()
    }

    /// As JSON with the same names.
    #[must_use]
    pub fn to_json(&self) -> String {
        let object = |record: Vec<(&str, toml::Value)>| -> serde_json::Value {
            record.into_iter().map(|(name, value)| (name.to_owned(), json(value))).collect()
        };
        let tables = self.written().into_iter().filter_map(|(table, list, records)| {
            let mut objects: Vec<_> = records.into_iter().map(object).collect();
            let value = if list { objects.into() } else { objects.pop()? };
            Some((table.to_owned(), value))
        });
        format!("{:#}\n", tables.collect::<serde_json::Value>())
    }

    /// Each table: its name, whether it is a list, and its records field by field.
    fn written(&self) -> [(&'static str, bool, Vec<super::record::Written>); 6] {
        fn records<'r, T: Record + 'r>(records: impl IntoIterator<Item = &'r T>) -> Vec<super::record::Written> {
            records.into_iter().map(Record::written).collect()
        }
        [
            ("provider", false, records(&self.provider)),
            ("staff", true, records(&self.staff)),
            ("subject", true, records(&self.subjects)),
            ("agency", true, records(&self.agencies)),
            ("consent", true, records(&self.consents)),
            ("exception", true, records(&self.exceptions)),
        ]
    }
}

fn json(value: toml::Value) -> serde_json::Value {
    match value {
        toml::Value::String(text) => text.into(),
        toml::Value::Integer(number) => number.into(),
        toml::Value::Float(number) => number.into(),
        toml::Value::Boolean(truth) => truth.into(),
        toml::Value::Datetime(date) => date.to_string().into(),
        toml::Value::Array(list) => list.into_iter().map(json).collect(),
        toml::Value::Table(table) => table.into_iter().map(|(name, value)| (name, json(value))).collect(),
    }
}
