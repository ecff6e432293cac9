//! `POST /checkout` (endpoints 2.1).

use axum::body::Bytes;
use axum::extract::State;
use axum::{Extension, Json};
use serde::Serialize;
use url::Url;

use super::error::ApiError;
use super::fields::{Fields, read_body};
use super::items::item;
use super::{buyer, risk, terms};
use crate::money::Currency;
use crate::rules::{self, Opening};
use crate::world::{Account, Channel, Discount, Item, Locale, Order, Status, World};
use crate::{Choices, Sandbox};

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
    Extension(choices): Extension<Choices>,
    body: Bytes,
) -> Result<Json<CheckoutAnswer>, ApiError> {
    let Session { mut order, opening } =
        read_body(&body, choices, |fields| session(fields, &account))?;
    order.merchant_id.clone_from(&account.merchant_id);
    order.single_checkout = account.merchant.single_checkout;
    let checkout = sandbox.change(|world, now_ms| {
        check_terms(world, &account, &order, now_ms)?;
        order.created_at_ms = now_ms;
        Ok::<_, ApiError>(rules::open(world, order, opening))
    })?;
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

/// The terms of the merchant, and where the goods go.
fn check_terms(
    world: &World,
    account: &Account,
    order: &Order,
    now_ms: i64,
) -> Result<(), ApiError> {
    terms::check(world, account, order, now_ms)?;
    let delivery = &order.shipping_address.country_code;
    if Currency::of_country(delivery).is_none() {
        return Err(ApiError::unsupported_country());
    }
    terms::check_sum(order, world.choices)
}

fn session(body: &Fields<'_>, account: &Account) -> Session {
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
        number: number.unwrap_or_else(|| reference.clone()),
        reference,
        description,
        shipping_minor: body.required_money("shipping_amount"),
        tax_minor: body.required_money("tax_amount"),
        discount: discount(body),
        payment_type: payment_type(body),
        instalments: body.whole_number("instalments").filter(|n| *n > 0),
        items: order_items(body),
        consumer: buyer::consumer(body, &country),
        shipping_address: buyer::shipping_address(body),
        billing_address: buyer::billing_address(body),
        country,
        store_code: extra
            .and_then(|extra| extra.text("store_code"))
            .unwrap_or_default(),
        notification_url,
        session_minutes: session_minutes(body, "expires_in_minutes", account, Channel::Online),
        ..Order::new(Channel::Online, currency, total_minor)
    };
    risk::check(body);
    Session { order, opening }
}

/// At least one; none, or none at all, is left to the choice for sloppy clients (gotchas 43).
fn order_items(body: &Fields<'_>) -> Vec<Item> {
    let lines = if body.choices().lenient_orders {
        body.list("items").unwrap_or_default()
    } else {
        body.required_list("items")
    };
    lines.iter().map(item).collect()
}

/// The merchant's wish, if Tamara lets it have one; else it is not even looked at.
pub(super) fn session_minutes(
    body: &Fields<'_>,
    name: &str,
    account: &Account,
    channel: Channel,
) -> i64 {
    let wish = if account.merchant.may_set_session_length {
        body.whole_number(name)
    } else {
        None
    };
    let minutes = wish.unwrap_or_else(|| channel.session_minutes());
    if !(5..=1440).contains(&minutes) {
        body.invalid(name, "not between 5 and 1440");
    }
    minutes
}

pub(super) fn payment_type(body: &Fields<'_>) -> String {
    let given = body.text("payment_type").filter(|text| !text.is_empty());
    given.unwrap_or_else(|| "PAY_BY_INSTALMENTS".to_owned())
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
