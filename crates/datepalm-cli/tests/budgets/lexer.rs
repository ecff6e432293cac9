//! Just enough of Rust's lexis to tell code from comments and text.
//!
//! Invariant: blanking keeps every line where it was.

use std::ops::Range;

/// A text literal: the line on which it begins, and what is written between its quotes.
pub struct Literal {
    pub line: usize,
    pub text: String,
}

/// A source with its comments and the insides of its literals blanked, and those literals.
pub struct Lexed {
    pub code: String,
    pub literals: Vec<Literal>,
}

/// Takes a source apart.
pub fn lex(source: &str) -> Lexed {
    let mut rest = source;
    let mut lexed = Lexed {
        code: String::with_capacity(source.len()),
        literals: Vec::new(),
    };
    while let Some(first) = rest.chars().next() {
        let (length, literal) = if rest.starts_with("//") {
            (rest.find('\n').unwrap_or(rest.len()), None)
        } else if rest.starts_with("/*") {
            (block_comment(rest), None)
        } else if let Some((inside, length)) = raw_text(rest, &lexed.code) {
            (length, Some(&rest[inside]))
        } else if first == '"' {
            let length = plain_text(rest);
            (length, Some(&rest[1..length - 1]))
        } else if let Some(length) = character(rest) {
            (length, None)
        } else {
            lexed.code.push(first);
            rest = &rest[first.len_utf8()..];
            continue;
        };
        if let Some(text) = literal {
            let line = lexed.code.matches('\n').count() + 1;
            lexed.literals.push(Literal {
                line,
                text: text.to_owned(),
            });
        }
        lexed.code.extend(
            rest[..length]
                .chars()
                .map(|c| if c == '\n' { '\n' } else { ' ' }),
        );
        rest = &rest[length..];
    }
    lexed
}

fn block_comment(rest: &str) -> usize {
    let mut depth = 0;
    let mut at = 0;
    while at < rest.len() {
        if rest[at..].starts_with("/*") {
            depth += 1;
            at += 2;
        } else if rest[at..].starts_with("*/") {
            depth -= 1;
            at += 2;
            if depth == 0 {
                return at;
            }
        } else {
            at += rest[at..].chars().next().map_or(1, char::len_utf8);
        }
    }
    rest.len()
}

/// For `r"..."` and `r#"..."#`: where its inside stands, and the whole length.
fn raw_text(rest: &str, before: &str) -> Option<(Range<usize>, usize)> {
    let in_a_word = before.ends_with(|c: char| c.is_alphanumeric() || c == '_');
    let opened = rest
        .strip_prefix("br")
        .or_else(|| rest.strip_prefix('r'))
        .filter(|_| !in_a_word)?;
    let hashes = opened.len() - opened.trim_start_matches('#').len();
    opened[hashes..].strip_prefix('"')?;
    let open = rest.len() - opened.len() + hashes + 1;
    let close = format!("\"{}", "#".repeat(hashes));
    let end = open
        + rest[open..]
            .find(&close)
            .expect("the compiler saw it closed");
    Some((open..end, end + close.len()))
}

fn plain_text(rest: &str) -> usize {
    let mut escaped = false;
    for (at, c) in rest.char_indices().skip(1) {
        match c {
            _ if escaped => escaped = false,
            '\\' => escaped = true,
            '"' => return at + 1,
            _ => {}
        }
    }
    rest.len()
}

/// A character such as `'"'`; a lifetime is none.
fn character(rest: &str) -> Option<usize> {
    let inside = rest.strip_prefix('\'')?;
    if inside.starts_with('\\') {
        return inside[2..].find('\'').map(|at| at + 4);
    }
    let c = inside.chars().next()?;
    inside[c.len_utf8()..]
        .starts_with('\'')
        .then(|| c.len_utf8() + 2)
}

#[test]
fn code_is_told_from_comments_and_text() {
    let source = "let a = \"x // y\"; // \"no\"\nlet q = '\"'; let r = r#\"raw \"quoted\" text\"#;\n/* \"b\" */ fn f<'a>() {}";
    let lexed = lex(source);
    let texts: Vec<_> = lexed
        .literals
        .iter()
        .map(|l| (l.line, l.text.as_str()))
        .collect();
    assert_eq!(texts, [(1, "x // y"), (2, "raw \"quoted\" text")]);
    assert_eq!(lexed.code.lines().count(), 3);
    assert!(lexed.code.contains("fn f<'a>() {}") && !lexed.code.contains('y'));
}
