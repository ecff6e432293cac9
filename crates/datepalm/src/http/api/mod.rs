//! The merchant API under `/v1`.

pub mod attention;
pub mod operations;
pub mod payments;
pub mod reconciliations;
pub mod reference;
pub mod unknown_orders;

use crate::app::App;
use axum::Router;
use axum::routing::{MethodRouter, delete, get, post};
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
        ("/payments/{id}/reconcile", post(reconciliations::reconcile)),
        (
            "/reconciliations",
            post(reconciliations::start).get(reconciliations::list),
        ),
        ("/reconciliations/{id}", get(reconciliations::read)),
        ("/attention", get(attention::list)),
        ("/attention/{id}", get(attention::read)),
        ("/attention/{id}/resolve", post(attention::resolve)),
        ("/unknown_orders", get(unknown_orders::list)),
        ("/unknown_orders/{id}", delete(unknown_orders::dismiss)),
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
