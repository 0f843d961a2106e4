//! What can be wrong with a register file: each fault with its place, its field and its remedy.
//!
//! No fault repeats a value: values in these files are about people. It may name a word of a closed
//! list, or the id of a member of staff or an agency, as the one that was probably meant.

use std::fmt;

/// Why a file was not taken. Nothing of it was.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub enum FileError {
    /// More than a file may hold.
    #[error("{file}: a register file holds at most {bytes_max} bytes; split it into several")]
    TooLarge {
        /// The file's name.
        file: String,
        /// The bound.
        bytes_max: usize,
    },
    /// Every fault, up to [`FAULTS_MAX`], in the order of the file.
    #[error("{}", listed(file, faults, *more))]
    Faults {
        /// The file's name.
        file: String,
        /// The first of them.
        faults: Vec<Fault>,
        /// How many besides.
        more: usize,
    },
}

/// Faults that are listed; beyond them only their number is told.
pub const FAULTS_MAX: usize = 100;

/// One thing wrong with a file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fault {
    /// Line, from 1; JSON has none.
    pub line: Option<usize>,
    /// Path of the field, such as `consent[2].categories[0]`.
    pub field: String,
    /// The rule that is broken.
    pub problem: String,
    /// What to do.
    pub remedy: String,
}

impl FileError {
    /// Faults found in `file`, put in order.
    pub(crate) fn of(file: &str, mut faults: Vec<Fault>) -> Self {
        faults.sort_by_key(|fault| fault.line);
        let more = faults.len().saturating_sub(FAULTS_MAX);
        faults.truncate(FAULTS_MAX);
        Self::Faults { file: file.to_owned(), faults, more }
    }

    /// The faults that are listed.
    #[must_use]
    pub fn faults(&self) -> &[Fault] {
        match self {
            Self::TooLarge { .. } => &[],
            Self::Faults { faults, .. } => faults,
        }
    }
}

impl Fault {
    /// A fault of a value on `line`, which does not know yet what field it stands in.
    pub(crate) fn new(line: Option<usize>, problem: impl Into<String>, remedy: impl Into<String>) -> Self {
        Self { line, field: String::new(), problem: problem.into(), remedy: remedy.into() }
    }

    /// The same fault, seen from the table or list around it.
    pub(crate) fn within(mut self, outer: &str) -> Self {
        let dot = if self.field.is_empty() || self.field.starts_with('[') { "" } else { "." };
        self.field = format!("{outer}{dot}{}", self.field);
        self
    }
}

/// `line: field: what is wrong; remedy`, without the file's name.
impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(line) = self.line {
            write!(f, "{line}: ")?;
        }
        if !self.field.is_empty() {
            write!(f, "{}: ", self.field)?;
        }
        write!(f, "{}; {}", self.problem, self.remedy)
    }
}

fn listed(file: &str, faults: &[Fault], more: usize) -> String {
    let mut lines: Vec<_> =
        faults.iter().map(|fault| format!("{file}:{}{fault}", if fault.line.is_some() { "" } else { " " })).collect();
    if more > 0 {
        lines.push(format!("{file}: and {more} more"));
    }
    lines.join("\n")
}
