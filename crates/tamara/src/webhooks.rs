//! The registry of webhooks (endpoints 2.15).
//!
//! For registering only; what Tamara then sends is read by [`crate::notification`]. Invariant: the
//! values of extra headers, which are often secrets, never appear in `Debug`.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::wire::{self, opaque_debug};

/// What a webhook is about.
#[derive(Copy, Clone, Eq, PartialEq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum WebhookKind {
    /// Events of orders.
    Order,
    /// Events of disputes; their payload is not published (webhooks 6.8).
    Dispute,
}

/// The order events that Tamara's sandbox accepts (`order_updated` is refused there).
pub const ORDER_EVENTS: [&str; 7] = [
    "order_approved",
    "order_declined",
    "order_authorised",
    "order_canceled",
    "order_captured",
    "order_refunded",
    "order_expired",
];

/// A webhook to be registered. `Debug` leaves out the headers.
#[derive(Clone, Eq, PartialEq, Serialize, Deserialize)]
pub struct WebhookRegistration {
    /// One kind per registration.
    #[serde(rename = "type")]
    pub kind: WebhookKind,
    /// Names of events, such as [`ORDER_EVENTS`].
    pub events: Vec<String>,
    /// At most 255 characters.
    pub url: String,
    /// Sent by Tamara with every delivery.
    #[serde(
        default,
        deserialize_with = "wire::object_or_empty_list",
        skip_serializing_if = "BTreeMap::is_empty"
    )]
    pub headers: BTreeMap<String, String>,
}

/// The new content of a webhook. `Debug` leaves out the headers.
#[derive(Clone, Eq, PartialEq, Serialize, Deserialize)]
pub struct WebhookUpdate {
    /// At most 255 characters.
    pub url: String,
    /// Names of events.
    pub events: Vec<String>,
    /// Sent by Tamara with every delivery.
    #[serde(
        default,
        deserialize_with = "wire::object_or_empty_list",
        skip_serializing_if = "BTreeMap::is_empty"
    )]
    pub headers: BTreeMap<String, String>,
}

/// A registered webhook. Only its id is certain in Tamara's answers. `Debug` leaves out the headers.
#[derive(Clone, Eq, PartialEq, Serialize, Deserialize)]
pub struct Webhook {
    /// Tamara's id: to be kept, since there is no documented list of webhooks.
    #[serde(deserialize_with = "wire::id")]
    pub webhook_id: String,
    /// The merchant.
    #[serde(
        default,
        deserialize_with = "wire::text",
        skip_serializing_if = "Option::is_none"
    )]
    pub merchant_id: Option<String>,
    /// The kind, as Tamara says it.
    #[serde(
        rename = "type",
        default,
        deserialize_with = "wire::text",
        skip_serializing_if = "Option::is_none"
    )]
    pub kind: Option<String>,
    /// Where deliveries go.
    #[serde(
        default,
        deserialize_with = "wire::text",
        skip_serializing_if = "Option::is_none"
    )]
    pub url: Option<String>,
    /// Names of events.
    #[serde(default, deserialize_with = "wire::lenient_list")]
    pub events: Vec<String>,
    /// Extra headers; Tamara writes `[]` when there are none.
    #[serde(default, deserialize_with = "wire::object_or_empty_list")]
    pub headers: BTreeMap<String, String>,
}

opaque_debug! {
    WebhookRegistration { kind, events, url }
    WebhookUpdate { events, url }
    Webhook { webhook_id, kind, events, url }
}
