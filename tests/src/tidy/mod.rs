//! The house rules as tests. A message names the place, the rule and the fix.
//!
//! Each rule is a function from sources to breaches. It is tried on the tree, and on a bad sample that it must catch.

mod crash_points;
mod graph;
mod paths;
mod places;
mod shape;
mod sources;
mod words;

use sources::{File, files};

/// A rule broken: where, and what to do.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Breach {
    place: String,
    fix: String,
}

/// Breaches that are right all the same: rule, place, and the reason. One that is no longer needed fails the test.
const EXCEPTIONS: &[(&str, &str, &str)] = &[];

/// A rule by name, the function that finds its breaches, and samples `(path, text)` that each break it.
struct Rule {
    name: &'static str,
    breaches: fn(&[File]) -> Vec<Breach>,
    bad: &'static [(&'static str, &'static str)],
}

fn rules() -> impl Iterator<Item = &'static Rule> {
    shape::RULES.iter().chain(words::RULES).chain(places::RULES).chain(paths::RULES).chain(crash_points::RULES)
}

#[test]
fn the_tree_keeps_the_house_rules() {
    let files = files();
    let mut lines = Vec::new();
    for rule in rules() {
        let mut excepted: Vec<_> = EXCEPTIONS.iter().filter(|(name, ..)| *name == rule.name).collect();
        for breach in (rule.breaches)(&files) {
            match excepted.iter().position(|(_, place, _)| breach.place.starts_with(place)) {
                Some(index) => drop(excepted.remove(index)),
                None => lines.push(format!("{}: {} [{}]", breach.place, breach.fix, rule.name)),
            }
        }
        let unneeded = excepted.iter().map(|(name, place, _)| format!("{place}: drop the unneeded exception [{name}]"));
        lines.extend(unneeded);
    }
    lines.sort();
    assert!(lines.is_empty(), "{} house rules broken:\n{}", lines.len(), lines.join("\n"));
}

#[test]
fn every_rule_bites() {
    for rule in rules() {
        assert!(!rule.bad.is_empty(), "the rule {:?} has no bad sample", rule.name);
        for (path, text) in rule.bad {
            let breaches = (rule.breaches)(&[File::new(path, &text.replace('¶', ""))]);
            assert!(!breaches.is_empty(), "the rule {:?} lets {text:?} pass", rule.name);
        }
    }
}

#[test]
fn every_exception_has_a_known_rule_and_a_reason() {
    for (name, place, reason) in EXCEPTIONS {
        assert!(rules().any(|rule| rule.name == *name), "no rule is called {name:?}");
        assert!(reason.len() >= 20, "{place}: say why");
    }
}
