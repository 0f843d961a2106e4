//! Kills a real program at a chosen system call, by strace's injection: the nearest thing to pulling the plug.
#![allow(dead_code, reason = "an instrument may have a part that no story needs today")]

use std::fs;
use std::os::unix::process::{CommandExt, ExitStatusExt};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};

use crate::peers::program;

/// Where the plug is pulled: at the `when`th call of `syscall`, before the call is made.
#[derive(Clone, Debug)]
pub struct Kill {
    /// Name, or a list with commas (`fdatasync,fsync`).
    pub syscall: &'static str,
    /// Counted from 1, over all threads.
    pub when: usize,
    /// Only calls that touch this path.
    pub path: Option<PathBuf>,
}

impl Kill {
    /// The program under strace; the caller adds its arguments.
    pub fn command(&self, program: &Path) -> Command {
        let mut command = traced(self.path.as_deref());
        command.arg("-o/dev/null").arg("-e").arg(format!("trace={}", self.syscall));
        command.arg("-e").arg(format!("inject={}:signal=KILL:when={}", self.syscall, self.when));
        command.arg("--").arg(program);
        command
    }
}

/// How often the program calls `syscall` (touching `path`) on its way to its end: the kill points of that run.
pub fn count(syscall: &str, path: Option<&Path>, program: &Path, arguments: &[&str]) -> usize {
    let log = tempfile::NamedTempFile::new().unwrap();
    let mut command = traced(path);
    command.arg("-o").arg(log.path()).arg("-e").arg(format!("trace={syscall}")).arg("--").arg(program).args(arguments);
    let status = command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).status().unwrap();
    assert!(status.success(), "{program:?} ended with {status}");
    let text = fs::read_to_string(log.path()).unwrap();
    let named = |line: &&str| syscall.split(',').any(|name| line.contains(&format!("{name}(")));
    text.lines().filter(named).count()
}

/// Whether the plug was pulled: strace passes on the signal that ended its program.
pub fn was_killed(status: ExitStatus) -> bool {
    status.signal() == Some(9) || status.code() == Some(128 + 9)
}

/// A program that runs in the background, under strace or not; ended with all its children when dropped.
pub struct Running(Child);

impl Running {
    /// Starts it at the head of a process group of its own.
    pub fn start(command: &mut Command) -> Self {
        Self(command.process_group(0).spawn().unwrap())
    }

    /// Waits for the end.
    pub fn wait(mut self) -> ExitStatus {
        self.0.wait().unwrap()
    }

    /// The end, if it has come.
    pub fn ended(&mut self) -> Option<ExitStatus> {
        self.0.try_wait().unwrap()
    }

    /// Its standard output, if it was piped.
    pub fn stdout(&mut self) -> Option<std::process::ChildStdout> {
        self.0.stdout.take()
    }

    /// Pulls the plug now, from outside.
    pub fn kill(mut self) -> ExitStatus {
        self.end();
        self.0.wait().unwrap()
    }

    fn end(&self) {
        let group = format!("-{}", self.0.id());
        drop(Command::new("/bin/kill").args(["-KILL", "--", &group]).stderr(Stdio::null()).status());
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        if matches!(self.0.try_wait(), Ok(None)) {
            self.end();
            drop(self.0.wait());
        }
    }
}

fn traced(path: Option<&Path>) -> Command {
    let mut command = Command::new(program("strace"));
    command.args(["-f", "-qq"]);
    if let Some(path) = path {
        command.arg("-P").arg(path);
    }
    command
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Copies a file with dd and a sync at the end, killed at `syscall`; whether it was killed and the copy's length.
    fn check(syscall: &'static str, when: usize, expected: (bool, u64)) {
        let folder = tempfile::tempdir().unwrap();
        let (source, copy) = (folder.path().join("source"), folder.path().join("copy"));
        fs::write(&source, [7; 3000]).unwrap();
        let kill = Kill { syscall, when, path: Some(copy.clone()) };
        let mut command = kill.command(Path::new("/bin/dd"));
        command.arg(format!("if={}", source.display())).arg(format!("of={}", copy.display()));
        command.args(["bs=1000", "conv=fsync"]).stderr(Stdio::null());
        let status = Running::start(&mut command).wait();
        let length = fs::metadata(&copy).map_or(0, |copy| copy.len());
        assert_eq!((was_killed(status), length), expected, "{kill:?}");
    }

    #[test]
    fn pulls_the_plug_where_it_is_told() {
        check("write", 1, (true, 0));
        check("write", 3, (true, 2000));
        check("write", 4, (false, 3000));
        check("fsync", 1, (true, 3000));
    }

    #[test]
    fn counts_the_kill_points_of_a_run() {
        let folder = tempfile::tempdir().unwrap();
        let copy = folder.path().join("copy");
        let arguments = ["if=/dev/zero", &format!("of={}", copy.display()), "bs=10", "count=5"];
        assert_eq!(count("write", Some(&copy), Path::new("/bin/dd"), &arguments), 5);
    }

    #[test]
    fn the_plug_can_be_pulled_from_outside() {
        let mut command = Command::new("/bin/cat");
        let mut running = Running::start(command.stdin(Stdio::piped()).stdout(Stdio::piped()));
        assert!(running.ended().is_none() && running.stdout().is_some());
        assert!(was_killed(running.kill()));
    }

    #[test]
    fn a_dropped_program_is_gone() {
        let mut command = Command::new("/bin/sleep");
        let running = Running::start(command.arg("600"));
        let process = PathBuf::from(format!("/proc/{}", running.0.id()));
        assert!(process.exists());
        drop(running);
        assert!(!process.exists());
    }
}
