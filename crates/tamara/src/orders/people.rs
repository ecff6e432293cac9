//! Who buys, and where it goes: personal data.
//!
//! For requests and for reading orders. Invariant: `Debug` of these types prints their name only.

use serde::{Deserialize, Serialize};

use crate::wire::{self, opaque_debug};

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
