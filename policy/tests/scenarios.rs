//! Every scenario of `tests/scenarios`, by a conversion that knows no more of register files than they need.
//! The register parser of the gateway takes its place.
#![allow(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "a test that cannot read its scenario should stop"
)]

use std::collections::BTreeSet;
use std::path::Path;

use policy::{
    Agency, Approval, Consent, Exception, Facts, Letter, LetterId, Moment, Outcome, Recipient, Staff, Subject, decide,
    resembles,
};
use serde::de::DeserializeOwned;
use serde_json::{Map, Value, json};

const DATES: &[&str] = &[
    "agreement_until",
    "approved_on",
    "birth_date",
    "changed",
    "expires",
    "given",
    "not_after",
    "not_before",
    "on",
    "policy_copy_until",
    "trained_until",
    "undertaking_until",
    "until",
    "withdrawn",
];
const EXCEPTION_FIELDS: &[&str] = &[
    "id",
    "ground",
    "agency",
    "categories",
    "requested_by",
    "until",
    "subject",
    "approved_by",
    "approved_on",
    "told",
    "not_told_because",
];

#[test]
fn every_case_of_every_scenario_comes_out_exactly() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../tests/scenarios");
    let (mut cases, mut wrong) = (0, Vec::new());
    for entry in std::fs::read_dir(folder).expect("the scenarios are there").flatten() {
        if entry.path().is_file() {
            let file: Value = toml::from_str(&std::fs::read_to_string(entry.path()).expect("reads")).expect("is TOML");
            for case in list(&file, "case") {
                cases += 1;
                wrong.extend(difference(&file, case).map(|text| format!("{:?}: {text}", entry.file_name())));
            }
        }
    }
    assert!(wrong.is_empty(), "{} of {cases} differ:\n{}", wrong.len(), wrong.join("\n"));
    assert!(cases >= 122, "only {cases} cases");
}

fn difference(file: &Value, case: &Value) -> Option<String> {
    let now = Moment::parse(text(case, "now").or(text(file, "now")).expect("now")).expect("a moment");
    let letter = letter(&case["letter"]);
    let facts = facts(file, &letter);
    let decision = decide(&facts, letter, now);
    let explanation = serde_json::to_value(&decision.explanation).expect("serialises");
    let codes: BTreeSet<_> = list(&explanation, "reasons").iter().map(|reason| reason["code"].to_string()).collect();
    let wanted = |field: &str| -> BTreeSet<_> { list(&case["expect"], field).iter().map(Value::to_string).collect() };
    let duties: BTreeSet<_> = list(&explanation, "duties").iter().map(Value::to_string).collect();
    let agrees = explanation["verdict"] == case["expect"]["verdict"]
        && codes == wanted("reasons")
        && (case["expect"]["channels"].is_null() || explanation["channels"] == case["expect"]["channels"])
        && (case["expect"]["duties"].is_null() || duties == wanted("duties"))
        && matches!(decision.outcome, Outcome::Released(_)) == (explanation["verdict"] == "release");
    (!agrees).then(|| format!("{}\n  expected {}\n  decided  {explanation}", case["name"], case["expect"]))
}

fn letter(stated: &Value) -> Letter<()> {
    let field = |name: &str| stated.get(name).cloned();
    of(json!({
        "id": LetterId::from_bits(0), "sender": stated["sender"], "to": stated["to"], "subject": field("subject"),
        "purpose": field("purpose"), "categories": field("categories").unwrap_or(json!([])),
        "citation": field("citation"), "exception": field("exception"), "found": field("found").unwrap_or(json!([])),
        "sha256": field("sha256"), "body": null,
    }))
}

fn facts(file: &Value, letter: &Letter<()>) -> Facts {
    let staff: Vec<Staff> =
        list(file, "staff").iter().map(|it| of(filled(it, &["addresses", "default_categories"]))).collect();
    let agencies: Vec<Agency> = list(file, "agency").iter().map(agency).collect();
    let subject =
        list(file, "subject").iter().map(subject).find(|s| letter.subject.as_ref().is_some_and(|id| s.answers_to(id)));
    let consents: Vec<Consent> = list(file, "consent").iter().map(consent).collect();
    let member = |id: Option<&String>| staff.iter().find(|it| Some(&it.id) == id).cloned();
    let exception = list(file, "exception").iter().map(exception).find(|it| letter.exception.as_ref() == Some(&it.id));
    let agency = agencies
        .iter()
        .find(|it| it.addresses.contains(&letter.to))
        .or(agencies.iter().find(|it| it.is_at(&letter.to)));
    let recipient = match agency {
        Some(agency) => Recipient::Agency(Box::new(agency.clone())),
        None if subject.as_ref().is_some_and(|it| it.addresses.contains(&letter.to)) => Recipient::OwnAddress,
        None => {
            let (mailboxes, domains) =
                (agencies.iter().flat_map(|it| &it.addresses), agencies.iter().flat_map(|it| &it.domains));
            Recipient::Unlisted { resembles: resembles(&letter.to, mailboxes, domains) }
        }
    };
    Facts {
        sender: member(Some(&letter.sender)),
        authoriser: member(agency.and_then(|it| it.authorised.as_ref()).map(|it| &it.by)),
        consents: consents
            .into_iter()
            .filter(|it| subject.as_ref().is_some_and(|s| s.answers_to(&it.subject)))
            .collect(),
        approval: exception.map(|exception| Approval { approver: member(exception.approved_by.as_ref()), exception }),
        recipient,
        subject,
    }
}

fn agency(table: &Value) -> Agency {
    let mut fields = filled(table, &["addresses", "domains", "keys", "proof", "mx", "pins"]);
    fields.insert("suspended".to_owned(), json!(table.get("status") == Some(&json!("suspended"))));
    of(fields)
}

fn subject(table: &Value) -> Subject {
    let mut fields = filled(table, &["aliases", "addresses", "objections", "usual", "representatives", "knows"]);
    let works = table.get("works").and_then(Value::as_object).cloned().unwrap_or_default();
    let end = |end: &Value| end.as_str().filter(|end| !end.is_empty()).map(seconds);
    fields.insert("works".to_owned(), works.iter().map(|(work, it)| (work.clone(), json!(end(it)))).collect());
    for flag in ["deceased", "restricted", "trainee"] {
        fields.entry(flag).or_insert(json!(false));
    }
    of(fields)
}

fn consent(table: &Value) -> Consent {
    let mut fields = filled(table, &["abroad"]);
    let with = ["agency", "agency_kind"].into_iter().find_map(|it| fields.remove(it).map(|id| json!({ it: id })));
    fields.insert("with".to_owned(), with.expect("agency or kind"));
    fields.entry("given_by").or_insert(json!("subject"));
    for scope in ["purposes", "categories"] {
        if fields[scope] == json!(["any"]) {
            fields.insert(scope.to_owned(), json!([]));
        }
    }
    of(fields)
}

fn exception(table: &Value) -> Exception {
    let (mut fields, rest): (Map<_, _>, Map<_, _>) =
        filled(table, &[]).into_iter().partition(|(name, _)| EXCEPTION_FIELDS.contains(&name.as_str()));
    fields.insert("fields".to_owned(), Value::Object(rest));
    of(fields)
}

/// A table with its dates in seconds, its hours in minutes, and empty lists where it has none.
fn filled(table: &Value, lists: &[&str]) -> Map<String, Value> {
    let mut fields = dated(table).as_object().cloned().expect("a table");
    for name in lists {
        fields.entry(*name).or_insert(json!([]));
    }
    if let Some((from, to)) = text(table, "hours").and_then(|hours| hours.split_once('-')) {
        let minute = |clock: &str| clock.split(':').fold(0, |sum, part| sum * 60 + part.parse::<u32>().expect("hh:mm"));
        fields.insert("hours".to_owned(), json!({ "from_minute": minute(from), "to_minute": minute(to) }));
    }
    if fields.contains_key("roles") {
        fields.entry("active").or_insert(json!(true));
        fields.entry("on_duty").or_insert(json!(false));
    }
    fields
}

fn dated(value: &Value) -> Value {
    match value {
        Value::Array(items) => items.iter().map(dated).collect(),
        Value::Object(fields) => {
            let field = |(name, value): (&String, &Value)| match value.as_str() {
                Some(date) if DATES.contains(&name.as_str()) => (name.clone(), json!(seconds(date))),
                _ => (name.clone(), dated(value)),
            };
            fields.iter().map(field).collect()
        }
        other => other.clone(),
    }
}

fn seconds(date: &str) -> i64 {
    policy::Timestamp::parse(date).expect("a date").0
}

fn of<T: DeserializeOwned>(fields: impl Into<Value>) -> T {
    let fields = fields.into();
    serde_json::from_value(fields.clone()).unwrap_or_else(|error| panic!("{error}: {fields}"))
}

fn list<'a>(value: &'a Value, name: &str) -> &'a [Value] {
    value.get(name).and_then(Value::as_array).map_or(&[], Vec::as_slice)
}

fn text<'a>(value: &'a Value, name: &str) -> Option<&'a str> {
    value.get(name).and_then(Value::as_str)
}
