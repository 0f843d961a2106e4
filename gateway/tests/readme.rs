//! The pages that show what the program prints: the README's transcript and the command line's reference stay true.

#![allow(clippy::expect_used, clippy::panic, reason = "a test may fail")]

use std::fmt::Write;
use std::path::Path;
use std::process::Command;

use clap::{Arg, Command as Noun, CommandFactory};
use gateway::cli::args::Cli;
use gateway::registers::file;

/// A page of the repository.
fn page(name: &str) -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("..").join(name);
    std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// What differs from run to run, by a mark: a letter's reference, and every number.
fn masked(line: &str) -> String {
    let mut words: Vec<String> = Vec::new();
    for word in line.split_whitespace() {
        let mut marked = String::new();
        for c in if word.starts_with("SG-") { "SG-" } else { word }.chars() {
            match c.is_ascii_digit() {
                true if marked.ends_with('#') => {}
                true => marked.push('#'),
                false => marked.push(c),
            }
        }
        words.push(marked);
    }
    words.join(" ")
}

#[test]
fn the_readme_shows_what_the_demo_prints() {
    let played = Command::new(env!("CARGO_BIN_EXE_sealgate")).args(["demo", "--once"]).output().expect("the demo");
    let printed = String::from_utf8_lossy(&played.stdout).into_owned();
    let said = String::from_utf8_lossy(&played.stderr);
    assert_eq!(played.status.code(), Some(0), "{printed}\n{said}");
    let readme = page("README.md");
    let (_, after) = readme.split_once("$ make demo ONCE=1\n").expect("the transcript");
    let shown: Vec<&str> = after.lines().take_while(|line| *line != "```").collect();
    assert!(shown.len() >= 6, "the transcript is whole: {shown:?}");
    let mut printed_lines = printed.lines().map(masked);
    for line in shown {
        assert!(printed_lines.any(|other| other == masked(line)), "README.md shows {line:?}, the demo:\n{printed}");
    }
}

#[test]
fn the_reference_of_the_command_line_is_what_help_says() {
    let mut told = String::new();
    let mut program = Cli::command();
    program.build();
    for noun in program.get_subcommands().filter(|noun| is_told(noun)) {
        writeln!(told, "\n## {}", noun.get_name()).expect("room");
        if noun.has_subcommands() {
            writeln!(told, "\n{}.", noun.get_about().expect("what it is")).expect("room");
            noun.get_subcommands().filter(|verb| is_told(verb)).for_each(|verb| tell(verb, &mut told));
        } else {
            tell(noun, &mut told);
        }
    }
    let written = page("docs/reference/cli.md");
    let (_, written) = written.split_once("<!-- from --help -->\n").expect("the mark");
    let fresh = Path::new(env!("CARGO_TARGET_TMPDIR")).join("cli.md");
    std::fs::write(&fresh, &told).expect("a file");
    assert!(written == told, "docs/reference/cli.md differs below its mark from {}: copy that in", fresh.display());
}

#[test]
fn the_example_of_a_register_is_sound() {
    let reference = page("docs/reference/register.md");
    let (_, after) = reference.split_once("```toml\n").expect("the example");
    let (example, _) = after.split_once("```").expect("its end");
    let told = file::parse(example, "register.md", &file::Known::default());
    let known = told.unwrap_or_else(|error| panic!("{error}"));
    assert_eq!((known.agencies.len(), known.consents.len()), (1, 1));
}

#[test]
fn every_link_of_the_pages_leads_somewhere() {
    let pages = ["tutorial.md", "how-to.md", "why.md", "performance.md", "reference/cli.md", "reference/register.md"];
    let reference = ["reference/smtp.md", "reference/api.md", "reference/reasons.md"];
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let all = pages.iter().chain(&reference).map(|name| root.join("docs").join(name));
    for file in all.chain([root.join("README.md"), root.join("ARCHITECTURE.md")]).filter(|file| file.exists()) {
        let text = std::fs::read_to_string(&file).expect("a page");
        for (_, rest) in text.match_indices("](").map(|(at, _)| text.split_at(at + 2)) {
            let target = rest.split([')', '#']).next().unwrap_or_default();
            let leads = target.contains("://") || file.with_file_name(target).exists() || target.is_empty();
            assert!(leads, "{}: {target:?} is not there", file.display());
        }
    }
}

fn is_told(command: &Noun) -> bool {
    command.get_name() != "help" && !command.is_hide_set()
}

/// One command that can be typed: its usage, what it does, its own arguments.
fn tell(command: &Noun, told: &mut String) {
    let usage = command.clone().render_usage().to_string().replace("Usage: ", "").replace(" [OPTIONS]", "");
    writeln!(told, "\n    {usage}\n\n{}.\n", command.get_about().expect("what it does")).expect("room");
    let shared = |argument: &&Arg| !argument.is_global_set() && !argument.is_hide_set() && argument.get_id() != "help";
    for argument in command.get_arguments().filter(shared) {
        let help = argument.get_help().map(|help| format!(": {help}")).unwrap_or_default();
        let values: Vec<_> = argument.get_default_values().iter().map(|value| value.to_string_lossy()).collect();
        let default = if values.is_empty() || !argument.get_action().takes_values() {
            String::new()
        } else {
            format!(" (default `{}`)", values.join(" "))
        };
        writeln!(told, "- `{argument}`{help}{default}").expect("room");
    }
    if told.ends_with("\n\n") {
        told.pop();
    }
}
