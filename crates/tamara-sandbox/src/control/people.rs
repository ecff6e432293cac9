//! People by HTTP: the customer of a session and a person in Tamara's portal.

use axum::Json;
use axum::body::Bytes;
use axum::extract::{Path, State};
use axum::http::HeaderMap;
use axum::response::Response;
use serde_json::{Value, json};

use super::problem::{Problem, bad_request};
use super::{done, timeline, words};
use crate::Sandbox;
use crate::money::parse_minor;
use crate::rules::Refusal;
use crate::state;
use crate::world::{Order, Plan, World};

/// The order that is meant by an id, or the newest of a merchant's reference.
pub(super) fn order_by<'w>(world: &'w World, word: &str) -> Result<&'w Order, Refusal> {
    if let Some(order) = world.order(word) {
        return Ok(order);
    }
    let accounts = world.accounts().iter();
    let newest = accounts.filter_map(|a| world.newest_by_reference(&a.merchant_id, word));
    newest
        .max_by_key(|order| order.sequence)
        .ok_or(Refusal::OrderNotFound)
}

/// One order of the books with its timeline.
pub(super) async fn order(
    State(sandbox): State<Sandbox>,
    Path(word): Path<String>,
) -> Result<Json<Value>, Problem> {
    sandbox.read(|world, _| {
        let order = order_by(world, &word)?;
        let mut report = state::order(world, order);
        report["timeline"] = timeline::of(world, order)
            .into_iter()
            .map(|entry| entry.report())
            .collect();
        Ok(Json(report))
    })
}

/// The customer of a session: `approve` (with an optional `{"plan":"full"|2|3|4}`), `decline`,
/// `cancel` or `expire`.
pub(super) async fn play(
    State(sandbox): State<Sandbox>,
    Path((checkout_id, act)): Path<(String, String)>,
    headers: HeaderMap,
    body: Bytes,
) -> Result<Response, Problem> {
    let customer = sandbox.customer(&checkout_id);
    let words = words(&headers, &body)?;
    let plan = words.get("plan").map_or("3", String::as_str);
    let url = match (act.as_str(), Plan::parse(plan)) {
        ("approve", Some(plan)) => customer.approve(plan),
        ("decline", _) => customer.decline(),
        ("cancel", _) => customer.cancel(),
        ("expire", _) => customer.expire(),
        _ => {
            let choices = "approve (plan full, 2, 3 or 4), decline, cancel or expire";
            return Err(bad_request(choices));
        }
    }?;
    Ok(done(&headers, json!({ "redirect_url": url })))
}

/// A person in the portal: `authorise`, `capture`, `cancel` or `refund`; without `amount`
/// (`"100.00"`) all that is left.
pub(super) async fn work(
    State(sandbox): State<Sandbox>,
    Path((word, act)): Path<(String, String)>,
    headers: HeaderMap,
    body: Bytes,
) -> Result<Response, Problem> {
    let words = words(&headers, &body)?;
    let order = sandbox.read(|world, _| order_by(world, &word).cloned())?;
    let portal = sandbox.portal(&order.id);
    let minor = |left_minor: i64| match words.get("amount").filter(|text| !text.is_empty()) {
        None => Ok(left_minor),
        Some(text) => match parse_minor(text, order.currency) {
            Ok(minor) if minor > 0 => Ok(minor),
            Ok(_) => Err(bad_request("amount: not more than zero")),
            Err(bad) => Err(bad_request(&format!("amount: {}", bad.problem()))),
        },
    };
    let id = match act.as_str() {
        "authorise" => portal.authorise().map(|()| None)?,
        "capture" => Some(portal.capture(minor(order.remaining_minor())?)?),
        "cancel" => Some(portal.cancel(minor(order.remaining_minor())?)?),
        "refund" => Some(portal.refund(minor(order.refundable_minor())?)?),
        _ => return Err(bad_request("authorise, capture, cancel or refund")),
    };
    let status = sandbox.read(|world, _| world.order(&order.id).map(|order| order.status.as_str()));
    Ok(done(
        &headers,
        json!({ "order_id": order.id, "status": status, "id": id }),
    ))
}

/// A customer complains: `{"order": id or reference, "amount": "50.00"}`.
pub(super) async fn dispute(
    State(sandbox): State<Sandbox>,
    headers: HeaderMap,
    body: Bytes,
) -> Result<Response, Problem> {
    let words = words(&headers, &body)?;
    let word = words
        .get("order")
        .ok_or_else(|| bad_request("order: an id or a reference"))?;
    let order = sandbox.read(|world, _| order_by(world, word).cloned())?;
    let minor = match words.get("amount") {
        None => order.captured_minor(),
        Some(text) => parse_minor(text, order.currency)
            .map_err(|bad| bad_request(&format!("amount: {}", bad.problem())))?,
    };
    let id = sandbox.open_dispute(&order.id, minor)?;
    Ok(done(&headers, json!({ "id": id })))
}
