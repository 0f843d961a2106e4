//! The structure that the head announces (RFC 2045): only what every reader would read alike is taken.
//!
//! Not here: the parts within the body, which screening reads.

use super::DeclareError;
use super::fields::Field;

/// Does the kept head need a `MIME-Version`?
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Mime {
    /// The message is plain text of before MIME.
    Plain,
    /// It is MIME, whether or not it says so.
    Version1,
}

/// Checks the fields of MIME.
pub(super) fn check(fields: &[Field<'_>]) -> Result<Mime, DeclareError> {
    let mut mime = Mime::Plain;
    let mut composite = false;
    for field in fields {
        if field.is("MIME-Version") {
            // Mail programs put comments here: `1.0 (Mac OS X Mail 16.0)`.
            if without_comments(&field.value).as_deref() != Some("1.0") {
                return Err(DeclareError::MimeVersion);
            }
            mime = Mime::Version1;
        } else if field.is("Content-Type") {
            composite = content_type(&field.value)?;
            mime = Mime::Version1;
        } else if is_content(field) {
            mime = Mime::Version1;
        }
    }
    if let Some(field) = fields.iter().find(|field| field.is("Content-Transfer-Encoding")) {
        transfer_encoding(&field.value, composite)?;
    }
    Ok(mime)
}

/// Is this one of the `Content-` fields?
pub(super) fn is_content(field: &Field<'_>) -> bool {
    field.name.get(..8).is_some_and(|start| start.eq_ignore_ascii_case("Content-"))
}

/// RFC 2045 §6.4: what is made of parts is not encoded as a whole.
fn transfer_encoding(value: &str, composite: bool) -> Result<(), DeclareError> {
    let word = without_comments(value).unwrap_or_default().to_ascii_lowercase();
    match word.as_str() {
        "7bit" | "8bit" => Ok(()),
        "quoted-printable" | "base64" if !composite => Ok(()),
        "quoted-printable" | "base64" => {
            Err(DeclareError::TransferEncoding("a multipart message is not encoded as a whole"))
        }
        // BINARYMIME (RFC 3030) is not offered.
        _ => Err(DeclareError::TransferEncoding("must be 7bit, 8bit, quoted-printable or base64")),
    }
}

/// Is it made of parts?
fn content_type(value: &str) -> Result<bool, DeclareError> {
    let value = without_comments(value).ok_or(DeclareError::ContentType("a bracket or a quote is missing"))?;
    let mut pieces = split_unquoted(&value, ';').into_iter();
    let kind = pieces.next().unwrap_or_default().to_ascii_lowercase();
    let (main, sub) = kind.split_once('/').ok_or(DeclareError::ContentType("write type/subtype"))?;
    if !is_token(main.trim_end()) || !is_token(sub.trim_start()) {
        return Err(DeclareError::ContentType("write type/subtype"));
    }
    let mut names: Vec<String> = Vec::new();
    let mut boundary = None;
    for piece in pieces.filter(|piece| !piece.is_empty()) {
        let (name, value) = piece.split_once('=').ok_or(DeclareError::ContentType("a parameter has no value"))?;
        let name = name.trim().to_ascii_lowercase();
        if !is_token(&name) {
            return Err(DeclareError::ContentType("a parameter's name holds odd bytes"));
        }
        if name == "boundary" {
            boundary = Some(value.trim().trim_matches('"').to_owned());
        }
        if names.contains(&name) {
            return Err(DeclareError::ContentType("a parameter stands twice"));
        }
        names.push(name);
    }
    match (main.trim_end(), sub.trim_start()) {
        // A letter in fragments, or kept elsewhere, is a letter that nobody can read before it leaves.
        ("message", "partial" | "external-body") => Err(DeclareError::ContentType("partial messages are not taken")),
        ("multipart", _) if !boundary.as_deref().is_some_and(is_boundary) => {
            Err(DeclareError::ContentType("a multipart needs a boundary of 1 to 70 characters"))
        }
        (main, _) => Ok(main == "multipart" || main == "message"),
    }
}

/// RFC 2046 §5.1.1.
fn is_boundary(text: &str) -> bool {
    let allowed = |byte: u8| byte.is_ascii_alphanumeric() || b"'()+_,-./:=? ".contains(&byte);
    (1..=70).contains(&text.len()) && text.bytes().all(allowed) && !text.ends_with(' ')
}

/// RFC 2045 §5.1.
fn is_token(text: &str) -> bool {
    let allowed = |byte: u8| byte.is_ascii_graphic() && !b"()<>@,;:\\\"/[]?=".contains(&byte);
    !text.is_empty() && text.bytes().all(allowed)
}

/// Leaves comments out (RFC 5322 §3.2.2) and trims. `None` when a bracket or a quote is left open.
fn without_comments(value: &str) -> Option<String> {
    let mut kept = String::with_capacity(value.len());
    let mut depth = 0_usize;
    let mut quoted = false;
    let mut chars = value.chars();
    while let Some(c) = chars.next() {
        match c {
            '\\' if quoted || depth > 0 => {
                let next = chars.next()?;
                if depth == 0 {
                    kept.extend([c, next]);
                }
            }
            '"' if depth == 0 => {
                quoted = !quoted;
                kept.push(c);
            }
            '(' if !quoted => depth = depth.checked_add(1)?,
            ')' if !quoted => depth = depth.checked_sub(1)?,
            _ if depth == 0 => kept.push(c),
            _ => {}
        }
    }
    (depth == 0 && !quoted).then(|| kept.trim().to_owned())
}

/// Splits where `at` stands outside quotes, and trims.
fn split_unquoted(text: &str, at: char) -> Vec<String> {
    let mut pieces = vec![String::new()];
    let (mut quoted, mut escaped) = (false, false);
    for c in text.chars() {
        if c == at && !quoted {
            pieces.push(String::new());
            continue;
        }
        if c == '"' && !escaped {
            quoted = !quoted;
        }
        escaped = c == '\\' && !escaped;
        if let Some(piece) = pieces.last_mut() {
            piece.push(c);
        }
    }
    pieces.iter().map(|piece| piece.trim().to_owned()).collect()
}
