//! Each path that the documents name is there, from the root or from the gateway's sources, as the code map names them.
//!
//! Not here: links within a page, and what stands in a block of its own.

use super::{Breach, File, Rule};
use crate::build::root;

pub const RULES: &[Rule] = &[Rule {
    name: "named path",
    breaches,
    bad: &[
        ("ARCHITECTURE.md", "Read `gateway/src/of_old.rs` first."),
        ("README.md", "| `of_old.rs` | what it did |"),
        ("docs/a.md", "See `docs/of_old.md`, and then more."),
        ("docs/reference/a.md", "The folder `intake/of_old/` and `policy/`."),
    ],
}];

/// Where a name may begin, besides the page's own folder.
const BASES: [&str; 2] = ["", "gateway/src"];

/// How names begin that are no paths of the tree: media types, and what a reader has made by following a page.
const ELSEWHERE: [&str; 6] = ["application/", "multipart/", "etc/", "surgery-mail/", "target/", "sealgate.toml"];

fn breaches(files: &[File]) -> Vec<Breach> {
    let mut breaches = Vec::new();
    for page in files.iter().filter(|file| file.path.ends_with(".md")) {
        let own = page.path.rsplit_once('/').map_or("", |(folder, _)| folder);
        for (index, line) in page.text.lines().enumerate() {
            for name in line.split('`').skip(1).step_by(2).filter(|name| is_path(name)) {
                if !BASES.iter().chain([&own]).any(|base| root().join(base).join(name).exists()) {
                    let fix = format!("there is no `{name}`: name what is there, from the root or from gateway/src");
                    breaches.push(Breach { place: format!("{}:{}", page.path, index + 1), fix });
                }
            }
        }
    }
    breaches
}

fn is_path(name: &str) -> bool {
    let plain = name.chars().all(|letter| letter.is_ascii_alphanumeric() || "._-/".contains(letter));
    let is_file = [".rs", ".md", ".toml"].iter().any(|ending| name.len() > ending.len() && name.ends_with(ending));
    let is_ours = !name.starts_with('/') && !ELSEWHERE.iter().any(|start| name.starts_with(start));
    plain && is_ours && (is_file || name.contains('/'))
}

#[test]
fn paths_are_told_from_other_words() {
    let cases = [
        ("gateway/src/journey.rs", true),
        ("journey.rs", true),
        ("intake/smtp", true),
        ("policy/", true),
        (".rs", false),
        ("tls-email", false),
        ("consent.none", false),
        ("/etc/resolv.conf", false),
        ("etc/register.toml", false),
        ("application/json", false),
        ("target/debug/sealgate", false),
        ("config/sealgate.toml", true),
        ("https://host.example/letters", false),
        ("impl A / B", false),
    ];
    for (name, expected) in cases {
        assert_eq!(is_path(name), expected, "{name}");
    }
}
