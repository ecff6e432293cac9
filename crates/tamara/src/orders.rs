//! Orders as Tamara reports them, and the parts that requests share with them.
//!
//! For reading: nothing here decides what a status allows. Invariant: what carries money or
//! identity (ids, totals, the list of captures, refunds and cancels) is read strictly, while a
//! field for information only never makes an order unreadable.

use std::fmt;

use serde::de::Error as _;
use serde::ser::Error as _;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use serde_json::Value;
use serde_json::value::RawValue;

use crate::money::{self, Money};
use crate::wire::{self, opaque_debug};

/// The status of an order (order-lifecycle 4.1), spelt as Tamara spells it.
#[derive(Clone, Eq, PartialEq, Ord, PartialOrd, Hash, Debug)]
pub enum OrderStatus {
    /// Session created, the customer has not paid.
    New,
    /// Tamara refused the customer.
    Declined,
    /// Not paid, or not authorised, in time.
    Expired,
    /// The customer has paid; the merchant has not acknowledged.
    Approved,
    /// The merchant acknowledged.
    Authorised,
    /// The whole remaining order was cancelled before capture.
    Canceled,
    /// Cancelled in part before capture; the rest is alive.
    Updated,
    /// Captured in part.
    PartiallyCaptured,
    /// Captured in full.
    FullyCaptured,
    /// Refunded in part.
    PartiallyRefunded,
    /// Refunded in full.
    FullyRefunded,
    /// A status that this crate does not know, such as `on_hold`: never to be taken for paid.
    Unknown(String),
}

impl OrderStatus {
    /// Every known status, in the order of the enum.
    pub const KNOWN: [Self; 11] = [
        Self::New,
        Self::Declined,
        Self::Expired,
        Self::Approved,
        Self::Authorised,
        Self::Canceled,
        Self::Updated,
        Self::PartiallyCaptured,
        Self::FullyCaptured,
        Self::PartiallyRefunded,
        Self::FullyRefunded,
    ];

    /// The status in Tamara's words.
    pub fn as_str(&self) -> &str {
        match self {
            Self::New => "new",
            Self::Declined => "declined",
            Self::Expired => "expired",
            Self::Approved => "approved",
            Self::Authorised => "authorised",
            Self::Canceled => "canceled",
            Self::Updated => "updated",
            Self::PartiallyCaptured => "partially_captured",
            Self::FullyCaptured => "fully_captured",
            Self::PartiallyRefunded => "partially_refunded",
            Self::FullyRefunded => "fully_refunded",
            Self::Unknown(text) => text,
        }
    }
}

impl From<&str> for OrderStatus {
    fn from(text: &str) -> Self {
        let known = Self::KNOWN
            .into_iter()
            .find(|status| status.as_str() == text);
        known.unwrap_or_else(|| Self::Unknown(text.to_owned()))
    }
}

impl fmt::Display for OrderStatus {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

impl Serialize for OrderStatus {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.as_str())
    }
}

impl<'de> Deserialize<'de> for OrderStatus {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Ok(Self::from(String::deserialize(deserializer)?.as_str()))
    }
}

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

/// A line of a basket, in requests and in orders (endpoints 2.1).
#[derive(Clone, Eq, PartialEq, Debug, Serialize, Deserialize)]
pub struct Item {
    /// The merchant's id of the item.
    #[serde(default, deserialize_with = "wire::null_as_default")]
    pub reference_id: String,
    /// `Physical`, `Digital` or a category; Tamara requires it in requests.
    #[serde(rename = "type", default, skip_serializing_if = "Option::is_none")]
    pub kind: Option<String>,
    /// At most 255 characters.
    #[serde(default, deserialize_with = "wire::null_as_default")]
    pub name: String,
    /// At most 128 characters.
    #[serde(default, deserialize_with = "wire::null_as_default")]
    pub sku: String,
    /// How many.
    pub quantity: Quantity,
    /// The line's amount.
    pub total_amount: Money,
    /// The price of one.
    #[serde(
        default,
        deserialize_with = "wire::lenient",
        skip_serializing_if = "Option::is_none"
    )]
    pub unit_price: Option<Money>,
    /// Taxes of the line.
    #[serde(
        default,
        deserialize_with = "wire::lenient",
        skip_serializing_if = "Option::is_none"
    )]
    pub tax_amount: Option<Money>,
    /// Discount on the line.
    #[serde(
        default,
        deserialize_with = "wire::lenient",
        skip_serializing_if = "Option::is_none"
    )]
    pub discount_amount: Option<Money>,
    /// At most 1024 characters.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub item_url: Option<String>,
    /// At most 1024 characters.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub image_url: Option<String>,
}

/// How many of an item: whole in our requests, while Tamara's schema says "number".
#[derive(Clone, Eq, PartialEq, Debug)]
pub enum Quantity {
    /// A whole number.
    Whole(u64),
    /// Any other JSON number that was read, as it was written.
    Other(String),
}

impl From<u64> for Quantity {
    fn from(quantity: u64) -> Self {
        Self::Whole(quantity)
    }
}

impl Serialize for Quantity {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Whole(quantity) => serializer.serialize_u64(*quantity),
            Self::Other(text) => RawValue::from_string(text.clone())
                .map_err(S::Error::custom)?
                .serialize(serializer),
        }
    }
}

impl<'de> Deserialize<'de> for Quantity {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let raw = Box::<RawValue>::deserialize(deserializer)?;
        let text = raw.get();
        if !text.starts_with(|first: char| first == '-' || first.is_ascii_digit()) {
            return Err(D::Error::custom("quantity is not a number"));
        }
        Ok(text
            .parse()
            .map_or_else(|_| Self::Other(text.to_owned()), Self::Whole))
    }
}

/// A voucher (endpoints 2.1 and 2.7).
#[derive(Clone, Eq, PartialEq, Debug, Serialize, Deserialize)]
pub struct Discount {
    /// The voucher's name; may be empty (gotchas 37).
    #[serde(default, deserialize_with = "wire::null_as_default")]
    pub name: String,
    /// What it takes off.
    pub amount: Money,
}

/// The customer. `Debug` prints the type's name only.
#[derive(Clone, Eq, PartialEq, Default, Serialize, Deserialize)]
pub struct Consumer {
    /// First name.
    #[serde(default, deserialize_with = "wire::null_as_default")]
    pub first_name: String,
    /// Last name.
    #[serde(default, deserialize_with = "wire::null_as_default")]
    pub last_name: String,
    /// Local or with country code in requests; digits with country code in orders
    /// (environments 1.6).
    #[serde(default, deserialize_with = "wire::null_as_default")]
    pub phone_number: String,
    /// Optional in the schema, yet a client should always send it (endpoints 2.1).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub email: Option<String>,
    /// Empty when unknown.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub national_id: Option<String>,
    /// Shows the order's date when unknown (gotchas 10).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub date_of_birth: Option<String>,
    /// Whether it is the customer's first order.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub is_first_order: Option<bool>,
}

/// A postal address. `Debug` prints the type's name only.
#[derive(Clone, Eq, PartialEq, Default, Serialize, Deserialize)]
pub struct Address {
    /// First name.
    #[serde(default, deserialize_with = "wire::null_as_default")]
    pub first_name: String,
    /// Last name.
    #[serde(default, deserialize_with = "wire::null_as_default")]
    pub last_name: String,
    /// Street.
    #[serde(default, deserialize_with = "wire::null_as_default")]
    pub line1: String,
    /// More of the street.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub line2: Option<String>,
    /// District.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub region: Option<String>,
    /// Postal code.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub postal_code: Option<String>,
    /// City.
    #[serde(default, deserialize_with = "wire::null_as_default")]
    pub city: String,
    /// In requests the code of a [`crate::money::Country`].
    #[serde(default, deserialize_with = "wire::null_as_default")]
    pub country_code: String,
    /// Phone at the address.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub phone_number: Option<String>,
}

opaque_debug! { Consumer {} Address {} }
