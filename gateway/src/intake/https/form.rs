//! A letter as a form (RFC 7578): the part `letter`, then either parts `file`, or one part `message`.

use std::future::Future;

use axum::body::Body;
use axum::extract::multipart::{Field, Multipart, MultipartError};
use axum::extract::{FromRequest, Request};
use axum::http::StatusCode;
use http_body_util::Limited;
use sha2::{Digest, Sha256};
use tokio::time::{Instant, timeout_at};

use super::letter::{File, LetterJson, check_count};
use super::pour::Pour;
use super::problem::Problem;
use crate::intake::Incoming;

/// Longest part `letter`, in bytes: there are no files in it.
const LETTER_BYTES_MAX: usize = 1024 * 1024;

/// A form while it is read, and the sum of what was read.
pub(super) struct Form {
    multipart: Multipart,
    deadline: Instant,
    sum: Sha256,
}

/// What follows the part `letter`.
pub(super) enum Rest {
    /// Its files, maybe none.
    Files(Vec<File>),
    /// A whole message, which has gone down the road.
    Message,
}

impl Form {
    /// Begins to read the body of `request`: at most `bytes_max` bytes, all of it before `deadline`.
    pub(super) async fn open(request: Request, bytes_max: usize, deadline: Instant) -> Result<Self, Problem> {
        let request = request.map(|body| Body::new(Limited::new(body, bytes_max)));
        let multipart = Multipart::from_request(request, &()).await.map_err(|_| Problem::unsupported())?;
        Ok(Self { multipart, deadline, sum: Sha256::new() })
    }

    /// The first part, which must be `letter`.
    pub(super) async fn letter(&mut self) -> Result<LetterJson, Problem> {
        let field = next(&mut self.multipart, self.deadline).await?;
        let field = field.filter(|field| field.name() == Some("letter"));
        let field = field.ok_or_else(|| Problem::malformed("The first part of the form must be the letter."))?;
        let json = collect(field, self.deadline, LETTER_BYTES_MAX, &mut self.sum).await?;
        LetterJson::parse(&json)
    }

    /// Reads on: files are held, a message goes down the road piece by piece. Also the SHA-256 of all parts.
    pub(super) async fn rest<B: Incoming>(
        mut self,
        pour: &mut Pour<'_, B>,
        bytes_max: usize,
    ) -> Result<(Rest, String), Problem> {
        let mut files = Vec::new();
        while let Some(mut field) = next(&mut self.multipart, self.deadline).await? {
            match field.name() {
                Some("file") => {
                    let name = field.file_name().unwrap_or_default().to_owned();
                    let kind = field.content_type().unwrap_or("application/octet-stream").to_owned();
                    self.sum.update(format!("{name}\0{kind}\0").as_bytes());
                    let bytes = collect(field, self.deadline, bytes_max, &mut self.sum).await?;
                    files.push(File::new(name, &kind, bytes)?);
                    check_count(&files)?;
                }
                Some("message") if files.is_empty() => {
                    while let Some(bytes) = within(self.deadline, field.chunk()).await? {
                        self.sum.update(&bytes);
                        pour.push(&bytes).await?;
                    }
                    drop(field);
                    if next(&mut self.multipart, self.deadline).await?.is_some() {
                        return Err(Problem::malformed("Nothing may follow the message in the form."));
                    }
                    return Ok((Rest::Message, hex::encode(self.sum.finalize())));
                }
                _ => return Err(Problem::malformed("The form has a letter, then files or one message.")),
            }
        }
        Ok((Rest::Files(files), hex::encode(self.sum.finalize())))
    }
}

async fn next(multipart: &mut Multipart, deadline: Instant) -> Result<Option<Field<'_>>, Problem> {
    within(deadline, multipart.next_field()).await
}

async fn collect(mut field: Field<'_>, deadline: Instant, max: usize, sum: &mut Sha256) -> Result<Vec<u8>, Problem> {
    let mut bytes = Vec::new();
    while let Some(piece) = within(deadline, field.chunk()).await? {
        if bytes.len().saturating_add(piece.len()) > max {
            return Err(Problem::too_large());
        }
        bytes.extend_from_slice(&piece);
    }
    sum.update(&bytes);
    Ok(bytes)
}

async fn within<T>(deadline: Instant, step: impl Future<Output = Result<T, MultipartError>>) -> Result<T, Problem> {
    match timeout_at(deadline, step).await {
        Err(_) => Err(Problem::slow()),
        Ok(Err(error)) if error.status() == StatusCode::PAYLOAD_TOO_LARGE => Err(Problem::too_large()),
        Ok(Err(_)) => Err(Problem::malformed("The form breaks off or is not well formed.")),
        Ok(Ok(value)) => Ok(value),
    }
}
