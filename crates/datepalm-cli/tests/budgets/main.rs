//! The house rules that a machine can check, read from the files of the workspace.
//!
//! Each test names one rule and fails with the lines that break it. Nothing here looks into a crate's
//! code by type: what the compiler and clippy can say, they say.

mod dependencies;
mod documents;
mod lexer;
mod sources;

use std::path::{Path, PathBuf};

/// The folder that holds the workspace's `Cargo.toml`.
fn root() -> PathBuf {
    let crates = Path::new(env!("CARGO_MANIFEST_DIR"))
        .parent()
        .expect("the crate lies in crates/");
    crates
        .parent()
        .expect("crates/ lies in the workspace")
        .to_path_buf()
}

/// The text of a file, named from the root.
fn read(path: &Path) -> String {
    std::fs::read_to_string(root().join(path)).unwrap_or_else(|e| panic!("{}: {e}", path.display()))
}

/// All files below a folder with this ending, named from the root, in order. What is built, fetched or
/// generated for a tool is left out, and so is what is hidden.
fn files(folder: &str, ending: &str) -> Vec<PathBuf> {
    let mut found = Vec::new();
    let mut folders = vec![root().join(folder)];
    while let Some(folder) = folders.pop() {
        let entries =
            std::fs::read_dir(&folder).unwrap_or_else(|e| panic!("{}: {e}", folder.display()));
        for entry in entries {
            let entry = entry.expect("a folder that can be opened can be read");
            let name = entry.file_name().to_string_lossy().into_owned();
            let kind = entry.file_type().expect("an entry has a type");
            if kind.is_dir() && !matches!(name.as_str(), "target" | "node_modules" | "build") {
                if !name.starts_with('.') {
                    folders.push(entry.path());
                }
            } else if kind.is_file() && name.ends_with(ending) {
                let path = entry.path();
                found.push(
                    path.strip_prefix(root())
                        .expect("it lies below the root")
                        .to_path_buf(),
                );
            }
        }
    }
    found.sort();
    found
}

/// Fails with the offending lines, one below the other.
#[track_caller]
fn none(rule: &str, offending: &[String]) {
    assert!(
        offending.is_empty(),
        "{rule}:\n  {}",
        offending.join("\n  ")
    );
}
