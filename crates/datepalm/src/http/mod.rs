//! The HTTP surface: one router, one problem document for every refusal, and nothing that decides about money.

pub mod api;
pub mod auth;
pub mod body;
pub mod inbound;
mod json_error;
pub mod path;
pub mod problem;
mod ready;
pub mod request_id;
pub mod return_page;

use crate::app::App;
use crate::error::{Code, Error, Refusal};
use axum::Router;
use axum::extract::DefaultBodyLimit;
use axum::response::IntoResponse as _;
use axum::routing::{MethodRouter, get, post};
use std::sync::Arc;

/// Every route that takes no key of the merchant: Tamara's notifications carry a token of their own, a return link is its
/// own secret, and health says nothing about anybody. The router has these and `/v1`, and nothing else.
pub fn open_routes() -> Vec<(&'static str, MethodRouter<Arc<App>>)> {
    vec![
        ("/hooks/tamara/{account}", post(inbound::receive)),
        ("/r/{token}", get(return_page::show)),
        ("/healthz", get(|| async { "ok\n" })),
        ("/readyz", get(ready::show)),
    ]
}

/// Everything that the service answers.
pub fn router(app: Arc<App>) -> Router {
    let body_limit = app.config.body_bytes_max;
    open_routes()
        .into_iter()
        .fold(Router::new(), |router, (path, methods)| {
            router.route(path, methods)
        })
        .nest("/v1", api::router())
        .method_not_allowed_fallback(method_not_allowed)
        .layer(DefaultBodyLimit::max(body_limit))
        .with_state(app)
        .layer(axum::middleware::from_fn(request_id::attach))
}

/// The answer to a path that does not exist; the caller's router uses it as its fallback.
pub async fn no_such_route() -> axum::response::Response {
    let refusal = Refusal::new(
        Code::NoSuchRoute,
        "there is nothing at this path; the API is under /v1",
    );
    request_id::carry(async { problem::Problem(Error::from(refusal)).into_response() }).await
}

async fn method_not_allowed() -> axum::response::Response {
    problem::Problem(Error::from(Refusal::new(
        Code::MethodNotAllowed,
        "this path does not take this method",
    )))
    .into_response()
}
