//! A letter as JSON: strictly read, and checked before anything is made of it.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use lettre::message::header::ContentType;
use policy::Mailbox;
use serde::Deserialize;

use super::problem::Problem;
use crate::intake::{Account, EnvelopeRecipient, Notify};

/// Longest of the short texts (title, citation and so on), in characters.
const SHORT_CHARS_MAX: usize = 500;

/// Longest file name, in characters.
const NAME_CHARS_MAX: usize = 200;

/// Files of one letter.
const FILES_MAX: usize = 100;

/// The body of a request, or the part `letter` of a form. No Debug: it is the letter.
#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct LetterJson {
    /// One of the account's addresses; its first, if absent.
    from: Option<String>,
    to: Vec<String>,
    /// Whom it is about: `nhs:9434765919`.
    pub(super) subject: Option<String>,
    pub(super) purpose: Option<String>,
    #[serde(default)]
    pub(super) categories: Vec<String>,
    pub(super) citation: Option<String>,
    pub(super) exception: Option<String>,
    /// The subject line.
    pub(super) title: Option<String>,
    /// Plain text.
    pub(super) text: Option<String>,
    #[serde(default)]
    files: Vec<FileJson>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct FileJson {
    name: String,
    #[serde(rename = "type")]
    kind: String,
    base64: String,
}

/// A file to go with the letter.
pub(super) struct File {
    pub(super) name: String,
    pub(super) kind: ContentType,
    pub(super) bytes: Vec<u8>,
}

impl LetterJson {
    /// Reads it. What is wrong is told by place, never by what stands there.
    pub(super) fn parse(json: &[u8]) -> Result<Self, Problem> {
        let letter: Self = serde_json::from_slice(json).map_err(|error| {
            let (line, column) = (error.line(), error.column());
            Problem::invalid(format!(
                "Line {line}, column {column}: not a letter; it has from, to, subject, purpose, categories, citation, \
                 exception, title, text, files (name, type, base64)."
            ))
        })?;
        letter.check()?;
        Ok(letter)
    }

    fn check(&self) -> Result<(), Problem> {
        let short = [
            ("/subject", &self.subject),
            ("/purpose", &self.purpose),
            ("/citation", &self.citation),
            ("/exception", &self.exception),
            ("/title", &self.title),
        ];
        for (pointer, text) in short {
            check_short(text.as_deref().unwrap_or_default()).map_err(|problem| problem.at(pointer))?;
        }
        for (index, word) in self.categories.iter().enumerate() {
            check_short(word).map_err(|problem| problem.at(format!("/categories/{index}")))?;
        }
        let odd = |c: char| c.is_control() && !matches!(c, '\t' | '\n' | '\r');
        if self.text.as_deref().unwrap_or_default().contains(odd) {
            return Err(Problem::invalid("The text holds a control character.").at("/text"));
        }
        Ok(())
    }

    /// The sender: an address of the account.
    pub(super) fn sender(&self, account: &Account) -> Result<Mailbox, Problem> {
        let Some(from) = &self.from else {
            return account.reverse_paths.first().cloned().ok_or_else(Problem::not_yours);
        };
        let from = Mailbox::parse(from).map_err(|error| Problem::invalid(format!("{error}.")).at("/from"))?;
        if account.may_send_as(&from) { Ok(from) } else { Err(Problem::not_yours().at("/from")) }
    }

    /// The recipients, each once.
    pub(super) fn recipients(&self, recipients_max: usize) -> Result<Vec<EnvelopeRecipient>, Problem> {
        if self.to.is_empty() || self.to.len() > recipients_max {
            return Err(Problem::invalid(format!("A letter has 1 to {recipients_max} recipients.")).at("/to"));
        }
        let mut recipients: Vec<EnvelopeRecipient> = Vec::new();
        for (index, address) in self.to.iter().enumerate() {
            let to = Mailbox::parse(address)
                .map_err(|error| Problem::invalid(format!("{error}.")).at(format!("/to/{index}")))?;
            if !recipients.iter().any(|known| known.to.key() == to.key()) {
                recipients.push(EnvelopeRecipient { to, notify: Notify::Unsaid, orcpt: None });
            }
        }
        Ok(recipients)
    }

    /// The files in it, decoded.
    pub(super) fn take_files(&mut self) -> Result<Vec<File>, Problem> {
        let files = std::mem::take(&mut self.files);
        let mut decoded = Vec::with_capacity(files.len().min(FILES_MAX));
        for (index, file) in files.into_iter().enumerate() {
            let pointer = format!("/files/{index}");
            let bytes = STANDARD.decode(&file.base64);
            let bytes = bytes.map_err(|_| Problem::invalid("Not base64.").at(format!("{pointer}/base64")))?;
            decoded.push(File::new(file.name, &file.kind, bytes).map_err(|problem| problem.at(pointer))?);
        }
        check_count(&decoded)?;
        Ok(decoded)
    }

    /// Does it hold nothing but an envelope? So it must beside a whole message, which speaks for itself.
    pub(super) fn is_envelope_alone(&self) -> bool {
        let texts = [&self.subject, &self.purpose, &self.citation, &self.exception, &self.title, &self.text];
        texts.iter().all(|text| text.is_none()) && self.categories.is_empty() && self.files.is_empty()
    }
}

impl File {
    /// A file, its name and media type checked.
    pub(super) fn new(name: String, kind: &str, bytes: Vec<u8>) -> Result<Self, Problem> {
        let odd = |c: char| c.is_control() || matches!(c, '/' | '\\');
        if name.trim().is_empty() || name.chars().count() > NAME_CHARS_MAX || name.contains(odd) {
            return Err(Problem::invalid("A file needs a name of at most 200 characters, without a path."));
        }
        // RFC 2046 §5: these are structure, not files, and would be read differently by different programs.
        let structure =
            ["multipart/", "message/"].iter().any(|start| kind.trim().to_ascii_lowercase().starts_with(start));
        match ContentType::parse(kind) {
            Ok(kind) if !structure => Ok(Self { name, kind, bytes }),
            _ => Err(Problem::invalid("A file needs a media type, such as application/pdf.")),
        }
    }
}

/// Not more files than anybody needs.
pub(super) fn check_count(files: &[File]) -> Result<(), Problem> {
    if files.len() > FILES_MAX { Err(Problem::invalid("A letter has at most 100 files.").at("/files")) } else { Ok(()) }
}

/// What becomes a header field stands on one line.
fn check_short(text: &str) -> Result<(), Problem> {
    if text.chars().any(char::is_control) || text.chars().count() > SHORT_CHARS_MAX {
        return Err(Problem::invalid("Must be one line of at most 500 characters."));
    }
    Ok(())
}
