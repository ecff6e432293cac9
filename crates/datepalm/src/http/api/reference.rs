//! `/v1/payments/{id}/reference`: the reference that Tamara knows the payment's order by.

use super::operations::shown;
use super::payments::Answer;
use crate::actions::update_reference::{AskedReference, update_reference};
use crate::app::App;
use crate::error::{Code, Refusal};
use crate::http::auth::Merchant;
use crate::http::body::{IdempotencyKey, Json};
use crate::http::path::PaymentPath;
use axum::extract::State;
use serde::Deserialize;
use std::sync::Arc;

/// The longest reference, characters: as long as a `merchant_reference`. Tamara publishes no limit (endpoints 2.1).
const REFERENCE_MAX: usize = 100;

/// Body of a change of the reference.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ReferenceBody {
    order_reference_id: String,
}

/// `POST /v1/payments/{id}/reference`
pub async fn update(
    State(app): State<Arc<App>>,
    merchant: Merchant,
    PaymentPath(payment): PaymentPath,
    IdempotencyKey(key): IdempotencyKey,
    Json(ReferenceBody {
        order_reference_id: reference,
    }): Json<ReferenceBody>,
) -> Answer {
    if reference.trim().is_empty() || reference.chars().count() > REFERENCE_MAX {
        let detail = format!("order_reference_id must be 1 to {REFERENCE_MAX} characters");
        return Err(Refusal::new(Code::InvalidRequest, detail)
            .param("order_reference_id")
            .into());
    }
    let asked = AskedReference {
        payment,
        reference,
        key,
    };
    let outcome = update_reference(&app, &merchant.account, asked).await?;
    shown(&app, &merchant.account, outcome).await
}
