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

/// The part of a source text between two others.
fn between<'a>(text: &'a str, begin: &str, end: &str) -> &'a str {
    let after = text.split_once(begin).unwrap().1;
    after.split_once(end).unwrap().0
}

/// docs/api.md promises every code. The source is read because nothing else knows all of them.
#[test]
fn every_code_stands_in_the_api_document() {
    let source = include_str!("../../src/http/problem.rs");
    let document = include_str!("../../../../docs/api.md");
    let table = document.split_once("## Codes").unwrap().1;
    let statuses = between(source, "pub fn status", "\n}\n");
    let retryable = between(source, "fn retryable", "\n}\n");
    let names = |text: &str, name: &str| {
        let mut words = text.split(|c: char| !c.is_ascii_alphanumeric() && c != ':');
        words.any(|word| word == format!("Code::{name}"))
    };
    let mut rows = 0;
    for line in between(source, "pub fn word", "\n}\n").lines() {
        let Some((name, word)) = line.trim().split_once(" => ") else {
            continue;
        };
        let (name, word) = (
            name.trim_start_matches("Code::"),
            word.trim_matches([',', '"']),
        );
        // A group of names ends with the status that all of them have.
        let group = statuses.split("S::").zip(statuses.split("S::").skip(1));
        let (_, status) = group
            .into_iter()
            .find(|(group, _)| names(group, name))
            .unwrap();
        let constant = status.split(',').next().unwrap();
        let status = number(constant);
        let again = if names(retryable, name) { "yes" } else { "no" };
        let row = format!("| `{word}` | {status} | {again} | ");
        let meaning = table.lines().find_map(|line| line.strip_prefix(&row));
        assert!(
            meaning.is_some_and(|meaning| meaning.len() > 10),
            "docs/api.md has no row {row:?}"
        );
        rows += 1;
    }
    let told = table.lines().filter(|line| line.starts_with("| `")).count();
    assert!(
        rows > 40 && rows == told,
        "{told} rows in docs/api.md, {rows} codes"
    );
}

fn number(constant: &str) -> u16 {
    use axum::http::StatusCode;
    (100..600)
        .filter_map(|status| StatusCode::from_u16(status).ok())
        .find(|status| {
            let reason = status.canonical_reason().unwrap_or_default();
            reason.to_uppercase().replace(' ', "_") == constant
        })
        .unwrap()
        .as_u16()
}
