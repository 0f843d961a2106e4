//! Rules on words: what a file opens with, and what may stand in no file at all.
//!
//! Words that this file itself must name are written with a `¶` inside, so that it keeps its own rules.

use super::{Breach, File, Rule};

pub const RULES: &[Rule] = &[
    Rule { name: "opening", breaches: no_opening, bad: &[("policy/src/a.rs", "use std::fmt;")] },
    Rule { name: "unfinished", breaches: unfinished, bad: &[("docs/a.md", "TO¶DO: say more")] },
    Rule { name: "ignored test", breaches: ignored_tests, bad: &[("tests/src/a.rs", "#[test] #[ig¶nore] fn t() {}")] },
    Rule {
        name: "sleep in a test",
        breaches: sleeps,
        bad: &[
            ("tests/src/a.rs", "fn t() { std::thread::sleep(a()); }"),
            ("gateway/src/a.rs", "#[cfg(test)] mod tests { async fn t() { tokio::time::sleep(a()).await; } }"),
        ],
    },
    Rule {
        name: "machine path",
        breaches: machine_paths,
        bad: &[("docs/a.md", "It lies in /ho¶me/someone/sealgate.")],
    },
];

/// Files that may wait: each asks again and again for something that nothing announces.
const MAY_SLEEP: &[&str] = &["tests/src/wait.rs"];

fn no_opening(files: &[File]) -> Vec<Breach> {
    let bare = files.iter().filter(|file| file.is_rust() && !file.text.starts_with("//!") && !is_forgery(file));
    let fix = "open with `//!`: the one concern of this file, and what is deliberately not here".to_owned();
    bare.map(|file| Breach { place: file.path.clone(), fix: fix.clone() }).collect()
}

/// A forgery opens with the error that it expects.
fn is_forgery(file: &File) -> bool {
    file.path.starts_with("tests/src/forgeries/") && file.text.starts_with("// expect: ")
}

fn unfinished(files: &[File]) -> Vec<Breach> {
    let marks = ["TO¶DO", "FIX¶ME", "X¶XX"].map(plain);
    lines(files, |line| {
        let words = line.split(|letter: char| !letter.is_ascii_alphanumeric());
        let mark = words.into_iter().find(|word| marks.iter().any(|mark| mark == word))?;
        Some(format!("`{mark}`: do it, or file an issue and drop the mark"))
    })
}

fn ignored_tests(files: &[File]) -> Vec<Breach> {
    let mark = plain("#[ig¶nore");
    lines(files, |line| line.contains(&mark).then(|| "an ignored test proves nothing: mend it or drop it".to_owned()))
}

fn sleeps(files: &[File]) -> Vec<Breach> {
    let mut breaches = Vec::new();
    for file in files.iter().filter(|file| !MAY_SLEEP.contains(&file.path.as_str())) {
        let tokens = file.tokens();
        for window in tokens.windows(4) {
            let [(module, line), (colon, _), (_, _), (name, _)] = window else { continue };
            let sleeping = ["thread", "time"].contains(&module.as_str()) && colon == ":" && name == "sleep";
            if sleeping && file.is_test_line(*line) {
                let fix = "a test never sleeps: set the World's clock, or wait for the event (`wait::until`)";
                breaches.push(Breach { place: format!("{}:{line}", file.path), fix: fix.to_owned() });
            }
        }
    }
    breaches
}

fn machine_paths(files: &[File]) -> Vec<Breach> {
    let folders = ["/ho¶me/", "/ro¶ot/", "/wo¶rk/", "/Us¶ers/", "/op¶t/"].map(plain);
    lines(files, |line| {
        let folder = folders.iter().find(|folder| {
            line.match_indices(folder.as_str()).any(|(at, _)| {
                let before = line[..at].chars().next_back();
                !before.is_some_and(|letter| letter.is_alphanumeric() || ".-_/$)}".contains(letter))
            })
        })?;
        Some(format!("`{folder}` is a path of one machine: say it so that it is true anywhere"))
    })
}

fn plain(word: &str) -> String {
    word.replace('¶', "")
}

fn lines(files: &[File], fix: impl Fn(&str) -> Option<String>) -> Vec<Breach> {
    let mut breaches = Vec::new();
    for file in files {
        for (index, line) in file.text.lines().enumerate() {
            breaches.extend(fix(line).map(|fix| Breach { place: format!("{}:{}", file.path, index + 1), fix }));
        }
    }
    breaches
}
