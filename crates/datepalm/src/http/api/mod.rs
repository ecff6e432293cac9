//! The merchant API under `/v1`.

pub mod attention;
pub mod operations;
pub mod payments;
pub mod reference;

use super::problem::Problem;
use crate::app::App;
use crate::store::health;
use axum::Router;
use axum::extract::State;
use axum::routing::{MethodRouter, get, post};
use std::sync::Arc;

/// Every route of `/v1`, relative to it. The router is made of this list and nothing else, so that a test can knock at
/// each of them without a key.
pub fn routes() -> Vec<(&'static str, MethodRouter<Arc<App>>)> {
    vec![
        ("/payments", post(payments::create).get(payments::list)),
        ("/payments/{id}", get(payments::read)),
        ("/payments/{id}/timeline", get(payments::timeline)),
        ("/payments/{id}/capture", post(operations::capture)),
        ("/payments/{id}/refund", post(operations::refund)),
        ("/payments/{id}/cancel", post(operations::cancel)),
        ("/payments/{id}/reference", post(reference::update)),
        (
            "/payments/{id}/operations/{operation}/end",
            post(attention::end),
        ),
        ("/attention", get(attention::list)),
        ("/attention/{id}", get(attention::read)),
        ("/attention/{id}/resolve", post(attention::resolve)),
    ]
}

/// The merchant API.
pub fn router() -> Router<Arc<App>> {
    routes()
        .into_iter()
        .fold(Router::new(), |router, (path, methods)| {
            router.route(path, methods)
        })
        .fallback(super::no_such_route)
}

/// `GET /readyz`: whether the database answers and takes writes.
pub async fn ready(State(app): State<Arc<App>>) -> Result<&'static str, Problem> {
    let now_ms = app.clock.now_ms();
    app.store
        .write("ready", move |tx| health::prove_writable(tx, now_ms))
        .await?;
    Ok("ready\n")
}
