//! What every refusal must look like, whoever makes it: status, code, param, content type, request id, and a sentence
//! that names what was wrong and what was expected.

use crate::world::{KEY, World};
use axum::body::Body;
use axum::http::Request;
use axum::http::request::Builder;
use serde_json::{Value, json};

/// What must come back. `says` are parts of the sentence.
#[derive(Clone, Copy)]
pub struct Refused<'a> {
    pub status: u16,
    pub code: &'a str,
    pub param: Option<&'a str>,
    pub says: &'a [&'a str],
}

/// A refusal without a field of its own.
pub const fn refused<'a>(status: u16, code: &'a str, says: &'a [&'a str]) -> Refused<'a> {
    Refused {
        status,
        code,
        param: None,
        says,
    }
}

/// A refusal of one field.
pub const fn refused_at<'a>(
    status: u16,
    code: &'a str,
    param: &'a str,
    says: &'a [&'a str],
) -> Refused<'a> {
    Refused {
        param: Some(param),
        ..refused(status, code, says)
    }
}

/// Sends a request and holds the whole answer against what is expected; answers the problem document.
pub async fn check(
    world: &World,
    what: &str,
    request: Request<Body>,
    expected: Refused<'_>,
) -> Value {
    let (status, headers, body) = world.raw(request).await;
    let header = |name: &str| {
        headers
            .get(name)
            .map_or("", |value| value.to_str().unwrap())
            .to_owned()
    };
    assert_eq!(status, expected.status, "{what}: {body}");
    assert_eq!(
        header("content-type"),
        "application/problem+json",
        "{what}: {body}"
    );
    let problem: Value = serde_json::from_str(&body).unwrap();
    assert_eq!(problem["code"], expected.code, "{what}: {problem:#}");
    assert_eq!(
        problem["param"],
        json!(expected.param),
        "{what}: {problem:#}"
    );
    assert_eq!(problem["status"], expected.status, "{what}");
    assert_eq!(
        problem["type"],
        format!("urn:datepalm:problem:{}", expected.code),
        "{what}"
    );
    assert!(
        problem["request_id"].as_str().unwrap().starts_with("req_"),
        "{what}"
    );
    assert_eq!(problem["request_id"], header("x-request-id"), "{what}");
    let detail = problem["detail"].as_str().unwrap();
    for part in expected.says {
        assert!(
            detail.contains(part),
            "{what}: {detail:?} does not say {part:?}"
        );
    }
    problem
}

/// A request of the Saudi merchant's backend, with everything a good one has.
pub fn post(path: &str, idempotency_key: &str) -> Builder {
    Request::post(path)
        .header("authorization", format!("Bearer {KEY}"))
        .header("content-type", "application/json")
        .header("idempotency-key", idempotency_key)
}

pub fn get(path: &str) -> Request<Body> {
    Request::get(path)
        .header("authorization", format!("Bearer {KEY}"))
        .body(Body::empty())
        .unwrap()
}

/// How many rows a table has.
pub async fn rows(world: &World, table: &'static str) -> i64 {
    let sql = match table {
        "inbox" => "-- test count\nselect count(*) from inbox",
        "operations" => "-- test count\nselect count(*) from operations",
        "payments" => "-- test count\nselect count(*) from payments",
        other => panic!("no count of {other}"),
    };
    let count = world.app.store.read("test count", move |tx| {
        let row = tx.query_opt(sql, datepalm::values![])?;
        row.map_or(Ok(0), |mut row| row.int())
    });
    count.await.unwrap()
}
