//! The table: medians over the rounds with the least and the most, and each figure of Sealgate as a ratio to Postfix's.

use crate::letter::Size;
use crate::run::{Big, Cell, Memory, Peer, Round};
use crate::sender::Sessions;

/// The least, the median and the most of some rounds.
struct Spread {
    least: f64,
    median: f64,
    most: f64,
}

impl Spread {
    fn of(values: impl Iterator<Item = f64>) -> Self {
        let mut values: Vec<f64> = values.collect();
        values.sort_by(f64::total_cmp);
        let (low, high) = (values[(values.len() - 1) / 2], values[values.len() / 2]);
        Self { least: values[0], median: f64::midpoint(low, high), most: values[values.len() - 1] }
    }
}

impl std::fmt::Display for Spread {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let digits = usize::from(self.median < 100.0);
        let Self { least, median, most } = self;
        let text = format!("{median:.digits$} ({least:.digits$}–{most:.digits$})");
        f.pad(&text)
    }
}

/// One cell: a line for each peer.
pub fn print_cell(cell: &Cell, rounds: &[Vec<Round>], letters: usize) {
    let how = if cell.sessions == Sessions::One { "one a session" } else { "many a session" };
    println!("\n{}, {how}; {} rounds of {letters}", cell.size.name(), rounds[0].len());
    println!(
        "  {:<30} {:<20} {:<18} {:<18} {:<18} {:<18} {:<8} peak RSS",
        "", "delivered/s", "CPU ms/letter", "250 p50 ms", "arrival p50 ms", "arrival p99 ms", "harness"
    );
    let mut rival: Option<(f64, f64)> = None;
    for (peer, rounds) in cell.peers.iter().zip(rounds) {
        let spread = |figure: fn(&Round) -> f64| Spread::of(rounds.iter().map(figure));
        let rate = spread(|round| round.delivered_per_sec);
        let cpu = spread(|round| round.cpu_ms);
        println!(
            "  {:<30} {rate:<20} {cpu:<18} {:<18} {:<18} {:<18} {:<8.1} {}",
            peer.name(),
            spread(|round| at(&round.accept_ms, 50)),
            spread(|round| at(&round.end_to_end_ms, 50)),
            spread(|round| at(&round.end_to_end_ms, 99)),
            spread(|round| round.harness_cpu_ms).median,
            rounds
                .iter()
                .filter_map(|round| round.peak_kib)
                .max()
                .map_or_else(String::new, |kib| format!("{} MiB", kib / 1024)),
        );
        match rival {
            _ if *peer == Peer::Postfix => rival = Some((rate.median, cpu.median)),
            Some((its_rate, its_cpu)) => {
                let (rate, cpu) = (rate.median / its_rate, cpu.median / its_cpu);
                println!("  {:<30} {:<20} {:<18}", "    to postfix", format!("× {rate:.2}"), format!("× {cpu:.2}"));
            }
            None => {}
        }
    }
}

/// Memory before the first letter.
pub fn print_rest(at_rest: &[Memory]) {
    for Memory { name, pss_kib, processes } in at_rest {
        println!("{name} at rest: {:.1} MiB PSS, {processes} processes", *pss_kib as f64 / 1024.0);
    }
}

/// Memory of idle connections.
pub fn print_idle(measured: &[(&str, f64)]) {
    println!();
    for (name, kib) in measured {
        println!("{name}, each idle TLS connection: {kib:.0} KiB PSS");
    }
}

/// The largest letter.
pub fn print_big(came_to: &[Big]) {
    println!();
    for Big { name, took, cpu_ms, main_kib: (before, after), reader_kib } in came_to {
        let mib = |kib: &u64| kib / 1024;
        println!(
            "{name}, one letter of {}: {:.1} s, {cpu_ms:.0} ms CPU; RSS {} MiB before, {} MiB at most, reader {} MiB",
            Size::Huge.name(),
            took.as_secs_f64(),
            mib(before),
            mib(after),
            mib(reader_kib),
        );
    }
}

/// The value below which so many percent lie.
fn at(sorted: &[f64], percent: usize) -> f64 {
    sorted[(sorted.len() * percent / 100).min(sorted.len() - 1)]
}
