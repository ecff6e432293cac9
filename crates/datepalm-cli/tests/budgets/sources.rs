//! Rules about the Rust files: size, names, documentation, and what may stand where.

use crate::lexer::{Lexed, lex};
use crate::{files, none, read};
use std::path::{Path, PathBuf};

const LINES_MAX: usize = 500;
const LINES_MEDIAN_MAX: usize = 200;
const REFUSED_NAMES: [&str; 6] = ["common", "util", "helper", "manager", "core", "types"];

/// A file that is nothing but tests.
fn is_test(path: &Path) -> bool {
    path.components().any(|part| part.as_os_str() == "tests")
        || path.file_name().is_some_and(|name| {
            let name = name.to_string_lossy();
            name == "tests.rs" || name.ends_with("_tests.rs")
        })
}

/// All Rust files that are not only tests, with their text up to their test module.
fn sources() -> Vec<(PathBuf, String)> {
    let all = files("crates", ".rs")
        .into_iter()
        .filter(|path| !is_test(path));
    all.map(|path| {
        let text = read(&path);
        (path, without_tests(&text).to_owned())
    })
    .collect()
}

/// The text up to a `#[cfg(test)]` whose module stands in the same file.
fn without_tests(text: &str) -> &str {
    let mut from = 0;
    while let Some(at) = text[from..].find("#[cfg(test)]\nmod ") {
        let start = from + at;
        let head = text[start..].lines().nth(1).unwrap_or_default();
        if head.trim_end().ends_with('{') {
            return &text[..start];
        }
        from = start + 1;
    }
    text
}

/// `path:line: text` for each line of the code that this holds for.
fn lines_where(path: &Path, lexed: &Lexed, holds: impl Fn(&str) -> bool) -> Vec<String> {
    let numbered = lexed
        .code
        .lines()
        .enumerate()
        .filter(|(_, line)| holds(line));
    numbered
        .map(|(index, line)| format!("{}:{}: {}", path.display(), index + 1, line.trim()))
        .collect()
}

#[test]
fn a_source_file_has_at_most_500_lines() {
    let long = sources().into_iter().filter_map(|(path, text)| {
        let lines = text.lines().count();
        (lines > LINES_MAX).then(|| format!("{}: {lines} lines", path.display()))
    });
    none(
        "split these by what they are about",
        &long.collect::<Vec<_>>(),
    );
}

#[test]
fn the_median_source_file_has_fewer_than_200_lines() {
    let mut lines: Vec<_> = sources()
        .iter()
        .map(|(_, text)| text.lines().count())
        .collect();
    lines.sort_unstable();
    let median = lines[lines.len() / 2];
    assert!(
        median < LINES_MEDIAN_MAX,
        "the median of {} source files has {median} lines",
        lines.len()
    );
}

#[test]
fn no_module_has_a_name_that_says_nothing() {
    let mut offending = Vec::new();
    for path in files("crates", ".rs") {
        let named = path.with_extension("");
        let part = |part: std::path::Component<'_>| {
            REFUSED_NAMES
                .iter()
                .any(|name| is_or_plural(&part.as_os_str().to_string_lossy(), name))
        };
        if named.components().any(part) {
            offending.push(path.display().to_string());
        }
        offending.extend(lines_where(&path, &lex(&read(&path)), |line| {
            let mut words = line
                .split_whitespace()
                .skip_while(|word| *word != "mod")
                .skip(1);
            let name = words
                .next()
                .unwrap_or_default()
                .trim_end_matches([';', '{']);
            REFUSED_NAMES
                .iter()
                .any(|refused| is_or_plural(name, refused))
        }));
    }
    none("name these by what they are about", &offending);
}

fn is_or_plural(name: &str, refused: &str) -> bool {
    name == refused || name.strip_suffix('s') == Some(refused)
}

#[test]
fn every_module_says_what_it_is_for() {
    let silent = files("crates", ".rs").into_iter().filter(|path| {
        let text = read(path);
        let first = text
            .lines()
            .find(|line| !line.trim().is_empty() && !line.starts_with("#!["));
        !first.is_some_and(|line| line.starts_with("//!"))
    });
    none(
        "begin these with `//!`",
        &silent
            .map(|path| path.display().to_string())
            .collect::<Vec<_>>(),
    );
}

#[test]
fn no_test_is_ignored() {
    let ignored = files("crates", ".rs").into_iter().flat_map(|path| {
        let lexed = lex(&read(&path));
        lines_where(&path, &lexed, |line| line.contains("#[ignore"))
    });
    none("mend these or take them out", &ignored.collect::<Vec<_>>());
}

/// Waiting for time to pass is for the loop of the workers and for the sandbox's own slowness. Everything
/// else is woken by what it waits for; a test that sleeps is slow on one machine and wrong on another.
#[test]
fn nothing_sleeps_but_the_workers_and_the_slow_fault() {
    let allowed = [
        "crates/datepalm/src/workers/mod.rs",
        "crates/tamara-sandbox/src/faults.rs",
    ];
    let sleeping = files("crates", ".rs").into_iter().flat_map(|path| {
        let text = read(&path);
        let exempt = allowed.iter().any(|file| path == Path::new(file));
        let looked_at = if exempt {
            &text[without_tests(&text).len()..]
        } else {
            &text
        };
        lines_where(&path, &lex(looked_at), |line| {
            ["sleep(", "sleep_until(", "park_timeout("]
                .iter()
                .any(|call| line.contains(call))
        })
    });
    none("wait for an event instead", &sleeping.collect::<Vec<_>>());
}

#[test]
fn only_the_configuration_reads_the_environment() {
    let reading = sources()
        .into_iter()
        .filter(|(path, _)| path != Path::new("crates/datepalm/src/config.rs"));
    let reading = reading.flat_map(|(path, text)| {
        lines_where(&path, &lex(&text), |line| {
            let calls = ["env::var", "var_os(", "env::set_var", "env::remove_var"];
            calls.iter().any(|call| line.contains(call))
        })
    });
    none("let config.rs read these", &reading.collect::<Vec<_>>());
}

/// The first words of a statement, as far as they tell it from a sentence.
fn is_sql(text: &str) -> bool {
    let text = text.trim_start();
    let first = text.split_whitespace().next().unwrap_or_default();
    if first != first.to_lowercase() && first != first.to_uppercase() {
        return false;
    }
    let lower = text
        .to_lowercase()
        .split_whitespace()
        .collect::<Vec<_>>()
        .join(" ");
    let starts = |words: &[&str]| words.iter().any(|word| lower.starts_with(word));
    starts(&[
        "insert into ",
        "delete from ",
        "create table ",
        "create index ",
        "create unique index ",
    ]) || starts(&["alter table ", "drop table ", "drop index "])
        || (starts(&["select "]) && lower.contains(" from "))
        || (starts(&["update "]) && lower.contains(" set ") && lower.contains('='))
        || (starts(&["with "]) && lower.contains(" as ("))
}

fn is_named_sql(text: &str) -> bool {
    let headed = text.trim_start().strip_prefix("-- ").and_then(|rest| {
        // `\n` written out is a line's end as well.
        rest.split_once('\n').or_else(|| rest.split_once("\\n"))
    });
    headed.is_some_and(|(name, statement)| !name.trim().is_empty() && is_sql(statement))
}

#[test]
fn only_the_store_contains_sql() {
    let store = Path::new("crates/datepalm/src/store");
    let mut offending: Vec<_> = sources()
        .into_iter()
        .filter(|(path, _)| !path.starts_with(store))
        .flat_map(|(path, text)| {
            let literals = lex(&text).literals.into_iter();
            let sql =
                literals.filter(|literal| is_sql(&literal.text) || is_named_sql(&literal.text));
            sql.map(move |l| format!("{}:{}: {}", path.display(), l.line, first_line(&l.text)))
                .collect::<Vec<_>>()
        })
        .collect();
    let files = files("crates", ".sql")
        .into_iter()
        .filter(|path| !path.starts_with(store));
    offending.extend(files.map(|path| path.display().to_string()));
    none("move these into store/", &offending);
}

#[test]
fn every_statement_begins_with_its_name() {
    let store = Path::new("crates/datepalm/src/store");
    let mut offending: Vec<_> = sources()
        .into_iter()
        .filter(|(path, _)| path.starts_with(store))
        .flat_map(|(path, text)| {
            let nameless = lex(&text)
                .literals
                .into_iter()
                .filter(|literal| is_sql(&literal.text));
            nameless
                .map(move |l| format!("{}:{}: {}", path.display(), l.line, first_line(&l.text)))
                .collect::<Vec<_>>()
        })
        .collect();
    let migrations = files("crates", ".sql").into_iter();
    offending.extend(
        migrations
            .filter(|path| !read(path).starts_with("-- "))
            .map(|path| path.display().to_string()),
    );
    none("begin these with a `-- name` line", &offending);
}

fn first_line(text: &str) -> &str {
    text.trim().lines().next().unwrap_or_default()
}

#[test]
fn sql_is_told_from_sentences() {
    for sql in [
        "select id from payments",
        "\n  UPDATE a SET b = $1",
        "insert into a (b) values ($1)",
    ] {
        assert!(is_sql(sql), "{sql}");
        assert!(is_named_sql(&format!("-- payments one\n{sql}")), "{sql}");
        assert!(is_named_sql(&format!("-- payments one\\n{sql}")), "{sql}");
    }
    for text in [
        "Select a plan from the list",
        "select a plan",
        "update the app",
        "with a card",
    ] {
        assert!(!is_sql(text), "{text}");
    }
}

/// The pure core: decisions are functions of data. It sees std, itself, the ids and Tamara's types.
#[test]
fn the_domain_uses_nothing_but_itself_ids_and_tamaras_types() {
    let manifest = read(Path::new("crates/datepalm/Cargo.toml"));
    let crates: Vec<_> = crate::dependencies::names(&manifest, "dependencies")
        .into_iter()
        .map(|name| name.replace('-', "_"))
        .filter(|name| name != "tamara")
        .collect();
    let domain = Path::new("crates/datepalm/src/domain");
    let mut offending = Vec::new();
    for (path, text) in sources()
        .into_iter()
        .filter(|(path, _)| path.starts_with(domain))
    {
        let lexed = lex(&text);
        offending.extend(lines_where(&path, &lexed, |line| {
            let mut paths = paths_in(line);
            paths.any(|found| {
                let mut parts = found.split("::");
                match parts.next().unwrap_or_default() {
                    "crate" => !matches!(parts.next(), Some("domain" | "ids") | None),
                    first => crates.iter().any(|name| name == first),
                }
            })
        }));
        offending.extend(
            uses(&lexed.code)
                .into_iter()
                .filter(|used| !is_pure(&path, used))
                .map(|used| format!("{}: use {used}", path.display())),
        );
    }
    none("the domain is pure", &offending);
}

/// The `a::b` paths of a line.
fn paths_in(line: &str) -> impl Iterator<Item = &str> {
    let words = line.split(|c: char| !(c.is_alphanumeric() || c == '_' || c == ':'));
    words.filter(|word| word.contains("::"))
}

/// Whether a `use` in this file of the domain stays inside what the domain may see.
fn is_pure(path: &Path, used: &str) -> bool {
    let inside = path
        .strip_prefix("crates/datepalm/src")
        .expect("it lies in the domain")
        .with_extension("");
    let mut module: Vec<_> = inside
        .iter()
        .map(|part| part.to_string_lossy().into_owned())
        .collect();
    if module.last().is_some_and(|name| name == "mod") {
        module.pop();
    }
    let mut parts = used.split("::").map(str::trim).peekable();
    match *parts.peek().unwrap_or(&"") {
        "std" | "tamara" => return true,
        "crate" => {
            module.clear();
            parts.next();
        }
        "self" | "super" => {}
        // A path of a module that this one declares, or an enum whose variants are named.
        other => {
            return other.starts_with(char::is_uppercase)
                || used.contains("::") && is_child(path, other);
        }
    }
    for part in parts {
        match part {
            "self" => {}
            "super" => {
                module.pop();
            }
            name => module.push(name.to_owned()),
        }
    }
    matches!(module.first().map(String::as_str), Some("domain" | "ids"))
}

fn is_child(path: &Path, name: &str) -> bool {
    let folder = if path.ends_with("mod.rs") {
        path.parent()
            .expect("a file lies in a folder")
            .to_path_buf()
    } else {
        path.with_extension("")
    };
    let folder = crate::root().join(folder);
    folder.join(format!("{name}.rs")).exists() || folder.join(name).is_dir()
}

/// Every path that the `use` lines of a source name, one per leaf of their trees.
fn uses(code: &str) -> Vec<String> {
    let mut found = Vec::new();
    let mut rest = code;
    while let Some(at) = rest.find("use ") {
        let is_word = rest[..at].ends_with(|c: char| c.is_alphanumeric() || c == '_');
        rest = &rest[at + 4..];
        if let Some(end) = rest.find(';').filter(|_| !is_word) {
            expand("", &rest[..end], &mut found);
            rest = &rest[end..];
        }
    }
    found
}

/// `a::{b, c::{d, e}}` as `a::b`, `a::c::d`, `a::c::e`.
fn expand(prefix: &str, tree: &str, found: &mut Vec<String>) {
    let tree = tree.trim();
    let Some(open) = tree.find('{') else {
        if !tree.is_empty() {
            let path = tree.split(" as ").next().unwrap_or(tree);
            found.push(format!("{prefix}{path}"));
        }
        return;
    };
    let prefix = format!("{prefix}{}", tree[..open].trim());
    let inside = tree[open + 1..].trim_end().trim_end_matches('}');
    // What is cut off with the outer brace may be the braces of inner trees: give those back.
    let missing = inside
        .matches('{')
        .count()
        .saturating_sub(inside.matches('}').count());
    let inside = format!("{inside}{}", "}".repeat(missing));
    let (mut depth, mut start) = (0, 0);
    for (at, c) in inside.char_indices() {
        match c {
            '{' => depth += 1,
            '}' => depth -= 1,
            ',' if depth == 0 => {
                expand(&prefix, &inside[start..at], found);
                start = at + 1;
            }
            _ => {}
        }
    }
    expand(&prefix, &inside[start..], found);
}

#[test]
fn use_trees_are_read_to_their_leaves() {
    let code = "use std::{fmt, collections::{BTreeMap, BTreeSet}};\npub use super::plan as p;";
    let expected = [
        "std::fmt",
        "std::collections::BTreeMap",
        "std::collections::BTreeSet",
        "super::plan",
    ];
    assert_eq!(uses(code), expected);
    let file = Path::new("crates/datepalm/src/domain/decide.rs");
    for pure in [
        "super::plan::Plan",
        "crate::ids::PaymentId",
        "std::fmt",
        "tamara::money::Money",
    ] {
        assert!(is_pure(file, pure), "{pure}");
    }
    for impure in [
        "super::super::store::Tx",
        "crate::store::Tx",
        "serde::Serialize",
        "tokio",
    ] {
        assert!(!is_pure(file, impure), "{impure}");
    }
    assert!(!is_pure(
        Path::new("crates/datepalm/src/domain/mod.rs"),
        "super::store"
    ));
}
