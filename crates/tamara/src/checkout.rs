//! What comes before an order is paid: sessions, payment types, eligibility.
//!
//! For the online checkout only; nothing here knows the hosted page. Invariant: a `checkout_url`
//! is opaque and handed on as it came (endpoints 2.1).

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::money::{Country, Currency, Money};
use crate::orders::{Address, Consumer, Discount, Item, OrderStatus};
use crate::wire::{self, opaque_debug};

/// A checkout session to be created (endpoints 2.1). `Debug` shows the reference and the amount.
#[derive(Clone, PartialEq, Serialize, Deserialize)]
pub struct CheckoutRequest {
    /// The merchant's id of the order, used in settlements. Tamara does not enforce uniqueness.
    pub order_reference_id: String,
    /// The number shown to the customer; Tamara takes the reference when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub order_number: Option<String>,
    /// What the customer is charged; at least 0.1 in major units.
    pub total_amount: Money,
    /// Zero or more.
    pub shipping_amount: Money,
    /// Taxes that are charged on top; zero or more.
    pub tax_amount: Money,
    /// A voucher of this customer, not a price cut of the whole shop.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub discount: Option<Discount>,
    /// At most 256 characters.
    pub description: String,
    /// Its currency must be the one of the amounts.
    pub country_code: Country,
    /// `PAY_BY_INSTALMENTS` or `PAY_NOW`; absent lets the customer choose on Tamara's page.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub payment_type: Option<String>,
    /// Number of instalments, absent with `payment_type`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub instalments: Option<u32>,
    /// At least one.
    pub items: Vec<Item>,
    /// The customer.
    pub consumer: Consumer,
    /// Where goods go.
    pub shipping_address: Address,
    /// Where the bill goes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub billing_address: Option<Address>,
    /// Where the customer and the notification come back to.
    pub merchant_url: MerchantUrl,
    /// Name and version of the calling software.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub platform: Option<String>,
    /// Whether the page is opened inside an app.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub is_mobile: Option<bool>,
    /// `ar_SA` or `en_US`; absent lets Tamara choose (environments 1.6).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub locale: Option<String>,
    /// 5 to 1440; ignored unless Tamara's support has enabled it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expires_in_minutes: Option<u32>,
    /// Keys in endpoints 2.1. One malformed date of birth makes the call fail (gotchas 24).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub risk_assessment: Option<Value>,
    /// Keys in endpoints 2.1.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub additional_data: Option<Value>,
}

opaque_debug! { CheckoutRequest { order_reference_id, total_amount } }

/// The merchant's addresses for one session.
#[derive(Clone, Eq, PartialEq, Debug, Serialize, Deserialize)]
pub struct MerchantUrl {
    /// After approval.
    pub success: String,
    /// After a refusal.
    pub failure: String,
    /// After the customer gave up.
    pub cancel: String,
    /// The older server-to-server callback of this session (webhooks 6).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub notification: Option<String>,
}

/// A created session.
#[derive(Clone, Eq, PartialEq, Debug, Serialize, Deserialize)]
pub struct CheckoutSession {
    /// Tamara's id of the order.
    #[serde(deserialize_with = "wire::id")]
    pub order_id: String,
    /// Tamara's id of the session.
    #[serde(deserialize_with = "wire::id")]
    pub checkout_id: String,
    /// Where the customer pays: opaque.
    #[serde(deserialize_with = "wire::id")]
    pub checkout_url: String,
    /// `new`; absent is tolerated.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub status: Option<OrderStatus>,
}

/// Which payment types are asked for (endpoints 2.2).
#[derive(Clone, Eq, PartialEq)]
pub struct PaymentTypesQuery {
    /// The country.
    pub country: Country,
    /// The country's own when absent.
    pub currency: Option<Currency>,
    /// Only types eligible for this total; at least 0.1 in major units.
    pub order_value: Option<Money>,
    /// The customer's phone.
    pub phone: Option<String>,
}

opaque_debug! { PaymentTypesQuery { country, currency, order_value } }

/// A way to pay, with its limits. Entries with zero limits stand for "none" (endpoints 2.2).
#[derive(Clone, Eq, PartialEq, Debug, Serialize, Deserialize)]
pub struct PaymentType {
    /// Such as `PAY_BY_INSTALMENTS`.
    pub name: String,
    /// English text.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    /// Arabic text.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub description_ar: Option<String>,
    /// The smallest total.
    pub min_limit: Money,
    /// The largest total.
    pub max_limit: Money,
    /// The splits on offer.
    #[serde(
        default,
        deserialize_with = "wire::null_as_default",
        skip_serializing_if = "Vec::is_empty"
    )]
    pub supported_instalments: Vec<InstalmentPlan>,
}

/// One split with its limits.
#[derive(Clone, Eq, PartialEq, Debug, Serialize, Deserialize)]
pub struct InstalmentPlan {
    /// Number of instalments.
    pub instalments: u32,
    /// The smallest total.
    pub min_limit: Money,
    /// The largest total.
    pub max_limit: Money,
}

/// The two shapes in which payment types come.
#[derive(Deserialize)]
pub(crate) struct PaymentTypeList {
    pub(crate) payment_types: Vec<PaymentType>,
}

/// Whether Tamara holds a decline record of a customer (endpoints 2.5). `Debug` shows the amount.
#[derive(Clone, Eq, PartialEq)]
pub struct EligibilityRequest {
    /// The order's total.
    pub order: Money,
    /// International digits without plus; without a phone the customer counts as eligible.
    pub phone: Option<String>,
    /// The customer's e-mail.
    pub email: Option<String>,
}

opaque_debug! { EligibilityRequest { order } }

impl EligibilityRequest {
    /// The sources disagree on the key of the phone, so both are sent (gotchas 15).
    pub(crate) fn wire(&self) -> EligibilityWire<'_> {
        let (phone, email) = (self.phone.as_deref(), self.email.as_deref());
        EligibilityWire {
            order: self.order,
            customer: EligibilityCustomer {
                phone_number: phone,
                phone,
                email,
            },
        }
    }
}

#[derive(Serialize)]
pub(crate) struct EligibilityWire<'a> {
    order: Money,
    customer: EligibilityCustomer<'a>,
}

#[derive(Serialize)]
struct EligibilityCustomer<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    phone_number: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    phone: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    email: Option<&'a str>,
}

#[derive(Deserialize)]
pub(crate) struct Eligibility {
    pub(crate) is_eligible: bool,
}
