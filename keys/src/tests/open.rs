//! Sealed files opened with the right key, and everything else that may be handed to the opener.

use std::io::Write;

use crate::cipher::{Recipient, seal_to};
use crate::open::{OpeningKey, OpeningKeyError, open};

fn sealed(plain: &[u8], to: &[&OpeningKey]) -> Vec<u8> {
    let to: Vec<_> = to.iter().map(|key| Recipient::parse(&key.recipient()).unwrap()).collect();
    seal_to(&to, Vec::new(), |out| out.write_all(plain)).unwrap()
}

fn check(keys: &[OpeningKey], file: &[u8], expected: Result<&[u8], &str>) {
    let mut out = Vec::new();
    match (open(keys, file, &mut out), expected) {
        (Ok(octets), Ok(plain)) => {
            assert_eq!(octets, plain.len() as u64);
            assert!(out == plain, "other octets");
        }
        (Err(error), Err(words)) => assert!(error.to_string().contains(words), "{error}"),
        (result, expected) => panic!("{result:?}, expected {expected:?}"),
    }
}

#[test]
fn the_right_key_opens_and_nothing_else_does() {
    let (ours, other) = (OpeningKey::fresh(), OpeningKey::fresh());
    let keys = [OpeningKey::fresh(), OpeningKey::parse(&ours.secret()).unwrap().remove(0)];
    let long = vec![7; 200_000];
    for plain in [b"".as_slice(), b"a letter", &long] {
        check(&keys, &sealed(plain, &[&other, &ours]), Ok(plain));
        check(&keys, &sealed(plain, &[&other]), Err("none of these keys"));
    }
    let file = sealed(&long, &[&ours]);
    let mut changed = file.clone();
    *changed.last_mut().unwrap() ^= 1;
    check(&keys, &changed, Err("damaged"));
    // The head ends 200 octets in; a chunk has 64 KiB and a tag.
    let body = file.len() - (200_000 + 4 * 16);
    check(&keys, &file[..body + 65_536 + 16], Err("cut short"));
    for cut in [file.len() - 1, body, 30, 1] {
        check(&keys, &file[..cut], Err("cut short"));
    }
    check(&keys, b"", Err("cut short"));
    check(&keys, b"From: somebody\r\n\r\na message that nobody sealed\r\n", Err("no file sealed with age"));
    let endless = [b"age-encryption.org/v1\n".as_slice(), &b"-> X\n\n".repeat(10_000)].concat();
    check(&keys, &endless, Err("no file sealed with age"));
}

#[test]
fn an_armoured_file_opens_too() {
    let key = OpeningKey::fresh();
    let format = age::armor::Format::AsciiArmor;
    let mut armour = age::armor::ArmoredWriter::wrap_output(Vec::new(), format).unwrap();
    armour.write_all(&sealed(b"a letter", &[&key])).unwrap();
    check(&[key], &armour.finish().unwrap(), Ok(b"a letter"));
}

#[test]
fn a_passphrase_is_named() {
    let encryptor = age::Encryptor::with_user_passphrase("correct horse battery".to_owned().into());
    let mut writer = encryptor.wrap_output(Vec::new()).unwrap();
    writer.write_all(b"a letter").unwrap();
    check(&[OpeningKey::fresh()], &writer.finish().unwrap(), Err("passphrase"));
}

#[test]
fn key_files_are_read_as_age_keygen_writes_them() {
    let (one, two) = (OpeningKey::fresh(), OpeningKey::fresh());
    let (first, second) = (one.secret(), two.secret());
    let file = format!("# created: 2026-01-01\n# public key: {}\n{}\n\n  {}\r\n", one.recipient(), *first, *second);
    let read: Vec<_> = OpeningKey::parse(&file).unwrap().iter().map(OpeningKey::recipient).collect();
    assert_eq!(read, [one.recipient(), two.recipient()]);

    let cases = [
        (String::new(), OpeningKeyError::None),
        ("# nothing\n".to_owned(), OpeningKeyError::None),
        (format!("# mine\n{}", one.recipient()), OpeningKeyError::Public { line: 2 }),
        (first[..40].to_owned(), OpeningKeyError::NotAKey { line: 1 }),
        ("AGE-PLUGIN-YUBIKEY-1QQQ".to_owned(), OpeningKeyError::OtherKind { line: 1 }),
        ("AGE-SECRET-KEY-PQ-1QQQ".to_owned(), OpeningKeyError::OtherKind { line: 1 }),
        ("age-encryption.org/v1\n-> scrypt".to_owned(), OpeningKeyError::Locked),
        (format!("{}\n", *first).repeat(101), OpeningKeyError::TooMany),
    ];
    for (text, expected) in cases {
        let error = OpeningKey::parse(&text).map(|_| ()).unwrap_err();
        assert_eq!(error, expected);
        assert!(!error.to_string().contains(&first[20..40]));
    }
    assert_eq!(format!("{one:?}"), "OpeningKey(…)");
}
