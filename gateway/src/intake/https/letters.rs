//! `POST /v1/letters`: who asks, what they send, and what is answered.

use std::sync::Arc;
use std::time::Duration;

use axum::body::Body;
use axum::extract::{Query, Request, State};
use axum::http::request::Parts;
use axum::http::{HeaderMap, header};
use axum::response::Response;
use policy::Mailbox;
use serde::Deserialize;
use sha2::{Digest, Sha256};
use tokio::sync::OwnedSemaphorePermit;
use tokio::time::{Instant, timeout_at};

use super::answer::answered;
use super::form::{Form, Rest};
use super::letter::{File, LetterJson};
use super::pour::Pour;
use super::problem::Problem;
use super::{ClientCertificate, Https, Shared, compose};
use crate::intake::road::{Sender, TakenIn};
use crate::intake::{
    Account, Busy, Desk, Door, DryRun, Envelope, EnvelopeRecipient, Incoming, Script, Secret, SignInRefused,
};

/// Pieces in which a message that was composed in memory goes down the road.
const PIECE_BYTES: usize = 64 * 1024;

/// What was asked besides the letter.
struct Asked {
    dry_run: DryRun,
    idempotency_key: Option<String>,
}

/// A letter that is wholly with the desk, and its envelope.
struct Received<B> {
    reverse_path: Mailbox,
    recipients: Vec<EnvelopeRecipient>,
    taken: TakenIn<B>,
    request_sha256: String,
}

/// Of a body that nobody will look at, this much is read, for at most so long.
const UNWANTED_BYTES_MAX: usize = 64 * 1024;
const UNWANTED_TIME_MAX: Duration = Duration::from_secs(2);

/// The handler.
pub(super) async fn post<D: Desk>(State(shared): State<Arc<Shared<D>>>, request: Request) -> Result<Response, Problem> {
    let (head, body) = request.into_parts();
    match admit(&shared, &head).await {
        Ok(admitted) => take_in(&shared.door, admitted, Request::from_parts(head, body)).await,
        Err(problem) => {
            // RFC 9113 §8.1 lets a server answer before it has all of a request, and reset the rest; some clients then
            // lose the answer. A small body is read to its end, so that they hear why.
            let rest = axum::body::to_bytes(body, UNWANTED_BYTES_MAX);
            let _ = timeout_at(Instant::now() + UNWANTED_TIME_MAX, rest).await;
            Err(problem)
        }
    }
}

/// Who may hand something in, and what, as far as the head of the request tells.
struct Admitted {
    account: Account,
    asked: Asked,
    kind: Kind,
    /// Room for the body, given back on drop.
    _held: OwnedSemaphorePermit,
}

/// How the body is written.
enum Kind {
    Json,
    Form,
}

async fn admit<D: Desk>(shared: &Shared<D>, head: &Parts) -> Result<Admitted, Problem> {
    let door = &shared.door;
    let credential = credential(head)?;
    let account = who(&door.desk, credential).await?;
    door.requests.count(&account.staff).map_err(Problem::too_often)?;
    let asked = asked(head)?;
    if asked.dry_run == DryRun::No {
        door.rates.count(&account.staff).map_err(Problem::too_often)?;
    }
    let held = shared.hold(head)?;
    let kind = match media_type(head).as_deref() {
        Some("application/json") => Kind::Json,
        Some("multipart/form-data") => Kind::Form,
        _ => return Err(Problem::unsupported()),
    };
    Ok(Admitted { account, asked, kind, _held: held })
}

async fn take_in<D: Desk>(door: &Https<D>, admitted: Admitted, request: Request) -> Result<Response, Problem> {
    let Admitted { account, asked, kind, _held } = admitted;
    let sender = Sender::now(account, Script::Utf8, &door.clock, &door.dice);
    let pour = Pour::new(door.desk.open_body().await?, &sender, door.limits.message_bytes_max);
    let received = match kind {
        Kind::Json => json(door, request, &sender, pour).await?,
        Kind::Form => form(door, request, &sender, pour).await?,
    };
    let Received { reverse_path, recipients, taken, request_sha256 } = received;
    let envelope = Envelope {
        account: sender.account,
        reverse_path: Some(reverse_path),
        recipients,
        ret: None,
        envid: None,
        content: taken.content,
        door: Door::Https,
        dry_run: asked.dry_run,
        request_sha256: asked.idempotency_key.is_some().then_some(request_sha256),
        idempotency_key: asked.idempotency_key,
    };
    answered(door.desk.accept(envelope, taken.declaration, taken.body).await, asked.dry_run)
}

/// What a request shows of who sends it.
enum Credential {
    Token(Secret),
    Certificate(ClientCertificate),
}

/// The bearer token, or else the connection's client certificate.
fn credential(head: &Parts) -> Result<Credential, SignInRefused> {
    if let Some(credentials) = head.headers.get(header::AUTHORIZATION) {
        // RFC 6750 §2.1; the scheme is matched without regard to case (RFC 9110 §11.1).
        let token = credentials.to_str().ok().and_then(|text| text.split_once(' '));
        let token = token.filter(|(scheme, _)| scheme.eq_ignore_ascii_case("bearer"));
        let (_, token) = token.ok_or(SignInRefused::Wrong)?;
        return Ok(Credential::Token(Secret::from(token.trim().to_owned())));
    }
    let certificate = head.extensions.get::<ClientCertificate>();
    certificate.cloned().map(Credential::Certificate).ok_or(SignInRefused::Wrong)
}

async fn who<D: Desk>(desk: &D, credential: Credential) -> Result<Account, SignInRefused> {
    match credential {
        Credential::Token(token) => desk.token(token).await,
        Credential::Certificate(certificate) => desk.certificate(&certificate.sha256).await,
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Parameters {
    #[serde(default)]
    dry_run: bool,
}

fn asked(head: &Parts) -> Result<Asked, Problem> {
    let parameters = Query::<Parameters>::try_from_uri(&head.uri)
        .map_err(|_| Problem::malformed("The one parameter is dry_run, true or false."))?;
    let dry_run = if parameters.dry_run { DryRun::Yes } else { DryRun::No };
    Ok(Asked { dry_run, idempotency_key: idempotency_key(&head.headers)? })
}

fn idempotency_key(headers: &HeaderMap) -> Result<Option<String>, Problem> {
    let Some(key) = headers.get("idempotency-key") else { return Ok(None) };
    let bytes = key.as_bytes();
    let fits = (1..=255).contains(&bytes.len()) && bytes.iter().all(u8::is_ascii_graphic);
    let key = key.to_str().ok().filter(|_| fits);
    let key = key.ok_or_else(|| Problem::malformed("An Idempotency-Key is 1 to 255 visible ASCII characters."))?;
    Ok(Some(key.to_owned()))
}

/// The media type without its parameters, in lower case.
fn media_type(head: &Parts) -> Option<String> {
    let value = head.headers.get(header::CONTENT_TYPE)?.to_str().ok()?;
    let kind = value.split(';').next().unwrap_or_default();
    Some(kind.trim().to_ascii_lowercase())
}

impl<D> Shared<D> {
    /// Memory for a body of the announced size, or of any size; given back on drop.
    fn hold(&self, head: &Parts) -> Result<OwnedSemaphorePermit, Problem> {
        let limit = self.door.limits.body_bytes_max;
        let announced = head.headers.get(header::CONTENT_LENGTH);
        let announced = announced.and_then(|value| value.to_str().ok()).and_then(|value| value.parse::<usize>().ok());
        let bytes = announced.unwrap_or(limit);
        if bytes > limit {
            return Err(Problem::too_large());
        }
        let kibibytes = u32::try_from(bytes.div_ceil(1024)).unwrap_or(u32::MAX);
        self.held.clone().try_acquire_many_owned(kibibytes).map_err(|_| Busy::Full.into())
    }
}

async fn json<D: Desk>(
    door: &Https<D>,
    request: Request,
    sender: &Sender,
    pour: Pour<'_, D::Body>,
) -> Result<Received<D::Body>, Problem> {
    let deadline = Instant::now() + door.limits.body_timeout;
    let bytes = whole(request.into_body(), door.limits.body_bytes_max, deadline).await?;
    let request_sha256 = hex::encode(Sha256::digest(&bytes));
    let mut letter = LetterJson::parse(&bytes)?;
    drop(bytes);
    let reverse_path = letter.sender(&sender.account)?;
    let recipients = letter.recipients(door.limits.recipients_max)?;
    let files = letter.take_files()?;
    let taken = composed(door, &letter, files, &reverse_path, pour).await?;
    Ok(Received { reverse_path, recipients, taken, request_sha256 })
}

async fn form<D: Desk>(
    door: &Https<D>,
    request: Request,
    sender: &Sender,
    mut pour: Pour<'_, D::Body>,
) -> Result<Received<D::Body>, Problem> {
    let bytes_max = door.limits.body_bytes_max;
    let mut form = Form::open(request, bytes_max, Instant::now() + door.limits.body_timeout).await?;
    let mut letter = form.letter().await?;
    let reverse_path = letter.sender(&sender.account)?;
    let recipients = letter.recipients(door.limits.recipients_max)?;
    let (rest, request_sha256) = form.rest(&mut pour, bytes_max).await?;
    let taken = match rest {
        Rest::Message if !letter.is_envelope_alone() => {
            return Err(Problem::invalid("Beside a message the letter holds from and to alone."));
        }
        Rest::Message => pour.finish().await?,
        Rest::Files(mut files) => {
            files.extend(letter.take_files()?);
            composed(door, &letter, files, &reverse_path, pour).await?
        }
    };
    Ok(Received { reverse_path, recipients, taken, request_sha256 })
}

/// Makes the message, and sends it down the road.
async fn composed<D: Desk>(
    door: &Https<D>,
    letter: &LetterJson,
    files: Vec<File>,
    from: &Mailbox,
    mut pour: Pour<'_, D::Body>,
) -> Result<TakenIn<D::Body>, Problem>
where
    D::Body: Incoming,
{
    let frame = compose::Frame { from: from.clone(), now: door.clock.now(), boundary: door.dice.name() };
    let message = compose::message(letter, files, &frame)?;
    for piece in message.chunks(PIECE_BYTES) {
        pour.push(piece).await?;
    }
    pour.finish().await
}

async fn whole(body: Body, bytes_max: usize, deadline: Instant) -> Result<axum::body::Bytes, Problem> {
    match timeout_at(deadline, axum::body::to_bytes(body, bytes_max)).await {
        Err(_) => Err(Problem::slow()),
        Ok(Ok(bytes)) => Ok(bytes),
        Ok(Err(error)) => {
            let source = std::error::Error::source(&error);
            let too_large = source.is_some_and(|error| error.is::<http_body_util::LengthLimitError>());
            Err(if too_large { Problem::too_large() } else { Problem::malformed("The body breaks off.") })
        }
    }
}
