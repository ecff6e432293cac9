//! The merchant API under `/v1`.

pub mod operations;
pub mod payments;

use super::problem::Problem;
use crate::app::App;
use crate::error::{Code, Refusal};
use axum::Router;
use axum::extract::State;
use axum::routing::{get, post};
use std::sync::Arc;

/// The routes of `/v1`.
pub fn router() -> Router<Arc<App>> {
    Router::new()
        .route("/payments", post(payments::create).get(payments::list))
        .route("/payments/{id}", get(payments::read))
        .route("/payments/{id}/timeline", get(payments::timeline))
        .route("/payments/{id}/capture", post(operations::capture))
        .route("/payments/{id}/refund", post(operations::refund))
        .route("/payments/{id}/cancel", post(operations::cancel))
        .fallback(super::no_such_route)
}

/// `GET /readyz`: whether the database answers.
pub async fn ready(State(app): State<Arc<App>>) -> Result<&'static str, Problem> {
    let answer = app
        .store
        .read("ready", |tx| crate::store::events::last_seq(tx))
        .await;
    answer.map_err(|_| Refusal::new(Code::Unavailable, "the database does not answer"))?;
    Ok("ready\n")
}
