//! `/v1/unknown_orders`: what a restored database knows nothing of and Tamara does (R30).

use super::payments::{Answer, answer};
use crate::actions::find_order::{dismiss_unknown_order, list_unknown_orders};
use crate::actions::show_payment::money;
use crate::app::App;
use crate::clock::rfc3339;
use crate::error::{Code, Refusal};
use crate::http::auth::Merchant;
use crate::ids::PaymentId;
use crate::store::unknown_orders::UnknownOrder;
use axum::extract::rejection::PathRejection;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use serde_json::{Value, json};
use std::sync::Arc;

/// Orders in one answer; who has dealt with the oldest sees the next.
const ORDERS_MAX: i64 = 100;

/// `GET /v1/unknown_orders`
pub async fn list(State(app): State<Arc<App>>, merchant: Merchant) -> Answer {
    let mut orders = list_unknown_orders(&app, &merchant.account, ORDERS_MAX + 1).await?;
    let size = usize::try_from(ORDERS_MAX).unwrap_or(0);
    let has_more = orders.len() > size;
    orders.truncate(size);
    let livemode = merchant.account.config.livemode();
    let data: Vec<Value> = orders.iter().map(|order| shown(order, livemode)).collect();
    let value =
        json!({ "object": "list", "data": data, "has_more": has_more, "next_cursor": null });
    Ok(answer(StatusCode::OK, false, value))
}

fn shown(order: &UnknownOrder, livemode: bool) -> Value {
    json!({
        "object": "unknown_order",
        "livemode": livemode,
        "order_id": order.order_id,
        "order_reference_id": order.order_reference_id,
        "order_status": order.order_status,
        "total": money(order.total),
        "payment_id": order.payment.as_ref().map(PaymentId::as_str),
        "found_at": rfc3339(order.found_at_ms),
    })
}

/// `DELETE /v1/unknown_orders/{order_id}`: a person has dealt with it. Repeating it changes nothing.
pub async fn dismiss(
    State(app): State<Arc<App>>,
    merchant: Merchant,
    path: Result<Path<String>, PathRejection>,
) -> Answer {
    let order_id = path.map(|Path(id)| id).unwrap_or_default();
    let known = !order_id.contains('\0')
        && dismiss_unknown_order(&app, &merchant.account, order_id).await?;
    if !known {
        let detail =
            "no such order waits for a person in this account; GET /v1/unknown_orders lists them";
        return Err(Refusal::new(Code::UnknownOrderNotFound, detail).into());
    }
    Ok(answer(
        StatusCode::OK,
        false,
        json!({ "object": "unknown_order", "dismissed": true }),
    ))
}
