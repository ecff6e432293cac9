//! Each request with its answer as one block that a person can read.
//!
//! Off unless [`crate::Options`] names where the blocks go. Invariant: what [`masked`] hides never
//! reaches a block: tokens, phones, e-mails, names, addresses, days of birth.

mod hints;

use std::fmt::Write as _;

use axum::body::{Body, Bytes, HttpBody as _, to_bytes};
use axum::extract::{MatchedPath, Request, State};
use axum::http::{HeaderMap, StatusCode, Uri, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use serde_json::Value;

use crate::dates::rfc3339;
use crate::faults::Severed;
use crate::{RequestLog, Sandbox};
use hints::{Call, hints};

/// No request or answer of the API comes near it.
const BODY_BYTES_MAX: usize = 16 * 1024 * 1024;

const HIDDEN: &str = "***";

pub(crate) async fn record(
    State((sandbox, log)): State<(Sandbox, RequestLog)>,
    request: Request,
    next: Next,
) -> Response {
    let (parts, body) = request.into_parts();
    let Ok(bytes) = to_bytes(body, BODY_BYTES_MAX).await else {
        return StatusCode::PAYLOAD_TOO_LARGE.into_response();
    };
    let matched = parts.extensions.get::<MatchedPath>();
    let path = matched.map_or_else(|| parts.uri.path().to_owned(), |m| m.as_str().to_owned());
    let (method, uri, headers) = (
        parts.method.clone(),
        parts.uri.clone(),
        parts.headers.clone(),
    );
    let sent = serde_json::from_slice(&bytes).ok();
    let now = rfc3339(sandbox.clock().now_ms());
    let mut block = format!("{now}  {method} {}\n", masked_uri(&uri));
    for name in [
        header::AUTHORIZATION,
        header::HeaderName::from_static("x-sandbox-fault"),
    ] {
        if let Some(line) = header_line(&headers, &name) {
            indent(&mut block, &line);
        }
    }
    describe(&mut block, &bytes, sent.as_ref());
    let response = next
        .run(Request::from_parts(parts, Body::from(bytes)))
        .await;
    let status = response.status();
    let (response, answered) = read_answer(response, &mut block).await;
    let call = Call {
        method: method.as_str(),
        path: &path,
        status: status.as_u16(),
        sent: sent.as_ref(),
        answered: answered.as_ref(),
    };
    for hint in hints(&call) {
        indent(&mut block, &format!("hint: {hint}"));
    }
    log.write(&block);
    response
}

/// Writes what was answered and gives the answer back whole.
async fn read_answer(response: Response, block: &mut String) -> (Response, Option<Value>) {
    if response.extensions().get::<Severed>().is_some() {
        indent(block, "-> no answer: the connection was cut by a fault");
        return (response, None);
    }
    let mut line = format!("-> {}", response.status());
    if let Some(location) = response.headers().get(header::LOCATION) {
        let location = location.to_str().unwrap_or(HIDDEN);
        write!(line, " to {location}").expect("writing to a text cannot fail");
    }
    indent(block, &line);
    // A body of no known size is one that a fault breaks off.
    if response.body().size_hint().exact().is_none() {
        indent(block, "(broken off by a fault)");
        return (response, None);
    }
    let (parts, body) = response.into_parts();
    let Ok(bytes) = to_bytes(body, BODY_BYTES_MAX).await else {
        return (Response::from_parts(parts, Body::empty()), None);
    };
    let answered: Option<Value> = serde_json::from_slice(&bytes).ok();
    describe(block, &bytes, answered.as_ref());
    (Response::from_parts(parts, Body::from(bytes)), answered)
}

/// JSON is shown, masked; of anything else only how much there was.
fn describe(block: &mut String, bytes: &Bytes, json: Option<&Value>) {
    match json {
        Some(json) => indent(block, &format!("{:#}", masked(json))),
        None if bytes.is_empty() => {}
        None => indent(block, &format!("({} bytes that are no JSON)", bytes.len())),
    }
}

fn indent(block: &mut String, text: &str) {
    for line in text.lines() {
        block.push_str("    ");
        block.push_str(line);
        block.push('\n');
    }
}

fn header_line(headers: &HeaderMap, name: &header::HeaderName) -> Option<String> {
    let value = headers.get(name)?.to_str().ok()?;
    let shown = match value.split_once(' ') {
        _ if *name != header::AUTHORIZATION => value.to_owned(),
        Some((scheme, _)) => format!("{scheme} {HIDDEN}"),
        None => HIDDEN.to_owned(),
    };
    Some(format!("{name}: {shown}"))
}

fn masked_uri(uri: &Uri) -> String {
    let Some(query) = uri.query() else {
        return uri.path().to_owned();
    };
    let pairs = query.split('&').map(|pair| match pair.split_once('=') {
        Some((name, _)) if is_hidden(name) => format!("{name}={HIDDEN}"),
        _ => pair.to_owned(),
    });
    format!("{}?{}", uri.path(), pairs.collect::<Vec<_>>().join("&"))
}

/// Whether a field of this name may hold a secret or say who somebody is.
fn is_hidden(name: &str) -> bool {
    const PARTS: [&str; 12] = [
        "phone",
        "email",
        "token",
        "birth",
        "dob",
        "national_id",
        "first_name",
        "last_name",
        "full_name",
        "card",
        "otp",
        "password",
    ];
    const WHOLE: [&str; 5] = ["line1", "line2", "postal_code", "city", "region"];
    let name = name.to_ascii_lowercase();
    PARTS.iter().any(|part| name.contains(part)) || WHOLE.contains(&name.as_str())
}

/// The same JSON with every value hidden that a log must not hold.
fn masked(value: &Value) -> Value {
    match value {
        Value::Object(fields) => {
            let shown = fields
                .iter()
                .map(|(name, value)| (name.clone(), masked_field(name, value)));
            Value::Object(shown.collect())
        }
        Value::Array(values) => values.iter().map(masked).collect(),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => value.clone(),
    }
}

fn masked_field(name: &str, value: &Value) -> Value {
    match value {
        // The headers of a webhook are a merchant's own secrets.
        Value::Object(fields) if name == "headers" => {
            let hidden = |name: &String| (name.clone(), Value::from(HIDDEN));
            fields.keys().map(hidden).collect()
        }
        Value::String(_) | Value::Number(_) if is_hidden(name) => HIDDEN.into(),
        other => masked(other),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn whoever_it_is_and_whatever_is_secret_is_hidden_and_the_rest_is_not() {
        let body = json!({
            "consumer": { "first_name": "Noura", "email": "n@example.com", "phone_number": "55" },
            "items": [{ "name": "Desk lamp" }],
            "headers": { "X-Key": "k" },
            "risk_assessment": { "customer_dob": "01-01-1990", "account_age": 3 },
        });
        let expected = json!({
            "consumer": { "first_name": "***", "email": "***", "phone_number": "***" },
            "items": [{ "name": "Desk lamp" }],
            "headers": { "X-Key": "***" },
            "risk_assessment": { "customer_dob": "***", "account_age": 3 },
        });
        assert_eq!(masked(&body), expected);
        let uri = "/checkout/payment-types?country=SA&phone=55&tamaraToken=x"
            .parse()
            .unwrap();
        assert_eq!(
            masked_uri(&uri),
            "/checkout/payment-types?country=SA&phone=***&tamaraToken=***"
        );
    }
}
