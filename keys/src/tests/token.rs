//! Bearer tokens and their digests.

use crate::token::{NotADigest, Token, TokenDigest};

#[test]
fn a_token_matches_its_own_digest_alone() {
    let (one, two) = (Token::mint(), Token::mint());
    assert_eq!(one.expose().len(), 43);
    assert!(one.expose().bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'_'));
    assert!(one.digest().matches(one.expose()));
    assert!(!one.digest().matches(two.expose()));
    for wrong in ["", &one.expose()[..42], &format!("{}=", one.expose()), &one.expose().to_lowercase()] {
        assert!(!one.digest().matches(wrong));
    }
    assert_eq!(TokenDigest::of(one.expose()), one.digest());
}

#[test]
fn a_digest_is_kept_as_hex_and_nothing_is_printed() {
    let token = Token::mint();
    let kept = serde_json::to_string(&token.digest()).unwrap();
    assert_eq!(kept, format!("\"{}\"", token.digest()));
    assert_eq!(serde_json::from_str::<TokenDigest>(&kept).unwrap(), token.digest());
    for wrong in ["", "00", &"g".repeat(64), &"0".repeat(66)] {
        assert_eq!(TokenDigest::try_from(wrong.to_owned()), Err(NotADigest));
    }
    assert_eq!(format!("{token:?} {:?}", token.digest()), "Token(…) TokenDigest(…)");
}
