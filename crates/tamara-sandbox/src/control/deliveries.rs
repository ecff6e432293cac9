//! The delivery log: what was sent where, what came back, and sending it again.
//!
//! Tokens and the values of a merchant's own headers stay out of it.

use axum::Json;
use axum::extract::{Path, Query, State};
use axum::http::HeaderMap;
use axum::response::Response;
use serde_json::{Value, json};
use std::collections::BTreeMap;

use super::done;
use super::problem::{Problem, not_found};
use crate::Sandbox;
use crate::state;
use crate::world::{Notification, World};

fn report(sandbox: &Sandbox, notification: &Notification) -> Value {
    let mut report = state::delivery(notification);
    let mark = if notification.url.contains('?') {
        '&'
    } else {
        '?'
    };
    let mut headers = json!({ "Content-Type": "application/json", "Authorization": "Bearer ***" });
    for name in notification.headers.keys() {
        headers[name] = "***".into();
    }
    report["request"] = json!({
        "method": "POST",
        "url": format!("{}{mark}tamaraToken=***", notification.url),
        "headers": headers,
    });
    report["held_by"] = sandbox.faults().holder(notification.id).into();
    report
}

/// All, or those about one `order`, by its id.
pub(super) async fn list(
    State(sandbox): State<Sandbox>,
    Query(query): Query<BTreeMap<String, String>>,
) -> Json<Value> {
    let order_id = query.get("order");
    let reports: Vec<_> = sandbox.read(|world, _| {
        let about = world.notifications();
        let about = about.filter(|n| order_id.is_none_or(|order_id| n.order_id == *order_id));
        about
            .map(|notification| report(&sandbox, notification))
            .collect()
    });
    Json(json!({ "deliveries": reports }))
}

pub(super) async fn show(
    State(sandbox): State<Sandbox>,
    Path(id): Path<u64>,
) -> Result<Json<Value>, Problem> {
    let found = sandbox.read(|world, _| world.notification(id).map(|n| report(&sandbox, n)));
    found.map(Json).ok_or_else(|| not_found("delivery"))
}

/// One more attempt at once, with a fresh token.
pub(super) async fn resend(
    State(sandbox): State<Sandbox>,
    Path(id): Path<u64>,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    sandbox.change(|world, now_ms| {
        let mut notification = find(world, id)?;
        notification.next_at_ms = Some(now_ms);
        world.put_notification(notification);
        Ok::<_, Problem>(())
    })?;
    Ok(done(&headers, json!({ "id": id })))
}

/// A second delivery of the same, with attempts of its own.
pub(super) async fn duplicate(
    State(sandbox): State<Sandbox>,
    Path(id): Path<u64>,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let twin = sandbox.change(|world, now_ms| {
        let mut notification = find(world, id)?;
        notification.id = world.next_sequence();
        notification.created_at_ms = now_ms;
        notification.next_at_ms = Some(now_ms);
        notification.attempts.clear();
        let twin = notification.id;
        world.put_notification(notification);
        Ok::<_, Problem>(twin)
    })?;
    Ok(done(&headers, json!({ "id": twin })))
}

fn find(world: &World, id: u64) -> Result<Notification, Problem> {
    world
        .notification(id)
        .cloned()
        .ok_or_else(|| not_found("delivery"))
}
