//! `From`: one plain address, of the account (RFC 5322 §3.6.2, RFC 6409 §6.1).
//!
//! Groups, lists, comments and routes are refused: programs disagree on which address they show.

use policy::Mailbox;

use super::fields::Field;
use super::{Account, DeclareError};

/// The sender that the reader of the letter will see.
pub(super) fn sender(fields: &[Field<'_>], account: &Account) -> Result<Mailbox, DeclareError> {
    let field = fields.iter().find(|field| field.is("From")).ok_or(DeclareError::FromMissing)?;
    let mailbox = mailbox(&field.value)?;
    if account.may_send_as(&mailbox) { Ok(mailbox) } else { Err(DeclareError::FromNotYours) }
}

/// `address`, `<address>` or `name <address>`.
fn mailbox(value: &str) -> Result<Mailbox, DeclareError> {
    let address = match value.strip_suffix('>') {
        None => value,
        Some(rest) => {
            let (name, address) = rest.rsplit_once('<').ok_or(DeclareError::FromNotOne("a bracket is missing"))?;
            check_name(name.trim_matches([' ', '\t']))?;
            address
        }
    };
    Mailbox::parse(address).map_err(|error| DeclareError::FromNotOne(error.0))
}

/// A display name: quoted strings, encoded words and plain words.
fn check_name(name: &str) -> Result<(), DeclareError> {
    let mut quoted = false;
    let mut chars = name.chars();
    while let Some(c) = chars.next() {
        match c {
            '"' => quoted = !quoted,
            '\\' if quoted => drop(chars.next()),
            // Plain specials outside quotes would make it a list, a group, a comment or a second address.
            ',' | ';' | ':' | '<' | '>' | '(' | ')' | '@' | '[' | ']' | '\\' if !quoted => {
                return Err(DeclareError::FromNotOne("put a name with punctuation in quotes"));
            }
            _ => {}
        }
    }
    if quoted { Err(DeclareError::FromNotOne("a quote is missing")) } else { Ok(()) }
}
