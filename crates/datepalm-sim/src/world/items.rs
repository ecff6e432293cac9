//! What orders are made of where a shop sells more than one thing, and captures and cancels that name their part of it.

use super::setting::{Shop, TOTAL_MINOR};
use crate::rng::Rng;
use serde_json::{Value, json};

/// One line of an order, minor units.
pub struct Sold {
    /// The merchant's id.
    pub reference: &'static str,
    /// How many.
    pub quantity: i64,
    /// Of one.
    pub price_minor: i64,
    /// Off the line.
    pub discount_minor: i64,
    /// On the line.
    pub tax_minor: i64,
}

/// Two lamps that carry tax, and three rugs whose discount cannot be shared.
pub const SOLD: [Sold; 2] = [
    Sold {
        reference: "lamp",
        quantity: 2,
        price_minor: 4_950,
        discount_minor: 0,
        tax_minor: 100,
    },
    Sold {
        reference: "rug",
        quantity: 3,
        price_minor: 6_667,
        discount_minor: 1,
        tax_minor: 0,
    },
];

/// What is sent along with them, minor units: it makes the total whole.
pub const SHIPPING_MINOR: i64 = TOTAL_MINOR - 30_000;

fn money(minor: i64, shop: &Shop) -> Value {
    json!({ "amount": minor, "currency": shop.currency })
}

/// Lets an order have several lines; `more_minor` is what other content costs more.
pub fn fill(order: &mut Value, shop: &Shop, more_minor: i64) {
    let line = |sold: &Sold| {
        let mut line = json!({
            "reference_id": sold.reference,
            "name": sold.reference,
            "sku": sold.reference,
            "quantity": sold.quantity,
            "unit_price": money(sold.price_minor, shop),
            "discount_amount": money(sold.discount_minor, shop),
        });
        if sold.tax_minor > 0 {
            line["tax_amount"] = money(sold.tax_minor, shop);
        }
        line
    };
    order["items"] = SOLD.iter().map(line).collect();
    order["shipping_amount"] = money(SHIPPING_MINOR + more_minor, shop);
    order["tax_amount"] = money(SOLD.iter().map(|sold| sold.tax_minor).sum(), shop);
}

/// Lets a capture or a partial cancel name items in place of its amount, or beside it. Some cannot be shared, some are
/// more than is left, and now and then the amount beside them is another: the service has to see it.
pub fn name(body: &mut Value, shop: &Shop, chance: &mut Rng) {
    let item =
        |reference: &str, quantity: i64| json!({ "reference_id": reference, "quantity": quantity });
    let with_discount = |mut item: Value, minor: i64| {
        item["discount_amount"] = money(minor, shop);
        item
    };
    let (items, shipping_minor, amount_minor) = match chance.below(8) {
        0 => (vec![item("lamp", 1)], 0, 5_000),
        1 => (vec![item("lamp", 2)], 0, 10_000),
        2 => (vec![item("lamp", 1)], SHIPPING_MINOR, 5_012),
        3 => (vec![item("rug", 3)], 0, 20_000),
        4 => (vec![with_discount(item("rug", 1), 0)], 0, 6_667),
        5 => (vec![item("rug", 1)], 0, 6_667),
        6 => {
            let all = vec![item("rug", 3), item("lamp", 2)];
            (all, SHIPPING_MINOR, TOTAL_MINOR)
        }
        _ => {
            let both = vec![item("lamp", 1), with_discount(item("rug", 1), 1)];
            (both, 0, 11_666)
        }
    };
    body["items"] = items.into();
    if shipping_minor > 0 {
        body["shipping_amount"] = money(shipping_minor, shop);
    }
    let fields = body.as_object_mut().expect("a body is an object");
    match chance.below(10) {
        0..2 => fields.insert("amount".to_owned(), money(amount_minor, shop)),
        2 => fields.insert("amount".to_owned(), money(amount_minor + 1, shop)),
        _ => fields.remove("amount"),
    };
}

/// Who ships, and where it can be followed; whoever ships once a day names the same second again and again.
pub fn ship(body: &mut Value, chance: &mut Rng) {
    if chance.percent(30) {
        body["shipping_info"] = json!({ "shipped_at": "2026-03-03T10:00:00.250Z" });
    }
    if chance.percent(10) {
        let number = chance.below(1_000);
        body["shipping_info"]["shipping_company"] = "Ours, by road".into();
        body["shipping_info"]["tracking_number"] = format!("T-{number}").into();
        body["shipping_info"]["tracking_url"] = format!("https://ship.sim/T-{number}").into();
    }
}
