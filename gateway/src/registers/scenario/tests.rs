//! Scenario files in, decisions out.
#![allow(clippy::unwrap_used, clippy::panic, reason = "tests")]

use std::path::PathBuf;

use super::run;

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
        "71: consent[1].expires: a no ends only when it is superseded; take it out; when the person changes their mind, add an entry that supersedes this one",
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
        "59: consent[0].remarks: there is no field of this name; take it out; the fields here are id, subject, agency, agency_kind, answer, form, manner, purposes, categories, given, given_by, authority, capacity_note, notice, evidence, work, expires, withdrawn, abroad, supersedes",
    );
    check(
        "yes-for-any-purpose.toml",
        "55: consent[0].purposes: only a no may say `any`; name each that the person agreed to",
    );
    check("yes-without-purposes.toml", "48: consent[0].purposes: this field is required; add purposes = …");
}
