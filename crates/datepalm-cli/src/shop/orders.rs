//! The pages of placed orders: live status for the customer, buttons for the shop's staff, the list of orders.
//!
//! Invariant: every rendered button carries its own idempotency key, so that a double click acts once.

use std::convert::Infallible;

use axum::extract::rejection::PathRejection;
use axum::extract::{Form, Path, Query, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::sse::{Event, KeepAlive, Sse};
use axum::response::{IntoResponse, Redirect, Response};
use futures_util::stream::{self, Stream};
use serde::Deserialize;
use serde_json::{Value, json};
use tamara::money::Money;

use super::backend::{Action, Amount, Failure, Happening, Payment};
use super::cart::Cart;
use super::catalog::Store;
use super::checkout::amount;
use super::order_view::{self, Offers, Step};
use super::{Frame, OrderNumber, Shop, random_word, show};

#[derive(askama::Template)]
#[template(path = "shop/order.html")]
struct OrderPage {
    frame: Frame,
    order: String,
    payment: Payment,
    items: Cart,
    word: &'static str,
    sentence: &'static str,
    mood: &'static str,
    steps: Vec<Step>,
    offers: Offers,
    sums: [(&'static str, Money); 5],
    capturable: Money,
    refundable: Money,
    happenings: Vec<Happening>,
    again: bool,
    pay_url: Option<String>,
    problem: Option<(String, String)>,
}

#[derive(askama::Template)]
#[template(path = "shop/orders.html")]
struct OrdersPage {
    frame: Frame,
    rows: Vec<Row>,
    problem: Option<String>,
}

struct Row {
    order: String,
    total: Money,
    word: &'static str,
    mood: &'static str,
    at: String,
}

#[derive(askama::Template)]
#[template(path = "shop/sorry.html")]
struct SorryPage {
    frame: Frame,
    sentence: String,
}

#[derive(Deserialize)]
pub(super) struct ActForm {
    key: String,
    /// A decimal amount in the order's currency; all that is left without it.
    amount: Option<String>,
}

#[derive(Deserialize)]
pub(super) struct Since {
    since: Option<i64>,
}

impl OrderPage {
    fn new(shop: &Shop, cart: &Cart, payment: Payment, happenings: Vec<Happening>) -> Option<Self> {
        let order = OrderNumber::parse(&payment.merchant_reference)?;
        let store = order.store();
        let (word, sentence) = order_view::words(&payment);
        let offers = order_view::offers(&payment);
        let amounts = &payment.amounts;
        let sum = |name, amount: &Amount| (name, store.money(amount.minor));
        Some(Self {
            frame: shop.frame(cart),
            order: order.as_str().to_owned(),
            items: Cart::parse(payment.metadata.get("cart").map_or("", String::as_str)),
            word,
            sentence,
            mood: order_view::mood(&payment),
            steps: order_view::steps(&payment),
            sums: [
                sum("Total", &amounts.total),
                sum("Authorised", &amounts.authorised),
                sum("Captured", &amounts.captured),
                sum("Refunded", &amounts.refunded),
                sum("Canceled", &amounts.canceled),
            ],
            capturable: store.money(offers.capture_minor),
            refundable: store.money(offers.refund_minor),
            offers,
            again: order_view::ended_unpaid(&payment),
            pay_url: order_view::pay_url(&payment),
            happenings,
            payment,
            problem: None,
        })
    }

    /// A new key each time that a button is rendered.
    fn key(&self) -> String {
        format!("{}-{}", self.order, random_word())
    }
}

pub(super) async fn page(
    State(shop): State<Shop>,
    cart: Cart,
    Path(order): Path<String>,
) -> Response {
    order_page(&shop, cart, &order, None).await
}

async fn order_page(shop: &Shop, cart: Cart, order: &str, failure: Option<Failure>) -> Response {
    let payment = match look_up(shop, order).await {
        Ok(payment) => payment,
        Err((status, sentence)) => return sorry(shop, &cart, status, sentence),
    };
    let store = payment.1;
    let happenings = shop
        .backend()
        .timeline(store, &payment.0.id)
        .await
        .unwrap_or_default();
    // What was bought leaves the cart once it is paid, and not before.
    let bought = payment.0.paid && payment.0.metadata.get("cart") == Some(&cart.encode());
    let cart = if bought { Cart::default() } else { cart };
    let Some(mut page) = OrderPage::new(shop, &cart, payment.0, happenings) else {
        return sorry(
            shop,
            &cart,
            StatusCode::NOT_FOUND,
            "There is no such order.".to_owned(),
        );
    };
    let status = failure.as_ref().map_or(StatusCode::OK, Failure::status);
    page.problem = failure.map(|failure| (failure.sentence(), failure.code().to_owned()));
    let page = show(status, &page);
    if bought {
        (cart.cookie(), page).into_response()
    } else {
        page
    }
}

async fn look_up(shop: &Shop, order: &str) -> Result<(Payment, Store), (StatusCode, String)> {
    let missing = || (StatusCode::NOT_FOUND, "There is no such order.".to_owned());
    let order = OrderNumber::parse(order).ok_or_else(missing)?;
    match shop.backend().find(&order).await {
        Ok(Some(payment)) => Ok((payment, order.store())),
        Ok(None) => Err(missing()),
        Err(failure) => Err((failure.status(), failure.sentence())),
    }
}

fn sorry(shop: &Shop, cart: &Cart, status: StatusCode, sentence: String) -> Response {
    show(
        status,
        &SorryPage {
            frame: shop.frame(cart),
            sentence,
        },
    )
}

/// Capture, refund or cancel, as a button or a small form of the order page asked for it.
pub(super) async fn act(
    State(shop): State<Shop>,
    cart: Cart,
    path: Result<Path<(String, Action)>, PathRejection>,
    Form(form): Form<ActForm>,
) -> Response {
    let Ok(Path((order, action))) = path else {
        return sorry(
            &shop,
            &cart,
            StatusCode::NOT_FOUND,
            "There is no such button.".to_owned(),
        );
    };
    let (payment, store) = match look_up(&shop, &order).await {
        Ok(found) => found,
        Err((status, sentence)) => return sorry(&shop, &cart, status, sentence),
    };
    let text = form
        .amount
        .as_deref()
        .map(str::trim)
        .filter(|text| !text.is_empty());
    let wish = text.map(|text| Money::parse_decimal(text, store.currency()));
    let Ok(wish) = wish.transpose() else {
        let sentence = format!("This is not an amount in {}.", store.currency());
        return sorry(&shop, &cart, StatusCode::UNPROCESSABLE_ENTITY, sentence);
    };
    let body = act_body(&payment, action, wish);
    match shop
        .backend()
        .act(store, &payment.id, action, &form.key, &body)
        .await
    {
        Ok(()) => Redirect::to(&format!("/orders/{order}")).into_response(),
        Err(failure) => order_page(&shop, cart, &order, Some(failure)).await,
    }
}

fn act_body(payment: &Payment, action: Action, wish: Option<Money>) -> Value {
    let mut body = json!({});
    if let Some(money) = wish {
        body["amount"] = amount(money);
    }
    match action {
        Action::Capture => body["shipping_info"] = json!({ "shipping_company": "Aramex" }),
        Action::Refund => {
            body["comment"] = json!(format!("Refund of order {}", payment.merchant_reference));
        }
        Action::Cancel => {}
    }
    body
}

/// Puts the order's goods into the cart again and goes back to the checkout.
pub(super) async fn again(
    State(shop): State<Shop>,
    cart: Cart,
    Path(order): Path<String>,
) -> Response {
    match look_up(&shop, &order).await {
        Ok((payment, _)) => {
            let cart = Cart::parse(payment.metadata.get("cart").map_or("", String::as_str));
            (cart.cookie(), Redirect::to("/checkout")).into_response()
        }
        Err((status, sentence)) => sorry(&shop, &cart, status, sentence),
    }
}

/// Where a page's stream stands: what to look for, and what the page knows already.
struct Watch {
    shop: Shop,
    order: OrderNumber,
    payment_id: Option<String>,
    version: i64,
}

/// One event per new version of the payment. The stream ends when there was no news for a while or no answer;
/// the browser comes back by itself after the given pause, which is the only waiting that this needs.
pub(super) async fn events(
    State(shop): State<Shop>,
    Path(order): Path<String>,
    Query(query): Query<Since>,
    headers: HeaderMap,
) -> Result<Sse<impl Stream<Item = Result<Event, Infallible>>>, StatusCode> {
    let order = OrderNumber::parse(&order).ok_or(StatusCode::NOT_FOUND)?;
    let seen = headers
        .get("last-event-id")
        .and_then(|value| value.to_str().ok()?.parse().ok());
    let version = seen.or(query.since).unwrap_or(0);
    let watch = Watch {
        shop,
        order,
        payment_id: None,
        version,
    };
    Ok(Sse::new(stream::unfold(watch, next_event)).keep_alive(KeepAlive::default()))
}

async fn next_event(mut watch: Watch) -> Option<(Result<Event, Infallible>, Watch)> {
    let backend = watch.shop.backend();
    let known = match watch.payment_id.take() {
        Some(id) => id,
        None => backend.find(&watch.order).await.ok()??.id,
    };
    let payment = backend
        .wait(watch.order.store(), &known, watch.version)
        .await
        .ok()?;
    if payment.version <= watch.version {
        return None;
    }
    watch.version = payment.version;
    watch.payment_id = Some(known);
    let event = Event::default()
        .id(payment.version.to_string())
        .event("changed")
        .data(payment.version.to_string());
    Some((Ok(event), watch))
}

pub(super) async fn list(State(shop): State<Shop>, cart: Cart) -> Response {
    let mut rows = Vec::new();
    let mut problem = None;
    for store in Store::ALL {
        match shop.backend().recent(store).await {
            Ok(payments) => rows.extend(payments.iter().filter_map(row)),
            Err(failure) => problem = Some(failure.sentence()),
        }
    }
    // Times are RFC 3339 in UTC, so their text sorts like the times.
    rows.sort_by(|a, b| b.at.cmp(&a.at));
    show(
        StatusCode::OK,
        &OrdersPage {
            frame: shop.frame(&cart),
            rows,
            problem,
        },
    )
}

/// None for a payment that another program made with the same account.
fn row(payment: &Payment) -> Option<Row> {
    let order = OrderNumber::parse(&payment.merchant_reference)?;
    Some(Row {
        total: order.store().money(payment.amounts.total.minor),
        order: order.as_str().to_owned(),
        word: order_view::words(payment).0,
        mood: order_view::mood(payment),
        at: payment.created_at.clone(),
    })
}
