//! JSON compared by what it means to Tamara: numbers as decimal text, and an absent member is the
//! same as `null` or an empty list or object (gotchas 3 and 37).

use std::collections::BTreeMap;

use serde_json::value::RawValue;

#[derive(Clone, Eq, PartialEq, Debug)]
pub enum Meaning {
    Nothing,
    Flag(bool),
    Number(String),
    Text(String),
    List(Vec<Meaning>),
    Object(BTreeMap<String, Meaning>),
}

pub fn meaning(json: &str) -> Meaning {
    let json = json.trim();
    match json.as_bytes()[0] {
        b'n' => Meaning::Nothing,
        b't' | b'f' => Meaning::Flag(json == "true"),
        b'"' => Meaning::Text(serde_json::from_str(json).unwrap()),
        b'[' => {
            let list: Vec<&RawValue> = serde_json::from_str(json).unwrap();
            let list: Vec<_> = list.into_iter().map(|entry| meaning(entry.get())).collect();
            if list.is_empty() {
                Meaning::Nothing
            } else {
                Meaning::List(list)
            }
        }
        b'{' => {
            let object: BTreeMap<String, &RawValue> = serde_json::from_str(json).unwrap();
            let object: BTreeMap<_, _> = object
                .into_iter()
                .map(|(key, value)| (key, meaning(value.get())))
                .filter(|(key, value)| !is_absent(key, value))
                .collect();
            if object.is_empty() {
                Meaning::Nothing
            } else {
                Meaning::Object(object)
            }
        }
        _ => Meaning::Number(number(json)),
    }
}

/// `capture_id` is documented as "uuid or empty" (endpoints 2.9).
fn is_absent(key: &str, value: &Meaning) -> bool {
    *value == Meaning::Nothing || (key == "capture_id" && *value == Meaning::Text(String::new()))
}

pub fn number(text: &str) -> String {
    match text.split_once('.') {
        Some(_) => text.trim_end_matches('0').trim_end_matches('.').to_owned(),
        None => text.to_owned(),
    }
}
