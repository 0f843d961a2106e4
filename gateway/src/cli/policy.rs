//! `sealgate policy`: scenario files run, and one letter explained against the live register.
//!
//! Nothing is sent, and nothing is kept.

use std::path::{Path, PathBuf};

use policy::{Category, Declared, Letter, LetterId, Mailbox, Staff, SubjectId};
use serde_json::json;

use super::args::Explain;
use super::explain::Decided;
use super::files;
use super::out::{Failure, OrFail, Out, Outcome};
use super::visit::Visit;
use crate::intake::declare::{HeadCollector, Rules, Stamp, declare};
use crate::intake::{Account, Declaration, Script};
use crate::recognise::Recognised;
use crate::registers::scenario;
use crate::status::Status;
use crate::supply;

/// No scenario file is longer.
const SCENARIO_BYTES_MAX: u64 = 64 << 20;

/// Runs every case of every file; none, if one of the files is at fault.
pub(super) fn test(out: Out, files: &[PathBuf]) -> Outcome {
    let (mut cases, mut faults) = (Vec::new(), Vec::new());
    for path in files {
        let name = path.display().to_string();
        match scenario::run(&files::text(path, SCENARIO_BYTES_MAX)?, &name) {
            Ok(results) => cases.extend(results.into_iter().map(|result| (name.clone(), result))),
            Err(error) => faults.push(error.to_string()),
        }
    }
    if !faults.is_empty() {
        return Err(Failure::new(Status::Usage, faults.join("\n")));
    }
    let failed = cases.iter().filter(|(_, case)| !case.passed()).count();
    let passed = cases.len().saturating_sub(failed);
    let told: Vec<_> = cases
        .iter()
        .map(|(file, case)| {
            json!({
                "file": file,
                "name": case.name,
                "seed": case.seed,
                "passed": case.passed(),
                "differences": case.differences,
                "explanation": case.explanation,
            })
        })
        .collect();
    let differing = cases.iter().filter(|(_, case)| !case.passed());
    let mut lines: Vec<_> = differing.map(|(file, case)| format!("{file}: {case}")).collect();
    lines.push(format!("{passed} passed, {failed} failed"));
    out.data(&json!({ "passed": passed, "failed": failed, "cases": told }), lines.join("\n"));
    Ok(if failed == 0 { Status::Done } else { Status::Fault })
}

/// Decides on one letter as the door would, and says why.
pub(super) async fn explain(visit: &Visit, asked: &Explain) -> Outcome {
    let to = Mailbox::parse(&asked.to).map_err(|error| Failure::new(Status::Usage, format!("--to: {}", error.0)))?;
    let (said, seen, sha256) = match &asked.file {
        None => {
            let said = as_asked(asked)?;
            let seen = Recognised { subject: said.subject.clone(), ..Recognised::default() };
            (said, seen, None)
        }
        Some(file) => as_at_the_door(visit, asked, file).await?,
    };
    let letter = Letter {
        id: LetterId::from_bits(0),
        sender: asked.from.clone(),
        to: to.clone(),
        subject: seen.subject,
        purpose: said.purpose,
        categories: said.categories,
        citation: said.citation,
        exception: said.exception,
        contradictions: said.contradictions,
        found: supply::findings(&seen.places),
        sha256,
        body: (),
    };
    let facts = visit.registers.facts(&letter).await?;
    let explanation = policy::decide(&facts, letter, visit.seams.clock.moment()).explanation;
    let decided = Decided::from(&explanation);
    let first = match decided.status() {
        Status::Done => format!("Release: this letter may go to {to}."),
        Status::Held => format!("Hold: this letter would wait before it goes to {to}."),
        _ => format!("Refuse: this letter may not go to {to}."),
    };
    let lines: Vec<_> = std::iter::once(first).chain(decided.lines()).collect();
    visit.out.data(&explanation, lines.join("\n"));
    Ok(decided.status())
}

/// What the options declare.
fn as_asked(asked: &Explain) -> Result<Declaration, Failure> {
    let subject = asked.subject.as_deref().map(SubjectId::parse).transpose();
    let category = |word: &String| {
        word.trim().parse::<Category>().map_err(|()| {
            let all = Category::ALL.iter().map(|known| known.as_str()).collect::<Vec<_>>().join(", ");
            Failure::new(Status::Usage, format!("--category: `{word}` is not on the list; it has {all}"))
        })
    };
    let mut categories: Vec<_> = asked.categories.iter().map(category).collect::<Result<_, _>>()?;
    categories.sort_unstable();
    categories.dedup();
    Ok(Declaration {
        subject: subject.map_err(|error| Failure::new(Status::Usage, format!("--subject: {error}")))?,
        purpose: asked
            .purpose
            .as_ref()
            .map(|word| word.parse().map_or(Declared::Unknown(word.clone()), Declared::Known)),
        categories,
        citation: asked.citation.clone(),
        exception: asked.exception.clone(),
        ..Declaration::default()
    })
}

/// What a message file declares and holds. Its body lies sealed in the data folder while it is read, and goes then.
async fn as_at_the_door(
    visit: &Visit,
    asked: &Explain,
    file: &Path,
) -> Result<(Declaration, Recognised, Option<String>), Failure> {
    let bytes_max = u64::try_from(visit.settings.smtp.message_bytes_max).unwrap_or(u64::MAX);
    let message = crlf(files::bytes(file, bytes_max)?);
    let refused = |why: &dyn std::fmt::Display| Failure::new(Status::Usage, format!("{}: {why}", file.display()));
    let staff = visit.registers.read::<Staff>(&asked.from).await?;
    let account =
        Account { staff: asked.from.clone(), reverse_paths: staff.map(|staff| staff.addresses).unwrap_or_default() };
    let stamp = Stamp { moment: visit.seams.clock.moment(), name: visit.seams.dice.name() };
    let mut head = HeadCollector::default();
    let body = head.push(&message).map_err(|error| refused(&error))?.unwrap_or_default();
    let rules = Rules { account: &account, script: Script::Utf8, stamp: &stamp };
    let declared = declare(&head.into_head(), &rules).map_err(|error| refused(&error))?;

    let mut incoming = visit.store.receive();
    incoming.push(&declared.head).await?;
    incoming.push(body).await?;
    let received = incoming.finish(declared.declaration.subject_line.clone()).await?;
    let journey = visit.journey()?;
    let seen = journey
        .screener
        .recognise(&visit.store, &visit.registers, &declared.declaration, received.body())
        .await
        .or_fail(Status::Fault)?;
    Ok((declared.declaration, seen, Some(hex::encode(received.sha256()))))
}

/// A message that was saved with the line ends of this system is read as if it had come over the wire.
fn crlf(message: Vec<u8>) -> Vec<u8> {
    if message.windows(2).any(|pair| pair == b"\r\n") {
        return message;
    }
    let lines: Vec<_> = message.split(|&byte| byte == b'\n').collect();
    lines.join(b"\r\n".as_slice())
}
