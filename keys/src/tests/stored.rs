//! Bodies at rest: every cut, flip, swap and splice.

use std::io::{self, Read, Write};

use proptest::prelude::*;

use crate::stored::{BodyKey, BodyReader, BodyWriter, StoredBody};

const CHUNK: usize = 64 * 1024;
const HEADER: usize = 40;
const SEALED_CHUNK: usize = CHUNK + 16;

fn text(bytes: usize) -> Vec<u8> {
    (0..bytes).map(|i| u8::try_from(i % 251).unwrap()).collect()
}

fn seal(key: &BodyKey, pieces: &[&[u8]]) -> Vec<u8> {
    let mut writer = BodyWriter::new(Vec::new(), key);
    for piece in pieces {
        writer.write_all(piece).unwrap();
    }
    let (sealed, bytes, sha256) = writer.finish().unwrap();
    let plain = pieces.concat();
    assert_eq!(bytes, plain.len() as u64);
    assert_eq!(hex::encode(sha256), crate::certificate::sha256_hex(&plain));
    sealed
}

/// What comes out, and whether it ended well.
fn open(key: &BodyKey, sealed: &[u8]) -> (Vec<u8>, io::Result<usize>) {
    let mut out = Vec::new();
    let ended = BodyReader::new(sealed, key).read_to_end(&mut out);
    (out, ended)
}

fn check_refused(key: &BodyKey, plain: &[u8], tampered: &[u8], what: &str) {
    let (out, ended) = open(key, tampered);
    assert!(ended.is_err(), "{what} goes unnoticed");
    assert!(plain.starts_with(&out) && out.len() % CHUNK == 0, "{what} lets unverified bytes out");
    let mut reader = BodyReader::new(tampered, key);
    while reader.read(&mut [0; 9000]).is_ok() {}
    assert!(reader.read(&mut [0; 1]).is_err(), "{what}: once damaged, always damaged");
}

#[test]
fn every_size_comes_back() {
    for bytes in [0, 1, 15, 16, CHUNK - 1, CHUNK, CHUNK + 1, 2 * CHUNK - 1, 2 * CHUNK, 2 * CHUNK + 1, 3 * CHUNK] {
        let (key, plain) = (BodyKey::fresh(), text(bytes));
        let sealed = seal(&key, &[&plain]);
        assert_eq!(sealed.len(), HEADER + bytes + 16 * bytes.div_ceil(CHUNK).max(1));
        let (out, ended) = open(&key, &sealed);
        assert_eq!((out == plain, ended.unwrap()), (true, bytes), "{bytes}");
        assert!(open(&BodyKey::fresh(), &sealed).1.is_err());
    }
}

#[test]
fn changes_moves_and_cuts_are_errors() {
    for bytes in [0, 1, CHUNK, CHUNK + 9, 3 * CHUNK, 3 * CHUNK + 5] {
        let (key, plain) = (BodyKey::fresh(), text(bytes));
        let sealed = seal(&key, &[&plain]);
        for at in [0, 7, 8, HEADER - 1, HEADER, HEADER + 1, sealed.len() / 2, sealed.len() - 17, sealed.len() - 1] {
            let mut changed = sealed.clone();
            changed[at] ^= 0x10;
            check_refused(&key, &plain, &changed, &format!("{bytes}: a bit of byte {at}"));
        }
        let cuts = (0..=bytes / CHUNK).map(|chunk| HEADER + chunk * SEALED_CHUNK);
        for at in cuts.chain([0, 3, 8, HEADER - 1, sealed.len() - 1, sealed.len() - 16]).filter(|at| *at < sealed.len())
        {
            check_refused(&key, &plain, &sealed[..at], &format!("{bytes}: a cut at {at}"));
        }
        check_refused(&key, &plain, &[sealed.as_slice(), b"x"].concat(), "a byte more");
        check_refused(&key, &plain, &[&sealed[..], &sealed[HEADER..]].concat(), "the chunks twice");
    }
}

#[test]
fn chunks_keep_their_place_and_their_body() {
    let (key, plain) = (BodyKey::fresh(), text(3 * CHUNK));
    let (one, two) = (seal(&key, &[&plain]), seal(&key, &[&plain]));
    assert_ne!(one[HEADER..], two[HEADER..], "no nonce is used again under one body key");
    let chunk = |sealed: &[u8], n: usize| sealed[HEADER + n * SEALED_CHUNK..HEADER + (n + 1) * SEALED_CHUNK].to_vec();
    let head = one[..HEADER].to_vec();
    let swapped = [head.clone(), chunk(&one, 1), chunk(&one, 0), chunk(&one, 2)].concat();
    check_refused(&key, &plain, &swapped, "two chunks swapped");
    let dropped = [head.clone(), chunk(&one, 0), chunk(&one, 2)].concat();
    check_refused(&key, &plain, &dropped, "a chunk dropped");
    let repeated = [head.clone(), chunk(&one, 0), chunk(&one, 0), chunk(&one, 1), chunk(&one, 2)].concat();
    check_refused(&key, &plain, &repeated, "a chunk repeated");
    let spliced = [head, chunk(&one, 0), chunk(&two, 1), chunk(&one, 2)].concat();
    check_refused(&key, &plain, &spliced, "a chunk of another body");
}

#[test]
fn an_empty_last_chunk_after_others_is_no_body() {
    // As a writer would make it that sealed its chunk too early.
    use aws_lc_rs::aead::{Aad, Nonce};
    let key = BodyKey::fresh();
    let salt = [7; 32];
    let chunks = key.chunks(&salt);
    let mut sealed = [b"SGBODY1\n".as_slice(), &salt].concat();
    for (text, nonce) in [(text(CHUNK), [0; 12]), (vec![], [0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 1])] {
        let mut chunk = text;
        chunks.seal_in_place_append_tag(Nonce::assume_unique_for_key(nonce), Aad::empty(), &mut chunk).unwrap();
        sealed.extend(chunk);
    }
    check_refused(&key, &text(CHUNK), &sealed, "an empty last chunk");
}

#[test]
fn a_failing_disk_is_told_apart_from_damage() {
    struct Full;
    impl Write for Full {
        fn write(&mut self, _: &[u8]) -> io::Result<usize> {
            Err(io::ErrorKind::StorageFull.into())
        }
        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }
    let key = BodyKey::fresh();
    let mut writer = BodyWriter::new(Full, &key);
    writer.write_all(b"waits in memory").unwrap();
    assert_eq!(writer.finish().map(|_| ()).unwrap_err().kind(), io::ErrorKind::StorageFull);

    struct Broken;
    impl Read for Broken {
        fn read(&mut self, _: &mut [u8]) -> io::Result<usize> {
            Err(io::ErrorKind::TimedOut.into())
        }
    }
    let mut reader = BodyReader::new(Broken, &key);
    assert_eq!(reader.read(&mut [0; 9]).unwrap_err().kind(), io::ErrorKind::TimedOut);
}

#[test]
fn keys_travel_in_records_and_nowhere_else() {
    fn is_send<T: Send>() {}
    is_send::<BodyReader<std::fs::File>>();
    is_send::<BodyWriter<std::fs::File>>();
    let body = StoredBody {
        blob: "ab".repeat(16),
        key: BodyKey::fresh(),
        bytes: 3,
        subject_line: "Re: Mrs Canary".to_owned(),
    };
    let sealed = seal(&body.key, &[b"abc"]);
    let record = serde_json::to_string(&body).unwrap();
    let back: StoredBody = serde_json::from_str(&record).unwrap();
    assert_eq!(open(&back.key, &sealed).0, b"abc");
    assert_eq!(back.subject_line, body.subject_line);
    let shown = format!("{body:?} {:?}", body.key);
    assert!(!shown.contains("Canary") && shown.contains("BodyKey(…)"), "{shown}");
    for wrong in ["\"AAAA\"", "\"!canary!\"", "7"] {
        let error = serde_json::from_str::<BodyKey>(wrong).unwrap_err().to_string();
        assert!(!error.contains("canary"), "{error}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn any_body_in_any_pieces(bytes in 0_usize..3 * CHUNK, cuts in prop::collection::vec(0_usize..3 * CHUNK, 0..6), step in 1_usize..100_000) {
        let (key, plain) = (BodyKey::fresh(), text(bytes));
        let mut cuts: Vec<usize> = cuts.into_iter().map(|cut| cut.min(bytes)).chain([0, bytes]).collect();
        cuts.sort_unstable();
        let pieces: Vec<&[u8]> = cuts.windows(2).map(|cut| &plain[cut[0]..cut[1]]).collect();
        let sealed = seal(&key, &pieces);
        let (mut reader, mut out, mut buffer) = (BodyReader::new(sealed.as_slice(), &key), Vec::new(), vec![0; step]);
        loop {
            let read = reader.read(&mut buffer).unwrap();
            if read == 0 { break; }
            out.extend_from_slice(&buffer[..read]);
        }
        prop_assert!(out == plain);
    }

    #[test]
    fn any_bytes_are_refused_without_harm(bytes in prop::collection::vec(any::<u8>(), 0..300)) {
        let (out, ended) = open(&BodyKey::fresh(), &bytes);
        prop_assert!(out.is_empty() && ended.is_err());
        let named = [b"SGBODY1\n".as_slice(), &bytes].concat();
        let (out, ended) = open(&BodyKey::fresh(), &named);
        prop_assert!(out.is_empty() && ended.is_err());
    }
}
