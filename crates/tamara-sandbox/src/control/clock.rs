//! The clock: set, advanced, frozen, running.
//!
//! Time only goes forward here. Invariant: after an answer the timers that are due have fired.

use axum::Json;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::HeaderMap;
use axum::response::Response;
use jiff::Timestamp;
use serde_json::{Value, json};
use std::collections::BTreeMap;

use super::problem::{Problem, bad_request, conflict};
use super::{done, words};
use crate::Sandbox;
use crate::dates::rfc3339;

const MINUTE_MS: i64 = 60_000;
const HOUR_MS: i64 = 60 * MINUTE_MS;
const DAY_MS: i64 = 24 * HOUR_MS;
/// One step of the clock at most, far from the end of any calendar.
const STEP_MS_MAX: i64 = 10_000 * DAY_MS;

fn report(sandbox: &Sandbox) -> Value {
    let clock = sandbox.clock();
    let now_ms = clock.now_ms();
    json!({ "now": rfc3339(now_ms), "now_ms": now_ms, "frozen": clock.is_frozen() })
}

pub(super) async fn show(State(sandbox): State<Sandbox>) -> Json<Value> {
    Json(report(&sandbox))
}

/// `{"now":"2026-03-02T09:00:00Z"}` or `{"now_ms":1772442000000}`, not before the moment it is.
pub(super) async fn set(
    State(sandbox): State<Sandbox>,
    headers: HeaderMap,
    body: Bytes,
) -> Result<Response, Problem> {
    let words = words(&headers, &body)?;
    let at_ms = match (words.get("now_ms"), words.get("now")) {
        (Some(ms), None) => ms.parse().ok(),
        (None, Some(text)) => text.parse().ok().map(Timestamp::as_millisecond),
        _ => None,
    };
    let at_ms: i64 = at_ms.ok_or_else(|| bad_request("give now (RFC 3339) or now_ms"))?;
    let step_ms = at_ms.saturating_sub(sandbox.clock().now_ms());
    if !(0..=STEP_MS_MAX).contains(&step_ms) {
        let now = rfc3339(sandbox.clock().now_ms());
        return Err(conflict(&format!(
            "the clock shows {now} and only goes forward"
        )));
    }
    Ok(step(&sandbox, &headers, step_ms))
}

/// `{"days":21}`, `{"hours":72}`, `{"minutes":30}`, `{"ms":1500}` or several of them together.
pub(super) async fn advance(
    State(sandbox): State<Sandbox>,
    headers: HeaderMap,
    body: Bytes,
) -> Result<Response, Problem> {
    let step_ms = step_ms(&words(&headers, &body)?).ok_or_else(|| {
        bad_request("give days, hours, minutes, seconds or ms as whole numbers, not negative")
    })?;
    Ok(step(&sandbox, &headers, step_ms))
}

fn step(sandbox: &Sandbox, headers: &HeaderMap, step_ms: i64) -> Response {
    sandbox.clock().advance_ms(step_ms);
    sandbox.tick();
    sandbox.wake().notify_one();
    done(headers, report(sandbox))
}

pub(super) async fn freeze(
    State(sandbox): State<Sandbox>,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    if sandbox.refuses() {
        return Err(conflict(
            "the listener is closed until a moment that would never come",
        ));
    }
    sandbox.clock().freeze();
    Ok(done(&headers, report(&sandbox)))
}

pub(super) async fn run(
    State(sandbox): State<Sandbox>,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    if sandbox.clock().is_manual() {
        return Err(conflict(
            "this clock is moved by a program and never runs by itself",
        ));
    }
    sandbox.clock().run();
    Ok(done(&headers, report(&sandbox)))
}

fn step_ms(words: &BTreeMap<String, String>) -> Option<i64> {
    let units = [
        ("days", DAY_MS),
        ("hours", HOUR_MS),
        ("minutes", MINUTE_MS),
        ("seconds", 1000),
        ("ms", 1),
    ];
    let mut step_ms = 0_i64;
    let mut given = false;
    for (name, unit_ms) in units {
        if let Some(count) = words.get(name) {
            let count: i64 = count.parse().ok().filter(|count| *count >= 0)?;
            step_ms = step_ms.checked_add(count.checked_mul(unit_ms)?)?;
            given = true;
        }
    }
    (given && step_ms <= STEP_MS_MAX).then_some(step_ms)
}
