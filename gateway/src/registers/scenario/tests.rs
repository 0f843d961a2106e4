//! Scenario files in, decisions out.
#![allow(clippy::unwrap_used, clippy::panic, reason = "tests")]

use std::path::PathBuf;

use policy::{Letter, LetterId, Mailbox, Recipient, SubjectId};

use super::{facts_from, run};
use crate::registers::file::{Known, parse};

/// One practice, one person, and a case that is held: consent was never asked.
const SCENARIO: &str = r#"
now = "2026-06-15T10:30:00+01:00"

[[staff]]
id = "am"
name = "A. Manager"
roles = ["area-manager", "clinician"]
trained_until = "2027-01-01"

[[subject]]
id = "nhs:9999624596"
name = "Una Vance"
birth_date = "1980-01-30"
aliases = ["case:LC-7"]
addresses = ["una@home.example", "una@mill.example"]

[[subject]]
id = "nhs:9991590137"
name = "Wes Yardley"
birth_date = "1970-02-20"
addresses = ["wes@mill.example"]

[[agency]]
id = "mill"
name = "Mill Surgery"
kind = "gp"
country = "GB"
purposes = ["direct-care"]
categories = ["clinical-letter"]
channels = ["link"]
addresses = ["post@elsewhere.example"]
domains = ["mill.example"]
authorised = { by = "am", on = "2026-01-01", until = "2027-01-01" }

[[consent]]
id = "c-1"
subject = "case:LC-7"
agency = "mill"
answer = "no"
form = "explicit"
manner = "verbal"
purposes = ["any"]
categories = ["any"]
given = "2026-01-03"

[[exception]]
id = "x-1"
ground = "safeguarding"
agency = "mill"
categories = ["clinical-letter"]
requested_by = "am"
approved_by = "am"
subject = "nhs:9999624596"
until = "2027-01-01"

[[case]]
name = "A no is a no"
seed = ["O-118"]
letter = { sender = "am", to = "desk@mill.example", subject = "case:LC-7", purpose = "direct-care", categories = ["clinical-letter"] }
expect = { verdict = "refuse", reasons = ["consent.refused", "agency.papers-missing", "recipient.unverified"] }
"#;

/// Every file of a folder of the corpus: its name and its text.
pub(crate) fn corpus(folder: &str) -> Vec<(String, String)> {
    let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../tests").join(folder);
    let paths = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    let mut files: Vec<_> = paths
        .filter(|path| path.extension().is_some_and(|extension| extension == "toml"))
        .map(|path| (path.file_name().unwrap().display().to_string(), std::fs::read_to_string(&path).unwrap()))
        .collect();
    files.sort();
    assert!(files.len() >= 10, "the corpus is there");
    files
}

#[test]
fn every_case_comes_out_exactly() {
    for (file, text) in corpus("scenarios") {
        let cases = run(&text, &file).unwrap_or_else(|error| panic!("{error}"));
        assert!(!cases.is_empty(), "{file} has cases");
        let differing: Vec<_> = cases.iter().filter(|case| !case.passed()).map(ToString::to_string).collect();
        assert!(differing.is_empty(), "{file}:\n{}", differing.join("\n"));
    }
}

#[test]
fn every_invalid_file_is_refused_with_place_and_remedy() {
    let check = |file: &str, expected: &str| {
        let (_, text) = corpus("scenarios/invalid").into_iter().find(|(name, _)| name == file).unwrap();
        let told = run(&text, file).err().map(|error| error.to_string()).unwrap_or_default();
        assert_eq!(told, format!("{file}:{expected}"));
    };
    check(
        "agency-and-kind.toml",
        "52: consent[0].agency_kind: an entry is for an agency or for a kind, not both; take one of them out",
    );
    check(
        "duplicate-id.toml",
        "63: consent[1].id: another consent of this file (line 49) has this id; give each its own, or take one out",
    );
    check(
        "exception-without-subject.toml",
        "73: exception[0].subject: this ground is about one person; add subject = …; only s251 may name none",
    );
    check(
        "expires-on-a-no.toml",
        "72: consent[1].expires: a no ends only when it is superseded; take it out; when the person changes their mind, add an entry that supersedes this one",
    );
    check(
        "impossible-date.toml",
        "71: consent[1].given: this is no date: the month has no such day; write a day as \"2026-06-15\", an instant as \"2026-06-15T10:30:00+01:00\"",
    );
    check(
        "nhs-check-digit.toml",
        "30: subject[1].id: an nhs number passes modulus 11 and is no repeated digit; write it as \"nhs:\" and ten digits, \"gmc:\" and seven, or \"case:\" and the case's name",
    );
    check("no-such-agency.toml", "51: consent[0].agency: there is no agency of this id; did you mean `surgery`?");
    check(
        "unknown-category.toml",
        "56: consent[0].categories[0]: this word is not on the list; did you mean `clinical-letter`?",
    );
    check(
        "unknown-field.toml",
        "60: consent[0].remarks: there is no field of this name; take it out; the fields here are id, subject, agency, agency_kind, answer, form, manner, purposes, categories, given, given_by, authority, capacity_note, notice, evidence, work, expires, withdrawn, abroad, supersedes",
    );
    check(
        "yes-for-any-purpose.toml",
        "55: consent[0].purposes: only a no may say `any`; name each that the person agreed to",
    );
    check("yes-without-purposes.toml", "48: consent[0].purposes: this field is required; add purposes = …");
}

#[test]
fn a_case_that_differs_is_explained() {
    let text = SCENARIO.replace("\"consent.refused\", ", "\"consent.none\", ").replace("\"refuse\"", "\"hold\"");
    let cases = run(&text, "s.toml").unwrap_or_else(|error| panic!("{error}"));
    let case = cases.first().unwrap();
    let told = case.to_string();
    assert!(!case.passed() && run(SCENARIO, "s.toml").unwrap().iter().all(super::CaseResult::passed));
    for expected in [
        "DIFFERS A no is a no",
        "verdict: expected hold, decided refuse",
        "reasons: missing [consent.none], not expected [consent.refused]",
        "agency.papers-missing: ",
        "facts: ",
    ] {
        assert!(told.contains(expected), "{told} has no {expected}");
    }
}

#[test]
fn a_case_that_cannot_be_read_is_told() {
    let check = |piece: &str, with: &str, expected: &str| {
        assert_eq!(SCENARIO.matches(piece).count(), 1, "{piece} stands once");
        let error = run(&SCENARIO.replace(piece, with), "s.toml").err().map(|error| error.to_string());
        let told = error.unwrap_or_default();
        assert!(
            told.lines().count() == 1 && told.starts_with("s.toml:") && told.contains(expected),
            "{expected}: {told}"
        );
    };
    check("now = \"2026-06-15T10:30:00+01:00\"", "", "case[0].now: the case has no moment; add now");
    check("now = \"2026-06-15T10:30:00+01:00\"", "now = \"yesterday\"", "s.toml:2: now: this is no moment");
    check("seed = [", "sed = [", "case[0].sed: there is no field of this name; did you mean `seed`?");
    check(
        "categories = [\"clinical-letter\"] }",
        "categories = [\"letter\"] }",
        "case[0].letter.categories[0]: this word is not on the list",
    );
    check(
        "categories = [\"clinical-letter\"] }",
        "exception = \"x-2\" }",
        "case[0].letter.exception: there is no exception of this id",
    );
    check("categories = [\"clinical-letter\"] }", "sha256 = \"AB\" }", "case[0].letter.sha256: a SHA-256 is 64");
    check("categories = [\"clinical-letter\"] }", "found = [\"nam\"] }", "case[0].letter.found[0]: ");
    check(
        "verdict = \"refuse\"",
        "verdict = \"refuse\", channels = [\"link\"]",
        "case[0].expect.channels: only a release has them",
    );
    check(
        "\"consent.refused\"",
        "\"consent.refuse\"",
        "case[0].expect.reasons[0]: this word is not on the list; did you mean `consent.refused`?",
    );
    check("expect = { verdict = \"refuse\", ", "expect = { ", "case[0].expect.verdict: this field is required");
}

#[test]
fn facts_are_those_of_the_letter() {
    let register = SCENARIO.replace("now = \"2026-06-15T10:30:00+01:00\"", "");
    let register = register.split("[[case]]").next().unwrap();
    let document = parse(register, "s.toml", &Known::default()).unwrap_or_else(|error| panic!("{error}"));
    let letter = |to: &str, subject: Option<&str>| Letter {
        id: LetterId::from_bits(0),
        sender: "am".to_owned(),
        to: Mailbox::parse(to).unwrap(),
        subject: subject.map(|id| SubjectId::parse(id).unwrap()),
        purpose: None,
        categories: Vec::new(),
        citation: None,
        exception: Some("x-1".to_owned()),
        contradictions: Vec::new(),
        found: Vec::new(),
        sha256: None,
        body: (),
    };
    let check = |to: &str, expected: &str| {
        let found = match facts_from(&document, &letter(to, Some("nhs:9999624596"))).recipient {
            Recipient::Agency(agency) => agency.id,
            Recipient::OwnAddress => "own".to_owned(),
            Recipient::Unlisted { resembles } => format!("unlisted, {}", resembles.unwrap_or_default()),
        };
        assert_eq!(found, expected, "{to}");
    };
    check("POST@elsewhere.example", "mill");
    check("desk@MILL.example", "mill");
    check("desk@sub.mill.example", "unlisted, ");
    check("desk@elsewhere.example", "unlisted, ");
    check("una@home.example", "own");
    check("una@mill.example", "own"); // an address beats a domain
    check("wes@mill.example", "unlisted, "); // and somebody else's is not the agency's
    check("desk@mi11.example", "unlisted, mill.example");

    let facts = facts_from(&document, &letter("desk@mill.example", Some("case:LC-7")));
    assert_eq!(facts.subject.map(|subject| subject.id.as_str().to_owned()).as_deref(), Some("nhs:9999624596"));
    assert_eq!(facts.consents.len(), 1);
    assert_eq!((facts.sender.is_some(), facts.authoriser.is_some()), (true, true));
    assert!(facts.approval.is_some_and(|approval| approval.approver.is_some()));

    let facts = facts_from(&document, &letter("desk@mill.example", None));
    assert!(facts.subject.is_none() && facts.consents.is_empty(), "nobody's letter rests on nobody's consent");
}
