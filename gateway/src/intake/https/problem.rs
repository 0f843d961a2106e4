//! What went wrong, as `application/problem+json` (RFC 9457). Says which rule, never which value.

use std::borrow::Cow;

use axum::Json;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde::Serialize;

use super::answer::JudgedJson;
use crate::intake::declare::DeclareError;
use crate::intake::road::RoadError;
use crate::intake::smtp::data::{Poison, Unfit};
use crate::intake::{Busy, SignInRefused};

/// A refusal, ready to be sent.
pub(super) struct Problem(Box<Details>);

/// The members of the JSON object.
#[derive(Serialize)]
struct Details {
    #[serde(rename = "type")]
    kind: String,
    title: &'static str,
    #[serde(serialize_with = "as_number")]
    status: StatusCode,
    /// A stable word for programs.
    code: &'static str,
    detail: Cow<'static, str>,
    /// Where in the letter (RFC 6901).
    #[serde(skip_serializing_if = "Option::is_none")]
    pointer: Option<String>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    letters: Vec<JudgedJson>,
    #[serde(skip)]
    retry_after_secs: Option<u64>,
}

fn as_number<S: serde::Serializer>(status: &StatusCode, to: S) -> Result<S::Ok, S::Error> {
    to.serialize_u16(status.as_u16())
}

/// How long to wait when nothing better is known.
const RETRY_AFTER_SECS: u64 = 30;

impl Problem {
    pub(super) fn new(
        status: StatusCode,
        code: &'static str,
        title: &'static str,
        detail: impl Into<Cow<'static, str>>,
    ) -> Self {
        let kind = format!("urn:sealgate:problem:{code}");
        let detail = detail.into();
        let (pointer, letters, retry_after_secs) = (None, Vec::new(), None);
        Self(Box::new(Details { kind, title, status, code, detail, pointer, letters, retry_after_secs }))
    }

    /// One that the status says all about.
    pub(super) fn of(status: StatusCode) -> Self {
        let title = status.canonical_reason().unwrap_or("Error");
        Self::new(status, "request", title, "Letters are taken by POST at /v1/letters.")
    }

    pub(super) fn at(mut self, pointer: impl Into<String>) -> Self {
        self.0.pointer = Some(pointer.into());
        self
    }

    pub(super) fn malformed(detail: &'static str) -> Self {
        Self::new(StatusCode::BAD_REQUEST, "request.malformed", "The request cannot be read", detail)
    }

    pub(super) fn invalid(detail: impl Into<Cow<'static, str>>) -> Self {
        Self::new(StatusCode::UNPROCESSABLE_ENTITY, "letter.invalid", "The letter cannot be taken", detail)
    }

    pub(super) fn not_yours() -> Self {
        let detail = "The sender address is not one of yours.";
        Self::new(StatusCode::FORBIDDEN, "sender.not-yours", "Not your address", detail)
    }

    pub(super) fn too_large() -> Self {
        let detail = "The request is larger than this server takes.";
        Self::new(StatusCode::PAYLOAD_TOO_LARGE, "request.too-large", "Too large", detail)
    }

    pub(super) fn unsupported() -> Self {
        let detail = "Send application/json, or multipart/form-data.";
        Self::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, "request.media-type", "Unknown kind of body", detail)
    }

    pub(super) fn slow() -> Self {
        let detail = "The body took too long to come.";
        Self::new(StatusCode::REQUEST_TIMEOUT, "request.slow", "Too slow", detail)
    }

    pub(super) fn too_often(wait_secs: u64) -> Self {
        let detail = "Too many requests of this account; try again later.";
        Self::new(StatusCode::TOO_MANY_REQUESTS, "request.too-often", "Too many requests", detail).again_in(wait_secs)
    }

    pub(super) fn conflict() -> Self {
        let detail = "This Idempotency-Key was used for another letter within the week.";
        Self::new(StatusCode::CONFLICT, "idempotency.conflict", "Key used before", detail)
    }

    /// Every letter refused.
    pub(super) fn all_refused(sentence: &str, letters: Vec<JudgedJson>) -> Self {
        let detail = format!("Not sent: {sentence}.");
        let title = "We did not send this letter";
        let mut problem = Self::new(StatusCode::UNPROCESSABLE_ENTITY, "letter.refused", title, detail);
        problem.0.letters = letters;
        problem
    }

    const fn again_in(mut self, secs: u64) -> Self {
        self.0.retry_after_secs = Some(secs);
        self
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let Details { status, code, retry_after_secs, .. } = *self.0;
        tracing::info!(status = status.as_u16(), code, "refused");
        let mut response = (status, Json(self.0)).into_response();
        let headers = response.headers_mut();
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/problem+json"));
        if let Some(secs) = retry_after_secs {
            headers.insert(header::RETRY_AFTER, HeaderValue::from(secs));
        }
        // RFC 6750 §3.
        if status == StatusCode::UNAUTHORIZED {
            headers.insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
        }
        response
    }
}

impl From<SignInRefused> for Problem {
    fn from(refused: SignInRefused) -> Self {
        match refused {
            SignInRefused::Wrong => {
                let detail = "Send a bearer token, or present a client certificate.";
                Self::new(StatusCode::UNAUTHORIZED, "sign-in.refused", "Not signed in", detail)
            }
            SignInRefused::Later => Busy::Full.into(),
        }
    }
}

impl From<Busy> for Problem {
    fn from(busy: Busy) -> Self {
        let detail = match busy {
            Busy::Full => "No room now; try again later.",
            Busy::Closing => "Shutting down; try again later.",
            Busy::Fault => "A fault of ours; nothing was kept; try again later.",
        };
        Self::new(StatusCode::SERVICE_UNAVAILABLE, "busy", "Not now", detail).again_in(RETRY_AFTER_SECS)
    }
}

impl From<Poison> for Problem {
    fn from(poison: Poison) -> Self {
        Self::invalid(format!("The message holds {poison}."))
    }
}

impl From<Unfit> for Problem {
    fn from(unfit: Unfit) -> Self {
        match unfit {
            Unfit::TooLarge => Self::too_large(),
            Unfit::LineTooLong => Self::invalid(format!("In the message {unfit}.")),
        }
    }
}

impl From<RoadError> for Problem {
    fn from(error: RoadError) -> Self {
        match error {
            RoadError::Busy(busy) => busy.into(),
            RoadError::Declare(DeclareError::FromNotYours) => Self::not_yours(),
            RoadError::Declare(error) => Self::invalid(format!("{error}.")),
        }
    }
}
