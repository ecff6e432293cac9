//! The status of an order.
//!
//! A word only: what it allows is for the caller to know. Invariant: a status that this crate does
//! not know stays what it is and never becomes a known one.

use std::fmt;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

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
