//! Wahat Market, the demo shop: what a merchant's own shop looks like when it takes payments through Datepalm.
//!
//! It is a client of `/v1` like any other shop: it holds the secret keys, decides the prices and sends the
//! customer to the payment page. It knows nothing of the service's insides and shares no code with it.
//! Invariant: a browser sends product codes and quantities, never a price, and never sees a key. The shop keeps
//! nothing itself: the cart is a cookie, an order is its payment, found again by the order number.

mod backend;
mod browse;
mod cart;
mod catalog;
mod checkout;
mod order_view;
mod orders;
#[cfg(test)]
mod tests;

use std::hash::{BuildHasher, RandomState};
use std::sync::Arc;

use axum::Router;
use axum::extract::Request;
use axum::http::{HeaderName, HeaderValue, StatusCode, header};
use axum::middleware::{self, Next};
use axum::response::{Html, IntoResponse, Response};
use axum::routing::{MethodRouter, get, post};

use backend::Backend;
use cart::Cart;
use catalog::Store;

/// What the shop must be told.
pub struct ShopOptions {
    /// Where Datepalm answers, for example `http://127.0.0.1:8080`, without a trailing slash.
    pub api_url: String,
    /// Where browsers reach the shop; return addresses are built from it. Without a trailing slash.
    pub public_url: String,
    /// The offline sandbox's own page; the shop links to it.
    pub sandbox_url: String,
    /// Secret key of the account in Saudi Arabia.
    pub key_sar: String,
    /// Secret key of the account in Kuwait.
    pub key_kwd: String,
}

/// What every page needs.
#[derive(Clone)]
struct Shop(Arc<Parts>);

struct Parts {
    backend: Backend,
    public_url: String,
    sandbox_url: String,
}

/// What the frame around every page shows.
struct Frame {
    cart_count: i64,
    sandbox_url: String,
}

impl Shop {
    fn backend(&self) -> &Backend {
        &self.0.backend
    }

    fn frame(&self, cart: &Cart) -> Frame {
        Frame {
            cart_count: cart.count(),
            sandbox_url: self.0.sandbox_url.clone(),
        }
    }

    fn order_url(&self, order: &OrderNumber) -> String {
        format!("{}/orders/{}", self.0.public_url, order.as_str())
    }
}

/// The shop's pages. They stand at `/`, `/cart`, `/checkout`, `/orders` and `/shop`, and leave all else free.
pub fn router(options: ShopOptions) -> Router {
    let shop = Shop(Arc::new(Parts {
        backend: Backend::new(options.api_url, options.key_sar, options.key_kwd),
        public_url: options.public_url,
        sandbox_url: options.sandbox_url,
    }));
    Router::new()
        .route("/", get(browse::shelf))
        .route("/cart", get(browse::cart))
        .route("/cart/add", post(browse::add))
        .route("/cart/quantity", post(browse::quantity))
        .route("/checkout", get(checkout::form).post(checkout::pay))
        .route("/orders", get(orders::list))
        .route("/orders/{order}", get(orders::page))
        .route("/orders/{order}/events", get(orders::events))
        .route("/orders/{order}/again", post(orders::again))
        .route("/orders/{order}/{action}", post(orders::act))
        .route(
            "/shop/style.css",
            asset("text/css", include_str!("style.css")),
        )
        .route(
            "/shop/script.js",
            asset("text/javascript", include_str!("script.js")),
        )
        .route(
            "/shop/icon.svg",
            asset("image/svg+xml", include_str!("icon.svg")),
        )
        .route_layer(middleware::from_fn(guard))
        .with_state(shop)
}

/// The number that a customer reads on an order. It is the merchant reference of the payment and the
/// idempotency key of its creation, and it names the store, so that an order is found without a table.
#[derive(Clone, Eq, PartialEq, Debug)]
struct OrderNumber(String);

/// Letters and digits that nobody confuses on the telephone.
const ALPHABET: &[u8; 32] = b"23456789ABCDEFGHJKLMNPQRSTUVWXYZ";

impl OrderNumber {
    fn fresh(store: Store) -> Self {
        Self(format!("WM-{}-{}", store.country(), random_word()))
    }

    /// None for anything that this shop has not made.
    fn parse(text: &str) -> Option<Self> {
        let (country, word) = text.strip_prefix("WM-")?.split_once('-')?;
        Store::from_country(country)?;
        let known = word.len() == 8 && word.bytes().all(|byte| ALPHABET.contains(&byte));
        known.then(|| Self(text.to_owned()))
    }

    fn store(&self) -> Store {
        self.0
            .get(3..5)
            .and_then(Store::from_country)
            .expect("an order number holds its store's country")
    }

    fn as_str(&self) -> &str {
        &self.0
    }
}

/// Forty random bits as eight characters. They have to be new, not secret, so the seed that the standard library
/// takes from the operating system is enough.
fn random_word() -> String {
    let bytes = RandomState::new().hash_one(()).to_le_bytes();
    let letters = bytes.iter().map(|byte| ALPHABET[usize::from(byte % 32)]);
    letters.map(char::from).collect()
}

/// Renders a template with a status.
fn show(status: StatusCode, template: &impl askama::Template) -> Response {
    match template.render() {
        Ok(text) => (status, Html(text)).into_response(),
        Err(error) => {
            tracing::error!(%error, "a page of the shop could not be rendered");
            StatusCode::INTERNAL_SERVER_ERROR.into_response()
        }
    }
}

/// A file that is part of this program.
fn asset(kind: &'static str, text: &'static str) -> MethodRouter<Shop> {
    get((
        [
            (header::CONTENT_TYPE, kind),
            (header::CACHE_CONTROL, "no-cache"),
        ],
        text,
    ))
}

/// Refuses forms that another site's page sent, and tells browsers to load nothing from elsewhere.
async fn guard(request: Request, next: Next) -> Response {
    let site = request
        .headers()
        .get("sec-fetch-site")
        .map(HeaderValue::as_bytes);
    if request.method() == "POST" && site == Some(b"cross-site") {
        return (
            StatusCode::FORBIDDEN,
            "This form was not sent from the shop.",
        )
            .into_response();
    }
    let mut response = next.run(request).await;
    let policy = "default-src 'none'; style-src 'self'; script-src 'self'; connect-src 'self'; img-src 'self'; \
                  base-uri 'none'; frame-ancestors 'none'";
    let rules: [(HeaderName, &'static str); 3] = [
        (header::CONTENT_SECURITY_POLICY, policy),
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (header::REFERRER_POLICY, "same-origin"),
    ];
    for (name, value) in rules {
        response
            .headers_mut()
            .insert(name, HeaderValue::from_static(value));
    }
    response
}
