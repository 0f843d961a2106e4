//! A real client program's library, over real sockets: lettre, with STARTTLS and with TLS at once.

use lettre::message::{Attachment, MultiPart, SinglePart, header::ContentType};
use lettre::transport::smtp::authentication::{Credentials, Mechanism};
use lettre::transport::smtp::client::{Certificate, Tls, TlsParameters};
use lettre::{AsyncSmtpTransport, AsyncTransport, Message, Tokio1Executor};
use tokio::net::TcpListener;
use tokio::sync::watch;

use super::player::house;
use crate::intake::smtp::TlsStart::{Implicit, StartTls};
use crate::intake::smtp::{Limits, serve};

#[tokio::test]
async fn lettre_hands_letters_in() {
    for (start, mechanism) in [(Implicit, Mechanism::Plain), (StartTls, Mechanism::Login)] {
        let house = house(Limits::default());
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let (closing, closed) = watch::channel(false);
        let serving = tokio::spawn(serve(house.door.clone(), listener, start, closed));
        let root = Certificate::from_der(house.tls.root.to_vec()).unwrap();
        let tls = TlsParameters::builder("sealgate.test".into()).add_root_certificate(root).build_rustls().unwrap();
        let client = AsyncSmtpTransport::<Tokio1Executor>::builder_dangerous("127.0.0.1")
            .port(port)
            .tls(if start == Implicit { Tls::Wrapper(tls) } else { Tls::Required(tls) })
            .authentication(vec![mechanism])
            .credentials(Credentials::new("anna".into(), "geheim".into()))
            .build();
        // Larger than any buffer on the way, and full of dots.
        let pdf = Attachment::new("letter.pdf".into())
            .body(vec![7_u8; 300_000], ContentType::parse("application/pdf").unwrap());
        let message = Message::builder()
            .from("Dr Anna <anna@example.nhs.uk>".parse().unwrap())
            .to("Practice <letters@practice.example>".parse().unwrap())
            .bcc("Copy <copy@practice.example>".parse().unwrap())
            .subject("Grüße [for direct-care] [secure]")
            .multipart(MultiPart::mixed().singlepart(SinglePart::plain(".\n..\nText\n".repeat(10_000))).singlepart(pdf))
            .unwrap();
        let reply = client.send(message).await.unwrap();
        assert_eq!(reply.message().next(), Some("2.0.0 Accepted as SG-1000-0000"));
        let unlisted = Message::builder()
            .from("anna@example.nhs.uk".parse().unwrap())
            .to("x@stranger.example".parse().unwrap())
            .body(String::new())
            .unwrap();
        assert!(client.send(unlisted).await.unwrap_err().is_permanent());
        let taken = house.door.desk.taken();
        assert_eq!((taken.len(), taken[0].envelope.recipients.len()), (1, 2));
        assert_eq!(taken[0].declaration.subject_line, "Grüße");
        let parsed = mail_parser::MessageParser::default().parse(&taken[0].bytes).unwrap();
        assert_eq!(
            parsed.body_text(0).unwrap().replace("\r\n", "\n").trim_end(),
            ".\n..\nText\n".repeat(10_000).trim_end()
        );
        assert_eq!(parsed.attachment(0).unwrap().contents(), vec![7_u8; 300_000]);
        assert!(!String::from_utf8_lossy(&taken[0].bytes).contains("copy@"));
        drop(client);
        closing.send_replace(true);
        serving.await.unwrap();
    }
}
