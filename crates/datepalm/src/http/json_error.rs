//! What is wrong with a JSON body, in words that help to mend it. serde's own sentences quote values, which may be a
//! customer's name or phone: here a value is only ever called by its kind (`a string`), never shown.

use crate::error::{Code, Refusal, Result};
use serde_json::Value;
use serde_path_to_error::{Path, Segment};

/// The refusal of a body that did not parse: where, what was found and what was expected.
pub fn refusal(error: serde_path_to_error::Error<serde_json::Error>) -> Refusal {
    let place = place_of(error.path());
    let error = error.into_inner();
    let at = format!("line {}, column {}", error.line(), error.column());
    if !error.is_data() {
        return Refusal::new(
            Code::InvalidJson,
            format!("the body is not valid JSON at {at}"),
        );
    }
    let text = error.to_string();
    let text = text
        .rsplit_once(" at line ")
        .map_or(text.as_str(), |(sentence, _)| sentence);
    let (param, sentence) = in_words(place, text);
    let named = [param.as_str(), sentence.as_str()].join(" ");
    let refusal = Refusal::new(
        Code::InvalidRequest,
        format!("{} ({at})", named.trim_start()),
    );
    if param.is_empty() {
        refusal
    } else {
        refusal.param(param)
    }
}

/// The param and the sentence for one of serde's texts.
fn in_words(place: String, text: &str) -> (String, String) {
    // The expectation is ours and stands last, so a value that holds these words cannot pose as it.
    let (found, expected) = text.rsplit_once(", expected ").unwrap_or((text, ""));
    let quoted = found.split('`').nth(1).unwrap_or_default();
    if found.starts_with("missing field ") {
        return (below(&place, quoted), "is missing".to_owned());
    }
    if found.starts_with("duplicate field ") {
        return (ending_in(place, quoted), "is given twice".to_owned());
    }
    if found.starts_with("unknown field ") {
        let name = if is_name(quoted) { quoted } else { "name" };
        return (place, format!("unknown field {name}, expected {expected}"));
    }
    if found.starts_with("unknown variant ") {
        return (
            place,
            format!("is none of the known words, expected {expected}"),
        );
    }
    let kind = found
        .strip_prefix("invalid type: ")
        .or_else(|| found.strip_prefix("invalid value: "));
    match kind {
        Some(kind) => (
            place,
            format!("got {}, expected {}", kind_of(kind), wanted(expected)),
        ),
        // A sentence of our own types, which quote no text.
        None => (place, text.to_owned()),
    }
}

/// serde's word for what was found, without the value that follows it.
fn kind_of(found: &str) -> &'static str {
    match found.split(['`', '"']).next().unwrap_or_default().trim() {
        "boolean" => "true or false",
        "integer" => "an integer",
        "floating point" => "a number with a fraction or beyond 64 bits",
        "string" | "character" => "a string",
        "null" | "unit value" => "null",
        "sequence" => "a list",
        "map" => "an object",
        _ => "something else",
    }
}

/// serde's word for what was wanted, without the names of our types.
fn wanted(expected: &str) -> &str {
    match expected {
        "i64" | "u64" => "an integer",
        "a sequence" => "a list",
        "a map" => "an object",
        "string or map" => "a string",
        other if other.starts_with("struct ") => "an object",
        other => other,
    }
}

/// `items[0].unit_price.amount`. Stops at a key that is no name of a field: it may be anything.
fn place_of(path: &Path) -> String {
    let mut place = String::new();
    for segment in path {
        place = match segment {
            Segment::Seq { index } => format!("{place}[{index}]"),
            Segment::Map { key } if is_name(key) => below(&place, key),
            Segment::Map { .. } | Segment::Enum { .. } | Segment::Unknown => break,
        };
    }
    place
}

fn below(place: &str, name: &str) -> String {
    if place.is_empty() {
        name.to_owned()
    } else {
        format!("{place}.{name}")
    }
}

fn ending_in(place: String, name: &str) -> String {
    let there = place == name || place.ends_with(&format!(".{name}"));
    if there { place } else { below(&place, name) }
}

fn is_name(key: &str) -> bool {
    key.len() <= 64
        && key.starts_with(|first: char| first.is_ascii_alphabetic())
        && key
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || byte == b'_' || byte == b'-')
}

/// Refuses the NUL character, which JSON can write and PostgreSQL's text cannot hold.
pub fn refuse_nul(json: &str) -> Result<()> {
    if !json.contains(r"\u0000") {
        return Ok(());
    }
    // The six characters may also be a backslash and `u0000`: only a parse tells.
    let value: Value = serde_json::from_str(json).unwrap_or_default();
    let Some(place) = nul_in(&value, String::new()) else {
        return Ok(());
    };
    let refusal = Refusal::new(
        Code::InvalidRequest,
        format!("{place} holds the NUL character \\u0000, which cannot be stored"),
    );
    Err(refusal.param(place).into())
}

/// The place of the first NUL; for one in a key, the object's.
fn nul_in(value: &Value, place: String) -> Option<String> {
    match value {
        Value::String(text) => text.contains('\0').then_some(place),
        Value::Array(items) => items
            .iter()
            .enumerate()
            .find_map(|(index, item)| nul_in(item, format!("{place}[{index}]"))),
        Value::Object(fields) => fields.iter().find_map(|(key, field)| {
            if key.contains('\0') {
                return Some(place.clone());
            }
            let known = is_name(key);
            nul_in(
                field,
                if known {
                    below(&place, key)
                } else {
                    place.clone()
                },
            )
        }),
        Value::Null | Value::Bool(_) | Value::Number(_) => None,
    }
}
