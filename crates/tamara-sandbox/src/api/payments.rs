//! Capture and simplified refund (endpoints 2.11 and 2.12).

use axum::body::Bytes;
use axum::extract::{Path, State};
use axum::{Extension, Json};
use serde::Serialize;

use super::answers::money;
use super::error::ApiError;
use super::fields::{Fields, read_body};
use super::items;
use super::orders::same_currency;
use super::owned;
use crate::Sandbox;
use crate::money::WireMoney;
use crate::rules::{self, RefundWish};
use crate::world::{Account, Shipment};

#[derive(Serialize)]
pub(super) struct CaptureAnswer {
    capture_id: String,
    order_id: String,
    status: &'static str,
    /// Of this capture alone.
    captured_amount: WireMoney,
}

pub(super) async fn capture(
    State(sandbox): State<Sandbox>,
    Extension(account): Extension<Account>,
    body: Bytes,
) -> Result<Json<CaptureAnswer>, ApiError> {
    let (order_id, currency, amounts, shipping) = read_body(&body, |fields| {
        let currency = fields.set_currency_from("total_amount");
        let order_id = fields.filled_text("order_id");
        (order_id, currency, items::amounts(fields), shipping(fields))
    })?;
    let order = sandbox.change(|world, now_ms| {
        same_currency(owned(world, &account, &order_id)?, currency)?;
        let shipping = shipping.unwrap_or_else(|| rules::no_shipping(now_ms));
        let captured = rules::capture(world, &order_id, amounts, shipping, now_ms);
        Ok::<_, ApiError>(captured?)
    })?;
    let capture = order.captures.last().expect("a capture was just added");
    Ok(Json(CaptureAnswer {
        capture_id: capture.id.clone(),
        status: order.status.as_str(),
        captured_amount: money(order.currency, capture.amounts.total_minor),
        order_id: order.id,
    }))
}

/// Documented as required, but the real API is known to take captures without it; a part of it
/// that is there must be whole.
fn shipping(body: &Fields<'_>) -> Option<Shipment> {
    let fields = body.object("shipping_info")?;
    let company = fields.required_text("shipping_company");
    fields.at_most("shipping_company", &company, 100);
    let optional = |name: &str, characters_max| {
        let text = items::limited(&fields, name, characters_max);
        (!text.is_empty()).then_some(text)
    };
    Some(Shipment {
        shipped_at: fields.filled_text("shipped_at"),
        shipping_company: company,
        tracking_number: optional("tracking_number", 100),
        tracking_url: optional("tracking_url", 1024),
    })
}

#[derive(Serialize)]
pub(super) struct RefundAnswer {
    order_id: String,
    comment: String,
    refund_id: String,
    capture_id: String,
    status: &'static str,
    /// Of this refund alone.
    refunded_amount: WireMoney,
}

/// Never deduplicated: each call is a refund of its own while there is something left (idempotency).
pub(super) async fn refund(
    State(sandbox): State<Sandbox>,
    Extension(account): Extension<Account>,
    Path(order_id): Path<String>,
    body: Bytes,
) -> Result<Json<RefundAnswer>, ApiError> {
    let (currency, minor, wish) = read_body(&body, |fields| {
        let currency = fields.set_currency_from("total_amount");
        let wish = RefundWish {
            comment: fields.required_text("comment"),
            merchant_refund_id: fields.text("merchant_refund_id"),
        };
        (currency, fields.positive_money("total_amount"), wish)
    })?;
    let order = sandbox.change(|world, now_ms| {
        same_currency(owned(world, &account, &order_id)?, currency)?;
        let refunded = rules::refund(world, &order_id, minor, wish, now_ms);
        Ok::<_, ApiError>(refunded?)
    })?;
    let refund = order.refunds.last().expect("a refund was just added");
    Ok(Json(RefundAnswer {
        comment: refund.comment.clone(),
        refund_id: refund.id.clone(),
        capture_id: refund.capture_id.clone(),
        status: order.status.as_str(),
        refunded_amount: money(order.currency, refund.amounts.total_minor),
        order_id: order.id,
    }))
}
