//! `/_sandbox`: look at the books, move the clock, play the people, break things, start afresh.
//!
//! For people and for tests of any language; no path of Tamara's begins so, and none of these asks
//! for a token. `openapi.json` describes them all. Invariant: apart from faults and from what puts
//! whole books in place, nothing here does what the API, the page or time could not do.

mod assertions;
mod books;
mod clock;
mod deliveries;
mod faults;
mod page;
mod people;
pub(crate) mod problem;
mod timeline;

use std::collections::BTreeMap;

use axum::Router;
use axum::body::Bytes;
use axum::extract::DefaultBodyLimit;
use axum::http::{HeaderMap, header};
use axum::response::{IntoResponse, Redirect, Response};
use axum::routing::{MethodRouter, delete, get, post, put};
use axum::{Json, extract::State};
use serde::de::DeserializeOwned;
use serde_json::Value;

use crate::Sandbox;
use problem::{Problem, bad_request};

/// A snapshot of very many orders is large.
const BODY_BYTES_MAX: usize = 1 << 30;

const OPENAPI: &str = include_str!("../../openapi.json");

type Route = (&'static str, &'static str, MethodRouter<Sandbox>);

/// Method, path and handler: the whole of this API.
fn routes() -> [Route; 29] {
    [
        ("GET", "/_sandbox", get(page::show)),
        ("GET", "/_sandbox/openapi.json", get(openapi)),
        ("GET", "/_sandbox/state", get(books::state)),
        ("POST", "/_sandbox/reset", post(books::reset)),
        ("POST", "/_sandbox/seed", post(books::seed)),
        ("GET", "/_sandbox/snapshot", get(books::snapshot)),
        ("POST", "/_sandbox/restore", post(books::restore)),
        ("GET", "/_sandbox/choices", get(books::choices)),
        ("PUT", "/_sandbox/choices", put(books::set_choices)),
        ("POST", "/_sandbox/assert", post(assertions::check)),
        ("GET", "/_sandbox/clock", get(clock::show)),
        ("POST", "/_sandbox/clock/set", post(clock::set)),
        ("POST", "/_sandbox/clock/advance", post(clock::advance)),
        ("POST", "/_sandbox/clock/freeze", post(clock::freeze)),
        ("POST", "/_sandbox/clock/run", post(clock::run)),
        ("GET", "/_sandbox/faults", get(faults::list)),
        ("POST", "/_sandbox/faults", post(faults::add)),
        ("DELETE", "/_sandbox/faults", delete(faults::clear)),
        ("GET", "/_sandbox/faults/kinds", get(faults::kinds)),
        ("DELETE", "/_sandbox/faults/{id}", delete(faults::remove)),
        ("POST", "/_sandbox/faults/{id}/remove", post(faults::remove)),
        ("GET", "/_sandbox/deliveries", get(deliveries::list)),
        ("GET", "/_sandbox/deliveries/{id}", get(deliveries::show)),
        (
            "POST",
            "/_sandbox/deliveries/{id}/resend",
            post(deliveries::resend),
        ),
        (
            "POST",
            "/_sandbox/deliveries/{id}/duplicate",
            post(deliveries::duplicate),
        ),
        ("GET", "/_sandbox/orders/{order_id}", get(people::order)),
        (
            "POST",
            "/_sandbox/orders/{order_id}/{act}",
            post(people::work),
        ),
        (
            "POST",
            "/_sandbox/sessions/{checkout_id}/{act}",
            post(people::play),
        ),
        ("POST", "/_sandbox/disputes", post(people::dispute)),
    ]
}

pub(crate) fn router(sandbox: Sandbox) -> Router {
    let mut router = Router::new();
    for (_, path, handler) in routes() {
        router = router.route(path, handler);
    }
    router
        .layer(DefaultBodyLimit::max(BODY_BYTES_MAX))
        .with_state(sandbox)
}

async fn openapi(State(_): State<Sandbox>) -> Response {
    ([(header::CONTENT_TYPE, "application/json")], OPENAPI).into_response()
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
fn words(headers: &HeaderMap, body: &Bytes) -> Result<BTreeMap<String, String>, Problem> {
    if has(headers, &header::CONTENT_TYPE, "x-www-form-urlencoded") {
        return Ok(url::form_urlencoded::parse(body).into_owned().collect());
    }
    if body.trim_ascii().is_empty() {
        return Ok(BTreeMap::new());
    }
    let object: BTreeMap<String, Value> = json(body)?;
    let texts = object.into_iter().map(|(name, value)| match value {
        Value::String(text) => (name, text),
        other => (name, other.to_string()),
    });
    Ok(texts.collect())
}

fn json<T: DeserializeOwned>(body: &[u8]) -> Result<T, Problem> {
    serde_json::from_slice(body).map_err(|error| bad_request(&format!("the body: {error}")))
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn the_openapi_file_describes_every_route_and_no_other() {
        let document: Value = serde_json::from_str(OPENAPI).unwrap();
        let mut described = BTreeSet::new();
        for (path, operations) in document["paths"].as_object().unwrap() {
            for method in operations
                .as_object()
                .unwrap()
                .keys()
                .filter(|key| *key != "parameters")
            {
                described.insert(format!("{} {path}", method.to_uppercase()));
            }
        }
        let routes = routes().into_iter();
        let known: BTreeSet<_> = routes
            .map(|(method, path, _)| format!("{method} {path}"))
            .collect();
        assert_eq!(described, known);
    }
}
