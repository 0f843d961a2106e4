//! Heads: what they declare, what is kept of them, and which are refused by which rule.

use policy::{Category, Declared, Moment, Purpose, Timestamp};
use proptest::prelude::*;

use super::desk::anna;
use crate::intake::declare::{DeclareError, DeclaredHead, HeadCollector, Rules, Stamp, declare};
use crate::intake::{Contradiction, Script};

fn read(head: &str, script: Script) -> Result<DeclaredHead, DeclareError> {
    let stamp = Stamp { moment: Moment { at: Timestamp(1_790_000_000), offset_secs: 3600 }, name: "0123abcd".into() };
    declare(head.as_bytes(), &Rules { account: &anna(), script, stamp: &stamp })
}

/// A head with a good `From`, and these lines.
fn of(lines: &str) -> Result<DeclaredHead, DeclareError> {
    read(&format!("From: anna@example.nhs.uk\r\n{lines}"), Script::Ascii)
}

/// A declaration in words, so that a table can hold it.
fn told(lines: &str) -> String {
    let declaration = match of(lines) {
        Ok(declared) => declared.declaration,
        Err(error) => return format!("refused: {error}"),
    };
    let mut said = vec![format!("'{}'", declaration.subject_line)];
    said.extend(declaration.subject.map(|subject| subject.as_str().to_owned()));
    said.extend(declaration.purpose.map(|purpose| match purpose {
        Declared::Known(purpose) => purpose.to_string(),
        Declared::Unknown(word) => format!("unknown {word}"),
    }));
    said.extend(declaration.categories.iter().map(ToString::to_string));
    said.extend(declaration.citation.map(|text| format!("cites {text}")));
    said.extend(declaration.exception.map(|text| format!("excepts {text}")));
    said.extend(declaration.contradictions.iter().map(|what| format!("contradicts {what:?}")));
    said.join(" ")
}

#[test]
fn declarations() {
    for (lines, expected) in [
        ("", "''"),
        ("Subject: Clinic letter\r\n", "'Clinic letter'"),
        ("Sealgate-Subject: nhs:9434765919\r\nsealgate-purpose: Direct-Care\r\n", "'' nhs:9434765919 direct-care"),
        ("Sealgate-Category: clinical-letter, identity\r\n", "'' identity clinical-letter"),
        ("Sealgate-Category: identity\r\nSealgate-Category: contact\r\n", "'' identity contact"),
        ("Sealgate-Citation: contract 7\r\nSealgate-Exception: ex-1\r\n", "'' cites contract 7 excepts ex-1"),
        ("Sealgate-Citation: =?utf-8?q?Vertrag_=C3=A4?=\r\n", "'' cites Vertrag ä"),
        ("Sealgate-Subject: \r\nSealgate-Purpose:\r\n", "''"),
        (
            "Subject: [nhs:9434765919] Letter [FOR direct-care] [Holds clinical-letter identity]\r\n",
            "'Letter' nhs:9434765919 direct-care identity clinical-letter",
        ),
        ("Subject: Results [gmc 7012345]\r\n", "'Results' gmc:7012345"),
        ("Subject: Letter\r\n [for\r\n direct-care]\r\n", "'Letter' direct-care"),
        ("Subject: =?utf-8?q?Gru=C3=9F_=5Bfor_direct-care=5D?=\r\n", "'Gruß' direct-care"),
        ("Subject: [secure] Hello [RW4ENCRYPT] there [Encrypt] [encrypted]\r\n", "'Hello there'"),
        (
            "Subject: [for a\u{AD}b]\r\n",
            "refused: The header holds bytes beyond ASCII; encode them (RFC 2047) or use SMTPUTF8",
        ),
        // Words in brackets that are no tags stay.
        (
            "Subject: [for the attention of Dr Who] [urgent] a[1] [nhs number?] [holds\r\n",
            "'[for the attention of Dr Who] [urgent] a[1] [nhs number?] [holds'",
        ),
        ("Subject: [[for direct-care]]\r\n", "'[ ]' direct-care"),
        ("Subject: [for gossip]\r\n", "'' unknown gossip"),
        ("Sealgate-Purpose: gossip\r\n", "'' unknown gossip"),
        // Said twice and alike.
        ("Subject: [for direct-care]\r\nSealgate-Purpose: direct-care\r\n", "'' direct-care"),
        ("Subject: [holds identity]\r\nSealgate-Category: identity\r\n", "'' identity"),
        ("Subject: [for direct-care] [for direct-care]\r\n", "'' direct-care"),
        // Said twice and differently: none of both.
        ("Subject: [for direct-care]\r\nSealgate-Purpose: research\r\n", "'' contradicts Purpose"),
        ("Subject: [for direct-care] [for research]\r\n", "'' contradicts Purpose"),
        ("Subject: [nhs:9434765919] x\r\nSealgate-Subject: nhs:9434765870\r\n", "'x' contradicts Subject"),
        ("Sealgate-Subject: nhs:9434765919\r\nSealgate-Subject: case:PSU-1\r\n", "'' contradicts Subject"),
        ("Subject: [holds identity]\r\nSealgate-Category: identity, contact\r\n", "'' contradicts Categories"),
        ("Sealgate-Citation: a\r\nSealgate-Citation: b\r\n", "'' contradicts Citation"),
        ("Sealgate-Exception: a\r\nSealgate-Exception: b\r\n", "'' contradicts Exception"),
        (
            "Sealgate-Category: identity, gossip\r\n",
            "refused: A category is not on the list; known ones are identity, contact, clinical-letter and so on",
        ),
        (
            "Subject: [holds gossip]\r\n",
            "refused: A category is not on the list; known ones are identity, contact, clinical-letter and so on",
        ),
    ] {
        assert_eq!(told(lines), expected, "{lines:?}");
    }
    let number = of("Subject: [NHS 943 476 5919] Letter\r\n").map(|declared| declared.declaration.subject_line);
    assert_eq!(number, Ok("Letter".to_owned()));
}

#[test]
fn a_contradiction_leaves_nothing_for_a_default_to_replace() {
    let declared = of("Subject: [for direct-care]\r\nSealgate-Purpose: research\r\nSealgate-Category: identity\r\n");
    let declaration = declared.ok().unwrap().declaration;
    assert_eq!(declaration.purpose, None::<Declared<Purpose>>);
    assert_eq!(declaration.contradictions, [Contradiction::Purpose]);
    assert_eq!(declaration.categories, [Category::Identity]);
}

#[test]
fn only_what_is_listed_is_kept() {
    let head = "Received: from inside\r\n by inside\r\nReturn-Path: <anna@example.nhs.uk>\r\nDKIM-Signature: v=1\r\n\
        From: \"Anna, Dr\" <anna@example.nhs.uk>\r\nSender: bob@example.nhs.uk\r\nTo: A Patient <p@x.example>\r\n\
        Cc: b@x.example\r\nBcc: c@x.example\r\nResent-To: d@x.example\r\nSubject: Ann Other\r\nDate: Mon, 1 Jun 2026 10:00:00 +0100\r\n\
        Message-ID: <1@example.nhs.uk>\r\nIn-Reply-To: <0@x.example>\r\nReferences: <0@x.example>\r\n <00@x.example>\r\n\
        Reply-To: clinic@example.nhs.uk\r\nMime-Version: 1.0 (Mac OS X Mail 16.0 \\(1\\))\r\nContent-Type: text/plain;\r\n charset=utf-8\r\n\
        Content-Transfer-Encoding: 8bit\r\nX-Mailer: thing\r\nX-Originating-IP: [10.0.0.1]\r\nTLS-Required: No\r\n\
        Disposition-Notification-To: e@x.example\r\nARC-Seal: x\r\nAuthentication-Results: x\r\nSealgate-Purpose: direct-care\r\n\
        Comments: x\r\nKeywords: x\r\nThread-Topic: Ann Other\r\n";
    let kept = "From: \"Anna, Dr\" <anna@example.nhs.uk>\r\nDate: Mon, 1 Jun 2026 10:00:00 +0100\r\n\
        Message-ID: <1@example.nhs.uk>\r\nIn-Reply-To: <0@x.example>\r\nReferences: <0@x.example>\r\n <00@x.example>\r\n\
        Reply-To: clinic@example.nhs.uk\r\nContent-Type: text/plain;\r\n charset=utf-8\r\n\
        Content-Transfer-Encoding: 8bit\r\nMIME-Version: 1.0\r\n\r\n";
    assert_eq!(String::from_utf8(read(head, Script::Ascii).ok().unwrap().head).unwrap(), kept);
}

#[test]
fn what_is_missing_is_added() {
    let added = "Date: Mon, 21 Sep 2026 15:13:20 +0100\r\nMessage-ID: <0123abcd@example.nhs.uk>\r\n";
    for (lines, expected) in [
        ("", format!("{added}\r\n")),
        ("Content-Type: text/html\r\n", format!("Content-Type: text/html\r\n{added}MIME-Version: 1.0\r\n\r\n")),
        ("Subject: unended", format!("{added}\r\n")),
    ] {
        let head = String::from_utf8(of(lines).ok().unwrap().head).unwrap();
        assert_eq!(head, format!("From: anna@example.nhs.uk\r\n{expected}"), "{lines:?}");
    }
}

#[test]
fn senders() {
    let punctuation = DeclareError::FromNotOne("put a name with punctuation in quotes");
    for (from, expected) in [
        ("anna@example.nhs.uk", None),
        ("ANNA@Example.nhs.uk", None),
        ("Dr. Anna O'Neill <anna@example.nhs.uk>", None),
        ("\"O'Neill, Anna \\\"x\\\" (GP)\" <clinic@example.nhs.uk>", None),
        ("=?utf-8?q?Anna_=C3=9F?= <anna@example.nhs.uk>", None),
        ("<anna@example.nhs.uk>", None),
        ("bob@example.nhs.uk", Some(DeclareError::FromNotYours)),
        ("anna@example.nhs.uk <bob@example.nhs.uk>", Some(punctuation.clone())),
        ("O'Neill, Anna <anna@example.nhs.uk>", Some(punctuation.clone())),
        ("Staff: anna@example.nhs.uk <anna@example.nhs.uk>", Some(punctuation.clone())),
        ("(x) <anna@example.nhs.uk>", Some(punctuation.clone())),
        ("<x@x.example> <anna@example.nhs.uk>", Some(punctuation)),
        ("\"x <anna@example.nhs.uk>", Some(DeclareError::FromNotOne("a quote is missing"))),
        ("anna@example.nhs.uk>", Some(DeclareError::FromNotOne("a bracket is missing"))),
    ] {
        let error = read(&format!("From: {from}\r\n"), Script::Ascii).err();
        assert_eq!(error, expected, "{from}");
    }
    assert!(matches!(read("Subject: x\r\n", Script::Ascii).err(), Some(DeclareError::FromMissing)));
    assert!(read("From: anna@example.nhs.uk, bob@x.example\r\n", Script::Ascii).is_err());
}

#[test]
fn refused_heads() {
    use DeclareError as E;
    let many = |count: usize, line: &str| line.repeat(count);
    for (lines, expected) in [
        ("From: anna@example.nhs.uk\r\n".to_owned(), E::Twice("From")),
        ("Subject: a\r\nsubject: b\r\n".into(), E::Twice("Subject")),
        ("Date: a\r\nDate: a\r\n".into(), E::Twice("Date")),
        ("Message-ID: a\r\nMessage-Id: a\r\n".into(), E::Twice("Message-ID")),
        ("MIME-Version: 1.0\r\nMIME-Version: 1.0\r\n".into(), E::Twice("MIME-Version")),
        ("Content-Type: text/plain\r\nContent-Type: text/html\r\n".into(), E::Twice("A Content- field")),
        ("Content-ID: <a>\r\nCONTENT-ID: <b>\r\n".into(), E::Twice("A Content- field")),
        ("no colon\r\n".into(), E::NotAField),
        (": nameless\r\n".into(), E::NotAField),
        ("Sub ject: x\r\n".into(), E::NotAField),
        ("Subject : x\r\n".into(), E::NotAField),
        ("Subject: x\r\n \t\r\n".into(), E::Folding),
        ("Subject: x\u{1}\r\n".into(), E::Control),
        ("Subject: x\ry\r\n".into(), E::Control),
        ("Subject: é\r\n".into(), E::EightBit),
        ("MIME-Version: 2.0\r\n".into(), E::MimeVersion),
        ("MIME-Version: 1.0 (\r\n".into(), E::MimeVersion),
        ("Content-Type: plain\r\n".into(), E::ContentType("write type/subtype")),
        ("Content-Type: text/plain; charset\r\n".into(), E::ContentType("a parameter has no value")),
        ("Content-Type: text/plain; charset=a; CHARSET=b\r\n".into(), E::ContentType("a parameter stands twice")),
        ("Content-Type: text/plain; name=\"a\r\n".into(), E::ContentType("a bracket or a quote is missing")),
        (
            "Content-Type: multipart/mixed\r\n".into(),
            E::ContentType("a multipart needs a boundary of 1 to 70 characters"),
        ),
        (
            format!("Content-Type: multipart/mixed; boundary={}\r\n", many(71, "b")),
            E::ContentType("a multipart needs a boundary of 1 to 70 characters"),
        ),
        ("Content-Type: message/partial; id=1\r\n".into(), E::ContentType("partial messages are not taken")),
        (
            "Content-Type: multipart/mixed; boundary=b\r\nContent-Transfer-Encoding: base64\r\n".into(),
            E::TransferEncoding("a multipart message is not encoded as a whole"),
        ),
        (
            "Content-Transfer-Encoding: binary\r\n".into(),
            E::TransferEncoding("must be 7bit, 8bit, quoted-printable or base64"),
        ),
        (format!("Subject: {}\r\n", many(1001, "x")), E::ValueTooLong("Subject")),
        (many(101, "Received: x\r\n"), E::TooManyHops),
        (many(1001, "X: x\r\n"), E::TooManyFields),
    ] {
        assert_eq!(of(&lines).err(), Some(expected), "{lines:.60?}");
    }
    assert!(matches!(read(" From: anna@example.nhs.uk\r\n", Script::Ascii).err(), Some(E::Folding)));
    assert!(matches!(read("From anna Mon\r\n", Script::Ascii).err(), Some(E::NotAField)));
    assert!(of("Content-Type: multipart/mixed; boundary=\"=_a b\" (c); charset=\"a;b\"\r\n").is_ok());
}

/// What a refusal says fits a reply, and repeats nothing of the head.
#[test]
fn refusals_are_short() {
    for error in [
        DeclareError::Category,
        DeclareError::EightBit,
        DeclareError::FromNotOne("put a name with punctuation in quotes"),
        DeclareError::TransferEncoding("must be 7bit, 8bit, quoted-printable or base64"),
    ] {
        assert!(error.to_string().chars().count() <= 120, "{error}");
    }
}

#[test]
fn heads_are_found_at_any_split() {
    for (input, head, body) in [
        ("A: b\r\n\r\nText", "A: b\r\n", "Text"),
        ("A: b\r\nC: d\r\n\r\n\r\nText", "A: b\r\nC: d\r\n", "\r\nText"),
        ("\r\nText", "", "Text"),
        ("A: b\r\n\r\n", "A: b\r\n", ""),
    ] {
        for split in 0..=input.len() {
            let (front, back) = input.as_bytes().split_at(split);
            let mut collector = HeadCollector::default();
            let rest = match collector.push(front).unwrap() {
                Some(rest) => [rest, back].concat(),
                None => collector.push(back).unwrap().unwrap().to_vec(),
            };
            assert_eq!(collector.into_head(), head.as_bytes(), "{input:?} at {split}");
            assert_eq!(rest, body.as_bytes(), "{input:?} at {split}");
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1000))]

    /// Whatever the head: an answer, and if it is taken, a head without anything that only declares.
    #[test]
    fn any_head_is_answered(lines in prop::collection::vec("(Subject|Sealgate-Purpose|Sealgate-Category|Content-Type|To|X-\\PC{0,3}|\\PC{0,5}): ?(\\[for |\\[holds |\\[nhs |text/plain;)?\\PC{0,30}\\]?", 0..6)) {
        let head: String = lines.iter().map(|line| format!("{line}\r\n")).collect();
        if let Ok(declared) = read(&format!("From: anna@example.nhs.uk\r\n{head}"), Script::Utf8) {
            let kept = String::from_utf8(declared.head).unwrap().to_lowercase();
            prop_assert!(!kept.contains("\r\nsubject:") && !kept.contains("\r\nsealgate-") && !kept.contains("\r\nto:"));
            prop_assert!(kept.ends_with("\r\n\r\n"));
        }
    }

    #[test]
    fn any_bytes_are_answered(head in prop::collection::vec(any::<u8>(), 0..200)) {
        let stamp = Stamp { moment: Moment { at: Timestamp(0), offset_secs: 0 }, name: String::new() };
        let account = anna();
        let _ = declare(&head, &Rules { account: &account, script: Script::Utf8, stamp: &stamp });
    }
}
