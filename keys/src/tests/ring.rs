//! Key rings: which keys count, and what else people paste.

use age::secrecy::ExposeSecret;
use policy::{SealingKey, Timestamp};
use proptest::prelude::*;

use super::pki::agency;
use crate::ring::{KeyRing, KeyRingError, RecipientError, check_recipient};

fn recipient() -> String {
    age::x25519::Identity::generate().to_public().to_string()
}

fn key(recipient: String) -> SealingKey {
    SealingKey { recipient, verified: true, not_before: None, not_after: None }
}

fn degenerate(point: [u8; 32]) -> String {
    bech32::encode::<bech32::Bech32>(bech32::Hrp::parse("age").unwrap(), &point).unwrap()
}

#[test]
fn a_recipient_is_told_from_everything_else() {
    use RecipientError as E;
    fn check(text: &str, expected: Result<(), E>) {
        assert_eq!(check_recipient(text), expected, "{text}");
    }
    let (good, secret) = (recipient(), age::x25519::Identity::generate().to_string());
    check(&good, Ok(()));
    for text in [
        secret.expose_secret(),
        &secret.expose_secret().to_lowercase(),
        &format!(" {}", secret.expose_secret()),
        "AGE-SECRET-KEY-PQ-1QQQ",
        "AGE-PLUGIN-YUBIKEY-1QQQ",
        "-----BEGIN OPENSSH PRIVATE KEY-----",
    ] {
        check(text, Err(E::SecretKey));
    }
    check("age1pq1qqqqqqqqqqqqqqqqqqq", Err(E::PostQuantum));
    check("age1tag1qqqqqqqqqqqqqqqqqqq", Err(E::Tag));
    check("age1tagpq1qqqqqqqqqqqqqqqqqqq", Err(E::Tag));
    check("age1yubikey1q2w7u3vpya839jxxuq8g0sedh3d740d4xvn639sqhr95ejj8vu3hyfumptt", Err(E::Plugin));
    check("age1se1q2w7u3vpya839jxxuq8g0sedh3d740d4xvn639", Err(E::Plugin));
    check("ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAA someone@host", Err(E::Ssh));
    check("ssh-rsa AAAAB3Nza", Err(E::Ssh));
    for at in [4, 20, good.len() - 1] {
        let mut mistyped = good.clone().into_bytes();
        mistyped[at] = if mistyped[at] == b'q' { b'p' } else { b'q' };
        check(&String::from_utf8(mistyped).unwrap(), Err(E::Checksum));
    }
    check(&good[..61], Err(E::Checksum));
    check("age1", Err(E::Checksum));
    for text in ["", "age", "hello", "AGE1QQQ", &good.to_uppercase(), &format!("{good} "), &format!("{good}\r\nBcc: x")]
    {
        check(text, Err(E::NotAKey));
    }
    // Low-order points and their non-canonical twins (RFC 7748 §6.1).
    let mut one = [0; 32];
    one[0] = 1;
    let mut prime = [0xff; 32];
    (prime[0], prime[31]) = (0xed, 0x7f);
    for point in [[0; 32], one, prime] {
        check(&degenerate(point), Err(E::Degenerate));
    }
    let short = bech32::encode::<bech32::Bech32>(bech32::Hrp::parse("age").unwrap(), &[9; 16]).unwrap();
    check(&short, Err(E::Degenerate));
}

#[test]
fn a_ring_is_of_keys_verified_and_in_date() {
    fn check(keys: Vec<SealingKey>, expected: Result<usize, KeyRingError>) {
        let mut record = agency(&[]);
        record.keys = keys;
        assert_eq!(KeyRing::of(&record, Timestamp(1000)).map(|ring| ring.recipients().len()), expected);
    }
    let unverified = || SealingKey { verified: false, ..key(recipient()) };
    let from_until = |from, until| SealingKey {
        not_before: Some(Timestamp(from)),
        not_after: Some(Timestamp(until)),
        ..key(recipient())
    };
    check(vec![], Err(KeyRingError::None));
    check(vec![unverified()], Err(KeyRingError::NoneVerified));
    check(vec![from_until(0, 1000)], Err(KeyRingError::NoneInDate));
    check(vec![from_until(1001, 2000)], Err(KeyRingError::NoneInDate));
    check(vec![from_until(1000, 1001)], Ok(1));
    check(vec![unverified(), key(recipient()), from_until(0, 1), key(recipient())], Ok(2));
    check((0..20).map(|_| key(recipient())).collect(), Ok(20));
    check((0..21).map(|_| key(recipient())).collect(), Err(KeyRingError::TooMany));
    let why = RecipientError::Ssh;
    check(vec![key(recipient()), key("ssh-rsa AAAA".to_owned())], Err(KeyRingError::Unusable { at: 2, why }));
    check(vec![key(recipient()), SealingKey { verified: false, ..key("nonsense".to_owned()) }], Ok(1));
}

#[test]
fn a_pasted_secret_is_not_repeated() {
    let secret = age::x25519::Identity::generate().to_string();
    let error = check_recipient(secret.expose_secret()).unwrap_err();
    assert!(!format!("{error} {error:?}").contains(&secret.expose_secret()[20..30]));
}

proptest! {
    #[test]
    fn no_text_does_harm(text in "(age1|AGE-|ssh-)?\\PC{0,80}") {
        let _ = check_recipient(&text);
    }

    #[test]
    fn any_checked_key_can_be_sealed_to(point in any::<[u8; 32]>()) {
        let text = degenerate(point);
        if check_recipient(&text).is_ok() {
            let mut record = agency(&[]);
            record.keys = vec![key(text)];
            let ring = KeyRing::of(&record, Timestamp(0)).unwrap();
            let sealed = crate::cipher::seal_to(ring.recipients(), Vec::new(), |_| Ok::<(), std::io::Error>(()));
            prop_assert!(!sealed.unwrap().is_empty());
        }
    }
}
