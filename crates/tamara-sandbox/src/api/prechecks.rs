//! What a shop asks before checkout: payment types and eligibility (endpoints 2.2 and 2.5).

use std::collections::BTreeMap;

use axum::body::Bytes;
use axum::extract::{Query, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use axum::{Extension, Json};
use serde::{Deserialize, Serialize};
use serde_json::json;
use serde_json::value::RawValue;

use super::error::ApiError;
use super::phone;
use crate::Sandbox;
use crate::money::{Currency, WireMoney, parse_minor};
use crate::rules::is_decline_phone;
use crate::world::{Account, Plan, Status, World};

#[derive(Serialize)]
struct PaymentType {
    name: &'static str,
    description: &'static str,
    description_ar: &'static str,
    min_limit: WireMoney,
    max_limit: WireMoney,
    #[serde(skip_serializing_if = "Option::is_none")]
    supported_instalments: Option<Vec<Split>>,
}

#[derive(Serialize)]
struct Split {
    instalments: i64,
    min_limit: WireMoney,
    max_limit: WireMoney,
}

/// An unsupported pair and a total outside the limits give an empty list; a country that Tamara
/// does not know is refused.
pub(super) async fn payment_types(
    Extension(account): Extension<Account>,
    Query(query): Query<BTreeMap<String, String>>,
) -> Result<Response, ApiError> {
    let country = query.get("country").map_or("", String::as_str);
    let Some(home) = Currency::of_country(country) else {
        return Err(ApiError::refused(
            "We do not support your delivery country",
            "not_supported_delivery_country",
        ));
    };
    let code = query.get("currency").map_or(home.code(), String::as_str);
    let supported = code == home.code() && home == account.currency;
    let merchant = &account.merchant;
    let within = match query.get("order_value") {
        None => true,
        Some(value) => {
            let minor = parse_minor(value, home).map_err(|bad| {
                ApiError::bare(
                    StatusCode::BAD_REQUEST,
                    &format!("order_value: {}", bad.problem()),
                )
            })?;
            (merchant.min_minor..=merchant.max_minor).contains(&minor)
        }
    };
    let types = if supported && within {
        payment_types_of(&account)
    } else {
        Vec::new()
    };
    Ok(Json(types).into_response())
}

fn payment_types_of(account: &Account) -> Vec<PaymentType> {
    let limit = |minor| WireMoney {
        minor,
        currency: account.currency,
    };
    let min_limit = limit(account.merchant.min_minor);
    let max_limit = limit(account.merchant.max_minor);
    let split = [Plan::Two, Plan::Three, Plan::Four].map(|plan| Split {
        instalments: plan.parts(),
        min_limit,
        max_limit,
    });
    vec![
        PaymentType {
            name: "PAY_BY_INSTALMENTS",
            description: "Split in up to 4 payments",
            description_ar: "قسّم على 4 دفعات كحد أقصى",
            min_limit,
            max_limit,
            supported_instalments: Some(split.into()),
        },
        PaymentType {
            name: "PAY_NOW",
            description: "Pay in full",
            description_ar: "ادفع كامل المبلغ",
            min_limit,
            max_limit,
            supported_instalments: None,
        },
    ]
}

/// Stricter than the classic endpoints: the amount must be a JSON number.
#[derive(Deserialize)]
struct Question<'a> {
    #[serde(borrow)]
    order: Cart<'a>,
    customer: Option<Customer>,
}

#[derive(Deserialize)]
struct Cart<'a> {
    #[serde(borrow)]
    amount: &'a RawValue,
    currency: Currency,
}

/// The documentation says `phone`, Tamara's own plugins send `phone_number` (gotchas 15).
#[derive(Deserialize)]
struct Customer {
    phone: Option<String>,
    phone_number: Option<String>,
}

/// This endpoint's short error body.
fn invalid_json() -> Response {
    let body = Json(json!({ "message": "invalid json" }));
    (StatusCode::BAD_REQUEST, body).into_response()
}

/// No for customers with a decline on record and for the phone that is always declined; a
/// customer without phone is eligible (emulator-notes 32).
pub(super) async fn eligibility(
    State(sandbox): State<Sandbox>,
    Extension(account): Extension<Account>,
    body: Bytes,
) -> Response {
    let Ok(question) = serde_json::from_slice::<Question<'_>>(&body) else {
        return invalid_json();
    };
    if parse_minor(question.order.amount.get(), question.order.currency).is_err() {
        return invalid_json();
    }
    let customer = question.customer;
    let phone = customer.and_then(|c| c.phone_number.or(c.phone));
    let phone = phone.and_then(|phone| phone::normalise(&phone, &account.merchant.country));
    let is_eligible = match phone {
        None => true,
        Some(phone) => {
            !is_decline_phone(&phone) && !sandbox.read(|world, _| was_declined(world, &phone))
        }
    };
    Json(json!({ "is_eligible": is_eligible })).into_response()
}

fn was_declined(world: &World, phone: &str) -> bool {
    world
        .orders()
        .any(|order| order.status == Status::Declined && order.consumer.phone_number == phone)
}
