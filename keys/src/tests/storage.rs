//! The storage key: its file, and what is sealed under it.

use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::Path;

use policy::LetterId;

use crate::storage::{KeyFileError, LetterKey, StorageKey};

fn mode(path: &Path) -> u32 {
    fs::metadata(path).unwrap().permissions().mode() & 0o7777
}

#[test]
fn the_key_is_made_once_and_is_the_same_ever_after() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("storage.key");
    assert!(matches!(StorageKey::open(&path), Err(KeyFileError::Missing { .. })));
    let (first, made) = StorageKey::open_or_make(&path).unwrap();
    assert!(made);
    assert_eq!(mode(&path), 0o600);
    let (second, made) = StorageKey::open_or_make(&path).unwrap();
    assert!(!made);
    assert_eq!(first.pseudonym("subject", "nhs:1"), second.pseudonym("subject", "nhs:1"));
    assert_eq!(first.ledger_mac(b"row"), StorageKey::open(&path).unwrap().ledger_mac(b"row"));
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1, "no draft is left behind");
    let (other, _) = StorageKey::open_or_make(&folder.path().join("other.key")).unwrap();
    assert_ne!(first.ledger_mac(b"row"), other.ledger_mac(b"row"));
}

#[test]
fn many_who_start_at_once_agree_on_one_key() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("storage.key");
    let starts: Vec<_> = (0..8)
        .map(|_| {
            let path = path.clone();
            std::thread::spawn(move || {
                let (key, made) = StorageKey::open_or_make(&path).unwrap();
                (key.ledger_mac(b"row"), made)
            })
        })
        .collect();
    let keys: Vec<_> = starts.into_iter().map(|start| start.join().unwrap()).collect();
    assert_eq!(keys.iter().filter(|(_, made)| *made).count(), 1);
    assert!(keys.iter().all(|(mac, _)| *mac == keys[0].0));
}

#[test]
fn a_key_file_that_is_not_ours_alone_is_refused_with_its_remedy() {
    fn check(prepare: impl Fn(&Path, &Path), told: &str) {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("storage.key");
        let good = folder.path().join("good.key");
        StorageKey::open_or_make(&good).unwrap();
        prepare(&good, &path);
        let before = fs::read(&path).ok();
        let error = StorageKey::open_or_make(&path).map(|_| ()).unwrap_err().to_string();
        assert!(error.contains(told) && error.contains("storage.key"), "{error}");
        assert_eq!(fs::read(&path).ok(), before, "what is there is left alone");
    }
    let write = |path: &Path, bytes: &[u8]| {
        fs::write(path, bytes).unwrap();
        fs::set_permissions(path, fs::Permissions::from_mode(0o600)).unwrap();
    };
    let opened_to = |mode| {
        move |good: &Path, path: &Path| {
            fs::copy(good, path).unwrap();
            fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
        }
    };
    for mode in [0o604, 0o644, 0o606, 0o660, 0o620, 0o4600] {
        check(opened_to(mode), "chmod 600");
    }
    check(|good, path| symlink(good, path).unwrap(), "symbolic link");
    check(|_, path| symlink("nowhere", path).unwrap(), "symbolic link");
    check(|_, path| fs::create_dir(path).unwrap(), "not a regular file");
    check(|_, path| write(path, b""), "holds no Sealgate storage key");
    check(|_, path| write(path, b"-----BEGIN PRIVATE KEY-----"), "holds no Sealgate storage key");
    check(|_, path| write(path, b"sealgate-storage-key-2 AAAA 00000000\n"), "holds no Sealgate storage key");
    check(|_, path| write(path, &[0xff; 80]), "holds no Sealgate storage key");
    check(|_, path| write(path, &vec![b' '; 70_000]), "longer than");
    check(|good, path| write(path, &fs::read(good).unwrap()[..60]), "damaged or cut short");
    check(
        |good, path| {
            let mut bytes = fs::read(good).unwrap();
            bytes[30] ^= 1;
            write(path, &bytes);
        },
        "damaged or cut short",
    );
}

#[test]
fn a_key_that_others_own_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("storage.key");
    StorageKey::open_or_make(&path).unwrap();
    if std::os::unix::fs::chown(&path, Some(65_534), None).is_err() {
        return; // Only root can give a file away.
    }
    let error = StorageKey::open(&path).map(|_| ()).unwrap_err();
    assert!(matches!(error, KeyFileError::Owner { owner: 65_534, .. }), "{error}");
}

#[test]
fn what_is_sealed_opens_in_its_place_alone() {
    let folder = tempfile::tempdir().unwrap();
    let (ours, _) = StorageKey::open_or_make(&folder.path().join("a")).unwrap();
    let (theirs, _) = StorageKey::open_or_make(&folder.path().join("b")).unwrap();

    let sealed = ours.seal_record("consent", b"c-1", b"yes");
    assert_eq!(ours.open_record("consent", b"c-1", &sealed).unwrap().as_slice(), b"yes");
    assert!(ours.open_record("consent", b"c-2", &sealed).is_err());
    assert!(ours.open_record("consen", b"tc-1", &sealed).is_err());
    assert!(theirs.open_record("consent", b"c-1", &sealed).is_err());
    assert_ne!(sealed, ours.seal_record("consent", b"c-1", b"yes"), "no nonce is used again");

    let (one, two) = (LetterId::from_bits(1), LetterId::from_bits(2));
    let key = LetterKey::fresh();
    let wrapped = ours.wrap(&one, &key);
    let part = ours.unwrap(&one, &wrapped).unwrap().seal("record", b"text");
    assert_eq!(key.open("record", &part).unwrap().as_slice(), b"text");
    assert!(key.open("notice", &part).is_err());
    assert!(LetterKey::fresh().open("record", &part).is_err());
    assert!(ours.unwrap(&two, &wrapped).is_err());
    assert!(theirs.unwrap(&one, &wrapped).is_err());
    assert!(ours.open_record("", one.as_str().as_bytes(), &wrapped).is_err(), "sub-keys are apart");
    assert!(ours.unwrap(&one, &sealed).is_err());
}

#[test]
fn every_bit_and_every_length_counts() {
    let key = LetterKey::fresh();
    let sealed = key.seal("record", b"a short text");
    for at in 0..sealed.len() {
        for bit in 0..8 {
            let mut changed = sealed.clone();
            changed[at] ^= 1 << bit;
            assert!(key.open("record", &changed).is_err(), "byte {at}, bit {bit}");
        }
        assert!(key.open("record", &sealed[..at]).is_err(), "cut at {at}");
    }
    assert!(key.open("record", &[sealed.as_slice(), b"!"].concat()).is_err());
}

#[test]
fn pseudonyms_are_kept_apart_by_list() {
    let folder = tempfile::tempdir().unwrap();
    let (key, _) = StorageKey::open_or_make(&folder.path().join("a")).unwrap();
    assert_eq!(key.pseudonym("mailbox", "a@b.example"), key.pseudonym("mailbox", "a@b.example"));
    assert_ne!(key.pseudonym("mailbox", "a@b.example"), key.pseudonym("agency", "a@b.example"));
    assert_ne!(key.pseudonym("ab", "c"), key.pseudonym("a", "bc"));
}

#[test]
fn no_secret_is_printed() {
    let folder = tempfile::tempdir().unwrap();
    let (key, _) = StorageKey::open_or_make(&folder.path().join("a")).unwrap();
    assert_eq!(format!("{key:?} {:?}", LetterKey::fresh()), "StorageKey(…) LetterKey(…)");
}
