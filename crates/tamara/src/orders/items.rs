//! What is sold: lines of a basket and vouchers, in requests and in orders.
//!
//! Nothing here adds up lines; Tamara's own samples do not add up either (gotchas 8). Invariant: a
//! quantity is written as it was read.

use serde::de::Error as _;
use serde::ser::Error as _;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use serde_json::value::RawValue;

use crate::money::Money;
use crate::wire;

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
