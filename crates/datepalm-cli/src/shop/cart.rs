//! The cart: product codes and quantities in a cookie. Prices come from the catalog whenever they are needed.
//!
//! Invariant: whatever a cookie says, a cart holds known products of one store in sensible quantities.

use std::convert::Infallible;

use axum::extract::FromRequestParts;
use axum::http::header::{COOKIE, SET_COOKIE};
use axum::http::request::Parts;
use axum::response::AppendHeaders;
use tamara::money::Money;

use super::catalog::{Product, Store, product};

const COOKIE_NAME: &str = "wahat_cart";
const QUANTITY_MAX: i64 = 9;

/// What somebody is about to buy.
#[derive(Default, Debug)]
pub(super) struct Cart {
    lines: Vec<Line>,
}

#[derive(Debug)]
pub(super) struct Line {
    pub(super) product: &'static Product,
    pub(super) quantity: i64,
}

/// The product is sold by the other store, in another currency.
#[derive(Debug)]
pub(super) struct OtherStore;

impl Line {
    pub(super) fn total_minor(&self) -> i64 {
        self.product.price_minor * self.quantity
    }

    pub(super) fn total(&self) -> Money {
        self.product.store.money(self.total_minor())
    }
}

impl Cart {
    /// Reads `ajwa:2.oud:1`; what is unknown or does not fit is left out.
    pub(super) fn parse(text: &str) -> Self {
        let mut cart = Self::default();
        for (sku, quantity) in text.split('.').filter_map(|line| line.split_once(':')) {
            let Some((product, quantity)) = product(sku).zip(quantity.parse::<i64>().ok()) else {
                continue;
            };
            if cart.add(product).is_ok() {
                cart.set(sku, quantity);
            }
        }
        cart
    }

    /// The text that `parse` reads. It goes into the cookie and into the payment's metadata.
    pub(super) fn encode(&self) -> String {
        let lines: Vec<_> = self
            .lines
            .iter()
            .map(|line| format!("{}:{}", line.product.sku, line.quantity))
            .collect();
        lines.join(".")
    }

    pub(super) fn add(&mut self, product: &'static Product) -> Result<(), OtherStore> {
        if self.store().is_some_and(|store| store != product.store) {
            return Err(OtherStore);
        }
        match self
            .lines
            .iter_mut()
            .find(|line| line.product.sku == product.sku)
        {
            Some(line) => line.quantity = (line.quantity + 1).min(QUANTITY_MAX),
            None => self.lines.push(Line {
                product,
                quantity: 1,
            }),
        }
        Ok(())
    }

    /// Zero and less take the product out.
    pub(super) fn set(&mut self, sku: &str, quantity: i64) {
        for line in &mut self.lines {
            if line.product.sku == sku {
                line.quantity = quantity.clamp(0, QUANTITY_MAX);
            }
        }
        self.lines.retain(|line| line.quantity > 0);
    }

    pub(super) fn lines(&self) -> &[Line] {
        &self.lines
    }

    pub(super) fn count(&self) -> i64 {
        self.lines.iter().map(|line| line.quantity).sum()
    }

    /// None while the cart is empty.
    pub(super) fn store(&self) -> Option<Store> {
        self.lines.first().map(|line| line.product.store)
    }

    /// What the cart costs; None while it is empty.
    pub(super) fn bill(&self) -> Option<Bill> {
        let store = self.store()?;
        let goods_minor = self.lines.iter().map(Line::total_minor).sum();
        let delivery_minor = store.delivery_minor(goods_minor);
        Some(Bill {
            store,
            goods: store.money(goods_minor),
            delivery: store.money(delivery_minor),
            total: store.money(goods_minor + delivery_minor),
        })
    }

    /// The header that makes the browser remember this cart for a month.
    pub(super) fn cookie(&self) -> AppendHeaders<[(axum::http::HeaderName, String); 1]> {
        let text = self.encode();
        let cookie =
            format!("{COOKIE_NAME}={text}; Path=/; Max-Age=2592000; HttpOnly; SameSite=Lax");
        AppendHeaders([(SET_COOKIE, cookie)])
    }
}

/// The sums under a cart.
pub(super) struct Bill {
    pub(super) store: Store,
    pub(super) goods: Money,
    pub(super) delivery: Money,
    pub(super) total: Money,
}

impl<S: Sync> FromRequestParts<S> for Cart {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Infallible> {
        let cookies = parts
            .headers
            .get_all(COOKIE)
            .iter()
            .filter_map(|value| value.to_str().ok());
        let text = cookies
            .flat_map(|cookies| cookies.split(';'))
            .filter_map(|cookie| cookie.trim().split_once('='))
            .find(|(name, _)| *name == COOKIE_NAME)
            .map_or("", |(_, value)| value);
        Ok(Self::parse(text))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cookie_decides_products_and_quantities_and_nothing_else() {
        let read = |text: &str| Cart::parse(text).encode();
        assert_eq!(read("ajwa:2.oud:1"), "ajwa:2.oud:1");
        assert_eq!(read("ajwa:2.mabkhara:1"), "ajwa:2", "one store per cart");
        assert_eq!(read("ajwa:99.gold:1.oud:-1.honey:x.:"), "ajwa:9");
        assert_eq!(read(""), "");
    }

    #[test]
    fn sums_are_exact_and_large_orders_travel_free() {
        let bill = |text: &str| {
            let bill = Cart::parse(text).bill().unwrap();
            (
                bill.goods.decimal(),
                bill.delivery.decimal(),
                bill.total.decimal(),
            )
        };
        let row = |a: &str, b: &str, c: &str| (a.to_owned(), b.to_owned(), c.to_owned());
        assert_eq!(bill("oud:1.coffee:1"), row("227.75", "25.00", "252.75"));
        assert_eq!(bill("oud:2.sukkari:1"), row("363.50", "0.00", "363.50"));
        assert_eq!(bill("mabkhara:1"), row("18.375", "1.500", "19.875"));
        assert!(Cart::default().bill().is_none());
    }
}
