//! The few primitives everything else is made of, from AWS-LC: randomness, HKDF, HMAC, AES-256-GCM.
//!
//! Key, nonce and output sizes are right by construction, so the library's errors cannot occur; should one occur all
//! the same (no entropy, memory gone wrong), the process stops rather than go on with a secret half made.

use aws_lc_rs::aead::{AES_256_GCM, Aad, LessSafeKey, NONCE_LEN, Nonce, UnboundKey};
use aws_lc_rs::error::Unspecified;
use aws_lc_rs::{hkdf, hmac, rand};
use zeroize::Zeroizing;

/// Sealed bytes do not open: wrong key, wrong place, or changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("sealed bytes do not open: the key is another, or they were changed or moved")]
pub struct Damaged;

/// 256 bits, wiped on drop.
pub(crate) type Secret = Zeroizing<[u8; 32]>;

/// First byte of what [`seal`] makes.
const VERSION: u8 = 1;

pub(crate) fn random<const N: usize>() -> [u8; N] {
    let mut bytes = [0; N];
    sure(rand::fill(&mut bytes));
    bytes
}

pub(crate) fn fresh_secret() -> Secret {
    let mut secret = Zeroizing::new([0; 32]);
    sure(rand::fill(secret.as_mut()));
    secret
}

/// HKDF-SHA-256 (RFC 5869).
pub(crate) fn derive(secret: &[u8; 32], salt: &[u8], info: &[u8]) -> Secret {
    let mut derived = Zeroizing::new([0; 32]);
    let pseudorandom = hkdf::Salt::new(hkdf::HKDF_SHA256, salt).extract(secret);
    sure(pseudorandom.expand(&[info], hkdf::HKDF_SHA256).and_then(|okm| okm.fill(derived.as_mut())));
    derived
}

/// HMAC-SHA-256 (RFC 2104).
pub(crate) fn mac(key: &[u8; 32], bytes: &[u8]) -> [u8; 32] {
    let tag = hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, key), bytes);
    let mut out = [0; 32];
    out.copy_from_slice(tag.as_ref());
    out
}

pub(crate) fn aes_256_gcm(key: &[u8; 32]) -> LessSafeKey {
    LessSafeKey::new(sure(UnboundKey::new(&AES_256_GCM, key)))
}

/// AES-256-GCM under a random nonce: version, nonce, ciphertext, tag. Opens only with the same key and place.
///
/// Nonces are 96 random bits: one key must not seal more than 2^32 times (NIST SP 800-38D §8.3).
pub(crate) fn seal(key: &[u8; 32], place: &[&[u8]], plain: &[u8]) -> Vec<u8> {
    let nonce: [u8; NONCE_LEN] = random();
    let mut sealed = Vec::with_capacity(1 + NONCE_LEN + plain.len() + AES_256_GCM.tag_len());
    sealed.push(VERSION);
    sealed.extend_from_slice(&nonce);
    let mut text = Zeroizing::new(plain.to_vec());
    let nonce = Nonce::assume_unique_for_key(nonce);
    let tag = sure(aes_256_gcm(key).seal_in_place_separate_tag(nonce, Aad::from(framed(place)), text.as_mut()));
    sealed.extend_from_slice(&text);
    sealed.extend_from_slice(tag.as_ref());
    sealed
}

pub(crate) fn open(key: &[u8; 32], place: &[&[u8]], sealed: &[u8]) -> Result<Zeroizing<Vec<u8>>, Damaged> {
    let (&version, rest) = sealed.split_first().ok_or(Damaged)?;
    let (nonce, text) = rest.split_first_chunk::<NONCE_LEN>().ok_or(Damaged)?;
    if version != VERSION {
        return Err(Damaged);
    }
    let mut text = Zeroizing::new(text.to_vec());
    let nonce = Nonce::assume_unique_for_key(*nonce);
    let opened = aes_256_gcm(key).open_in_place(nonce, Aad::from(framed(place)), text.as_mut()).map_err(|_| Damaged)?;
    let plain_bytes = opened.len();
    text.truncate(plain_bytes);
    Ok(text)
}

/// Each part with its length before it, so that two lists of parts never read the same.
pub(crate) fn framed(parts: &[&[u8]]) -> Vec<u8> {
    let mut framed = Vec::with_capacity(parts.iter().map(|part| 8 + part.len()).sum());
    for part in parts {
        framed.extend_from_slice(&u64::try_from(part.len()).unwrap_or(u64::MAX).to_be_bytes());
        framed.extend_from_slice(part);
    }
    framed
}

/// For results whose error cannot occur (see the top of the file).
pub(crate) fn sure<T>(result: Result<T, Unspecified>) -> T {
    result.unwrap_or_else(|Unspecified| std::process::abort())
}
