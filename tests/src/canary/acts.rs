//! What goes in: the stage, its people, and every act that carries markers to a gateway.
//!
//! Where nothing of it may come out is in `canary.rs`.

use std::collections::BTreeMap;
use std::net::TcpStream;
use std::sync::Arc;
use std::thread;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use gateway::clock::Clock;
use gateway::registers::{Registers, Token};
use gateway::server::Server;
use gateway::setup::Seams;
use gateway::store::{Filter, State, Store};
use http_body_util::{BodyExt, Full};
use hyper::Request;
use hyper_rustls::HttpsConnectorBuilder;
use hyper_util::client::legacy::Client as Http;
use hyper_util::rt::TokioExecutor;
use keys::token;
use lettre::message::header::{ContentType, HeaderName, HeaderValue};
use lettre::message::{Attachment, Message, MultiPart, SinglePart};
use policy::Timestamp;
use rustls::pki_types::ServerName;
use serde_json::json;

use super::on_display;
use crate::ca::Ca;
use crate::hostile::{Hostile, Script, Taken};
use crate::peers::age::{Identity, Opener};
use crate::process::{Client, Gateway, Hop, House, children_of, run};
use crate::tap::Tap;
use crate::wait;

const LOGIN: &str = "zwerglamb-login";
const PASSWORD: &str = "Kolibri-Passwort-77";
const SENDER: &str = "ottilie.zwerglamb@trust.example";
const ELM: &str = "rezeption.elmzeit@elm.example";
const PIKE: &str = "kanzlei.pikezeit@pike.example";
const DALE: &str = "post.dalezeit@dale.example";
const ECHO: &str = "niemand.echozeit@echo.example";
const PATIENT: &str = "nhs:9995260182";
const REFUSER: &str = "nhs:9991590838";
const OTHER: &str = "nhs:9990166137";

/// Four days: longer than a letter lives in the queue, and than one is held.
const LONG_SECS: i64 = 4 * 24 * 3600;

/// A gateway, its peers behind taps, and all that was said and heard.
pub struct Stage {
    pub house: House,
    /// By domain.
    peers: BTreeMap<&'static str, (Hostile, Tap)>,
    doors: Vec<Tap>,
    pub register: String,
    pub token: String,
    /// Every octet that any client sent.
    pub said: Vec<u8>,
    /// Every octet that somebody who had signed in was told.
    pub told_senders: Vec<u8>,
    /// Every octet that anybody else was told.
    pub told_strangers: Vec<u8>,
    _identity: Identity,
}

impl Stage {
    pub fn set() -> Self {
        let ca = Ca::new();
        let peer = |(domain, host, script)| {
            let server = Hostile::start(script, &ca, host, &ca.leaf(&[host]));
            let tap = Tap::before(server.port());
            (domain, (server, tap))
        };
        let hosts = [
            ("elm.example", "mx.elm.example", Script::Honest),
            ("pike.example", "mx.pike.example", Script::Honest),
            ("dale.example", "mx.dale.example", Script::NoStartTls),
            ("echo.example", "mx.echo.example", Script::QuotesRcpt(550)),
            ("trust.example", "mail.trust.example", Script::Honest),
        ];
        let peers: BTreeMap<_, _> = hosts.into_iter().map(peer).collect();
        let hops: Vec<_> =
            hosts.iter().map(|(domain, host, _)| Hop { domain, host, port: peers[domain].1.port() }).collect();
        let more = [("log.level", "trace".into()), ("notices.deferred_after_secs", 1.into())];
        let house = House::bare(&ca, &hops, &more);
        let identity = Opener::Age.keygen();
        let register = include_str!("register.toml").replace("{AGE_KEY}", &identity.recipient);
        house.admit(&register, &[(LOGIN, "staff-zwerglamb", PASSWORD)]);
        let token = token::Token::mint();
        house.visit(async |store| {
            let label = "marke-zaehler".to_owned();
            let sha256 = hex::encode(token.digest().as_bytes());
            let token = Token { sha256, staff: "staff-zwerglamb".to_owned(), label };
            Registers::over(store).put(&token, "adm-uhlmann").await.unwrap();
        });
        Self {
            house,
            peers,
            doors: Vec::new(),
            register,
            token: token.expose().to_owned(),
            said: b"marke-zaehler".to_vec(),
            told_senders: Vec::new(),
            told_strangers: Vec::new(),
            _identity: identity,
        }
    }

    /// What the servers of a domain took.
    pub fn taken_by(&self, domain: &str) -> Vec<Taken> {
        self.peers[domain].0.seen().taken
    }

    /// Every octet on every wire.
    pub fn wires(&self) -> Vec<(String, Vec<u8>)> {
        let doors = self.doors.iter().map(|tap| ("the wire before a door".to_owned(), tap.copy()));
        doors.chain(self.peers.iter().map(|(domain, (_, tap))| (format!("the wire to {domain}"), tap.copy()))).collect()
    }

    /// Letters that were accepted four days ago, one for a practice that only talks in clear and one that is held: their
    /// lives end as the program starts.
    pub fn long_ago(&mut self) {
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
        let settings = self.house.settings();
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs().cast_signed();
        let clock = Clock::standing(Timestamp(now - LONG_SECS), 0);
        let mut seams = Seams { clock, ..Seams::of_the_system(&settings).unwrap() };
        seams.program.clone_from(&crate::build::built().sealgate);
        let server = runtime.block_on(Server::start(&settings, seams)).unwrap();
        let port = server.listening.implicit_tls[0].port();
        let mut client = Client::tls(port, self.house.client_config()).unwrap();
        client.reply().unwrap();
        client.sign_in(LOGIN, PASSWORD).unwrap();
        let text = "lang-her-kranich";
        accepted(client.hand_in(SENDER, &[DALE], &plain(PATIENT, text)));
        accepted(client.hand_in(SENDER, &[ELM], &plain(PATIENT, "lang-her-kranich 999 016 6137")));
        self.signed_off(client);
        let store = server.journey.store.clone();
        wait::until(
            || "an attempt long ago".to_owned(),
            30,
            || {
                let letters = runtime.block_on(store.letters(&Filter::default())).unwrap();
                letters.iter().any(|letter| letter.attempts > 0).then_some(())
            },
        );
        runtime.block_on(server.stop());
    }

    /// Letters by both doors for mail programs: to be delivered, sealed, held, refused, put off, and turned away.
    pub fn letters(&mut self, gateway: &Gateway) {
        let tap = Tap::before(gateway.doors.starttls);
        let mut client = Client::start_tls(tap.port(), self.house.client_config()).unwrap();
        client.sign_in(LOGIN, PASSWORD).unwrap();
        let from = format!("{SENDER} ENVID=umschlag-star RET=HDRS");
        let to = format!("{ELM} NOTIFY=SUCCESS,FAILURE,DELAY ORCPT=rfc822;ziel-elster@elm.example");
        accepted(client.hand_in(&from, &[&to, PIKE], &whole(PATIENT)));
        accepted(client.hand_in(SENDER, &[ELM], &unreadable(PATIENT)));
        accepted(client.hand_in(
            SENDER,
            &[ELM],
            &plain(PATIENT, "text-sperling über 999 016 6137, Carolyne Finchleyzed"),
        ));
        accepted(client.hand_in(SENDER, &[DALE], &plain(PATIENT, "text-sperling, born 19/04/1937")));
        accepted(client.hand_in(SENDER, &[ECHO], &plain(PATIENT, "text-sperling, 999-526-0182")));
        let exception = b"Sealgate-Exception: x-ausnahme-dohle\r\n".to_vec();
        for message in [plain(REFUSER, "text-sperling"), [exception, plain(OTHER, "text-sperling")].concat()] {
            let reply = client.hand_in(SENDER, &[ELM], &message).unwrap();
            assert!(reply.starts_with("550"), "{reply}");
        }
        self.signed_off(client);
        self.doors.push(tap);
    }

    /// Letters by the door for programs, in HTTP/1.1 and HTTP/2, and every mistake that one can make there.
    pub fn programs(&mut self, gateway: &Gateway) {
        let good = self.json(ELM, PATIENT);
        let bearer = format!("Authorization: Bearer {}", self.token);
        let kind = "Content-Type: application/json";
        let key = "Idempotency-Key: wiederholung-kondor";
        let tap = Tap::before(gateway.doors.https);
        for (headers, path, body, status) in [
            ([bearer.as_str(), kind, key], "/v1/letters", good.as_str(), "202"),
            ([&bearer, kind, key], "/v1/letters", &good, "202"),
            ([&bearer, kind, key], "/v1/letters", &self.json(PIKE, PATIENT), "409"),
            ([&bearer, kind, ""], "/v1/letters?dry_run=true", &good, "200"),
            ([&bearer, kind, ""], "/v1/letters", &self.json(ELM, REFUSER), "4"),
            ([&bearer, kind, ""], "/v1/letters", &self.json("fremd.mauersegler@nowhere.example", PATIENT), "4"),
            ([&bearer, kind, ""], "/v1/letters", &self.json("fremd.mauersegler@@", PATIENT), "4"),
            ([&bearer, kind, ""], "/v1/letters", &self.json(ELM, "nhs:999 526 0183"), "4"),
            ([&bearer, kind, ""], "/v1/letters", r#"{"schluessel-geier": "text-sperling"}"#, "4"),
            ([&bearer, kind, ""], "/v1/letters", r#"{"to": ["kaputt-milan"#, "4"),
            ([&bearer, kind, ""], "/v1/letters?suche-sperber=1", &good, "4"),
            ([&bearer, "Content-Type: multipart/form-data; boundary=rand", ""], "/v1/letters", &form(&good), "4"),
        ] {
            let reply = self.request(tap.port(), path, &headers, body);
            assert!(reply.split(' ').nth(1).is_some_and(|code| code.starts_with(status)), "{path} {body}: {reply}");
        }
        let reply = self.request_by_http2(tap.port());
        assert_eq!(reply, 202);
        self.doors.push(tap);
    }

    /// Those who have no business here, and those who mistype.
    pub fn strangers(&mut self, gateway: &Gateway) {
        let doors = gateway.doors;
        let scripts: [&[&str]; 5] = [
            &[
                "EHLO hallo-reiher.example",
                "AUTH PLAIN AEtsYXJ0ZXh0AEtsYXJ0ZXh0LVdvcnQtUmFiZQ==",
                "MAIL FROM:<fremd.mauersegler@a.example>",
            ],
            &["XBUSSARD 9995260182", "VRFY rezeption.elmzeit@elm.example", "EXPN Quendelina", "HELP XBUSSARD"],
            &["GET /pfad-falke?9995260182 HTTP/1.1"],
            &[
                "MAIL FROM:<fremd.mauersegler@a.example> PARAMETER-WEIHE=1",
                "RCPT TO:<fremd.mauersegler@@>",
                "XBUSSARD\0",
                "STARTTLS parameter-weihe",
            ],
            &["EHLO hallo-reiher.example", "STARTTLS"],
        ];
        for script in scripts {
            let mut client = Client::clear(doors.starttls).unwrap();
            self.strange_talk(&mut client, script);
        }
        let config = Arc::clone(self.house.client_config());
        let mut client = Client::tls(doors.implicit_tls, &config).unwrap();
        self.strange_talk(
            &mut client,
            &[
                "EHLO hallo-reiher.example",
                "AUTH PLAIN AHp3ZXJnbGFtYi1sb2dpbgBGYWxzY2gtV29ydC1VaHU=",
                "AUTH PLAIN AHVuYmVrYW5udC1rYXV6AEZhbHNjaC1Xb3J0LVVodQ==",
                "AUTH LOGIN",
                "dW5iZWthbm50LWthdXo=",
                "RmFsc2NoLVdvcnQtVWh1",
            ],
        );
        self.said.extend_from_slice(b"zwerglamb-login unbekannt-kauz Falsch-Wort-Uhu Klartext-Wort-Rabe");
        for (headers, path) in [
            (["Authorization: Bearer falsch-token-habicht", "X-Kopf: kopf-adler"], "/v1/letters"),
            (["Authorization: Basic falsch-token-habicht", ""], "/v1/letters"),
            (["Cookie: kopf-adler", ""], "/pfad-falke?suche-sperber=9995260182"),
        ] {
            let mut client = Client::tls(doors.https, &config).unwrap();
            client.send(&http1(path, &headers, "kaputt-milan")).unwrap();
            client.read_to_end();
            self.strange(&client);
        }
        self.asks_for_another_name(doors.https);
        self.asks_for_another_name(doors.implicit_tls);
        self.mistakes(gateway);
    }

    /// A sender who has signed in, and gets it wrong.
    fn mistakes(&mut self, gateway: &Gateway) {
        let mut client = gateway.sign_in(LOGIN, PASSWORD).unwrap();
        for line in [
            "MAIL FROM:<fremd.mauersegler@trust.example>",
            "MAIL FROM:<ottilie.zwerglamb@trust.example> PARAMETER-WEIHE=9995260182",
            "MAIL FROM:<ottilie.zwerglamb@trust.example> SIZE=99999999999",
            "RCPT TO:<\"Quendelina\"@@elm>",
        ] {
            let reply = client.command(line).unwrap();
            assert!(reply.starts_with('5'), "{line}: {reply}");
        }
        let unlisted = client.hand_in(SENDER, &["fremd.mauersegler@elm-surgery.example"], b"").unwrap();
        assert!(unlisted.starts_with("550"), "{unlisted}");
        client.command("RSET").unwrap();
        for (field, text) in [
            ("Sealgate-Subject", "nhs:999 526 0183"),
            ("From", "fremd.mauersegler@a.example"),
            ("Kopf-Bachstelze", "\u{fc}"),
        ] {
            let message = format!("{field}: {text}\r\nSubject: betreff-nachtigall\r\n\r\ntext-sperling\r\n");
            let reply = client.hand_in(SENDER, &[ELM], message.as_bytes()).unwrap();
            assert!(reply.starts_with('5'), "{field}: {reply}");
        }
        client.envelope(SENDER, &[ELM]).unwrap();
        client.send(b"Subject: betreff-nachtigall\nfrom: bare line ends\r\n\r\ntext-sperling\r\n").unwrap();
        let _ = client.finish();
        self.signed_off(client);
    }

    /// What the process that reads a letter shows of itself, caught while it reads a very long one.
    pub fn seen_while_reading(&mut self, gateway: &Gateway) -> Vec<u8> {
        let mut client = gateway.sign_in(LOGIN, PASSWORD).unwrap();
        let line = "riesen-kormoran 9995260182 Quendelína Västergård\r\n";
        let message = plain(PATIENT, &line.repeat(20_000));
        let handing_in = thread::spawn(move || {
            accepted(client.hand_in(SENDER, &[ELM], &message));
            client
        });
        let parent = gateway.pid();
        let seen = wait::until(
            || "a child that reads".to_owned(),
            60,
            || {
                children_of(parent)
                    .into_iter()
                    .map(on_display)
                    .find(|shown| shown.windows(6).any(|word| word == b"screen"))
            },
        );
        self.signed_off(handing_in.join().unwrap());
        seen
    }

    /// The patient says no, while letters wait.
    pub fn register_changes(&self) {
        self.house.visit(async |store| {
            let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs().cast_signed();
            Registers::over(store).withdraw("c-three", Timestamp(now), "adm-uhlmann").await.unwrap();
        });
    }

    /// Killed while a letter is half in.
    pub fn dies_in_mid_letter(&mut self, gateway: Gateway) {
        let mut client = gateway.sign_in(LOGIN, PASSWORD).unwrap();
        client.envelope(SENDER, &[ELM]).unwrap();
        let before = self.house.blobs();
        client.send(&plain(PATIENT, &"abgebrochen-storch 9995260182\r\n".repeat(10_000))).unwrap();
        let is_new = || self.house.blobs().into_iter().find(|blob| !before.contains(blob));
        wait::until(|| "the letter's blob".to_owned(), 30, is_new);
        gateway.kill();
        self.signed_off(client);
    }

    /// Waits until every letter has been tried and every notice told.
    pub fn wait_until_told(&self) {
        let store = run(Store::visit(self.house.home())).unwrap();
        let waiting = Filter { states: vec![State::Queued], limit: 1_000, ..Filter::default() };
        wait::until(
            || format!("all to be tried and told\n{}", self.house.log().len()),
            90,
            || {
                run(async {
                    let tried = store.letters(&waiting).await.unwrap().iter().all(|letter| letter.attempts > 0);
                    (tried && store.next_notice().await.unwrap().is_none()).then_some(())
                })
            },
        );
    }

    fn json(&self, to: &str, subject: &str) -> String {
        let file = base64::Engine::encode(&base64::engine::general_purpose::STANDARD, pdf("pdf-zeisig 999 526 0182"));
        json!({
            "to": [to], "subject": subject, "purpose": "direct-care", "categories": ["clinical-letter"],
            "citation": "zitat-pirol", "title": "betreff-nachtigall", "text": "text-sperling",
            "files": [{ "name": "befund-kiebitz.pdf", "type": "application/pdf", "base64": file }],
        })
        .to_string()
    }

    fn request(&mut self, port: u16, path: &str, headers: &[&str], body: &str) -> String {
        let mut client = Client::tls(port, self.house.client_config()).unwrap();
        client.send(&http1(path, headers, body)).unwrap();
        let reply = client.read_to_end();
        self.signed_off(client);
        reply
    }

    fn request_by_http2(&mut self, port: u16) -> u16 {
        let config = (**self.house.client_config()).clone();
        let connector = HttpsConnectorBuilder::new().with_tls_config(config).https_only().enable_http2().build();
        let body = self.json(ELM, PATIENT);
        let request = Request::post(format!("https://127.0.0.1:{port}/v1/letters"))
            .header("authorization", format!("Bearer {}", self.token))
            .header("content-type", "application/json")
            .header("x-kopf", "kopf-adler")
            .body(Full::new(body.clone().into()))
            .unwrap();
        self.said.extend_from_slice(body.as_bytes());
        let (status, told) = run(async {
            let client =
                Http::builder(TokioExecutor::new()).http2_only(true).build::<_, Full<hyper::body::Bytes>>(connector);
            let response = client.request(request).await.unwrap();
            (response.status().as_u16(), response.into_body().collect().await.unwrap().to_bytes())
        });
        self.told_senders.extend_from_slice(&told);
        status
    }

    fn strange_talk(&mut self, client: &mut Client, script: &[&str]) {
        let _ = client.reply();
        for line in script {
            if client.command(line).is_err() {
                break;
            }
        }
        self.strange(client);
    }

    fn strange(&mut self, client: &Client) {
        self.said.extend_from_slice(&client.said);
        self.told_strangers.extend_from_slice(&client.heard);
    }

    fn signed_off(&mut self, client: Client) {
        self.said.extend_from_slice(&client.said);
        self.told_senders.extend_from_slice(&client.heard);
    }

    /// A handshake for a host that is not here.
    fn asks_for_another_name(&mut self, port: u16) {
        let name = ServerName::try_from("sni-pelikan.example").unwrap();
        let mut connection = rustls::ClientConnection::new(Arc::clone(self.house.client_config()), name).unwrap();
        let mut stream = TcpStream::connect(("127.0.0.1", port)).unwrap();
        stream.set_read_timeout(Some(Duration::from_secs(10))).unwrap();
        while connection.is_handshaking() && connection.complete_io(&mut stream).is_ok() {}
        self.said.extend_from_slice(b"sni-pelikan");
    }
}

fn accepted(reply: std::io::Result<String>) {
    let reply = reply.unwrap();
    assert!(reply.starts_with("250"), "{reply}");
}

/// A letter in plain text.
fn plain(about: &str, text: &str) -> Vec<u8> {
    format!(
        "From: Anzeige-Rotkehlchen <{SENDER}>\r\nSubject: betreff-nachtigall\r\nMIME-Version: 1.0\r\n\
         Content-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: 8bit\r\nSealgate-Subject: {about}\r\n\
         Sealgate-Purpose: direct-care\r\nSealgate-Category: clinical-letter\r\n\r\n{text}\r\n"
    )
    .into_bytes()
}

/// A letter with everything that letters have.
fn whole(about: &str) -> Vec<u8> {
    let kind = |text: &str| ContentType::parse(text).unwrap();
    let text = "text-sperling: Quendelína Västergård, 1937-04-19, 999 526 0182, ZE2 9XW";
    let parts = MultiPart::mixed()
        .singlepart(SinglePart::plain(text.to_owned()))
        .singlepart(SinglePart::html("<p>html-amsel: <b>Västergård</b></p>".to_owned()))
        .singlepart(Attachment::new("notiz-eisvogel.txt".into()).body("anhang-drossel".to_owned(), kind("text/plain")))
        .singlepart(
            Attachment::new("befund-kiebitz-Västergård.pdf".into()).body(pdf("pdf-zeisig"), kind("application/pdf")),
        );
    built(about, parts)
}

/// A letter with an attachment that nobody can read.
fn unreadable(about: &str) -> Vec<u8> {
    let broken = b"PK\x03\x04 anhang-drossel 9995260182".to_vec();
    let kind = ContentType::parse("application/zip").unwrap();
    let parts = MultiPart::mixed()
        .singlepart(SinglePart::plain("text-sperling".to_owned()))
        .singlepart(Attachment::new("unlesbar-fasan.docx".into()).body(broken, kind));
    built(about, parts)
}

fn built(about: &str, parts: MultiPart) -> Vec<u8> {
    let mut builder = Message::builder()
        .from(format!("Anzeige-Rotkehlchen <{SENDER}>").parse().unwrap())
        .to(ELM.parse().unwrap())
        .reply_to("antwort.wiedehopf@trust.example".parse().unwrap())
        .message_id(Some("<umschlag-star@trust.example>".to_owned()))
        .subject("betreff-nachtigall über Västergård");
    for (name, value) in [
        ("Sealgate-Subject", about),
        ("Sealgate-Purpose", "direct-care"),
        ("Sealgate-Category", "clinical-letter"),
        ("Sealgate-Citation", "zitat-pirol"),
        ("X-Mailer", "kopf-bachstelze"),
        ("Comments", "kommentar-stelzvogel"),
    ] {
        builder = builder.raw_header(HeaderValue::new(HeaderName::new_from_ascii_str(name), value.to_owned()));
    }
    builder.multipart(parts).unwrap().formatted()
}

/// ISO 32000-1 §7.5, as little as a reader will take: one page, one line of text.
fn pdf(text: &str) -> Vec<u8> {
    let stream = format!("BT /F1 12 Tf 72 720 Td ({text}) Tj ET");
    let objects = [
        "<< /Type /Catalog /Pages 2 0 R >>".to_owned(),
        "<< /Type /Pages /Kids [3 0 R] /Count 1 >>".to_owned(),
        "<< /Type /Page /Parent 2 0 R /MediaBox [0 0 612 792] /Contents 4 0 R /Resources << /Font << /F1 5 0 R >> >> >>".to_owned(),
        format!("<< /Length {} >>\nstream\n{stream}\nendstream", stream.len()),
        "<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica /Encoding /WinAnsiEncoding >>".to_owned(),
    ];
    let mut file = "%PDF-1.4\n".to_owned();
    let mut table = String::new();
    for (index, object) in objects.iter().enumerate() {
        table += &format!("{:010} 00000 n \n", file.len());
        file += &format!("{} 0 obj\n{object}\nendobj\n", index + 1);
    }
    let start = file.len();
    file += &format!(
        "xref\n0 6\n0000000000 65535 f \n{table}trailer\n<< /Size 6 /Root 1 0 R >>\nstartxref\n{start}\n%%EOF\n"
    );
    file.into_bytes()
}

/// A form (RFC 7578) with a part of a name that there is not.
fn form(letter: &str) -> String {
    format!(
        "--rand\r\nContent-Disposition: form-data; name=\"letter\"\r\n\r\n{letter}\r\n--rand\r\n\
         Content-Disposition: form-data; name=\"feld-marabu\"; filename=\"befund-kiebitz.pdf\"\r\n\r\n\
         anhang-drossel\r\n--rand--\r\n"
    )
}

fn http1(path: &str, headers: &[&str], body: &str) -> Vec<u8> {
    let headers: String = headers.iter().filter(|line| !line.is_empty()).map(|line| format!("{line}\r\n")).collect();
    let length = body.len();
    let head = format!("POST {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\nContent-Length: {length}\r\n");
    format!("{head}{headers}\r\n{body}").into_bytes()
}
