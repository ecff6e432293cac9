//! From something that happened to the notifications about it (webhooks 6.3 and 6.4).
//!
//! Two bodies per event: `event_type` for registered webhooks, `order_status` for the session's
//! own notification address. Signing and sending are [`crate::notifier`]'s. Invariant: a
//! notification is put into the world by the same change as the thing it tells about.

use std::collections::BTreeMap;

use serde::Serialize;

use crate::choices::{Choices, PartialCancelEvent};
use crate::money::WireMoney;
use crate::world::{Dispute, Notification, Order, Status, World};

/// The events a merchant may register for (endpoints 2.15). `order_updated` is documented but
/// refused, as the live sandbox refuses it.
pub(crate) const EVENT_TYPES: [&str; 7] = [
    "order_approved",
    "order_declined",
    "order_authorised",
    "order_canceled",
    "order_captured",
    "order_refunded",
    "order_expired",
];

/// Documented, refused by the live sandbox; here sent and registered only by choice.
pub(crate) const UPDATED_EVENT_TYPE: &str = "order_updated";

/// Something a merchant is told about; amounts are those of this one operation.
pub(crate) enum Event {
    Approved,
    Declined,
    Authorised,
    Canceled {
        cancel_id: String,
        minor: i64,
    },
    Captured {
        capture_id: String,
        minor: i64,
    },
    Refunded {
        refund_id: String,
        capture_id: String,
        minor: i64,
        comment: String,
    },
    Expired,
}

impl Event {
    fn event_type(&self, order: &Order, choices: &Choices) -> &'static str {
        let partial = order.status != Status::Canceled;
        match self {
            Self::Canceled { .. }
                if partial && choices.partial_cancel_event == PartialCancelEvent::OrderUpdated =>
            {
                UPDATED_EVENT_TYPE
            }
            Self::Approved => "order_approved",
            Self::Declined => "order_declined",
            Self::Authorised => "order_authorised",
            Self::Canceled { .. } => "order_canceled",
            Self::Captured { .. } => "order_captured",
            Self::Refunded { .. } => "order_refunded",
            Self::Expired => "order_expired",
        }
    }
}

#[derive(Serialize)]
struct WebhookBody<'a> {
    order_id: &'a str,
    order_reference_id: &'a str,
    order_number: &'a str,
    event_type: &'static str,
    data: Data<'a>,
}

/// `order_number` is in no source for this shape (webhooks 6.4).
#[derive(Serialize)]
struct CallbackBody<'a> {
    order_id: &'a str,
    order_reference_id: &'a str,
    order_status: &'static str,
    data: [(); 0],
}

#[derive(Serialize)]
#[serde(untagged)]
enum Data<'a> {
    /// Nothing to say is an empty list, as PHP writes an empty object.
    Empty([(); 0]),
    Declined {
        declined_reason: &'static str,
        declined_code: &'static str,
        decline_type: &'static str,
    },
    Canceled {
        cancel_id: &'a str,
        canceled_amount: WireMoney,
    },
    Captured {
        capture_id: &'a str,
        captured_amount: WireMoney,
    },
    Refunded {
        refund_id: &'a str,
        capture_id: &'a str,
        refunded_amount: WireMoney,
        comment: &'a str,
    },
}

fn data<'a>(order: &Order, event: &'a Event) -> Data<'a> {
    let money = |minor: &i64| WireMoney {
        minor: *minor,
        currency: order.currency,
    };
    match event {
        Event::Approved | Event::Authorised | Event::Expired => Data::Empty([]),
        // Tamara publishes no values for these three: they are the sandbox's own.
        Event::Declined => Data::Declined {
            declined_reason: "The customer was declined by the sandbox",
            declined_code: "sandbox_declined",
            decline_type: "risk",
        },
        Event::Canceled { cancel_id, minor } => Data::Canceled {
            cancel_id,
            canceled_amount: money(minor),
        },
        Event::Captured { capture_id, minor } => Data::Captured {
            capture_id,
            captured_amount: money(minor),
        },
        Event::Refunded {
            refund_id,
            capture_id,
            minor,
            comment,
        } => Data::Refunded {
            refund_id,
            capture_id,
            refunded_amount: money(minor),
            comment,
        },
    }
}

/// Queues the notifications about `event`, with the order as it is after it.
pub(super) fn announce(world: &mut World, order: &Order, event: &Event, at_ms: i64) {
    let event_type = event.event_type(order, &world.choices);
    let body = json(&WebhookBody {
        order_id: &order.id,
        order_reference_id: &order.reference,
        order_number: &order.number,
        event_type,
        data: data(order, event),
    });
    tell_subscribers(world, order, event_type, &body, at_ms);
    let callback = world.choices.notification_callback;
    if let Some(url) = order.notification_url.as_ref().filter(|_| callback) {
        let mut notification = notification(world, order, at_ms);
        notification.url.clone_from(url);
        notification.body = json(&CallbackBody {
            order_id: &order.id,
            order_reference_id: &order.reference,
            order_status: order.status.as_str(),
            data: [],
        });
        world.put_notification(notification);
    }
}

/// The body of a dispute webhook is published nowhere: this one is invented (webhooks 6.8).
#[derive(Serialize)]
struct DisputeBody<'a> {
    dispute_id: u64,
    order_id: &'a str,
    order_reference_id: &'a str,
    event_type: &'a str,
    data: DisputeData,
}

#[derive(Serialize)]
struct DisputeData {
    dispute_status: &'static str,
}

/// Queues the notifications about what happened to `dispute`, which is as it is after it.
pub(super) fn announce_dispute(
    world: &mut World,
    order: &Order,
    dispute: &Dispute,
    event_type: &str,
    at_ms: i64,
) {
    let body = json(&DisputeBody {
        dispute_id: dispute.id,
        order_id: &order.id,
        order_reference_id: &order.reference,
        event_type,
        data: DisputeData {
            dispute_status: dispute.status.as_str(),
        },
    });
    tell_subscribers(world, order, event_type, &body, at_ms);
}

fn tell_subscribers(world: &mut World, order: &Order, event_type: &str, body: &str, at_ms: i64) {
    let subscribed: Vec<_> = world
        .webhooks()
        .filter(|webhook| webhook.merchant_id == order.merchant_id)
        .filter(|webhook| webhook.events.iter().any(|e| e == event_type))
        .cloned()
        .collect();
    for webhook in subscribed {
        let mut notification = notification(world, order, at_ms);
        notification.webhook_id = Some(webhook.id);
        notification.url = webhook.url;
        notification.headers = webhook.headers;
        body.clone_into(&mut notification.body);
        world.put_notification(notification);
    }
}

fn notification(world: &mut World, order: &Order, at_ms: i64) -> Notification {
    Notification {
        id: world.next_sequence(),
        order_id: order.id.clone(),
        merchant_id: order.merchant_id.clone(),
        webhook_id: None,
        url: String::new(),
        headers: BTreeMap::new(),
        body: String::new(),
        created_at_ms: at_ms,
        next_at_ms: Some(at_ms),
        attempts: Vec::new(),
    }
}

fn json(body: &impl Serialize) -> String {
    serde_json::to_string(body).expect("strings and amounts serialise")
}
