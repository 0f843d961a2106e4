//! A letter as somebody writes it, and hands it in with a real mail library.

use lettre::address::Envelope;
use lettre::message::header::{ContentType, HeaderName, HeaderValue};
use lettre::message::{Attachment, Mailbox, MultiPart, SinglePart};
use lettre::transport::smtp::authentication::Credentials;
use lettre::transport::smtp::client::{Certificate, Tls, TlsParameters};
use lettre::{Message, SmtpTransport, Transport};
use policy::LetterId;

use super::{Door, HOST, LOGIN, SENDER, World};

/// A letter to be handed in.
#[derive(Clone, Debug)]
pub struct Writing {
    /// Recipients, of the envelope and of the `To` field.
    pub to: Vec<String>,
    /// The subject line.
    pub line: String,
    /// Header fields that declare it.
    pub declares: Vec<(&'static str, String)>,
    /// Its text.
    pub text: String,
    /// Documents: file name, media type, bytes.
    pub files: Vec<(String, String, Vec<u8>)>,
    /// Where it is handed in.
    pub door: Door,
}

impl Writing {
    /// A short clinical letter about this person, for direct care, declared by header fields.
    pub fn about(subject: &str, to: &[&str]) -> Self {
        let declares = [
            ("Sealgate-Subject", subject),
            ("Sealgate-Purpose", "direct-care"),
            ("Sealgate-Category", "clinical-letter"),
        ];
        Self {
            declares: declares.map(|(name, value)| (name, value.to_owned())).to_vec(),
            ..Self::bare("Asthma review", to)
        }
    }

    /// A letter that declares nothing but by what its subject line may say.
    pub fn bare(line: &str, to: &[&str]) -> Self {
        Self {
            to: to.iter().map(|to| (*to).to_owned()).collect(),
            line: line.to_owned(),
            declares: Vec::new(),
            text: "Dear colleague,\n\nThank you for seeing this patient.\n".to_owned(),
            files: Vec::new(),
            door: Door::ImplicitTls,
        }
    }

    /// With one header field declaring otherwise.
    #[must_use]
    pub fn declaring(mut self, name: &'static str, value: &str) -> Self {
        self.declares.retain(|(known, _)| *known != name);
        self.declares.push((name, value.to_owned()));
        self
    }

    /// With a text of its own.
    #[must_use]
    pub fn saying(self, text: &str) -> Self {
        Self { text: text.to_owned(), ..self }
    }

    /// With a document of `tests/letters`.
    #[must_use]
    pub fn with(mut self, name: &str) -> Self {
        let kind = match name.rsplit_once('.').unwrap().1 {
            "pdf" => "application/pdf",
            "docx" => "application/vnd.openxmlformats-officedocument.wordprocessingml.document",
            other => panic!("no media type for .{other}"),
        };
        self.files.push((name.to_owned(), kind.to_owned(), super::read(name)));
        self
    }

    /// Handed in at this door.
    #[must_use]
    pub fn at(self, door: Door) -> Self {
        Self { door, ..self }
    }

    /// The message as the mail library makes it.
    pub fn message(&self) -> Vec<u8> {
        let mut builder = Message::builder().from(SENDER.parse().unwrap()).subject(&self.line).message_id(None);
        for to in &self.to {
            builder = builder.to(to.parse::<Mailbox>().unwrap());
        }
        for (name, value) in &self.declares {
            let name = HeaderName::new_from_ascii_str(name);
            builder = builder.raw_header(HeaderValue::new(name, value.clone()));
        }
        let text = SinglePart::plain(self.text.clone());
        let message = match self.files.as_slice() {
            [] => builder.singlepart(text),
            files => builder.multipart(files.iter().fold(MultiPart::mixed().singlepart(text), |parts, file| {
                let (name, kind, bytes) = file.clone();
                parts.singlepart(Attachment::new(name).body(bytes, ContentType::parse(&kind).unwrap()))
            })),
        };
        message.unwrap().formatted()
    }

    pub(super) fn submit(&self, world: &World) -> Result<LetterId, String> {
        let roots = Certificate::from_pem(world.ca.pem().as_bytes()).unwrap();
        let parameters = TlsParameters::builder(HOST.to_owned()).add_root_certificate(roots).build_rustls().unwrap();
        let tls = match self.door {
            Door::ImplicitTls => Tls::Wrapper(parameters),
            Door::StartTls => Tls::Required(parameters),
            Door::Https => panic!("a mail library speaks SMTP"),
        };
        let transport = SmtpTransport::builder_dangerous("127.0.0.1")
            .port(world.port(self.door))
            .tls(tls)
            .credentials(Credentials::new(LOGIN.0.to_owned(), LOGIN.1.to_owned()))
            .build();
        let to = self.to.iter().map(|to| to.parse().unwrap()).collect();
        let envelope = Envelope::new(Some(SENDER.parse().unwrap()), to).unwrap();
        match transport.send_raw(&envelope, &self.message()) {
            Ok(reply) => Ok(reference(&reply.message().collect::<Vec<_>>().join(" "))),
            Err(error) => Err(match std::error::Error::source(&error) {
                Some(cause) => format!("{error}: {cause}"),
                None => error.to_string(),
            }),
        }
    }
}

/// The reference in `Accepted as SG-…`.
pub fn reference(reply: &str) -> LetterId {
    let word = reply.split_whitespace().find(|word| word.starts_with("SG-")).unwrap_or_else(|| panic!("{reply:?}"));
    LetterId::parse(word).unwrap()
}
