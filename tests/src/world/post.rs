//! `POST /v1/letters` as a record system makes it: hyper over rustls.

use http_body_util::{BodyExt, Full};
use hyper::body::Bytes;
use hyper_rustls::HttpsConnectorBuilder;
use hyper_util::client::legacy::Client;
use hyper_util::rt::TokioExecutor;
use serde_json::Value;

use super::{Door, World};

/// A request on its way.
#[derive(Clone, Debug, Default)]
pub struct Request {
    /// What follows `/v1/letters`.
    pub query: &'static str,
    /// `Idempotency-Key`.
    pub key: Option<&'static str>,
    /// Media type and body.
    pub body: (String, Vec<u8>),
}

/// An answer.
#[derive(Clone, Debug, PartialEq)]
pub struct Answered {
    /// The status.
    pub status: u16,
    /// The body.
    pub body: Value,
}

/// A part of a form: name, file name (or none), media type, bytes.
pub type Part<'a> = (&'a str, Option<&'a str>, &'a str, &'a [u8]);

impl Request {
    /// A letter in JSON.
    pub fn json(letter: &Value) -> Self {
        Self { body: ("application/json".to_owned(), letter.to_string().into_bytes()), ..Self::default() }
    }

    /// A form.
    pub fn form(parts: &[Part<'_>]) -> Self {
        let mut bytes = Vec::new();
        for (name, file, kind, content) in parts {
            let file = file.map(|file| format!("; filename=\"{file}\"")).unwrap_or_default();
            let head = format!(
                "--=_form\r\nContent-Disposition: form-data; name=\"{name}\"{file}\r\nContent-Type: {kind}\r\n\r\n"
            );
            bytes.extend_from_slice(head.as_bytes());
            bytes.extend_from_slice(content);
            bytes.extend_from_slice(b"\r\n");
        }
        bytes.extend_from_slice(b"--=_form--\r\n");
        Self { body: ("multipart/form-data; boundary=\"=_form\"".to_owned(), bytes), ..Self::default() }
    }

    /// To be decided only.
    #[must_use]
    pub fn dry(self) -> Self {
        Self { query: "?dry_run=true", ..self }
    }

    /// Under an `Idempotency-Key`.
    #[must_use]
    pub fn keyed(self, key: &'static str) -> Self {
        Self { key: Some(key), ..self }
    }
}

impl World {
    /// Posts with the sender's token.
    pub fn post(&self, request: &Request) -> Answered {
        self.post_as(&self.token, request)
    }

    /// Posts with this token.
    pub fn post_as(&self, token: &str, request: &Request) -> Answered {
        let tls = self.ca.client_config();
        let connector =
            HttpsConnectorBuilder::new().with_tls_config((*tls).clone()).https_only().enable_http1().build();
        let (kind, body) = request.body.clone();
        let url = format!("https://localhost:{}/v1/letters{}", self.port(Door::Https), request.query);
        let mut builder =
            hyper::Request::post(url).header("authorization", format!("Bearer {token}")).header("content-type", kind);
        if let Some(key) = request.key {
            builder = builder.header("idempotency-key", key);
        }
        let request = builder.body(Full::new(Bytes::from(body))).unwrap();
        self.block(async {
            let client: Client<_, Full<Bytes>> = Client::builder(TokioExecutor::new()).build(connector);
            let response = client.request(request).await.unwrap();
            let status = response.status().as_u16();
            let bytes = response.into_body().collect().await.unwrap().to_bytes();
            Answered { status, body: serde_json::from_slice(&bytes).unwrap() }
        })
    }
}
