//! Reads request bodies field by field and collects every problem instead of stopping at the first.
//!
//! Lenient where Tamara's own clients are sloppy (gotchas 37): unknown fields are ignored, `null`
//! is absent, `[]` is an empty object, a number may be a text and a text a number. Strict with
//! money. Invariant: amounts are taken from the raw text of the request.

use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;

use axum::body::Bytes;
use serde_json::Number;
use serde_json::value::RawValue;

use super::error::{ApiError, Problem};
use crate::Choices;
use crate::money::{Currency, parse_minor, parse_minor_rounding};

/// Problems that one answer names at most: a list of a million wrong lines makes no answer of a hundred million bytes.
const PROBLEMS_MAX: usize = 100;

/// What one reading found wrong, and the currency all its amounts must have.
pub(super) struct Findings {
    choices: Choices,
    problems: RefCell<Vec<Problem>>,
    currency: Cell<Option<Currency>>,
}

/// One object of the body and where it stands.
pub(super) struct Fields<'a> {
    path: String,
    entries: BTreeMap<String, &'a RawValue>,
    findings: &'a Findings,
}

/// Reads a body with `read`; any problem found on the way makes it a 400.
pub(super) fn read_body<T>(
    body: &Bytes,
    choices: Choices,
    read: impl FnOnce(&Fields<'_>) -> T,
) -> Result<T, ApiError> {
    let text = std::str::from_utf8(body).map_err(|_| ApiError::invalid_json())?;
    let entries = serde_json::from_str(text).map_err(|_| ApiError::invalid_json())?;
    let findings = Findings {
        choices,
        problems: RefCell::default(),
        currency: Cell::default(),
    };
    let value = read(&Fields {
        path: String::new(),
        entries,
        findings: &findings,
    });
    let problems = findings.problems.into_inner();
    if problems.is_empty() {
        Ok(value)
    } else {
        Err(ApiError::invalid(problems))
    }
}

impl<'a> Fields<'a> {
    /// How strict this reading is.
    pub(super) fn choices(&self) -> Choices {
        self.findings.choices
    }

    fn get(&self, name: &str) -> Option<&'a RawValue> {
        let raw = self.entries.get(name)?;
        (raw.get() != "null").then_some(*raw)
    }

    pub(super) fn has(&self, name: &str) -> bool {
        self.get(name).is_some()
    }

    fn path_of(&self, name: &str) -> String {
        if self.path.is_empty() {
            name.to_owned()
        } else {
            format!("{}.{name}", self.path)
        }
    }

    fn found(&self, code: &'static str, name: &str, problem: &str) {
        let mut problems = self.findings.problems.borrow_mut();
        if problems.len() < PROBLEMS_MAX {
            problems.push(Problem {
                code,
                field: self.path_of(name),
                what: problem.to_owned(),
            });
        }
    }

    pub(super) fn invalid(&self, name: &str, problem: &str) {
        self.found("field_invalid", name, problem);
    }

    pub(super) fn invalid_as(&self, code: &'static str, name: &str, problem: &str) {
        self.found(code, name, problem);
    }

    /// Only that the field is there.
    pub(super) fn require(&self, name: &str) {
        if !self.has(name) {
            self.missing(name);
        }
    }

    fn missing(&self, name: &str) {
        self.found("field_required", name, "required");
    }

    /// A text, or the digits of a number.
    pub(super) fn text(&self, name: &str) -> Option<String> {
        let raw = self.get(name)?.get();
        let text = match raw.as_bytes().first() {
            Some(b'"') => serde_json::from_str(raw).ok(),
            Some(b'-' | b'0'..=b'9') => Some(raw.to_owned()),
            _ => None,
        };
        if text.is_none() {
            self.invalid(name, "not a text");
        }
        text
    }

    /// A text that must be there; it may be empty.
    pub(super) fn required_text(&self, name: &str) -> String {
        self.require(name);
        self.text(name).unwrap_or_default()
    }

    /// A text that must be there and say something.
    pub(super) fn filled_text(&self, name: &str) -> String {
        let text = self.required_text(name);
        if text.trim().is_empty() && self.has(name) {
            self.invalid(name, "empty");
        }
        text
    }

    pub(super) fn at_most(&self, name: &str, text: &str, characters_max: usize) {
        if text.chars().count() > characters_max {
            let problem = format!("longer than {characters_max} characters");
            self.invalid(name, &problem);
        }
    }

    pub(super) fn flag(&self, name: &str) -> Option<bool> {
        self.get(name)?.get().parse().ok()
    }

    /// A number that is not money.
    pub(super) fn required_number(&self, name: &str) -> Number {
        self.require(name);
        let number = self.text(name).map(|text| serde_json::from_str(&text));
        match number {
            Some(Ok(number)) => number,
            Some(Err(_)) => {
                self.invalid(name, "not a number");
                0.into()
            }
            None => 0.into(),
        }
    }

    pub(super) fn whole_number(&self, name: &str) -> Option<i64> {
        let number = self.text(name)?.parse().ok();
        if number.is_none() {
            self.invalid(name, "not a whole number");
        }
        number
    }

    /// An object; PHP's empty one, `[]`, counts as absent.
    pub(super) fn object(&self, name: &str) -> Option<Fields<'a>> {
        let raw = self.get(name)?;
        if is_empty_list(raw) {
            return None;
        }
        let Ok(entries) = serde_json::from_str(raw.get()) else {
            self.invalid(name, "not an object");
            return None;
        };
        Some(Fields {
            path: self.path_of(name),
            entries,
            findings: self.findings,
        })
    }

    /// An object that must be there; if it is not, an empty one, so that reading can go on.
    pub(super) fn required_object(&self, name: &str) -> Option<Fields<'a>> {
        let object = self.object(name);
        if object.is_none() && self.get(name).is_none_or(is_empty_list) {
            self.missing(name);
        }
        object
    }

    pub(super) fn list(&self, name: &str) -> Option<Vec<Fields<'a>>> {
        let raw = self.get(name)?;
        let Ok(entries) = serde_json::from_str::<Vec<&RawValue>>(raw.get()) else {
            self.invalid(name, "not a list");
            return None;
        };
        let mut list = Vec::new();
        for (index, entry) in entries.into_iter().enumerate() {
            let place = format!("{name}[{index}]");
            match serde_json::from_str(entry.get()) {
                Ok(entries) => list.push(Fields {
                    path: self.path_of(&place),
                    entries,
                    findings: self.findings,
                }),
                Err(_) => self.invalid(&place, "not an object"),
            }
        }
        Some(list)
    }

    pub(super) fn required_list(&self, name: &str) -> Vec<Fields<'a>> {
        let list = self.list(name);
        if list.as_ref().is_none_or(Vec::is_empty) && self.get(name).is_none_or(is_empty_list) {
            self.missing(name);
        }
        list.unwrap_or_default()
    }

    pub(super) fn texts(&self, name: &str) -> Option<Vec<String>> {
        let texts = serde_json::from_str(self.get(name)?.get()).ok();
        if texts.is_none() {
            self.invalid(name, "not a list of texts");
        }
        texts
    }

    /// Names and values of an object, `[]` included.
    pub(super) fn text_map(&self, name: &str) -> BTreeMap<String, String> {
        let Some(object) = self.object(name) else {
            return BTreeMap::new();
        };
        let names = object.entries.keys();
        let pairs = names.filter_map(|key| Some((key.clone(), object.text(key)?)));
        pairs.collect()
    }

    /// The currency that `name` is in becomes the one of every amount of this body.
    pub(super) fn set_currency_from(&self, name: &str) -> Option<Currency> {
        let code = self.object(name)?.text("currency")?;
        self.findings.currency.set(Currency::parse(&code));
        self.findings.currency.get()
    }

    /// Minor units of a Money object, zero or more.
    pub(super) fn money(&self, name: &str) -> Option<i64> {
        let money = self.object(name)?;
        let code = money.required_text("currency");
        let Some(currency) = Currency::parse(&code) else {
            if !code.is_empty() {
                money.found("currency_unsupported", "currency", "unknown currency");
            }
            return None;
        };
        let expected = self.findings.currency.get().unwrap_or(currency);
        if currency != expected {
            let problem = format!("{currency} where {expected} is expected");
            money.found("total_amount_invalid_currency", "currency", &problem);
            return None;
        }
        let Some(amount) = money.text("amount") else {
            money.require("amount");
            return None;
        };
        let parse = if self.findings.choices.lenient_amounts {
            parse_minor_rounding
        } else {
            parse_minor
        };
        match parse(&amount, currency) {
            Ok(minor) => Some(minor),
            Err(bad) => {
                money.invalid("amount", bad.problem());
                None
            }
        }
    }

    pub(super) fn required_money(&self, name: &str) -> i64 {
        if self.get(name).is_none_or(is_empty_list) {
            self.missing(name);
        }
        self.money(name).unwrap_or(0)
    }

    /// A Money object of more than zero.
    pub(super) fn positive_money(&self, name: &str) -> i64 {
        let before = self.findings.problems.borrow().len();
        let minor = self.required_money(name);
        if minor == 0 && self.findings.problems.borrow().len() == before {
            self.invalid(name, "must be more than zero");
        }
        minor
    }
}

fn is_empty_list(raw: &RawValue) -> bool {
    let inside = raw.get().strip_prefix('[');
    let inside = inside.and_then(|inside| inside.strip_suffix(']'));
    inside.is_some_and(|inside| inside.trim_ascii().is_empty())
}
