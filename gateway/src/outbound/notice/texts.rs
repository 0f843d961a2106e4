//! Every sentence of a notice, in one table. Short words, short sentences: a test holds them to reading age twelve.
//!
//! Not here: sentences of the decision (`policy`), and of what stands in the way of a session (`diagnosis`).

use super::{Cause, Letterhead, News, NoticeError, Report};

/// What the peer said no to.
pub(super) const REJECTED: &str = "Their mail system will not take this letter.";
/// A 4xx reply.
pub(super) const ASKED_TO_WAIT: &str = "Their mail system asked us to try again later.";
/// No reply.
pub(super) const LINE_BROKE: &str = "The line to their mail system broke.";
/// No reply to the final dot.
pub(super) const OUTCOME_UNKNOWN: &str = "The line broke before they said that they have it. They may get it twice.";
/// Ours.
pub(super) const OUR_FAULT: &str = "Something went wrong on our side. We are looking into it.";

/// The fixed sentences of one kind of notice.
pub(super) struct Text {
    /// What the neutral subject line says after the reference.
    pub subject: &'static str,
    /// The plain sentence that comes first.
    pub headline: &'static str,
    /// What follows the reasons. `{until}` is a time.
    pub then: &'static [&'static str],
}

const REFUSED: Text =
    Text { subject: "not sent", headline: "We did not send this letter.", then: &["Is it an emergency? Call them."] };
const HELD: Text = Text {
    subject: "held",
    headline: "We are holding this letter.",
    then: &["If you do nothing by {until}, we will cancel it.", "Is it an emergency? Call them."],
};
const DELAYED: Text = Text {
    subject: "delayed",
    headline: "We could not send this letter in a safe way yet.",
    then: &[
        "We did not send it in the open.",
        "We will keep trying until {until}. You do not need to do anything.",
        "Is it an emergency? Call them.",
    ],
};
const FAILED: Text = Text {
    subject: "not sent",
    headline: "We could not send this letter.",
    then: &[
        "We did not send it in the open, and we will not try again.",
        "What to do: check the address with them, and send the letter again.",
        "Is it an emergency? Call them.",
    ],
};
const EXPIRED: Text = Text {
    subject: "not sent",
    headline: "We could not send this letter in time.",
    then: &[
        "We tried until now. We did not send it in the open, and we will not try again.",
        "What to do: call them, and ask how they can take your letter.",
    ],
};
const DELIVERED: Text = Text {
    subject: "sent",
    headline: "Their mail system has your letter.",
    then: &["We cannot see if anyone has read it."],
};

pub(super) const fn text(news: &News) -> &'static Text {
    match news {
        News::Refused { .. } => &REFUSED,
        News::Held { .. } => &HELD,
        News::Delayed { .. } => &DELAYED,
        News::Failed { .. } => &FAILED,
        News::Expired { .. } => &EXPIRED,
        News::Delivered { .. } => &DELIVERED,
    }
}

/// The whole text, a paragraph each.
pub(super) fn paragraphs(report: &Report, desk: &Letterhead) -> Result<Vec<String>, NoticeError> {
    let text = text(&report.news);
    let mut told = vec![text.headline.to_owned(), addressee(report)];
    match &report.news {
        News::Refused { reasons } => told.extend(reasons.iter().map(cause)),
        News::Held { reasons, .. } => told.extend(reasons.iter().map(cause)),
        News::Delayed { obstacle, .. } | News::Failed { obstacle } | News::Expired { obstacle } => {
            told.push(obstacle.sentence.clone());
        }
        News::Delivered { .. } => {}
    }
    let until = match &report.news {
        News::Held { until, .. } | News::Delayed { until, .. } => {
            super::message::local_time(*until, desk.offset_secs).ok_or(NoticeError::Time("the deadline"))?
        }
        _ => String::new(),
    };
    told.extend(text.then.iter().map(|sentence| sentence.replace("{until}", &until)));
    told.push(format!("Letter {}. Questions? Call {} on {}.", report.letter, desk.provider, desk.phone));
    Ok(told)
}

fn addressee(report: &Report) -> String {
    match &report.agency {
        Some(agency) => format!("It was for {agency}, {}.", report.recipient),
        None => format!("It was for {}.", report.recipient),
    }
}

fn cause(cause: &Cause) -> String {
    let help = match cause.who.as_str() {
        "sender" | "nobody" => String::new(),
        who => format!(" Who can help: {}.", who.trim_end_matches('.')),
    };
    format!("{} What to do: {}{help}", cause.sentence, cause.remedy)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::outbound::diagnosis::Diagnosis;

    /// Vowel groups; a silent last e is none. Rough, and on the strict side for short words.
    fn syllables(word: &str) -> usize {
        let vowel = |c: char| "aeiouy".contains(c);
        let word = word.to_ascii_lowercase();
        let word = word.strip_suffix('e').filter(|stem| stem.contains(vowel)).unwrap_or(&word);
        word.split(|c: char| !vowel(c)).filter(|group| !group.is_empty()).count().max(1)
    }

    /// Flesch-Kincaid grade at most 7, and no sentence of more than 20 words.
    fn check(text: &str) {
        let sentences: Vec<&str> = text.split_inclusive(['.', '?']).filter(|part| part.len() > 1).collect();
        let words = |text: &str| text.split_whitespace().count();
        for sentence in &sentences {
            assert!(words(sentence) <= 20, "{sentence:?} is too long");
        }
        let (word_count, sentence_count) = (words(text) as f64, sentences.len() as f64);
        let syllable_count: usize = text.split_whitespace().map(syllables).sum();
        let grade = 0.39 * word_count / sentence_count + 11.8 * syllable_count as f64 / word_count - 15.59;
        assert!(grade <= 7.0, "{text:?} reads as grade {grade:.1}");
    }

    #[test]
    fn every_sentence_reads_easily() {
        for text in [REFUSED, HELD, DELAYED, FAILED, EXPIRED, DELIVERED] {
            check(text.headline);
            check(&text.then.join(" "));
        }
        for text in [REJECTED, ASKED_TO_WAIT, LINE_BROKE, OUTCOME_UNKNOWN, OUR_FAULT] {
            check(text);
        }
        for diagnosis in [
            Diagnosis::StarttlsNotSupported,
            Diagnosis::CertificateHostMismatch,
            Diagnosis::CertificateExpired,
            Diagnosis::CertificateNotTrusted,
            Diagnosis::ValidationFailure,
            Diagnosis::BytesAfterStarttls,
            Diagnosis::TlsFailed,
            Diagnosis::NotProvable,
            Diagnosis::TurnedAway(554),
            Diagnosis::NotSmtp,
            Diagnosis::ConnectionLost,
            Diagnosis::TimedOut,
            Diagnosis::Unreachable,
            Diagnosis::AddressNotAllowed,
            Diagnosis::Busy,
            Diagnosis::NullMx,
            Diagnosis::NoMail,
            Diagnosis::NamesFailed,
            Diagnosis::Loop,
        ] {
            check(diagnosis.sentence());
        }
    }
}
