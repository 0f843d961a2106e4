//! Dialogues with an honest client: what is sent, and what must be said to it.

use super::desk::{Mood, by};
use super::player::house;
use crate::intake::smtp::TlsStart::{Implicit, StartTls};
use crate::intake::smtp::{Limits, TlsStart};
use crate::intake::{Content, Notify, Ret};

/// `anna`, `geheim` in AUTH PLAIN.
const ANNA: &str = "AUTH PLAIN AGFubmEAZ2VoZWlt";

async fn check(name: &str, start: TlsStart, script: &str) {
    let script = script.replace("ANNA", ANNA);
    house(Limits::default()).play(start, name, &script).await;
}

/// Signed in and ready for MAIL.
async fn check_signed_in(name: &str, script: &str) {
    check(name, Implicit, &format!("S: 220\nC: EHLO pc\nS: 250\nC: ANNA\nS: 235\n{script}")).await;
}

#[tokio::test]
async fn a_letter_goes_through_on_either_listener() {
    let letter = "
        C: MAIL FROM:<anna@example.nhs.uk> SIZE=120 BODY=8BITMIME RET=HDRS ENVID=QQ+2B1
        S: 250 2.1.0
        C: RCPT TO:<letters@practice.example> NOTIFY=SUCCESS,FAILURE ORCPT=rfc822;letters@practice.example
        S: 250 2.1.5
        C: DATA
        S: 354
        C: From: Anna <anna@example.nhs.uk>
        C: To: The Practice <letters@practice.example>
        C: Subject: Report [secure]
        C: Sealgate-Purpose: direct-care
        C:
        C: Dear colleague,
        C: ..a line that begins with a dot
        C: .
        S: 250 2.0.0 Accepted as SG-1000-0000
        C: QUIT
        S: 221 2.0.0
        E:";
    for (name, start, before) in [
        ("implicit", Implicit, "S: 220 sealgate.test ESMTP\nC: EHLO pc\nS: 250 AUTH PLAIN LOGIN\n"),
        (
            "starttls",
            StartTls,
            "S: 220 sealgate.test ESMTP\nC: EHLO pc\nS: 250 STARTTLS\nC: STARTTLS\nS: 220 2.0.0\nT:
             C: EHLO pc\nS: 250 AUTH PLAIN LOGIN\n",
        ),
    ] {
        let house = house(Limits::default());
        house.play(start, name, &format!("{before}\nC: {ANNA}\nS: 235 2.7.0\n{letter}")).await;
        let taken = house.door.desk.taken();
        assert_eq!(taken.len(), 1, "{name}");
        let letter = &taken[0];
        let text = String::from_utf8(letter.bytes.clone()).unwrap();
        assert!(text.ends_with("\r\n\r\nDear colleague,\r\n.a line that begins with a dot\r\n"), "{name}: {text}");
        assert!(!text.contains("Practice") && !text.contains("Report") && !text.contains("Sealgate"), "{name}: {text}");
        assert_eq!(letter.declaration.subject_line, "Report");
        let envelope = &letter.envelope;
        assert_eq!(envelope.account.staff, "dr-anna");
        assert_eq!(envelope.reverse_path.as_ref().unwrap().to_string(), "anna@example.nhs.uk");
        assert_eq!((envelope.ret, envelope.envid.as_deref()), (Some(Ret::Headers), Some("QQ+1")));
        assert_eq!((envelope.content, by(envelope.door)), (Content::SevenBit, "submission"));
        let recipient = &envelope.recipients[0];
        assert_eq!(recipient.orcpt.as_deref(), Some("rfc822;letters@practice.example"));
        assert_eq!(recipient.notify, Notify::On { success: true, failure: true, delay: false });
    }
}

#[tokio::test]
async fn nothing_but_the_upgrade_is_offered_in_the_clear() {
    check(
        "in the clear",
        StartTls,
        "S: 220 sealgate.test
         C: AUTH PLAIN AGFubmEAZ2VoZWlt
         S: 538 5.7.11
         C: EHLO pc
         S: 250 STARTTLS
         C: MAIL FROM:<anna@example.nhs.uk>
         S: 530 5.7.0
         C: RCPT TO:<letters@practice.example>
         S: 530 5.7.0
         C: DATA
         S: 530 5.7.0
         C: VRFY anna
         S: 530 5.7.0
         C: NOOP
         S: 250
         C: RSET
         S: 250
         C: HELP
         S: 214
         C: HELO pc
         S: 250 sealgate.test
         C: STARTTLS now
         S: 501 5.5.4
         C: QUIT
         S: 221 2.0.0
         E:",
    )
    .await;
}

#[tokio::test]
async fn what_was_said_before_tls_is_forgotten() {
    check(
        "forgotten",
        StartTls,
        "S: 220\nC: EHLO pc\nS: 250\nC: STARTTLS\nS: 220 2.0.0\nT:
         C: MAIL FROM:<anna@example.nhs.uk>
         S: 503 5.5.1 Say EHLO first
         C: ANNA
         S: 503 5.5.1 Say EHLO first
         C: EHLO pc
         S: 250 AUTH
         C: STARTTLS
         S: 503 5.5.1 TLS
         C: MAIL FROM:<anna@example.nhs.uk>
         S: 530 5.7.0 Sign in first",
    )
    .await;
}

#[tokio::test]
async fn signing_in() {
    let start = "S: 220\nC: EHLO pc\nS: 250\n";
    for (name, script) in [
        ("plain at once", "C: ANNA\nS: 235 2.7.0\nC: EHLO pc\nS: 250 DSN"),
        ("plain in two steps", "C: AUTH PLAIN\nS: 334\nC: AGFubmEAZ2VoZWlt\nS: 235"),
        ("plain, acting for oneself", "C: AUTH plain YW5uYQBhbm5hAGdlaGVpbQ==\nS: 235"),
        ("plain, acting for another", "C: AUTH PLAIN Ym9iAGFubmEAZ2VoZWlt\nS: 501 5.5.2"),
        ("login", "C: AUTH LOGIN\nS: 334 VXNlcm5hbWU6\nC: YW5uYQ==\nS: 334 UGFzc3dvcmQ6\nC: Z2VoZWlt\nS: 235"),
        ("login, name at once", "C: AUTH LOGIN YW5uYQ==\nS: 334 UGFzc3dvcmQ6\nC: Z2VoZWlt\nS: 235"),
        ("broken off", "C: AUTH LOGIN\nS: 334\nC: *\nS: 501 5.7.0\nC: AUTH PLAIN\nS: 334\nC: *\nS: 501"),
        ("no base64", "C: AUTH PLAIN !!!!\nS: 501 5.5.2\nC: AUTH PLAIN =\nS: 501\nC: AUTH PLAIN YW5uYQ==\nS: 501"),
        ("wrong", "C: AUTH PLAIN AGFubmEAd3Jvbmc=\nS: 535 5.7.8\nC: ANNA\nS: 235"),
        ("not now", "C: AUTH PLAIN AGJ1c3kAeA==\nS: 454 4.7.0"),
        ("unknown mechanism", "C: AUTH CRAM-MD5\nS: 504 5.5.4\nC: AUTH\nS: 501"),
        ("twice", "C: ANNA\nS: 235\nC: ANNA\nS: 503 5.5.1"),
        (
            "thrice wrong",
            "C: AUTH PLAIN AAA=\nS: 501\nC: AUTH PLAIN AGEAYg==\nS: 535\nC: AUTH PLAIN AGEAYg==\nS: 535\nC: AUTH PLAIN AGEAYg==\nS: 535\nS: 421 4.7.0\nE:",
        ),
    ] {
        check(name, Implicit, &format!("{start}{script}")).await;
    }
}

#[tokio::test]
async fn a_trusted_relay_need_not_sign_in() {
    for (from, expected) in [("192.0.2.25", "250 2.1.0"), ("::ffff:192.0.2.25", "250"), ("192.0.2.26", "530 5.7.0")] {
        let mut house = house(Limits::default());
        house.from = from.parse().unwrap();
        let script = format!("S: 220\nC: EHLO ehr\nS: 250\nC: MAIL FROM:<ehr@example.nhs.uk>\nS: {expected}");
        house.play(Implicit, from, &script).await;
    }
}

#[tokio::test]
async fn a_client_certificate_stands_in_for_a_password() {
    let mut house = house(Limits::default());
    house.certify();
    let script = "S: 220\nC: EHLO ehr\nS: 250\nC: MAIL FROM:<ehr@example.nhs.uk>\nS: 250 2.1.0";
    house.play(Implicit, "certificate", script).await;
    let script = format!("S: 220\nC: EHLO ehr\nS: 250\nC: STARTTLS\nS: 220\nT:\n{}", &script[7..]);
    house.play(StartTls, "certificate after STARTTLS", &script).await;
}

#[tokio::test]
async fn envelopes() {
    for (name, script) in [
        (
            "another's address",
            "C: MAIL FROM:<bob@example.nhs.uk>\nS: 553 5.7.1\nC: MAIL FROM:<CLINIC@Example.NHS.uk>\nS: 250",
        ),
        ("null reverse-path", "C: MAIL FROM:<>\nS: 550 5.7.1"),
        ("too large", "C: MAIL FROM:<anna@example.nhs.uk> SIZE=99999999999\nS: 552 5.3.4"),
        ("unknown parameter", "C: MAIL FROM:<anna@example.nhs.uk> HOLDFOR=9\nS: 555 5.5.4"),
        ("twice", "C: MAIL FROM:<anna@example.nhs.uk>\nS: 250\nC: MAIL FROM:<anna@example.nhs.uk>\nS: 503"),
        ("no mail", "C: RCPT TO:<letters@practice.example>\nS: 503 5.5.1\nC: DATA\nS: 503 5.5.1"),
        ("no recipient", "C: MAIL FROM:<anna@example.nhs.uk>\nS: 250\nC: DATA\nS: 554 5.5.1"),
        (
            "reset",
            "C: MAIL FROM:<anna@example.nhs.uk>\nS: 250\nC: RSET\nS: 250\nC: RCPT TO:<letters@practice.example>\nS: 503",
        ),
        (
            "greeting resets",
            "C: MAIL FROM:<anna@example.nhs.uk>\nS: 250\nC: EHLO pc\nS: 250\nC: RCPT TO:<letters@practice.example>\nS: 503",
        ),
        (
            "not listed",
            "C: MAIL FROM:<anna@example.nhs.uk>\nS: 250\nC: RCPT TO:<a@stranger.example>\nS: 550 5.7.1 Not sent: address is not on the safe list",
        ),
        (
            "list unreadable",
            "C: MAIL FROM:<anna@example.nhs.uk>\nS: 250\nC: RCPT TO:<later@practice.example>\nS: 451 4.3.0",
        ),
        ("no SMTPUTF8", "C: MAIL FROM:<anna@example.nhs.uk>\nS: 250\nC: RCPT TO:<jörg@practice.example>\nS: 5"),
        ("sign in midway", "C: MAIL FROM:<anna@example.nhs.uk>\nS: 250\nC: ANNA\nS: 503"),
        ("verify", "C: VRFY anna\nS: 252\nC: EXPN all\nS: 502 5.5.1\nC: BDAT 3 LAST\nS: 502\nC: FOO\nS: 500 5.5.2"),
    ] {
        check_signed_in(name, script).await;
    }
}

#[tokio::test]
async fn a_batch_of_commands_is_answered_in_order() {
    let script = format!(
        r"S: 220
          R: EHLO pc\r\n{ANNA}\r\nMAIL FROM:<anna@example.nhs.uk>\r\nRCPT TO:<a@practice.example>\r\nRCPT TO:<x@stranger.example>\r\nRCPT TO:<A@practice.example>\r\nDATA\r\n
          S: 250
          S: 235
          S: 250 2.1.0
          S: 250 2.1.5
          S: 550 5.7.1
          S: 250 2.1.5
          S: 354
          R: From: anna@example.nhs.uk\r\n\r\nOne.\r\n.\r\nMAIL FROM:<anna@example.nhs.uk>\r\nRCPT TO:<refused@practice.example>\r\nDATA\r\n
          S: 250 2.0.0
          S: 250
          S: 250
          S: 354
          R: From: anna@example.nhs.uk\r\n\r\nTwo.\r\n.\r\nQUIT\r\n
          S: 550 5.7.1 Not sent: no consent on record for this agency. Letter SG-1000-0000. Call 01632 960000
          S: 221
          E:"
    );
    let house = house(Limits::default());
    house.play(Implicit, "pipelining", &script).await;
    let taken = house.door.desk.taken();
    assert_eq!(taken.len(), 2);
    assert_eq!(taken[0].envelope.recipients.len(), 1, "one letter for one address");
    assert!(taken[0].bytes.ends_with(b"One.\r\n") && taken[1].bytes.ends_with(b"Two.\r\n"));
}

const TO_DATA: &str = "C: MAIL FROM:<anna@example.nhs.uk>\nS: 250\nC: RCPT TO:<a@practice.example>\nS: 250\nC: DATA\n";

#[tokio::test]
async fn what_is_wrong_with_a_message_is_said_and_the_session_goes_on() {
    let long = "x".repeat(999);
    for (name, message, expected) in [
        ("no From", "Subject: x\\r\\n\\r\\nText\\r\\n", "550 5.6.0 From is missing"),
        ("another's From", "From: bob@example.nhs.uk\\r\\n\\r\\nText\\r\\n", "550 5.7.1 The From address"),
        (
            "unknown category",
            "From: anna@example.nhs.uk\\r\\nSealgate-Category: gossip\\r\\n\\r\\n",
            "550 5.6.0 A category",
        ),
        ("8-bit head", "From: anna@example.nhs.uk\\r\\nSubject: é\\r\\n\\r\\n", "550 5.6.9"),
        ("long line", &format!("From: anna@example.nhs.uk\\r\\n\\r\\n{long}\\r\\n"), "550 5.6.0 A line"),
        ("empty", "", "550 5.6.0 From is missing"),
    ] {
        let script = format!(
            "{TO_DATA}S: 354\nR: {message}.\\r\\n\nS: {expected}\n{TO_DATA}S: 354\nC: From: anna@example.nhs.uk\nC:\nC: .\nS: 250 2.0.0"
        );
        check_signed_in(name, &script).await;
    }
}

#[tokio::test]
async fn a_desk_that_cannot_take_more_puts_letters_off() {
    for (name, mood, after_data) in [
        ("no room", Mood::NoRoom, "S: 452 4.3.1"),
        (
            "disk fails",
            Mood::DiskFails,
            "S: 354\nC: From: anna@example.nhs.uk\nC:\nC: One\nS: \nC: Two\nC: .\nS: 451 4.3.0",
        ),
        ("fault", Mood::Faulty, "S: 354\nC: From: anna@example.nhs.uk\nC:\nC: .\nS: 451 4.3.0"),
    ] {
        let house = house(Limits::default());
        house.door.desk.feel(mood);
        let after_data = after_data.replace("S: \n", "");
        let script = format!("S: 220\nC: EHLO pc\nS: 250\nC: {ANNA}\nS: 235\n{TO_DATA}{after_data}\nC: NOOP\nS: 250");
        house.play(Implicit, name, &script).await;
        assert!(house.door.desk.taken().is_empty(), "{name}");
    }
}

#[tokio::test]
async fn smtputf8_lets_utf8_through() {
    let house = house(Limits::default());
    let script = format!(
        "S: 220\nC: EHLO pc\nS: 250\nC: {ANNA}\nS: 235\nC: MAIL FROM:<anna@example.nhs.uk> SMTPUTF8\nS: 250
         C: RCPT TO:<a@practice.example>\nS: 250\nC: DATA\nS: 354\nC: From: Änna <anna@example.nhs.uk>
         C: Subject: Gruß\nC:\nC: Grüße\nC: .\nS: 250"
    );
    house.play(Implicit, "utf8", &script).await;
    let taken = house.door.desk.taken();
    assert_eq!(taken[0].envelope.content, Content::Utf8);
    assert_eq!(taken[0].declaration.subject_line, "Gruß");
}
