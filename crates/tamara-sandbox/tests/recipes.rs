//! `docs/sandbox.md` shows the recipes of `docs/recipes` as they are; that they run is shown by `tests/recipes/run`.
#![expect(
    clippy::unwrap_used,
    reason = "in a test, and in what only tests call, a failed unwrap is a failed test"
)]

use std::fs;
use std::path::{Path, PathBuf};

fn files(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            files(&path, found);
        } else {
            found.push(path);
        }
    }
}

#[test]
fn the_page_shows_every_recipe_as_it_is() {
    let docs = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs");
    let page = fs::read_to_string(docs.join("sandbox.md")).unwrap();
    let mut recipes = Vec::new();
    files(&docs.join("recipes"), &mut recipes);
    assert!(recipes.len() >= 10, "{recipes:?}");
    for path in recipes {
        let text = fs::read_to_string(&path).unwrap();
        let name = path.strip_prefix(&docs).unwrap().display();
        let (_, shown) = page
            .split_once(&format!("[{name}]({name})\n\n```"))
            .unwrap_or_else(|| {
                panic!("docs/sandbox.md does not show {name}");
            });
        let (_, shown) = shown.split_once('\n').unwrap();
        let shown = shown.split_once("```\n").unwrap().0;
        assert_eq!(shown, text, "docs/sandbox.md shows another {name}");
    }
}
