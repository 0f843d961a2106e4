//! The verbs that every register table has: list, show, add, import, export. One path for all five tables.
//!
//! Not here: what a table's rows look like (`tables.rs`), and verbs of one table alone.

use std::path::Path;

use serde_json::{Value, json};
use toml::Table;

use super::args::{Change, Import, Record};
use super::out::{Failure, OrFail, Outcome, table};
use super::tables::Entry;
use super::visit::Visit;
use super::{fields, files};
use crate::registers::file::{self, Document, FileError};
use crate::registers::{Plan, Version, What};
use crate::status::Status;

/// A register of a hundred thousand consents fits; the file's own bound is told by its reader.
const FILE_BYTES_MAX: u64 = 1 << 30;

pub(super) async fn record<T: Entry>(visit: &Visit, verb: Record) -> Outcome {
    match verb {
        Record::List => list::<T>(visit).await,
        Record::Show { id } => show::<T>(visit, &id).await,
        Record::Add(change) => add::<T>(visit, &change).await,
        Record::Import(file) => import(visit, &file).await,
        Record::Export => export::<T>(visit).await,
    }
}

/// A table's entries as a register file has them.
pub(super) fn entries_json<T: Entry>(entries: Vec<T>) -> Value {
    let mut document: Value = serde_json::from_str(&T::alone(entries).to_json()).unwrap_or_default();
    document.get_mut(T::LIST).map(Value::take).unwrap_or_default()
}

/// There is no entry of this id.
pub(super) fn absent<T: Entry>(id: &str) -> Failure {
    let noun = T::NOUN;
    Failure::new(Status::NotFound, format!("{noun} `{id}`: there is none; `sealgate {noun} list` shows them"))
}

async fn list<T: Entry>(visit: &Visit) -> Outcome {
    let entries = visit.registers.list::<T>().await?;
    let rows: Vec<_> = entries.iter().map(Entry::row).collect();
    visit.out.data(&entries_json(entries), table(T::HEADINGS, &rows));
    Ok(Status::Done)
}

async fn show<T: Entry>(visit: &Visit, id: &str) -> Outcome {
    let mut versions = visit.registers.history::<T>(id).await?;
    let since: Vec<_> = versions.iter().map(|Version { since, by, .. }| (since.to_string(), by.clone())).collect();
    let entry = versions.pop().ok_or_else(|| absent::<T>(id))?.entry;
    let changes: Vec<_> = since.iter().map(|(since, by)| json!({ "since": since, "by": by })).collect();
    let told = since.iter().map(|(since, by)| format!("# since {since}, by {by}\n"));
    let text = format!("{}\n{}", T::alone(vec![entry.clone()]).to_toml().trim_end(), told.collect::<String>());
    let entry = entries_json(vec![entry]).get_mut(0).map(Value::take);
    visit.out.data(&json!({ "entry": entry, "history": changes }), text);
    Ok(Status::Done)
}

/// The fields given, over the entry as it is, read as a register file is.
async fn add<T: Entry>(visit: &Visit, change: &Change) -> Outcome {
    let mut given = Table::new();
    fields::put(&mut given, &change.fields)?;
    let id = given.get("id").and_then(|id| id.as_str()).filter(|id| !id.is_empty());
    let id = id.ok_or_else(|| Failure::new(Status::Usage, "id: say which entry, as id=…"))?;
    let mut merged = match visit.registers.read::<T>(id).await? {
        Some(entry) => {
            // A subject may be called by an alias; the entry keeps its own id.
            given.insert("id".to_owned(), entry.id().into());
            written(entry)?
        }
        None => Table::new(),
    };
    merged.extend(given);
    let mut root = Table::new();
    root.insert(T::LIST.to_owned(), vec![merged].into());
    let known = visit.registers.known().await?;
    let document = file::parse(&root.to_string(), "fields", &known).map_err(|error| in_fields::<T>(&error))?;
    apply(visit, &document, &change.by).await
}

async fn import(visit: &Visit, import: &Import) -> Outcome {
    let text = files::text(&import.file, FILE_BYTES_MAX)?;
    let is_typed = import.file == Path::new("-");
    let name = if is_typed { "standard input".to_owned() } else { import.file.display().to_string() };
    let document = file::parse(&text, &name, &visit.registers.known().await?).or_fail(Status::Fault)?;
    if import.dry_run {
        visit.permit(&import.by, &document.staff).await?;
        tell(visit, &visit.registers.plan(&document).await?);
        visit.out.say("Nothing is changed.");
        return Ok(Status::Done);
    }
    apply(visit, &document, &import.by).await
}

async fn export<T: Entry>(visit: &Visit) -> Outcome {
    let document = T::alone(visit.registers.list::<T>().await?);
    let json: Value = serde_json::from_str(&document.to_json()).or_fail(Status::Fault)?;
    visit.out.data(&json, document.to_toml());
    Ok(Status::Done)
}

/// Tells the plan, then makes it so, in one commit.
async fn apply(visit: &Visit, document: &Document, by: &str) -> Outcome {
    visit.permit(by, &document.staff).await?;
    tell(visit, &visit.registers.plan(document).await?);
    visit.registers.import(document, by).await?;
    visit.out.say("Done.");
    Ok(Status::Done)
}

fn tell(visit: &Visit, plan: &Plan) {
    let count = |what| plan.count(what);
    let (added, changed, same) = (count(What::Added), count(What::Changed), count(What::Same));
    let other = plan.0.iter().filter(|planned| planned.what != What::Same);
    let mut lines: Vec<String> = other
        .map(|planned| {
            let line = format!("{:<8} {} {}", planned.what.as_str(), planned.list, planned.id);
            if planned.fields.is_empty() { line } else { format!("{line} ({})", planned.fields.join(", ")) }
        })
        .collect();
    lines.push(format!("{added} added, {changed} changed, {same} same"));
    let json = json!({ "plan": plan, "added": added, "changed": changed, "same": same });
    visit.out.data(&json, lines.join("\n"));
}

fn written<T: Entry>(entry: T) -> Result<Table, Failure> {
    let mut document: Table = T::alone(vec![entry]).to_toml().parse().or_fail(Status::Fault)?;
    let list = document.remove(T::LIST);
    match list {
        Some(toml::Value::Array(mut tables)) => match tables.pop() {
            Some(toml::Value::Table(table)) => Ok(table),
            _ => Ok(Table::new()),
        },
        _ => Ok(Table::new()),
    }
}

/// Faults of a table that was made of pairs have a field, and no line.
fn in_fields<T: Entry>(error: &FileError) -> Failure {
    let place = format!("{}[0].", T::LIST);
    let lines = error.faults().iter().map(|fault| {
        let field = fault.field.strip_prefix(&place).unwrap_or(&fault.field);
        format!("{field}: {}; {}", fault.problem, fault.remedy)
    });
    Failure::new(Status::Usage, lines.collect::<Vec<_>>().join("\n"))
}
