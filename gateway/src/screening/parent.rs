//! The parent's side of reading: starts the child, feeds it the letter, holds it to the clock, believes little.
//!
//! Nothing touches a disk: the letter goes in by a pipe and text comes back by one; what the child says on its error
//! channel, which may quote the letter, is discarded.

use std::io::{self, Read, Write};
use std::path::Path;
use std::process::Stdio;
use std::time::Duration;

use tokio::io::AsyncReadExt;
use tokio::process::{Child, ChildStdout, Command};

use super::limits::VARIABLE;
use super::report::gather;
use super::{Limits, Reading, Unread, Why};

/// JSON writes one byte of text as six at most (`\u0000`), and the lines around it need room.
const OUTPUT_BYTES_PER_TEXT_BYTE: u64 = 6;
const OUTPUT_BYTES_SPARE: u64 = 1 << 20;

/// A fault of ours, for which no letter is to blame: try again later. What a letter does to the child is no fault but
/// an [`Unread`].
#[derive(Debug, thiserror::Error)]
pub enum ScreeningFailure {
    /// The child could not be started or fed.
    #[error(
        "screening: cannot run the reading process ({0}); check that the program may start itself and its memory limit"
    )]
    Child(#[source] io::Error),
    /// The letter could not be read from where it is kept.
    #[error("screening: cannot read the letter from the store ({0})")]
    Letter(#[source] io::Error),
}

/// Reads a letter in a process of its own.
///
/// `program` is the absolute path of the `sealgate` binary, `letter` an RFC 5322 message. A crash, a limit reached or
/// bad output is in the result as `Unread { part: 0, .. }`, beside what was read before. How many run at once is the
/// caller's to bound: each may take `memory_bytes_max`.
///
/// # Errors
/// [`ScreeningFailure`], when the child cannot be started or the letter cannot be read from the store.
pub async fn read_letter(
    limits: &Limits,
    program: &Path,
    letter: impl Read + Send + 'static,
) -> Result<Reading, ScreeningFailure> {
    let mut child = spawn(limits, program).map_err(ScreeningFailure::Child)?;
    let (Some(stdin), Some(stdout)) = (child.stdin.take(), child.stdout.take()) else {
        return Err(ScreeningFailure::Child(io::ErrorKind::BrokenPipe.into()));
    };
    let pipe = stdin.into_owned_fd().map_err(ScreeningFailure::Child)?;
    let feeding = tokio::task::spawn_blocking(move || feed(letter, std::fs::File::from(pipe)));

    let deadline = Duration::from_secs(limits.wall_secs_max.into());
    let mut output = Vec::new();
    let collecting = collect(&mut child, stdout, &mut output, output_bytes_max(limits));
    let finished = tokio::time::timeout(deadline, collecting).await;
    // The child is gone or killed from here on: what still feeds it ends with a broken pipe at its next chunk.
    let _ = child.kill().await;
    if finished.is_ok() || feeding.is_finished() {
        feeding.await.map_err(io::Error::from).flatten().map_err(ScreeningFailure::Letter)?;
    }

    let (mut reading, done) = gather(&output);
    let why = match finished {
        Ok(true) if done => return Ok(reading),
        Ok(_) => Why::Failed,
        Err(_) => Why::TooSlow,
    };
    reading.unread.insert(0, Unread { part: 0, why });
    Ok(reading)
}

fn spawn(limits: &Limits, program: &Path) -> io::Result<Child> {
    Command::new(program)
        .arg("screen")
        .env_clear()
        .env(VARIABLE, serde_json::to_string(limits)?)
        .current_dir("/")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .kill_on_drop(true)
        .spawn()
}

/// Copies the letter into the child. Only the letter's own end can fail: a child that stops listening has its reasons.
fn feed(mut letter: impl Read, mut child: impl Write) -> io::Result<()> {
    let mut chunk = vec![0; 64 << 10];
    loop {
        let filled = match letter.read(&mut chunk) {
            Ok(0) => return Ok(()),
            Ok(filled) => filled,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            Err(error) => return Err(error),
        };
        if child.write_all(chunk.get(..filled).unwrap_or_default()).is_err() {
            return Ok(());
        }
    }
}

/// Takes what the child writes, chunk by chunk so that a deadline loses nothing that came before it; whether the child
/// wrote no more than it may and ended well.
async fn collect(child: &mut Child, mut stdout: ChildStdout, output: &mut Vec<u8>, bytes_max: u64) -> bool {
    loop {
        match stdout.read_buf(output).await {
            Ok(0) => break,
            Ok(_) if output.len() as u64 <= bytes_max => {}
            Ok(_) | Err(_) => return false,
        }
    }
    child.wait().await.is_ok_and(|status| status.success())
}

const fn output_bytes_max(limits: &Limits) -> u64 {
    limits.text_bytes_max.saturating_mul(OUTPUT_BYTES_PER_TEXT_BYTE).saturating_add(OUTPUT_BYTES_SPARE)
}
