//! Bytes from outside: whatever comes instead of Tamara's answers, notifications and tokens, each call ends with a value
//! or an error, of a size that follows from the input's, on a stack half as large as a worker thread has.
//!
//! What is not proved: that parsing takes little time. It ends, since each input is finite and each test has an end.
//! `PROPTEST_CASES=20000 cargo nextest run -p tamara bytes` looks longer; `fuzz/` looks without end.

use std::path::Path;

use jsonwebtoken::{Algorithm, EncodingKey};
use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};
use serde_json::{Value, json};
use tamara::Error;
use tamara::money::{Currency, Money};
use tamara::notification::{NotificationError, Verifier, parse};
use tamara::orders::Order;
use tamara::transport::Response;

use crate::contract::{call, exchanges, fixture};
use crate::mangled::{bytes_near, json_near};
use crate::scripted::scripted;

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

fn block_on<T>(future: impl Future<Output = T>) -> T {
    let runtime = tokio::runtime::Builder::new_current_thread().build();
    runtime.unwrap().block_on(future)
}

/// Makes the call of an example and answers it with these bytes.
fn is_judged(example: &Value, status: u16, body: Vec<u8>) {
    let size = body.len();
    let response = Response {
        status,
        headers: vec![(
            "retry-after".to_owned(),
            String::from_utf8_lossy(&body).into_owned(),
        )],
        body,
    };
    let (client, transport) = scripted(Ok(response));
    let request = &example["request"];
    let (method, path) = (
        request["method"].as_str().unwrap(),
        request["path"].as_str().unwrap(),
    );
    let answer = block_on(call(&client, method, path, &request["body"]));
    assert_eq!(
        transport.sent.lock().unwrap().len(),
        1,
        "one call is one request"
    );
    match answer {
        Ok(answer) => {
            assert!((200..300).contains(&status), "{status} is no success");
            assert!(
                answer.len() <= 8 * size + 4_096,
                "{} bytes of {size}",
                answer.len()
            );
        }
        Err(error) => {
            let said = format!("{error} {error:?}").len();
            assert!(said <= 8 * size + 1_024, "{said} bytes of {size}");
            let changes = method != "GET" && !path.contains("eligibility");
            let definite = !matches!(
                error,
                Error::OutcomeUnknown { .. } | Error::Malformed { .. }
            );
            assert!(
                !definite || (400..500).contains(&status),
                "{status}: {error}"
            );
            assert!(
                !changes || !matches!(error, Error::Malformed { .. }),
                "{error}"
            );
        }
    }
}

#[test]
fn every_call_ends_whatever_bytes_come_back() {
    let calls = calls();
    let bytes = bytes_near(texts(&bodies(&calls)));
    let status = prop_oneof![4 => 200..300_u16, 4 => 400..500_u16, 1 => any::<u16>()];
    let example = prop::sample::select(calls);
    holds((example, status, bytes), |(example, status, body)| {
        is_judged(&example, status, body);
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
        is_judged(&example, status, body.into_bytes());
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
        let Ok(order) = serde_json::from_str::<Order>(&body) else {
            return;
        };
        let written = serde_json::to_string(&order).unwrap();
        let again: Order = serde_json::from_str(&written).unwrap();
        assert_eq!(serde_json::to_string(&again).unwrap(), written);
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
    holds(strategy, |body| {
        if let Ok(read) = parse(&body) {
            assert!(!read.order_id.is_empty());
            assert!(read.order_id.len() <= body.len());
            let data = serde_json::to_string(&read.data).unwrap();
            assert!(
                data.len() <= 8 * body.len() + 64,
                "{} bytes of {}",
                data.len(),
                body.len()
            );
            assert!(format!("{read:?}").len() <= 16 * body.len() + 256);
        }
    });
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

/// The value of a decimal text in minor units as digits, or nothing: written down a second time, on texts alone.
fn minor_digits(text: &str, digits: usize) -> Option<String> {
    let (sign, rest) = text
        .strip_prefix('-')
        .map_or(("", text), |rest| ("-", rest));
    let (whole, fraction) = match rest.split_once('.') {
        Some((_, "")) => return None,
        Some(parts) => parts,
        None => (rest, ""),
    };
    let plain = |part: &str| part.chars().all(|c| c.is_ascii_digit());
    if whole.is_empty() || !plain(whole) || !plain(fraction) {
        return None;
    }
    let significant = fraction.trim_end_matches('0');
    if significant.len() > digits {
        return None;
    }
    let all = format!("{whole}{significant:0<digits$}");
    let all = all.trim_start_matches('0');
    let value = if all.is_empty() {
        "0".to_owned()
    } else {
        format!("{sign}{all}")
    };
    let largest = if sign.is_empty() {
        "9223372036854775807"
    } else {
        "9223372036854775808"
    };
    let fits = all.len() < largest.len() || (all.len() == largest.len() && all <= largest);
    fits.then_some(value)
}

#[test]
fn an_amount_is_exactly_its_text_or_refused() {
    let currency = prop::sample::select(Currency::ALL.to_vec());
    holds((number(), currency), |(text, currency)| {
        let expected = minor_digits(&text, currency.digits() as usize);
        let parsed = Money::parse_decimal(&text, currency).ok();
        assert_eq!(
            parsed.map(|money| money.minor().to_string()),
            expected,
            "{text:.60}"
        );
        // The same way through JSON, as a number and as a text: no float on either.
        let code = currency.code();
        let quoted = format!(
            "{{\"amount\":{},\"currency\":\"{code}\"}}",
            Value::from(text.as_str())
        );
        assert_eq!(
            serde_json::from_str::<Money>(&quoted).ok(),
            parsed,
            "{text:.60}"
        );
        let bare = format!("{{\"amount\":{text},\"currency\":\"{code}\"}}");
        if let Ok(money) = serde_json::from_str::<Money>(&bare) {
            // White space around a number is JSON's, and a quoted text that was made up is a text.
            let text = text.trim().trim_matches('"');
            assert_eq!(
                Some(money.minor().to_string()),
                minor_digits(text, currency.digits() as usize)
            );
        }
    });
}

const SECRET: &str = "example-notification-token-0001";
const NOW_S: i64 = 1_772_442_000;

fn signed(payload: &[u8]) -> String {
    let header = json!({ "typ": "JWT", "alg": "HS256" }).to_string();
    let key = EncodingKey::from_secret(SECRET.as_bytes());
    let parts = [header.as_bytes(), payload].map(base64url);
    let message = parts.join(".");
    let signature = jsonwebtoken::crypto::sign(message.as_bytes(), &key, Algorithm::HS256);
    format!("{message}.{}", signature.unwrap())
}

fn base64url(bytes: &[u8]) -> String {
    const LETTERS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    let mut text = String::new();
    for chunk in bytes.chunks(3) {
        let number = chunk
            .iter()
            .fold(0_usize, |number, byte| number << 8 | usize::from(*byte));
        let number = number << (8 * (3 - chunk.len()));
        for place in 0..=chunk.len() {
            text.push(char::from(LETTERS[number >> (18 - 6 * place) & 63]));
        }
    }
    text
}

fn verifier() -> Verifier {
    Verifier::new(vec![SECRET.into()]).unwrap()
}

#[test]
fn a_signed_token_is_accepted_for_its_claims_alone() {
    let good = json!({ "exp": NOW_S + 900, "iat": NOW_S, "iss": "Tamara" });
    let genuine = signed(good.to_string().as_bytes());
    assert!(verifier().verify(None, Some(&genuine), NOW_S).is_ok());
    let near = json_near(vec![good.clone()]).prop_map(String::into_bytes);
    let strategy = prop_oneof![near, bytes_near(texts(&[good]))];
    holds(strategy, |payload| {
        let token = signed(&payload);
        let answer = verifier().verify(None, Some(&token), NOW_S);
        if let Ok(claims) = answer {
            assert!(token.len() <= 4_096, "{}", token.len());
            assert_eq!(claims.iss, "Tamara");
            assert!(claims.exp >= NOW_S - 180);
        } else {
            assert_ne!(answer, Err(NotificationError::BadSignature), "it is signed");
        }
    });
}

#[test]
fn a_token_that_was_touched_anywhere_is_refused() {
    let example: Value =
        serde_json::from_str(&fixture("webhook-00-http-request-and-jwt.json")).unwrap();
    let token = example["jwt"].as_str().unwrap().to_owned();
    assert!(verifier().verify(None, Some(&token), NOW_S).is_ok());
    holds(bytes_near(vec![token.clone().into_bytes()]), |touched| {
        let touched = String::from_utf8_lossy(&touched).into_owned();
        if touched.trim() == token {
            return;
        }
        let header = format!("Bearer {touched}");
        for (header, query) in [
            (Some(header.as_str()), None),
            (None, Some(touched.as_str())),
        ] {
            assert!(
                verifier().verify(header, query, NOW_S).is_err(),
                "{touched:.200}"
            );
        }
        // Beside a good one it is no better.
        let both = verifier().verify(Some(&header), Some(&token), NOW_S);
        assert!(both.is_err() || touched.trim().is_empty(), "{touched:.200}");
    });
}
