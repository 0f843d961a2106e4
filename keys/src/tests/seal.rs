//! From a decision to the wire: what only a clearance and a verified peer together can do.

use std::collections::BTreeMap;

use policy::{
    Agency, Authorisation, Category, Channel, Cleared, Declared, Domain, Facts, Letter, LetterId, Mailbox, Moment,
    Outcome, Papers, Proof, Purpose, Recipient, Role, SealingKey, Staff, Subject, SubjectId, Timestamp, Verification,
    decide,
};

use super::pki::{Authority, agency, meet, server};
use crate::cover::Cover;
use crate::level;
use crate::peer::{Requirement, VerifiedPeer};
use crate::ring::KeyRing;
use crate::seal::{ReleaseError, SealError, Sealed, for_proven, to_keys};
use crate::stored::{BodyKey, BodyWriter, StoredBody};

const NOW: Timestamp = Timestamp(1_800_000_000);
const LATER: Timestamp = Timestamp(1_900_000_000);
const LETTER: &[u8] = b"From: a@trust.example\r\n\r\nInvoice for Mrs Canary\r\n";

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

/// An agency that may receive invoices by these channels, with a key of its own.
fn practice(channels: &[Channel], key: &age::x25519::Identity) -> Agency {
    Agency {
        purposes: vec![Purpose::Invoicing],
        categories: vec![Category::Financial],
        channels: channels.to_vec(),
        addresses: vec![Mailbox::parse("letters@practice.example").unwrap()],
        authorised: Some(Authorisation { by: "am".to_owned(), on: Timestamp(0), until: LATER }),
        papers: Papers { agreement_until: Some(LATER), policy_copy_until: Some(LATER), undertaking_until: Some(LATER) },
        verified: Some(Verification { on: Timestamp(0), by: "am".to_owned(), method: "call".to_owned(), until: LATER }),
        keys: vec![SealingKey {
            recipient: key.to_public().to_string(),
            verified: true,
            not_before: None,
            not_after: None,
        }],
        mx: vec![Domain::parse("mx.practice.example").unwrap()],
        ..agency(&[Proof::Pkix])
    }
}

fn cleared(agency: &Agency) -> (Cleared<StoredBody>, Vec<u8>) {
    let key = BodyKey::fresh();
    let mut writer = BodyWriter::new(Vec::new(), &key);
    writer.write_all(LETTER).unwrap();
    let (blob, bytes, _) = writer.finish().unwrap();
    let letter = Letter {
        id: LetterId::from_bits(7),
        sender: "dr".to_owned(),
        to: Mailbox::parse("letters@practice.example").unwrap(),
        subject: Some(subject().id),
        purpose: Some(Declared::Known(Purpose::Invoicing)),
        categories: vec![Category::Financial],
        citation: Some("contract 7".to_owned()),
        exception: None,
        contradictions: vec![],
        found: vec![],
        sha256: None,
        body: StoredBody { blob: "ab".repeat(16), key, bytes, subject_line: "Mrs Canary".to_owned() },
    };
    let facts = Facts {
        sender: Some(staff("dr", Role::Clinician)),
        recipient: Recipient::Agency(Box::new(agency.clone())),
        authoriser: Some(staff("am", Role::AreaManager)),
        subject: Some(subject()),
        consents: vec![],
        approval: None,
    };
    let decision = decide(&facts, letter, Moment { at: NOW, offset_secs: 0 });
    match decision.outcome {
        Outcome::Released(cleared) => (cleared, blob),
        _ => panic!("{:?}", decision.explanation),
    }
}

fn cover() -> Cover {
    Cover {
        provider: "Northside Trust".to_owned(),
        from: Mailbox::parse("sealgate@trust.example").unwrap(),
        phone: "0115 496 0000".to_owned(),
        date_rfc5322: "Mon, 23 Nov 2026 09:01:00 +0000".to_owned(),
    }
}

async fn verified_peer(host: &str) -> VerifiedPeer<level::Verified> {
    let ca = Authority::new();
    let requirement = Requirement::verified(&Domain::parse(host).unwrap(), &ca.roots());
    meet(&ca.issue(&server(&[host])), &requirement).await.unwrap()
}

async fn proven_peer(agency: &Agency) -> VerifiedPeer<level::Proven> {
    let ca = Authority::new();
    let requirement = Requirement::proven(agency, &agency.mx[0], &ca.roots()).unwrap();
    meet(&ca.issue(&server(&[agency.mx[0].as_str()])), &requirement).await.unwrap()
}

#[tokio::test]
async fn a_letter_sealed_to_keys_needs_a_verified_peer() {
    let key = age::x25519::Identity::generate();
    let practice = practice(&[Channel::AgeEmail, Channel::TlsEmail], &key);
    for is_proven in [false, true] {
        let (cleared, blob) = cleared(&practice);
        let sealed = to_keys(cleared, KeyRing::of(&practice, NOW).unwrap(), cover()).unwrap();
        assert_eq!((sealed.letter(), sealed.blob()), (&LetterId::from_bits(7), "ab".repeat(16).as_str()));
        assert_eq!(sealed.to().to_string(), "letters@practice.example");
        assert!(!format!("{sealed:?}").contains("Canary"));
        let mut wire = Vec::new();
        let (octets, _) = if is_proven {
            sealed.release(&proven_peer(&practice).await, blob.as_slice(), &mut wire).unwrap()
        } else {
            sealed.release(&verified_peer("mx.elsewhere.example").await, blob.as_slice(), &mut wire).unwrap()
        };
        assert_eq!(octets, wire.len() as u64);
        assert!(!String::from_utf8(wire).unwrap().contains("Canary"));
    }
}

#[tokio::test]
async fn a_letter_as_written_needs_a_peer_proven_for_its_recipient() {
    let practice = practice(&[Channel::TlsEmail], &age::x25519::Identity::generate());
    let (ours, blob) = cleared(&practice);
    let mut wire = Vec::new();
    for_proven(ours, cover()).unwrap().release(&proven_peer(&practice).await, blob.as_slice(), &mut wire).unwrap();
    assert!(wire.ends_with(LETTER));

    // Another agency's host, proven beyond doubt to be that agency's.
    let other = Agency {
        addresses: vec![],
        domains: vec![Domain::parse("other.example").unwrap()],
        mx: vec![Domain::parse("mx.other.example").unwrap()],
        ..practice.clone()
    };
    let (ours, blob) = cleared(&practice);
    let mut wire = Vec::new();
    let released = for_proven(ours, cover()).unwrap().release(&proven_peer(&other).await, blob.as_slice(), &mut wire);
    assert!(matches!(released, Err(ReleaseError::AnothersPeer)));
    assert!(wire.is_empty(), "not a byte leaves");
}

#[test]
fn a_letter_is_sealed_to_its_own_agencys_keys_alone() {
    let key = age::x25519::Identity::generate();
    let practice = practice(&[Channel::AgeEmail], &key);
    let check = |addresses: &[&str], domains: &[&str], expected: Result<(), SealError>| {
        let ring_of = Agency {
            addresses: addresses.iter().map(|text| Mailbox::parse(text).unwrap()).collect(),
            domains: domains.iter().map(|text| Domain::parse(text).unwrap()).collect(),
            ..practice.clone()
        };
        let ring = KeyRing::of(&ring_of, NOW).unwrap();
        assert_eq!(to_keys(cleared(&practice).0, ring, cover()).map(|_| ()), expected, "{addresses:?} {domains:?}");
    };
    check(&["Letters@Practice.Example"], &[], Ok(()));
    check(&[], &["other.example", "practice.example"], Ok(()));
    check(&[], &[], Err(SealError::AnothersKeys));
    check(&["letter@practice.example"], &["other.example"], Err(SealError::AnothersKeys));
    check(
        &["letters@other.example"],
        &["example.practice.example", "mx.practice.example"],
        Err(SealError::AnothersKeys),
    );
}

#[test]
fn a_channel_that_is_not_cleared_seals_nothing() {
    let key = age::x25519::Identity::generate();
    let by_age = practice(&[Channel::AgeEmail], &key);
    let refused = for_proven(cleared(&by_age).0, cover()).map(|_| ());
    assert_eq!(refused, Err(SealError::ChannelNotCleared));
    let by_tls = practice(&[Channel::TlsEmail], &key);
    let refused = to_keys(cleared(&by_tls).0, KeyRing::of(&by_tls, NOW).unwrap(), cover()).map(|_| ());
    assert_eq!(refused, Err(SealError::ChannelNotCleared));
}

#[test]
fn a_cover_that_says_nothing_or_too_much_seals_nothing() {
    let practice = practice(&[Channel::TlsEmail], &age::x25519::Identity::generate());
    for wrong in [
        Cover { provider: String::new(), ..cover() },
        Cover { provider: "x".repeat(101), ..cover() },
        Cover { phone: " ".to_owned(), ..cover() },
        Cover { phone: "1".repeat(61), ..cover() },
        Cover { date_rfc5322: String::new(), ..cover() },
    ] {
        assert_eq!(for_proven(cleared(&practice).0, wrong).map(|_| ()), Err(SealError::Cover));
    }
}

#[test]
fn releasing_runs_on_a_thread_of_its_own() {
    fn is_send<T: Send>() {}
    is_send::<Sealed<level::Proven>>();
    is_send::<VerifiedPeer<level::Verified>>();
}
