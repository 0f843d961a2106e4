//! What the door says: one table of SMTP replies with their enhanced codes (RFC 5321 §4.2, RFC 3463).
//!
//! Nothing here is about a person: letters are named by their reference alone.

use std::borrow::Cow;

use policy::LetterId;

use super::data::{Poison, Unfit};
use super::grammar::GrammarError;
use super::wire::Lost;
use crate::intake::declare::DeclareError;
use crate::intake::road::RoadError;
use crate::intake::{Busy, Nameplate};

/// Longest text of a reply, without its codes: it has to fit a dialogue box.
pub(super) const TEXT_CHARS_MAX: usize = 120;

/// One reply: code, enhanced code (empty where the standard gives none) and text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Reply {
    pub(super) code: u16,
    pub(super) enhanced: &'static str,
    pub(super) text: Cow<'static, str>,
}

const fn reply(code: u16, enhanced: &'static str, text: &'static str) -> Reply {
    Reply { code, enhanced, text: Cow::Borrowed(text) }
}

pub(super) const HELP: Reply = reply(214, "2.0.0", "Letters are taken after sign-in; see RFC 6409");
pub(super) const START_TLS: Reply = reply(220, "2.0.0", "Ready to start TLS");
pub(super) const BYE: Reply = reply(221, "2.0.0", "Bye");
pub(super) const SIGNED_IN: Reply = reply(235, "2.7.0", "Signed in");
pub(super) const OK: Reply = reply(250, "2.0.0", "OK");
pub(super) const SENDER_OK: Reply = reply(250, "2.1.0", "Sender OK");
pub(super) const RECIPIENT_OK: Reply = reply(250, "2.1.5", "Recipient OK");
pub(super) const NOT_VERIFIED: Reply = reply(252, "2.0.0", "Not told; send the letter and see");
pub(super) const ASK_PLAIN: Reply = reply(334, "", "");
/// "Username:" and "Password:" in base64, as clients of AUTH LOGIN expect.
pub(super) const ASK_LOGIN: Reply = reply(334, "", "VXNlcm5hbWU6");
pub(super) const ASK_PASSWORD: Reply = reply(334, "", "UGFzc3dvcmQ6");
pub(super) const GO_AHEAD: Reply = reply(354, "", "Go ahead; end with a line that holds a lone dot");

pub(super) const CLOSING: Reply = reply(421, "4.3.2", "Shutting down; try again later");
pub(super) const CROWDED: Reply = reply(421, "4.7.0", "Too many sessions; try again later");
pub(super) const TOO_MANY_ERRORS: Reply = reply(421, "4.7.0", "Too many errors");
pub(super) const TOO_MANY_SIGN_INS: Reply = reply(421, "4.7.0", "Too many failed sign-ins");
pub(super) const TIMED_OUT: Reply = reply(421, "4.4.2", "Timed out");
pub(super) const TALKS_AHEAD: Reply = reply(421, "4.7.0", "Nothing may follow STARTTLS before the handshake");
pub(super) const NOT_SMTP: Reply = reply(421, "4.7.0", "This is not a web server");
pub(super) const RECIPIENT_LATER: Reply = reply(451, "4.3.0", "The list cannot be read now; try again later");
pub(super) const SIGN_IN_LATER: Reply = reply(454, "4.7.0", "Sign-in is not possible now; try again later");
pub(super) const TOO_MANY_RECIPIENTS: Reply =
    reply(452, "4.5.3", "Too many recipients; send the rest in another message");

pub(super) const BARE_LINE_END: Reply = reply(500, "5.5.2", "Only CRLF ends a line");
pub(super) const LINE_TOO_LONG: Reply = reply(500, "5.5.2", "Line too long");
pub(super) const CANCELLED: Reply = reply(501, "5.7.0", "Sign-in cancelled");
pub(super) const BAD_CREDENTIALS: Reply = reply(501, "5.5.2", "Cannot read the credentials");
pub(super) const MECHANISM_UNKNOWN: Reply = reply(504, "5.5.4", "Sign in with PLAIN or LOGIN");
pub(super) const HELLO_FIRST: Reply = reply(503, "5.5.1", "Say EHLO first");
pub(super) const MAIL_FIRST: Reply = reply(503, "5.5.1", "Say MAIL first");
pub(super) const RECIPIENT_FIRST: Reply = reply(554, "5.5.1", "No valid recipients");
pub(super) const MAIL_TWICE: Reply = reply(503, "5.5.1", "A message is already under way");
pub(super) const ALREADY_TLS: Reply = reply(503, "5.5.1", "TLS is already on");
pub(super) const ALREADY_SIGNED_IN: Reply = reply(503, "5.5.1", "Already signed in");
pub(super) const NEED_TLS: Reply = reply(530, "5.7.0", "Say STARTTLS first");
pub(super) const SIGN_IN_FIRST: Reply = reply(530, "5.7.0", "Sign in first");
pub(super) const SIGN_IN_REFUSED: Reply = reply(535, "5.7.8", "Login or password is wrong");
/// RFC 4954 §6.
pub(super) const ENCRYPT_FIRST: Reply = reply(538, "5.7.11", "Say STARTTLS first: a password is taken inside TLS only");
pub(super) const CONFLICT: Reply = reply(550, "5.6.0", "Another message was sent under the same key");
pub(super) const NULL_SENDER: Reply =
    reply(550, "5.7.1", "A letter needs a sender; the null reverse-path is not taken");
pub(super) const TOO_LARGE: Reply = reply(552, "5.3.4", "The message is larger than this server takes");
pub(super) const NOT_YOUR_ADDRESS: Reply = reply(553, "5.7.1", "That sender address is not one of yours");
pub(super) const NEED_UTF8: Reply = reply(553, "5.6.7", "An address beyond ASCII needs SMTPUTF8 on MAIL");

impl Reply {
    /// The greeting (RFC 5321 §4.2: no enhanced code).
    pub(super) fn greeting(plate: &Nameplate) -> Self {
        Self { code: 220, enhanced: "", text: Cow::Owned(format!("{} ESMTP Sealgate", plate.host)) }
    }

    pub(super) fn accepted(reference: &LetterId) -> Self {
        Self { code: 250, enhanced: "2.0.0", text: Cow::Owned(format!("Accepted as {reference}")) }
    }

    /// Every letter refused: the plain sentence, the reference and whom to call.
    pub(super) fn refused(sentence: &str, reference: &LetterId, plate: &Nameplate) -> Self {
        let tail = format!(". Letter {reference}. Call {}", plate.phone);
        let room = TEXT_CHARS_MAX.saturating_sub(tail.chars().count());
        let text = format!("{}{tail}", shortened(&format!("Not sent: {sentence}"), room));
        Self { code: 550, enhanced: "5.7.1", text: Cow::Owned(text) }
    }

    pub(super) fn recipient_refused(sentence: &str) -> Self {
        Self { code: 550, enhanced: "5.7.1", text: Cow::Owned(format!("Not sent: {sentence}")) }
    }

    pub(super) fn too_often(wait_secs: u64) -> Self {
        let minutes = wait_secs.div_ceil(60);
        let text = format!("Too many letters within an hour; try again in {minutes} minutes");
        Self { code: 450, enhanced: "4.7.1", text: Cow::Owned(text) }
    }

    /// What is said to a client that is lost; nothing to one that is gone.
    pub(super) fn last_words(lost: &Lost) -> Option<Self> {
        match lost {
            Lost::Slow => Some(TIMED_OUT),
            Lost::BareLineEnd => Some(BARE_LINE_END),
            Lost::LineTooLong => Some(LINE_TOO_LONG),
            Lost::Closed | Lost::Io(_) => None,
        }
    }

    /// Appends the line as it goes over the wire: visible ASCII, at most [`TEXT_CHARS_MAX`] characters of text.
    pub(super) fn write_to(&self, out: &mut Vec<u8>) {
        let enhanced = if self.enhanced.is_empty() { String::new() } else { format!("{} ", self.enhanced) };
        let text: String = shortened(&self.text, TEXT_CHARS_MAX)
            .chars()
            .map(|c| if c == ' ' || c.is_ascii_graphic() { c } else { '?' })
            .collect();
        out.extend_from_slice(format!("{} {enhanced}{text}\r\n", self.code).as_bytes());
    }
}

/// At most `chars_max` characters, cut at a space where there is one.
fn shortened(text: &str, chars_max: usize) -> String {
    if text.chars().count() <= chars_max {
        return text.to_owned();
    }
    let cut: String = text.chars().take(chars_max).collect();
    cut.rsplit_once(' ').map_or(cut.clone(), |(words, _)| words.to_owned())
}

impl From<Busy> for Reply {
    fn from(busy: Busy) -> Self {
        match busy {
            Busy::Full => reply(452, "4.3.1", "No room now; try again later"),
            Busy::Closing => CLOSING,
            Busy::Fault => reply(451, "4.3.0", "A fault of ours; try again later"),
        }
    }
}

impl From<Poison> for Reply {
    fn from(poison: Poison) -> Self {
        Self { code: 550, enhanced: "5.6.11", text: Cow::Owned(format!("The message holds {poison}")) }
    }
}

impl From<Unfit> for Reply {
    fn from(unfit: Unfit) -> Self {
        match unfit {
            Unfit::TooLarge => TOO_LARGE,
            Unfit::LineTooLong => reply(550, "5.6.0", "A line of the message is longer than 998 bytes"),
        }
    }
}

impl From<&RoadError> for Reply {
    fn from(error: &RoadError) -> Self {
        match error {
            RoadError::Busy(busy) => (*busy).into(),
            RoadError::Declare(error) => error.into(),
        }
    }
}

impl From<&DeclareError> for Reply {
    fn from(error: &DeclareError) -> Self {
        let (code, enhanced) = match error {
            DeclareError::HeadTooLong => (552, "5.3.4"),
            DeclareError::FromNotYours => (550, "5.7.1"),
            DeclareError::EightBit | DeclareError::NotUtf8 => (550, "5.6.9"),
            DeclareError::TooManyHops => (554, "5.4.6"),
            _ => (550, "5.6.0"),
        };
        Self { code, enhanced, text: Cow::Owned(error.to_string()) }
    }
}

impl From<GrammarError> for Reply {
    fn from(error: GrammarError) -> Self {
        let (code, enhanced) = match error {
            GrammarError::Unknown | GrammarError::Bytes => (500, "5.5.2"),
            GrammarError::Syntax(_) => (501, "5.5.4"),
            GrammarError::Sender(_) => (501, "5.1.7"),
            GrammarError::Recipient(_) => (501, "5.1.3"),
            GrammarError::NotHere => (502, "5.5.1"),
            GrammarError::Parameter => (555, "5.5.4"),
        };
        Self { code, enhanced, text: Cow::Owned(error.to_string()) }
    }
}
