//! One command line to one [`Command`] (RFC 5321 §4.1.1, with the extensions that the door offers). Pure.
//!
//! Strict: a path is `<address>` and the address is what [`policy::Mailbox::parse`] takes, so that what is
//! decided on is what was written. Not here, on purpose: source routes, BDAT, VRFY that tells anything.

use policy::{Mailbox, MailboxError};

use super::parameters::{self, Parameters};
use crate::intake::{Notify, Ret, Script, Secret};

/// Longest command line with its CRLF: room for MAIL and RCPT with every parameter, and for a password.
pub const COMMAND_BYTES_MAX: usize = 4096;

/// A command, understood. No Debug: it may hold an address or a password.
pub enum Command {
    /// `EHLO name`, or `HELO name`. The name is not kept: it proves nothing.
    Hello(Hello),
    /// `STARTTLS` (RFC 3207).
    StartTls,
    /// `AUTH mechanism [initial-response]` (RFC 4954).
    Auth {
        /// Which.
        mechanism: Mechanism,
        /// Base64 as written; `=` stands for an empty one.
        initial: Option<Secret>,
    },
    /// `MAIL FROM:<path> [parameters]`.
    Mail(Mail),
    /// `RCPT TO:<path> [parameters]`.
    Rcpt(Rcpt),
    /// `DATA`.
    Data,
    /// `RSET`.
    Rset,
    /// `NOOP [anything]`.
    Noop,
    /// `QUIT`.
    Quit,
    /// `VRFY anything`.
    Vrfy,
    /// `HELP [anything]`.
    Help,
}

/// How the client greets.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Hello {
    /// `EHLO`: it wants the list of extensions.
    Extended,
    /// `HELO`.
    Plain,
}

/// A SASL mechanism.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mechanism {
    /// RFC 4616.
    Plain,
    /// The old one that mail programs still use.
    Login,
    /// Any other.
    Unknown,
}

/// What `MAIL` says.
#[derive(Clone, PartialEq, Eq)]
pub struct Mail {
    /// `None` for the null reverse-path.
    pub reverse_path: Option<Mailbox>,
    /// As announced (RFC 1870), bytes.
    pub size_bytes: Option<u64>,
    /// `SMTPUTF8` (RFC 6531), and so UTF-8 in paths and head.
    pub script: Script,
    /// `RET` (RFC 3461 §4.3).
    pub ret: Option<Ret>,
    /// `ENVID`, decoded (RFC 3461 §4.4).
    pub envid: Option<String>,
}

/// What `RCPT` says.
#[derive(Clone, PartialEq, Eq)]
pub struct Rcpt {
    /// The recipient.
    pub to: Mailbox,
    /// Was it written in ASCII?
    pub script: Script,
    /// `NOTIFY` (RFC 3461 §4.1).
    pub notify: Notify,
    /// `ORCPT`, decoded: `type;address` (RFC 3461 §4.2).
    pub orcpt: Option<String>,
}

/// Why a line is no command. Displays the rule that it breaks, never the line.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum GrammarError {
    /// No such command.
    #[error("No such command")]
    Unknown,
    /// Control characters, or bytes that are no UTF-8.
    #[error("Odd bytes in the command")]
    Bytes,
    /// The command is known, its argument is not as it should be.
    #[error("{0}")]
    Syntax(&'static str),
    /// The sender's address.
    #[error("Sender: {0}")]
    Sender(MailboxError),
    /// The recipient's address.
    #[error("Recipient: {0}")]
    Recipient(MailboxError),
    /// A command of the standards that this server does without.
    #[error("Not offered here")]
    NotHere,
    /// RFC 5321 §4.1.1.11.
    #[error("Unknown parameter")]
    Parameter,
}

/// Parses one command line, its CRLF taken off.
///
/// # Errors
/// Names the rule that the line breaks.
pub fn parse(line: &[u8]) -> Result<Command, GrammarError> {
    let line = std::str::from_utf8(line).map_err(|_| GrammarError::Bytes)?;
    if line.chars().any(char::is_control) {
        return Err(GrammarError::Bytes);
    }
    // RFC 5321 §4.1.1: trailing white space is to be put up with.
    let line = line.trim_end_matches(' ');
    let (verb, argument) = line.split_once(' ').unwrap_or((line, ""));
    match verb.to_ascii_uppercase().as_str() {
        "EHLO" => hello(argument, Hello::Extended),
        "HELO" => hello(argument, Hello::Plain),
        "STARTTLS" => alone(argument, Command::StartTls),
        "AUTH" => auth(argument),
        "MAIL" => mail(argument),
        "RCPT" => rcpt(argument),
        "DATA" => alone(argument, Command::Data),
        "RSET" => alone(argument, Command::Rset),
        "QUIT" => alone(argument, Command::Quit),
        "NOOP" => Ok(Command::Noop),
        "HELP" => Ok(Command::Help),
        "VRFY" if argument.is_empty() => Err(GrammarError::Syntax("VRFY needs a name")),
        "VRFY" => Ok(Command::Vrfy),
        "BDAT" | "BURL" | "ETRN" | "EXPN" | "SAML" | "SEND" | "SOML" | "TURN" => Err(GrammarError::NotHere),
        _ => Err(GrammarError::Unknown),
    }
}

/// Does the line come from a web browser that was sent here by a page (cross-protocol attack)?
#[must_use]
pub fn is_http(line: &[u8]) -> bool {
    [b"GET ".as_slice(), b"POST ", b"PUT ", b"HEAD ", b"OPTIONS ", b"CONNECT ", b"PRI * HTTP"]
        .iter()
        .any(|start| line.starts_with(start))
}

fn alone(argument: &str, command: Command) -> Result<Command, GrammarError> {
    if argument.is_empty() { Ok(command) } else { Err(GrammarError::Syntax("This command stands alone")) }
}

/// RFC 5321 §4.1.1.1. Any one word of ASCII will do: the name is neither checked nor kept.
fn hello(argument: &str, hello: Hello) -> Result<Command, GrammarError> {
    if argument.is_empty() || argument.contains(' ') || !argument.is_ascii() || argument.len() > 255 {
        return Err(GrammarError::Syntax("EHLO needs one host name"));
    }
    Ok(Command::Hello(hello))
}

fn auth(argument: &str) -> Result<Command, GrammarError> {
    let (mechanism, initial) = argument.split_once(' ').unwrap_or((argument, ""));
    let mechanism = match mechanism.to_ascii_uppercase().as_str() {
        "PLAIN" => Mechanism::Plain,
        "LOGIN" => Mechanism::Login,
        "" => return Err(GrammarError::Syntax("AUTH needs a mechanism")),
        _ => Mechanism::Unknown,
    };
    if initial.contains(' ') {
        return Err(GrammarError::Syntax("AUTH takes a mechanism and one response"));
    }
    let initial = (!initial.is_empty()).then(|| Secret::from(initial.to_owned()));
    Ok(Command::Auth { mechanism, initial })
}

fn mail(argument: &str) -> Result<Command, GrammarError> {
    let (path, parameters) = path(argument, "FROM:", "Write MAIL FROM:<address>")?;
    let Parameters { size_bytes, script, ret, envid, .. } = parameters::of_mail(parameters)?;
    let reverse_path = match path {
        "" => None,
        address => Some(Mailbox::parse(address).map_err(GrammarError::Sender)?),
    };
    if script == Script::Ascii && !path.is_ascii() {
        return Err(GrammarError::Sender(MailboxError("an address beyond ASCII needs SMTPUTF8")));
    }
    Ok(Command::Mail(Mail { reverse_path, size_bytes, script, ret, envid }))
}

fn rcpt(argument: &str) -> Result<Command, GrammarError> {
    let (path, parameters) = path(argument, "TO:", "Write RCPT TO:<address>")?;
    let Parameters { notify, orcpt, .. } = parameters::of_rcpt(parameters)?;
    let to = Mailbox::parse(path).map_err(GrammarError::Recipient)?;
    let script = if path.is_ascii() { Script::Ascii } else { Script::Utf8 };
    Ok(Command::Rcpt(Rcpt { to, script, notify, orcpt }))
}

/// Splits `FROM:<path> parameters` into what is between the brackets, and the parameters.
fn path<'a>(argument: &'a str, word: &str, usage: &'static str) -> Result<(&'a str, &'a str), GrammarError> {
    let rest = argument
        .get(..word.len())
        .filter(|start| start.eq_ignore_ascii_case(word))
        .and_then(|_| argument.get(word.len()..))
        .and_then(|rest| rest.strip_prefix('<'))
        .ok_or(GrammarError::Syntax(usage))?;
    // No address that is taken here holds a bracket, not even in quotes, so the first one ends it.
    let (path, after) = rest.split_once('>').ok_or(GrammarError::Syntax(usage))?;
    match after.strip_prefix(' ') {
        Some(parameters) => Ok((path, parameters)),
        None if after.is_empty() => Ok((path, "")),
        None => Err(GrammarError::Syntax(usage)),
    }
}
