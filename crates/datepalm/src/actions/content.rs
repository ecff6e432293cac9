//! What a merchant asks for, in the shape of the API: parsed strictly, checked against the rules that need no
//! database (R27, R28, limits of the fact book), and turned into Tamara's request.

use crate::domain::payment::{Payment, Session};
use crate::domain::totals::{self, Line, Mismatch, Totals};
use crate::error::{Code, Error, FieldError, Refusal, Result};
use crate::store::payments::Wish;
use serde::{Deserialize, Deserializer, Serialize};
use std::collections::BTreeMap;
use tamara::checkout::{CheckoutRequest, MerchantUrl};
use tamara::money::{Country, Currency, Money};
use tamara::orders;

/// The largest amount that is taken, minor units: a million million, far below where sums could overflow.
const AMOUNT_MINOR_MAX: i64 = 1_000_000_000_000;

/// The longest return URL, bytes: what browsers and Tamara carry without trouble.
const RETURN_URL_BYTES_MAX: usize = 2048;

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

/// Collects everything that is wrong, so that a caller mends it in one go.
struct Checks {
    currency: Currency,
    errors: Vec<FieldError>,
}

impl Checks {
    fn fail(&mut self, param: impl Into<String>, detail: impl Into<String>) {
        self.errors.push(FieldError {
            param: param.into(),
            detail: detail.into(),
        });
    }

    fn text(&mut self, param: &str, value: &str, most: usize) {
        let length = value.chars().count();
        if value.trim().is_empty() {
            self.fail(param, "must not be empty");
        } else if length > most {
            self.fail(
                param,
                format!("is {length} characters long, at most {most} are allowed"),
            );
        }
    }

    fn optional(&mut self, param: &str, value: Option<&String>, most: usize) {
        if let Some(value) = value {
            self.text(param, value, most);
        }
    }

    /// Only its length: whether it is allowed is the account's to say.
    fn url(&mut self, param: &str, url: &str) {
        if url.len() > RETURN_URL_BYTES_MAX {
            self.fail(
                param,
                format!(
                    "is {} bytes long, at most {RETURN_URL_BYTES_MAX} are allowed",
                    url.len()
                ),
            );
        }
    }

    fn phone(&mut self, param: &str, phone: &str) {
        let digits = phone.chars().filter(char::is_ascii_digit).count();
        let plain = |c: char| c.is_ascii_digit() || matches!(c, '+' | ' ' | '-' | '(' | ')');
        if !(7..=15).contains(&digits) || phone.len() > 40 || !phone.chars().all(plain) {
            self.fail(
                param,
                "must be a phone number of 7 to 15 digits, such as 966544337866",
            );
        }
    }

    fn amount(&mut self, param: &str, amount: &Amount, least_minor: i64) -> i64 {
        let Amount {
            amount: Minor(minor),
            currency,
            ..
        } = *amount;
        if currency != self.currency {
            let expected = self.currency;
            self.fail(
                format!("{param}.currency"),
                format!("is {currency}, but total_amount is in {expected}: all amounts of a payment share one currency"),
            );
        }
        if minor < least_minor {
            let word = if least_minor > 0 {
                "positive"
            } else {
                "zero or more"
            };
            self.fail(
                format!("{param}.amount"),
                format!("is {minor}, must be {word}"),
            );
        } else if minor > AMOUNT_MINOR_MAX {
            self.fail(
                format!("{param}.amount"),
                format!("is above {AMOUNT_MINOR_MAX} minor units"),
            );
        }
        minor.clamp(-AMOUNT_MINOR_MAX, AMOUNT_MINOR_MAX)
    }
}

/// Checks a request by itself; answers its total.
pub fn check(request: &PaymentRequest, country: Country) -> Result<Money> {
    let currency = request.total_amount.currency;
    if currency != country.currency() {
        let (expected, code) = (country.currency(), country.code());
        return Err(Refusal::new(
            Code::CurrencyMismatch,
            format!("total_amount is in {currency}, but Tamara takes {expected} in {code}; use the account of that country"),
        )
        .param("total_amount.currency")
        .into());
    }
    let mut checks = Checks {
        currency,
        errors: Vec::new(),
    };
    let totals = amounts(request, &mut checks);
    texts(request, &mut checks);
    if let Some(first) = checks.errors.first() {
        let mixed = checks
            .errors
            .iter()
            .any(|error| error.param.ends_with(".currency"));
        let code = if mixed {
            Code::CurrencyMismatch
        } else {
            Code::InvalidRequest
        };
        let mut refusal = Refusal::new(code, format!("{} {}", first.param, first.detail))
            .param(first.param.clone());
        refusal.errors = checks.errors;
        return Err(refusal.into());
    }
    sums(&totals, currency)?;
    Ok(Money::new(totals.total_minor, currency))
}

fn amounts(request: &PaymentRequest, checks: &mut Checks) -> Totals {
    let total_minor = checks.amount("total_amount", &request.total_amount, 1);
    let optional = |checks: &mut Checks, param: &str, amount: Option<&Amount>| {
        amount.map_or(0, |amount| checks.amount(param, amount, 0))
    };
    let shipping_minor = optional(checks, "shipping_amount", request.shipping_amount.as_ref());
    let tax_minor = optional(checks, "tax_amount", request.tax_amount.as_ref());
    let discount = request.discount.as_ref().map(|discount| &discount.amount);
    let discount_minor = optional(checks, "discount.amount", discount);
    if request.items.is_empty() || request.items.len() > 200 {
        checks.fail(
            "items",
            format!("has {} lines, 1 to 200 are allowed", request.items.len()),
        );
    }
    let mut lines = Vec::with_capacity(request.items.len());
    for (index, item) in request.items.iter().enumerate() {
        let param = |field: &str| format!("items[{index}].{field}");
        if !(1..=1_000_000).contains(&item.quantity) {
            checks.fail(
                param("quantity"),
                format!("is {}, must be 1 to 1000000", item.quantity),
            );
        }
        lines.push(Line {
            quantity: item.quantity.clamp(0, 1_000_000),
            unit_price_minor: checks.amount(&param("unit_price"), &item.unit_price, 0),
            discount_minor: optional(
                checks,
                &param("discount_amount"),
                item.discount_amount.as_ref(),
            ),
            tax_minor: item
                .tax_amount
                .as_ref()
                .map(|tax| checks.amount(&param("tax_amount"), tax, 0)),
        });
    }
    Totals {
        lines,
        shipping_minor,
        tax_minor,
        discount_minor,
        total_minor,
    }
}

fn texts(request: &PaymentRequest, checks: &mut Checks) {
    checks.text("merchant_reference", &request.merchant_reference, 100);
    checks.optional("description", request.description.as_ref(), 256);
    if let Some(discount) = &request.discount {
        checks.text("discount.name", &discount.name, 255);
    }
    for (index, item) in request.items.iter().enumerate() {
        let param = |field: &str| format!("items[{index}].{field}");
        checks.text(&param("reference_id"), &item.reference_id, 255);
        checks.text(&param("name"), &item.name, 255);
        checks.text(&param("sku"), &item.sku, 128);
        checks.optional(&param("type"), item.kind.as_ref(), 255);
        checks.optional(&param("image_url"), item.image_url.as_ref(), 1024);
        checks.optional(&param("item_url"), item.item_url.as_ref(), 1024);
    }
    let customer = &request.customer;
    checks.text("customer.first_name", &customer.first_name, 255);
    checks.text("customer.last_name", &customer.last_name, 255);
    checks.phone("customer.phone_number", &customer.phone_number);
    checks.optional("customer.email", customer.email.as_ref(), 255);
    address("shipping_address", &request.shipping_address, checks);
    if let Some(billing) = &request.billing_address {
        address("billing_address", billing, checks);
    }
    let urls = &request.return_urls;
    checks.url("return_urls.success", &urls.success);
    checks.url("return_urls.failure", &urls.failure);
    checks.url("return_urls.cancel", &urls.cancel);
    metadata(&request.metadata, checks);
}

fn address(name: &str, address: &Address, checks: &mut Checks) {
    let param = |field: &str| format!("{name}.{field}");
    checks.optional(&param("first_name"), address.first_name.as_ref(), 255);
    checks.optional(&param("last_name"), address.last_name.as_ref(), 255);
    checks.text(&param("line1"), &address.line1, 255);
    checks.optional(&param("line2"), address.line2.as_ref(), 255);
    checks.text(&param("city"), &address.city, 255);
    checks.optional(&param("region"), address.region.as_ref(), 255);
    if let Some(phone) = &address.phone_number {
        checks.phone(&param("phone_number"), phone);
    }
}

fn metadata(notes: &BTreeMap<String, String>, checks: &mut Checks) {
    if notes.len() > 50 {
        checks.fail("metadata", "has more than 50 keys");
    }
    let fits =
        |(key, value): (&String, &String)| !key.is_empty() && key.len() <= 40 && value.len() <= 500;
    if !notes.iter().all(fits) {
        checks.fail(
            "metadata",
            "a key is 1 to 40 bytes, a value at most 500 bytes",
        );
    }
}

/// The sum rule (R27): the refusal names the line and the difference.
fn sums(totals: &Totals, currency: Currency) -> Result<()> {
    let shown = |minor: i64| Money::new(minor, currency).to_string();
    let Err(mismatch) = totals::check(totals) else {
        return Ok(());
    };
    let (param, detail) = match mismatch {
        Mismatch::LineNegative { line } => (
            format!("items[{line}]"),
            format!("items[{line}]: the discount is more than quantity x unit_price"),
        ),
        Mismatch::TooLarge { line } => {
            let param = line.map_or("items".to_owned(), |line| format!("items[{line}]"));
            (
                param.clone(),
                format!("{param}: the amounts are too large to be added up"),
            )
        }
        Mismatch::Tax {
            lines_minor,
            given_minor,
        } => (
            "tax_amount".to_owned(),
            format!(
                "the lines' tax_amount add up to {}, but tax_amount is {}: difference {}",
                shown(lines_minor),
                shown(given_minor),
                shown(given_minor.saturating_sub(lines_minor))
            ),
        ),
        Mismatch::Total {
            expected_minor,
            given_minor,
        } => (
            "total_amount".to_owned(),
            format!(
                "items + shipping_amount + tax_amount - discount make {}, but total_amount is {}: difference {}. A line \
                 is quantity x unit_price - discount_amount, without tax",
                shown(expected_minor),
                shown(given_minor),
                shown(given_minor.saturating_sub(expected_minor))
            ),
        ),
    };
    Err(Refusal::new(Code::TotalsMismatch, detail)
        .param(param)
        .into())
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

fn wire_item(item: &Item, zero: Money) -> orders::Item {
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
