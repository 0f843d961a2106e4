//! Forgeries that must not compile, each for the reason it names: the promises that are held by a type.
//!
//! A forgery is a file in `forgeries/`. Its first line is `// expect: E0451` (or several, with commas): exactly these
//! errors must come. The lines that end in `// forged` are the forgery; without them the file must compile, so that
//! nothing but the forgery can be what fails.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;

use crate::build::{built, root};

const FORGED: &str = "// forged";

#[test]
fn no_forgery_compiles_and_each_fails_for_its_own_reason() {
    let mut wrong = Vec::new();
    for path in forgeries() {
        let name = path.file_stem().unwrap().to_string_lossy().into_owned();
        let text = fs::read_to_string(&path).unwrap();
        let expected = expected(&text);
        if expected.is_empty() {
            wrong.push(format!("{name}: its first line names no error code: `// expect: E0451`"));
            continue;
        }
        let (found, words) = compile(&name, &text);
        if found != expected {
            wrong.push(format!("{name}: expected {expected:?}, found {found:?}\n{words}"));
        }
        let honest: String =
            text.lines().filter(|line| !line.ends_with(FORGED)).map(|line| format!("{line}\n")).collect();
        let (found, words) = compile(&format!("{name}_honest"), &honest);
        if honest.lines().count() == text.lines().count() || !found.is_empty() {
            wrong.push(format!("{name}: without its forged lines it must compile; found {found:?}\n{words}"));
        }
    }
    assert!(wrong.is_empty(), "{} forgeries are not what they should be:\n{}", wrong.len(), wrong.join("\n"));
}

#[test]
fn the_honest_way_compiles() {
    let text = fs::read_to_string(folder().join("honest.rs")).unwrap();
    let (found, words) = compile("honest", &text);
    assert!(found.is_empty(), "{found:?}\n{words}");
}

fn folder() -> PathBuf {
    root().join("tests/src/forgeries")
}

fn forgeries() -> Vec<PathBuf> {
    let paths = fs::read_dir(folder()).unwrap().map(|entry| entry.unwrap().path());
    let mut paths: Vec<_> = paths.filter(|path| !path.ends_with("honest.rs")).collect();
    paths.sort();
    assert!(paths.len() >= 10, "the forgeries are found");
    paths
}

fn expected(text: &str) -> BTreeSet<String> {
    let codes = text.lines().next().and_then(|line| line.strip_prefix("// expect: ")).unwrap_or_default();
    codes.split(", ").filter(|code| !code.is_empty()).map(str::to_owned).collect()
}

/// The serde that our libraries were built with: the one whose `Serialize` a letter's reference has.
fn serde() -> &'static Path {
    static SERDE: OnceLock<&Path> = OnceLock::new();
    SERDE.get_or_init(|| {
        let text = "fn store(_: impl serde::Serialize) {} pub fn honest(id: policy::LetterId) { store(id); }";
        let mut candidates = built().libraries.iter().filter(|(name, _)| name == "serde");
        let fits = |path: &Path| compile_with(path, "serde", text).0.is_empty();
        candidates.find(|(_, path)| fits(path)).map(|(_, path)| path.as_path()).expect("one serde fits")
    })
}

fn compile(name: &str, text: &str) -> (BTreeSet<String>, String) {
    compile_with(serde(), name, text)
}

/// Compiles `text` against our libraries as cargo built them; the error codes (`uncoded` for one without), and rustc's words.
fn compile_with(serde: &Path, name: &str, text: &str) -> (BTreeSet<String>, String) {
    let folder = tempfile::tempdir().unwrap();
    let source = folder.path().join(format!("{name}.rs"));
    fs::write(&source, text).unwrap();
    let mut rustc = Command::new(std::env::var_os("RUSTC").unwrap_or_else(|| "rustc".into()));
    rustc.args(["--edition=2024", "--crate-type=lib", "--emit=metadata", "--cap-lints=allow", "--color=never"]);
    rustc.arg("--out-dir").arg(folder.path()).arg(&source);
    rustc.arg("--extern").arg(format!("serde={}", serde.display()));
    for (name, library) in built().libraries.iter().filter(|(name, _)| name != "serde") {
        rustc.arg("--extern").arg(format!("{name}={}", library.display()));
        rustc.arg("-L").arg(format!("dependency={}", deps_of(library).display()));
    }
    let output = rustc.output().unwrap();
    let words = String::from_utf8_lossy(&output.stderr).into_owned();
    let mut found: BTreeSet<_> = words.lines().filter_map(code_of).collect();
    if !output.status.success() && found.is_empty() {
        found.insert("uncoded".to_owned());
    }
    (found, words)
}

/// Where the library's own dependencies lie: cargo puts a copy of ours one folder up.
fn deps_of(library: &Path) -> PathBuf {
    let folder = library.parent().unwrap();
    if folder.ends_with("deps") { folder.to_owned() } else { folder.join("deps") }
}

/// `error[E0451]: …` names a code; `error: aborting …` sums up.
fn code_of(line: &str) -> Option<String> {
    let rest = line.strip_prefix("error")?;
    match rest.strip_prefix('[') {
        Some(coded) => coded.split(']').next().map(str::to_owned),
        None => (rest.starts_with(": ") && !rest.starts_with(": aborting")).then(|| "uncoded".to_owned()),
    }
}
