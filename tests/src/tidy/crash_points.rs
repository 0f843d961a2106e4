//! Each `// CRASH: slug` in product code has its kill test, and each kill test its place.

use super::{Breach, File, Rule};
use crate::crashes::SLUGS;

pub const RULES: &[Rule] = &[Rule {
    name: "crash point",
    breaches,
    bad: &[
        ("gateway/src/a.rs", "// CRASH: a-slug-of-no-test: all is lost\n"),
        ("gateway/src/a.rs", "// CRASH: Not a slug\n"),
    ],
}];

fn breaches(files: &[File]) -> Vec<Breach> {
    let mut breaches = Vec::new();
    let mut seen = Vec::new();
    for file in files.iter().filter(|file| file.is_product()) {
        for (index, line) in file.text.lines().enumerate() {
            let Some(rest) = line.trim_start().strip_prefix("// CRASH:") else { continue };
            let slug = rest.trim().split([':', ' ', '.', ',']).next().unwrap_or_default();
            let well_formed =
                slug.contains('-') && slug.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-');
            let fix = if !well_formed {
                "write `// CRASH: some-slug: what a crash just here leaves behind`".to_owned()
            } else if seen.contains(&slug) {
                format!("`{slug}` names two places: give each its own")
            } else if !SLUGS.contains(&slug) {
                format!("add a kill test of the slug `{slug}` to tests/src/crashes.rs")
            } else {
                seen.push(slug);
                continue;
            };
            breaches.push(Breach { place: format!("{}:{}", file.path, index + 1), fix });
        }
    }
    for slug in SLUGS.iter().filter(|slug| !seen.contains(slug)) {
        let fix =
            format!("the kill test `{slug}` has no `// CRASH: {slug}` in product code: drop it, or mark the place");
        breaches.push(Breach { place: "tests/src/crashes.rs".to_owned(), fix });
    }
    breaches
}
