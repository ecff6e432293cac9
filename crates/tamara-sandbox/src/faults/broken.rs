//! Answers that do not arrive whole.
//!
//! A body that fails closes the connection that it was for: at once, so that not a byte leaves,
//! or half-way. In process the caller sees [`Severed`] when it reads the body, and among the
//! answer's extensions. Invariant: a severed answer has no content.

use axum::body::{Body, Bytes};
use axum::extract::Request;
use axum::extract::connect_info::ConnectInfo;
use axum::http::header::{CONTENT_LENGTH, TRANSFER_ENCODING};
use axum::http::{HeaderValue, StatusCode};
use axum::response::Response;
use futures_util::StreamExt as _;
use futures_util::stream;

use crate::listening::Line;

/// Stands for the answer that was lost: an extension of the answer and the error of its body.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the connection was cut by a fault")]
pub struct Severed;

/// The connection that a request came in by, if it came by one of ours.
pub(super) fn line(request: &Request) -> Option<Line> {
    let info = request.extensions().get::<ConnectInfo<Line>>()?;
    Some(info.0.clone())
}

/// No answer: the connection is reset where the sandbox listens itself, else closed.
pub(super) fn sever(line: Option<&Line>) -> Response {
    if let Some(line) = line {
        line.reset_when_closed();
    }
    let nothing = stream::once(async { Err::<Bytes, _>(Severed) });
    let mut response = Response::new(Body::from_stream(nothing));
    *response.status_mut() = StatusCode::BAD_GATEWAY;
    response.extensions_mut().insert(Severed);
    response
}

/// The first half of an answer whose headers promise the whole.
pub(super) fn truncate(mut response: Response, whole: &Bytes) -> Response {
    let half = whole.slice(..whole.len() / 2);
    let failure = stream::once(async {
        // The half must leave before the connection is closed.
        tokio::task::yield_now().await;
        Err(Severed)
    });
    let body = stream::once(async { Ok(half) }).chain(failure);
    *response.body_mut() = Body::from_stream(body);
    response.headers_mut().remove(TRANSFER_ENCODING);
    let length = HeaderValue::from(whole.len());
    response.headers_mut().insert(CONTENT_LENGTH, length);
    response
}
