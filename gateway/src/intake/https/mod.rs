//! The HTTPS door: `POST /v1/letters`, for record systems (RFC 9110; errors as RFC 9457).
//!
//! The body is a letter in JSON, or a form that holds one with its files, or with a whole message. Whichever it is, it
//! becomes a message and goes down the same road as one that came by SMTP: one road, two doors.
//!
//! Not here, on purpose: any error text that repeats what was sent.

mod answer;
mod compose;
mod form;
mod letter;
mod letters;
mod pour;
mod problem;
mod serve;

use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::extract::DefaultBodyLimit;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::Response;
use axum::routing::post;
use tokio::sync::Semaphore;

use super::{Desk, Rates};
use crate::clock::Clock;
use crate::dice::Dice;
use problem::Problem;

pub use serve::{Front, serve};

/// The HTTPS door. Connections share one.
pub struct Https<D> {
    /// The gateway behind the door.
    pub desk: D,
    /// Bounds on what a request may do.
    pub limits: Limits,
    /// For the `Date` of messages that have none.
    pub clock: Clock,
    /// For the `Message-ID` of messages that have none, and the boundaries of those composed here.
    pub dice: Dice,
    /// How many messages an account may hand in, over all doors.
    pub rates: Rates,
    /// How many requests an account may make, dry runs too.
    pub requests: Rates,
}

/// Bounds on one request. Settings of the same names say why each default is what it is.
#[derive(Clone, Debug)]
pub struct Limits {
    /// Recipients of one letter.
    pub recipients_max: usize,
    /// Size of the message that a request becomes.
    pub message_bytes_max: u64,
    /// Size of one request body.
    pub body_bytes_max: usize,
    /// Bodies that are held in memory at once, together; further requests are put off.
    pub held_bytes_max: usize,
    /// Wait for the whole of a body.
    pub body_timeout: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            recipients_max: 100,
            message_bytes_max: 50 * 1024 * 1024,
            body_bytes_max: 70 * 1024 * 1024,
            held_bytes_max: 256 * 1024 * 1024,
            body_timeout: Duration::from_mins(5),
        }
    }
}

/// The client certificate of the connection that a request came by, as verified by TLS: a request extension.
#[derive(Clone, Debug)]
pub struct ClientCertificate {
    /// SHA-256 of its DER, 64 lower-case hex digits.
    pub sha256: String,
}

/// What handlers share.
struct Shared<D> {
    door: Https<D>,
    /// One permit for each KiB of [`Limits::held_bytes_max`].
    held: Arc<Semaphore>,
}

/// The routes of the door.
pub fn router<D: Desk>(door: Https<D>) -> Router {
    let held = Arc::new(Semaphore::new((door.limits.held_bytes_max / 1024).clamp(1, Semaphore::MAX_PERMITS)));
    Router::new()
        .route("/v1/letters", post(letters::post::<D>).fallback(async || Problem::of(StatusCode::METHOD_NOT_ALLOWED)))
        .fallback(async || Problem::of(StatusCode::NOT_FOUND))
        // The handler sets the limit itself, and words the refusal.
        .layer(DefaultBodyLimit::disable())
        .layer(axum::middleware::map_response(guarded))
        .with_state(Arc::new(Shared { door, held }))
}

/// What is answered is for the asker alone (RFC 9111 §5.2.2.5), and is what it says it is.
async fn guarded(mut response: Response) -> Response {
    let headers = response.headers_mut();
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    headers.insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    response
}
