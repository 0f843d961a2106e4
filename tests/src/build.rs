//! What cargo built: the libraries that forgeries are compiled against, and the real `sealgate` binary.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;

use serde_json::Value;

/// The root of the workspace.
pub fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap()
}

/// Paths of what was built.
#[allow(dead_code, reason = "the kill tests and stories of the real program take it from here")]
pub struct Built {
    /// The real program.
    pub sealgate: PathBuf,
    /// `.rlib` files by crate name: policy, keys, config, gateway; and serde, which may be there twice, for programs and
    /// for build scripts.
    pub libraries: Vec<(String, PathBuf)>,
}

/// Everything built, by the same selection of packages and features as the running test, so that nothing is built twice.
pub fn built() -> &'static Built {
    static BUILT: OnceLock<Built> = OnceLock::new();
    BUILT.get_or_init(|| {
        let output = Command::new(env!("CARGO"))
            .args(["build", "--workspace", "--all-targets", "--offline", "--message-format=json"])
            .current_dir(root())
            .output()
            .unwrap();
        assert!(output.status.success(), "cargo build: {}", String::from_utf8_lossy(&output.stderr));
        let messages = output.stdout.split(|byte| *byte == b'\n').filter_map(|line| serde_json::from_slice(line).ok());
        from_messages(&messages.collect::<Vec<Value>>())
    })
}

fn from_messages(messages: &[Value]) -> Built {
    let real = messages
        .iter()
        .filter(|message| message["reason"] == "compiler-artifact" && message["profile"]["test"] == Value::Bool(false));
    let mut libraries = Vec::new();
    let mut sealgate = None;
    for message in real {
        let name = message["target"]["name"].as_str().unwrap_or_default();
        if let (Some(program), "sealgate") = (message["executable"].as_str(), name) {
            sealgate = Some(PathBuf::from(program));
        }
        if ["policy", "keys", "config", "gateway", "serde"].contains(&name) {
            let files = message["filenames"].as_array().into_iter().flatten().filter_map(Value::as_str);
            libraries.extend(files.filter(|file| file.ends_with(".rlib")).map(|file| (name.to_owned(), file.into())));
        }
    }
    assert!(libraries.len() >= 5, "cargo names each library: {libraries:?}");
    Built { sealgate: sealgate.expect("cargo names the sealgate program"), libraries }
}
