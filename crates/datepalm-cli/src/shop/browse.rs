//! The shelf and the cart: everything before somebody wants to pay. Talks to nobody.

use axum::extract::{Form, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Redirect, Response};
use serde::Deserialize;

use super::cart::{Bill, Cart};
use super::catalog::{PRODUCTS, Product, product};
use super::{Frame, Shop, show};

#[derive(askama::Template)]
#[template(path = "shop/shelf.html")]
struct ShelfPage {
    frame: Frame,
    products: &'static [Product],
}

#[derive(askama::Template)]
#[template(path = "shop/cart.html")]
struct CartPage {
    frame: Frame,
    cart: Cart,
    bill: Option<Bill>,
}

/// Shown when somebody adds a product of the other store.
#[derive(askama::Template)]
#[template(path = "shop/other_store.html")]
struct OtherStorePage {
    frame: Frame,
    product: &'static Product,
    holds: &'static str,
    holds_currency: &'static str,
}

#[derive(Deserialize)]
pub(super) struct AddForm {
    sku: String,
    /// Present when the cart is to be emptied first.
    fresh: Option<String>,
}

#[derive(Deserialize)]
pub(super) struct QuantityForm {
    sku: String,
    quantity: i64,
}

pub(super) async fn shelf(State(shop): State<Shop>, cart: Cart) -> Response {
    show(
        StatusCode::OK,
        &ShelfPage {
            frame: shop.frame(&cart),
            products: &PRODUCTS,
        },
    )
}

pub(super) async fn cart(State(shop): State<Shop>, cart: Cart) -> Response {
    show(
        StatusCode::OK,
        &CartPage {
            frame: shop.frame(&cart),
            bill: cart.bill(),
            cart,
        },
    )
}

pub(super) async fn add(
    State(shop): State<Shop>,
    cart: Cart,
    Form(form): Form<AddForm>,
) -> Response {
    let Some(product) = product(&form.sku) else {
        return Redirect::to("/").into_response();
    };
    let mut cart = if form.fresh.is_some() {
        Cart::default()
    } else {
        cart
    };
    if cart.add(product).is_ok() {
        return (cart.cookie(), Redirect::to("/cart")).into_response();
    }
    let holds = cart
        .store()
        .expect("only a cart that holds something refuses a product");
    let page = OtherStorePage {
        frame: shop.frame(&cart),
        product,
        holds: holds.country_name(),
        holds_currency: holds.currency().code(),
    };
    show(StatusCode::CONFLICT, &page)
}

pub(super) async fn quantity(mut cart: Cart, Form(form): Form<QuantityForm>) -> Response {
    cart.set(&form.sku, form.quantity);
    (cart.cookie(), Redirect::to("/cart")).into_response()
}
