//! Refunds: simplified, the portal's, and the deprecated one per capture (endpoints 2.12, 2.13 and 21
//! of the map).
//!
//! Invariant: nothing is deduplicated; each call is a refund of its own while there is something
//! left (idempotency).

use axum::body::Bytes;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::{Extension, Json};
use serde::Serialize;

use super::answers::{DoneAmount, done_amount};
use super::error::ApiError;
use super::fields::{Fields, read_body};
use super::items;
use super::orders::same_currency;
use super::owned;
use crate::money::Currency;
use crate::rules::{self, CaptureRefund, RefundWish};
use crate::world::{Account, Amounts};
use crate::{Choices, Sandbox};

#[derive(Serialize)]
pub(super) struct RefundAnswer {
    order_id: String,
    comment: String,
    refund_id: String,
    capture_id: String,
    status: &'static str,
    /// Of this refund alone.
    refunded_amount: DoneAmount,
}

pub(super) async fn simplified(
    State(sandbox): State<Sandbox>,
    Extension(account): Extension<Account>,
    Extension(choices): Extension<Choices>,
    Path(order_id): Path<String>,
    body: Bytes,
) -> Result<Json<RefundAnswer>, ApiError> {
    let wish = read_body(&body, choices, |fields| {
        wish(fields, fields.required_text("comment"))
    })?;
    refund(&sandbox, &account, &order_id, wish)
}

/// As the simplified one, but the comment may be left out.
pub(super) async fn portal(
    State(sandbox): State<Sandbox>,
    Extension(account): Extension<Account>,
    Extension(choices): Extension<Choices>,
    Path(order_id): Path<String>,
    body: Bytes,
) -> Result<Json<RefundAnswer>, ApiError> {
    let wish = read_body(&body, choices, |fields| {
        wish(fields, fields.text("comment").unwrap_or_default())
    })?;
    refund(&sandbox, &account, &order_id, wish)
}

struct Wish {
    currency: Option<Currency>,
    minor: i64,
    words: RefundWish,
}

fn wish(fields: &Fields<'_>, comment: String) -> Wish {
    Wish {
        currency: fields.set_currency_from("total_amount"),
        minor: fields.positive_money("total_amount"),
        words: RefundWish {
            comment,
            merchant_refund_id: fields.text("merchant_refund_id"),
        },
    }
}

fn refund(
    sandbox: &Sandbox,
    account: &Account,
    order_id: &str,
    wish: Wish,
) -> Result<Json<RefundAnswer>, ApiError> {
    let (order, choices) = sandbox.change(|world, now_ms| {
        same_currency(owned(world, account, order_id)?, wish.currency)?;
        let refunded = rules::refund(world, order_id, wish.minor, wish.words, now_ms)?;
        Ok::<_, ApiError>((refunded, world.choices))
    })?;
    let refund = order.refunds.last().expect("a refund was just added");
    Ok(Json(RefundAnswer {
        comment: refund.comment.clone(),
        refund_id: refund.id.clone(),
        capture_id: refund.capture_id.clone(),
        status: order.status.as_str(),
        refunded_amount: done_amount(choices, order.currency, refund.amounts.total_minor),
        order_id: order.id,
    }))
}

#[derive(Serialize)]
pub(super) struct LegacyAnswer {
    order_id: String,
    refunds: Vec<LegacyPart>,
    status: &'static str,
    /// Of this call alone.
    refunded_amount: DoneAmount,
}

#[derive(Serialize)]
struct LegacyPart {
    refund_id: String,
    capture_id: String,
}

pub(super) async fn legacy(
    State(sandbox): State<Sandbox>,
    Extension(account): Extension<Account>,
    Extension(choices): Extension<Choices>,
    body: Bytes,
) -> Result<Json<LegacyAnswer>, ApiError> {
    let (order_id, parts) = read_body(&body, choices, |fields| {
        let order_id = fields.filled_text("order_id");
        let refunds = fields.list("refunds").unwrap_or_default();
        let parts: Vec<_> = refunds.iter().map(legacy_part).collect();
        (order_id, parts)
    })?;
    if parts.is_empty() {
        let message = "The refunds must not be empty";
        let status = StatusCode::BAD_REQUEST;
        return Err(ApiError::coded(status, message, "refund_is_empty"));
    }
    let count = parts.len();
    let order = sandbox.change(|world, now_ms| {
        let order = owned(world, &account, &order_id)?;
        for (currency, _) in &parts {
            same_currency(order, *currency)?;
        }
        let parts = parts.into_iter().map(|(_, part)| part).collect();
        let refunded = rules::refund_captures(world, &order_id, parts, now_ms);
        Ok::<_, ApiError>(refunded?)
    })?;
    let new = &order.refunds[order.refunds.len() - count..];
    let minor = new.iter().map(|refund| refund.amounts.total_minor).sum();
    let refunds = new.iter().map(|refund| LegacyPart {
        refund_id: refund.id.clone(),
        capture_id: refund.capture_id.clone(),
    });
    Ok(Json(LegacyAnswer {
        refunds: refunds.collect(),
        status: order.status.as_str(),
        refunded_amount: done_amount(choices, order.currency, minor),
        order_id: order.id,
    }))
}

/// `refund_id` in a request is taken for the merchant's own id of the refund.
fn legacy_part(fields: &Fields<'_>) -> (Option<Currency>, CaptureRefund) {
    let currency = fields.set_currency_from("total_amount");
    let amounts: Amounts = items::amounts(fields);
    let part = CaptureRefund {
        capture_id: fields.required_text("capture_id"),
        amounts,
        merchant_refund_id: fields.text("refund_id"),
    };
    (currency, part)
}
