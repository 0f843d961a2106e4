//! How the command line speaks: data to standard output, talk to standard error, JSON for machines, one exit code.
//!
//! With `main.rs` and the demo, the only place that prints.

use std::fmt::Display;
use std::io::{ErrorKind, Write};
use std::process::ExitCode;
use std::sync::OnceLock;

use serde::Serialize;

use crate::status::Status;

/// Why standard output did not take all that it was given: half an export must not pass for a whole one.
static CUT_SHORT: OnceLock<String> = OnceLock::new();

/// What went wrong with a command: the status that its exit code tells, and a sentence that names place and remedy.
#[derive(Debug, thiserror::Error)]
#[error("{sentence}")]
pub struct Failure {
    status: Status,
    sentence: String,
}

/// What a verb comes to.
pub type Outcome = Result<Status, Failure>;

impl Failure {
    /// A failure of this status, in a sentence.
    pub fn new(status: Status, sentence: impl Display) -> Self {
        Self { status, sentence: sentence.to_string() }
    }
}

/// Turns any displayable error into a failure of a given status: `.or_fail(Status::NotFound)?`.
pub trait OrFail<T> {
    /// The value, or a failure of `status` with the error's own words.
    ///
    /// # Errors
    /// The failure.
    fn or_fail(self, status: Status) -> Result<T, Failure>;
}

impl<T, E: Display> OrFail<T> for Result<T, E> {
    fn or_fail(self, status: Status) -> Result<T, Failure> {
        self.map_err(|error| Failure::new(status, error))
    }
}

/// Where a command's words go.
#[derive(Clone, Copy, Debug)]
pub struct Out {
    format: Format,
    quiet: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Format {
    Text,
    Json,
}

impl Out {
    /// As the shared options ask.
    #[must_use]
    pub const fn new(shared: &super::args::Shared) -> Self {
        Self { format: if shared.json { Format::Json } else { Format::Text }, quiet: shared.quiet }
    }

    /// Data: `json` for machines, else the text.
    pub fn data(&self, json: &impl Serialize, text: impl Display) {
        let line = match self.format {
            Format::Json => {
                serde_json::to_string_pretty(json).unwrap_or_else(|error| format!("{{\"error\":\"{error}\"}}"))
            }
            Format::Text => text.to_string(),
        };
        if let Err(error) = write_line(&mut std::io::stdout().lock(), &line) {
            let _ = CUT_SHORT.set(error.to_string());
        }
    }

    /// Where data goes that is no text of ours: a letter, opened.
    #[must_use]
    pub fn bytes(&self) -> impl Write {
        std::io::stdout().lock()
    }

    /// Talk, for a person who watches.
    pub fn say(&self, text: impl Display) {
        if !self.quiet {
            let _ = write_line(&mut std::io::stderr().lock(), &text.to_string());
        }
    }

    /// Ends the command: says a failure, and gives its exit code.
    #[must_use]
    pub fn end(&self, outcome: Outcome) -> ExitCode {
        let outcome = outcome.and_then(|status| match CUT_SHORT.get() {
            Some(why) => Err(Failure::new(Status::Fault, format!("standard output did not take all of it: {why}"))),
            None => Ok(status),
        });
        let status = outcome.unwrap_or_else(|failure| {
            let mut stderr = std::io::stderr().lock();
            if self.format == Format::Json {
                let problem = serde_json::json!({ "error": failure.sentence });
                let _ = write_line(&mut stderr, &problem.to_string());
            } else {
                let _ = write_line(&mut stderr, &format!("sealgate: {}", failure.sentence));
            }
            failure.status
        });
        ExitCode::from(status.exit())
    }
}

/// A pipe that was closed early is the reader's choice, not our failure.
fn write_line(to: &mut impl Write, line: &str) -> std::io::Result<()> {
    match writeln!(to, "{}", line.trim_end_matches('\n')).and_then(|()| to.flush()) {
        Err(error) if error.kind() == ErrorKind::BrokenPipe => Ok(()),
        written => written,
    }
}

/// Words of a list, in one line.
#[must_use]
pub fn joined<T: Display>(words: &[T]) -> String {
    words.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ")
}

/// Rows under headings, columns as wide as their widest cell.
#[must_use]
pub fn table(headings: &[&str], rows: &[Vec<String>]) -> String {
    let width = |column: usize| {
        rows.iter()
            .filter_map(|row| row.get(column))
            .map(|cell| cell.chars().count())
            .chain(headings.get(column).map(|heading| heading.len()))
            .max()
            .unwrap_or_default()
    };
    let widths: Vec<usize> = (0..headings.len()).map(width).collect();
    let line = |cells: &mut dyn Iterator<Item = &str>| {
        let padded: Vec<String> = cells.zip(&widths).map(|(cell, width)| format!("{cell:<width$}")).collect();
        padded.join("  ").trim_end().to_owned()
    };
    let mut lines = vec![line(&mut headings.iter().copied())];
    lines.extend(rows.iter().map(|row| line(&mut row.iter().map(String::as_str))));
    lines.join("\n")
}
