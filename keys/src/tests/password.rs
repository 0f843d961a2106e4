//! Passwords: hashing, checking, and what an unknown login costs.

use argon2::Params;

use crate::password::{PasswordError, PasswordHash, hash, verify};

#[test]
fn a_password_verifies_against_its_own_hash() {
    let known = hash("correct horse").unwrap();
    assert!(known.as_str().starts_with("$argon2id$v=19$m=19456,t=2,p=1$"));
    assert!(verify("correct horse", Some(&known)));
    for wrong in ["", "correct hors", "Correct horse", "correct horse ", &"x".repeat(2000)] {
        assert!(!verify(wrong, Some(&known)), "{wrong}");
    }
    assert!(!verify("correct horse", None));
    assert_ne!(known, hash("correct horse").unwrap(), "each has a salt of its own");
    let kept: PasswordHash = serde_json::from_str(&serde_json::to_string(&known).unwrap()).unwrap();
    assert!(verify("correct horse", Some(&kept)));
    assert_eq!(format!("{known:?}"), "PasswordHash(…)");
}

#[test]
fn an_unknown_user_costs_what_a_known_one_does() {
    let known = argon2::password_hash::phc::PasswordHash::new(hash("correct horse").unwrap().as_str()).unwrap();
    let (ours, default) = (Params::try_from(&known).unwrap(), Params::default());
    let costs = |params: &Params| (params.m_cost(), params.t_cost(), params.p_cost());
    assert_eq!(costs(&ours), costs(&default));
}

#[test]
fn passwords_and_hashes_have_bounds() {
    let long = "x".repeat(1025);
    for (password, expected) in
        [("", PasswordError::TooShort), ("7 chars", PasswordError::TooShort), (&long, PasswordError::TooLong)]
    {
        assert_eq!(hash(password), Err(expected));
    }
    let good = hash("ein gutes Paßwort").unwrap().as_str().to_owned();
    assert!(PasswordHash::parse(&good).is_ok());
    for wrong in [
        "",
        "password",
        "$2b$12$abcdefghijklmnopqrstuuABCDEFGHIJKLMNOPQRSTUVWXYZ01234",
        "$argon2id$v=19$m=19456,t=2,p=1",
        &good.replace("argon2id", "argon2i"),
        &good.replace("m=19456", "m=4194304"),
        &good.replace("t=2", "t=1000"),
        &good.replace("p=1", "p=200"),
    ] {
        assert_eq!(PasswordHash::parse(wrong), Err(PasswordError::NotAHash), "{wrong}");
    }
}
