//! The demo's clinician: writes a real MIME message with an ordinary mail library and submits it over TLS with a password.

use std::net::SocketAddr;

use lettre::message::header::ContentType;
use lettre::message::{Attachment, Mailbox, MultiPart, SinglePart};
use lettre::transport::smtp::authentication::Credentials;
use lettre::transport::smtp::client::{Certificate, Tls, TlsParameters};
use lettre::{AsyncSmtpTransport, AsyncTransport, Message, Tokio1Executor};

/// One letter as a clinician writes it.
#[derive(Clone, Copy, Debug)]
pub struct Writing {
    /// Whom to.
    pub to: &'static str,
    /// Its subject line, with the tags that declare it.
    pub subject: &'static str,
    /// Its text.
    pub text: &'static str,
    /// A document: file name, media type, bytes.
    pub file: Option<(&'static str, &'static str, &'static [u8])>,
}

impl Writing {
    /// The message as the mail library makes it.
    ///
    /// # Errors
    /// When an address or a header does not parse.
    pub fn message(&self, from: &str) -> Result<Message, String> {
        let builder = Message::builder()
            .from(from.parse::<Mailbox>().map_err(|error| error.to_string())?)
            .to(self.to.parse::<Mailbox>().map_err(|error| error.to_string())?)
            .subject(self.subject)
            .message_id(None);
        let text = SinglePart::plain(self.text.to_owned());
        let parts = match self.file {
            None => MultiPart::mixed().singlepart(text),
            Some((name, media_type, bytes)) => {
                let media_type = ContentType::parse(media_type).map_err(|error| error.to_string())?;
                let file = Attachment::new(name.to_owned()).body(bytes.to_vec(), media_type);
                MultiPart::mixed().singlepart(text).singlepart(file)
            }
        };
        builder.multipart(parts).map_err(|error| error.to_string())
    }
}

/// Submits a message as `login`; the gateway's last words, good or bad.
///
/// # Errors
/// The gateway's refusal, as the mail program would show it.
pub async fn submit(
    gateway: SocketAddr,
    ca_pem: &str,
    login: (&str, &str),
    message: Message,
) -> Result<String, String> {
    let roots = Certificate::from_pem(ca_pem.as_bytes()).map_err(|error| error.to_string())?;
    let tls = TlsParameters::builder("localhost".to_owned())
        .add_root_certificate(roots)
        .build_rustls()
        .map_err(|error| error.to_string())?;
    let transport = AsyncSmtpTransport::<Tokio1Executor>::builder_dangerous("127.0.0.1")
        .port(gateway.port())
        .tls(Tls::Wrapper(tls))
        .credentials(Credentials::new(login.0.to_owned(), login.1.to_owned()))
        .build();
    match transport.send(message).await {
        Ok(reply) => Ok(reply.message().collect::<Vec<_>>().join(" ")),
        Err(error) => {
            let words = std::error::Error::source(&error).map_or_else(|| error.to_string(), ToString::to_string);
            Err(error.status().map_or_else(|| words.clone(), |code| format!("{code} {words}")))
        }
    }
}
