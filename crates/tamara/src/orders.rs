//! Orders as Tamara reports them, and the parts that requests share with them.
//!
//! For reading: nothing here decides what a status allows. Invariant: what carries money or
//! identity (ids, totals, the list of captures, refunds and cancels) is read strictly, while a
//! field for information only never makes an order unreadable.

mod items;
mod people;
mod status;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::money::{self, Money};
use crate::wire::{self, opaque_debug};

pub use items::{Discount, Item, Quantity};
pub use people::{Address, Consumer};
pub use status::OrderStatus;

/// An order (endpoints 2.7). Times are RFC 3339 texts as Tamara wrote them. `Debug` shows the id
/// and the status only.
#[derive(Clone, PartialEq, Serialize, Deserialize)]
pub struct Order {
    /// Tamara's id.
    #[serde(deserialize_with = "wire::id")]
    pub order_id: String,
    /// The merchant's reference; several orders may share one (idempotency).
    pub order_reference_id: String,
    /// The number shown to the customer.
    #[serde(
        default,
        deserialize_with = "wire::text",
        skip_serializing_if = "Option::is_none"
    )]
    pub order_number: Option<String>,
    /// The description given at checkout.
    #[serde(
        default,
        deserialize_with = "wire::text",
        skip_serializing_if = "Option::is_none"
    )]
    pub description: Option<String>,
    /// The customer.
    #[serde(
        default,
        deserialize_with = "wire::lenient",
        skip_serializing_if = "Option::is_none"
    )]
    pub consumer: Option<Consumer>,
    /// The status.
    pub status: OrderStatus,
    /// Where goods go.
    #[serde(
        default,
        deserialize_with = "wire::lenient",
        skip_serializing_if = "Option::is_none"
    )]
    pub shipping_address: Option<Address>,
    /// Where the bill goes.
    #[serde(
        default,
        deserialize_with = "wire::lenient",
        skip_serializing_if = "Option::is_none"
    )]
    pub billing_address: Option<Address>,
    /// The basket; empty when it has an unexpected shape.
    #[serde(default, deserialize_with = "wire::lenient_list")]
    pub items: Vec<Item>,
    /// The chosen plan, such as `PAY_BY_INSTALMENTS`; may be absent (gotchas 42).
    #[serde(
        default,
        deserialize_with = "wire::text",
        skip_serializing_if = "Option::is_none"
    )]
    pub payment_type: Option<String>,
    /// Number of instalments; absent for pay-now.
    #[serde(
        default,
        deserialize_with = "wire::lenient",
        skip_serializing_if = "Option::is_none"
    )]
    pub instalments: Option<u32>,
    /// The whole order; does not change with cancels and refunds (order-lifecycle 4.6).
    pub total_amount: Money,
    /// Shipping.
    #[serde(
        default,
        deserialize_with = "wire::lenient",
        skip_serializing_if = "Option::is_none"
    )]
    pub shipping_amount: Option<Money>,
    /// Taxes.
    #[serde(
        default,
        deserialize_with = "wire::lenient",
        skip_serializing_if = "Option::is_none"
    )]
    pub tax_amount: Option<Money>,
    /// The voucher: an object with a name here, plain money inside captures (gotchas 6).
    #[serde(
        default,
        deserialize_with = "wire::lenient",
        skip_serializing_if = "Option::is_none"
    )]
    pub discount_amount: Option<Discount>,
    /// Sum of captures.
    #[serde(
        default,
        deserialize_with = "money::one_or_array",
        skip_serializing_if = "Option::is_none"
    )]
    pub captured_amount: Option<Money>,
    /// Sum of refunds.
    #[serde(
        default,
        deserialize_with = "money::one_or_array",
        skip_serializing_if = "Option::is_none"
    )]
    pub refunded_amount: Option<Money>,
    /// Sum of cancels.
    #[serde(
        default,
        deserialize_with = "money::one_or_array",
        skip_serializing_if = "Option::is_none"
    )]
    pub canceled_amount: Option<Money>,
    /// What the customer has paid to Tamara so far: unrelated to captures (order-lifecycle 4.6).
    /// Absent also when Tamara's division left more digits than the currency has.
    #[serde(
        default,
        deserialize_with = "wire::lenient",
        skip_serializing_if = "Option::is_none"
    )]
    pub paid_amount: Option<Money>,
    /// What the customer paid from a wallet; read as leniently as `paid_amount`.
    #[serde(
        default,
        deserialize_with = "wire::lenient",
        skip_serializing_if = "Option::is_none"
    )]
    pub wallet_prepaid_amount: Option<Money>,
    /// Empty when there is none.
    #[serde(
        default,
        deserialize_with = "wire::text",
        skip_serializing_if = "Option::is_none"
    )]
    pub settlement_status: Option<String>,
    /// When the order was settled.
    #[serde(
        default,
        deserialize_with = "wire::text",
        skip_serializing_if = "Option::is_none"
    )]
    pub settlement_date: Option<String>,
    /// When the session was created.
    #[serde(
        default,
        deserialize_with = "wire::text",
        skip_serializing_if = "Option::is_none"
    )]
    pub created_at: Option<String>,
    /// Captures, refunds and cancels.
    #[serde(default, deserialize_with = "wire::object_or_empty_list")]
    pub transactions: Transactions,
    /// Tamara's own flag; its meaning is not published.
    #[serde(
        default,
        deserialize_with = "wire::lenient",
        skip_serializing_if = "Option::is_none"
    )]
    pub processing: Option<bool>,
    /// The shop, for in-store orders.
    #[serde(
        default,
        deserialize_with = "wire::text",
        skip_serializing_if = "Option::is_none"
    )]
    pub store_code: Option<String>,
    /// Whatever else Tamara adds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub additional_data: Option<Value>,
}

opaque_debug! { Order { order_id, status } }

/// What was done with an order. Grows by one entry per operation.
#[derive(Clone, Eq, PartialEq, Debug, Default, Serialize, Deserialize)]
pub struct Transactions {
    /// Captures.
    #[serde(default, deserialize_with = "wire::null_as_default")]
    pub captures: Vec<Capture>,
    /// Refunds.
    #[serde(default, deserialize_with = "wire::null_as_default")]
    pub refunds: Vec<Refund>,
    /// Cancels.
    #[serde(default, deserialize_with = "wire::null_as_default")]
    pub cancels: Vec<Cancel>,
}

/// A capture on an order.
#[derive(Clone, Eq, PartialEq, Debug, Serialize, Deserialize)]
pub struct Capture {
    /// Tamara's id of the capture.
    #[serde(deserialize_with = "wire::id")]
    pub capture_id: String,
    /// Differs from the order's own id in Tamara's samples (gotchas 9): not to be relied on.
    #[serde(
        default,
        deserialize_with = "wire::text",
        skip_serializing_if = "Option::is_none"
    )]
    pub order_id: Option<String>,
    /// The merchant.
    #[serde(
        default,
        deserialize_with = "wire::text",
        skip_serializing_if = "Option::is_none"
    )]
    pub merchant_id: Option<String>,
    /// The amount of this capture.
    pub total_amount: Money,
    /// Stays zero after refunds in Tamara's samples (order-lifecycle 4.6).
    #[serde(
        default,
        deserialize_with = "wire::lenient",
        skip_serializing_if = "Option::is_none"
    )]
    pub refunded_amount: Option<Money>,
    /// The shipment.
    #[serde(
        default,
        deserialize_with = "wire::lenient",
        skip_serializing_if = "Option::is_none"
    )]
    pub shipping_info: Option<ShippingInfo>,
    /// What was captured; empty when it has an unexpected shape.
    #[serde(default, deserialize_with = "wire::lenient_list")]
    pub items: Vec<Item>,
    /// Shipping within the amount.
    #[serde(
        default,
        deserialize_with = "wire::lenient",
        skip_serializing_if = "Option::is_none"
    )]
    pub shipping_amount: Option<Money>,
    /// Taxes within the amount.
    #[serde(
        default,
        deserialize_with = "wire::lenient",
        skip_serializing_if = "Option::is_none"
    )]
    pub tax_amount: Option<Money>,
    /// Discount within the amount.
    #[serde(
        default,
        deserialize_with = "wire::lenient",
        skip_serializing_if = "Option::is_none"
    )]
    pub discount_amount: Option<Money>,
    /// When it happened.
    #[serde(
        default,
        deserialize_with = "wire::text",
        skip_serializing_if = "Option::is_none"
    )]
    pub created_at: Option<String>,
}

/// The shipment of a capture, as read. A capture made without one shows the company `N/A`.
#[derive(Clone, Eq, PartialEq, Debug, Default, Serialize, Deserialize)]
pub struct ShippingInfo {
    /// When it left.
    #[serde(
        default,
        deserialize_with = "wire::text",
        skip_serializing_if = "Option::is_none"
    )]
    pub shipped_at: Option<String>,
    /// Who carries it.
    #[serde(
        default,
        deserialize_with = "wire::text",
        skip_serializing_if = "Option::is_none"
    )]
    pub shipping_company: Option<String>,
    /// May arrive as a JSON number; its text is kept.
    #[serde(
        default,
        deserialize_with = "wire::text",
        skip_serializing_if = "Option::is_none"
    )]
    pub tracking_number: Option<String>,
    /// Where to follow it.
    #[serde(
        default,
        deserialize_with = "wire::text",
        skip_serializing_if = "Option::is_none"
    )]
    pub tracking_url: Option<String>,
}

/// A refund on an order. `Debug` leaves out the comment, which is free text.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Refund {
    /// Tamara's id of the refund.
    #[serde(deserialize_with = "wire::id")]
    pub refund_id: String,
    /// The capture that it was booked on.
    #[serde(
        default,
        deserialize_with = "wire::optional_id",
        skip_serializing_if = "Option::is_none"
    )]
    pub capture_id: Option<String>,
    /// The amount of this refund.
    pub total_amount: Money,
    /// What was refunded; usually empty for simplified refunds.
    #[serde(default, deserialize_with = "wire::lenient_list")]
    pub items: Vec<Item>,
    /// Taxes within the amount.
    #[serde(
        default,
        deserialize_with = "wire::lenient",
        skip_serializing_if = "Option::is_none"
    )]
    pub tax_amount: Option<Money>,
    /// Shipping within the amount.
    #[serde(
        default,
        deserialize_with = "wire::lenient",
        skip_serializing_if = "Option::is_none"
    )]
    pub shipping_amount: Option<Money>,
    /// Discount within the amount.
    #[serde(
        default,
        deserialize_with = "wire::lenient",
        skip_serializing_if = "Option::is_none"
    )]
    pub discount_amount: Option<Money>,
    /// When it happened.
    #[serde(
        default,
        deserialize_with = "wire::text",
        skip_serializing_if = "Option::is_none"
    )]
    pub created_at: Option<String>,
    /// When it changed last.
    #[serde(
        default,
        deserialize_with = "wire::text",
        skip_serializing_if = "Option::is_none"
    )]
    pub updated_at: Option<String>,
    /// The comment of the request.
    #[serde(
        default,
        deserialize_with = "wire::text",
        skip_serializing_if = "Option::is_none"
    )]
    pub comment: Option<String>,
    /// The merchant's own id of the refund: how a lost answer is recognised (idempotency).
    #[serde(
        default,
        deserialize_with = "wire::text",
        skip_serializing_if = "Option::is_none"
    )]
    pub merchant_refund_id: Option<String>,
    /// `success` is the only value seen.
    #[serde(
        default,
        deserialize_with = "wire::text",
        skip_serializing_if = "Option::is_none"
    )]
    pub refund_status: Option<String>,
    /// Not described anywhere; an empty list in every sample.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ext_data: Option<Value>,
}

opaque_debug! { Refund { refund_id, capture_id, total_amount, merchant_refund_id, refund_status } }

/// A cancel on an order.
#[derive(Clone, Eq, PartialEq, Debug, Serialize, Deserialize)]
pub struct Cancel {
    /// Tamara's id of the cancel.
    #[serde(deserialize_with = "wire::id")]
    pub cancel_id: String,
    /// The order, as far as told.
    #[serde(
        default,
        deserialize_with = "wire::text",
        skip_serializing_if = "Option::is_none"
    )]
    pub order_id: Option<String>,
    /// The amount of this cancel.
    pub total_amount: Money,
    /// What was cancelled; empty when it has an unexpected shape.
    #[serde(default, deserialize_with = "wire::lenient_list")]
    pub items: Vec<Item>,
    /// When it happened.
    #[serde(
        default,
        deserialize_with = "wire::text",
        skip_serializing_if = "Option::is_none"
    )]
    pub created_at: Option<String>,
}
