//! What the pure parts of screening find, and what they leave alone.

#![allow(clippy::expect_used, reason = "a test may fail")]

use policy::{Subject, SubjectId, Timestamp};
use proptest::prelude::*;

use super::*;

fn text(text: &str) -> Reading {
    let part = PartText { part: 2, page: Some(1), kind: PartKind::Pdf, text: text.to_owned() };
    Reading { parts: vec![part], ..Reading::default() }
}

fn written(places: &[Place]) -> Vec<String> {
    places.iter().map(|place| place.finding.as_str().to_owned()).collect()
}

fn person(id: &str, name: &str, birth_secs: i64) -> Subject {
    Subject {
        id: SubjectId::parse(id).expect("an id"),
        name: name.to_owned(),
        birth_date: Timestamp(birth_secs),
        aliases: Vec::new(),
        postcode: None,
        addresses: Vec::new(),
        deceased: false,
        restricted: false,
        objections: Vec::new(),
        usual: Vec::new(),
        trainee: false,
        responsible_officer: None,
        supervisor: None,
        representatives: Vec::new(),
        works: std::collections::BTreeMap::new(),
        changed: None,
        knows: Vec::new(),
    }
}

/// Born 11 February 1984.
fn amina() -> Subject {
    person("nhs:9995260182", "Amina Yorke", 445_305_600)
}

#[test]
fn identifiers_are_found_by_shape() {
    fn check(said: &str, expected: &[&str]) {
        assert_eq!(written(&detect(&text(said)).places), expected, "{said}");
    }
    let amina = &["nhs:9995260182"];
    for said in [
        "NHS number 999 526 0182.",
        "9995260182",
        "NHS9995260182",
        "999-526-0182",
        "999\u{a0}526\u{a0}0182",
        "999\u{2011}526\u{2011}0182",
        "999\u{202f}526\u{2009}0182",
        "999 526\n0182",
        "999 526 \r\n0182",
        "9\u{200b}99526\u{ad}0182",
        "\u{ff19}\u{ff19}\u{ff19}5260182",
        "\u{669}\u{669}\u{669} \u{665}\u{662}\u{666} \u{660}\u{661}\u{668}\u{662}",
        "\u{9ef}\u{9ef}\u{9ef}5260182",
        "\u{1d7d7}\u{1d7e1}\u{1d7ff}5260182",
        "9995260182\u{b2}",
        "9\u{8}9\u{fe0f}9\u{e0061}5260182",
        "9 9 9 5 2 6 0 1 8 2",
        "NHS No. 99 95 26 01 82",
        "12 999 526 0182 13",
        "123 456 9995260182",
        "seen 3/3/2026 9995260182/2026",
    ] {
        check(said, amina);
    }
    for said in [
        "999 526 0183",
        "444 444 4444",
        "0000000000",
        "19995260182",
        "99952601820",
        "4929 9952 6018 2999",
        "7012345",
        "ref 7012345 GP",
        "",
    ] {
        check(said, &[]);
    }
    check("GMC number: 7012345", &["gmc:7012345"]);
    check("Dr Tate (GMC 7012345)", &["gmc:7012345"]);
    check("GMC 70123456", &[]);
    check("NI number QQ 12 34 56 C, then AB123456C", &["ni-number"]);
    check("QQ 12 34 56 C", &[]);
    check("GB123456A", &[]);
    check("XAB123456C", &[]);
    check("Leeds LS1 4AB", &["postcode"]);
    check("w1a 1aa", &["postcode"]);
    check("SW1A2AA", &["postcode"]);
    check("L4 5th vertebra, B12 5mg", &[]);
    check("write to a.yorke+x@post.example", &["email"]);
    check("a @ b, tea@home", &[]);
    check("Tel 0113 496 0123", &["phone"]);
    check("(020) 7946 0958", &["phone"]);
    check("+44 (0) 20 7946 0958", &["phone"]);
    check("07700 900123", &["phone"]);
    check("order 1007700900123", &[]);
}

#[test]
fn birth_dates_need_a_label() {
    fn check(said: &str, finds: bool) {
        let expected: &[&str] = if finds { &["birth-date"] } else { &[] };
        assert_eq!(written(&detect(&text(said)).places), expected, "{said}");
        // The same words against two registers: the day that is meant agrees, another does not.
        for (secs, word) in [(445_305_600, "birth-date"), (445_392_000, "birth-date!")] {
            let subject = Subject { birth_date: Timestamp(secs), ..amina() };
            let judged = judge(&text(said), Some(&subject), &KnownNames::default());
            let expected: &[&str] = if finds { &[word] } else { &[] };
            assert_eq!(written(&judged), expected, "{said}");
        }
    }
    for said in [
        "DOB: 11/02/1984",
        "DoB 11.2.84",
        "D.O.B. 11-02-1984",
        "(d.o.b 11/02/84)",
        "Date of birth: 11 February 1984",
        "Date of Birth\n11-Feb-1984",
        "date of birth\t\t1984-02-11",
        "born 11th Feb. 1984 in Leeds",
        "born on the 11th of February, 1984",
        "born on Saturday 11 February 1984",
        "Born: February 11, 1984",
        "DOB 11 02 1984",
    ] {
        check(said, true);
    }
    for said in [
        "seen on 11/02/1984",
        "born in Leeds",
        "DOB: 31/02/1984",
        "DOB: unknown. Seen 11/02/1984",
        "stubborn 11/02/1984",
        "DOB 11/02/19841",
    ] {
        check(said, false);
    }
}

#[test]
fn names_compare_folded() {
    fn check(name: &str, expected: &str) {
        assert_eq!(normalise_name(name), expected, "{name}");
    }
    for name in [
        "Amina Yorke",
        "AMINA YORKE",
        "YORKE, Amina",
        "Yorke, Ms Amina Jane",
        "Mrs. Amina J. Yorke",
        "Amina Jane Yorke MBE",
        "Ámina  Yorke",
        "YORKE, Amina (Ms)",
        "Amína\u{a0}Yorke",
        "A\u{301}mina Yorke",
        "YORKE, Amina Mrs",
    ] {
        check(name, "amina yorke");
    }
    check("Seán O’Brien", "sean obrien");
    check("Sean O'Brien", "sean obrien");
    check("Mary Smith-Jones", "mary jones");
    check("Mary Smith Jones", "mary jones");
    check("Łukasz Sørensen", "lukasz sorensen");
    check("Jan van der Berg", "jan berg");
    check("Cher", "cher");
    check("Mr Lord", "lord");
    check(" 12 ", "");
    check("", "");
}

#[test]
fn candidates_are_runs_of_capitalised_words() {
    fn check(said: &str, holds: &str) {
        let names = candidate_names(&text(said));
        assert!(names.iter().any(|name| name == holds), "{said}: {names:?}");
        assert_eq!(names.iter().collect::<std::collections::BTreeSet<_>>().len(), names.len(), "each once");
    }
    for said in [
        "Dear Amina Yorke",
        "results for Amina Yorke. Please",
        "seen with Amina\nYorke today",
        "AMINA YORKE",
        "YORKE, Amina",
        "YORKE Amina",
        "Amina J. Yorke",
        "Amina Jane Mary Yorke",
        "(Amina Yorke)",
        "Amina\u{a0}Yorke",
    ] {
        check(said, "amina yorke");
    }
    check("with Jan van der Berg", "jan berg");
    assert!(candidate_names(&text("amina yorke, Amina; Yorke. A Yorke")).is_empty());
    let many: String = (0..5_000).map(|n| format!("Aa{} Bb{}; ", letters(n), letters(n))).collect();
    assert_eq!(candidate_names(&text(&many)).len(), 2_000);
}

fn letters(n: u32) -> String {
    n.to_string().chars().filter_map(|c| char::from_u32(u32::from(c) + 49)).collect()
}

#[test]
fn labelled_names_are_held_against_the_subject() {
    fn check(said: &str, expected: &[&str]) {
        let judged = judge(&text(said), Some(&amina()), &KnownNames::default());
        assert_eq!(written(&judged), expected, "{said}");
    }
    for said in [
        "Patient: Amina Yorke",
        "Patient name:  Ms Amina Yorke NHS Number: 1",
        "Patient:\n\tYORKE, Amina (Ms)\n",
        "PATIENT'S NAME: YORKE Amina",
        "Name: Amina Yorke Address: 4 Canal Walk",
        "Client: A. Yorke",
        "Service user: Amina Jane Yorke",
        "Re: Amina Yorke, DOB unknown",
        "RE: Ms A Yorke",
        "a letter about Amina Yorke",
    ] {
        check(said, &["name"]);
    }
    for said in [
        "Patient: Ben Castle",
        "date 3 March   Patient: Ben Castle",
        "Patient:\nCASTLE, Ben",
        "Name: Ben Yorke",
        "Re: Mr Ben Castle",
        "Re: Ben Castle, born long ago",
        "Patient: B. Yorke",
    ] {
        check(said, &["name!"]);
    }
    for said in [
        "Dear Ben Castle",
        "Re: Annual Review",
        "Re: Dr Owen Tate",
        "Practice name: Elm Street",
        "Name: Dr Owen Tate",
        "Patient: 9",
        "Patient: Yes",
        "the patient: he walked",
        "Patient: NHS Number",
        "Patient:",
    ] {
        check(said, &[]);
    }
    check("Patient: Amina Yorke\nRe: Mr Ben Castle", &["name", "name!"]);
}

#[test]
fn a_name_that_the_register_knows_is_an_identifier() {
    let known = KnownNames(["cara finch".to_owned()].into());
    assert_eq!(written(&judge(&text("results for Cara Finch."), Some(&amina()), &known)), ["name"]);
    assert_eq!(written(&judge(&text("results for Cara Finch."), None, &known)), ["name"]);
    assert!(judge(&text("results for Cara Finch."), None, &KnownNames::default()).is_empty());
}

#[test]
fn a_subject_is_inferred_from_a_number_and_one_thing_more() {
    fn check(said: &str, expected: Option<&str>) {
        let mut ben = person("nhs:9991590838", "Ben Castle", 649_296_000);
        ben.aliases.push(SubjectId::parse("case:PSU-0142").expect("an id"));
        let reading = text(said);
        let found = detect(&reading).found;
        let inferred = infer_subject(&reading, &found, &[amina(), ben]);
        assert_eq!(inferred.as_ref().map(SubjectId::as_str), expected, "{said}");
    }
    check("Amina Yorke 999 526 0182", Some("nhs:9995260182"));
    check("born 11 Feb 1984, 999 526 0182", Some("nhs:9995260182"));
    check("Patient: A Yorke 999 526 0182", Some("nhs:9995260182"));
    check("Amina Yorke 999 526 0182, and 999 159 0838", Some("nhs:9995260182"));
    check("999 526 0182", None);
    check("Amina Yorke", None);
    check("Amina Yorke 999 159 0838", None);
    check("Amina Yorke 999 526 0182, Ben Castle 999 159 0838", None);
}

#[test]
fn html_is_read_whole() {
    fn check(html: &str, holds: &str) {
        let read = html::read(html).text;
        assert!(read.contains(holds), "{html}: {read:?}");
    }
    check("<p>NHS <b>999</b> 526 0182", "NHS 999 526 0182");
    check("<td>9995260182</td><td>12</td>", "9995260182\t\t12");
    check("under < 5 &amp; 9995260182 <i>x</i>", "under < 5 & 9995260182 x");
    check("<head><title>Cara Finch</title></head>", "Cara Finch");
    check("<head>Cara Finch", "Cara Finch");
    check("<!--[if mso]>Cara Finch<![endif]-->", "Cara Finch");
    check("<div style='display:none'>Cara Finch</div>", "Cara Finch");
    check("999&nbsp;526&#160;0182 Andr&eacute;", "999\u{a0}526\u{a0}0182 André");
    check("<img alt='Cara > Finch'>after", "Cara > Finch");
    check("<a href=\"mailto:a@b.example?subject=9995260182\">x</a>", "9995260182");
    check("<a href=\"x>Cara Finch", "Cara Finch");
    check("<script>no end Cara Finch", "Cara Finch");
    check("&unknown; &; & &#xZZ; Cara", "Cara");
    check("<scripture>Cara</scripture>", "Cara");
    // What is code to us and text to a mail program.
    check("<!-- <style> -->Cara Finch<!-- </style> -->", "Cara Finch");
    check("<!-- <script> -->Cara Finch</script>", "Cara Finch");
    check("<!-- <style><!-- --> Cara Finch </style>", "Cara Finch");
    check("<title><style></title>Cara Finch<i title=\"</style>\">", "Cara Finch");
    check("<textarea><style>Cara Finch</style></textarea>", "Cara Finch");
    check("<plaintext><style>Cara Finch</style>", "Cara Finch");
    let quoted = format!("<a title=\"><style>{}\">Cara Finch</a></style>", " ".repeat(17 << 10));
    check(&quoted, "Cara Finch");
    assert!(!html::read("<style><!-- p{x:9995260182} --></style>a").text.contains("999"));
    assert!(!html::read("<!--[if mso]><style>p{x:9995260182}</style><![endif]-->a").text.contains("999"));
    assert!(!html::read("<style>p{x:9995260182}</style>a<SCRIPT>b=9995260182</SCRIPT >").text.contains("999"));
    assert!(html::read("<IMG src=x>").image);
}

#[test]
fn nothing_shows_a_value() {
    const MARKS: [&str; 6] = ["9995260182", "999 526", "Yorke", "yorke", "1984", "a.yorke"];
    let reading = text("Patient: Amina Yorke, DOB 11/02/1984, NHS 999 526 0182, a.yorke@post.example");
    let mut findings = detect(&reading);
    let known = KnownNames(candidate_names(&reading).into_iter().collect());
    findings.add(judge(&reading, Some(&amina()), &known));
    assert_eq!(findings.found.len(), 4);
    let unread = Unread { part: 1, why: Why::Encrypted };
    let failure = ScreeningFailure::Child(std::io::ErrorKind::NotFound.into());
    let shown = format!(
        "{reading:?}{reading:#?}{findings:?}{findings:#?}{known:?}{unread:?}{}{failure}{failure:?}",
        unread.why
    );
    for mark in MARKS {
        assert!(!shown.contains(mark), "{mark} is shown: {shown}");
    }
}

#[test]
fn output_cut_short_is_not_done() {
    fn check(output: &str, parts: usize, done: bool) {
        let (reading, ended) = report::gather(output.as_bytes());
        assert_eq!((reading.parts.len(), ended), (parts, done), "{output}");
    }
    let line = r#"{"text":{"part":1,"page":null,"kind":"text","text":"a"}}"#;
    check(&format!("{line}\n\"done\"\n"), 1, true);
    check(&format!("{line}\n"), 1, false);
    check(&format!("{line}\n{{\"text\""), 1, false);
    check(&format!("garbage\n{line}\n\"done\"\n"), 0, false);
    check("", 0, false);
}

proptest! {
    #[test]
    fn whatever_is_said_is_read(said in "\\PC*", html in "[<>a-z/!\"'= &;#-]*") {
        let reading = text(&said);
        let found = detect(&reading).found;
        let _ = judge(&reading, Some(&amina()), &KnownNames(candidate_names(&reading).into_iter().collect()));
        let _ = infer_subject(&reading, &found, &[amina()]);
        let _ = html::read(&html);
        let once = normalise_name(&said);
        prop_assert_eq!(normalise_name(&once), once);
    }

    #[test]
    fn a_number_is_found_wherever_it_stands(before in "\\P{Nd}*", after in "\\P{Nd}*") {
        let found = detect(&text(&format!("{before}999 526 0182{after}"))).found;
        prop_assert!(found.iter().any(|finding| finding.as_str() == "nhs:9995260182"));
    }
}
