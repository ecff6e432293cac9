//! Checks of a request by itself: the sum rule (R27), the country's currency (R28) and the limits of the fact book
//! (endpoints 2.1). Needs no database. Says everything that is wrong at once, and shows no text of the caller's.

use super::content::{Address, Amount, Minor, PaymentRequest};
use crate::domain::totals::{self, Line, Mismatch, Totals};
use crate::error::{Code, FieldError, Refusal, Result};
use std::collections::BTreeMap;
use tamara::money::{Country, Currency, Money};

/// The largest amount that is taken, minor units: a million million, far below where sums could overflow.
pub const AMOUNT_MINOR_MAX: i64 = 1_000_000_000_000;

/// The longest return URL, bytes: what browsers and Tamara carry without trouble.
const RETURN_URL_BYTES_MAX: usize = 2048;

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
