//! Sessions at a till: a link by SMS, a code to scan, and taking either back (endpoints 2.16 to 2.18).
//!
//! Paid at once: no authorise, no capture. The page has nowhere to return to. Invariant: void is
//! answered with 200 for every session of the merchant's tills.

use std::collections::BTreeMap;

use axum::body::Bytes;
use axum::extract::{Path, Query, State};
use axum::http::HeaderMap;
use axum::{Extension, Json};
use serde::Serialize;

use super::answers::{DoneAmount, done_amount};
use super::checkout::{payment_type, session_minutes};
use super::error::{ApiError, Problem};
use super::fields::{Fields, read_body};
use super::items::item;
use super::{owned, phone, terms};
use crate::money::Currency;
use crate::rules::{self, Opening};
use crate::world::{Account, Channel, Checkout, Consumer, Locale, Order};
use crate::{Choices, Sandbox};

#[derive(Serialize)]
pub(super) struct SessionAnswer {
    checkout_id: String,
    order_id: String,
    checkout_deeplink: String,
}

/// A link that Tamara sends to the customer's phone; here it is only answered.
pub(super) async fn link(
    State(sandbox): State<Sandbox>,
    Extension(account): Extension<Account>,
    Extension(choices): Extension<Choices>,
    body: Bytes,
) -> Result<Json<SessionAnswer>, ApiError> {
    let (order, opening) = read_body(&body, choices, |fields| {
        let mut order = till_order(fields, &account, "total_amount", Channel::InStoreLink);
        order.reference = fields.filled_text("order_reference_id");
        order.items = fields.required_list("items").iter().map(item).collect();
        order.payment_type = payment_type(fields);
        order.instalments = fields.whole_number("instalments").filter(|n| *n > 0);
        order.session_minutes =
            session_minutes(fields, "expiry_time", &account, Channel::InStoreLink);
        order.consumer = customer(fields, &account);
        (order, opening(fields))
    })?;
    open(&sandbox, &account, order, opening)
}

/// A code for the app's "scan to pay"; whoever scans it is known from the page alone.
pub(super) async fn qr(
    State(sandbox): State<Sandbox>,
    Extension(account): Extension<Account>,
    Extension(choices): Extension<Choices>,
    headers: HeaderMap,
    body: Bytes,
) -> Result<Json<SessionAnswer>, ApiError> {
    let device = headers.get("x-device-id");
    if device.is_none_or(|id| id.as_bytes().trim_ascii().is_empty()) {
        return Err(ApiError::invalid(vec![Problem {
            code: "field_required",
            field: "X-Device-Id".to_owned(),
            what: "required header".to_owned(),
        }]));
    }
    let (order, opening) = read_body(&body, choices, |fields| {
        if fields.choices().require_qr_platform {
            fields.filled_text("platform");
        }
        let mut order = till_order(fields, &account, "amount", Channel::InStoreQr);
        order.reference = fields.text("order_reference_id").unwrap_or_default();
        order.payment_type = payment_type(fields);
        (order, opening(fields))
    })?;
    open(&sandbox, &account, order, opening)
}

/// What both kinds have in common.
fn till_order(fields: &Fields<'_>, account: &Account, total: &str, channel: Channel) -> Order {
    let currency = fields.set_currency_from(total).unwrap_or(account.currency);
    let total_minor = fields.positive_money(total);
    let extra = fields.object("additional_data");
    Order {
        merchant_id: account.merchant_id.clone(),
        single_checkout: account.merchant.single_checkout,
        number: fields.text("order_number").unwrap_or_default(),
        country: account.merchant.country.clone(),
        store_code: extra.map_or_else(String::new, |extra| extra.filled_text("store_code")),
        ..Order::new(channel, currency, total_minor)
    }
}

fn customer(fields: &Fields<'_>, account: &Account) -> Consumer {
    let phone = fields.required_text("phone_number");
    let digits = phone::normalise(&phone, &account.merchant.country);
    if digits.is_none() && fields.has("phone_number") {
        fields.invalid_as("invalid_phone_number", "phone_number", "not a phone number");
    }
    Consumer {
        phone_number: digits.unwrap_or_default(),
        email: fields.text("email").unwrap_or_default(),
        ..Consumer::default()
    }
}

fn opening(fields: &Fields<'_>) -> Opening {
    Opening {
        locale: Locale::parse(&fields.text("locale").unwrap_or_default()),
        success_url: String::new(),
        failure_url: String::new(),
        cancel_url: String::new(),
    }
}

fn open(
    sandbox: &Sandbox,
    account: &Account,
    mut order: Order,
    opening: Opening,
) -> Result<Json<SessionAnswer>, ApiError> {
    let Checkout { id, order_id, .. } = sandbox.change(|world, now_ms| {
        terms::check(world, account, &order, now_ms)?;
        order.created_at_ms = now_ms;
        Ok::<_, ApiError>(rules::open(world, order, opening))
    })?;
    let base_url = sandbox.base_url();
    Ok(Json(SessionAnswer {
        // Its form is a guess: that of the online page.
        checkout_deeplink: format!("{base_url}/checkout/{id}?orderId={order_id}"),
        checkout_id: id,
        order_id,
    }))
}

#[derive(Serialize)]
pub(super) struct VoidAnswer {
    order_was_voided: bool,
    captured_amount: DoneAmount,
    message: &'static str,
    store_code: String,
}

/// The words stand in the query (documentation) or in the body (PHP SDK).
pub(super) async fn void(
    State(sandbox): State<Sandbox>,
    Extension(account): Extension<Account>,
    Extension(choices): Extension<Choices>,
    Path(checkout_id): Path<String>,
    Query(mut words): Query<BTreeMap<String, String>>,
    body: Bytes,
) -> Result<Json<VoidAnswer>, ApiError> {
    if !body.is_empty() {
        read_body(&body, choices, |fields| {
            for name in ["order_id", "store_code"] {
                let text = fields.text(name);
                words.extend(text.map(|text| (name.to_owned(), text)));
            }
        })?;
    }
    let Some(order_id) = words.remove("order_id") else {
        return Err(ApiError::invalid(vec![Problem {
            code: "field_required",
            field: "order_id".to_owned(),
            what: "required".to_owned(),
        }]));
    };
    let voided = sandbox.change(|world, now_ms| {
        let order = owned(world, &account, &order_id)?;
        if order.checkout_id != checkout_id {
            return Err(rules::Refusal::CheckoutNotFound.into());
        }
        Ok::<_, ApiError>(rules::void(world, &checkout_id, now_ms)?)
    })?;
    let currency: Currency = voided.order.currency;
    let own_store = voided.order.store_code.clone();
    Ok(Json(VoidAnswer {
        order_was_voided: voided.done,
        captured_amount: done_amount(choices, currency, voided.order.captured_minor()),
        message: voided.message,
        store_code: words.remove("store_code").unwrap_or(own_store),
    }))
}
