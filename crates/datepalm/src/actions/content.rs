//! What a merchant asks for, in the shape of the API: parsed strictly, and turned into Tamara's request. What its
//! values may be is said in `check_content`.

use crate::domain::payment::{Payment, Session};
use crate::domain::totals::{self, Line};
use crate::error::{Error, Result};
use crate::store::payments::Wish;
use serde::{Deserialize, Deserializer, Serialize};
use std::collections::BTreeMap;
use tamara::checkout::{CheckoutRequest, MerchantUrl};
use tamara::money::{Country, Currency, Money};
use tamara::orders;

/// An integer of minor units; anything else is refused with a sentence that helps.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(transparent)]
pub struct Minor(pub i64);

impl<'de> Deserialize<'de> for Minor {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> std::result::Result<Self, D::Error> {
        let raw = Box::<serde_json::value::RawValue>::deserialize(deserializer)?;
        raw.get().parse().map(Self).map_err(|_| {
            // Only a number is shown: any other text may be a customer's.
            let shown = match raw.get().as_bytes().first() {
                Some(b'"') => "a string",
                Some(b'{') => "an object",
                Some(b'[') => "a list",
                _ if raw.get().len() > 40 => "a very long number",
                _ => raw.get(),
            };
            serde::de::Error::custom(format!(
                "amounts are integers of minor units (300.12 SAR is 30012, 1.250 KWD is 1250), got {shown}"
            ))
        })
    }
}

/// An amount: `{"amount": 30012, "currency": "SAR"}`. `decimal` is what answers add and requests may echo.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Amount {
    /// Minor units.
    pub amount: Minor,
    /// Its currency.
    pub currency: Currency,
    /// Read-only; ignored in requests.
    #[serde(default, skip_serializing)]
    pub decimal: Option<String>,
}

/// One line of the order.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Item {
    /// The merchant's id of the item.
    pub reference_id: String,
    /// `Physical`, `Digital`, or a category.
    #[serde(rename = "type", default, skip_serializing_if = "Option::is_none")]
    pub kind: Option<String>,
    /// Shown to the customer.
    pub name: String,
    /// Stock keeping unit.
    pub sku: String,
    /// Positive.
    pub quantity: i64,
    /// The price of one, without tax.
    pub unit_price: Amount,
    /// Off this line.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub discount_amount: Option<Amount>,
    /// The tax of this line, on top.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tax_amount: Option<Amount>,
    /// A picture.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub image_url: Option<String>,
    /// The item's page.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub item_url: Option<String>,
}

/// A voucher of this customer.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Discount {
    /// Its name.
    pub name: String,
    /// Off the whole order.
    pub amount: Amount,
}

/// Items and what is added to them or taken off.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Content {
    /// The lines; at least one.
    pub items: Vec<Item>,
    /// Shipping.
    pub shipping_amount: Option<Amount>,
    /// Tax on top.
    pub tax_amount: Option<Amount>,
    /// Off the whole order.
    pub discount: Option<Discount>,
}

/// The customer. Personal data: `Debug` says nothing.
#[derive(Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Customer {
    /// First name.
    pub first_name: String,
    /// Last name.
    pub last_name: String,
    /// With or without country code.
    pub phone_number: String,
    /// E-mail; Tamara may refuse orders without.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub email: Option<String>,
}

/// An address. Personal data: `Debug` says nothing.
#[derive(Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Address {
    /// The customer's when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub first_name: Option<String>,
    /// The customer's when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_name: Option<String>,
    /// Street and number.
    pub line1: String,
    /// More of it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub line2: Option<String>,
    /// City.
    pub city: String,
    /// Region.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub region: Option<String>,
    /// The customer's when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub phone_number: Option<String>,
}

/// All personal data of a payment: what stands in `payment_people`.
#[derive(Clone, Serialize, Deserialize)]
pub struct People {
    /// The customer.
    pub customer: Customer,
    /// Where it goes.
    pub shipping_address: Address,
    /// Who is billed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub billing_address: Option<Address>,
}

macro_rules! no_debug {
    ($($name:ident),*) => { $(impl std::fmt::Debug for $name {
        fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
            f.write_str(stringify!($name))
        }
    })* };
}
no_debug!(Customer, Address, People);

/// Where the customer goes after the return page.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ReturnUrls {
    /// Paid.
    pub success: String,
    /// Declined or expired.
    pub failure: String,
    /// The customer left.
    pub cancel: String,
}

/// The body of `POST /v1/payments`.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PaymentRequest {
    /// The merchant's reference; unique among open and paid payments (R7).
    pub merchant_reference: String,
    /// What the customer pays.
    pub total_amount: Amount,
    /// Shipping.
    pub shipping_amount: Option<Amount>,
    /// Tax on top.
    pub tax_amount: Option<Amount>,
    /// Off the whole order.
    pub discount: Option<Discount>,
    /// Shown to the customer.
    pub description: Option<String>,
    /// The account's when absent.
    pub country: Option<String>,
    /// `en_US` or `ar_SA`.
    pub locale: Option<String>,
    /// The lines.
    pub items: Vec<Item>,
    /// The customer.
    pub customer: Customer,
    /// Where it goes.
    pub shipping_address: Address,
    /// Who is billed.
    pub billing_address: Option<Address>,
    /// Where the customer goes afterwards.
    pub return_urls: ReturnUrls,
    /// `manual` or `automatic`; the account's when absent.
    pub capture_mode: Option<String>,
    /// The merchant's own notes.
    #[serde(default)]
    pub metadata: BTreeMap<String, String>,
}

/// Reads JSON that this service stored itself.
pub fn stored<T: serde::de::DeserializeOwned>(text: &str) -> Result<T> {
    // The error of the library names the place, never the value.
    serde_json::from_str(text).map_err(|error| {
        let why = format!("stored JSON at column {}", error.column());
        Error::Corrupt {
            table: "payments",
            id: String::new(),
            why,
        }
    })
}

fn money(amount: &Amount) -> Money {
    Money::new(amount.amount.0, amount.currency)
}

/// Tamara's request for one session. `urls` = return page, notification callback.
pub fn checkout_request(
    payment: &Payment,
    session: &Session,
    wish: &Wish,
    content: &Content,
    people: People,
    urls: (String, String),
) -> CheckoutRequest {
    let zero = Money::new(0, payment.total.currency());
    let or_zero = |amount: Option<&Amount>| amount.map_or(zero, money);
    let country = payment.country;
    let (return_url, notification) = urls;
    CheckoutRequest {
        order_reference_id: session.order_reference_id.clone(),
        order_number: Some(payment.merchant_reference.clone()),
        total_amount: payment.total,
        shipping_amount: or_zero(content.shipping_amount.as_ref()),
        tax_amount: or_zero(content.tax_amount.as_ref()),
        discount: content.discount.as_ref().map(|discount| orders::Discount {
            name: discount.name.clone(),
            amount: money(&discount.amount),
        }),
        description: wish.description.clone(),
        country_code: country,
        payment_type: None,
        instalments: None,
        items: content
            .items
            .iter()
            .map(|item| wire_item(item, zero))
            .collect(),
        shipping_address: wire_address(&people.shipping_address, &people.customer, country),
        billing_address: people
            .billing_address
            .as_ref()
            .map(|a| wire_address(a, &people.customer, country)),
        consumer: orders::Consumer {
            first_name: people.customer.first_name,
            last_name: people.customer.last_name,
            phone_number: people.customer.phone_number,
            email: people.customer.email,
            ..orders::Consumer::default()
        },
        merchant_url: MerchantUrl {
            success: return_url.clone(),
            failure: return_url.clone(),
            cancel: return_url,
            notification: Some(notification),
        },
        platform: Some(concat!("Datepalm ", env!("CARGO_PKG_VERSION")).to_owned()),
        is_mobile: None,
        locale: Some(wish.locale.clone()),
        expires_in_minutes: None,
        risk_assessment: None,
        additional_data: None,
    }
}

/// A line in full, as Tamara takes it.
pub fn wire_item(item: &Item, zero: Money) -> orders::Item {
    let discount = item.discount_amount.as_ref().map_or(zero, money);
    let line = Line {
        quantity: item.quantity,
        unit_price_minor: item.unit_price.amount.0,
        discount_minor: discount.minor(),
        tax_minor: None,
    };
    orders::Item {
        reference_id: item.reference_id.clone(),
        kind: Some(item.kind.clone().unwrap_or_else(|| "Physical".to_owned())),
        name: item.name.clone(),
        sku: item.sku.clone(),
        quantity: u64::try_from(item.quantity).unwrap_or(0).into(),
        total_amount: Money::new(totals::line_total(&line).unwrap_or(0), zero.currency()),
        unit_price: Some(money(&item.unit_price)),
        tax_amount: item.tax_amount.as_ref().map(money),
        discount_amount: Some(discount),
        item_url: item.item_url.clone(),
        image_url: item.image_url.clone(),
    }
}

fn wire_address(address: &Address, customer: &Customer, country: Country) -> orders::Address {
    let or_customer = |own: Option<&String>, theirs: &String| own.unwrap_or(theirs).clone();
    orders::Address {
        first_name: or_customer(address.first_name.as_ref(), &customer.first_name),
        last_name: or_customer(address.last_name.as_ref(), &customer.last_name),
        line1: address.line1.clone(),
        line2: address.line2.clone(),
        region: address.region.clone(),
        postal_code: None,
        city: address.city.clone(),
        country_code: country.code().to_owned(),
        phone_number: Some(or_customer(
            address.phone_number.as_ref(),
            &customer.phone_number,
        )),
    }
}
