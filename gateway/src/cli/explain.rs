//! A decision in words that a clinician understands: what becomes of the letter, why, what to do, who can act.
//!
//! Not here: the sentences of the reasons (`policy`).

use policy::{Category, Channel, Duty, Explanation, Purpose, Reason, Verdict};
use serde::Deserialize;
use serde_json::Value;

use crate::status::Status;

/// A decision as it was made, or as it was written down.
#[derive(Deserialize)]
pub(super) struct Decided {
    pub verdict: Verdict,
    pub purpose: Option<Purpose>,
    pub categories: Vec<Category>,
    pub reasons: Vec<Reason>,
    rests_on: Vec<String>,
    duties: Vec<Duty>,
    channels: Vec<Channel>,
}

impl From<&Explanation> for Decided {
    fn from(explanation: &Explanation) -> Self {
        let Explanation { verdict, purpose, categories, reasons, rests_on, duties, channels, facts_sha256: _ } =
            explanation.clone();
        Self { verdict, purpose, categories, reasons, rests_on, duties, channels }
    }
}

impl Decided {
    /// Out of what is kept beside a letter.
    pub fn of_standing(standing: &Value) -> Option<Self> {
        Self::deserialize(standing.get("explanation")?).ok()
    }

    /// What a command that asks for a decision ends with.
    pub const fn status(&self) -> Status {
        match self.verdict {
            Verdict::Release => Status::Done,
            Verdict::Hold => Status::Held,
            Verdict::Refuse => Status::Refused,
        }
    }

    /// The reason codes, in one line.
    pub fn codes(&self) -> String {
        self.reasons.iter().map(|reason| reason.code.as_str()).collect::<Vec<_>>().join(", ")
    }

    /// Every reason with its remedy, and what comes with a release.
    pub fn lines(&self) -> Vec<String> {
        let mut lines = Vec::new();
        for Reason { code, weight, sentence, remedy, who } in &self.reasons {
            lines.push(format!("- {sentence}"));
            lines.push(format!("  What to do: {remedy}"));
            lines.push(format!("  Who can act: {who} [{code}, {weight}]"));
        }
        if !self.channels.is_empty() {
            let ways: Vec<_> = self.channels.iter().copied().map(way).collect();
            lines.push(format!("By: {}", ways.join("; or else ")));
        }
        lines.extend(self.duties.iter().copied().map(|duty| format!("With it: {}", task(duty))));
        if !self.rests_on.is_empty() {
            lines.push(format!("It rests on: {}", self.rests_on.join(", ")));
        }
        lines
    }
}

const fn way(channel: Channel) -> &'static str {
    match channel {
        Channel::AgeEmail => "e-mail, sealed to the agency's own key",
        Channel::TlsEmail => "e-mail, to a server that proves itself",
        Channel::Link => "a secure link",
        Channel::HttpsPush => "the agency's own system",
    }
}

const fn task(duty: Duty) -> &'static str {
    match duty {
        Duty::NeutralCover => "nothing outside the letter says anything about the person",
        Duty::CopyToSubject => "send the person a copy",
        Duty::TellSubject => "tell the person that this was shared, or write down why not",
        Duty::Review => "somebody reviews this disclosure",
        Duty::NoDownload => "it can be viewed, and not downloaded",
    }
}
