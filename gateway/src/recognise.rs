//! What a letter holds, held against the register: whom it is about, and whose identifiers are in it.
//!
//! The text comes from `screening/` (a limited process), the people from `registers/`; the decision about what was
//! found is the policy's. Values never reach a log.

use std::io::{Cursor, Read};
use std::path::PathBuf;
use std::sync::Arc;

use config::Unread;
use keys::stored::{BodyReader, StoredBody};
use policy::{Contradiction, Finding, Subject, SubjectId};
use tokio::sync::Semaphore;

use crate::intake::Declaration;
use crate::registers::Registers;
use crate::screening::{self, Findings, KnownNames, Limits, Place, Reading};
use crate::store::{Fault, Store};

/// Reads letters, so many at once.
pub struct Screener {
    program: PathBuf,
    limits: Limits,
    unread: Unread,
    slots: Arc<Semaphore>,
}

/// What was recognised in a letter.
#[derive(Default)]
pub struct Recognised {
    /// Declared; failing that, the one person whose number and name or birth date both agree with the register.
    pub subject: Option<SubjectId>,
    /// What was found, and where.
    pub places: Vec<Place>,
}

impl Screener {
    /// Starts `program screen` for each letter, at most `at_once` of them.
    #[must_use]
    pub fn new(program: PathBuf, limits: Limits, unread: Unread, at_once: usize) -> Self {
        Self { program, limits, unread, slots: Arc::new(Semaphore::new(at_once.max(1))) }
    }

    /// Reads a stored letter and its subject line, and holds them against the register.
    ///
    /// # Errors
    /// When the letter or the register cannot be read, or the reading process not started.
    pub async fn recognise(
        &self,
        store: &Store,
        registers: &Registers,
        said: &Declaration,
        body: &StoredBody,
    ) -> Result<Recognised, Fault> {
        let reading = {
            let _slot = self.slots.acquire().await;
            // The subject line is kept apart from the head, and may name a person like any other line.
            let line = format!("Subject: {}\r\n", said.subject_line);
            let letter = Cursor::new(line.into_bytes()).chain(BodyReader::new(store.open_blob(&body.blob)?, &body.key));
            screening::read_letter(&self.limits, &self.program, letter)
                .await
                .map_err(|why| Fault::Disk(why.to_string()))?
        };
        let reading = Arc::new(reading);
        let mut findings = searching(&reading, screening::detect).await?;
        let people = registers.subjects(&numbers(&findings)).await?;
        findings.places.retain(|place| is_somebodys(&place.finding, &people));
        findings.add([]);
        let subject = match &said.subject {
            Some(declared) => Some(declared.clone()),
            None if said.contradictions.contains(&Contradiction::Subject) => None,
            None => screening::infer_subject(&reading, &findings.found, &people),
        };
        let entry = registers.subjects(subject.as_slice()).await?.into_iter().next();
        let candidates = searching(&reading, screening::candidate_names).await?;
        let known = KnownNames(registers.known_names(&candidates).await?);
        findings.add(searching(&reading, move |reading| screening::judge(reading, entry.as_ref(), &known)).await?);
        findings.add(self.unread(&findings));
        Ok(Recognised { subject, places: findings.places })
    }

    /// Parts that could not be read count as findings where the site holds such letters.
    fn unread(&self, findings: &Findings) -> Vec<Place> {
        match self.unread {
            Unread::Pass => Vec::new(),
            Unread::Hold => {
                let place = |part: u32| Place { finding: Finding::Unread, part, page: None };
                findings.unread.iter().map(|unread| place(unread.part)).collect()
            }
        }
    }
}

/// A clinician signs with a GMC number: it is an identifier of somebody's record only where the register knows it as one.
fn is_somebodys(finding: &Finding, people: &[Subject]) -> bool {
    match finding {
        Finding::Number(id) if id.as_str().starts_with("gmc:") => people.iter().any(|person| person.answers_to(id)),
        _ => true,
    }
}

/// Searching a long text takes a while: not on a thread that others wait for.
async fn searching<T: Send + 'static>(
    reading: &Arc<Reading>,
    search: impl FnOnce(&Reading) -> T + Send + 'static,
) -> Result<T, Fault> {
    let reading = Arc::clone(reading);
    tokio::task::spawn_blocking(move || search(&reading)).await.map_err(|lost| Fault::Disk(lost.to_string()))
}

fn numbers(findings: &Findings) -> Vec<SubjectId> {
    let number = |finding: &Finding| if let Finding::Number(id) = finding { Some(id.clone()) } else { None };
    findings.found.iter().filter_map(number).collect()
}
