//! Texts that are almost what a parser expects: good ones that were cut, doubled, swapped or mixed with odd pieces.
//!
//! Shared by the tests of every crate that parses (`#[path]`); knows nothing of what is parsed.

use proptest::prelude::*;
use proptest::sample::Index;
use serde_json::Value;

/// What no parser should stumble over, as it stands in JSON.
const ODD: [&str; 30] = [
    "null",
    "true",
    "0",
    "-0",
    "-1",
    "0.0",
    "1e5",
    "1E-5",
    "1e999999999",
    "-1e-999999999",
    "123456789012345678901234567890",
    "0.000000000000000000000000001",
    "9223372036854775807",
    "-9223372036854775808",
    "18446744073709551616",
    "92233720368547758.08",
    "NaN",
    "-Infinity",
    "+1",
    "01",
    ".5",
    "1.",
    "\"\"",
    "\"NaN\"",
    "\"1e3\"",
    "\"\\ud800\"",
    "\"\\u0000\"",
    "\"\u{202e}\u{feff}\u{1f4a9}\"",
    "{\"a\":1,\"a\":2}",
    "[[],{},[null]]",
];

/// Depths that a recursive parser may not survive, and one that it must.
const DEPTHS: [usize; 4] = [3, 120, 200, 20_000];

/// Something odd, in JSON or nearly so.
fn odd() -> impl Strategy<Value = String> {
    let nested = |open: &'static str, close: &'static str| {
        prop::sample::select(DEPTHS.to_vec())
            .prop_map(move |depth| open.repeat(depth) + "1" + &close.repeat(depth))
    };
    prop_oneof![
        20 => prop::sample::select(ODD.to_vec()).prop_map(str::to_owned),
        2 => nested("[", "]"),
        2 => nested("{\"a\":", "}"),
        4 => ".{0,20}".prop_map(|text| Value::from(text).to_string()),
        2 => any::<i64>().prop_map(|number| number.to_string()),
        1 => (1..1_000_000_usize).prop_map(|length| format!("\"{}\"", "x".repeat(length))),
        1 => (1..100_000_usize).prop_map(|length| "9".repeat(length)),
        1 => (1..20_000_usize).prop_map(|length| format!("[{}1]", "1,".repeat(length))),
    ]
}

/// JSON near one of `good`: up to three of its values are replaced by something odd, or get a second member of the same
/// name beside them.
pub fn json_near(good: Vec<Value>) -> impl Strategy<Value = String> {
    let change = (any::<Index>(), odd(), any::<bool>());
    let changes = prop::collection::vec(change, 1..4);
    (prop::sample::select(good), changes).prop_map(|(mut value, changes)| {
        let mut odd = Vec::new();
        for (index, piece, beside) in changes {
            let count = count(&value);
            let mark = mark(odd.len());
            let old = put(&mut value, &mut index.index(count), &mark, None);
            odd.push((mark, piece, old, beside));
        }
        let mut text = value.to_string();
        // The last mark may stand inside a value that an earlier one replaced: then it is not there any more.
        for (mark, piece, (old, name), beside) in odd.into_iter().rev() {
            let replacement = match name {
                Some(name) if beside => format!("{old},{}:{piece}", Value::from(name)),
                _ => piece,
            };
            text = text.replace(&Value::from(mark).to_string(), &replacement);
        }
        text
    })
}

fn mark(number: usize) -> String {
    format!("mark-{number}-of-something-odd")
}

/// How many values there are in it, itself included.
fn count(value: &Value) -> usize {
    let inner = match value {
        Value::Array(items) => items.iter().map(count).sum(),
        Value::Object(members) => members.values().map(count).sum(),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => 0,
    };
    1 + inner
}

/// Puts the mark in place of the value that is `left` values further on; answers what stood there, and its name.
fn put(
    value: &mut Value,
    left: &mut usize,
    mark: &str,
    name: Option<&str>,
) -> (String, Option<String>) {
    if *left == 0 {
        let old = std::mem::replace(value, mark.into());
        return (old.to_string(), name.map(str::to_owned));
    }
    *left -= 1;
    let inner: Vec<(Option<&str>, &mut Value)> = match value {
        Value::Array(items) => items.iter_mut().map(|item| (None, item)).collect(),
        Value::Object(members) => members
            .iter_mut()
            .map(|(name, member)| (Some(name.as_str()), member))
            .collect(),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => Vec::new(),
    };
    for (name, inner) in inner {
        let count = count(inner);
        if *left < count {
            return put(inner, left, mark, name);
        }
        *left -= count;
    }
    unreachable!("there are as many values as were counted");
}

/// One change to bytes.
#[derive(Clone, Debug)]
enum Edit {
    Cut(Index),
    Flip(Index, u8),
    Drop(Index, usize),
    Insert(Index, Vec<u8>),
    Double(Index, usize, usize),
}

fn edit() -> impl Strategy<Value = Edit> {
    let at = any::<Index>;
    let broken = vec![
        &b"\xff"[..],
        b"\xc3",
        b"\0",
        b"\xed\xa0\x80",
        b"\"",
        b"\\",
        b"}",
        b"]",
        b",",
    ];
    let piece = prop_oneof![
        prop::sample::select(broken).prop_map(<[u8]>::to_vec),
        odd().prop_map(String::into_bytes),
        prop::collection::vec(any::<u8>(), 0..12),
    ];
    prop_oneof![
        at().prop_map(Edit::Cut),
        (at(), 1..=255_u8).prop_map(|(at, bits)| Edit::Flip(at, bits)),
        (at(), 1..40_usize).prop_map(|(at, length)| Edit::Drop(at, length)),
        (at(), piece).prop_map(|(at, piece)| Edit::Insert(at, piece)),
        (at(), 1..40_usize, 1..2_000_usize)
            .prop_map(|(at, length, times)| Edit::Double(at, length, times)),
    ]
}

/// Bytes near one of `good`, or any at all.
pub fn bytes_near(good: Vec<Vec<u8>>) -> impl Strategy<Value = Vec<u8>> {
    let edits = prop::collection::vec(edit(), 1..5);
    let near = (prop::sample::select(good), edits).prop_map(|(mut bytes, edits)| {
        for edit in edits {
            apply(&mut bytes, edit);
        }
        bytes
    });
    prop_oneof![8 => near, 1 => prop::collection::vec(any::<u8>(), 0..300)]
}

fn apply(bytes: &mut Vec<u8>, edit: Edit) {
    let length = bytes.len();
    let until = |at: usize, count: usize| (at + count).min(length);
    match edit {
        Edit::Cut(at) => bytes.truncate(at.index(length + 1)),
        Edit::Flip(at, bits) if length > 0 => bytes[at.index(length)] ^= bits,
        Edit::Flip(..) => {}
        Edit::Drop(at, count) => {
            let at = at.index(length + 1);
            bytes.drain(at..until(at, count));
        }
        Edit::Insert(at, piece) => {
            let at = at.index(length + 1);
            bytes.splice(at..at, piece);
        }
        Edit::Double(at, count, times) => {
            let at = at.index(length + 1);
            let piece = bytes[at..until(at, count)].repeat(times);
            bytes.splice(at..at, piece);
        }
    }
}
