//! The story: eight letters, and for each one line of verdict and why. Real messages through the real door.
//!
//! Not here: the world it is played in (`world.rs`), who plays (`cast.rs`).

use std::time::Duration;

use mail_parser::{MessageParser, MimeHeaders};
use policy::{LetterId, Timestamp};
use serde::Serialize;
use serde_json::Value;

use super::cast::Cast;
use super::clinician::Writing;
use super::world::{Broken, LOGIN, World};
use crate::store::{Overview, State};
use crate::supply;

const PDF: &str = "application/pdf";
const DOCX: &str = "application/vnd.openxmlformats-officedocument.wordprocessingml.document";
const AMINA: &[u8] = include_bytes!("../../../tests/letters/clinic-amina-yorke.pdf");
const BEN: &[u8] = include_bytes!("../../../tests/letters/clinic-ben-castle.pdf");
const EDIE: &[u8] = include_bytes!("../../../tests/letters/report-edie-marsh.docx");

/// How often, and how many times, a letter is looked at until it is where it should be: twenty seconds in all.
const LOOK_EVERY: Duration = Duration::from_millis(50);
const LOOKS_MAX: u32 = 400;

/// One line of the story.
#[derive(Debug, Serialize)]
pub struct Line {
    /// What was tried.
    pub tried: &'static str,
    /// What became of it: one word.
    pub verdict: &'static str,
    /// Why, in a sentence.
    pub why: String,
    /// It came out as it should.
    pub good: bool,
}

/// Plays one scene after another; `tell` hears each line as it is known.
///
/// # Errors
/// Whatever broke the world. A line that came out wrong is no error: it says so.
pub async fn play(world: &World, cast: Cast, mut tell: impl FnMut(&Line)) -> Result<bool, Broken> {
    let stage = Stage { world, cast };
    let mut all_good = true;
    for scene in 0..SCENES {
        let line = stage.scene(scene).await?;
        tell(&line);
        all_good &= line.good;
    }
    Ok(all_good)
}

const SCENES: u8 = 8;

struct Stage<'a> {
    world: &'a World,
    cast: Cast,
}

impl Stage<'_> {
    async fn scene(&self, number: u8) -> Result<Line, Broken> {
        match number {
            0 => self.proven().await,
            1 => self.sealed().await,
            2 => self.unlisted().await,
            3 => self.before_withdrawal().await,
            4 => self.withdrawn().await,
            5 => self.mixed_then_confirmed().await,
            6 => self.only_in_clear().await,
            _ => self.wrong_certificate().await,
        }
    }

    async fn proven(&self) -> Result<Line, Broken> {
        let (_, letter) = self.send(amina()).await?;
        let letter = self.until(&letter, |letter| letter.state == State::Delivered).await?;
        let evidence = self.evidence(&letter.id).await?;
        let arrived = self.world.elm.mail().pop().unwrap_or_default();
        let has_pdf = attachment(&arrived).as_deref() == Some(AMINA);
        let is_neutral = subject(&arrived).is_some_and(|line| !line.contains("Yorke") && !line.contains('['));
        let peer =
            |field: &str| evidence.pointer(&format!("/receipt/peer/{field}")).and_then(Value::as_str).unwrap_or("?");
        Ok(Line {
            tried: "Amina's clinic letter (PDF) to Elm Street Surgery, which she agreed to",
            verdict: "delivered",
            why: format!(
                "by tls-email: {} proved itself ({}, {}); the PDF is whole, the subject line says nothing",
                peer("host"),
                peer("proof"),
                peer("tls_version")
            ),
            good: letter.state == State::Delivered && has_pdf && is_neutral,
        })
    }

    async fn sealed(&self) -> Result<Line, Broken> {
        let (_, letter) = self.send(edie()).await?;
        let letter = self.until(&letter, |letter| letter.state == State::Delivered).await?;
        let arrived = self.world.pike.arrived().pop().unwrap_or_default();
        let opened = self.world.solicitor.open(&attachment(&arrived).unwrap_or_default()).unwrap_or_default();
        let is_whole = attachment(&opened).as_deref() == Some(EDIE);
        let is_dumb = !String::from_utf8_lossy(&arrived).contains("Marsh");
        Ok(Line {
            tried: "Edie's report (DOCX) to her solicitor, as she asked in writing",
            verdict: "sealed",
            why: format!(
                "by age-email: {} octets that say nothing; the solicitor's own key opened it, and the report is whole",
                arrived.len()
            ),
            good: letter.state == State::Delivered && is_whole && is_dumb,
        })
    }

    async fn unlisted(&self) -> Result<Line, Broken> {
        let said = self.submit(Writing { to: "someone@far-away.example", ..amina() }).await;
        Ok(Line {
            tried: "Amina's letter to an address that nobody listed",
            verdict: "refused",
            why: quote(&said),
            good: said.is_err_and(|said| said.contains("not on the safe list")),
        })
    }

    async fn before_withdrawal(&self) -> Result<Line, Broken> {
        let (_, letter) = self.send(hana()).await?;
        let letter = self.until(&letter, |letter| letter.state == State::Delivered).await?;
        Ok(Line {
            tried: "Hana's letter to Elm Street Surgery, while her consent stands",
            verdict: "delivered",
            why: "by tls-email, on consent c-hana".to_owned(),
            good: letter.state == State::Delivered,
        })
    }

    async fn withdrawn(&self) -> Result<Line, Broken> {
        let journey = &self.world.gateway.journey;
        journey.registers.withdraw("c-hana", journey.clock.now(), "adm-reed").await?;
        let said = self.submit(hana()).await;
        Ok(Line {
            tried: "The same letter a moment later, after she withdrew it",
            verdict: "refused",
            why: quote(&said),
            good: said.is_err_and(|said| said.contains("SG-")),
        })
    }

    async fn mixed_then_confirmed(&self) -> Result<Line, Broken> {
        let (_, letter) = self.send(ben()).await?;
        let held = self.until(&letter, |letter| letter.state == State::Held).await?;
        let is_mixed = held.standing.to_string().contains("patient.mixed");
        let journey = &self.world.gateway.journey;
        let places = journey.store.load(&held.id).await?.record.places;
        let place = places.iter().find(|place| place.finding.as_str() == "nhs:9990166137");
        let (part, page) = place.map_or((0, 0), |place| (place.part, place.page.unwrap_or(0)));
        supply::confirm(&journey.store, &journey.clock, &held.id, part, LOGIN).await?;
        let letter = self.until(&letter, |letter| letter.state == State::Delivered).await?;
        Ok(Line {
            tried: "Ben's letter, with another patient's number inside the PDF",
            verdict: "held",
            why: format!("page {page} names somebody else; Dr Lamb looked and said it is right, and it went"),
            good: held.state == State::Held && is_mixed && letter.state == State::Delivered,
        })
    }

    async fn only_in_clear(&self) -> Result<Line, Broken> {
        let (_, letter) = self.send(dev()).await?;
        let letter = self.until(&letter, |letter| letter.attempts > 0).await?;
        let wire = String::from_utf8_lossy(&self.world.dale.in_clear()).into_owned();
        let words = ["Rao", "9991860916", "MAIL", "RCPT", "DATA", "post@"];
        let is_silent = !wire.is_empty() && !words.iter().any(|word| wire.contains(word));
        Ok(Line {
            tried: "Dev's letter to Dale Practice, whose mail server only talks in clear",
            verdict: "kept back",
            why: format!(
                "{}; all that crossed the wire: {}",
                hindrance(&letter),
                wire.trim_end().replace("\r\n", " / ")
            ),
            good: letter.state == State::Queued && is_silent && hindrance(&letter).contains("starttls-not-supported"),
        })
    }

    async fn wrong_certificate(&self) -> Result<Line, Broken> {
        let (_, letter) = self.send(fay()).await?;
        let letter = self.until(&letter, |letter| letter.attempts > 0).await?;
        let none_arrived = self.world.coastal.arrived().is_empty();
        Ok(Line {
            tried: "Fay's letter to Coastal Hospitals, whose certificate names another host",
            verdict: "kept back",
            why: format!("{}; tried again at {}", hindrance(&letter), letter.due.map(clock_time).unwrap_or_default()),
            good: letter.state == State::Queued && none_arrived && hindrance(&letter).contains("host-mismatch"),
        })
    }

    async fn submit(&self, writing: Writing) -> Result<String, String> {
        let door = self.world.gateway.listening.implicit_tls.first().copied();
        let door = door.ok_or_else(|| "the gateway listens nowhere".to_owned())?;
        self.cast.submit(door, &self.world.folder.path().join("roots.pem"), writing).await
    }

    /// Submits a letter that is taken; the gateway's words, and the reference in them.
    async fn send(&self, writing: Writing) -> Result<(String, LetterId), Broken> {
        let said = self.submit(writing).await?;
        let reference =
            said.split(|c: char| !c.is_ascii_alphanumeric() && c != '-').find(|word| word.starts_with("SG-"));
        let id = LetterId::parse(reference.unwrap_or_default())?;
        Ok((said, id))
    }

    /// The letter once it is as expected, or as it is after twenty seconds.
    async fn until(&self, id: &LetterId, expected: impl Fn(&Overview) -> bool) -> Result<Overview, Broken> {
        let store = &self.world.gateway.journey.store;
        let mut letter = store.letter(id).await?;
        for _ in 0..LOOKS_MAX {
            if expected(&letter) {
                break;
            }
            tokio::time::sleep(LOOK_EVERY).await;
            letter = store.letter(id).await?;
        }
        Ok(letter)
    }

    async fn evidence(&self, id: &LetterId) -> Result<Value, Broken> {
        let trail = self.world.gateway.journey.store.trail(id).await?;
        Ok(trail.last().map(|event| event.facts.clone()).unwrap_or_default())
    }
}

fn amina() -> Writing {
    Writing {
        to: "letters@elm-surgery.example",
        subject: "Amina Yorke, clinic letter [for direct-care] [holds clinical-letter]",
        text: "Dear colleague, please find the clinic letter attached.",
        file: Some(("clinic-letter.pdf", PDF, AMINA)),
    }
}

fn ben() -> Writing {
    Writing {
        file: Some(("clinic-letter.pdf", PDF, BEN)),
        subject: "Clinic letter [nhs 999 159 0838] [for direct-care] [holds clinical-letter]",
        ..amina()
    }
}

fn edie() -> Writing {
    Writing {
        to: "edie.case@pike-law.example",
        subject: "Edie Marsh, report [for subject-request] [holds clinical-letter]",
        text: "Please find the report that your client asked us for.",
        file: Some(("report.docx", DOCX, EDIE)),
    }
}

fn hana() -> Writing {
    Writing {
        to: "letters@elm-surgery.example",
        subject: "Clinic letter [nhs 999 821 9930] [for direct-care] [holds clinical-letter]",
        text: "Hana Brook, NHS number 999 821 9930, was seen today and is well.",
        file: None,
    }
}

fn dev() -> Writing {
    Writing {
        to: "post@dale-practice.example",
        subject: "Clinic letter [nhs 999 186 0916] [for direct-care] [holds clinical-letter]",
        text: "Dev Rao, NHS number 999 186 0916, was seen today and is well.",
        file: None,
    }
}

fn fay() -> Writing {
    Writing {
        to: "referrals@coastal.example",
        subject: "Referral [nhs 999 030 8241] [for direct-care] [holds clinical-letter]",
        text: "Fay Holt, NHS number 999 030 8241: please see her in your clinic.",
        file: None,
    }
}

fn quote(said: &Result<String, String>) -> String {
    match said {
        Ok(said) => format!("but it was taken: {said}"),
        Err(said) => said.clone(),
    }
}

fn hindrance(letter: &Overview) -> String {
    let field = |name: &str| letter.standing.pointer(&format!("/hindrance/{name}")).and_then(Value::as_str);
    let sentence = field("sentence").unwrap_or_default().trim_end_matches('.');
    format!("{sentence} ({})", field("diagnostic").unwrap_or_default().trim_start_matches("x-sealgate; "))
}

fn clock_time(at: Timestamp) -> String {
    at.to_string()
}

fn subject(message: &[u8]) -> Option<String> {
    MessageParser::default().parse(message)?.subject().map(str::to_owned)
}

/// The one attached file of a message.
fn attachment(message: &[u8]) -> Option<Vec<u8>> {
    let message = MessageParser::default().parse(message)?;
    let file = message.attachments().find(|part| part.attachment_name().is_some())?;
    Some(file.contents().to_vec())
}
