//! Bearer tokens: shown once when they are made, kept as a digest alone.
//!
//! A token has 256 random bits, so a plain SHA-256 keeps it: there is nothing to guess that a slow hash would protect.

use aws_lc_rs::constant_time::verify_slices_are_equal;
use aws_lc_rs::digest::{SHA256, digest};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

use crate::primitives::fresh_secret;

/// A bearer token as its holder gets it: 43 characters of base 64 for URLs (RFC 4648 §5). Wiped on drop.
pub struct Token(Zeroizing<String>);

/// What is kept of a token: its SHA-256, as 64 lower-case hex digits where it is written down.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct TokenDigest([u8; 32]);

/// The text is no digest of a token.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a token's digest has 64 hex digits")]
pub struct NotADigest;

impl Token {
    /// A new one.
    #[must_use]
    pub fn mint() -> Self {
        Self(Zeroizing::new(URL_SAFE_NO_PAD.encode(fresh_secret().as_slice())))
    }

    /// The token itself: for its holder, once.
    #[must_use]
    pub fn expose(&self) -> &str {
        &self.0
    }

    /// What to keep.
    #[must_use]
    pub fn digest(&self) -> TokenDigest {
        TokenDigest::of(&self.0)
    }
}

impl TokenDigest {
    /// The digest of a token as somebody presents it: to be looked up, or matched.
    #[must_use]
    pub fn of(presented: &str) -> Self {
        let mut out = [0; 32];
        out.copy_from_slice(digest(&SHA256, presented.as_bytes()).as_ref());
        Self(out)
    }

    /// Whether this is the token's digest; takes the same time either way.
    #[must_use]
    pub fn matches(&self, presented: &str) -> bool {
        verify_slices_are_equal(&self.0, &Self::of(presented).0).is_ok()
    }

    /// The raw digest.
    #[must_use]
    pub const fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }
}

impl std::fmt::Debug for Token {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Token(…)")
    }
}

impl std::fmt::Debug for TokenDigest {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("TokenDigest(…)")
    }
}

impl std::fmt::Display for TokenDigest {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&hex::encode(self.0))
    }
}

impl TryFrom<String> for TokenDigest {
    type Error = NotADigest;
    fn try_from(text: String) -> Result<Self, NotADigest> {
        let mut out = [0; 32];
        hex::decode_to_slice(text, &mut out).map(|()| Self(out)).map_err(|_| NotADigest)
    }
}

impl From<TokenDigest> for String {
    fn from(digest: TokenDigest) -> Self {
        digest.to_string()
    }
}
