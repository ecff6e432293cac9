//! Capture, and its variant of the portal's kind (endpoints 2.11 and 21 of the map).

use axum::body::Bytes;
use axum::extract::{Path, State};
use axum::{Extension, Json};
use serde::Serialize;

use super::answers::{DoneAmount, done_amount};
use super::error::ApiError;
use super::fields::{Fields, read_body};
use super::items;
use super::orders::same_currency;
use super::owned;
use crate::money::Currency;
use crate::rules;
use crate::world::{Account, Amounts, Shipment};
use crate::{Choices, Sandbox};

#[derive(Serialize)]
pub(super) struct CaptureAnswer {
    capture_id: String,
    order_id: String,
    status: &'static str,
    /// Of this capture alone.
    captured_amount: DoneAmount,
}

/// A readable body.
struct Wish {
    currency: Option<Currency>,
    amounts: Amounts,
    shipping: Option<Shipment>,
}

pub(super) async fn capture(
    State(sandbox): State<Sandbox>,
    Extension(account): Extension<Account>,
    Extension(choices): Extension<Choices>,
    body: Bytes,
) -> Result<Json<CaptureAnswer>, ApiError> {
    let (order_id, wish) = read_body(&body, choices, |fields| {
        if fields.choices().require_shipping_info {
            fields.require("shipping_info");
        }
        (fields.filled_text("order_id"), wish(fields))
    })?;
    take(&sandbox, &account, &order_id, wish)
}

/// Of the portal's kind: the order stands in the path, and shipping is never asked for.
pub(super) async fn portal_capture(
    State(sandbox): State<Sandbox>,
    Extension(account): Extension<Account>,
    Extension(choices): Extension<Choices>,
    Path(order_id): Path<String>,
    body: Bytes,
) -> Result<Json<CaptureAnswer>, ApiError> {
    let wish = read_body(&body, choices, wish)?;
    take(&sandbox, &account, &order_id, wish)
}

fn wish(fields: &Fields<'_>) -> Wish {
    Wish {
        currency: fields.set_currency_from("total_amount"),
        amounts: items::amounts(fields),
        shipping: shipping(fields),
    }
}

fn take(
    sandbox: &Sandbox,
    account: &Account,
    order_id: &str,
    wish: Wish,
) -> Result<Json<CaptureAnswer>, ApiError> {
    let (order, choices) = sandbox.change(|world, now_ms| {
        same_currency(owned(world, account, order_id)?, wish.currency)?;
        let shipping = wish.shipping.unwrap_or_else(|| rules::no_shipping(now_ms));
        let captured = rules::capture(world, order_id, wish.amounts, shipping, now_ms)?;
        Ok::<_, ApiError>((captured, world.choices))
    })?;
    let capture = order.captures.last().expect("a capture was just added");
    Ok(Json(CaptureAnswer {
        capture_id: capture.id.clone(),
        status: order.status.as_str(),
        captured_amount: done_amount(choices, order.currency, capture.amounts.total_minor),
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
