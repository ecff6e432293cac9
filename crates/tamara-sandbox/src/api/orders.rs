//! Orders: read, authorise, cancel, change the reference (endpoints 2.7 to 2.10 and 2.14).

use axum::body::Bytes;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use axum::{Extension, Json};
use serde::Serialize;
use serde_json::json;

use super::answers::{DoneAmount, OrderView, done_amount};
use super::error::{ApiError, CROSS_CURRENCY};
use super::fields::read_body;
use super::{items, owned};
use crate::choices::{OrderExpiryTime, RepeatedAuthorise};
use crate::dates::rfc3339;
use crate::faults::requests::AsOf;
use crate::money::Currency;
use crate::rules::{self, AUTO_CAPTURE_MS, EXPIRE_UNCAPTURED_MS, Refusal};
use crate::world::{Account, Order, Status, World};
use crate::{Choices, Sandbox};

pub(super) async fn show(
    State(sandbox): State<Sandbox>,
    Extension(account): Extension<Account>,
    as_of: Option<Extension<AsOf>>,
    Path(order_id): Path<String>,
) -> Result<Response, ApiError> {
    sandbox.read(|world, _| {
        let order = seen(world, owned(world, &account, &order_id)?, as_of);
        Ok(Json(OrderView(order, world.choices)).into_response())
    })
}

/// The order, or what it was if a fault makes the read stale.
fn seen<'w>(world: &'w World, order: &'w Order, as_of: Option<Extension<AsOf>>) -> &'w Order {
    as_of.map_or(order, |Extension(AsOf(at_ms))| world.as_of(order, at_ms))
}

/// Several orders may share a reference: the newest is answered (endpoints 2.8).
pub(super) async fn show_by_reference(
    State(sandbox): State<Sandbox>,
    Extension(account): Extension<Account>,
    as_of: Option<Extension<AsOf>>,
    Path(reference): Path<String>,
) -> Result<Response, ApiError> {
    sandbox.read(|world, _| {
        let order = world.newest_by_reference(&account.merchant_id, &reference);
        let order = seen(world, order.ok_or(Refusal::OrderNotFound)?, as_of);
        Ok(Json(OrderView(order, world.choices)).into_response())
    })
}

#[derive(Serialize)]
pub(super) struct AuthoriseAnswer {
    order_id: String,
    status: &'static str,
    order_expiry_time: String,
    payment_type: String,
    auto_captured: bool,
    authorized_amount: DoneAmount,
    capture_id: String,
}

/// No body is needed; clients send empty ones, objects and nothing.
pub(super) async fn authorise(
    State(sandbox): State<Sandbox>,
    Extension(account): Extension<Account>,
    Extension(choices): Extension<Choices>,
    Path(order_id): Path<String>,
) -> Result<Json<AuthoriseAnswer>, ApiError> {
    let order = sandbox.change(|world, now_ms| {
        let status = owned(world, &account, &order_id)?.status;
        let refused = |refusal| refused(refusal, status, choices);
        rules::authorise(world, &order_id, now_ms).map_err(refused)
    })?;
    let capture = order.captures.last();
    let lifetime_ms = match choices.order_expiry_time {
        OrderExpiryTime::After21Days => AUTO_CAPTURE_MS,
        OrderExpiryTime::After90Days => EXPIRE_UNCAPTURED_MS,
    };
    Ok(Json(AuthoriseAnswer {
        status: order.status.as_str(),
        order_expiry_time: rfc3339(order.authorised_at_ms.unwrap_or_default() + lifetime_ms),
        payment_type: order.payment_type.clone(),
        auto_captured: order.status == Status::FullyCaptured,
        authorized_amount: done_amount(choices, order.currency, order.total_minor),
        capture_id: capture.map_or_else(String::new, |c| c.id.clone()),
        order_id: order.id,
    }))
}

/// The merchant has authorised before: 409 as Tamara's plugin expects, or 400 as a third party does.
fn refused(refusal: Refusal, status: Status, choices: Choices) -> ApiError {
    let repeated = status == Status::Authorised;
    if repeated && choices.repeated_authorise == RepeatedAuthorise::Already {
        let message = "The order was already authorised";
        return ApiError::bare(StatusCode::BAD_REQUEST, message);
    }
    refusal.into()
}

#[derive(Serialize)]
pub(super) struct CancelAnswer {
    order_id: String,
    cancel_id: String,
    status: &'static str,
    canceled_amount: DoneAmount,
}

pub(super) async fn cancel(
    State(sandbox): State<Sandbox>,
    Extension(account): Extension<Account>,
    Extension(choices): Extension<Choices>,
    Path(order_id): Path<String>,
    body: Bytes,
) -> Result<Json<CancelAnswer>, ApiError> {
    let (currency, amounts) = read_body(&body, choices, |fields| {
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
        canceled_amount: done_amount(choices, order.currency, cancel.amounts.total_minor),
        order_id: order.id,
    }))
}

/// An operation's amount must be in the order's currency.
pub(super) fn same_currency(order: &Order, currency: Option<Currency>) -> Result<(), ApiError> {
    if currency == Some(order.currency) {
        return Ok(());
    }
    Err(ApiError::refused(CROSS_CURRENCY, "currency_unsupported"))
}

/// Allowed in every status (lifecycle 4.4).
pub(super) async fn change_reference(
    State(sandbox): State<Sandbox>,
    Extension(account): Extension<Account>,
    Extension(choices): Extension<Choices>,
    Path(order_id): Path<String>,
    body: Bytes,
) -> Result<Response, ApiError> {
    let reference = read_body(&body, choices, |fields| {
        fields.filled_text("order_reference_id")
    })?;
    sandbox.change(|world, _| {
        let mut order = owned(world, &account, &order_id)?.clone();
        order.reference = reference;
        world.put_order(order);
        Ok::<_, ApiError>(())
    })?;
    let message = "Order reference id was updated successfully";
    Ok(Json(json!({ "message": message })).into_response())
}
