//! Bytes from outside: whatever comes instead of Tamara's answers, notifications and tokens, each call ends with a value
//! or an error, of a size that follows from the input's, on a stack half as large as a worker thread has.
//!
//! What is not proved: that parsing takes little time. It ends, since each input is finite and each test has an end.
//! `PROPTEST_CASES=20000 cargo nextest run -p tamara bytes` looks longer; `fuzz/` looks without end.

use std::path::Path;

use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};
use serde_json::{Value, json};
use tamara::money::Currency;

use crate::contract::exchanges;
use crate::judged::{self, NOW_S};
use crate::mangled::{bytes_near, json_near};

/// Half of what tokio gives a worker thread.
const STACK_BYTES: usize = 1024 * 1024;

/// Runs a property on a thread with little stack.
fn holds<S>(strategy: S, property: impl Fn(S::Value) + Send)
where
    S: Strategy + Send,
{
    std::thread::scope(|scope| {
        let run = move || {
            let config = Config {
                failure_persistence: None,
                ..Config::default()
            };
            let outcome = TestRunner::new(config).run(&strategy, |value| {
                property(value);
                Ok(())
            });
            outcome.unwrap_or_else(|failure| panic!("{failure}"));
        };
        let small = std::thread::Builder::new().stack_size(STACK_BYTES);
        let thread = small.spawn_scoped(scope, run).unwrap();
        thread
            .join()
            .unwrap_or_else(|panic| std::panic::resume_unwind(panic));
    });
}

/// The examples of the fact book whose name begins so.
fn examples(prefix: &str) -> Vec<Value> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures");
    let names = std::fs::read_dir(folder).unwrap();
    let mut names: Vec<String> = names
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .filter(|name| name.starts_with(prefix))
        .collect();
    names.sort();
    names.iter().flat_map(|name| exchanges(name)).collect()
}

/// Every example that shows a call and its answer; one shows what a client must not send.
fn calls() -> Vec<Value> {
    let refused = |example: &Value| {
        example["request"]["path"] == "/checkout" && example["response"]["http_status"] == 400
    };
    let calls: Vec<_> = examples("")
        .into_iter()
        .filter(|example| !example["response"]["body"].is_null() && !refused(example))
        .collect();
    assert!(calls.len() > 20, "{}", calls.len());
    calls
}

fn bodies(calls: &[Value]) -> Vec<Value> {
    calls
        .iter()
        .map(|call| call["response"]["body"].clone())
        .collect()
}

fn texts(values: &[Value]) -> Vec<Vec<u8>> {
    values
        .iter()
        .map(|value| value.to_string().into_bytes())
        .collect()
}

#[test]
fn every_call_ends_whatever_bytes_come_back() {
    let calls = calls();
    let bytes = bytes_near(texts(&bodies(&calls)));
    let status = prop_oneof![4 => 200..300_u16, 4 => 400..500_u16, 1 => any::<u16>()];
    let example = prop::sample::select(calls);
    holds((example, status, bytes), |(example, status, body)| {
        judged::answer_to(&example["request"], status, body);
    });
}

#[test]
fn every_call_ends_whatever_stands_in_its_own_answer() {
    let near = |example: Value| {
        let body = json_near(vec![example["response"]["body"].clone()]);
        body.prop_map(move |body| (example.clone(), body))
    };
    let strategy = prop::sample::select(calls()).prop_flat_map(near);
    holds(strategy, |(example, body)| {
        let status = u16::try_from(example["response"]["http_status"].as_u64().unwrap()).unwrap();
        judged::answer_to(&example["request"], status, body.into_bytes());
    });
}

#[test]
fn what_was_read_reads_the_same_again() {
    let calls = calls();
    let orders: Vec<Value> = bodies(&calls)
        .into_iter()
        .filter(|body| body["transactions"].is_object())
        .collect();
    assert!(orders.len() > 5);
    holds(json_near(orders), |body| {
        judged::read_again(body.as_bytes());
    });
}

#[test]
fn a_notification_is_read_or_refused_whatever_bytes_it_is() {
    let events: Vec<Value> = examples("webhook-")
        .iter()
        .map(|example| example["body"].clone())
        .collect();
    let events: Vec<_> = events.into_iter().filter(Value::is_object).collect();
    assert!(events.len() > 8);
    let near = json_near(events.clone()).prop_map(String::into_bytes);
    let strategy = prop_oneof![near, bytes_near(texts(&events))];
    holds(strategy, |body| judged::notification(&body));
}

/// Text that looks like an amount, or nearly.
fn number() -> impl Strategy<Value = String> {
    prop_oneof![
        4 => "[-+]?[0-9]{1,25}(\\.[0-9]{0,25})?([eE][-+]?[0-9]{1,10})?",
        2 => "-?(0|[1-9][0-9]{0,17})(\\.[0-9]{1,3}0{0,30})?",
        1 => prop::sample::select(vec!["NaN", "nan", "Infinity", "-inf", "0x10", "1_000", "1,000", "\u{661}\u{662}", "", "-", ".", "-.", "1e", "--1"])
            .prop_map(str::to_owned),
        1 => (1..200_000_usize, 0..3_u8).prop_map(|(length, kind)| match kind {
            0 => "9".repeat(length),
            1 => format!("1.{}", "0".repeat(length)),
            _ => format!("{}1", "0".repeat(length)),
        }),
        1 => ".{0,12}",
    ]
}

#[test]
fn an_amount_is_exactly_its_text_or_refused() {
    let currency = prop::sample::select(Currency::ALL.to_vec());
    holds((number(), currency), |(text, currency)| {
        judged::amount_in(&text, currency);
    });
}

#[test]
fn a_signed_token_is_accepted_for_its_claims_alone() {
    let good = json!({ "exp": NOW_S + 900, "iat": NOW_S, "iss": "Tamara" });
    let token = judged::signed(good.to_string().as_bytes());
    assert!(judged::verifier().verify(None, Some(&token), NOW_S).is_ok());
    let near = json_near(vec![good.clone()]).prop_map(String::into_bytes);
    let strategy = prop_oneof![near, bytes_near(texts(&[good]))];
    holds(strategy, |payload| judged::signed_payload(&payload));
}

#[test]
fn a_token_that_was_touched_anywhere_is_refused() {
    let token = judged::genuine();
    assert!(judged::verifier().verify(None, Some(&token), NOW_S).is_ok());
    holds(bytes_near(vec![token.clone().into_bytes()]), |touched| {
        let touched = String::from_utf8_lossy(&touched).into_owned();
        let header = format!("Bearer {touched}");
        judged::unsigned(Some(&header), None);
        judged::unsigned(None, Some(&touched));
        judged::unsigned(Some(&header), Some(&token));
    });
}

/// What the fuzzers start from; each is a case of its own.
#[test]
fn the_fuzzers_seeds_hold() {
    let seeds = |target: &str| {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fuzz/seeds");
        let files = std::fs::read_dir(folder.join(target)).unwrap();
        let seeds: Vec<_> = files
            .map(|file| std::fs::read(file.unwrap().path()).unwrap())
            .collect();
        assert!(seeds.len() >= 3, "{target}");
        seeds
    };
    for seed in seeds("answer") {
        judged::answer(&seed);
    }
    for seed in seeds("notification") {
        judged::notification(&seed);
    }
    for seed in seeds("token") {
        judged::token(&seed);
    }
    for seed in seeds("amount") {
        judged::amount(std::str::from_utf8(&seed).unwrap());
    }
}
