//! Faults of requests: one middleware around Tamara's API.
//!
//! Invariant: a fault before the effect lets no handler run; one after it runs the handler exactly
//! once.

use std::time::Duration;

use axum::Json;
use axum::body::{Body, to_bytes};
use axum::extract::{Request, State};
use axum::http::{HeaderValue, StatusCode, header};
use axum::middleware::Next;
use axum::response::{Html, IntoResponse, Response};
use serde_json::json;

use super::broken::{line, sever, truncate};
use super::{from_header, pause};
use crate::Sandbox;
use crate::control::problem::{Problem, bad_request};

/// One fault for this request alone.
const HEADER: &str = "x-sandbox-fault";
/// An answer of the API is far smaller.
const ANSWER_BYTES_MAX: usize = 16 * 1024 * 1024;

const GATEWAY_PAGE: &str = "<!doctype html>\n<html><head><title>Service unavailable</title></head>\
    <body><h1>Service unavailable</h1><p>A fault of the offline sandbox, not Tamara.</p></body></html>\n";

#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum RequestFault {
    Reset,
    AnswerLost { ms: u64 },
    RequestLost { ms: u64 },
    Slow { ms: u64 },
    RateLimited { retry_after: Option<u64> },
    TokenExpired,
    ServerError { status: u16, after_effect: bool },
    Truncated,
    NotJson,
    Stale { seconds: i64 },
}

/// An order is to be shown as it was at this moment.
#[derive(Clone, Copy, Debug)]
pub(crate) struct AsOf(pub(crate) i64);

/// Lets a request through, or lets it go wrong.
pub(crate) async fn strike(
    State(sandbox): State<Sandbox>,
    request: Request,
    next: Next,
) -> Response {
    let line = line(&request);
    if sandbox.refuses() {
        return sever(line.as_ref());
    }
    let fault = match fault_of(&sandbox, &request) {
        Ok(Some(fault)) => fault,
        Ok(None) => return next.run(request).await,
        Err(problem) => return problem.into_response(),
    };
    match fault {
        RequestFault::Reset => sever(line.as_ref()),
        RequestFault::AnswerLost { ms } => {
            // Answered, and never sent.
            drop(next.run(request).await);
            pause(Duration::from_millis(ms)).await;
            sever(line.as_ref())
        }
        RequestFault::RequestLost { ms } => {
            pause(Duration::from_millis(ms)).await;
            sever(line.as_ref())
        }
        RequestFault::Slow { ms } => {
            pause(Duration::from_millis(ms)).await;
            next.run(request).await
        }
        RequestFault::RateLimited { retry_after } => rate_limited(retry_after),
        RequestFault::TokenExpired => envelope(StatusCode::UNAUTHORIZED, "Unauthorized"),
        RequestFault::ServerError {
            status,
            after_effect,
        } => {
            if after_effect {
                drop(next.run(request).await);
            }
            let status = StatusCode::from_u16(status).unwrap_or(StatusCode::SERVICE_UNAVAILABLE);
            (status, Html(GATEWAY_PAGE)).into_response()
        }
        RequestFault::Truncated => halve(next.run(request).await).await,
        RequestFault::NotJson => {
            drop(next.run(request).await);
            Html(GATEWAY_PAGE).into_response()
        }
        RequestFault::Stale { seconds } => {
            let as_of_ms = sandbox.clock().now_ms().saturating_sub(seconds * 1000);
            let mut request = request;
            request.extensions_mut().insert(AsOf(as_of_ms));
            next.run(request).await
        }
    }
}

/// The header's fault, else the first rule's.
fn fault_of(sandbox: &Sandbox, request: &Request) -> Result<Option<RequestFault>, Problem> {
    if let Some(text) = request.headers().get(HEADER) {
        let text = text
            .to_str()
            .map_err(|_| bad_request("X-Sandbox-Fault is not text"))?;
        let fault =
            from_header(text).map_err(|why| bad_request(&format!("X-Sandbox-Fault: {why}")))?;
        return Ok(Some(fault));
    }
    let (method, path) = (request.method().as_str(), request.uri().path());
    Ok(sandbox.faults().for_request(method, path))
}

fn rate_limited(retry_after: Option<u64>) -> Response {
    let mut response = envelope(StatusCode::TOO_MANY_REQUESTS, "Too many requests");
    if let Some(seconds) = retry_after {
        let value = HeaderValue::from(seconds);
        response.headers_mut().insert(header::RETRY_AFTER, value);
    }
    response
}

fn envelope(status: StatusCode, message: &str) -> Response {
    let body = json!({
        "message": message, "errors": [], "data": {}, "title": null, "screen_type": null,
    });
    (status, Json(body)).into_response()
}

async fn halve(response: Response) -> Response {
    let (parts, body) = response.into_parts();
    match to_bytes(body, ANSWER_BYTES_MAX).await {
        Ok(whole) => truncate(Response::from_parts(parts, Body::empty()), &whole),
        Err(_) => Response::from_parts(parts, Body::empty()),
    }
}
