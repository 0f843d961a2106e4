//! Why a head is not taken. Every text names the field and the rule, never a value.

use policy::SubjectIdError;

/// Why a head is not taken. Displays one plain sentence of at most 120 characters, without a full stop.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum DeclareError {
    /// More than [`super::HEAD_BYTES_MAX`].
    #[error("The header is longer than 256 KiB")]
    HeadTooLong,
    /// More fields than anybody needs.
    #[error("The header holds more than 1000 fields")]
    TooManyFields,
    /// RFC 5322 §2.2: a name of visible ASCII, then a colon.
    #[error("A header line is no field: write Name: value")]
    NotAField,
    /// RFC 5322 §2.2.3: a folded line that holds white space alone, or a head that begins with a fold.
    #[error("A header field is folded onto an empty line")]
    Folding,
    /// A control character.
    #[error("A header field holds a control character")]
    Control,
    /// 8-bit bytes without SMTPUTF8.
    #[error("The header holds bytes beyond ASCII; encode them (RFC 2047) or use SMTPUTF8")]
    EightBit,
    /// Bytes that are no UTF-8.
    #[error("The header is not valid UTF-8")]
    NotUtf8,
    /// RFC 5322 §3.6: fields that stand at most once.
    #[error("{0} stands twice in the header")]
    Twice(&'static str),
    /// No `From`.
    #[error("From is missing from the header")]
    FromMissing,
    /// Something else than one plain address.
    #[error("From must hold one plain address: {0}")]
    FromNotOne(&'static str),
    /// Somebody else's address.
    #[error("The From address is not one of yours")]
    FromNotYours,
    /// RFC 2045 §4.
    #[error("MIME-Version must be 1.0")]
    MimeVersion,
    /// RFC 2045 §5.1.
    #[error("Content-Type: {0}")]
    ContentType(&'static str),
    /// RFC 2045 §6.
    #[error("Content-Transfer-Encoding: {0}")]
    TransferEncoding(&'static str),
    /// More than 100 `Received` lines (RFC 5321 §6.3).
    #[error("The message has passed through more than 100 servers: a loop")]
    TooManyHops,
    /// A subject's id that cannot be one.
    #[error("The subject id cannot be read: {0}")]
    Subject(SubjectIdError),
    /// `spec/decision.md` section 5: an unknown category is refused at submission.
    #[error("A category is not on the list; known ones are identity, contact, clinical-letter and so on")]
    Category,
    /// Longer than a value may be.
    #[error("{0} is longer than 1000 characters")]
    ValueTooLong(&'static str),
}
