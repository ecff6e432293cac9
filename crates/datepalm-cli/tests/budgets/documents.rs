//! Rules about the Markdown files: a link that stays in the repository leads somewhere.

use crate::{files, none, read, root};
use std::path::{Path, PathBuf};

/// A link of a document: its line and where it points.
struct Link {
    line: usize,
    target: String,
}

/// The links of a text, outside code.
fn links(text: &str) -> Vec<Link> {
    let mut found = Vec::new();
    let mut fenced = false;
    for (index, line) in text.lines().enumerate() {
        if line.trim_start().starts_with("```") {
            fenced = !fenced;
        }
        if fenced {
            continue;
        }
        let prose: String = line.split('`').step_by(2).collect::<Vec<_>>().join("code");
        let mut rest = prose.as_str();
        while let Some(at) = rest.find("](") {
            rest = &rest[at + 2..];
            let end = rest.find([')', ' ']).unwrap_or(rest.len());
            found.push(Link {
                line: index + 1,
                target: rest[..end].trim_matches(['<', '>']).to_owned(),
            });
        }
        if let Some((_, target)) = prose.split_once("]: ").filter(|_| prose.starts_with('[')) {
            found.push(Link {
                line: index + 1,
                target: target.trim().to_owned(),
            });
        }
    }
    found
}

/// The anchor that a heading gets: lower case, spaces as hyphens, punctuation gone.
fn anchor(heading: &str) -> String {
    let kept = heading
        .trim()
        .chars()
        .filter(|c| c.is_alphanumeric() || matches!(c, ' ' | '-' | '_'));
    kept.map(|c| if c == ' ' { '-' } else { c })
        .flat_map(char::to_lowercase)
        .collect()
}

fn has_anchor(document: &Path, wanted: &str) -> bool {
    let text = read(document);
    let headings = text
        .lines()
        .filter(|line| line.starts_with('#'))
        .map(|line| line.trim_start_matches('#'));
    headings.map(anchor).any(|heading| heading == wanted)
        || text.contains(&format!("id=\"{wanted}\""))
}

/// Why a link leads nowhere, if so.
fn broken(document: &Path, target: &str) -> Option<&'static str> {
    if ["http://", "https://", "mailto:"]
        .iter()
        .any(|scheme| target.starts_with(scheme))
    {
        return None;
    }
    let (path, wanted) = target.split_once('#').unwrap_or((target, ""));
    let linked: PathBuf = if path.is_empty() {
        document.to_path_buf()
    } else {
        document
            .parent()
            .expect("a file lies in a folder")
            .join(path)
    };
    if !root().join(&linked).exists() {
        return Some("no such file");
    }
    let is_document = linked.extension().is_some_and(|ending| ending == "md");
    (!wanted.is_empty() && is_document && !has_anchor(&linked, wanted)).then_some("no such heading")
}

#[test]
fn links_inside_the_repository_lead_somewhere() {
    let mut offending = Vec::new();
    for document in files(".", ".md") {
        for Link { line, target } in links(&read(&document)) {
            if let Some(why) = broken(&document, &target) {
                offending.push(format!("{}:{line}: {target}: {why}", document.display()));
            }
        }
    }
    none("mend these links", &offending);
}

#[test]
fn links_and_anchors_are_read_as_written() {
    let text = "See [a](a.md#b \"title\") and `[no](no.md)`.\n```\n[no](no.md)\n```\n[r]: ref.md";
    let targets: Vec<_> = links(text)
        .into_iter()
        .map(|link| (link.line, link.target))
        .collect();
    assert_eq!(
        targets,
        [(1, "a.md#b".to_owned()), (5, "ref.md".to_owned())]
    );
    assert_eq!(
        anchor(" Who holds a `merchant reference`?"),
        "who-holds-a-merchant-reference"
    );
}
