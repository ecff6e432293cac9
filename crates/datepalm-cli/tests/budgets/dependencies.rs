//! Rules about what the workspace depends on, read from its manifests and its lock file.

use crate::{none, read};
use std::path::Path;

const PACKAGES_MAX: usize = 400;
const DIRECT_MAX: usize = 40;
const OURS: [&str; 3] = ["tamara", "tamara-sandbox", "datepalm"];

/// The names under `[section]` of a manifest.
pub fn names(manifest: &str, section: &str) -> Vec<String> {
    let head = format!("[{section}]");
    let lines = manifest
        .lines()
        .map(str::trim)
        .skip_while(|line| *line != head)
        .skip(1);
    lines
        .take_while(|line| !line.starts_with('['))
        .filter(|line| !line.starts_with('#'))
        .filter_map(|line| line.split_once('='))
        .map(|(name, _)| {
            name.trim()
                .trim_end_matches(".workspace")
                .trim_matches('"')
                .to_owned()
        })
        .collect()
}

fn of_crate(name: &str) -> Vec<String> {
    let manifest = read(&Path::new("crates").join(name).join("Cargo.toml"));
    assert!(
        !manifest.contains("[target.") && !manifest.contains("[dependencies."),
        "this test reads plain sections only"
    );
    let sections = ["dependencies", "dev-dependencies", "build-dependencies"];
    sections
        .iter()
        .flat_map(|section| names(&manifest, section))
        .collect()
}

#[test]
fn the_lock_file_has_at_most_400_packages() {
    let packages = read(Path::new("Cargo.lock")).matches("[[package]]").count();
    assert!(packages <= PACKAGES_MAX, "{packages} packages");
}

#[test]
fn the_service_has_at_most_40_direct_dependencies() {
    let direct = names(
        &read(Path::new("crates/datepalm/Cargo.toml")),
        "dependencies",
    );
    assert!(
        direct.contains(&"tokio".to_owned()),
        "the manifest is not read as it is written: {direct:?}"
    );
    assert!(direct.len() <= DIRECT_MAX, "{}: {direct:?}", direct.len());
}

/// A mistake that client and sandbox shared could hide in both.
#[test]
fn the_sandbox_depends_on_nothing_of_ours() {
    let ours = of_crate("tamara-sandbox")
        .into_iter()
        .filter(|name| OURS.contains(&name.as_str()));
    none(
        "the sandbox has its own wire types",
        &ours.collect::<Vec<_>>(),
    );
}

#[test]
fn the_client_depends_on_nothing_of_ours() {
    let ours = of_crate("tamara")
        .into_iter()
        .filter(|name| name == "datepalm");
    none(
        "the client knows nothing of Datepalm",
        &ours.collect::<Vec<_>>(),
    );
}
