//! Rules on what depends on what: between our crates by their manifests, on others by `cargo tree`.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::process::Command;

use toml::{Table, Value};

use crate::build::root;

const OURS: [&str; 5] = ["policy", "keys", "config", "gateway", "tests"];

#[test]
fn our_crates_depend_one_way() {
    let allowed: [(&str, &[&str]); 4] =
        [("policy", &[]), ("keys", &["policy"]), ("config", &["policy"]), ("gateway", &["config", "keys", "policy"])];
    for (member, may) in allowed {
        for name in ours_of(member) {
            assert!(may.contains(&name.as_str()), "{member} may not depend on {name}: its manifest is to drop it");
        }
    }
}

fn ours_of(member: &str) -> BTreeSet<String> {
    let text = fs::read_to_string(root().join(member).join("Cargo.toml")).unwrap();
    let manifest: Table = text.parse().unwrap();
    let tables =
        ["dependencies", "dev-dependencies", "build-dependencies"].into_iter().filter_map(|key| manifest.get(key));
    let names = tables.filter_map(Value::as_table).flat_map(|table| table.keys().cloned());
    names.filter(|name| OURS.contains(&name.as_str())).collect()
}

#[test]
fn the_graph_holds_what_it_may() {
    let versions = versions();
    for (name, why) in [
        ("ring", "a second crypto provider: choose aws-lc-rs in the features of the crate that brings it"),
        ("openssl-sys", "OpenSSL: choose rustls in the features of the crate that brings it"),
        ("native-tls", "the system's TLS: choose rustls in the features of the crate that brings it"),
        ("async-std", "a second runtime: choose tokio in the features of the crate that brings it"),
    ] {
        assert!(!versions.contains_key(name), "{name} is in the graph, {why} (`cargo tree -i {name}`)");
    }
    for name in ["mail-parser", "rustls", "age", "aws-lc-sys", "tokio", "hyper", "sqlx"] {
        let found = versions.get(name).unwrap_or_else(|| panic!("{name} is not in the graph: drop it from this list"));
        assert_eq!(found.len(), 1, "{name} is there in {found:?}: hold the crate that brings the second one back");
    }
}

fn versions() -> BTreeMap<String, BTreeSet<String>> {
    let output = Command::new(env!("CARGO"))
        .args(["tree", "--workspace", "--offline", "--edges", "normal,build,dev", "--prefix", "none"])
        .args(["--format", "{p}"])
        .current_dir(root())
        .output()
        .unwrap();
    assert!(output.status.success(), "cargo tree: {}", String::from_utf8_lossy(&output.stderr));
    let mut versions = BTreeMap::<_, BTreeSet<_>>::new();
    for line in String::from_utf8(output.stdout).unwrap().lines() {
        let mut words = line.split_whitespace();
        if let (Some(name), Some(version)) = (words.next(), words.next()) {
            versions.entry(name.to_owned()).or_default().insert(version.to_owned());
        }
    }
    versions
}
