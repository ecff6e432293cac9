//! What a merchant may ask about itself and about a customer's identity (endpoints 2.6 and 2.20).

use std::collections::BTreeMap;

use axum::body::Bytes;
use axum::extract::{Query, State};
use axum::http::StatusCode;
use axum::{Extension, Json};
use serde_json::{Value, json};

use super::error::ApiError;
use super::fields::read_body;
use super::{no_such_method, phone};
use crate::world::Account;
use crate::{Choices, Sandbox};

pub(super) async fn configs(Extension(account): Extension<Account>) -> Json<Value> {
    Json(json!({
        "single_checkout_enabled": account.merchant.single_checkout,
        "public_key": account.merchant.public_key,
    }))
}

type Words = BTreeMap<String, String>;

pub(super) async fn id_verification(
    State(sandbox): State<Sandbox>,
    Query(query): Query<Words>,
) -> Result<Json<Value>, ApiError> {
    status(&sandbox, &query)
}

/// The guide for tills says POST; the words may then stand in the body as well.
pub(super) async fn id_verification_by_post(
    State(sandbox): State<Sandbox>,
    Extension(choices): Extension<Choices>,
    Query(mut words): Query<Words>,
    body: Bytes,
) -> Result<Json<Value>, ApiError> {
    if !choices.id_verification_by_post {
        return Err(no_such_method().await);
    }
    if !body.is_empty() {
        read_body(&body, choices, |fields| {
            for name in ["phone_number", "country_code"] {
                let text = fields.text(name);
                words.extend(text.map(|text| (name.to_owned(), text)));
            }
        })?;
    }
    status(&sandbox, &words)
}

/// Identities are checked in Saudi Arabia and the Emirates only.
fn status(sandbox: &Sandbox, words: &Words) -> Result<Json<Value>, ApiError> {
    let word = |name: &str| words.get(name).map_or("", String::as_str);
    let country = word("country_code");
    if !matches!(country, "SA" | "AE") {
        let message = "Invalid country code";
        return Err(ApiError::bare(StatusCode::BAD_REQUEST, message));
    }
    let digits = phone::normalise(word("phone_number"), country);
    let digits = digits.ok_or_else(ApiError::invalid_phone)?;
    let verified = sandbox.read(|world, _| world.is_id_verified(&digits));
    Ok(Json(json!({ "is_id_verified": verified })))
}
