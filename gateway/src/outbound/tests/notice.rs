//! What a notice says, to people and to programs, and what can never get into one.

use mail_parser::{MessageParser, MimeHeaders};
use policy::Timestamp;

use super::{MARKER, desk, domain, mailbox, refused, report};
use crate::outbound::deliver::CannotSend;
use crate::outbound::diagnosis::{Class, Diagnosis};
use crate::outbound::notice::{Cause, Hindrance, News, NoticeError, Report};
use crate::outbound::replies::Status;
use crate::outbound::smtp::{SendFailure, Stage};

fn hindrance() -> Hindrance {
    Hindrance::from(&CannotSend {
        class: Class::Now,
        diagnosis: Diagnosis::StarttlsNotSupported,
        detail: "STARTTLS is not offered".to_owned(),
        host: Some(domain("mx.practice.example")),
    })
}

fn text(report: &Report) -> String {
    String::from_utf8(report.compose(&desk()).unwrap().as_bytes().to_vec()).unwrap()
}

fn check(news: News, subject: &str, first: &str, fields: &[&str]) {
    let report = report(news);
    let text = text(&report);
    assert!(text.is_ascii() && text.replace("\r\n", "").chars().all(|c| !c.is_control()));
    let message = MessageParser::new().parse(text.as_bytes()).unwrap();
    assert_eq!(message.subject(), Some(format!("Letter SG-7000-0000: {subject}").as_str()));
    let kind = message.content_type().unwrap();
    assert_eq!((kind.ctype(), kind.subtype()), ("multipart", Some("report")));
    assert_eq!(kind.attribute("report-type"), Some("delivery-status"));
    assert_eq!(message.header_raw("Auto-Submitted").map(str::trim), Some("auto-replied"));
    let words = message.body_text(0).unwrap();
    assert!(words.starts_with(first), "{words}");
    let end = "Letter SG-7000-0000. Questions? Call Elm Surgery on 01632 960001.";
    assert!(words.split_whitespace().collect::<Vec<_>>().join(" ").ends_with(end), "{words}");
    for field in fields {
        assert!(text.contains(&format!("\r\n{field}\r\n")), "{field} is not in\n{text}");
    }
    assert!(text.contains("Reporting-MTA: dns; gateway.provider.example\r\n"));
    assert!(text.contains(&format!("Final-Recipient: rfc822; {MARKER}@practice.example\r\n")));
}

#[test]
fn each_kind_says_what_it_must() {
    let until = Timestamp(1_790_100_000);
    let reasons = || match refused() {
        News::Refused { reasons } => reasons,
        _ => vec![],
    };
    check(refused(), "not sent", "We did not send this letter.", &["Action: failed", "Status: 5.7.1"]);
    check(
        News::Held { reasons: reasons(), until },
        "held",
        "We are holding this letter.",
        &["Action: delayed", "Status: 4.7.1", "Will-Retry-Until: Tue, 22 Sep 2026 19:00:00 +0100"],
    );
    check(
        News::Delayed { obstacle: hindrance(), until },
        "delayed",
        "We could not send this letter in a safe way yet.",
        &[
            "Action: delayed",
            "Status: 4.7.5",
            "Remote-MTA: dns; mx.practice.example",
            "Diagnostic-Code: x-sealgate; starttls-not-supported",
        ],
    );
    let rejected = SendFailure::Rejected { status: Status::new(5, 3, 4), words: None, at: Stage::Data };
    check(
        News::Failed { obstacle: Hindrance::from(&rejected) },
        "not sent",
        "We could not send this letter.",
        &["Action: failed", "Status: 5.3.4"],
    );
    check(
        News::Expired { obstacle: hindrance() },
        "not sent",
        "We could not send this letter in time.",
        &["Action: failed", "Status: 4.4.7"],
    );
    check(
        News::Delivered { host: "mx.practice.example".to_owned(), said: "250 2.0.0".to_owned() },
        "sent",
        "Their mail system has your letter.",
        &["Action: relayed", "Status: 2.0.0", "Diagnostic-Code: smtp; 250 2.0.0"],
    );
    let delayed = text(&report(News::Delayed { obstacle: hindrance(), until }));
    assert!(delayed.contains("We will keep trying until 19:00 on 22 September 2026."), "{delayed}");
}

#[test]
fn no_field_can_break_out_of_its_place() {
    for bad in ["a\r\nBcc: x@evil.example", "a\nb", "a\rb", "a\0b", "a\u{85}b"] {
        let cause = |sentence: &str| Cause { sentence: sentence.to_owned(), ..cause() };
        let with = |change: &dyn Fn(&mut Report)| {
            let mut report = report(refused());
            change(&mut report);
            report.compose(&desk()).err()
        };
        let text = Some(NoticeError::Control("the text"));
        assert_eq!(with(&|report| report.agency = Some(bad.to_owned())), text, "{bad:?}");
        assert_eq!(with(&|report| report.news = News::Refused { reasons: vec![cause(bad)] }), text, "{bad:?}");
        assert_eq!(with(&|report| report.name = bad.to_owned()), Some(NoticeError::Control("the notice's name")));
        let said = |report: &mut Report| report.news = News::Delivered { host: "h".to_owned(), said: bad.to_owned() };
        if bad.is_ascii() {
            assert_eq!(with(&said), Some(NoticeError::Control("Diagnostic-Code")), "{bad:?}");
        }
        // What the sender's program made up is left out where it is not what it should be.
        let mut report = report(refused());
        report.message_id = Some(format!("<{bad}@x>"));
        report.wishes.envid = Some(bad.to_owned());
        report.wishes.orcpt = Some(format!("rfc822;{bad}"));
        let text = text_of(&report);
        assert!(!text.contains("Original-") && !text.contains("In-Reply-To"), "{text}");
    }
}

fn cause() -> Cause {
    Cause { sentence: "No.".to_owned(), remedy: "Ask.".to_owned(), who: "an admin".to_owned() }
}

fn text_of(report: &Report) -> String {
    text(report)
}

#[test]
fn envelope_ids_are_given_back_as_they_were() {
    let mut report = report(refused());
    report.wishes.envid = Some("QQ+314159".to_owned());
    report.wishes.orcpt = Some("rfc822;a+b@practice.example".to_owned());
    let text = text(&report);
    assert!(text.contains("\r\nOriginal-Envelope-Id: QQ+314159\r\n"));
    assert!(text.contains("\r\nOriginal-Recipient: rfc822; a+b@practice.example\r\n"));
    assert_eq!(text.matches("Message-ID: <abc@provider.example>\r\n").count(), 1);
    for bad in ["", " ", "a\n", "a\0", "é", &"a".repeat(501)] {
        report.wishes.envid = Some(bad.to_owned());
        assert!(!text_of(&report).contains("Original-Envelope-Id"), "{bad:?}");
    }
}

#[test]
fn words_that_are_not_ascii_arrive_as_they_are() {
    let mut report = report(refused());
    report.agency = Some("Meddygfa Tŷ Elái".to_owned());
    report.recipient = mailbox("müller@practice.example");
    let text = text(&report);
    assert!(text.is_ascii());
    assert!(text.contains("\r\nFinal-Recipient: utf-8; m\\x{FC}ller@practice.example\r\n"));
    let message = MessageParser::new().parse(text.as_bytes()).unwrap();
    assert!(message.body_text(0).unwrap().contains("It was for Meddygfa Tŷ Elái, müller@practice.example."));
}

#[test]
fn a_sender_hears_what_was_asked_for() {
    let until = Timestamp(0);
    let kinds = || {
        [
            News::Held { reasons: vec![cause()], until },
            refused(),
            News::Failed { obstacle: hindrance() },
            News::Expired { obstacle: hindrance() },
            News::Delayed { obstacle: hindrance(), until },
            News::Delivered { host: "h".to_owned(), said: "250".to_owned() },
        ]
    };
    let cases: [(&[&str], [bool; 6]); 5] = [
        (&[], [true, true, true, true, true, false]),
        (&["NEVER"], [true, true, true, true, false, false]),
        (&["SUCCESS"], [true, true, true, true, false, true]),
        (&["FAILURE"], [true, true, true, true, false, false]),
        (&["success", "delay"], [true, true, true, true, true, true]),
    ];
    for (notify, expected) in cases {
        let wanted = kinds().map(|news| {
            let mut report = report(news);
            report.wishes.notify = notify.iter().map(|&word| word.to_owned()).collect();
            report.is_wanted()
        });
        assert_eq!(wanted, expected, "{notify:?}");
    }
}

#[test]
fn a_report_survives_the_store() {
    let report = report(News::Expired { obstacle: hindrance() });
    let kept: Report = serde_json::from_value(serde_json::to_value(&report).unwrap()).unwrap();
    assert_eq!(text(&kept), text(&report));
}
