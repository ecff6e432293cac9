//! Every row of the fact book's tables has a case here that names it.
//!
//! The pages are read from `docs/tamara`: a row without a case fails, and so does a case without a
//! row. One module per page.

mod bodies;
mod endpoints;
mod errors;
mod lifecycle;
mod webhooks;

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

/// The cells of one row of a table, without the header and the line below it.
pub type Row = Vec<String>;

fn page(name: &str) -> String {
    let pages = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/tamara");
    fs::read_to_string(pages.join(name)).unwrap()
}

/// The text below the heading that begins with `section`, to the next heading.
pub fn section(page_name: &str, section: &str) -> String {
    let page = page(page_name);
    let heading = format!("## {section} ");
    let from = page.find(&heading).unwrap();
    let rest = &page[from + heading.len()..];
    let end = rest.find("\n## ").unwrap_or(rest.len());
    rest[..end].to_owned()
}

/// The tables of a section, each without its header.
pub fn tables(page_name: &str, name: &str) -> Vec<Vec<Row>> {
    let text = section(page_name, name);
    let mut tables: Vec<Vec<Row>> = Vec::new();
    let mut inside = false;
    for line in text.lines() {
        let is_row = line.starts_with('|');
        if is_row && !inside {
            tables.push(Vec::new());
        }
        inside = is_row;
        if is_row {
            let cells = line.trim_matches('|').split('|');
            let row = cells.map(|cell| cell.trim().to_owned()).collect();
            tables.last_mut().unwrap().push(row);
        }
    }
    for table in &mut tables {
        table.drain(..2);
    }
    tables
}

/// The words of a text that are marked as required, `name*`; emphasis of either kind is none.
pub fn starred(text: &str) -> BTreeSet<String> {
    let mut names = BTreeSet::new();
    for (at, _) in text.match_indices('*') {
        let before = &text[..at];
        let is_name = |c: char| c.is_ascii_alphanumeric() || c == '_' || c == '-';
        let rest = before.trim_end_matches(is_name);
        let emphasis = rest.ends_with('*') || text[at + 1..].starts_with('*');
        if rest.len() < before.len() && !emphasis {
            names.insert(before[rest.len()..].to_owned());
        }
    }
    names
}

/// The names between backticks.
pub fn quoted(text: &str) -> Vec<String> {
    let parts = text.split('`').skip(1).step_by(2);
    parts.map(str::to_owned).collect()
}

/// The rows of a page and the rows that have cases are the same.
pub fn assert_same<'a>(
    rows: impl IntoIterator<Item = String>,
    cases: impl IntoIterator<Item = &'a str>,
) {
    let rows: BTreeSet<_> = rows.into_iter().collect();
    let cases: BTreeSet<_> = cases.into_iter().map(str::to_owned).collect();
    let without_case: Vec<_> = rows.difference(&cases).collect();
    let without_row: Vec<_> = cases.difference(&rows).collect();
    assert!(
        without_case.is_empty(),
        "rows without a case: {without_case:?}"
    );
    assert!(
        without_row.is_empty(),
        "cases without a row: {without_row:?}"
    );
}
