//! Who may sign in: passwords, API tokens, client certificates, each standing for one member of staff.
//!
//! What is kept would not let anyone in: argon2 strings and digests. What they were is forgotten when they change.
//! Not here: checking a password (`intake/`).

use serde::{Deserialize, Serialize};

use super::Registers;
use super::listed::{Listed, Name, Removable};
use crate::store::{Fault, Past};

/// A login with a password.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct User {
    /// What is typed as the user's name, as written.
    pub login: String,
    /// Staff id.
    pub staff: String,
    /// PHC string (argon2).
    pub password: String,
}

/// A bearer token, known by its digest alone.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Token {
    /// SHA-256 of the token, 64 lower-case hex digits.
    pub sha256: String,
    /// Staff id.
    pub staff: String,
    /// What it is for, in words.
    pub label: String,
}

/// A client's certificate.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ClientCertificate {
    /// SHA-256 of the DER form, 64 lower-case hex digits.
    pub sha256: String,
    /// Staff id.
    pub staff: String,
}

impl Registers {
    /// The user of this login.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub async fn user(&self, login: &str) -> Result<Option<User>, Fault> {
        self.read(login).await
    }

    /// Staff id that the token of this SHA-256 stands for.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub async fn token(&self, sha256: &[u8; 32]) -> Result<Option<String>, Fault> {
        Ok(self.read::<Token>(&hex::encode(sha256)).await?.map(|token| token.staff))
    }

    /// Staff id that the client certificate of this SHA-256 stands for.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub async fn certificate(&self, sha256: &[u8; 32]) -> Result<Option<String>, Fault> {
        Ok(self.read::<ClientCertificate>(&hex::encode(sha256)).await?.map(|certificate| certificate.staff))
    }
}

macro_rules! credential {
    ($type:ident, $list:literal, $id:ident) => {
        impl Listed for $type {
            const LIST: &'static str = $list;
            const PAST: Past = Past::Forgotten;
            fn id(&self) -> String {
                self.$id.clone()
            }
            fn names(&self) -> Vec<Name> {
                Vec::new()
            }
            fn touches(&self) -> Vec<(&'static str, String)> {
                Vec::new()
            }
            fn needs(&self) -> Vec<(&'static str, &'static str, String)> {
                vec![("staff", "staff", self.staff.clone())]
            }
        }
        impl Removable for $type {}
    };
}

credential!(User, "user", login);
credential!(Token, "token", sha256);
credential!(ClientCertificate, "certificate", sha256);
