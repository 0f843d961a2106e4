//! One session: what crosses in clear, what crosses inside, and how each failure ends.

use keys::level::Verified;
use keys::peer::Requirement;
use tokio_rustls::TlsAcceptor;

use super::peer::{Authority, HOST, Script, Seen, self_signed, serve, waits};
use super::{MARKER, desk, domain, refused, report};
use crate::outbound::diagnosis::{Diagnosis, Obstacle};
use crate::outbound::notice::Notice;
use crate::outbound::replies::PeerWords;
use crate::outbound::smtp::{Call, Greeting, SendFailure, Session, Waits, implicit_tls};

fn call() -> Call {
    Call {
        own_name: domain("gateway.provider.example"),
        host: domain(HOST),
        address: "192.0.2.1:25".parse().unwrap(),
        waits: waits(),
    }
}

fn notice() -> Notice {
    report(refused()).compose(&desk()).unwrap()
}

/// Opens a session with a scripted peer, and hands it to `then`.
async fn meet<T>(
    script: Script,
    tls: TlsAcceptor,
    authority: &Authority,
    then: impl AsyncFnOnce(Session<Verified>) -> T,
) -> (Result<T, Obstacle>, Seen) {
    let (ours, theirs) = tokio::io::duplex(1 << 14);
    let implicit = script.implicit;
    let peer = tokio::spawn(serve(theirs, script, tls));
    let requirement = Requirement::verified(&domain(HOST), &authority.roots());
    let opened = if implicit {
        implicit_tls(ours, &requirement, call()).await
    } else {
        match Greeting::read(ours, call()).await {
            Ok(greeting) => greeting.starttls(&requirement).await,
            Err(obstacle) => Err(obstacle),
        }
    };
    let done = match opened {
        Ok(session) => Ok(then(session).await),
        Err(obstacle) => Err(obstacle),
    };
    let seen = peer.await.unwrap();
    seen.assert_nothing_in_clear(MARKER);
    (done, seen)
}

#[tokio::test]
async fn silence_is_not_waited_for() {
    const SOON: std::time::Duration = std::time::Duration::from_millis(40);
    let open = async |script: Script, waits: Waits| {
        let authority = Authority::new();
        let (ours, theirs) = tokio::io::duplex(1 << 14);
        let _peer = tokio::spawn(serve(theirs, script, authority.server(HOST)));
        let requirement = Requirement::verified(&domain(HOST), &authority.roots());
        let mut session = Greeting::read(ours, Call { waits, ..call() }).await?.starttls(&requirement).await?;
        Ok::<_, Obstacle>(session.send_notice(&notice()).await)
    };
    let silent = |key| Script::honest().with(key, "silence");
    let greeting = Waits { greeting: SOON, ..waits() };
    assert_eq!(open(silent("banner"), greeting).await.unwrap_err().diagnosis, Diagnosis::TimedOut);
    let command = Waits { command: SOON, ..waits() };
    assert_eq!(open(silent("EHLO"), command).await.unwrap_err().diagnosis, Diagnosis::TimedOut);
    let data = Waits { data_start: SOON, ..waits() };
    assert_eq!(kind(&open(silent("DATA"), data).await.unwrap()), ("deferred", "4.4.2 Data".to_owned()));
    let dot = Waits { final_dot: SOON, ..waits() };
    assert_eq!(kind(&open(silent("."), dot).await.unwrap()).0, "unknown");
    let message = Waits { message: std::time::Duration::ZERO, ..waits() };
    assert_eq!(kind(&open(Script::honest(), message).await.unwrap()).0, "deferred");
}

async fn send(script: Script) -> (Result<PeerWords, SendFailure>, bool, Seen) {
    let authority = Authority::new();
    let (sent, seen) = meet(script, authority.server(HOST), &authority, async |mut session| {
        let sent = session.send_notice(&notice()).await;
        let reusable = session.is_reusable();
        session.quit().await;
        (sent, reusable)
    })
    .await;
    let (sent, reusable) = sent.unwrap();
    (sent, reusable, seen)
}

#[tokio::test]
async fn an_honest_peer_takes_a_notice_inside_tls() {
    for script in [
        Script::honest(),
        Script { byte_by_byte: true, ..Script::honest() },
        Script { implicit: true, ..Script::honest() },
        Script::honest().with("EHLO-tls", "250 mx\r\n"),
    ] {
        let pipelined = script.clone();
        let (sent, reusable, seen) = send(script).await;
        let words = sent.unwrap();
        assert_eq!((words.to_string().as_str(), words.text()), ("250 2.0.0", "taken as 4711"));
        assert!(reusable);
        assert_eq!(seen.messages, [String::from_utf8(notice().as_bytes().to_vec()).unwrap()]);
        let verbs: Vec<_> = seen.inside.iter().map(|line| line.split(' ').next().unwrap()).collect();
        assert_eq!(verbs, ["EHLO", "MAIL", "RCPT", "DATA", "QUIT"]);
        let offered = if pipelined.implicit { 0 } else { 2 };
        assert_eq!(seen.clear.len(), offered, "{:?}", seen.clear);
        assert!(seen.inside[1].starts_with("MAIL FROM:<>"));
        assert_eq!(seen.inside[2], format!("RCPT TO:<{MARKER}.doctor@provider.example>"));
    }
}

async fn obstacle(script: Script, tls: impl FnOnce(&Authority) -> TlsAcceptor) -> Diagnosis {
    let authority = Authority::new();
    let tls = tls(&authority);
    let (sent, seen) =
        meet(script, tls, &authority, async |mut session| session.send_notice(&notice()).await.is_ok()).await;
    assert!(seen.messages.is_empty() && seen.inside.iter().all(|line| line.starts_with("EHLO")));
    sent.unwrap_err().diagnosis
}

#[tokio::test]
async fn a_peer_that_does_not_prove_itself_gets_nothing() {
    use Diagnosis as D;
    let cases: [(&'static str, &str, Diagnosis); 26] = [
        ("banner", "554 no\r\n", D::TurnedAway(554)),
        ("banner", "421 later\r\n", D::TurnedAway(421)),
        ("banner", "250 hello\r\n", D::NotSmtp),
        ("banner", "SSH-2.0-OpenSSH\r\n", D::NotSmtp),
        ("banner", "220 mx\n", D::NotSmtp),
        ("banner", "drop", D::ConnectionLost),
        ("EHLO", "250 mx\r\n", D::StarttlsNotSupported),
        ("EHLO", "250-mx\r\n250 XSTARTTLS\r\n", D::StarttlsNotSupported),
        ("EHLO", "502 what\r\n", D::StarttlsNotSupported),
        ("EHLO", "500 what\r\n", D::StarttlsNotSupported),
        ("EHLO", "450 later\r\n", D::TurnedAway(450)),
        ("EHLO", "250-mx\r\n550 STARTTLS\r\n", D::NotSmtp),
        ("EHLO", "endless", D::NotSmtp),
        ("EHLO", "drop", D::ConnectionLost),
        ("EHLO", "250-mx\r\n250 STARTTLS\r\n220 go\r\n", D::BytesAfterStarttls),
        ("STARTTLS", "454 not now\r\n", D::StarttlsNotSupported),
        ("STARTTLS", "500 what\r\n", D::StarttlsNotSupported),
        ("STARTTLS", "501 what\r\n", D::StarttlsNotSupported),
        ("STARTTLS", "250 sure\r\n", D::StarttlsNotSupported),
        ("STARTTLS", "220 go\r\n250-mx\r\n250 AUTH PLAIN\r\n", D::BytesAfterStarttls),
        ("STARTTLS", "220 go\r\n2", D::BytesAfterStarttls),
        ("STARTTLS", "drop", D::ConnectionLost),
        ("EHLO-tls", "421 closing\r\n", D::TurnedAway(421)),
        ("EHLO-tls", "550 who are you\r\n", D::TurnedAway(550)),
        ("EHLO-tls", "250-mx\r\n251 x\r\n", D::NotSmtp),
        ("EHLO-tls", "drop", D::ConnectionLost),
    ];
    for (key, answer, expected) in cases {
        let found = obstacle(Script::honest().with(key, answer), |authority| authority.server(HOST)).await;
        assert_eq!(found, expected, "{key} {answer:?}");
    }
}

#[tokio::test]
async fn a_certificate_that_proves_nothing_gets_nothing() {
    for implicit in [false, true] {
        let script = || Script { implicit, ..Script::honest() };
        let wrong_name = obstacle(script(), |authority| authority.server("mx.other.example")).await;
        assert_eq!(wrong_name, Diagnosis::CertificateHostMismatch);
        assert_eq!(obstacle(script(), |authority| authority.expired(HOST)).await, Diagnosis::CertificateExpired);
        assert_eq!(obstacle(script(), |_| self_signed(HOST)).await, Diagnosis::CertificateNotTrusted);
        let stranger = obstacle(script(), |_| Authority::new().server(HOST)).await;
        assert_eq!(stranger, Diagnosis::CertificateNotTrusted);
    }
}

fn kind(sent: &Result<PeerWords, SendFailure>) -> (&'static str, String) {
    match sent {
        Ok(_) => ("sent", String::new()),
        Err(SendFailure::Rejected { status, at, .. }) => ("rejected", format!("{status} {at:?}")),
        Err(SendFailure::Deferred { status, at, .. }) => ("deferred", format!("{status} {at:?}")),
        Err(SendFailure::Unknown) => ("unknown", String::new()),
        Err(SendFailure::Fault(_)) => ("fault", String::new()),
    }
}

#[tokio::test]
async fn every_reply_has_its_own_consequence() {
    let cases: [(&'static str, &str, (&str, &str), bool); 21] = [
        ("MAIL", "451 4.3.0 later\r\n", ("deferred", "4.3.0 Mail"), true),
        ("MAIL", "550 5.7.1 no\r\n", ("rejected", "5.7.1 Mail"), true),
        ("MAIL", "421 4.3.2 closing\r\n", ("deferred", "4.3.2 Mail"), false),
        ("MAIL", "drop", ("deferred", "4.4.2 Mail"), false),
        ("RCPT", "450 4.2.1 busy\r\n", ("deferred", "4.2.1 Rcpt"), true),
        ("RCPT", "550 5.1.1 unknown\r\n", ("rejected", "5.1.1 Rcpt"), true),
        ("RCPT", "550 4.1.1 odd\r\n", ("rejected", "5.0.0 Rcpt"), true),
        ("RCPT", "354 what\r\n", ("deferred", "4.5.0 Rcpt"), true),
        ("DATA", "452 4.3.1 full\r\n", ("deferred", "4.3.1 Data"), true),
        ("DATA", "554 5.5.1 no\r\n", ("rejected", "5.5.1 Data"), true),
        ("DATA", "250 what\r\n", ("deferred", "4.5.0 Data"), true),
        ("DATA", "drop", ("deferred", "4.4.2 Data"), false),
        ("DATA", "354 go\r\n250 2.0.0 taken\r\n", ("deferred", "4.4.2 Data"), false),
        ("DATA", "354 go\r\n552 5.3.4 too big\r\n", ("rejected", "5.3.4 Data"), false),
        (".", "451 4.3.0 later\r\n", ("deferred", "4.3.0 FinalDot"), true),
        (".", "421 4.3.0 later\r\n", ("deferred", "4.3.0 FinalDot"), false),
        (".", "552 5.3.4 too big\r\n", ("rejected", "5.3.4 FinalDot"), true),
        (".", "drop", ("unknown", ""), false),
        (".", "250 ok\n", ("unknown", ""), false),
        (".", "250-ok\r\n550 no\r\n", ("unknown", ""), false),
        (".", "endless", ("unknown", ""), false),
    ];
    for offers in ["250-mx\r\n250 8BITMIME\r\n", "250-mx\r\n250 PIPELINING\r\n"] {
        for (key, answer, (expected, at), reusable) in cases {
            // A refusal is answered in turn by a server that pipelines: it refuses what follows too.
            let mut script = Script::honest().with("EHLO-tls", offers).with(key, answer);
            let refused = matches!(key, "MAIL" | "RCPT") && answer != "drop";
            if refused {
                script = script.with("DATA", "503 5.5.1 nothing to send\r\n");
            }
            let (sent, still_reusable, seen) = send(script).await;
            assert_eq!(kind(&sent), (expected, at.to_owned()), "{key} {answer:?} {offers:?}");
            assert_eq!(still_reusable, reusable, "{key} {answer:?} {offers:?}");
            assert_eq!(seen.messages.len(), usize::from(key == "."), "{key} {answer:?}");
        }
    }
}

#[tokio::test]
async fn an_answer_before_the_final_dot_is_no_answer_to_it() {
    let cases = [
        ("250 2.0.0 taken\r\n", ("deferred", "4.4.2 Data")),
        ("2", ("deferred", "4.4.2 Data")),
        ("552 5.3.4 too big\r\n", ("rejected", "5.3.4 Data")),
    ];
    for (words, (expected, at)) in cases {
        // The half answer is never made whole: the peer hangs up when we do.
        let script = Script { amid_data: Some(words), data_bytes_max: Some(400), ..Script::honest() };
        let (sent, reusable, seen) = send(script).await;
        assert_eq!(kind(&sent), (expected, at.to_owned()), "{words:?}");
        assert!(!reusable && seen.messages.is_empty(), "{words:?}");
    }
    let (sent, _, seen) = send(Script { amid_data: Some("250 2.0.0 taken\r\n"), ..Script::honest() }).await;
    assert_eq!((kind(&sent), seen.messages.len()), (("deferred", "4.4.2 Data".to_owned()), 0), "the dot was not said");
}

#[tokio::test]
async fn a_peer_that_refuses_and_yet_waits_for_data_gets_none() {
    let (sent, reusable, seen) = send(Script::honest().with("RCPT", "550 5.1.1 unknown\r\n")).await;
    assert_eq!(kind(&sent), ("rejected", "5.1.1 Rcpt".to_owned()));
    assert!(!reusable && seen.messages.is_empty() && seen.unended.is_empty());
    assert_eq!(seen.inside.len(), 4, "no QUIT amid the data: {:?}", seen.inside);
}

#[tokio::test]
async fn what_the_peer_cannot_take_is_not_sent() {
    let too_small = Script::honest().with("EHLO-tls", "250-mx\r\n250 SIZE 100\r\n");
    let (sent, reusable, seen) = send(too_small).await;
    assert_eq!((kind(&sent), reusable), (("rejected", "5.3.4 Data".to_owned()), false));
    assert!(seen.messages.is_empty());

    let international = || {
        let mut report = report(refused());
        report.to = super::mailbox("müller@provider.example");
        report.compose(&desk()).unwrap()
    };
    for (offers, expected) in [("250 mx\r\n", "5.6.7 Mail"), ("250-mx\r\n250 SMTPUTF8\r\n", "5.6.3 Data")] {
        let authority = Authority::new();
        let script = Script::honest().with("EHLO-tls", offers);
        let (sent, seen) = meet(script, authority.server(HOST), &authority, async |mut session| {
            session.send_notice(&international()).await
        })
        .await;
        assert_eq!(kind(&sent.unwrap()), ("rejected", expected.to_owned()), "{offers:?}");
        assert!(seen.messages.is_empty());
    }
    let authority = Authority::new();
    let (sent, seen) = meet(Script::honest(), authority.server(HOST), &authority, async |mut session| {
        session.send_notice(&international()).await
    })
    .await;
    assert_eq!(kind(&sent.unwrap()).0, "sent");
    assert!(seen.inside[1].ends_with("BODY=8BITMIME SMTPUTF8"));
}

#[tokio::test]
async fn a_peer_that_goes_away_amid_the_message_holds_nothing() {
    let (sent, reusable, seen) = send(Script { data_bytes_max: Some(200), ..Script::honest() }).await;
    // The whole notice may be on its way before the peer hangs up: then its outcome cannot be known.
    assert!(["deferred", "unknown"].contains(&kind(&sent).0));
    assert!(!reusable && seen.messages.is_empty());
}

#[tokio::test]
async fn one_session_carries_one_message_after_another() {
    let authority = Authority::new();
    let (taken, seen) = meet(Script::honest(), authority.server(HOST), &authority, async |mut session| {
        for _ in 0..3 {
            let _words = session.send_notice(&notice()).await.unwrap();
            assert!(session.reset().await);
        }
        let taken = session.taken();
        session.quit().await;
        taken
    })
    .await;
    assert_eq!(taken.unwrap(), 3);
    assert_eq!(seen.messages.len(), 3);
    assert_eq!(seen.inside.iter().filter(|line| line.starts_with("EHLO")).count(), 1);
}
