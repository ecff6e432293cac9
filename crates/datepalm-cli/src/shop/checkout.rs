//! The checkout form and the pay button: turns a cart and an address into a payment, then sends the customer on.
//!
//! Invariant: the amounts of the payment come from the catalog, and one rendered form makes at most one payment.

use axum::extract::{Form, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Redirect, Response};
use serde::Deserialize;
use serde_json::{Value, json};
use tamara::money::Money;

use super::backend::Failure;
use super::cart::{Bill, Cart, Line};
use super::catalog::Store;
use super::{Frame, OrderNumber, Shop, show};

const FIELD_CHARS_MAX: usize = 120;

#[derive(askama::Template)]
#[template(path = "shop/checkout.html")]
struct CheckoutPage {
    frame: Frame,
    cart: Cart,
    bill: Bill,
    order: String,
    form: CheckoutForm,
    problem: Option<(String, String)>,
}

/// What the form sends. Nothing in it has a price.
#[derive(Deserialize)]
pub(super) struct CheckoutForm {
    order: String,
    first_name: String,
    last_name: String,
    phone: String,
    email: String,
    line1: String,
    city: String,
    locale: String,
    capture: Option<String>,
}

impl CheckoutForm {
    /// A customer for whom the offline sandbox approves.
    fn example(store: Store) -> Self {
        let (first_name, last_name, phone, email, line1) = match store {
            Store::Saudi => (
                "Noura",
                "Al Harbi",
                "544337866",
                "noura@example.com",
                "12 Palm Street, Al Olaya",
            ),
            Store::Kuwait => (
                "Fahad",
                "Al Sabti",
                "51234567",
                "fahad@example.com",
                "Block 4, Gulf Road, Salmiya",
            ),
        };
        Self {
            order: String::new(),
            first_name: first_name.to_owned(),
            last_name: last_name.to_owned(),
            phone: phone.to_owned(),
            email: email.to_owned(),
            line1: line1.to_owned(),
            city: store.city().to_owned(),
            locale: "en_US".to_owned(),
            capture: None,
        }
    }

    /// A sentence about the first thing that is missing or too long.
    fn complaint(&self) -> Option<&'static str> {
        let required = [
            &self.first_name,
            &self.last_name,
            &self.phone,
            &self.line1,
            &self.city,
        ];
        if required.iter().any(|text| text.trim().is_empty()) {
            return Some("Please fill in your name, phone number and address.");
        }
        let all = required.into_iter().chain([&self.email, &self.locale]);
        let too_long = all
            .into_iter()
            .any(|text| text.chars().count() > FIELD_CHARS_MAX);
        too_long.then_some("One of the fields is too long.")
    }
}

pub(super) async fn form(State(shop): State<Shop>, cart: Cart) -> Response {
    let Some(bill) = cart.bill() else {
        return Redirect::to("/cart").into_response();
    };
    let page = CheckoutPage {
        frame: shop.frame(&cart),
        order: OrderNumber::fresh(bill.store).as_str().to_owned(),
        form: CheckoutForm::example(bill.store),
        problem: None,
        bill,
        cart,
    };
    show(StatusCode::OK, &page)
}

pub(super) async fn pay(
    State(shop): State<Shop>,
    cart: Cart,
    Form(form): Form<CheckoutForm>,
) -> Response {
    let Some(bill) = cart.bill() else {
        return Redirect::to("/cart").into_response();
    };
    let order = OrderNumber::parse(&form.order).filter(|order| order.store() == bill.store);
    let order = order.unwrap_or_else(|| OrderNumber::fresh(bill.store));
    let (status, problem, order) = match form.complaint() {
        Some(sentence) => (
            StatusCode::UNPROCESSABLE_ENTITY,
            (sentence.to_owned(), String::new()),
            order,
        ),
        None => match shop
            .backend()
            .create(&order, &payment_body(&shop, &order, &cart, &bill, &form))
            .await
        {
            Ok(payment) => {
                let next = payment
                    .checkout_url
                    .unwrap_or_else(|| shop.order_url(&order));
                return Redirect::to(&next).into_response();
            }
            Err(failure) => (
                failure.status(),
                (failure.sentence(), failure.code().to_owned()),
                after(&failure, order),
            ),
        },
    };
    let order = order.as_str().to_owned();
    let page = CheckoutPage {
        frame: shop.frame(&cart),
        order,
        form,
        problem: Some(problem),
        bill,
        cart,
    };
    show(status, &page)
}

/// The number for the next try. After a silence the same one must be used, so that nobody pays twice; after a
/// refusal the old one may be bound to other contents.
fn after(failure: &Failure, order: OrderNumber) -> OrderNumber {
    if failure.may_be_repeated() {
        order
    } else {
        OrderNumber::fresh(order.store())
    }
}

fn payment_body(
    shop: &Shop,
    order: &OrderNumber,
    cart: &Cart,
    bill: &Bill,
    form: &CheckoutForm,
) -> Value {
    let back = shop.order_url(order);
    let mut customer = json!({
        "first_name": form.first_name.trim(), "last_name": form.last_name.trim(), "phone_number": form.phone.trim(),
    });
    if !form.email.trim().is_empty() {
        customer["email"] = json!(form.email.trim());
    }
    json!({
        "merchant_reference": order.as_str(),
        "total_amount": amount(bill.total),
        "shipping_amount": amount(bill.delivery),
        "description": format!("Wahat Market order {}", order.as_str()),
        "country": bill.store.country(),
        "locale": if form.locale == "ar_SA" { "ar_SA" } else { "en_US" },
        "items": cart.lines().iter().map(item).collect::<Vec<_>>(),
        "customer": customer,
        "shipping_address": {
            "first_name": form.first_name.trim(), "last_name": form.last_name.trim(),
            "line1": form.line1.trim(), "city": form.city.trim(), "phone_number": form.phone.trim(),
        },
        "return_urls": { "success": back, "failure": back, "cancel": back },
        "capture_mode": if form.capture.is_some() { "automatic" } else { "manual" },
        "metadata": { "shop": "wahat-market", "cart": cart.encode() },
    })
}

fn item(line: &Line) -> Value {
    json!({
        "reference_id": line.product.sku,
        "type": "Physical",
        "name": line.product.name,
        "sku": line.product.sku,
        "quantity": line.quantity,
        "unit_price": amount(line.product.price()),
    })
}

pub(super) fn amount(money: Money) -> Value {
    json!({ "amount": money.minor(), "currency": money.currency().code() })
}
