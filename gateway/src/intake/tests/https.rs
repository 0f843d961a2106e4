//! The HTTPS door: requests and what is answered to them, and the listener in front of it.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use axum::Router;
use axum::body::{Body, to_bytes};
use axum::http::{Request, StatusCode, header};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use futures_util::StreamExt;
use policy::{Declared, Purpose, Timestamp};
use rustls::pki_types::ServerName;
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio_rustls::TlsConnector;
use tower::ServiceExt;

use super::desk::{FakeDesk, Mood, by};
use super::player::tls;
use crate::clock::Clock;
use crate::dice::Dice;
use crate::intake::https::{Front, Https, Limits, router, serve};
use crate::intake::{Crowd, Rates};

const PDF: &[u8] = b"%PDF-1.4 \x00\xff not really";

fn door(limits: Limits) -> (Router, FakeDesk) {
    let clock = Clock::standing(Timestamp(1_790_000_000), 0);
    let desk = FakeDesk::default();
    let router = router(Https {
        desk: desk.clone(),
        limits,
        dice: Dice::loaded(1),
        rates: Rates::new(clock.clone(), 3, Duration::from_hours(1)),
        requests: Rates::new(clock.clone(), 20, Duration::from_mins(1)),
        clock,
    });
    (router, desk)
}

fn letter() -> Value {
    json!({
        "to": ["letters@practice.example"],
        "subject": "nhs:9434765919",
        "purpose": "direct-care",
        "categories": ["clinical-letter", "identity"],
        "title": "Rückblick [secure]",
        "text": "Dear colleague,\nline two\r\n.\r\nGrüße",
        "files": [{ "name": "2026-06-01_letter.pdf", "type": "application/pdf", "base64": STANDARD.encode(PDF) }],
    })
}

fn request(kind: &str, body: impl Into<Body>) -> Request<Body> {
    Request::post("/v1/letters")
        .header(header::AUTHORIZATION, "Bearer good-token")
        .header(header::CONTENT_TYPE, kind)
        .body(body.into())
        .unwrap()
}

fn json_request(letter: &Value) -> Request<Body> {
    request("application/json", letter.to_string())
}

/// Status, and the code of the problem, if it is one.
async fn asked(router: &Router, request: Request<Body>) -> (u16, Value) {
    let response = router.clone().oneshot(request).await.unwrap();
    let (status, headers) = (response.status(), response.headers().clone());
    let body: Value = serde_json::from_slice(&to_bytes(response.into_body(), 1_000_000).await.unwrap()).unwrap();
    assert_eq!(headers[header::CACHE_CONTROL], "no-store");
    if status.is_success() {
        assert_eq!(headers[header::CONTENT_TYPE], "application/json");
    } else {
        assert_eq!(headers[header::CONTENT_TYPE], "application/problem+json");
        assert_eq!(body["status"], status.as_u16());
        assert_eq!(headers.contains_key(header::WWW_AUTHENTICATE), status == StatusCode::UNAUTHORIZED);
    }
    (status.as_u16(), body)
}

#[tokio::test]
async fn a_letter_in_json_becomes_a_message() {
    let (router, desk) = door(Limits::default());
    let (status, body) = asked(&router, json_request(&letter())).await;
    assert_eq!(status, 202, "{body}");
    assert_eq!(
        body["letters"],
        json!([{ "id": "SG-1000-0000", "to": "letters@practice.example", "verdict": "release", "reasons": [] }])
    );
    let taken = &desk.taken()[0];
    assert_eq!(by(taken.envelope.door), "https");
    assert_eq!(taken.envelope.reverse_path.as_ref().unwrap().to_string(), "anna@example.nhs.uk");
    assert_eq!(taken.declaration.subject_line, "Rückblick");
    assert_eq!(taken.declaration.subject.as_ref().unwrap().as_str(), "nhs:9434765919");
    assert_eq!(taken.declaration.purpose, Some(Declared::Known(Purpose::DirectCare)));
    assert_eq!(taken.declaration.categories.len(), 2);
    let message = mail_parser::MessageParser::default().parse(&taken.bytes).unwrap();
    assert_eq!(message.body_text(0).unwrap().trim_end(), "Dear colleague,\r\nline two\r\n.\r\nGrüße");
    let file = message.attachment(0).unwrap();
    assert_eq!(file.contents(), PDF);
    let text = String::from_utf8(taken.bytes.clone()).unwrap();
    assert!(!text.contains("Sealgate") && !text.contains("Subject:") && !text.contains("\r\nTo:"), "{text}");
    assert!(text.contains("Mon, 21 Sep 2026") && text.contains("Message-ID: <"), "{text}");
}

fn form(parts: &[(&str, &str, &[u8])]) -> Request<Body> {
    let mut body = Vec::new();
    for (disposition, kind, bytes) in parts {
        let head = format!("--edge\r\nContent-Disposition: form-data; {disposition}\r\nContent-Type: {kind}\r\n\r\n");
        body.extend_from_slice(head.as_bytes());
        body.extend_from_slice(bytes);
        body.extend_from_slice(b"\r\n");
    }
    body.extend_from_slice(b"--edge--\r\n");
    request("multipart/form-data; boundary=edge", body)
}

#[tokio::test]
async fn a_letter_comes_as_a_form_with_files() {
    let (router, desk) = door(Limits::default());
    let letter = json!({ "to": ["letters@practice.example"], "title": "Report" }).to_string();
    let files = [PDF, b"plain words\nof Unix\n", b"of Windows\r\n", b"of old\rand none", b".\n.\r\n", b""];
    let mut parts = vec![("name=\"letter\"", "application/json", letter.as_bytes())];
    parts.extend(files.map(|bytes| ("name=\"file\"; filename=\"a.rtf\"", "application/rtf", bytes)));
    let (status, body) = asked(&router, form(&parts)).await;
    assert_eq!(status, 202, "{body}");
    let taken = &desk.taken()[0];
    let message = mail_parser::MessageParser::default().parse(&taken.bytes).unwrap();
    let arrived: Vec<&[u8]> = message.attachments().map(mail_parser::MessagePart::contents).collect();
    assert_eq!(arrived, files, "every file is whole, to the octet");
}

#[tokio::test]
async fn a_whole_message_goes_as_it_is() {
    let (router, desk) = door(Limits::default());
    let letter = ("name=\"letter\"", "application/json", br#"{"to":["letters@practice.example"]}"#.as_slice());
    for (name, message, expected) in [
        ("well formed", "From: anna@example.nhs.uk\r\nSubject: Ann [for direct-care]\r\n\r\nText\r\n", 202),
        ("bare LF", "From: anna@example.nhs.uk\n\nText\n", 422),
        ("no From", "Subject: x\r\n\r\n", 422),
        ("another's From", "From: bob@example.nhs.uk\r\n\r\n", 403),
    ] {
        // A fresh hour each time.
        let (router, desk) = if expected == 202 { (router.clone(), desk.clone()) } else { door(Limits::default()) };
        let (status, body) =
            asked(&router, form(&[letter, ("name=\"message\"", "message/rfc822", message.as_bytes())])).await;
        assert_eq!(status, expected, "{name}: {body}");
        let taken = desk.taken();
        assert_eq!(taken.len(), usize::from(expected == 202), "{name}");
        if let Some(taken) = taken.first() {
            assert!(taken.bytes.ends_with(b"\r\n\r\nText\r\n") && taken.bytes.starts_with(b"From: anna"));
            assert_eq!(taken.declaration.subject_line, "Ann");
        }
    }
}

#[tokio::test]
async fn refusals() {
    let long = "x".repeat(501);
    let with = |changes: Value| {
        let mut letter = letter();
        for (name, value) in changes.as_object().unwrap() {
            letter[name] = value.clone();
        }
        json_request(&letter)
    };
    let message = ("name=\"message\"", "message/rfc822", b"From: anna@example.nhs.uk\r\n\r\n".as_slice());
    let whole = letter().to_string();
    let cases = [
        ("no token", Request::post("/v1/letters").body(Body::empty()).unwrap(), 401, "sign-in.refused", ""),
        ("wrong token", token("Bearer wrong"), 401, "sign-in.refused", ""),
        ("wrong scheme", token("Basic good-token"), 401, "sign-in.refused", ""),
        ("not now", token("bearer busy-token"), 503, "busy", ""),
        ("media type", request("text/plain", "x"), 415, "request.media-type", ""),
        ("no boundary", request("multipart/form-data", "x"), 415, "request.media-type", ""),
        ("broken form", request("multipart/form-data; boundary=edge", "--edge\r\nx"), 400, "request.malformed", ""),
        ("message first", form(&[message]), 400, "request.malformed", ""),
        (
            "two voices",
            form(&[("name=\"letter\"", "application/json", whole.as_bytes()), message]),
            422,
            "letter.invalid",
            "",
        ),
        ("no JSON", request("application/json", "Ann Other"), 422, "letter.invalid", ""),
        ("unknown field", with(json!({ "patient": "Ann Other" })), 422, "letter.invalid", ""),
        ("wrong type", with(json!({ "title": ["Ann Other"] })), 422, "letter.invalid", ""),
        ("no recipient", with(json!({ "to": [] })), 422, "letter.invalid", "/to"),
        (
            "bad recipient",
            with(json!({ "to": ["letters@practice.example", "Ann Other"] })),
            422,
            "letter.invalid",
            "/to/1",
        ),
        ("another's address", with(json!({ "from": "bob@example.nhs.uk" })), 403, "sender.not-yours", "/from"),
        ("header injection", with(json!({ "title": "a\r\nBcc: b@x.example" })), 422, "letter.invalid", "/title"),
        ("long title", with(json!({ "title": long })), 422, "letter.invalid", "/title"),
        ("odd text", with(json!({ "text": "a\u{0}b" })), 422, "letter.invalid", "/text"),
        ("unknown category", with(json!({ "categories": ["Ann Other"] })), 422, "letter.invalid", ""),
        ("nothing in it", with(json!({ "text": null, "files": [] })), 422, "letter.invalid", ""),
        (
            "no base64",
            with(json!({ "files": [{ "name": "a", "type": "text/plain", "base64": "Ann Other" }] })),
            422,
            "letter.invalid",
            "/files/0/base64",
        ),
        (
            "path in name",
            with(json!({ "files": [{ "name": "../a", "type": "text/plain", "base64": "" }] })),
            422,
            "letter.invalid",
            "/files/0",
        ),
        (
            "message as file",
            with(json!({ "files": [{ "name": "a", "type": "message/rfc822", "base64": "" }] })),
            422,
            "letter.invalid",
            "/files/0",
        ),
        ("all refused", with(json!({ "to": ["refused@practice.example"] })), 422, "letter.refused", ""),
        ("another method", Request::get("/v1/letters").body(Body::empty()).unwrap(), 405, "request", ""),
        ("another place", Request::get("/v2").body(Body::empty()).unwrap(), 404, "request", ""),
        ("unknown parameter", query("dry-run=true"), 400, "request.malformed", ""),
    ];
    for (name, request, status, code, pointer) in cases {
        let (router, desk) = door(Limits::default());
        let (said, body) = asked(&router, request).await;
        assert_eq!((said, body["code"].as_str().unwrap()), (status, code), "{name}: {body}");
        assert_eq!(body["pointer"].as_str().unwrap_or_default(), pointer, "{name}: {body}");
        assert!(!body.to_string().contains("Ann Other"), "{name} repeats what was sent: {body}");
        assert_eq!(desk.taken().len(), usize::from(code == "letter.refused"), "{name}");
        if code == "letter.refused" {
            assert_eq!(body["letters"][0]["verdict"], "refuse");
        }
    }
}

fn token(credentials: &str) -> Request<Body> {
    let mut request = json_request(&letter());
    request.headers_mut().insert(header::AUTHORIZATION, credentials.parse().unwrap());
    request
}

fn query(query: &str) -> Request<Body> {
    let mut request = json_request(&letter());
    *request.uri_mut() = format!("/v1/letters?{query}").parse().unwrap();
    request
}

#[tokio::test]
async fn limits_of_a_request() {
    let small = Limits { body_bytes_max: 2000, ..Limits::default() };
    let large = |bytes: usize| json_request(&json!({ "to": ["a@practice.example"], "text": "x\n".repeat(bytes / 2) }));
    let chunked = |request: Request<Body>| request.map(|body| Body::from_stream(body.into_data_stream()));
    for (name, limits, request, expected) in [
        (
            "announced",
            small.clone(),
            {
                let mut request = large(3000);
                request.headers_mut().insert(header::CONTENT_LENGTH, 3100.into());
                request
            },
            413,
        ),
        ("not announced", small.clone(), chunked(large(3000)), 413),
        (
            "in a form",
            small.clone(),
            form(&[
                ("name=\"letter\"", "application/json", br#"{"to":["a@practice.example"]}"#),
                ("name=\"file\"; filename=\"a\"", "text/plain", &[b'x'; 3000]),
            ]),
            413,
        ),
        ("as a message", Limits { message_bytes_max: 300, ..Limits::default() }, large(600), 413),
        ("memory", Limits { held_bytes_max: 1024, ..Limits::default() }, large(600), 503),
        (
            "recipients",
            Limits { recipients_max: 1, ..Limits::default() },
            json_request(&json!({ "to": ["a@x.example", "b@x.example"], "text": "x" })),
            422,
        ),
        (
            "slow",
            Limits { body_timeout: Duration::from_millis(50), ..Limits::default() },
            request(
                "application/json",
                Body::from_stream(futures_util::stream::pending::<Result<Vec<u8>, std::io::Error>>()),
            ),
            408,
        ),
    ] {
        let (router, desk) = door(limits);
        let (status, body) = asked(&router, request).await;
        assert_eq!(status, expected, "{name}: {body}");
        assert!(desk.taken().is_empty(), "{name}");
    }
}

#[tokio::test]
async fn a_busy_desk_and_an_eager_account_are_told_when_to_come_back() {
    for (mood, expected) in [(Mood::NoRoom, 503), (Mood::DiskFails, 503), (Mood::Faulty, 503)] {
        let (router, desk) = door(Limits::default());
        desk.feel(mood);
        assert_eq!(asked(&router, json_request(&letter())).await.0, expected);
    }
    let (router, _) = door(Limits::default());
    for expected in [202, 202, 202, 429] {
        let response = router.clone().oneshot(json_request(&letter())).await.unwrap();
        assert_eq!(response.status().as_u16(), expected);
        assert_eq!(response.headers().contains_key(header::RETRY_AFTER), expected == 429);
    }
    // Dry runs do not count as letters, only as requests.
    for _ in 4..20 {
        assert_eq!(asked(&router, query("dry_run=true")).await.0, 200);
    }
    assert_eq!(asked(&router, query("dry_run=true")).await.0, 429);
}

/// A body in pieces of 16 KiB, and how many of them have been asked for.
fn counted(pieces: usize) -> (Body, Arc<AtomicUsize>) {
    let read = Arc::new(AtomicUsize::new(0));
    let counter = read.clone();
    let pieces = futures_util::stream::iter(0..pieces).map(move |_| {
        counter.fetch_add(1, Ordering::Relaxed);
        Ok::<_, std::io::Error>(vec![b' '; 16 * 1024])
    });
    (Body::from_stream(pieces), read)
}

#[tokio::test]
async fn a_small_body_that_is_refused_is_read_all_the_same() {
    // HTTP/2 resets what was not read (RFC 9113 §8.1), and some clients then never see the answer.
    for (token, kind, expected) in
        [("bad-token", "application/json", 401), ("good-token", "text/plain", 415), ("good-token", "", 415)]
    {
        for (pieces, at_most) in [(3, 3), (1000, 6)] {
            let (router, _) = door(Limits::default());
            let (body, read) = counted(pieces);
            let mut request = request(kind, body);
            request.headers_mut().insert(header::AUTHORIZATION, format!("Bearer {token}").parse().unwrap());
            assert_eq!(asked(&router, request).await.0, expected);
            let read = read.load(Ordering::Relaxed);
            assert!(read >= 3 && read <= at_most, "{read} of {pieces}");
        }
    }
}

#[tokio::test]
async fn a_dry_run_keeps_nothing() {
    let (router, desk) = door(Limits::default());
    let (status, body) = asked(&router, query("dry_run=true")).await;
    assert_eq!((status, body["letters"][0]["verdict"].as_str()), (200, Some("release")));
    assert!(desk.taken().is_empty());
}

#[tokio::test]
async fn an_idempotency_key_goes_with_its_request() {
    let (router, desk) = door(Limits::default());
    let keyed = |letter: &Value, key: &str| {
        let mut request = json_request(letter);
        request.headers_mut().insert("idempotency-key", key.parse().unwrap());
        request
    };
    let other = json!({ "to": ["letters@practice.example"], "text": "other" });
    for (letter, key, expected) in
        [(&letter(), "k-1", 202), (&letter(), "k-1", 202), (&other, "k-1", 409), (&letter(), "no space", 400)]
    {
        assert_eq!(asked(&router, keyed(letter, key)).await.0, expected, "{key}");
    }
    let taken = desk.taken();
    assert_eq!(taken[0].envelope.idempotency_key.as_deref(), Some("k-1"));
    assert_eq!(taken[0].envelope.request_sha256, taken[1].envelope.request_sha256);
    assert_eq!(taken[0].envelope.request_sha256.as_ref().unwrap().len(), 64);
}

#[tokio::test]
async fn the_listener_speaks_tls_knows_certificates_and_drains() {
    let tls = tls();
    let (router, desk) = door(Limits::default());
    let front = Front {
        tls: tls.server,
        crowd: Crowd::new(2, 2),
        header_timeout: Duration::from_millis(200),
        connection_life: Duration::from_mins(1),
        drain: Duration::from_secs(5),
    };
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let (closing, closed) = watch::channel(false);
    let serving = tokio::spawn(serve(front, router, listener, closed));
    let name = || ServerName::try_from("sealgate.test").unwrap();
    let body = json!({ "to": ["letters@practice.example"], "text": "x" }).to_string();
    let request = format!(
        "POST /v1/letters HTTP/1.1\r\nHost: sealgate.test\r\nContent-Type: application/json\r\nContent-Length: {}\r\n",
        body.len()
    );
    for (client, head, expected) in
        [(&tls.certified, request.clone(), "HTTP/1.1 202"), (&tls.client, request.clone(), "HTTP/1.1 401")]
    {
        let stream = TcpStream::connect(address).await.unwrap();
        let mut stream = TlsConnector::from(client.clone()).connect(name(), stream).await.unwrap();
        stream.write_all(format!("{head}Connection: close\r\n\r\n{body}").as_bytes()).await.unwrap();
        let mut said = vec![0; expected.len()];
        stream.read_exact(&mut said).await.unwrap();
        assert_eq!(String::from_utf8(said).unwrap(), expected);
    }
    assert_eq!(desk.taken()[0].envelope.account.staff, "sys-ehr");
    // RFC 9112 §6.1: chunks and a length that says less. What stands behind the chunks is never heard as a request.
    let stream = TcpStream::connect(address).await.unwrap();
    let mut stream = TlsConnector::from(tls.certified.clone()).connect(name(), stream).await.unwrap();
    let chunked = format!("{:x}\r\n{body}\r\n0\r\n\r\n{request}\r\n{body}", body.len());
    stream.write_all(format!("{request}Transfer-Encoding: chunked\r\n\r\n{chunked}").as_bytes()).await.unwrap();
    let mut said = Vec::new();
    let _ = stream.read_to_end(&mut said).await;
    let said = String::from_utf8(said).unwrap();
    assert!(said.starts_with("HTTP/1.1 202") && said.contains("connection: close"), "{said}");
    assert_eq!((said.matches("HTTP/1.1").count(), desk.taken().len()), (1, 1), "{said}");
    // Neither silence before the handshake nor half a head keeps a place.
    let mut silent = TcpStream::connect(address).await.unwrap();
    assert_eq!(silent.read(&mut [0; 10]).await.unwrap_or(0), 0);
    let stream = TcpStream::connect(address).await.unwrap();
    let mut half = TlsConnector::from(tls.client.clone()).connect(name(), stream).await.unwrap();
    half.write_all(b"POST /v1/letters HTTP/1.1\r\nHo").await.unwrap();
    let mut said = Vec::new();
    let _ = half.read_to_end(&mut said).await;
    assert!(!said.starts_with(b"HTTP/1.1 2"), "{said:?}");
    closing.send_replace(true);
    serving.await.unwrap();
    assert!(TcpStream::connect(address).await.is_err());
}

/// A body that never ends holds its connection, and its place, no longer than that.
#[tokio::test]
async fn a_connection_ends_with_its_life_whatever_is_under_way() {
    let tls = tls();
    let (router, _) = door(Limits::default());
    let front = Front {
        tls: tls.server,
        crowd: Crowd::new(2, 2),
        header_timeout: Duration::from_secs(20),
        connection_life: Duration::from_millis(50),
        drain: Duration::from_millis(50),
    };
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let (_open, closed) = watch::channel(false);
    tokio::spawn(serve(front, router, listener, closed));
    let stream = TcpStream::connect(address).await.unwrap();
    let name = ServerName::try_from("sealgate.test").unwrap();
    let mut stream = TlsConnector::from(tls.client.clone()).connect(name, stream).await.unwrap();
    let head = "POST /v1/letters HTTP/1.1\r\nHost: sealgate.test\r\nAuthorization: Bearer good-token\r\n\
                Content-Type: application/json\r\nContent-Length: 100\r\n\r\n{";
    stream.write_all(head.as_bytes()).await.unwrap();
    let mut said = Vec::new();
    let ended = tokio::time::timeout(Duration::from_secs(20), stream.read_to_end(&mut said)).await;
    assert!(ended.is_ok() && said.is_empty(), "{said:?}");
}
