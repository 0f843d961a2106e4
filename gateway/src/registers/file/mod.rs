//! Register files (`decision.md` section 8): read strictly and whole, or not at all; and written back.
//!
//! The promise: **what is left out, misspelt or contradicts itself is never read as a yes.** Every fault is told,
//! with file, line, field and remedy; on any, nothing is taken.
//!
//! Not here: the register in the store (`registers`), and the cases of scenario files (`registers/scenario`).

pub(crate) mod error;
pub(crate) mod field;
pub(crate) mod node;
pub(crate) mod record;
mod rules;
mod tables;
mod write;

#[cfg(test)]
mod tests;

use std::collections::BTreeMap;

use policy::{Agency, Consent, Exception, Staff, Subject, SubjectId};

pub use error::{FAULTS_MAX, Fault, FileError};
use field::Field;
use node::{Node, Value};
use record::{Read, shown};
pub use rules::Known;
pub(crate) use rules::Placed;
use rules::Records;
pub use tables::Provider;

/// Everything that a register file can hold.
#[derive(Clone, Default, PartialEq)]
pub struct Document {
    /// The organisation that the register belongs to, if the file says so.
    pub provider: Option<Provider>,
    /// Those who submit and approve.
    pub staff: Vec<Staff>,
    /// Those whom letters are about.
    pub subjects: Vec<Subject>,
    /// The allow-list.
    pub agencies: Vec<Agency>,
    /// What subjects said; each names its subject by the register's own id, never by an alias.
    pub consents: Vec<Consent>,
    /// Disclosures without consent; each names its subject likewise.
    pub exceptions: Vec<Exception>,
}

/// The tables of a file, in the order of the specification.
pub(crate) const TABLES: [&str; 6] = ["provider", "staff", "subject", "agency", "consent", "exception"];

/// Reads a register file in TOML, or in JSON with the same names. `file` is its name in faults; references may
/// resolve within the file or in `known`.
///
/// # Errors
/// With every fault of the file; then nothing of it is to be taken.
pub fn parse(text: &str, file: &str, known: &Known) -> Result<Document, FileError> {
    let root = Node::parse(text, file)?;
    let mut faults = unknown_tables(&root, &TABLES);
    let document = document(&root, known, &mut faults);
    if faults.is_empty() { Ok(document) } else { Err(FileError::of(file, faults)) }
}

/// Reads the register's tables out of a file's tree; what is at fault is left out and told.
pub(crate) fn document(root: &Node, known: &Known, faults: &mut Vec<Fault>) -> Document {
    let ids: BTreeMap<_, _> = ["staff", "subject", "agency", "consent", "exception"]
        .map(|table| (table, rules::unique_ids(table, root, faults)))
        .into();
    rules::references(root, &ids, known, faults);
    let provider = root.field("provider").and_then(|node| one(Provider::read, "provider".to_owned(), node, faults));
    let staff = table("staff", root, faults);
    let mut exceptions: Vec<Placed<'_, Exception>> = table("exception", root, faults);
    let mut records = Records {
        subjects: table("subject", root, faults),
        agencies: table("agency", root, faults),
        consents: table("consent", root, faults),
    };
    rules::between(&records, known, faults);
    let of_consents = records.consents.iter_mut().map(|consent| &mut consent.record.subject);
    let of_exceptions = exceptions.iter_mut().filter_map(|exception| exception.record.subject.as_mut());
    own_ids(of_consents.chain(of_exceptions), &records.subjects, known);
    Document {
        provider: provider.map(|placed| placed.record),
        staff: plain(staff),
        subjects: plain(records.subjects),
        agencies: plain(records.agencies),
        consents: plain(records.consents),
        exceptions: plain(exceptions),
    }
}

/// Faults of tables that a file does not have.
pub(crate) fn unknown_tables(root: &Node, tables: &[&'static str]) -> Vec<Fault> {
    let Value::Table(fields) = &root.value else { return Vec::new() };
    let unknown = |(name, node): &(String, Node)| {
        let remedy = match field::nearest(name, tables.iter().copied()) {
            Some(nearest) => format!("did you mean `{nearest}`?"),
            None => format!("take it out; a file holds {}", tables.join(", ")),
        };
        node.fault("there is no table of this name", remedy).within(&shown(name))
    };
    fields.iter().filter(|(name, _)| !tables.contains(&name.as_str())).map(unknown).collect()
}

/// Every record of a table that is well; faults of the others.
fn table<'n, T: Field>(name: &str, root: &'n Node, faults: &mut Vec<Fault>) -> Vec<Placed<'n, T>> {
    table_of(T::read, name, root, faults)
}

/// Every record of a table that is well, read in a way of its own; faults of the others.
pub(crate) fn table_of<'n, T>(
    read: Read<T>,
    name: &str,
    root: &'n Node,
    faults: &mut Vec<Fault>,
) -> Vec<Placed<'n, T>> {
    let Some(list) = root.field(name) else { return Vec::new() };
    if !matches!(list.value, Value::List(_)) {
        faults.push(list.fault("this is a list of tables", format!("write each under [[{name}]]")).within(name));
    }
    let records = list.elements().iter().enumerate();
    records.filter_map(|(index, node)| one(read, format!("{name}[{index}]"), node, faults)).collect()
}

fn one<'n, T>(read: Read<T>, path: String, node: &'n Node, faults: &mut Vec<Fault>) -> Option<Placed<'n, T>> {
    match read(node) {
        Ok(record) => Some(Placed { node, path, record }),
        Err(found) => {
            faults.extend(found.into_iter().map(|fault| fault.within(&path)));
            None
        }
    }
}

fn plain<T>(placed: Vec<Placed<'_, T>>) -> Vec<T> {
    placed.into_iter().map(|placed| placed.record).collect()
}

/// A record may name its subject by an alias; from here on it is the register's own id.
fn own_ids<'r>(named: impl Iterator<Item = &'r mut SubjectId>, subjects: &[Placed<'_, Subject>], known: &Known) {
    let aliases = subjects.iter().flat_map(|subject| subject.record.aliases.iter().map(|id| (id, &subject.record.id)));
    let of_register = known.subjects.iter().map(|(id, (own, _))| (id, own));
    let own: BTreeMap<&SubjectId, &SubjectId> = of_register.chain(aliases).collect();
    for id in named {
        if let Some(own) = own.get(id) {
            *id = (*own).clone();
        }
    }
}
