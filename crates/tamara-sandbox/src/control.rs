//! `/_sandbox`: look at the books, move the clock, play the customer, start afresh.
//!
//! For people and for tests of any language; no path of Tamara's begins so, and none of these asks
//! for a token. Invariant: nothing here does what the API, the page or time could not do.

use std::collections::BTreeMap;

use askama::Template;
use axum::body::Bytes;
use axum::extract::{Path, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{Html, IntoResponse, Redirect, Response};
use axum::routing::{get, post};
use axum::{Json, Router};
use serde_json::{Value, json};

use crate::Sandbox;
use crate::dates::rfc3339;
use crate::rules::Refusal;
use crate::state::delivery_state;
use crate::world::{Notification, Order, Plan, World};

const MINUTE_MS: i64 = 60_000;
const HOUR_MS: i64 = 60 * MINUTE_MS;
const DAY_MS: i64 = 24 * HOUR_MS;
/// One step of the clock at most, far from the end of any calendar.
const STEP_MS_MAX: i64 = 10_000 * DAY_MS;
/// The page shows this many of the newest orders and deliveries.
const ROWS_MAX: usize = 50;

pub(crate) fn router(sandbox: Sandbox) -> Router {
    Router::new()
        .route("/_sandbox", get(page))
        .route("/_sandbox/state", get(state))
        .route("/_sandbox/reset", post(reset))
        .route("/_sandbox/clock/advance", post(advance))
        .route("/_sandbox/sessions/{checkout_id}/{act}", post(play))
        .with_state(sandbox)
}

async fn state(State(sandbox): State<Sandbox>) -> Json<Value> {
    Json(sandbox.state())
}

async fn reset(State(sandbox): State<Sandbox>, headers: HeaderMap) -> Response {
    match sandbox.reset() {
        Ok(()) => done(&headers, json!({ "message": "reset" })),
        Err(refusal) => refused(&refusal),
    }
}

/// `{"days":21}`, `{"hours":72}`, `{"minutes":30}`, `{"ms":1500}` or several of them together.
async fn advance(State(sandbox): State<Sandbox>, headers: HeaderMap, body: Bytes) -> Response {
    let Some(step_ms) = step_ms(&words(&headers, &body)) else {
        let message = "give days, hours, minutes or ms as whole numbers, not negative";
        let body = Json(json!({ "message": message }));
        return (StatusCode::BAD_REQUEST, body).into_response();
    };
    sandbox.clock().advance_ms(step_ms);
    sandbox.tick();
    sandbox.wake().notify_one();
    done(&headers, json!({ "now_ms": sandbox.clock().now_ms() }))
}

fn step_ms(words: &BTreeMap<String, String>) -> Option<i64> {
    let units = [
        ("days", DAY_MS),
        ("hours", HOUR_MS),
        ("minutes", MINUTE_MS),
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

/// The customer of a session: `approve` (with an optional `{"plan":"full"|2|3|4}`), `decline`,
/// `cancel` or `expire`.
async fn play(
    State(sandbox): State<Sandbox>,
    Path((checkout_id, act)): Path<(String, String)>,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    let customer = sandbox.customer(&checkout_id);
    let words = words(&headers, &body);
    let plan = words.get("plan").map_or("3", String::as_str);
    let played = match (act.as_str(), Plan::parse(plan)) {
        ("approve", Some(plan)) => customer.approve(plan),
        ("decline", _) => customer.decline(),
        ("cancel", _) => customer.cancel(),
        ("expire", _) => customer.expire(),
        _ => {
            let message = "approve (plan full, 2, 3 or 4), decline, cancel or expire";
            let body = Json(json!({ "message": message }));
            return (StatusCode::BAD_REQUEST, body).into_response();
        }
    };
    match played {
        Ok(url) => done(&headers, json!({ "redirect_url": url })),
        Err(refusal) => refused(&refusal),
    }
}

fn refused(refusal: &Refusal) -> Response {
    let status = match refusal {
        Refusal::OrderNotFound | Refusal::CheckoutNotFound => StatusCode::NOT_FOUND,
        Refusal::TransitionNotAllowed { .. } | Refusal::AmountExceedsAvailable { .. } => {
            StatusCode::CONFLICT
        }
        Refusal::Storage => StatusCode::INTERNAL_SERVER_ERROR,
    };
    let body = Json(json!({ "message": refusal.to_string() }));
    (status, body).into_response()
}

/// A person at the page goes back to it, a program gets JSON.
fn done(headers: &HeaderMap, body: Value) -> Response {
    if has(headers, &header::ACCEPT, "text/html") {
        Redirect::to("/_sandbox").into_response()
    } else {
        Json(body).into_response()
    }
}

fn has(headers: &HeaderMap, name: &header::HeaderName, part: &str) -> bool {
    let value = headers.get(name).and_then(|value| value.to_str().ok());
    value.is_some_and(|value| value.contains(part))
}

/// The body's words, from a form or from a flat JSON object.
fn words(headers: &HeaderMap, body: &Bytes) -> BTreeMap<String, String> {
    if has(headers, &header::CONTENT_TYPE, "x-www-form-urlencoded") {
        return url::form_urlencoded::parse(body).into_owned().collect();
    }
    let object: BTreeMap<String, Value> = serde_json::from_slice(body).unwrap_or_default();
    let texts = object.into_iter().map(|(name, value)| match value {
        Value::String(text) => (name, text),
        other => (name, other.to_string()),
    });
    texts.collect()
}

#[derive(Template)]
#[template(path = "control.html")]
struct ControlPage {
    now: String,
    merchants: Vec<String>,
    orders: Vec<OrderRow>,
    deliveries: Vec<DeliveryRow>,
}

struct OrderRow {
    reference: String,
    order_id: String,
    checkout_id: String,
    merchant: String,
    status: &'static str,
    total: String,
    captured: String,
    canceled: String,
    refunded: String,
    moves_at: String,
    open: bool,
}

struct DeliveryRow {
    id: u64,
    what: String,
    url: String,
    state: &'static str,
    attempts: usize,
    last: String,
    next: String,
}

async fn page(State(sandbox): State<Sandbox>) -> Response {
    let page = sandbox.read(|world, now_ms| {
        let orders = world.orders_by_creation();
        let newest = orders.into_iter().rev().take(ROWS_MAX);
        let deliveries: Vec<_> = world.notifications().collect();
        let latest = deliveries.into_iter().rev().take(ROWS_MAX);
        let merchants = world.accounts().iter();
        ControlPage {
            now: rfc3339(now_ms),
            merchants: merchants.map(|a| a.merchant.name.clone()).collect(),
            orders: newest.map(|order| order_row(world, order)).collect(),
            deliveries: latest.map(delivery_row).collect(),
        }
    });
    Html(page.render().expect("writing to a text cannot fail")).into_response()
}

fn order_row(world: &World, order: &Order) -> OrderRow {
    let money = |minor| format!("{} {}", order.currency.format(minor), order.currency);
    let some = |minor| match minor {
        0 => String::new(),
        minor => money(minor),
    };
    let account = world.account(&order.merchant_id);
    let timer_ms = crate::rules::timer_ms(order);
    OrderRow {
        reference: order.reference.clone(),
        order_id: order.id.clone(),
        checkout_id: order.checkout_id.clone(),
        merchant: account.map_or_else(String::new, |a| a.merchant.name.clone()),
        status: order.status.as_str(),
        total: money(order.total_minor),
        captured: some(order.captured_minor()),
        canceled: some(order.canceled_minor()),
        refunded: some(order.refunded_minor()),
        moves_at: timer_ms.map(rfc3339).unwrap_or_default(),
        open: order.status == crate::Status::New,
    }
}

fn delivery_row(notification: &Notification) -> DeliveryRow {
    let body: Value = serde_json::from_str(&notification.body).unwrap_or_default();
    let what = body.get("event_type").or(body.get("order_status"));
    let last = notification.attempts.last();
    DeliveryRow {
        id: notification.id,
        what: what.and_then(Value::as_str).unwrap_or_default().to_owned(),
        url: notification.url.clone(),
        state: delivery_state(notification),
        attempts: notification.attempts.len(),
        last: last.map_or_else(String::new, |attempt| match attempt.http_status {
            Some(status) => status.to_string(),
            None => attempt.error.clone().unwrap_or_default(),
        }),
        next: notification.next_at_ms.map(rfc3339).unwrap_or_default(),
    }
}
