//! Addresses, parsed once and strictly (RFC 5321 §4.1.2): the value decided on is the value delivered to.
//!
//! Not here, on purpose: source routes, the percent hack, bang paths, address literals, comments,
//! quoted local parts, encoded words. Each is refused by name, and nothing is repaired.
//!
//! A local part may hold letters beyond ASCII (RFC 6531 §3.3) when it is in Unicode form NFC and every
//! character may stand in an identifier (UTS #39 §3.1): no joiners, no controls, no look-alike forms.

use std::borrow::Cow;
use std::cmp::Ordering;
use std::hash::{Hash, Hasher};

use idna::uts46::{AsciiDenyList, DnsLength, Hyphens, Uts46};
use serde::{Deserialize, Serialize};
use unicode_normalization::is_nfc;
use unicode_security::GeneralSecurityProfile;

const ADDRESS_BYTES_MAX: usize = 254; // RFC 5321 §4.5.3.1.3, less the angle brackets
const LOCAL_BYTES_MAX: usize = 64; // RFC 5321 §4.5.3.1.1

/// A domain: lower-case A-labels (RFC 5890), at least two labels, at most 253 octets.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Domain(String);

/// An address: a local part as written, and a [`Domain`]. Compared without regard to case.
#[derive(Clone, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Mailbox {
    local: String,
    domain: Domain,
    key: String,
}

/// Why an address or a domain was not taken. Displays the rule that it breaks, never the address.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MailboxError(pub &'static str);

impl Mailbox {
    /// Parses an address without angle brackets; at most 254 octets, of which 64 before the @.
    ///
    /// # Errors
    /// Names the rule that the text breaks.
    pub fn parse(text: &str) -> Result<Self, MailboxError> {
        refuse_by_name(text)?;
        let (local, domain) = text.split_once('@').ok_or(MailboxError("an address needs an @"))?;
        if domain.contains('@') {
            return Err(MailboxError("an address has one @"));
        }
        check_local(local)?;
        let domain = Domain::parse(domain)?;
        let key = format!("{local}@{domain}").to_lowercase();
        if local.len() + 1 + domain.0.len() > ADDRESS_BYTES_MAX {
            return Err(MailboxError("an address has at most 254 octets"));
        }
        Ok(Self { local: local.to_owned(), domain, key })
    }

    /// The local part, as written.
    #[must_use]
    pub fn local(&self) -> &str {
        &self.local
    }

    /// The domain.
    #[must_use]
    pub const fn domain(&self) -> &Domain {
        &self.domain
    }

    /// The whole address lower-cased: the form that is compared and looked up.
    #[must_use]
    pub fn key(&self) -> String {
        self.key.clone()
    }
}

impl Domain {
    /// Parses a domain without a trailing dot; U-labels (RFC 5890) become A-labels.
    ///
    /// # Errors
    /// Names the rule that the text breaks.
    pub fn parse(text: &str) -> Result<Self, MailboxError> {
        check_domain_text(text)?;
        let ascii = Uts46::new()
            .to_ascii(text.as_bytes(), AsciiDenyList::STD3, Hyphens::Check, DnsLength::Verify)
            .map_err(|_| MailboxError("a domain is labels of letters, digits and inner hyphens, 63 octets each"))?;
        let domain = Self(ascii.to_ascii_lowercase());
        // UTS #46 would quietly read wide, bold or invisible characters as plain ones: only lower-casing is ours.
        let (shown, lower) = (domain.unicode(), text.to_lowercase());
        if shown != lower && domain.0 != lower {
            return Err(MailboxError("a domain holds a character that reads as another"));
        }
        if !shown.chars().all(|c| c.is_ascii() || c.identifier_allowed()) {
            return Err(MailboxError("a domain holds a character that no name may hold"));
        }
        match domain.0.rsplit_once('.') {
            None => Err(MailboxError("a domain has at least two labels")),
            Some((_, top)) if top.bytes().all(|byte| byte.is_ascii_digit()) => {
                Err(MailboxError("a bare network address is not taken for a domain"))
            }
            Some(_) => Ok(domain),
        }
    }

    /// Lower-case A-labels.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// U-labels, as people read them. For comparing, never for display: they may deceive.
    pub(crate) fn unicode(&self) -> Cow<'_, str> {
        if !self.0.contains("xn--") {
            return Cow::Borrowed(&self.0);
        }
        Uts46::new().to_unicode(self.0.as_bytes(), AsciiDenyList::STD3, Hyphens::Check).0
    }
}

/// What a stranger may try, each told by its name.
fn refuse_by_name(text: &str) -> Result<(), MailboxError> {
    let rule = match text {
        _ if text.len() > 4 * ADDRESS_BYTES_MAX => "an address has at most 254 octets",
        _ if text.chars().any(char::is_control) => "an address holds no control characters",
        _ if text.contains('"') => "quoted local parts are not taken",
        _ if text.contains(['(', ')']) => "comments are not taken",
        _ if text.contains(['<', '>']) => "an address stands without angle brackets",
        _ if text.contains(char::is_whitespace) => "an address holds no spaces",
        _ if text.starts_with('@') && text.contains(':') => "source routes are not taken",
        _ if text.contains(['[', ']']) => "address literals are not taken",
        _ if text.contains("=?") || text.contains("?=") => "encoded words are not taken",
        _ if text.contains('%') => "the percent hack is not taken",
        _ if text.contains('!') => "bang paths are not taken",
        _ => return Ok(()),
    };
    Err(MailboxError(rule))
}

/// Dot-string (RFC 5321 §4.1.2) of atext (RFC 5322 §3.2.3), less the percent sign and the exclamation mark.
fn check_local(local: &str) -> Result<(), MailboxError> {
    let rule = if local.is_empty() {
        "an address needs a local part"
    } else if local.len() > LOCAL_BYTES_MAX {
        "a local part has at most 64 octets"
    } else if local.split('.').any(str::is_empty) {
        "dots in a local part stand between other characters"
    } else if !local.chars().all(|c| c.is_ascii_alphanumeric() || "#$&'*+-/=?^_`{|}~.".contains(c) || !c.is_ascii()) {
        "a local part holds a character that needs quoting"
    } else if !is_nfc(local) || !local.chars().all(|c| c.is_ascii() || c.identifier_allowed()) {
        "a local part beyond ASCII holds letters and digits in form NFC"
    } else {
        return Ok(());
    };
    Err(MailboxError(rule))
}

fn check_domain_text(text: &str) -> Result<(), MailboxError> {
    let rule = if text.is_empty() {
        "an address needs a domain"
    } else if text.len() > 4 * ADDRESS_BYTES_MAX {
        "a domain has at most 253 octets"
    } else if text.contains(['[', ']']) {
        "address literals are not taken"
    } else if text.ends_with('.') {
        "a domain has no trailing dot"
    } else if text.split('.').any(str::is_empty) {
        "a domain has no empty label"
    } else {
        return Ok(());
    };
    Err(MailboxError(rule))
}

impl PartialEq for Mailbox {
    fn eq(&self, other: &Self) -> bool {
        self.key == other.key
    }
}

impl Eq for Mailbox {}

impl PartialOrd for Mailbox {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Mailbox {
    fn cmp(&self, other: &Self) -> Ordering {
        self.key.cmp(&other.key)
    }
}

impl Hash for Mailbox {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.key.hash(state);
    }
}

impl std::fmt::Display for Mailbox {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}@{}", self.local, self.domain.0)
    }
}

impl std::fmt::Debug for Mailbox {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Mailbox(…)")
    }
}

impl std::fmt::Display for Domain {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::fmt::Display for MailboxError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.0)
    }
}

impl std::error::Error for MailboxError {}

impl TryFrom<String> for Mailbox {
    type Error = MailboxError;
    fn try_from(text: String) -> Result<Self, MailboxError> {
        Self::parse(&text)
    }
}

impl From<Mailbox> for String {
    fn from(mailbox: Mailbox) -> Self {
        mailbox.to_string()
    }
}

impl TryFrom<String> for Domain {
    type Error = MailboxError;
    fn try_from(text: String) -> Result<Self, MailboxError> {
        Self::parse(&text)
    }
}

impl From<Domain> for String {
    fn from(domain: Domain) -> Self {
        domain.0
    }
}

#[cfg(test)]
mod tests;
