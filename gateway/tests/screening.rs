//! Attack in, promised behaviour out: real letters and hostile ones through the real child process.

#![allow(clippy::expect_used, reason = "a test may fail")]

use std::io::{Cursor, Read, Write};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use base64::Engine;
use gateway::screening::{
    Findings, KnownNames, Limits, Reading, ScreeningFailure, Unread, Why, detect, infer_subject, judge, read_letter,
};
use policy::{Subject, Timestamp};

fn limits() -> Limits {
    Limits { wall_secs_max: 30, ..Limits::default() }
}

async fn read(letter: Vec<u8>, limits: Limits) -> Reading {
    let program = Path::new(env!("CARGO_BIN_EXE_sealgate"));
    read_letter(&limits, program, Cursor::new(letter)).await.expect("the parent survives")
}

fn fixture(name: &str) -> Vec<u8> {
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../tests/letters").join(name);
    std::fs::read(path).expect("a letter of the folder")
}

/// A letter with one attachment; its text is part 2, the attachment part 3.
fn letter_with(attachment: &[u8]) -> Vec<u8> {
    let lines = base64::engine::general_purpose::STANDARD.encode(attachment);
    let lines: Vec<&str> =
        lines.as_bytes().chunks(76).map(|line| std::str::from_utf8(line).expect("base64 is ASCII")).collect();
    let head = "From: a@post.example\r\nTo: b@post.example\r\nSubject: A letter\r\nMIME-Version: 1.0\r\n\
        Content-Type: multipart/mixed; boundary=x\r\n\r\n--x\r\nContent-Type: text/plain\r\n\r\nPlease see attached.\r\n\
        --x\r\nContent-Type: application/octet-stream\r\nContent-Transfer-Encoding: base64\r\n\r\n";
    format!("{head}{}\r\n--x--\r\n", lines.join("\r\n")).into_bytes()
}

/// Each number found, its part and its page.
type Number = (String, u32, Option<u32>);

fn numbers(reading: &Reading) -> Vec<Number> {
    let places = detect(reading).places;
    let written = places.into_iter().map(|place| (place.finding.as_str().to_owned(), place.part, place.page));
    written.filter(|(finding, ..)| finding.starts_with("nhs:")).collect()
}

fn expect(numbers: &[(&str, u32, Option<u32>)]) -> Vec<Number> {
    numbers.iter().map(|(number, part, page)| (format!("nhs:{number}"), *part, *page)).collect()
}

#[tokio::test]
async fn real_letters_give_their_numbers() {
    async fn check(name: &str, expected: &[(&str, u32, Option<u32>)]) {
        let reading = read(letter_with(&fixture(name)), limits()).await;
        assert_eq!(reading.unread, [], "{name}");
        assert_eq!(numbers(&reading), expect(expected), "{name}");
        assert!(detect(&reading).found.iter().any(|finding| finding.as_str() == "birth-date"), "{name}");
    }
    check("clinic-amina-yorke.pdf", &[("9995260182", 3, Some(1))]).await;
    check("clinic-amina-yorke.docx", &[("9995260182", 3, None)]).await;
    check("clinic-ben-castle.pdf", &[("9990166137", 3, Some(2)), ("9991590838", 3, Some(1))]).await;
    check("clinic-ben-castle.docx", &[("9990166137", 3, None), ("9991590838", 3, None)]).await;
    check("report-edie-marsh.pdf", &[("9993909963", 3, Some(1))]).await;
    check("report-edie-marsh.docx", &[("9993909963", 3, None)]).await;
}

#[tokio::test]
async fn real_letters_agree_with_the_register() {
    async fn check(name: &str, subject: Subject) {
        let reading = read(letter_with(&fixture(name)), limits()).await;
        let judged = |subject: &Subject| -> Vec<String> {
            let mut findings = Findings::default();
            findings.add(judge(&reading, Some(subject), &KnownNames::default()));
            findings.found.iter().map(|finding| finding.as_str().to_owned()).collect()
        };
        assert_eq!(judged(&subject), ["name", "birth-date"], "{name}");
        let inferred = infer_subject(&reading, &detect(&reading).found, std::slice::from_ref(&subject));
        assert_eq!(inferred, Some(subject.id.clone()), "{name}");
        let other = Subject { name: "Dora Hill".to_owned(), birth_date: Timestamp(0), ..subject.clone() };
        assert_eq!(judged(&other), ["name!", "birth-date!"], "{name}");
        assert_eq!(infer_subject(&reading, &detect(&reading).found, &[other]), None, "{name}");
    }
    for kind in ["pdf", "docx"] {
        check(&format!("clinic-amina-yorke.{kind}"), person("9995260182", "Amina Yorke", 445_305_600)).await;
        check(&format!("clinic-ben-castle.{kind}"), person("9991590838", "Ben Castle", 649_296_000)).await;
        check(&format!("report-edie-marsh.{kind}"), person("9993909963", "Edie Marsh", -230_860_800)).await;
    }
}

fn person(number: &str, name: &str, birth_secs: i64) -> Subject {
    let entry = serde_json::json!({
        "id": format!("nhs:{number}"), "name": name, "birth_date": birth_secs, "aliases": [], "postcode": null,
        "addresses": [], "deceased": false, "restricted": false, "objections": [], "usual": [], "trainee": false,
        "responsible_officer": null, "supervisor": null, "representatives": [], "works": {}, "changed": null, "knows": [],
    });
    serde_json::from_value(entry).expect("a subject")
}

#[tokio::test]
async fn hostile_documents_end_as_unread() {
    async fn check(what: &str, attachment: Vec<u8>, why: Why) {
        let began = Instant::now();
        let reading = read(letter_with(&attachment), limits()).await;
        assert!(began.elapsed() < Duration::from_secs(40), "{what}: took {:?}", began.elapsed());
        assert!(reading.unread.contains(&Unread { part: 3, why }), "{what}: {reading:?}");
        assert!(reading.parts.iter().any(|text| text.text == "Please see attached."), "{what}: the text is kept");
    }
    check("a locked PDF", fixture("hostile-encrypted.pdf"), Why::Encrypted).await;
    check("half a PDF", fixture("hostile-truncated.pdf"), Why::Broken).await;
    check("half a DOCX", fixture("hostile-truncated.docx"), Why::Broken).await;
    check("random bytes", random_bytes(200_000), Why::Unsupported).await;
    check("a PDF of random bytes", [b"%PDF-1.7\n".to_vec(), random_bytes(200_000)].concat(), Why::Broken).await;
    check("400,000 nested arrays", nested_arrays(400_000), Why::Broken).await;
    check("a page of 1.5 MB that unfolds to 1.5 GB", pdf_bomb(1_500 << 20), Why::TooLarge).await;
    check("a DOCX that unfolds to 1.5 GB", docx(&[("word/document.xml", 1_500 << 20)]), Why::TooLarge).await;
    let many: Vec<String> = (0..3_000).map(|n| format!("word/part{n}.xml")).collect();
    let many: Vec<_> = many.iter().map(|name| (name.as_str(), 0)).chain([("word/document.xml", 1)]).collect();
    check("a DOCX of 3,000 entries", docx(&many), Why::TooLarge).await;
    check("an archive", docx(&[("letters/one.txt", 10)]), Why::Archive).await;
    let embedding = docx(&[("word/document.xml", 0), ("word/embeddings/a.xlsx", 9)]);
    check("a file in a DOCX", embedding, Why::Unsupported).await;
    check("an entity bomb", docx_of(ENTITIES.as_bytes()), Why::Broken).await;
    check("an old Word file", b"\xD0\xCF\x11\xE0\xA1\xB1\x1A\xE1 and more".to_vec(), Why::Unsupported).await;
    check("a picture", b"\x89PNG\r\n\x1a\n and more".to_vec(), Why::Image).await;
}

#[tokio::test]
async fn hostile_messages_end_as_unread() {
    async fn check(what: &str, letter: String, whys: &[Why]) {
        let reading = read(letter.into_bytes(), limits()).await;
        assert!(reading.unread.iter().any(|unread| whys.contains(&unread.why)), "{what}: {reading:?}");
    }
    let multiparts: String = (0..2_000)
        .map(|n| format!("Content-Type: multipart/mixed; boundary=b{n}\r\n\r\n--b{n}\r\n"))
        .chain(["Content-Type: text/plain\r\n\r\n999 526 0182\r\n".to_owned()])
        .chain((0..2_000).rev().map(|n| format!("--b{n}--\r\n")))
        .collect();
    check("2,000 nested multiparts", multiparts, &[Why::TooDeep]).await;
    let messages = "Content-Type: message/rfc822\r\n\r\n".repeat(100_000) + "Subject: x\r\n\r\nx\r\n";
    check("100,000 nested messages", messages, &[Why::TooDeep, Why::TooSlow, Why::Failed]).await;
    let parts = "Content-Type: multipart/mixed; boundary=x\r\n\r\n".to_owned() + &"--x\r\n\r\na\r\n".repeat(5_000);
    check("5,000 parts", parts + "--x--\r\n", &[Why::TooLarge]).await;
    let twice = "Content-Type: text/html\r\nContent-Type: text/plain\r\n\r\nx\r\n";
    check("two content types", twice.into(), &[Why::Ambiguous]).await;
    check("an unknown encoding", "Content-Transfer-Encoding: x-rot13\r\n\r\nx\r\n".into(), &[Why::Ambiguous]).await;
    check("rich text", "Content-Type: text/rtf\r\n\r\n{\\rtf1 999 526 0182}\r\n".into(), &[Why::Unsupported]).await;
    check("nothing", String::new(), &[Why::Broken]).await;
    let long = format!("Subject: x\r\n\r\n{}", "all work and no play\r\n".repeat(300_000));
    check("too much text", long, &[Why::TooLarge]).await;
}

#[tokio::test]
async fn every_place_for_words_is_read() {
    let letter = "Subject: =?utf-8?q?999_526_0182?=\r\nContent-Type: multipart/mixed; boundary=x\r\n\r\n--x\r\n\
        Content-Type: text/html; charset=utf-8\r\nContent-Transfer-Encoding: quoted-printable\r\n\r\n\
        <p>NHS 999&nbsp;159<b> 08=\r\n38</b></p>\r\n--x\r\nContent-Type: message/rfc822\r\n\r\n\
        From: Cara Finch <c@post.example>\r\nContent-Type: text/plain; name=\"999_016_6137.txt\"\r\n\
        Content-Transfer-Encoding: base64\r\n\r\nOTk5IDM5MCA5OTYz\r\n--x--\r\n";
    let reading = read(letter.into(), limits()).await;
    assert_eq!(reading.unread, []);
    let expected = [("9990166137", 4, None), ("9991590838", 2, None), ("9993909963", 4, None), ("9995260182", 1, None)];
    assert_eq!(numbers(&reading), expect(&expected));
    assert!(gateway::screening::candidate_names(&reading).contains(&"cara finch".to_owned()));
}

/// The head of a forwarded message is content, but for what servers wrote into it.
#[tokio::test]
async fn every_field_of_a_forwarded_head_is_read() {
    async fn check(field: &str, is_found: bool) {
        let letter = format!(
            "Content-Type: multipart/mixed; boundary=x\r\n\r\n--x\r\nContent-Type: message/rfc822\r\n\r\n\
             From: c@post.example\r\n{field}\r\n\r\nHello\r\n--x--\r\n"
        );
        let reading = read(letter.into_bytes(), limits()).await;
        assert_eq!(reading.unread, [], "{field}");
        assert_eq!(!numbers(&reading).is_empty(), is_found, "{field}");
    }
    for field in [
        "X-Patient: NHS 999 526 0182",
        "X-NHS-Number:\r\n\t999 526 0182",
        "X-Patient: =?utf-8?b?OTk5IDUyNiAwMTgy?=",
        "Thread-Topic: Letter about 999 526 0182",
        "Reply-To: \"999 526 0182\" <c@post.example>",
        "Resent-To: \"999 526 0182\" <c@post.example>",
    ] {
        check(field, true).await;
    }
    for field in [
        "ARC-Seal: i=1; t=9995260182",
        "DKIM-Signature: v=1; t=9995260182",
        "Received: from a by b id 9995260182",
        "Received-SPF: pass (9995260182)",
        "Authentication-Results: a; x=9995260182",
        "X-Spam-Report: 9995260182",
        "X-Forefront-Antispam-Report: 9995260182",
        "X-MS-Exchange-Organization-Id: 9995260182",
        "Message-ID: <9995260182@post.example>",
        "References: <9995260182@post.example>",
        "In-Reply-To: <9995260182@post.example>",
    ] {
        check(field, false).await;
    }
}

/// Text that is in no part for one reader, and shown by the next.
#[tokio::test]
async fn what_stands_between_the_parts_is_read() {
    async fn check(what: &str, body: &str, is_ambiguous: bool) {
        let letter = format!("From: a@post.example\r\nContent-Type: multipart/mixed; boundary=\"b\"\r\n\r\n{body}");
        let reading = read(letter.into_bytes(), limits()).await;
        let ambiguous = reading.unread.iter().any(|unread| unread.why == Why::Ambiguous);
        assert_eq!(ambiguous, is_ambiguous, "{what}: {reading:?}");
        let found = numbers(&reading).iter().any(|(number, ..)| number == "nhs:9995260182");
        assert!(found || is_ambiguous, "{what}");
    }
    const PART: &str = "--b\r\nContent-Type: text/plain\r\n\r\nPlease see attached.\r\n";
    check("a preamble", &format!("999 526 0182\r\n{PART}--b--\r\n"), false).await;
    check("an epilogue", &format!("{PART}--b--\r\n999 526 0182\r\n"), false).await;
    let inner =
        "--b\r\nContent-Type: multipart/alternative; boundary=c\r\n\r\n--c\r\n\r\nx\r\n--c--\r\n999 526 0182\r\n";
    check("an inner epilogue", &format!("{inner}{PART}--b--\r\n"), false).await;
    check("a false end", &format!("{PART}--b--and on\r\n\r\n999 526 0182\r\n--b--\r\n"), true).await;
    check("a part after the end", &format!("{PART}--b--\r\n--b\r\n\r\nOTk5IDUyNiAwMTgy\r\n--b--\r\n"), true).await;
    check("a boundary in a line", &format!("{PART}See --b: 999 526 0182\r\n--b--\r\n"), true).await;
    check("a longer boundary", &format!("{PART}--bc\r\nX: 999 526 0182\r\n\r\n--b--\r\n"), true).await;
    check("text in a field", "--b\r\nX-Note: 999 526 0182\r\n\r\nx\r\n--b--\r\n", false).await;
    check("text in a folded field", "--b\r\nX-Note: see\r\n 999 526 0182\r\n\r\nx\r\n--b--\r\n", false).await;
    check("text as a field", "--b\r\nNo field, 999 526 0182\r\n\r\nx\r\n--b--\r\n", true).await;
    let described = "--b\r\nContent-Description: 999 526 0182\r\n\r\nx\r\n--b--\r\n";
    check("a description", described, false).await;
    let named = "--b\r\nContent-Type: text/plain; name=\"999_526_0182.txt\"\r\n\
        Content-Disposition: attachment; filename=\"letter.txt\"\r\n\r\nx\r\n--b--\r\n";
    check("a second name", named, false).await;
    let twice =
        "--b\r\nContent-Type: multipart/mixed; boundary=c; boundary=d\r\n\r\n--c\r\n\r\nx\r\n--c--\r\n--b--\r\n";
    check("two boundaries", twice, true).await;
    let continued =
        "--b\r\nContent-Type: multipart/mixed; boundary*0=c; boundary*1=d\r\n\r\n--cd\r\n\r\nx\r\n--cd--\r\n--b--\r\n";
    check("a boundary in pieces", continued, true).await;
    let unknown = "--b\r\nContent-Type: text/plain; charset=cp037\r\n\r\nx\r\n--b--\r\n";
    check("a character set that we do not know", unknown, true).await;
    let wide = "--b\r\nContent-Type: text/plain\r\nContent-Transfer-Encoding: base64\r\n\r\n\
        //45ADkAOQA1ADIANgAwADEAOAAyAA==\r\n--b--\r\n";
    check("UTF-16 that does not say so", wide, true).await;
}

/// Letters as mail programs write them stand between no two stools.
#[tokio::test]
async fn honest_letters_are_not_ambiguous() {
    async fn check(letter: &str) {
        let reading = read(letter.replace('\n', "\r\n").into_bytes(), limits()).await;
        assert_eq!(reading.unread, [], "{letter}");
    }
    check(
        "Content-Type: multipart/mixed;\n boundary=\"_004_AB_\"\n\nThis is a multi-part message in MIME format.\n\n\
        --_004_AB_\nContent-Type: multipart/related;\n\tboundary=\"_003_AB_\"; type=\"text/html\"\n\n--_003_AB_\n\
        Content-Type: multipart/alternative; boundary=_000_AB_\n\n--_000_AB_\nContent-Type: text/plain; charset=\"us-ascii\"\n\
        \nHello\n-- \nO. Lamb\n\n--_000_AB_\nContent-Type: text/html; charset=\"Windows-1252\"\n\
        Content-Transfer-Encoding: quoted-printable\n\n<p>Hello</p>\n\n--_000_AB_--\n\n--_003_AB_--\n\n--_004_AB_\n\
        Content-Type: message/rfc822\n\nFrom: Cara Finch <c@post.example>\nContent-Type: multipart/mixed; boundary=q\n\n\
        --q\n\nforwarded\n--q--\n\n--_004_AB_--\n",
    )
    .await;
    check("Content-Type: text/plain; charset=ISO-8859-15\n\nHello\n--\nO. Lamb\n").await;
    check("\nHello\n").await;
    check("Content-Type: multipart/mixed; boundary=x\n\n--x\n\nHello\n--x--").await;
}

const CATALOG: &str = "<< /Type /Catalog /Pages 2 0 R >>";
const PAGES: &str = "<< /Type /Pages /Kids [ 3 0 R ] /Count 1 >>";

#[tokio::test]
async fn words_beside_and_within_a_page_are_read() {
    // A form XObject, a note and a field: places where lopdf's own extraction does not look.
    let page = "<< /Type /Page /Parent 2 0 R /Contents 5 0 R \
        /Resources << /XObject << /X 6 0 R >> /Font << /F 4 0 R >> >> \
        /Annots [ << /Subtype /Text /Contents (999 159 0838) >> << /Subtype /Widget /V (999 016 6137) >> ] >>";
    let font = "<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica /Encoding /WinAnsiEncoding >>";
    let content = stream("", b"/X Do BT /F 9 Tf 1 0 0 1 9 9 Tm (9) Tj 5 0 Td (993909963) Tj 200 0 Td (7) Tj ET");
    let form = stream("/Type /XObject /Subtype /Form", b"BT /F 9 Tf (999 526) Tj ( 0182) Tj ET");
    let reading =
        read(letter_with(&pdf(&[CATALOG.into(), PAGES.into(), page.into(), font.into(), content, form])), limits());
    let reading = reading.await;
    assert_eq!(reading.unread, []);
    let expected =
        [("9990166137", 3, None), ("9991590838", 3, None), ("9993909963", 3, Some(1)), ("9995260182", 3, Some(1))];
    assert_eq!(numbers(&reading), expect(&expected));
}

#[tokio::test]
async fn words_in_tiles_and_masks_are_read() {
    let page = "<< /Type /Page /Parent 2 0 R /Contents 5 0 R /Resources << /Pattern << /P 6 0 R >> \
        /ExtGState << /G << /SMask << /S /Alpha /G 7 0 R >> >> >> /Font << /F 4 0 R >> >> >>";
    let font = "<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica /Encoding /WinAnsiEncoding >>";
    let content = stream("", b"/G gs /Pattern cs /P scn 0 0 99 99 re f");
    let tile = stream("/Type /Pattern /PatternType 1", b"BT /F 9 Tf (999 526 0182) Tj ET");
    let mask = stream("/Type /XObject /Subtype /Form", b"BT /F 9 Tf (999 016 6137) Tj ET");
    let file = pdf(&[CATALOG.into(), PAGES.into(), page.into(), font.into(), content, tile, mask]);
    let reading = read(letter_with(&file), limits()).await;
    assert_eq!(reading.unread, []);
    assert_eq!(numbers(&reading), expect(&[("9990166137", 3, Some(1)), ("9995260182", 3, Some(1))]));
    // A digit painted over the number, so that it reads as another.
    let page = "<< /Type /Page /Parent 2 0 R /Contents 5 0 R /Resources << /Font << /F 4 0 R >> >> >>";
    let over = stream("", b"BT /F 9 Tf (999 526) Tj ( 0182) Tj ET 1 g BT /F 9 Tf (7) Tj ET");
    let over = pdf(&[CATALOG.into(), PAGES.into(), page.into(), font.into(), over]);
    assert_eq!(numbers(&read(letter_with(&over), limits()).await), expect(&[("9995260182", 3, Some(1))]));
    // A PDF that is a Word document as well.
    let both = [file, docx(&[("word/document.xml", 10)])].concat();
    let reading = read(letter_with(&both), limits()).await;
    assert!(reading.unread.contains(&Unread { part: 3, why: Why::Ambiguous }), "{reading:?}");
}

#[tokio::test]
async fn a_font_that_tells_no_characters_is_not_read() {
    let page = "<< /Type /Page /Parent 2 0 R /Contents 5 0 R /Resources << /Font << /F 4 0 R >> >> >>";
    let font = "<< /Type /Font /Subtype /Type0 /BaseFont /X /Encoding /Identity-H >>";
    let content = stream("", b"BT /F 9 Tf <00120013> Tj ET");
    let file = pdf(&[CATALOG.into(), PAGES.into(), page.into(), font.into(), content]);
    let reading = read(letter_with(&file), limits()).await;
    assert_eq!(reading.unread, [Unread { part: 3, why: Why::NoText }]);
}

#[tokio::test]
async fn a_child_that_fails_is_unread_and_no_pass() {
    async fn check(what: &str, letter: &[u8], limits: Limits, why: Why) {
        let reading = read(letter.to_vec(), limits).await;
        assert_eq!(reading.unread.first(), Some(&Unread { part: 0, why }), "{what}: {reading:?}");
    }
    async fn check_program(what: &str, program: &str, letter: &[u8]) {
        let reading =
            read_letter(&limits(), Path::new(program), Cursor::new(letter.to_vec())).await.expect("a reading");
        assert_eq!(reading.unread, [Unread { part: 0, why: Why::Failed }], "{what}");
    }
    let letter = letter_with(&fixture("clinic-amina-yorke.pdf"));
    check("no memory", &letter, Limits { memory_bytes_max: 1 << 20, ..limits() }, Why::Failed).await;
    let long = format!("Subject: x\r\n\r\n{}", "x".repeat(40 << 20)).into_bytes();
    check("beyond its memory", &long, Limits { memory_bytes_max: 128 << 20, ..limits() }, Why::TooLarge).await;
    check_program("a child that says nothing", "/bin/true", &letter).await;
    check_program("a child that says too much", "/usr/bin/yes", &letter).await;
}

#[tokio::test]
async fn a_child_that_takes_too_long_is_ended() {
    /// A letter that never comes to its end while the test holds the other side.
    struct Endless(std::sync::mpsc::Receiver<()>);
    impl Read for Endless {
        fn read(&mut self, _: &mut [u8]) -> std::io::Result<usize> {
            let _ = self.0.recv();
            Ok(0)
        }
    }
    let (held, end) = std::sync::mpsc::channel();
    let program = Path::new(env!("CARGO_BIN_EXE_sealgate"));
    let short = Limits { wall_secs_max: 1, ..limits() };
    let reading = read_letter(&short, program, Endless(end)).await.expect("the parent survives");
    drop(held);
    assert_eq!(reading.unread, [Unread { part: 0, why: Why::TooSlow }]);
}

#[tokio::test]
async fn our_own_faults_are_failures() {
    struct Torn;
    impl Read for Torn {
        fn read(&mut self, _: &mut [u8]) -> std::io::Result<usize> {
            Err(std::io::ErrorKind::InvalidData.into())
        }
    }
    let missing = read_letter(&limits(), Path::new("/nowhere/sealgate"), std::io::empty()).await;
    assert!(matches!(missing, Err(ScreeningFailure::Child(_))));
    let program = Path::new(env!("CARGO_BIN_EXE_sealgate"));
    let torn = read_letter(&limits(), program, b"Subject: x\r\n\r\n".chain(Torn)).await;
    assert!(matches!(torn, Err(ScreeningFailure::Letter(_))));
}

/// Bytes without a pattern, the same in every run (xorshift).
fn random_bytes(count: usize) -> Vec<u8> {
    let mut state = 0x9E37_79B9_7F4A_7C15_u64;
    let mut next = || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        (state >> 32) as u8
    };
    (0..count).map(|_| next()).collect()
}

/// A PDF of these objects, numbered from 1; the first is its catalog.
fn pdf(objects: &[Vec<u8>]) -> Vec<u8> {
    let mut file = b"%PDF-1.7\n".to_vec();
    let mut table = format!("xref\n0 {}\n0000000000 65535 f \n", objects.len() + 1);
    for (index, object) in objects.iter().enumerate() {
        table.push_str(&format!("{:010} 00000 n \n", file.len()));
        file.extend_from_slice(format!("{} 0 obj\n", index + 1).as_bytes());
        file.extend_from_slice(object);
        file.extend_from_slice(b"\nendobj\n");
    }
    let start = file.len();
    let trailer = format!("trailer\n<< /Size {} /Root 1 0 R >>\nstartxref\n{start}\n%%EOF\n", objects.len() + 1);
    file.extend_from_slice((table + &trailer).as_bytes());
    file
}

fn stream(entries: &str, content: &[u8]) -> Vec<u8> {
    let head = format!("<< {entries} /Length {} >>\nstream\n", content.len());
    [head.as_bytes(), content, b"\nendstream"].concat()
}

fn nested_arrays(count: usize) -> Vec<u8> {
    let catalog = format!("<< /Type /Catalog /Pages {}{} >>", "[".repeat(count), "]".repeat(count));
    pdf(&[catalog.into_bytes()])
}

/// A PDF whose one page unfolds to so many bytes of blanks.
fn pdf_bomb(bytes: usize) -> Vec<u8> {
    let page = "<< /Type /Page /Parent 2 0 R /Contents 4 0 R >>";
    let content = stream("/Filter /FlateDecode", &zlib_blanks(bytes));
    pdf(&[CATALOG.into(), PAGES.into(), page.into(), content])
}

/// A zlib stream of blanks: the raw deflate data that the ZIP writer makes, in zlib's frame (RFC 1950). Readers that stop
/// at their limit never come to its checksum.
fn zlib_blanks(bytes: usize) -> Vec<u8> {
    let mut archive = zip::ZipArchive::new(Cursor::new(docx(&[("x", bytes)]))).expect("an archive");
    let mut deflated = Vec::new();
    archive.by_index_raw(0).expect("an entry").read_to_end(&mut deflated).expect("bytes");
    [b"\x78\xDA".as_slice(), &deflated, &[0; 4]].concat()
}

/// A ZIP of entries filled with so many blanks.
fn docx(entries: &[(&str, usize)]) -> Vec<u8> {
    let mut zip = zip::ZipWriter::new(Cursor::new(Vec::new()));
    let blanks = [b' '; 64 << 10];
    for (name, mut bytes) in entries.iter().copied() {
        zip.start_file(name, zip::write::SimpleFileOptions::default()).expect("an entry");
        while bytes > 0 {
            let count = bytes.min(blanks.len());
            zip.write_all(blanks.get(..count).unwrap_or_default()).expect("bytes");
            bytes -= count;
        }
    }
    zip.finish().expect("an archive").into_inner()
}

const ENTITIES: &str = "<?xml version=\"1.0\"?><!DOCTYPE d [<!ENTITY a \"aaaaaaaaaa\"><!ENTITY b \"&a;&a;&a;&a;&a;\">]>\
    <w:document><w:p><w:t>&b;&b;&b;</w:t></w:p></w:document>";

fn docx_of(document: &[u8]) -> Vec<u8> {
    let mut zip = zip::ZipWriter::new(Cursor::new(Vec::new()));
    zip.start_file("word/document.xml", zip::write::SimpleFileOptions::default()).expect("an entry");
    zip.write_all(document).expect("bytes");
    zip.finish().expect("an archive").into_inner()
}
