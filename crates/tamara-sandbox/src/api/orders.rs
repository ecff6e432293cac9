//! Orders: read, authorise, cancel, change the reference (endpoints 2.7 to 2.10 and 2.14).

use axum::body::Bytes;
use axum::extract::{Path, State};
use axum::response::{IntoResponse, Response};
use axum::{Extension, Json};
use serde::Serialize;
use serde_json::json;

use super::answers::{OrderView, money};
use super::error::ApiError;
use super::fields::read_body;
use super::{items, owned};
use crate::Sandbox;
use crate::dates::rfc3339;
use crate::money::{Currency, WireMoney};
use crate::rules::{self, AUTO_CAPTURE_MS, Refusal};
use crate::world::{Account, Order, Status};

pub(super) async fn show(
    State(sandbox): State<Sandbox>,
    Extension(account): Extension<Account>,
    Path(order_id): Path<String>,
) -> Result<Response, ApiError> {
    sandbox.read(|world, _| {
        let order = owned(world, &account, &order_id)?;
        Ok(Json(OrderView(order)).into_response())
    })
}

/// Several orders may share a reference: the newest is answered (endpoints 2.8).
pub(super) async fn show_by_reference(
    State(sandbox): State<Sandbox>,
    Extension(account): Extension<Account>,
    Path(reference): Path<String>,
) -> Result<Response, ApiError> {
    sandbox.read(|world, _| {
        let order = world.newest_by_reference(&account.merchant_id, &reference);
        let order = order.ok_or(Refusal::OrderNotFound)?;
        Ok(Json(OrderView(order)).into_response())
    })
}

#[derive(Serialize)]
pub(super) struct AuthoriseAnswer {
    order_id: String,
    status: &'static str,
    order_expiry_time: String,
    payment_type: String,
    auto_captured: bool,
    authorized_amount: WireMoney,
    capture_id: String,
}

/// No body is needed; clients send empty ones, objects and nothing.
pub(super) async fn authorise(
    State(sandbox): State<Sandbox>,
    Extension(account): Extension<Account>,
    Path(order_id): Path<String>,
) -> Result<Json<AuthoriseAnswer>, ApiError> {
    let order = sandbox.change(|world, now_ms| {
        owned(world, &account, &order_id)?;
        Ok::<_, ApiError>(rules::authorise(world, &order_id, now_ms)?)
    })?;
    let capture = order.captures.last();
    Ok(Json(AuthoriseAnswer {
        status: order.status.as_str(),
        // What moment this denotes is unpublished: the automatic capture (lifecycle 4.8).
        order_expiry_time: rfc3339(order.authorised_at_ms.unwrap_or_default() + AUTO_CAPTURE_MS),
        payment_type: order.payment_type.clone(),
        auto_captured: order.status == Status::FullyCaptured,
        authorized_amount: money(order.currency, order.total_minor),
        capture_id: capture.map_or_else(String::new, |c| c.id.clone()),
        order_id: order.id,
    }))
}

#[derive(Serialize)]
pub(super) struct CancelAnswer {
    order_id: String,
    cancel_id: String,
    status: &'static str,
    canceled_amount: WireMoney,
}

pub(super) async fn cancel(
    State(sandbox): State<Sandbox>,
    Extension(account): Extension<Account>,
    Path(order_id): Path<String>,
    body: Bytes,
) -> Result<Json<CancelAnswer>, ApiError> {
    let (currency, amounts) = read_body(&body, |fields| {
        let currency = fields.set_currency_from("total_amount");
        (currency, items::amounts(fields))
    })?;
    let order = sandbox.change(|world, now_ms| {
        same_currency(owned(world, &account, &order_id)?, currency)?;
        Ok::<_, ApiError>(rules::cancel(world, &order_id, amounts, now_ms)?)
    })?;
    let cancel = order.cancels.last().expect("a cancel was just added");
    Ok(Json(CancelAnswer {
        cancel_id: cancel.id.clone(),
        status: order.status.as_str(),
        canceled_amount: money(order.currency, cancel.amounts.total_minor),
        order_id: order.id,
    }))
}

/// An operation's amount must be in the order's currency.
pub(super) fn same_currency(order: &Order, currency: Option<Currency>) -> Result<(), ApiError> {
    if currency == Some(order.currency) {
        return Ok(());
    }
    Err(ApiError::refused(
        "We do not support cross currencies. Please select the correct currency for your country",
        "currency_unsupported",
    ))
}

/// Allowed in every status (lifecycle 4.4).
pub(super) async fn change_reference(
    State(sandbox): State<Sandbox>,
    Extension(account): Extension<Account>,
    Path(order_id): Path<String>,
    body: Bytes,
) -> Result<Response, ApiError> {
    let reference = read_body(&body, |fields| fields.filled_text("order_reference_id"))?;
    sandbox.change(|world, _| {
        let mut order = owned(world, &account, &order_id)?.clone();
        order.reference = reference;
        world.put_order(order);
        Ok::<_, ApiError>(())
    })?;
    let message = "Order reference id was updated successfully";
    Ok(Json(json!({ "message": message })).into_response())
}
