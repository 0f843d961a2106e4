//! Rules between records: ids are unique, references resolve, addresses belong to one, nothing goes in a circle.
//!
//! Checked on the file and on what the register already holds ([`Known`]). Not here: rules within one record (`tables`).

use std::collections::{BTreeMap, BTreeSet};

use policy::{Agency, Consent, Mailbox, Subject, SubjectId};

use super::Document;
use super::error::Fault;
use super::field::nearest;
use super::node::Node;

/// What the register already holds, for a file that adds to it.
///
/// A record of the file replaces the register's own of the same id.
#[derive(Default)]
pub struct Known {
    /// Staff ids.
    pub staff: BTreeSet<String>,
    /// Agency ids.
    pub agencies: BTreeSet<String>,
    /// Subjects by each of their ids, aliases too: the register's own id, and the names of their pieces of work.
    pub subjects: BTreeMap<SubjectId, (SubjectId, BTreeSet<String>)>,
    /// Consent entries: whose, and what each supersedes.
    pub consents: BTreeMap<String, (SubjectId, Option<String>)>,
    /// Listed addresses ([`Mailbox::key`]) and domains, and the agency that each belongs to.
    pub listed: BTreeMap<String, String>,
    /// Subjects' own addresses ([`Mailbox::key`]).
    pub subject_addresses: BTreeSet<String>,
}

/// A record, the node that it was read from, and its name in faults.
pub(crate) struct Placed<'n, T> {
    pub(crate) node: &'n Node,
    pub(crate) path: String,
    pub(crate) record: T,
}

/// What was read well, for the rules between records.
pub(super) struct Records<'n> {
    pub(super) subjects: Vec<Placed<'n, Subject>>,
    pub(super) agencies: Vec<Placed<'n, Agency>>,
    pub(super) consents: Vec<Placed<'n, Consent>>,
}

/// Which field refers to which table. A dot leads into a table, and a list is followed through each element.
const REFERENCES: &[(&str, &str, &str)] = &[
    ("subject", "usual", "agency"),
    ("subject", "responsible_officer", "agency"),
    ("subject", "supervisor", "agency"),
    ("subject", "representatives", "agency"),
    ("agency", "only_via", "agency"),
    ("agency", "requested_by", "staff"),
    ("agency", "authorised.by", "staff"),
    ("agency", "verified.by", "staff"),
    ("consent", "subject", "subject"),
    ("consent", "agency", "agency"),
    ("consent", "supersedes", "consent"),
    ("exception", "agency", "agency"),
    ("exception", "subject", "subject"),
    ("exception", "requested_by", "staff"),
    ("exception", "approved_by", "staff"),
];

impl Known {
    /// All that a document holds.
    #[must_use]
    pub fn of(document: &Document) -> Self {
        let mut known = Self::default();
        known.staff.extend(document.staff.iter().map(|staff| staff.id.clone()));
        for subject in &document.subjects {
            let works: BTreeSet<_> = subject.works.keys().cloned().collect();
            for id in std::iter::once(&subject.id).chain(&subject.aliases) {
                known.subjects.insert(id.clone(), (subject.id.clone(), works.clone()));
            }
            known.subject_addresses.extend(subject.addresses.iter().map(Mailbox::key));
        }
        for agency in &document.agencies {
            known.agencies.insert(agency.id.clone());
            known.listed.extend(listed(agency).map(|key| (key, agency.id.clone())));
        }
        for consent in &document.consents {
            known.consents.insert(consent.id.clone(), (consent.subject.clone(), consent.supersedes.clone()));
        }
        known
    }
}

/// Every id of a table's records in the file, and faults of those that stand twice.
pub(super) fn unique_ids(table: &'static str, root: &Node, faults: &mut Vec<Fault>) -> BTreeSet<String> {
    let mut seen: BTreeMap<String, Option<usize>> = BTreeMap::new();
    for (index, record) in root.field(table).map(Node::elements).unwrap_or_default().iter().enumerate() {
        let aliases = if table == "subject" { record.field("aliases") } else { None };
        let ids = record.field("id").into_iter().map(|node| (node, "id".to_owned())).chain(
            aliases.map(Node::elements).unwrap_or_default().iter().zip(0..).map(|(n, i)| (n, format!("aliases[{i}]"))),
        );
        for (node, field) in ids {
            let Some(id) = node.text().map(|text| canonical(table, text)) else { continue };
            if let Some(first) = seen.insert(id, node.line) {
                let first = first.map(|line| format!(" (line {line})")).unwrap_or_default();
                let remedy = "give each its own, or take one out";
                let problem = format!("another {table} of this file{first} has this id");
                faults.push(node.fault(problem, remedy).within(&format!("{table}[{index}].{field}")));
            }
        }
    }
    seen.into_keys().collect()
}

/// Faults of every reference that resolves neither in the file nor in the register.
pub(super) fn references(
    root: &Node,
    ids: &BTreeMap<&'static str, BTreeSet<String>>,
    known: &Known,
    faults: &mut Vec<Fault>,
) {
    for (table, field, target) in REFERENCES {
        let Some(of_file) = ids.get(target) else { continue };
        for (index, record) in root.field(table).map(Node::elements).unwrap_or_default().iter().enumerate() {
            let node = field.split('.').try_fold(record, |node, name| node.field(name));
            for text in node.into_iter().flat_map(|node| std::iter::once(node).chain(node.elements())) {
                let Some(id) = text.text().map(|text| canonical(target, text)) else { continue };
                if !of_file.contains(&id) && !in_register(known, target, &id) {
                    let remedy = remedy(target, &id, of_file);
                    let fault = text.fault(format!("there is no {target} of this id"), remedy);
                    faults.push(fault.within(&format!("{table}[{index}].{field}")));
                }
            }
        }
    }
}

/// Faults between records that are each well.
pub(super) fn between(records: &Records<'_>, known: &Known, faults: &mut Vec<Fault>) {
    identities(records, known, faults);
    addresses(records, known, faults);
    consents(records, known, faults);
    circles(records, known, faults);
}

/// No id of a subject is that of somebody else in the register.
fn identities(records: &Records<'_>, known: &Known, faults: &mut Vec<Fault>) {
    let in_file: BTreeSet<_> = records.subjects.iter().map(|subject| &subject.record.id).collect();
    for Placed { node, path, record } in &records.subjects {
        let ids = std::iter::once((&record.id, "id")).chain(record.aliases.iter().map(|alias| (alias, "aliases")));
        for (id, field) in ids {
            if known.subjects.get(id).is_some_and(|(own, _)| *own != record.id && !in_file.contains(own)) {
                let remedy = "give each its own, or import both subjects together";
                faults.push(placed(node, path, field, "another subject of the register has this id", remedy));
            }
        }
    }
}

/// An address or domain belongs to one agency and to no subject.
fn addresses(records: &Records<'_>, known: &Known, faults: &mut Vec<Fault>) {
    let own = records.subjects.iter().flat_map(|subject| subject.record.addresses.iter().map(Mailbox::key));
    let subjects: BTreeSet<_> = own.collect();
    let in_file: BTreeSet<_> = records.agencies.iter().map(|agency| &agency.record.id).collect();
    let mut owners: BTreeMap<_, _> =
        known.listed.iter().filter(|(_, owner)| !in_file.contains(owner)).map(|(k, o)| (k.clone(), o)).collect();
    for agency in &records.agencies {
        for (field, keys) in [("addresses", address_keys(&agency.record)), ("domains", domain_keys(&agency.record))] {
            for (index, key) in keys.into_iter().enumerate() {
                let problem = if subjects.contains(&key) || known.subject_addresses.contains(&key) {
                    "this address is a subject's own"
                } else if owners.insert(key, &agency.record.id).is_some() {
                    "this belongs to another agency, or stands here twice"
                } else {
                    continue;
                };
                let node = agency.node.field(field).and_then(|list| list.elements().get(index)).unwrap_or(agency.node);
                let remedy = "keep it with the one whose it is";
                faults.push(node.fault(problem, remedy).within(&format!("{}.{field}[{index}]", agency.path)));
            }
        }
    }
    for subject in &records.subjects {
        for (index, address) in subject.record.addresses.iter().enumerate() {
            let listed = known.listed.get(&address.key()).is_some_and(|owner| !in_file.contains(owner));
            if listed {
                let list = subject.node.field("addresses").map(Node::elements).unwrap_or_default();
                let fault = list
                    .get(index)
                    .unwrap_or(subject.node)
                    .fault("this address belongs to an agency of the register", "keep it with the one whose it is");
                faults.push(fault.within(&format!("{}.addresses[{index}]", subject.path)));
            }
        }
    }
}

/// `supersedes` names an entry of the same subject, and `work` a piece of work of theirs.
fn consents(records: &Records<'_>, known: &Known, faults: &mut Vec<Fault>) {
    let people = People::of(records, known);
    let subject_of: BTreeMap<_, _> =
        records.consents.iter().map(|consent| (&consent.record.id, &consent.record.subject)).collect();
    for Placed { node, path, record } in &records.consents {
        let Some((id, works)) = people.find(&record.subject) else { continue };
        let replaced = record.supersedes.as_ref().and_then(|replaced| {
            subject_of.get(replaced).copied().or_else(|| known.consents.get(replaced).map(|(subject, _)| subject))
        });
        if replaced.is_some_and(|other| people.find(other).is_some_and(|(other, _)| other != id)) {
            let remedy = "name an entry of the same subject";
            faults.push(placed(node, path, "supersedes", "the entry it supersedes is about somebody else", remedy));
        }
        if record.work.as_ref().is_some_and(|work| !works.contains(work.as_str())) {
            let remedy = "add it to the subject's works, or correct its name";
            faults.push(placed(node, path, "work", "the subject has no piece of work of this name", remedy));
        }
    }
}

/// No entry supersedes itself, by whatever way round.
fn circles(records: &Records<'_>, known: &Known, faults: &mut Vec<Fault>) {
    let mut next: BTreeMap<&str, &str> = BTreeMap::new();
    for (id, (_, replaced)) in &known.consents {
        next.extend(replaced.as_deref().map(|replaced| (id.as_str(), replaced)));
    }
    for Placed { record, .. } in &records.consents {
        next.remove(record.id.as_str());
        next.extend(record.supersedes.as_deref().map(|replaced| (record.id.as_str(), replaced)));
    }
    let mut settled = BTreeSet::new();
    for Placed { node, path, record } in &records.consents {
        let (mut way, mut at) = (BTreeSet::new(), Some(record.id.as_str()));
        while let Some(id) = at.filter(|id| !settled.contains(id)) {
            if !way.insert(id) {
                let remedy = "the oldest entry supersedes nothing; take its supersedes out";
                faults.push(placed(node, path, "supersedes", "these entries supersede each other in a circle", remedy));
                break;
            }
            at = next.get(id).copied();
        }
        settled.extend(way);
    }
}

/// Subjects of the file and of the register, by any of their ids.
struct People<'r>(BTreeMap<&'r SubjectId, (&'r SubjectId, BTreeSet<&'r str>)>);

impl<'r> People<'r> {
    fn of(records: &'r Records<'_>, known: &'r Known) -> Self {
        let of_register = known
            .subjects
            .iter()
            .map(|(id, (own, works))| (id, (own, works.iter().map(String::as_str).collect::<BTreeSet<_>>())));
        let of_file = records.subjects.iter().flat_map(|Placed { record, .. }| {
            let works: BTreeSet<_> = record.works.keys().map(String::as_str).collect();
            std::iter::once(&record.id).chain(&record.aliases).map(move |id| (id, (&record.id, works.clone())))
        });
        Self(of_register.chain(of_file).collect())
    }

    fn find(&self, id: &SubjectId) -> Option<(&'r SubjectId, &BTreeSet<&'r str>)> {
        self.0.get(id).map(|(own, works)| (*own, works))
    }
}

fn placed(node: &Node, path: &str, field: &str, problem: &str, remedy: &str) -> Fault {
    node.field(field).unwrap_or(node).fault(problem, remedy).within(&format!("{path}.{field}"))
}

/// An id as it is compared: a subject's in its one spelling.
fn canonical(table: &str, text: &str) -> String {
    let subject = if table == "subject" { SubjectId::parse(text).ok() } else { None };
    subject.map_or_else(|| text.to_owned(), String::from)
}

fn in_register(known: &Known, table: &str, id: &str) -> bool {
    match table {
        "staff" => known.staff.contains(id),
        "agency" => known.agencies.contains(id),
        "consent" => known.consents.contains_key(id),
        _ => SubjectId::parse(id).is_ok_and(|id| known.subjects.contains_key(&id)),
    }
}

/// Ids of subjects and of consent entries may tell who somebody is, so those are never suggested.
fn remedy(table: &str, id: &str, of_file: &BTreeSet<String>) -> String {
    let told = matches!(table, "staff" | "agency");
    match nearest(id, of_file.iter().map(String::as_str)).filter(|_| told) {
        Some(nearest) => format!("did you mean `{nearest}`?"),
        None => format!("add the {table}, or correct the id"),
    }
}

fn listed(agency: &Agency) -> impl Iterator<Item = String> {
    address_keys(agency).into_iter().chain(domain_keys(agency))
}

fn address_keys(agency: &Agency) -> Vec<String> {
    agency.addresses.iter().map(Mailbox::key).collect()
}

fn domain_keys(agency: &Agency) -> Vec<String> {
    agency.domains.iter().map(|domain| domain.as_str().to_owned()).collect()
}
