//! A letter from its clearance to the peer's receipt: decided, entered in the ledger, sealed, sent. The real parts.

use std::collections::BTreeMap;
use std::io::{Cursor, Read};

use keys::level::{Proven, Verified};
use keys::peer::Requirement;
use keys::ring::KeyRing;
use keys::seal::{Cover, for_proven, to_keys};
use keys::stored::{BodyKey, BodyWriter, StoredBody};
use policy::{
    Agency, Authorisation, Category, Channel, Cleared, Declared, Explanation, Facts, Letter, LetterId, Moment, Outcome,
    Papers, Proof, Purpose, Recipient, Role, SealingKey, Staff, Subject, SubjectId, Timestamp, Verification, decide,
};
use sha2::{Digest, Sha256};

use super::peer::{Authority, HOST, Script, Seen, serve, waits};
use super::{MARKER, agency, domain, mailbox};
use crate::ledger::{Entry, Ledger, Way};
use crate::outbound::smtp::{Call, Fault, Greeting, Receipt, SendFailure, Session};
use crate::store::tests::{World, commit};

const NOW: Timestamp = Timestamp(1_790_000_000);
const LATER: Timestamp = Timestamp(1_900_000_000);

fn staff(id: &str, role: Role) -> Staff {
    Staff {
        id: id.to_owned(),
        name: id.to_owned(),
        roles: vec![role],
        trained_until: Some(LATER),
        addresses: vec![],
        active: true,
        hours: None,
        on_duty: false,
        default_purpose: None,
        default_categories: vec![],
    }
}

fn subject() -> Subject {
    Subject {
        id: SubjectId::parse("case:PSU-0142").unwrap(),
        name: "Mary Canary".to_owned(),
        birth_date: Timestamp(0),
        aliases: vec![],
        postcode: None,
        addresses: vec![],
        deceased: false,
        restricted: false,
        objections: vec![],
        usual: vec![],
        trainee: false,
        responsible_officer: None,
        supervisor: None,
        representatives: vec![],
        works: BTreeMap::new(),
        changed: None,
        knows: vec![],
    }
}

fn practice() -> Agency {
    // A recipient of the age tool's own manual: nobody here needs to open what is sealed to it.
    let recipient = "age1ql3z7hjy54pw3hyww5ayyfg7zqgvc7w3j2elw8zmrj2kg5sfn9aqmcac8p".to_owned();
    Agency {
        purposes: vec![Purpose::Invoicing],
        categories: vec![Category::Financial],
        channels: vec![Channel::TlsEmail, Channel::AgeEmail],
        authorised: Some(Authorisation { by: "am".to_owned(), on: Timestamp(0), until: LATER }),
        papers: Papers { agreement_until: Some(LATER), policy_copy_until: Some(LATER), undertaking_until: Some(LATER) },
        verified: Some(Verification { on: Timestamp(0), by: "am".to_owned(), method: "call".to_owned(), until: LATER }),
        keys: vec![SealingKey { recipient, verified: true, not_before: None, not_after: None }],
        ..agency(&[Proof::Pkix], &[HOST], None)
    }
}

/// A letter of this text that has been decided on, and its body as the store keeps it.
fn cleared(id: u64, text: &[u8]) -> (Cleared<StoredBody>, Explanation, Vec<u8>) {
    let key = BodyKey::fresh();
    let mut writer = BodyWriter::new(Vec::new(), &key);
    writer.write_all(text).unwrap();
    let (blob, bytes, _) = writer.finish().unwrap();
    let letter = Letter {
        id: LetterId::from_bits(id),
        sender: "dr".to_owned(),
        to: mailbox(&format!("{MARKER}@practice.example")),
        subject: Some(subject().id),
        purpose: Some(Declared::Known(Purpose::Invoicing)),
        categories: vec![Category::Financial],
        citation: Some("contract 7".to_owned()),
        exception: None,
        contradictions: vec![],
        found: vec![],
        sha256: None,
        body: StoredBody { blob: "ab".repeat(16), key, bytes, subject_line: format!("{MARKER} invoice") },
    };
    let facts = Facts {
        sender: Some(staff("dr", Role::Clinician)),
        recipient: Recipient::Agency(Box::new(practice())),
        authoriser: Some(staff("am", Role::AreaManager)),
        subject: Some(subject()),
        consents: vec![],
        approval: None,
    };
    let decision = decide(&facts, letter, Moment { at: NOW, offset_secs: 0 });
    match decision.outcome {
        Outcome::Released(cleared) => (cleared, decision.explanation, blob),
        _ => panic!("{:?}", decision.explanation),
    }
}

fn cover() -> Cover {
    Cover {
        provider: "Elm Surgery".to_owned(),
        from: mailbox("sealgate@provider.example"),
        phone: "01632 960001".to_owned(),
        date_rfc5322: "Mon, 23 Nov 2026 09:01:00 +0000".to_owned(),
    }
}

/// A letter of many lines, some of which begin with a dot.
fn long_letter() -> Vec<u8> {
    let head = format!("From: dr@provider.example\r\nSubject: {MARKER}\r\n\r\n");
    let lines = (0..20_000).map(|n| format!("{}line {n} about {MARKER}\r\n", ".".repeat(n % 3)));
    let mut text = head.into_bytes();
    lines.for_each(|line| text.extend_from_slice(line.as_bytes()));
    text
}

struct Road {
    session: Session<Proven>,
    entry: Entry,
    peer: tokio::task::JoinHandle<Seen>,
    /// The entry is held to it up to the final dot.
    world: World,
}

/// A proven session with a scripted peer, and a ledger entry for the letter.
async fn road(script: Script, cleared: &Cleared<StoredBody>, explanation: &Explanation) -> Road {
    let world = World::new();
    let store = world.serve().await;
    let way = Way { channel: Channel::TlsEmail, host: HOST };
    let received = world.body(&store, b"a body that is not read").await;
    let mut new = world.new_letter(received.body());
    new.record.letter.id = cleared.letter().id.clone();
    commit(&store, |batch| batch.accept(new)).await.unwrap();
    let lease = store.due(1).await.unwrap().remove(0);
    let entry = Ledger::over(&store).begin(&lease, cleared, explanation, way).await.unwrap();
    let authority = Authority::new();
    let (ours, theirs) = tokio::io::duplex(1 << 14);
    let peer = tokio::spawn(serve(theirs, script, authority.server(HOST)));
    let requirement = Requirement::proven(&practice(), &domain(HOST), &authority.roots()).unwrap();
    let address = "192.0.2.1:25".parse().unwrap();
    let call = Call { own_name: domain("gateway.provider.example"), host: domain(HOST), address, waits: waits() };
    let session = Greeting::read(ours, call).await.unwrap().starttls(&requirement).await.unwrap();
    Road { session, entry, peer, world }
}

/// Sends a letter of this text as written, its stored body through `stored`.
async fn send<R: Read + Send + 'static>(
    script: Script,
    text: &[u8],
    stored: impl FnOnce(Vec<u8>) -> R,
) -> (Result<Receipt, SendFailure>, bool, Seen) {
    let (cleared, explanation, blob) = cleared(7, text);
    let Road { mut session, entry, peer, world: _world } = road(script, &cleared, &explanation).await;
    let sealed = for_proven(cleared, cover()).unwrap();
    let sent = session.send(entry, sealed, Some(&mailbox("bounces@provider.example")), stored(blob)).await;
    let (_finished, sent) = sent.finish();
    let reusable = session.is_reusable();
    session.quit().await;
    let seen = peer.await.unwrap();
    seen.assert_nothing_in_clear(MARKER);
    (sent, reusable, seen)
}

#[tokio::test]
async fn a_letter_as_written_arrives_whole_and_the_receipt_says_so() {
    let text = long_letter();
    let slow = Script { byte_by_byte: true, ..Script::honest() };
    let plain = Script::honest().with("EHLO-tls", "250 mx\r\n");
    for script in [Script::honest(), slow, plain] {
        let extended = script.answers["EHLO-tls"].contains("DSN");
        let (sent, reusable, seen) = send(script, &text, Cursor::new).await;
        let receipt = sent.unwrap();
        assert!(reusable);
        let [message] = &seen.messages[..] else { panic!("{} messages", seen.messages.len()) };
        assert!(message.as_bytes().ends_with(&text[text.len() / 2..]));
        assert_eq!(receipt.bytes, message.len() as u64);
        assert_eq!(receipt.sha256, <[u8; 32]>::from(Sha256::digest(message.as_bytes())));
        assert_eq!((receipt.peer.proof, receipt.words.text()), (Some(Proof::Pkix), "taken as 4711"));
        let evidence = serde_json::to_value(&receipt).unwrap();
        assert_eq!(evidence["sha256"], hex::encode(receipt.sha256));
        assert_eq!(evidence["words"]["status"], "2.0.0");
        let asked = " BODY=8BITMIME REQUIRETLS RET=HDRS ENVID=SG-7000-0000";
        let mail = format!("MAIL FROM:<bounces@provider.example>{}", if extended { asked } else { "" });
        assert_eq!(seen.inside[1], mail);
        assert_eq!(seen.inside[2], format!("RCPT TO:<{MARKER}@practice.example>"));
    }
}

#[tokio::test]
async fn a_sealed_letter_shows_the_peer_no_word_of_it() {
    let text = long_letter();
    let (cleared, explanation, blob) = cleared(7, &text);
    let Road { mut session, entry, peer, world: _world } = road(Script::honest(), &cleared, &explanation).await;
    let ring = KeyRing::of(&practice(), NOW).unwrap();
    let sealed = to_keys(cleared, ring, cover()).unwrap();
    let (_finished, sent) = session.send::<Verified>(entry, sealed, None, Cursor::new(blob)).await.finish();
    let receipt = sent.unwrap();
    session.quit().await;
    let seen = peer.await.unwrap();
    seen.assert_nothing_in_clear(MARKER);
    assert_eq!(receipt.bytes, seen.messages[0].len() as u64);
    let body = seen.messages[0].replace(&format!("{MARKER}@practice.example"), "");
    assert!(!body.contains(MARKER));
    assert_eq!(seen.inside[1], "MAIL FROM:<> BODY=8BITMIME");
}

#[tokio::test]
async fn an_entry_for_another_letter_sends_nothing() {
    let (other, explanation, _) = cleared(8, b"x\r\n");
    let (ours, _, blob) = cleared(7, b"y\r\n");
    let Road { mut session, entry, peer, world: _world } = road(Script::honest(), &other, &explanation).await;
    let sent = session.send(entry, for_proven(ours, cover()).unwrap(), None, Cursor::new(blob)).await;
    let (_finished, sent) = sent.finish();
    assert_eq!(sent.err(), Some(SendFailure::Fault(Fault::EntryOfAnotherLetter)));
    session.quit().await;
    assert_eq!(peer.await.unwrap().inside, ["EHLO gateway.provider.example", "QUIT"]);
}

#[tokio::test]
async fn what_cannot_be_released_whole_is_never_ended_as_a_message() {
    let text = long_letter();
    let damage = |mut blob: Vec<u8>| {
        let place = blob.len() * 3 / 4;
        blob[place] ^= 1;
        Cursor::new(blob)
    };
    let cut = |mut blob: Vec<u8>| {
        blob.truncate(blob.len() / 2);
        Cursor::new(blob)
    };
    for (sent, reusable, seen) in
        [send(Script::honest(), &text, damage).await, send(Script::honest(), &text, cut).await]
    {
        assert!(matches!(sent, Err(SendFailure::Fault(Fault::Release(_)))), "{sent:?}");
        assert!(!reusable && seen.messages.is_empty());
        assert!(!seen.inside.contains(&"QUIT".to_owned()) && !seen.unended.contains("QUIT"));
    }
    for bare in [&b"a\nb\r\n"[..], b"a\r\n.\nMAIL FROM:<x@evil.example>\r\n", b"a\rb\r\n", b"a\r\n\r"] {
        let (sent, reusable, seen) = send(Script::honest(), &[b"Subject: x\r\n\r\n", bare].concat(), Cursor::new).await;
        assert_eq!(sent.err(), Some(SendFailure::Fault(Fault::BareLineEnd)), "{bare:?}");
        assert!(!reusable && seen.messages.is_empty());
    }
}

#[tokio::test]
async fn a_peer_that_fails_amid_a_long_letter_holds_nothing() {
    let text = long_letter();
    let (sent, reusable, seen) =
        send(Script { data_bytes_max: Some(100_000), ..Script::honest() }, &text, Cursor::new).await;
    assert!(matches!(sent, Err(SendFailure::Deferred { words: None, .. })), "{sent:?}");
    assert!(!reusable && seen.messages.is_empty());

    let (sent, reusable, seen) =
        send(Script::honest().with("EHLO-tls", "250-mx\r\n250 SIZE 100000\r\n"), &text, Cursor::new).await;
    assert!(matches!(sent, Err(SendFailure::Rejected { status, .. }) if status.to_string() == "5.3.4"));
    assert!(!reusable && seen.messages.is_empty());

    let (sent, reusable, seen) = send(Script::honest().with(".", "drop"), &text, Cursor::new).await;
    assert_eq!(sent.err(), Some(SendFailure::Unknown));
    assert!(!reusable && seen.messages.len() == 1);
}
