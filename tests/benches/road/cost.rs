//! What a program costs, as the kernel counts it: processor time and memory of a process and all below it.
//!
//! A child that has ended counts for the parent that waited for it, so the sum over the living is the sum over all.

use std::collections::HashMap;
use std::fs;

use crate::wait;

/// The kernel's tick in `/proc`, which Linux fixes at 100 a second on every machine that we build for.
const TICK_MS: f64 = 10.0;
/// So many looks 10 ms apart without a tick more: it rests.
const STILL: u32 = 25;

/// Processor time so far of the process and of all below it, ms.
pub fn cpu_ms(pid: u32) -> f64 {
    tree(pid).iter().map(|process| process.ticks).sum::<u64>() as f64 * TICK_MS
}

/// Processor time so far of this process alone, ms.
pub fn own_cpu_ms() -> f64 {
    look(std::process::id()).unwrap().ticks_alone as f64 * TICK_MS
}

/// The same as [`cpu_ms`], once it no longer grows: what follows a delivery belongs to it.
pub fn cpu_ms_at_rest(pid: u32) -> f64 {
    let (mut last, mut still) = (cpu_ms(pid), 0);
    wait::until(
        || "the program to rest".to_owned(),
        30,
        || {
            let now = cpu_ms(pid);
            still = if now > last { 0 } else { still + 1 };
            last = now;
            (still >= STILL).then_some(now)
        },
    )
}

/// Proportional set size of the process and of all below it, KiB.
pub fn pss_kib(pid: u32) -> u64 {
    tree(pid).iter().map(|process| field_kib(&format!("/proc/{}/smaps_rollup", process.pid), "Pss:")).sum()
}

/// How many processes that is.
pub fn processes(pid: u32) -> usize {
    tree(pid).len()
}

/// Highest resident set of one process since it began or since [`forget_peak`], KiB.
pub fn peak_kib(pid: u32) -> u64 {
    field_kib(&format!("/proc/{pid}/status"), "VmHWM:")
}

/// Counts the highest resident set from now on (proc(5), `clear_refs`).
pub fn forget_peak(pid: u32) {
    fs::write(format!("/proc/{pid}/clear_refs"), "5").unwrap();
}

/// Processes just below this one.
pub fn children(pid: u32) -> Vec<u32> {
    tree(pid).iter().filter(|process| process.parent == pid).map(|process| process.pid).collect()
}

/// The load averages.
pub fn load() -> String {
    fs::read_to_string("/proc/loadavg").unwrap().split(' ').take(3).collect::<Vec<_>>().join(" ")
}

struct Process {
    pid: u32,
    parent: u32,
    /// With its children that have ended.
    ticks: u64,
    ticks_alone: u64,
}

fn tree(root: u32) -> Vec<Process> {
    let mut below: HashMap<u32, Vec<Process>> = HashMap::new();
    let mut found = Vec::new();
    for entry in fs::read_dir("/proc").unwrap().flatten() {
        let Some(pid) = entry.file_name().to_str().and_then(|name| name.parse().ok()) else { continue };
        let Some(process) = look(pid) else { continue };
        if pid == root {
            found.push(process);
        } else {
            below.entry(process.parent).or_default().push(process);
        }
    }
    let mut next = 0;
    while next < found.len() {
        found.extend(below.remove(&found[next].pid).unwrap_or_default());
        next += 1;
    }
    found
}

/// proc(5): after the name in brackets, the third field is the parent's id as the second; 14 to 17 are the times.
fn look(pid: u32) -> Option<Process> {
    let text = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    let fields: Vec<&str> = text.rsplit_once(')')?.1.split_whitespace().collect();
    let times: Vec<u64> = fields.get(11..15)?.iter().filter_map(|field| field.parse().ok()).collect();
    let (ticks, ticks_alone) = (times.iter().sum(), times.iter().take(2).sum());
    Some(Process { pid, parent: fields.get(1)?.parse().ok()?, ticks, ticks_alone })
}

fn field_kib(path: &str, name: &str) -> u64 {
    let text = fs::read_to_string(path).unwrap_or_default();
    let line = text.lines().find_map(|line| line.strip_prefix(name));
    line.and_then(|rest| rest.split_whitespace().next()?.parse().ok()).unwrap_or_default()
}
