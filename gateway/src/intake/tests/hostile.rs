//! Dialogues with a hostile client: smuggling, injection before TLS, other protocols.

use super::player::house;
use crate::intake::smtp::Limits;
use crate::intake::smtp::TlsStart::{Implicit, StartTls};

const TO_DATA: &str = "S: 220\nC: EHLO pc\nS: 250\nC: AUTH PLAIN AGFubmEAZ2VoZWlt\nS: 235
    C: MAIL FROM:<anna@example.nhs.uk>\nS: 250\nC: RCPT TO:<a@practice.example>\nS: 250\nC: DATA\nS: 354\n";

/// A second message behind a false end of the first (VU#302671): nothing of either may arrive.
#[tokio::test]
async fn no_false_end_smuggles_a_message() {
    let ends = [
        "\\n.\\n",
        "\\n.\\r\\n",
        "\\r\\n.\\n",
        "\\r.\\r",
        "\\r.\\r\\n",
        "\\r\\n.\\r",
        "\\n.\\r",
        "\\r.\\n",
        "\\r\\n\\0.\\r\\n",
        "\\r\\n.\\0\\r\\n",
        "\\r\\n.\\r\\0\\n",
        "\\r\\r\\n.\\r\\n",
        "\\r\\n.\\r\\r\\n",
    ];
    for end in ends {
        let house = house(Limits::default());
        let smuggled = "MAIL FROM:<anna@example.nhs.uk>\\r\\nRCPT TO:<b@practice.example>\\r\\nDATA\\r\\nFrom: anna@example.nhs.uk\\r\\n\\r\\nSmuggled\\r\\n.\\r\\n";
        let script = format!("{TO_DATA}R: From: anna@example.nhs.uk\\r\\n\\r\\nText{end}{smuggled}\nS: 550 5.6.11\nE:");
        house.play(Implicit, end, &script).await;
        assert!(house.door.desk.taken().is_empty(), "{end}");
    }
}

#[tokio::test]
async fn what_is_no_command_line_ends_the_session() {
    for (name, bytes, expected) in [
        ("bare LF", "NOOP\\n", "500 5.5.2 Only CRLF"),
        ("bare CR", "NO\\rOP\\r\\n", "500 5.5.2 Only CRLF"),
        ("NUL", "NO\\0OP\\r\\n", "500 5.5.2 Only CRLF"),
        ("long", &"x".repeat(5000), "500 5.5.2 Line too long"),
        ("a browser", "POST / HTTP/1.1\\r\\nHost: a\\r\\n\\r\\nMAIL FROM:<a@b.c>\\r\\n", "421 4.7.0"),
        ("HTTP/2", "PRI * HTTP/2.0\\r\\n\\r\\n", "421 4.7.0"),
    ] {
        for start in [Implicit, StartTls] {
            let script = format!("S: 220\nR: {bytes}\nS: {expected}\nE:");
            house(Limits::default()).play(start, name, &script).await;
        }
    }
}

/// RFC 3207 §4.2: what comes in the clear behind STARTTLS must not be heard inside TLS.
#[tokio::test]
async fn nothing_is_injected_before_the_handshake() {
    for injected in ["EHLO evil\\r\\n", "x", "MAIL FROM:<anna@example.nhs.uk>\\r\\n"] {
        let script =
            format!("S: 220\nC: EHLO pc\nS: 250\nR: STARTTLS\\r\\n{injected}\nS: 421 4.7.0 Nothing may follow\nE:");
        house(Limits::default()).play(StartTls, injected, &script).await;
    }
}

/// Plain text in place of the handshake gets no word of SMTP.
#[tokio::test]
async fn a_session_without_its_handshake_ends() {
    let script = "S: 220\nC: EHLO pc\nS: 250\nC: STARTTLS\nS: 220\nC: EHLO evil\nC: AUTH PLAIN AGFubmEAZ2VoZWlt";
    let house = house(Limits::default());
    house.play(StartTls, "no handshake", script).await;
    assert!(house.door.desk.taken().is_empty());
}

#[tokio::test]
async fn a_client_that_is_gone_leaves_nothing() {
    for script in [
        "R: From: anna@exam",
        "C: From: anna@example.nhs.uk\nC:\nC: Half a let",
        "R: From: anna@example.nhs.uk\\r\\n\\r\\n.",
    ] {
        let house = house(Limits::default());
        house.play(Implicit, script, &format!("{TO_DATA}{script}")).await;
        assert!(house.door.desk.taken().is_empty(), "{script}");
    }
}
