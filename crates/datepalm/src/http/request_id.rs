//! Every answer carries `X-Request-Id`, and every problem document names it, so that a caller's report finds our log.

use crate::clock::{Clock as _, SystemClock};
use crate::ids::{RequestId, SystemIds};
use axum::extract::Request;
use axum::http::HeaderValue;
use axum::middleware::Next;
use axum::response::Response;

tokio::task_local! {
    static CURRENT: String;
}

/// The id of the request that is being answered.
pub fn current() -> Option<String> {
    CURRENT.try_with(Clone::clone).ok()
}

/// Gives the request its id.
pub async fn attach(request: Request, next: Next) -> Response {
    carry(next.run(request)).await
}

/// Answers under an id: the request's, or one of its own for an answer from outside the layer, such as a fallback. The
/// id names a log line, nothing in the books, so it needs neither the seams nor a seed.
pub async fn carry(answer: impl Future<Output = Response>) -> Response {
    if current().is_some() {
        return answer.await;
    }
    let id = RequestId::new(SystemClock::default().now_ms(), &SystemIds::default()).to_string();
    let header = HeaderValue::from_str(&id);
    let mut response = CURRENT.scope(id, answer).await;
    if let Ok(header) = header {
        response.headers_mut().insert("x-request-id", header);
    }
    response
}
