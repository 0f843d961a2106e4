//! Kills a real program at a chosen system call, by strace's injection: the nearest thing to pulling the plug.
#![allow(dead_code, reason = "an instrument may have a part that no story needs today")]

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::process::{CommandExt, ExitStatusExt};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};

use crate::peers::program;
use crate::wait;

/// Where the plug is pulled: at the `when`th call of `syscall`, before the call is made.
#[derive(Clone, Debug)]
pub struct Kill {
    /// Name, or a list with commas (`fdatasync,fsync`).
    pub syscall: &'static str,
    /// Counted from 1, by each thread for itself, and each name for itself: strace keeps no count of the whole.
    pub when: usize,
    /// Only calls that touch this path.
    pub path: Option<PathBuf>,
}

impl Kill {
    /// The program under strace; the caller adds its arguments.
    pub fn command(&self, program: &Path) -> Command {
        let mut command = self.traced();
        command.arg("-qq").arg("--").arg(program);
        command
    }

    /// Attached to a program that runs; once this returns, no call of any of its threads goes unseen.
    pub fn attach(&self, process: u32) -> Running {
        let words = tempfile::NamedTempFile::new().unwrap();
        let mut command = self.traced();
        command.arg("-p").arg(process.to_string()).stderr(words.reopen().unwrap());
        let mut running = Running::start(&mut command);
        let said = || fs::read_to_string(words.path()).unwrap();
        wait::until(
            || format!("strace to attach: {}", said()),
            20,
            || match running.ended() {
                Some(status) => panic!("strace ended with {status}: {}", said()),
                None => said().contains(&format!("Process {process} attached")).then_some(()),
            },
        );
        running
    }

    fn traced(&self) -> Command {
        let mut command = traced(self.path.as_deref());
        command.arg("-o/dev/null").arg("-e").arg(format!("trace={}", self.syscall));
        command.arg("-e").arg(format!("inject={}:signal=KILL:when={}", self.syscall, self.when));
        command
    }
}

/// The program under strace, which writes each of these calls to `log`; the caller adds its arguments.
pub fn recorded(syscalls: &str, log: &Path, program: &Path) -> Command {
    let mut command = traced(None);
    command.arg("-qq").arg("-o").arg(log).arg("-e").arg(format!("trace={syscalls}")).arg("--").arg(program);
    command
}

/// Of each call in such a log, how often the thread made it that made it most: the kill points of that run.
pub fn most_calls(log: &str) -> BTreeMap<String, usize> {
    let mut calls = BTreeMap::new();
    for line in log.lines() {
        let Some((thread, call)) = line.split_once(' ') else { continue };
        let name = call.trim_start().split('(').next().unwrap_or_default();
        if name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_') {
            *calls.entry((name, thread)).or_insert(0) += 1;
        }
    }
    let mut most = BTreeMap::new();
    for ((name, _), count) in calls {
        let known = most.entry(name.to_owned()).or_insert(0);
        *known = count.max(*known);
    }
    most
}

/// Whether the plug was pulled: strace passes on the signal that ended its program.
pub fn was_killed(status: ExitStatus) -> bool {
    status.signal() == Some(9) || status.code() == Some(128 + 9)
}

/// Asks a process to end.
pub fn terminate(process: u32) {
    drop(Command::new("/bin/kill").args(["-TERM", "--", &process.to_string()]).stderr(Stdio::null()).status());
}

/// A program that runs in the background, under strace or not; ended with all its children when dropped.
pub struct Running(Child);

impl Running {
    /// Starts it at the head of a process group of its own.
    pub fn start(command: &mut Command) -> Self {
        Self(command.process_group(0).spawn().unwrap())
    }

    /// The process that was started.
    pub fn id(&self) -> u32 {
        self.0.id()
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

/// All threads, but no program that is started in turn: what befalls that one is another story.
fn traced(path: Option<&Path>) -> Command {
    let mut command = Command::new(program("strace"));
    command.args(["-f", "-b", "execve"]);
    if let Some(path) = path {
        command.arg("-P").arg(path);
    }
    command
}

#[cfg(test)]
mod tests {
    use std::io::Write;

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
    fn strikes_a_program_that_runs_already() {
        let folder = tempfile::tempdir().unwrap();
        let copy = folder.path().join("copy");
        let mut command = Command::new("/bin/dd");
        command.arg(format!("of={}", copy.display())).stdin(Stdio::piped()).stderr(Stdio::null());
        let mut running = Running::start(&mut command);
        let mut input = running.0.stdin.take().unwrap();
        let tracer = Kill { syscall: "write", when: 2, path: Some(copy.clone()) }.attach(running.id());
        input.write_all(&[7; 512]).unwrap();
        wait::until(|| "the first block".to_owned(), 20, || (fs::metadata(&copy).ok()?.len() == 512).then_some(()));
        assert!(running.ended().is_none());
        input.write_all(&[7; 512]).unwrap();
        assert!(was_killed(running.wait()));
        assert_eq!((fs::metadata(&copy).unwrap().len(), tracer.wait().success()), (512, true));
    }

    #[test]
    fn counts_the_kill_points_of_a_run() {
        let folder = tempfile::tempdir().unwrap();
        let log = folder.path().join("calls");
        let mut command = recorded("write,fsync", &log, Path::new("/bin/dd"));
        command.arg("if=/dev/zero").arg(format!("of={}", folder.path().join("copy").display()));
        command.args(["bs=10", "count=5", "conv=fsync"]).stderr(Stdio::null());
        assert!(Running::start(&mut command).wait().success());
        let calls = most_calls(&fs::read_to_string(log).unwrap());
        let count = |name: &str| calls.get(name).copied();
        assert_eq!(count("fsync"), Some(1));
        assert!(count("write") >= Some(5), "and what it says at the end: {calls:?}");
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
