//! Whole messages, from stored bytes to the wire and back.

use std::io::{self, Read, Write};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use policy::{LetterId, Mailbox, SealingKey, Timestamp};
use proptest::prelude::*;

use super::pki::agency;
use crate::cover::Cover;
use crate::ring::KeyRing;
use crate::seal::{Form, Message, ReleaseError};
use crate::stored::{BodyKey, BodyWriter, StoredBody};

const HEAD: &str = "From: Dr Canary <gp@trust.example>\r\nDate: Mon, 23 Nov 2026 09:00:00 +0000\r\n\
                    Message-ID: <1@trust.example>\r\nMIME-Version: 1.0\r\nContent-Type: text/plain\r\n\r\n";
const SUBJECT: &str = "Cänary Jones, Ihre Befunde";

fn cover() -> Cover {
    Cover {
        provider: "Northside Trust".to_owned(),
        from: Mailbox::parse("sealgate@trust.example").unwrap(),
        phone: "0115 496 0000".to_owned(),
        date_rfc5322: "Mon, 23 Nov 2026 09:01:00 +0000".to_owned(),
    }
}

fn stored(plain: &[u8]) -> (StoredBody, Vec<u8>) {
    let key = BodyKey::fresh();
    let mut writer = BodyWriter::new(Vec::new(), &key);
    writer.write_all(plain).unwrap();
    let (sealed, bytes, _) = writer.finish().unwrap();
    (StoredBody { blob: "00".repeat(16), key, bytes, subject_line: SUBJECT.to_owned() }, sealed)
}

fn message(body: StoredBody, form: Form) -> Message {
    let to = Mailbox::parse("letters@practice.example").unwrap();
    Message { letter: LetterId::from_bits(0), to, body, cover: cover(), form }
}

fn ring(identities: &[age::x25519::Identity]) -> KeyRing {
    let mut record = agency(&[]);
    let key = |id: &age::x25519::Identity| SealingKey {
        recipient: id.to_public().to_string(),
        verified: true,
        not_before: None,
        not_after: None,
    };
    record.keys = identities.iter().map(key).collect();
    KeyRing::of(&record, Timestamp(0)).unwrap()
}

fn identities(count: usize) -> Vec<age::x25519::Identity> {
    (0..count).map(|_| age::x25519::Identity::generate()).collect()
}

/// The attachment's octets, by the boundary and the blank line alone.
fn attachment(wire: &str) -> Vec<u8> {
    let part = wire.split("\r\n--=_SG-0000-0000").nth(2).unwrap();
    let (head, body) = part.split_once("\r\n\r\n").unwrap();
    assert!(head.contains("Content-Type: application/age; name=\"SG-0000-0000.age\""), "{head}");
    assert!(head.contains("Content-Disposition: attachment; filename=\"SG-0000-0000.age\""), "{head}");
    let lines: Vec<&str> = body.split("\r\n").collect();
    assert!(lines.iter().rev().skip(1).all(|line| line.len() == 76), "every line but the last is full");
    assert!(!lines.last().unwrap().is_empty() && lines.last().unwrap().len() <= 76);
    STANDARD.decode(lines.concat()).unwrap()
}

fn open(identity: &age::x25519::Identity, file: &[u8]) -> Vec<u8> {
    let mut plain = Vec::new();
    let decryptor = age::Decryptor::new(file).unwrap();
    decryptor.decrypt(std::iter::once(identity as &dyn age::Identity)).unwrap().read_to_end(&mut plain).unwrap();
    plain
}

fn check_wire(wire: &[u8], octets: u64, sha256: [u8; 32]) -> &str {
    assert_eq!(octets, wire.len() as u64);
    assert_eq!(hex::encode(sha256), crate::certificate::sha256_hex(wire));
    let text = std::str::from_utf8(wire).unwrap();
    assert!(!text.replace("\r\n", "").contains(['\r', '\n']), "no bare CR or LF");
    text
}

#[test]
fn a_sealed_letter_opens_with_every_key_of_the_ring_byte_for_byte() {
    let letter = format!("{HEAD}Dear Mrs Canary Jones,\r\n");
    let (body, blob) = stored(letter.as_bytes());
    let (holders, stranger) = (identities(3), identities(1));
    let mut wire = Vec::new();
    let (octets, sha256) = message(body, Form::Age(ring(&holders))).write(blob.as_slice(), &mut wire).unwrap();
    let text = check_wire(&wire, octets, sha256);

    let file = attachment(text);
    assert!(file.starts_with(b"age-encryption.org/v1\n"));
    let subject = "=?utf-8?B?Q8OkbmFyeSBKb25lcywgSWhyZSBCZWZ1bmRl?=";
    let expected = format!("To: <letters@practice.example>\r\nSubject: {subject}\r\n{letter}");
    for holder in &holders {
        assert_eq!(String::from_utf8(open(holder, &file)).unwrap(), expected);
    }
    let refused = age::Decryptor::new(file.as_slice()).unwrap().decrypt(stranger.iter().map(|id| id as _));
    assert!(refused.is_err());
}

#[test]
fn the_cover_says_how_to_open_it_and_not_a_word_of_the_letter() {
    let (body, blob) = stored(format!("{HEAD}Dear Mrs Canary Jones,\r\n").as_bytes());
    let mut wire = Vec::new();
    message(body, Form::Age(ring(&identities(1)))).write(blob.as_slice(), &mut wire).unwrap();
    let text = String::from_utf8(wire).unwrap();
    for said in [
        "From: \"Northside Trust\"\r\n <sealgate@trust.example>\r\n",
        "To: <letters@practice.example>\r\n",
        "Date: Mon, 23 Nov 2026 09:01:00 +0000\r\n",
        "Message-ID: <SG-0000-0000@trust.example>\r\n",
        "Subject: A letter from Northside Trust, reference SG-0000-0000\r\n",
        "MIME-Version: 1.0\r\n",
        "Content-Type: multipart/mixed; boundary=\"=_SG-0000-0000\"\r\n",
        "\r\n    age -d -i key.txt -o letter.eml SG-0000-0000.age\r\n",
        "0115 496 0000",
    ] {
        assert!(text.contains(said), "{said}");
    }
    for word in ["Canary", "Cänary", "Jones", "Dear", "Befunde", "gp@", "text/plain\r\n\r\nDear"] {
        assert!(!text.contains(word), "{word}");
    }
    let cover = text.split("\r\n--=_SG-0000-0000").nth(1).unwrap();
    assert!(cover.lines().all(|line| line.len() <= 78));
    assert!(text.ends_with("\r\n--=_SG-0000-0000--\r\n"));
}

#[test]
fn a_letter_as_written_goes_under_a_neutral_subject_line() {
    let letter = format!("{HEAD}Dear Mrs Canary Jones,\r\n");
    let (body, blob) = stored(letter.as_bytes());
    let mut wire = Vec::new();
    let (octets, sha256) = message(body, Form::AsWritten).write(blob.as_slice(), &mut wire).unwrap();
    let expected = format!(
        "To: <letters@practice.example>\r\n\
         Subject: A letter from Northside Trust, reference SG-0000-0000\r\n{letter}"
    );
    assert_eq!(check_wire(&wire, octets, sha256), expected);
}

#[test]
fn a_cover_in_another_tongue_stays_seven_bit_and_in_its_lines() {
    let (body, blob) = stored(HEAD.as_bytes());
    let mut letter = message(body, Form::Age(ring(&identities(1))));
    letter.cover.provider = "Bwrdd Iechyd Prifysgol Betsi Cadwaladr – Ŵyl\r\nBcc: thief@example.com".to_owned();
    let mut wire = Vec::new();
    letter.write(blob.as_slice(), &mut wire).unwrap();
    let text = String::from_utf8(wire).unwrap();
    assert!(text.is_ascii() && !text.contains("Bcc") && text.lines().all(|line| line.len() <= 78), "{text}");
    let part = text.split("\r\n--=_SG-0000-0000").nth(1).unwrap().split_once("\r\n\r\n").unwrap().1;
    let told = String::from_utf8(STANDARD.decode(part.replace("\r\n", "")).unwrap()).unwrap();
    assert!(told.contains("Betsi Cadwaladr – Ŵyl  Bcc"), "{told}");
}

#[test]
fn a_damaged_body_is_never_ended_as_a_message() {
    let plain = vec![b'a'; 200_000];
    for form in [|| Form::AsWritten, || Form::Age(ring(&identities(1)))] {
        let (body, blob) = stored(&plain);
        let mut changed = blob.clone();
        changed[150_000] ^= 1;
        let (other, other_blob) = stored(&plain);
        drop(other);
        for wrong in [&changed[..], &blob[..blob.len() - 1], &blob[..65_592], &[], &other_blob] {
            let mut wire = Vec::new();
            let error = message(body.clone(), form()).write(wrong, &mut wire).unwrap_err();
            assert!(matches!(error, ReleaseError::Damaged), "{error:?}");
            assert!(!wire.ends_with(b"--\r\n"));
        }
        let short = StoredBody { bytes: body.bytes + 1, ..body.clone() };
        assert!(matches!(message(short, form()).write(blob.as_slice(), io::sink()), Err(ReleaseError::Damaged)));
    }
}

#[test]
fn a_lost_peer_is_told_apart_from_a_lost_disk() {
    struct Gone(usize);
    impl Write for Gone {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0 = self.0.checked_sub(bytes.len()).ok_or(io::ErrorKind::BrokenPipe)?;
            Ok(bytes.len())
        }
        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }
    struct Broken;
    impl Read for Broken {
        fn read(&mut self, _: &mut [u8]) -> io::Result<usize> {
            Err(io::ErrorKind::TimedOut.into())
        }
    }
    for form in [|| Form::AsWritten, || Form::Age(ring(&identities(1)))] {
        let (body, blob) = stored(&vec![b'a'; 200_000]);
        for octets in [0, 100, 20_000, 199_000] {
            let error = message(body.clone(), form()).write(blob.as_slice(), Gone(octets)).unwrap_err();
            assert!(matches!(error, ReleaseError::Io(_)), "{error:?}");
        }
        let error = message(body, form()).write(Broken, io::sink()).unwrap_err();
        assert!(matches!(error, ReleaseError::Stored(_)), "{error:?}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    #[test]
    fn any_letter_opens_byte_for_byte(bytes in prop_oneof![0_usize..3000, 60_000_usize..70_000, 125_000_usize..200_000]) {
        let plain: Vec<u8> = (0..bytes).map(|i| b"ab\r\n"[i % 4]).collect();
        let (body, blob) = stored(&plain);
        let holder = identities(1);
        let mut wire = Vec::new();
        message(body, Form::Age(ring(&holder))).write(blob.as_slice(), &mut wire).unwrap();
        let opened = open(&holder[0], &attachment(std::str::from_utf8(&wire).unwrap()));
        prop_assert!(opened.ends_with(&plain));
        prop_assert!(opened.len() - plain.len() < 120);
    }
}
