//! The desk's answer as JSON.

use axum::Json;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use policy::{LetterId, Mailbox, Reason, Verdict};
use serde::Serialize;

use super::problem::Problem;
use crate::intake::{Answer, DryRun, Judged};

#[derive(Serialize)]
struct AnswerJson {
    letters: Vec<JudgedJson>,
}

/// What was decided for one recipient, as told to the one who sent the letter.
#[derive(Serialize)]
pub(super) struct JudgedJson {
    id: LetterId,
    to: Mailbox,
    verdict: Verdict,
    reasons: Vec<ReasonJson>,
}

#[derive(Serialize)]
struct ReasonJson {
    code: &'static str,
    sentence: String,
    remedy: String,
    who: std::borrow::Cow<'static, str>,
}

impl From<Reason> for ReasonJson {
    fn from(reason: Reason) -> Self {
        Self { code: reason.code.as_str(), sentence: reason.sentence, remedy: reason.remedy, who: reason.who }
    }
}

impl From<Judged> for JudgedJson {
    fn from(Judged { id, to, verdict, reasons }: Judged) -> Self {
        Self { id, to, verdict, reasons: reasons.into_iter().map(ReasonJson::from).collect() }
    }
}

pub(super) fn answered(answer: Answer, dry_run: DryRun) -> Result<Response, Problem> {
    let told = |letters: Vec<Judged>| letters.into_iter().map(JudgedJson::from).collect();
    match answer {
        Answer::Accepted { reference, letters } => {
            // A dry run is done when it is answered; a letter is only under way (RFC 9110 §15.3.3).
            let status = if dry_run == DryRun::Yes { StatusCode::OK } else { StatusCode::ACCEPTED };
            tracing::info!(letter = %reference, status = status.as_u16(), "accepted");
            Ok((status, Json(AnswerJson { letters: told(letters) })).into_response())
        }
        Answer::Refused { sentence, letters, .. } => Err(Problem::all_refused(&sentence, told(letters))),
        Answer::Deferred(busy) => Err(busy.into()),
        Answer::Conflict => Err(Problem::conflict()),
    }
}
