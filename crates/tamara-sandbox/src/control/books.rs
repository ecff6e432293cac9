//! The books as a whole: looked at, emptied, filled from a seed, put aside and put back.

use axum::Json;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::HeaderMap;
use axum::response::Response;
use serde_json::{Value, json};

use super::problem::{Problem, bad_request};
use super::{done, json};
use crate::snapshot::Snapshot;
use crate::{Choices, Sandbox, Seed};

pub(super) async fn state(State(sandbox): State<Sandbox>) -> Json<Value> {
    Json(sandbox.state())
}

/// Orders, webhooks, deliveries and faults are forgotten.
pub(super) async fn reset(
    State(sandbox): State<Sandbox>,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    sandbox.reset()?;
    sandbox.clear_faults();
    Ok(done(&headers, json!({ "message": "reset" })))
}

pub(super) async fn seed(
    State(sandbox): State<Sandbox>,
    headers: HeaderMap,
    body: Bytes,
) -> Result<Response, Problem> {
    let seed: Seed = json(&body)?;
    let orders = sandbox.seed(&seed).await.map_err(|why| bad_request(&why))?;
    Ok(done(&headers, json!({ "orders": orders })))
}

pub(super) async fn snapshot(State(sandbox): State<Sandbox>) -> Json<Snapshot> {
    Json(sandbox.snapshot())
}

pub(super) async fn restore(
    State(sandbox): State<Sandbox>,
    headers: HeaderMap,
    body: Bytes,
) -> Result<Response, Problem> {
    let snapshot: Snapshot = json(&body)?;
    sandbox.restore(snapshot)?;
    Ok(done(
        &headers,
        json!({ "now_ms": sandbox.clock().now_ms() }),
    ))
}

pub(super) async fn choices(State(sandbox): State<Sandbox>) -> Json<Choices> {
    Json(sandbox.choices())
}

/// All of them at once: what is left out has its default.
pub(super) async fn set_choices(
    State(sandbox): State<Sandbox>,
    body: Bytes,
) -> Result<Json<Choices>, Problem> {
    sandbox.set_choices(json::<Choices>(&body)?);
    Ok(Json(sandbox.choices()))
}
