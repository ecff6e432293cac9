//! `POST /checkout` (endpoints 2.1).

use axum::body::Bytes;
use axum::extract::State;
use axum::{Extension, Json};
use serde::Serialize;
use url::Url;

use super::error::ApiError;
use super::fields::{Fields, read_body};
use super::items::{item, limited};
use super::phone;
use crate::Sandbox;
use crate::money::Currency;
use crate::rules::{self, Opening};
use crate::world::{Account, Address, Consumer, Discount, Locale, Order, Status};

#[derive(Serialize)]
pub(super) struct CheckoutAnswer {
    order_id: String,
    checkout_id: String,
    checkout_url: String,
    status: &'static str,
}

/// A readable body: the order to be and how its session opens.
struct Session {
    order: Order,
    opening: Opening,
}

pub(super) async fn create(
    State(sandbox): State<Sandbox>,
    Extension(account): Extension<Account>,
    body: Bytes,
) -> Result<Json<CheckoutAnswer>, ApiError> {
    let Session { mut order, opening } = read_body(&body, session)?;
    check_terms(&account, &order)?;
    order.merchant_id.clone_from(&account.merchant_id);
    let adds_up = sums_agree(&order);
    let checkout = sandbox.change(|world, now_ms| {
        order.created_at_ms = now_ms;
        Ok::<_, ApiError>(rules::open(world, order, opening))
    })?;
    if !adds_up {
        // Tamara's own samples do not add up, so this is no reason to refuse (emulator-notes 6).
        tracing::warn!(
            order.id = checkout.order_id,
            "items, tax, shipping and discount do not add up to the total"
        );
    }
    let base_url = sandbox.base_url();
    let (checkout_id, order_id) = (checkout.id, checkout.order_id);
    let locale = checkout.locale.code();
    Ok(Json(CheckoutAnswer {
        checkout_url: format!(
            "{base_url}/checkout/{checkout_id}?locale={locale}&orderId={order_id}"
        ),
        order_id,
        checkout_id,
        status: Status::New.as_str(),
    }))
}

/// What depends on the merchant: country, currency and limits.
fn check_terms(account: &Account, order: &Order) -> Result<(), ApiError> {
    if order.currency.country() != order.country || order.currency != account.currency {
        return Err(ApiError::refused(
            "Unsupported country-currency combination. Please reach out to your account manager for support",
            "not_supported_country_currency",
        ));
    }
    if Currency::of_country(&order.shipping_address.country_code).is_none() {
        return Err(ApiError::refused(
            "We do not support your delivery country",
            "not_supported_delivery_country",
        ));
    }
    let limits = account.merchant.min_minor..=account.merchant.max_minor;
    if !limits.contains(&order.total_minor) {
        return Err(ApiError::refused(
            "The total amount is outside the merchant's limits",
            "total_amount_invalid_limit",
        ));
    }
    Ok(())
}

fn sums_agree(order: &Order) -> bool {
    let parts_minor = order.tax_minor + order.shipping_minor - order.discount.minor;
    order.items_minor().checked_add(parts_minor) == Some(order.total_minor)
}

fn session(body: &Fields<'_>) -> Session {
    let currency = body.set_currency_from("total_amount");
    let country = body.required_text("country_code");
    if body.has("country_code") && Currency::of_country(&country).is_none() {
        body.invalid("country_code", "not one of SA, AE, BH, KW, OM");
    }
    let reference = body.filled_text("order_reference_id");
    let number = body.text("order_number").filter(|n| !n.is_empty());
    let description = body.required_text("description");
    body.at_most("description", &description, 256);
    let total_minor = body.required_money("total_amount");
    let currency = currency.unwrap_or(Currency::Sar);
    if body.has("total_amount") && total_minor * 10 < currency.unit() {
        body.invalid("total_amount", "less than 0.1");
    }
    let (opening, notification_url) = opening(body);
    let extra = body.object("additional_data");
    let order = Order {
        id: String::new(),
        sequence: 0,
        checkout_id: String::new(),
        merchant_id: String::new(),
        number: number.unwrap_or_else(|| reference.clone()),
        reference,
        description,
        status: Status::New,
        currency,
        total_minor,
        shipping_minor: body.required_money("shipping_amount"),
        tax_minor: body.required_money("tax_amount"),
        discount: discount(body),
        paid_minor: 0,
        payment_type: body
            .text("payment_type")
            .filter(|text| !text.is_empty())
            .unwrap_or_else(|| "PAY_BY_INSTALMENTS".to_owned()),
        instalments: body.whole_number("instalments").filter(|n| *n > 0),
        items: body.required_list("items").iter().map(item).collect(),
        consumer: consumer(body, &country),
        shipping_address: shipping_address(body),
        billing_address: billing_address(body),
        country,
        store_code: extra
            .and_then(|extra| extra.text("store_code"))
            .unwrap_or_default(),
        notification_url,
        created_at_ms: 0,
        approved_at_ms: None,
        authorised_at_ms: None,
        captures: Vec::new(),
        cancels: Vec::new(),
        refunds: Vec::new(),
    };
    Session { order, opening }
}

/// The voucher; one official plugin always sends it, with an empty name.
fn discount(body: &Fields<'_>) -> Discount {
    let Some(fields) = body.object("discount") else {
        return Discount::default();
    };
    Discount {
        name: fields.required_text("name"),
        minor: fields.required_money("amount"),
    }
}

fn consumer(body: &Fields<'_>, country: &str) -> Consumer {
    let fields = body.required_object("consumer");
    let Some(fields) = fields else {
        return Consumer::default();
    };
    let first_name = fields.required_text("first_name");
    if fields.has("first_name") && first_name.trim().is_empty() {
        fields.invalid_as("consumer_empty_first_name", "first_name", "empty");
    }
    let email = fields.text("email").unwrap_or_default();
    if !email.is_empty() && !email.contains('@') {
        fields.invalid_as("consumer_invalid_email", "email", "not an e-mail address");
    }
    let phone = fields.required_text("phone_number");
    let phone_number = phone::normalise(&phone, country);
    if phone_number.is_none() && fields.has("phone_number") {
        let code = "consumer_invalid_phone_number";
        fields.invalid_as(code, "phone_number", "not a phone number");
    }
    Consumer {
        first_name,
        last_name: fields.required_text("last_name"),
        email,
        phone_number: phone_number.unwrap_or_default(),
        national_id: fields.text("national_id").unwrap_or_default(),
        date_of_birth: fields.text("date_of_birth"),
        is_first_order: fields.flag("is_first_order"),
    }
}

fn shipping_address(body: &Fields<'_>) -> Address {
    let Some(fields) = body.required_object("shipping_address") else {
        return Address::default();
    };
    for name in ["first_name", "last_name", "line1", "city", "country_code"] {
        fields.require(name);
    }
    address(&fields, "shipping_address_invalid_phone_number")
}

/// The same fields, none of them required.
fn billing_address(body: &Fields<'_>) -> Option<Address> {
    let fields = body.object("billing_address")?;
    Some(address(&fields, "billing_address_invalid_phone_number"))
}

fn address(fields: &Fields<'_>, bad_phone: &'static str) -> Address {
    let text = |name: &str| limited(fields, name, 512);
    let country_code = text("country_code");
    let phone = text("phone_number");
    let phone_number = phone::normalise(&phone, &country_code);
    if phone_number.is_none() && !phone.is_empty() {
        fields.invalid_as(bad_phone, "phone_number", "not a phone number");
    }
    Address {
        first_name: text("first_name"),
        last_name: text("last_name"),
        line1: text("line1"),
        line2: text("line2"),
        region: text("region"),
        city: text("city"),
        country_code,
        phone_number: phone_number.unwrap_or_default(),
        postal_code: text("postal_code"),
    }
}

fn opening(body: &Fields<'_>) -> (Opening, Option<String>) {
    let locale = body.text("locale").unwrap_or_default();
    let urls = body.required_object("merchant_url");
    let url = |name: &str| {
        let Some(fields) = &urls else {
            return String::new();
        };
        let url = fields.required_text(name);
        if fields.has(name) && !is_customer_url(&url) {
            fields.invalid(name, "not an address to send a customer to");
        }
        url
    };
    let notification = urls.as_ref().and_then(|urls| {
        let url = urls.text("notification").filter(|url| !url.is_empty())?;
        if !is_web_url(&url) {
            urls.invalid("notification", "not an http or https address");
        }
        Some(url)
    });
    let opening = Opening {
        locale: Locale::parse(&locale),
        success_url: url("success"),
        failure_url: url("failure"),
        cancel_url: url("cancel"),
    };
    (opening, notification)
}

/// An absolute address, an app's own scheme included, that cannot run as script on our page.
fn is_customer_url(text: &str) -> bool {
    const SCRIPTING: [&str; 5] = ["javascript", "data", "vbscript", "blob", "file"];
    let plain = !text.chars().any(|c| c.is_control() || c.is_whitespace());
    plain && Url::parse(text).is_ok_and(|url| !SCRIPTING.contains(&url.scheme()))
}

fn is_web_url(text: &str) -> bool {
    is_customer_url(text)
        && Url::parse(text).is_ok_and(|url| matches!(url.scheme(), "http" | "https"))
}
