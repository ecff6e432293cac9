//! The books as JSON, for people and for tests that compare another system's books with these.
//!
//! Amounts are minor units and sums are given beside their parts. Tokens, one-time codes and the
//! values of webhook headers are left out, nothing else is.

use serde_json::{Value, json};

use crate::world::{Attempt, Notification, Order, Webhook, World};

pub(crate) fn report(world: &World, now_ms: i64) -> Value {
    let merchants: Vec<_> = world.accounts().iter().map(merchant).collect();
    let orders: Vec<_> = world
        .orders_by_creation()
        .into_iter()
        .map(|o| order(world, o))
        .collect();
    let webhooks: Vec<_> = world.webhooks().map(webhook).collect();
    let deliveries: Vec<_> = world.notifications().map(delivery).collect();
    json!({
        "now_ms": now_ms,
        "merchants": merchants,
        "orders": orders,
        "webhooks": webhooks,
        "deliveries": deliveries,
    })
}

fn merchant(account: &crate::world::Account) -> Value {
    let merchant = &account.merchant;
    json!({
        "merchant_id": account.merchant_id,
        "name": merchant.name,
        "country": merchant.country,
        "currency": merchant.currency,
        "auto_authorise": merchant.auto_authorise,
        "auto_capture": merchant.auto_capture,
        "min_minor": merchant.min_minor,
        "max_minor": merchant.max_minor,
    })
}

pub(crate) fn order(world: &World, order: &Order) -> Value {
    let mut value = serde_json::to_value(order).expect("an order serialises");
    let step = world.checkout(&order.checkout_id).map(|c| c.step.name());
    value["captured_minor"] = order.captured_minor().into();
    value["canceled_minor"] = order.canceled_minor().into();
    value["refunded_minor"] = order.refunded_minor().into();
    value["step"] = step.into();
    value
}

fn webhook(webhook: &Webhook) -> Value {
    let headers: Vec<_> = webhook.headers.keys().collect();
    json!({
        "webhook_id": webhook.id,
        "merchant_id": webhook.merchant_id,
        "type": webhook.r#type,
        "url": webhook.url,
        "events": webhook.events,
        "header_names": headers,
    })
}

pub(crate) fn delivery(notification: &Notification) -> Value {
    let body: Value = serde_json::from_str(&notification.body).unwrap_or_default();
    json!({
        "id": notification.id,
        "order_id": notification.order_id,
        "merchant_id": notification.merchant_id,
        "webhook_id": notification.webhook_id,
        "url": notification.url,
        "body": body,
        "state": delivery_state(notification),
        "created_at_ms": notification.created_at_ms,
        "next_at_ms": notification.next_at_ms,
        "attempts": notification.attempts,
    })
}

/// `pending`, `delivered` or `given_up`.
pub(crate) fn delivery_state(notification: &Notification) -> &'static str {
    if notification.next_at_ms.is_some() {
        "pending"
    } else if notification.attempts.last().is_some_and(Attempt::succeeded) {
        "delivered"
    } else {
        "given_up"
    }
}
