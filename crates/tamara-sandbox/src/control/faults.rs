//! Faults by HTTP: what there is, what is in force, one more, one less.

use axum::Json;
use axum::body::Bytes;
use axum::extract::{Path, State};
use axum::http::{HeaderMap, header};
use axum::response::Response;
use serde_json::{Map, Value, json};

use super::problem::{Problem, bad_request, conflict, not_found};
use super::{done, has, json};
use crate::faults::catalogue;
use crate::{Fault, Sandbox};

pub(super) async fn kinds(State(_): State<Sandbox>) -> Json<Value> {
    Json(json!({ "kinds": catalogue() }))
}

pub(super) async fn list(State(sandbox): State<Sandbox>) -> Json<Value> {
    let refusing = sandbox.refuses();
    Json(json!({ "faults": sandbox.faults().report(), "refusing": refusing }))
}

pub(super) async fn add(
    State(sandbox): State<Sandbox>,
    headers: HeaderMap,
    body: Bytes,
) -> Result<Response, Problem> {
    let fault = if has(&headers, &header::CONTENT_TYPE, "x-www-form-urlencoded") {
        typed(&body)?
    } else {
        json(&body)?
    };
    // Only the passing of time opens the listener again, and nobody could reach the clock.
    if fault.fault == "refuse" && sandbox.clock().is_frozen() {
        return Err(conflict(
            "the clock is frozen: the listener would stay closed for ever",
        ));
    }
    let id = sandbox.add_fault(fault).map_err(|why| bad_request(&why))?;
    Ok(done(&headers, json!({ "id": id })))
}

/// From a form: what is left empty is left out.
fn typed(body: &Bytes) -> Result<Fault, Problem> {
    let mut object = Map::new();
    for (name, value) in url::form_urlencoded::parse(body) {
        if !value.is_empty() {
            let number = value.parse::<u64>().ok().map(Value::from);
            let value = number.unwrap_or_else(|| value.as_ref().into());
            object.insert(name.into_owned(), value);
        }
    }
    let fault = serde_json::from_value(object.into());
    fault.map_err(|error| bad_request(&error.to_string()))
}

pub(super) async fn clear(State(sandbox): State<Sandbox>, headers: HeaderMap) -> Response {
    sandbox.clear_faults();
    done(&headers, json!({ "message": "no faults" }))
}

pub(super) async fn remove(
    State(sandbox): State<Sandbox>,
    Path(id): Path<u64>,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    if sandbox.faults().remove(id) {
        Ok(done(&headers, json!({ "message": "removed" })))
    } else {
        Err(not_found("fault"))
    }
}
