//! The page about fidelity is the one that the code prints.

use std::fs;
use std::path::Path;

/// Rewrites a stale page, so that a second run passes.
#[test]
fn the_page_is_what_the_code_prints() {
    let page = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/sandbox-fidelity.md");
    let printed = tamara_sandbox::fidelity::markdown();
    if fs::read_to_string(&page).unwrap_or_default() != printed {
        fs::write(&page, printed).unwrap();
        panic!("docs/sandbox-fidelity.md was stale and is now rewritten: commit it");
    }
}
