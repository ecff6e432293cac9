//! Shapes that differ from the schema and are read all the same.

use serde_json::{Value, json};
use tamara::money::{Currency, Money};
use tamara::orders::{Item, Order, Quantity, ShippingInfo, Transactions};
use tamara::payments::Authorisation;

pub fn sample() -> Value {
    let exchange: Value = serde_json::from_str(&crate::contract::fixture(
        "06-get-order-partially-refunded.json",
    ))
    .unwrap();
    exchange["response"]["body"].clone()
}

pub fn read(order: &Value) -> Result<Order, serde_json::Error> {
    serde_json::from_str(&order.to_string())
}

#[test]
fn only_five_members_of_an_order_are_needed() {
    let order = read(&json!({
        "order_id": "o", "order_reference_id": "r", "status": "new",
        "total_amount": {"amount": "575.00", "currency": "SAR"}
    }));
    let order = order.unwrap();
    assert_eq!(order.total_amount, Money::new(57_500, Currency::Sar));
    assert_eq!(order.transactions, Transactions::default());
    assert_eq!(order.captured_amount, None);
}

#[test]
fn members_for_information_never_make_an_order_unreadable() {
    let whole = read(&sample()).unwrap();
    for key in [
        "order_number",
        "description",
        "consumer",
        "shipping_address",
        "billing_address",
        "items",
        "payment_type",
        "instalments",
        "shipping_amount",
        "tax_amount",
        "discount_amount",
        "paid_amount",
        "wallet_prepaid_amount",
        "settlement_status",
        "settlement_date",
        "created_at",
        "processing",
        "store_code",
        "additional_data",
    ] {
        for odd in [
            json!(null),
            json!([]),
            json!({}),
            json!("?"),
            json!(-1.5),
            json!(true),
        ] {
            let mut order = sample();
            order[key] = odd.clone();
            let order = read(&order).unwrap_or_else(|error| panic!("{key} {odd}: {error}"));
            assert_eq!(order.transactions, whole.transactions);
        }
    }
}

#[test]
fn members_that_carry_money_are_read_strictly() {
    for key in [
        "order_id",
        "total_amount",
        "status",
        "captured_amount",
        "transactions",
    ] {
        let mut order = sample();
        order[key] = json!(7);
        assert!(read(&order).is_err(), "{key}");
    }
    let mut order = sample();
    order["transactions"]["captures"][0]["capture_id"] = json!("");
    assert!(read(&order).is_err());
}

#[test]
fn amounts_typed_as_arrays_may_come_as_arrays() {
    let read = |amount: &str| {
        let json = format!(
            r#"{{"order_id":"o","status":"authorised","authorized_amount":{amount},"capture_id":""}}"#
        );
        serde_json::from_str::<Authorisation>(&json)
    };
    let object = r#"{"amount":575,"currency":"SAR"}"#;
    let expected = Some(Money::new(57_500, Currency::Sar));
    assert_eq!(read(object).unwrap().authorized_amount, expected);
    assert_eq!(
        read(&format!("[{object}]")).unwrap().authorized_amount,
        expected
    );
    assert_eq!(read("[]").unwrap().authorized_amount, None);
    assert_eq!(read("null").unwrap().authorized_amount, None);
    assert!(read(&format!("[{object},{object}]")).is_err());
    assert_eq!(read(object).unwrap().capture_id, None);
}

#[test]
fn a_tracking_number_may_be_a_number() {
    for (json, expected) in [("5500123", "5500123"), ("\"AX5\"", "AX5"), ("1e3", "1e3")] {
        let json = format!(r#"{{"tracking_number":{json},"tracking_url":null}}"#);
        let info: ShippingInfo = serde_json::from_str(&json).unwrap();
        assert_eq!(info.tracking_number.as_deref(), Some(expected));
        assert_eq!(info.tracking_url, None);
    }
}

#[test]
fn a_quantity_keeps_its_text() {
    let read = |quantity: &str| {
        let json = format!(
            r#"{{"reference_id":"r","name":"n","sku":"s","quantity":{quantity},"total_amount":{{"amount":1,"currency":"SAR"}}}}"#
        );
        serde_json::from_str::<Item>(&json)
    };
    assert_eq!(read("2").unwrap().quantity, Quantity::from(2));
    let half = read("2.50").unwrap();
    assert_eq!(half.quantity, Quantity::Other("2.50".to_owned()));
    assert!(
        serde_json::to_string(&half)
            .unwrap()
            .contains(r#""quantity":2.50,"#)
    );
    assert!(read("\"2\"").is_err());
    assert!(read("null").is_err());
}
