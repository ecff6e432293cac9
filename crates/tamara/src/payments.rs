//! What moves an order's money: authorise, capture, cancel, simplified refund.
//!
//! Requests and answers only. Tamara has no idempotency key (idempotency), so nothing here may be
//! sent twice on a guess. Invariant: an answer without the id of what was done is no answer.

use serde::{Deserialize, Serialize};

use crate::money::{self, Money};
use crate::orders::{Item, OrderStatus};
use crate::wire::{self, opaque_debug};

/// The answer to authorise (endpoints 2.9).
#[derive(Clone, Eq, PartialEq, Debug, Serialize, Deserialize)]
pub struct Authorisation {
    /// Tamara's id of the order.
    #[serde(deserialize_with = "wire::id")]
    pub order_id: String,
    /// `authorised`, or `fully_captured` when Tamara captures by itself.
    pub status: OrderStatus,
    /// RFC 3339. Which moment it denotes is not published (order-lifecycle 4.8).
    #[serde(
        default,
        deserialize_with = "wire::text",
        skip_serializing_if = "Option::is_none"
    )]
    pub order_expiry_time: Option<String>,
    /// The chosen plan.
    #[serde(
        default,
        deserialize_with = "wire::text",
        skip_serializing_if = "Option::is_none"
    )]
    pub payment_type: Option<String>,
    /// Whether Tamara captured the order in the same step.
    #[serde(default, deserialize_with = "wire::null_as_default")]
    pub auto_captured: bool,
    /// The amount that is now authorised.
    #[serde(
        default,
        deserialize_with = "money::one_or_array",
        skip_serializing_if = "Option::is_none"
    )]
    pub authorized_amount: Option<Money>,
    /// The automatic capture.
    #[serde(
        default,
        deserialize_with = "wire::optional_id",
        skip_serializing_if = "Option::is_none"
    )]
    pub capture_id: Option<String>,
}

/// A capture to be made (endpoints 2.11).
#[derive(Clone, Eq, PartialEq, Debug, Serialize, Deserialize)]
pub struct CaptureRequest {
    /// Tamara's id of the order.
    pub order_id: String,
    /// The portion to capture.
    pub total_amount: Money,
    /// The shipment.
    pub shipping_info: ShippingInfoRequest,
    /// What is captured.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub items: Option<Vec<Item>>,
    /// Discount within the amount.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub discount_amount: Option<Money>,
    /// Shipping within the amount.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub shipping_amount: Option<Money>,
    /// Taxes within the amount.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tax_amount: Option<Money>,
}

/// The shipment of a capture to be made.
#[derive(Clone, Eq, PartialEq, Debug, Serialize, Deserialize)]
pub struct ShippingInfoRequest {
    /// RFC 3339.
    pub shipped_at: String,
    /// At most 100 characters.
    pub shipping_company: String,
    /// At most 100 characters.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tracking_number: Option<String>,
    /// At most 1024 characters.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tracking_url: Option<String>,
}

/// The answer to a capture.
#[derive(Clone, Eq, PartialEq, Debug, Serialize, Deserialize)]
pub struct CaptureAnswer {
    /// Tamara's id of the capture.
    #[serde(deserialize_with = "wire::id")]
    pub capture_id: String,
    /// Tamara's id of the order.
    #[serde(deserialize_with = "wire::id")]
    pub order_id: String,
    /// `fully_captured` or `partially_captured`.
    pub status: OrderStatus,
    /// The amount of this capture, as far as the samples tell.
    #[serde(
        default,
        deserialize_with = "money::one_or_array",
        skip_serializing_if = "Option::is_none"
    )]
    pub captured_amount: Option<Money>,
}

/// A cancel to be made (endpoints 2.10).
#[derive(Clone, Eq, PartialEq, Debug, Serialize, Deserialize)]
pub struct CancelRequest {
    /// The amount to give back, not the amount to keep.
    pub total_amount: Money,
    /// Shipping within the amount.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub shipping_amount: Option<Money>,
    /// Taxes within the amount.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tax_amount: Option<Money>,
    /// Discount within the amount.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub discount_amount: Option<Money>,
    /// What is cancelled.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub items: Option<Vec<Item>>,
}

/// The answer to a cancel.
#[derive(Clone, Eq, PartialEq, Debug, Serialize, Deserialize)]
pub struct CancelAnswer {
    /// Tamara's id of the order.
    #[serde(deserialize_with = "wire::id")]
    pub order_id: String,
    /// Tamara's id of the cancel.
    #[serde(deserialize_with = "wire::id")]
    pub cancel_id: String,
    /// `canceled`, or `updated` when a part is left.
    pub status: OrderStatus,
    /// The amount of this cancel, as far as the samples tell.
    #[serde(
        default,
        deserialize_with = "money::one_or_array",
        skip_serializing_if = "Option::is_none"
    )]
    pub canceled_amount: Option<Money>,
}

/// A simplified refund to be made (endpoints 2.12). `Debug` leaves out the comment.
#[derive(Clone, Eq, PartialEq, Serialize, Deserialize)]
pub struct RefundRequest {
    /// The amount to refund, "not including any discount amount".
    pub total_amount: Money,
    /// Required by Tamara.
    pub comment: String,
    /// Kept on the refund and shown in the order: how a lost answer is recognised.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub merchant_refund_id: Option<String>,
}

opaque_debug! { RefundRequest { total_amount, merchant_refund_id } }

/// The answer to a simplified refund. `Debug` leaves out the comment.
#[derive(Clone, Eq, PartialEq, Serialize, Deserialize)]
pub struct RefundAnswer {
    /// Tamara's id of the order.
    #[serde(deserialize_with = "wire::id")]
    pub order_id: String,
    /// The comment of the request.
    #[serde(
        default,
        deserialize_with = "wire::text",
        skip_serializing_if = "Option::is_none"
    )]
    pub comment: Option<String>,
    /// Tamara's id of the refund: each call makes a new one.
    #[serde(deserialize_with = "wire::id")]
    pub refund_id: String,
    /// The capture that it was booked on.
    #[serde(
        default,
        deserialize_with = "wire::optional_id",
        skip_serializing_if = "Option::is_none"
    )]
    pub capture_id: Option<String>,
    /// `fully_refunded` or `partially_refunded`.
    pub status: OrderStatus,
    /// The amount of this refund, as far as the samples tell.
    #[serde(
        default,
        deserialize_with = "money::one_or_array",
        skip_serializing_if = "Option::is_none"
    )]
    pub refunded_amount: Option<Money>,
}

opaque_debug! { RefundAnswer { order_id, refund_id, capture_id, status, refunded_amount } }
