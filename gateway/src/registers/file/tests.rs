//! Register files in, documents or faults out; and back again.
#![allow(clippy::unwrap_used, clippy::panic, reason = "tests")]

use proptest::prelude::*;

use super::{Document, FAULTS_MAX, Known, parse};
use crate::registers::scenario::tests::corpus;

/// A small register that is well; each test breaks it in one place.
const REGISTER: &str = r#"
[provider]
name = "Lowfield Clinic"
ods = "Z1L01"
country = "GB"

[[staff]]
id = "cl-ash"
name = "Dr Ada Ash"
roles = ["clinician"]
trained_until = "2027-01-01"
addresses = ["ada.ash@lowfield.example"]
active = false
hours = "22:00-06:30"
on_duty = true
default_purpose = "direct-care"
default_categories = ["clinical-letter"]

[[staff]]
id = "am-bay"
name = "Bo Bay"
roles = ["area-manager", "safeguarding-lead"]
trained_until = "2027-01-01"

[[staff]]
id = "sys"
name = "Record system"
roles = ["system"]

[[subject]]
id = "nhs:9999624596"
name = "Una Vance"
birth_date = "1980-01-30"
aliases = ["gmc:7999001", "case:LC-7"]
postcode = "ZZ99 3WZ"
addresses = ["una@home.example"]
deceased = true
restricted = true
objections = ["research"]
usual = ["surgery"]
trainee = true
responsible_officer = "surgery"
supervisor = "surgery"
representatives = ["surgery"]
works = { "EP-1" = "2026-06-01T08:00:00Z", "EP-2" = "" }
changed = "2026-02-01T09:15:30Z"
knows = ["26c08e192b95e18a93d35f6cd1d84db40e6e4424638cd909eae1e2a6aa50807f"]

[[subject]]
id = "nhs:9991590137"
name = "Wes Yardley"
birth_date = "1970-02-20"

[[agency]]
id = "surgery"
name = "Lowfield \"Old\" Surgery"
kind = "gp"
country = "GB"
purposes = ["direct-care", "research"]
categories = ["clinical-letter"]
channels = ["age-email", "tls-email", "link", "https-push"]
addresses = ["Post@lowfield-surgery.example"]
domains = ["lowfield-surgery.example"]
status = "suspended"
ods = "A81001"
only_via = "surgery"
requested_by = "cl-ash"
authorised = { by = "am-bay", on = "2026-01-01", until = "2027-01-01" }
papers = { agreement_until = "2027-01-01", policy_copy_until = "2027-01-01" }
verified = { on = "2026-01-01", by = "am-bay", method = "visit", until = "2027-01-01" }
transfer = { instrument = "clauses", until = "2027-01-01" }
keys = [{ recipient = "age147dkl6da4g25k4apdwg8szsu958wmyfut42urmlhqy99n9cyncmsd8zpxx", verified = true, not_after = "2027-01-01" }]
proof = ["dane", "mta-sts", "pkix", "pin"]
mx = ["mx1.lowfield-surgery.example"]
pins = ["26c08e192b95e18a93d35f6cd1d84db40e6e4424638cd909eae1e2a6aa50807f"]
ca = "-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----\n"
endpoint = "https://documents.lowfield-surgery.example/letters"

[[consent]]
id = "c-1"
subject = "gmc:7999001"
agency = "surgery"
answer = "yes"
form = "explicit"
manner = "written"
purposes = ["direct-care"]
categories = ["clinical-letter"]
given = "2026-02-02T12:00:00+01:00"
given_by = "representative"
authority = "power of attorney"
capacity_note = "assessed"
notice = "notice v1"
evidence = "form c-1"
work = "EP-1"
expires = "2027-02-02"
withdrawn = "2026-12-02"
abroad = ["IE", "US"]
supersedes = "c-2"

[[consent]]
id = "c-2"
subject = "nhs:9999624596"
agency_kind = "gp"
answer = "no"
form = "implied"
manner = "verbal"
purposes = ["any"]
categories = ["any"]
given = "2026-01-03"

[[consent]]
id = "c-3"
subject = "nhs:9991590137"
agency = "surgery"
answer = "not-asked"
form = "explicit"
manner = "electronic"
purposes = ["research"]
categories = ["clinical-letter"]
given = "2026-03-03"

[[exception]]
id = "x-1"
ground = "safeguarding"
agency = "surgery"
categories = ["safeguarding"]
requested_by = "cl-ash"
until = "2026-09-01"
subject = "nhs:9999624596"
approved_by = "am-bay"
approved_on = "2026-08-01"
concern = "a neighbour's report"
not_told_because = "it would put them at risk"

[[exception]]
id = "x-2"
ground = "s251"
agency = "surgery"
categories = ["clinical-letter"]
requested_by = "cl-ash"
until = "2026-09-01"
approval = ""
told = "2026-08-02, by letter"
"#;

fn read(text: &str) -> Document {
    parse(text, "r.toml", &Known::default()).unwrap_or_else(|error| panic!("{error}"))
}

fn told(text: &str, known: &Known) -> String {
    parse(text, "r.toml", known).err().map(|error| error.to_string()).unwrap_or_default()
}

/// Replaces one piece of the register, and expects these faults, in the order of the file, and no others.
fn check(piece: &str, with: &str, expected: &[&str]) {
    assert_eq!(REGISTER.matches(piece).count(), 1, "{piece} stands once");
    check_text(&REGISTER.replace(piece, with), expected);
}

fn check_text(text: &str, expected: &[&str]) {
    let told = told(text, &Known::default());
    let lines: Vec<_> = told.lines().collect();
    assert_eq!(lines.len(), expected.len(), "{expected:?}: {told}");
    for (line, expected) in lines.iter().zip(expected) {
        assert!(line.starts_with("r.toml:") && line.contains(expected), "{line}\nhas no\n{expected}");
        assert!(line.contains("; "), "{line} has a remedy");
        for personal in ["Una", "Wes", "una@", "9999624596", "1980-01-30", "Mallory"] {
            assert!(!line.contains(personal), "{line} tells {personal}");
        }
    }
}

#[test]
fn a_register_is_read_whole() {
    let document = read(REGISTER);
    assert_eq!((document.staff.len(), document.subjects.len(), document.agencies.len()), (3, 2, 1));
    let consent = document.consents.first().unwrap();
    assert_eq!(consent.subject.as_str(), "nhs:9999624596", "an alias is resolved");
    assert_eq!(consent.given.to_string(), "2026-02-02T11:00:00Z");
    let no = document.consents.get(1).unwrap();
    assert!(no.purposes.is_empty() && no.categories.is_empty(), "any");
    let hours = document.staff.first().unwrap().hours.unwrap();
    assert_eq!((hours.from_minute, hours.to_minute), (22 * 60, 6 * 60 + 30));
    let subject = document.subjects.first().unwrap();
    assert_eq!(subject.works.get("EP-2"), Some(&None), "open work");
    assert!(document.exceptions.get(1).unwrap().fields.is_empty(), "blank is none");
}

#[test]
fn what_is_written_reads_back_alike() {
    let files = corpus("scenarios").into_iter().map(|(_, text)| text);
    for text in files.chain([REGISTER.to_owned()]) {
        let text = text.split("[[case]]").next().unwrap_or_default();
        let text: String =
            text.lines().filter(|line| !line.starts_with("now = ")).flat_map(|line| [line, "\n"]).collect();
        let document = read(&text);
        assert!(read(&document.to_toml()) == document, "TOML:\n{}", document.to_toml());
        assert!(read(&document.to_json()) == document, "JSON:\n{}", document.to_json());
    }
}

#[test]
fn every_rule_of_a_record_is_held() {
    check("roles = [\"clinician\"]", "roles = []", &["10: staff[0].roles: this list is empty"]);
    check(
        "roles = [\"clinician\"]",
        "roles = [\"clinitian\", \"zzz\"]",
        &[
            "staff[0].roles[0]: this word is not on the list; did you mean `clinician`?",
            "staff[0].roles[1]: this word is not on the list; choose one of",
        ],
    );
    check("roles = [\"system\"]", "roles = [\"admin\"]", &["staff[2].trained_until: this field is required"]);
    check("hours = \"22:00-06:30\"", "hours = \"22-6\"", &["staff[0].hours: these are no hours"]);
    check("hours = \"22:00-06:30\"", "hours = \"22:00-24:00\"", &["staff[0].hours: these are no hours"]);
    check("active = false", "active = \"no\"", &["staff[0].active: this is true or false"]);
    check("name = \"Una Vance\"", "name = \" \"", &["subject[0].name: this is blank"]);
    check("name = \"Una Vance\"\n", "", &["subject[0].name: this field is required"]);
    check("name = \"Una Vance\"", "name = 7", &["subject[0].name: this is text, not a number"]);
    check(
        "name = \"Una Vance\"",
        "nmae = \"Una Vance\"",
        &[
            "subject[0].name: this field is required",
            "subject[0].nmae: there is no field of this name; did you mean `name`?",
        ],
    );
    check(
        "birth_date = \"1980-01-30\"",
        "birth_date = \"1980-01-30T10:00:00\"",
        &["subject[0].birth_date: this is no date: a time needs an offset"],
    );
    check(
        "birth_date = \"1980-01-30\"",
        "birth_date = 1980-01-30T10:00:00",
        &["subject[0].birth_date: this is no date: a time needs an offset"],
    );
    check("birth_date = \"1980-01-30\"", "birth_date = 1980-02-30", &["33: birth_date: this is not TOML"]);
    check(
        "id = \"nhs:9991590137\"",
        "id = \"nhs:1111111111\"",
        &["subject[1].id: an nhs number passes", "consent[2].subject: there is no subject of this id"],
    );
    check(
        "aliases = [\"gmc:7999001\", ",
        "aliases = [\"gmc:799900\", ",
        &["subject[0].aliases[0]: a gmc number has seven digits", "consent[0].subject: there is no subject"],
    );
    check("objections = [\"research\"]", "objections = \"research\"", &["subject[0].objections: this is a list"]);
    check(
        "works = { \"EP-1\" = \"2026-06-01T08:00:00Z\"",
        "works = { \"EP-1\" = \"June\"",
        &["subject[0].works: this is no date"],
    );
    check("knows = [\"26c0", "knows = [\"26C0", &["subject[0].knows[0]: a SHA-256 is 64 lower-case"]);
    check(
        "kind = \"gp\"\ncountry",
        "kind = \"doctor\"\ncountry",
        &["agency[0].kind: this word is not on the list; choose one of gp"],
    );
    check(
        "channels = [\"age-email\", \"tls-email\", \"link\", \"https-push\"]",
        "channels = []",
        &["agency[0].channels: this list is empty; name at least one; none never means all"],
    );
    check("status = \"suspended\"", "status = \"suspend\"", &["agency[0].status: this word is not on the list"]);
    check(
        "by = \"am-bay\", on = \"2026-01-01\", until",
        "by = \"am-bay\", until",
        &["agency[0].authorised.on: this field is required"],
    );
    check("method = \"visit\", ", "", &["agency[0].verified.method: this field is required"]);
    check(
        "instrument = \"clauses\", ",
        "instument = \"clauses\", ",
        &[
            "agency[0].transfer.instrument: this field",
            "agency[0].transfer.instument: there is no field of this name; did you mean `instrument`?",
        ],
    );
    check(
        "recipient = \"age147",
        "recipient = \"AGE-SECRET-KEY-1",
        &["agency[0].keys[0].recipient: this is no age recipient"],
    );
    check(
        "recipient = \"age147",
        "recipient = \"age174",
        &["agency[0].keys[0].recipient: this is no age recipient that letters can be sealed to"],
    );
    check("endpoint = \"https:", "endpoint = \"http:", &["agency[0].endpoint: letters are pushed by HTTPS alone"]);
    check(
        "abroad = [\"IE\", \"US\"]",
        "abroad = [\"IE\", \"usa\"]",
        &["consent[0].abroad[1]: a country is two capital letters"],
    );
    check(
        "agency_kind = \"gp\"\nanswer = \"no\"",
        "agency_kind = \"carer\"\nanswer = \"yes\"",
        &["consent[1].purposes: only a no may say `any`", "consent[1].categories: only a no may say `any`"],
    );
    check("agency_kind = \"gp\"\n", "", &["consent[1].agency: an entry names an agency or a kind"]);
    check(
        "agency_kind = \"gp\"\n",
        "agency_kind = \"gp\"\nagency = \"surgery\"\n",
        &["consent[1].agency_kind: an entry is for an agency or for a kind"],
    );
    check(
        "agency = \"surgery\"\nanswer = \"yes\"",
        "agency_kind = \"carer\"\nanswer = \"yes\"",
        &["consent[0].agency_kind: a yes names the one carer"],
    );
    check(
        "given = \"2026-01-03\"",
        "given = \"2026-01-03\"\nexpires = \"2027-01-01\"\nwithdrawn = \"2026-05-01\"\nwork = \"EP-1\"\nabroad = [\"IE\"]",
        &["consent[1].expires: a no ends only", "consent[1].withdrawn", "consent[1].work", "consent[1].abroad"],
    );
    check(
        "ground = \"safeguarding\"",
        "ground = \"safegarding\"",
        &["exception[0].ground: this word is not on the list; did you mean `safeguarding`?"],
    );
    check(
        "concern = \"a neighbour's report\"",
        "necessity = \"a neighbour's report\"",
        &["exception[0].necessity: there is no field of this name"],
    );
    check(
        "subject = \"nhs:9999624596\"\napproved_by",
        "approved_by",
        &["exception[0].subject: this ground is about one person"],
    );
    check(
        "told = \"2026-08-02, by letter\"",
        "told = \"yes\"\nnot_told_because = \"no\"",
        &["exception[1].not_told_because: the person was told, or was not"],
    );
    check(
        "country = \"GB\"\n\n[[staff]]\nid = \"cl-ash\"",
        "\n[[staff]]\nid = \"cl-ash\"",
        &["provider.country: this field is required"],
    );
    check("[provider]", "[[provider]]", &["provider: this is a table"]);
    check("[provider]", "[povider]", &["povider: there is no table of this name; did you mean `provider`?"]);
    check("name = \"Una Vance\"", "name = Una Vance", &["32: name: this is not TOML"]);
    check("name = \"Una Vance\"", "name = \"Una Vance", &["32: name: this is not TOML"]);
    check("name = \"Una Vance\"", "Una = 1\nUna = 2", &["33: this is not TOML: duplicate key"]);
    check(
        "name = \"Una Vance\"",
        &format!("name = \"U\"\n{} = 1", "a".repeat(90)),
        &[&format!("subject[0].{}…: there is no field", "a".repeat(40))],
    );
    check_text("staff = 5", &["staff: this is a list of tables; write each under [[staff]]"]);
    check_text("staff = [5]", &["staff[0]: this is a table"]);
}

#[test]
fn every_rule_between_records_is_held() {
    check(
        "id = \"am-bay\"",
        "id = \"cl-ash\"",
        &[
            "20: staff[1].id: another staff of this file (line 8) has this id",
            "agency[0].authorised.by: there is no staff",
            "agency[0].verified.by",
            "exception[0].approved_by",
        ],
    );
    check(
        "id = \"nhs:9991590137\"",
        "id = \"nhs:999 962 4596\"",
        &["subject[1].id: another subject of this file (line 31) has this id", "consent[2].subject"],
    );
    check(
        "aliases = [\"gmc:7999001\", \"case:LC-7\"]",
        "aliases = [\"gmc:7999001\", \"nhs:9991590137\"]",
        &["subject[1].id: another subject of this file (line 34) has this id"],
    );
    check("id = \"c-3\"", "id = \"c-1\"", &["consent[2].id: another consent of this file (line"]);
    check(
        "usual = [\"surgery\"]",
        "usual = [\"surgery\", \"sugery\"]",
        &["subject[0].usual: there is no agency of this id; did you mean `surgery`?"],
    );
    check(
        "requested_by = \"cl-ash\"\nauthorised",
        "requested_by = \"Mallory\"\nauthorised",
        &["agency[0].requested_by: there is no staff of this id; add the staff, or correct the id"],
    );
    check(
        "authorised = { by = \"am-bay\"",
        "authorised = { by = \"am-bey\"",
        &["agency[0].authorised.by: there is no staff of this id; did you mean `am-bay`?"],
    );
    check(
        "supersedes = \"c-2\"",
        "supersedes = \"c-9\"",
        &["consent[0].supersedes: there is no consent of this id; add the consent"],
    );
    check(
        "supersedes = \"c-2\"",
        "supersedes = \"c-3\"",
        &["consent[0].supersedes: the entry it supersedes is about somebody else"],
    );
    check(
        "supersedes = \"c-2\"",
        "supersedes = \"c-1\"",
        &["consent[0].supersedes: these entries supersede each other in a circle"],
    );
    check(
        "given = \"2026-01-03\"",
        "given = \"2026-01-03\"\nsupersedes = \"c-1\"",
        &["consent[0].supersedes: these entries supersede each other in a circle"],
    );
    check("work = \"EP-1\"", "work = \"EP-9\"", &["consent[0].work: the subject has no piece of work of this name"]);
    check(
        "addresses = [\"Post@lowfield-surgery.example\"]",
        "addresses = [\"Post@lowfield-surgery.example\", \"UNA@home.example\"]",
        &["agency[0].addresses[1]: this address is a subject's own"],
    );
    check(
        "addresses = [\"Post@lowfield-surgery.example\"]",
        "addresses = [\"Post@lowfield-surgery.example\", \"post@LOWFIELD-surgery.example\"]",
        &["agency[0].addresses[1]: this belongs to another agency, or stands here twice"],
    );
    let twin = "\n[[agency]]\nid = \"twin\"\nname = \"T\"\nkind = \"gp\"\ncountry = \"GB\"\npurposes = [\"research\"]\ncategories = [\"identity\"]\nchannels = [\"link\"]\naddresses = [\"post@lowfield-surgery.example\"]\ndomains = [\"LOWFIELD-surgery.example\"]\n";
    check_text(
        &format!("{REGISTER}{twin}"),
        &[
            "agency[1].addresses[0]: this belongs to another agency",
            "agency[1].domains[0]: this belongs to another agency",
        ],
    );
}

#[test]
fn references_resolve_in_the_register_too() {
    let known = Known::of(&read(REGISTER));
    let consent = |more: &str| {
        format!(
            "[[consent]]\nid = \"c-9\"\nsubject = \"case:LC-7\"\nagency = \"surgery\"\nanswer = \"yes\"\nform = \"explicit\"\nmanner = \"written\"\npurposes = [\"research\"]\ncategories = [\"clinical-letter\"]\ngiven = \"2026-04-01\"\n{more}\n"
        )
    };
    let document =
        parse(&consent("supersedes = \"c-1\"\nwork = \"EP-2\""), "r.toml", &known).unwrap_or_else(|e| panic!("{e}"));
    assert_eq!(document.consents.first().unwrap().subject.as_str(), "nhs:9999624596");

    let check = |text: &str, expected: &str| {
        let told = told(text, &known);
        assert!(told.lines().count() == 1 && told.contains(expected), "{expected}: {told}");
    };
    check(&consent("supersedes = \"c-3\""), "the entry it supersedes is about somebody else");
    check(&consent("work = \"EP-9\""), "no piece of work");
    check(&consent("").replace("c-9", "c-2").replace("given", "supersedes = \"c-1\"\ngiven"), "in a circle");
    let agency = "[[agency]]\nid = \"NEW\"\nname = \"T\"\nkind = \"gp\"\ncountry = \"GB\"\npurposes = [\"research\"]\ncategories = [\"identity\"]\nchannels = [\"link\"]\naddresses = [\"post@lowfield-surgery.example\"]\n";
    check(&agency.replace("NEW", "twin"), "this belongs to another agency");
    check(&agency.replace("post@lowfield-surgery.example", "una@home.example"), "this address is a subject's own");
    assert_eq!(told(&agency.replace("NEW", "surgery"), &known), "", "a record replaces the one of its id");
    check(
        "[[subject]]\nid = \"case:N-1\"\nname = \"N\"\nbirth_date = \"1980-01-01\"\naddresses = [\"post@lowfield-surgery.example\"]\n",
        "belongs to an agency of the register",
    );
    check(
        "[[subject]]\nid = \"gmc:7999001\"\nname = \"N\"\nbirth_date = \"1980-01-01\"\n",
        "subject[0].id: another subject of the register has this id",
    );
    check(
        "[[subject]]\nid = \"case:N-1\"\nname = \"N\"\nbirth_date = \"1980-01-01\"\naliases = [\"nhs:9991590137\"]\n",
        "subject[0].aliases: another subject of the register has this id",
    );
}

#[test]
fn json_is_taken_with_the_same_names_and_rules() {
    let json = read(REGISTER).to_json();
    let check = |piece: &str, with: &str, expected: &str| {
        assert!(json.contains(piece), "{piece}");
        let told = told(&json.replacen(piece, with, 1), &Known::default());
        assert!(told.lines().count() == 1 && told.contains(expected), "{expected}: {told}");
    };
    check(
        "\"agency_kind\": \"gp\"",
        "\"agency_kind\": \"gpp\"",
        "r.toml: consent[1].agency_kind: this word is not on the list",
    );
    check(
        "\"answer\": \"yes\"",
        "\"answer\": \"yes\", \"answer\": \"no\"",
        "this is not JSON: a field stands twice in one object",
    );
    check("\"deceased\": true", "\"deceased\": null", "subject[0].deceased: this is true or false");
    check("{", "{,", "r.toml:1: this is not JSON");
    check(
        "\"given_by\": \"representative\",",
        "\"given_by\": \"representative\", \"remarks\": 1,",
        "consent[0].remarks: there is no field",
    );
}

#[test]
fn every_fault_is_told_up_to_a_bound() {
    let staff = "[[staff]]\nid = \"s\"\nname = \"S\"\nroles = [\"king\"]\ntrained_until = \"2027-01-01\"\n";
    let told = told(&staff.repeat(FAULTS_MAX), &Known::default());
    assert_eq!(told.lines().count(), FAULTS_MAX + 1);
    assert!(told.ends_with(&format!("r.toml: and {} more", FAULTS_MAX - 1)), "{told}");
}

proptest! {
    #[test]
    fn no_text_upsets_the_reader(text in "[\\[\\]{}a-z_=.\":0-9, \\n#é]{0,120}") {
        let _ = parse(&text, "r.toml", &Known::default());
        let _ = crate::registers::scenario::run(&text, "r.toml");
    }

    #[test]
    fn a_register_with_a_piece_cut_out_is_the_same_or_refused(from in 0_usize..4_000, bytes in 1_usize..40) {
        // Cutting may leave a smaller register that is well; it must never widen: no new word appears.
        let to = from.saturating_add(bytes);
        if let (Some(front), Some(back)) = (REGISTER.get(..from), REGISTER.get(to..))
            && let Ok(document) = parse(&format!("{front}{back}"), "r.toml", &Known::default())
        {
            for consent in &document.consents {
                let any = consent.purposes.is_empty() || consent.categories.is_empty();
                prop_assert!(!any || consent.answer == policy::Answer::No);
            }
            prop_assert!(document.agencies.iter().all(|a| !a.purposes.is_empty() && !a.categories.is_empty()));
            prop_assert!(read(&document.to_toml()) == document);
        }
    }
}
