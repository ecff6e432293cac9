//! `endpoints.md`: the map, the fields of a session and of an item, the fields of an order.

use serde_json::{Value, json};
use tamara_sandbox::fidelity::ENDPOINTS;

use super::{assert_same, quoted, section, starred, tables};
use crate::shop::{Shop, order};

const PAGE: &str = "endpoints.md";

/// Number of the map's row, and the paths that serve it.
#[rustfmt::skip]
const MAP: [(&str, &[&str]); 22] = [
    ("1", &["POST /checkout"]),
    ("2", &["GET /checkout/payment-types"]),
    ("3", &["POST /checkout/payment-options-pre-check"]),
    ("4", &["POST /checkout/credit-pre-check"]),
    ("5", &["POST /pre-checkout/v1/eligibility"]),
    ("6", &["GET /merchants/customer/id-verification-status", "POST /merchants/customer/id-verification-status"]),
    ("7", &["GET /orders/{order_id}", "GET /merchants/orders/{order_id}"]),
    ("8", &["GET /merchants/orders/reference-id/{order_reference_id}"]),
    ("9", &["POST /orders/{order_id}/authorise"]),
    ("10", &["POST /orders/{order_id}/cancel"]),
    ("11", &["POST /payments/capture"]),
    ("12", &["POST /payments/simplified-refund/{order_id}"]),
    ("13", &["POST /payments/refund"]),
    ("14", &["PUT /orders/{order_id}/reference-id"]),
    ("15", &["POST /webhooks", "GET /webhooks", "GET /webhooks/list", "GET /webhooks/{webhook_id}", "PUT /webhooks/{webhook_id}", "DELETE /webhooks/{webhook_id}"]),
    ("16", &["POST /checkout/in-store-session"]),
    ("17", &["POST /checkout/in-store"]),
    ("18", &["POST /checkout/{checkout_id}/void"]),
    ("19", &["GET /external/merchants/orders/disputes/", "POST /external/merchants/orders/disputes/{dispute_id}"]),
    ("20", &["GET /merchants/configs"]),
    ("21", &["POST /merchants/orders/{order_id}/cancel", "POST /merchants/orders/{order_id}/capture", "POST /merchants/orders/{order_id}/refund"]),
    // Channel-partner onboarding: another API, left out.
    ("22", &[]),
];

#[tokio::test]
async fn every_row_of_the_map_is_served_and_listed() {
    let rows = &tables(PAGE, "2.0")[0];
    assert_same(
        rows.iter().map(|row| row[0].clone()),
        MAP.map(|(row, _)| row),
    );
    let mut served: Vec<_> = MAP.iter().flat_map(|(_, paths)| *paths).copied().collect();
    let mut listed: Vec<_> = ENDPOINTS
        .iter()
        .map(|e| format!("{} {}", e.method, e.path))
        .collect();
    served.sort_unstable();
    listed.sort_unstable();
    assert_eq!(served, listed);

    // A path that is not served has no one to ask for a token.
    let stranger = Shop::open().of("api-unknown");
    for endpoint in ENDPOINTS {
        let path = endpoint.path.replace(['{', '}'], "");
        let (status, _) = stranger.call(endpoint.method, &path, json!({})).await;
        assert_eq!(status, 401, "{} {}", endpoint.method, endpoint.path);
    }
}

/// `@n` stands for a text of n letters.
fn value(text: &str) -> Value {
    match text.strip_prefix('@') {
        Some(length) => "x".repeat(length.parse().unwrap()).into(),
        None => serde_json::from_str(text).unwrap(),
    }
}

const TAKEN: &str = "";

/// Row, the field below the order or the item, what it becomes, and the code of the refusal.
type Case = (&'static str, &'static str, &'static str, &'static str);

#[rustfmt::skip]
const SESSION: [Case; 44] = [
    ("order_reference_id", "/order_reference_id", r#""""#, "field_invalid"),
    ("order_reference_id", "/order_reference_id", r#""A-1""#, TAKEN),
    ("order_number", "/order_number", r#""No. 7""#, TAKEN),
    ("total_amount", "/total_amount/amount", "0.09", "field_invalid"),
    ("total_amount", "/total_amount/amount", "4000", TAKEN),
    ("shipping_amount", "/shipping_amount/amount", "-1", "field_invalid"),
    ("shipping_amount", "/shipping_amount/amount", r#""00.00""#, TAKEN),
    ("tax_amount", "/tax_amount/amount", "-0.01", "field_invalid"),
    ("tax_amount", "/tax_amount/amount", "0", TAKEN),
    ("discount", "/discount/amount/amount", "-1", "field_invalid"),
    ("discount", "/discount", "null", TAKEN),
    ("discount", "/discount/name", r#""""#, TAKEN),
    ("description", "/description", "@256", TAKEN),
    ("description", "/description", "@257", "field_invalid"),
    ("country_code", "/country_code", r#""EG""#, "field_invalid"),
    ("country_code", "/country_code", r#""AE""#, "not_supported_country_currency"),
    ("payment_type", "/payment_type", r#""PAY_NOW""#, TAKEN),
    ("payment_type", "/payment_type", r#""PAY_BY_LATER""#, TAKEN),
    ("payment_type", "/payment_type", r#""PAY_NEXT_MONTH""#, TAKEN),
    ("instalments", "/instalments", "0", TAKEN),
    ("instalments", "/instalments", "12", TAKEN),
    ("instalments", "/instalments", r#""many""#, "field_invalid"),
    ("items", "/items", "[]", "field_required"),
    ("consumer", "/consumer/phone_number", r#""12""#, "consumer_invalid_phone_number"),
    ("consumer", "/consumer/national_id", r#""1010101010""#, TAKEN),
    ("consumer", "/consumer/email", "null", TAKEN),
    ("shipping_address", "/shipping_address/country_code", r#""EG""#, "not_supported_delivery_country"),
    ("shipping_address", "/shipping_address/postal_code", r#""12345""#, TAKEN),
    ("billing_address", "/billing_address", "{}", TAKEN),
    ("billing_address", "/billing_address", "null", TAKEN),
    ("billing_address", "/billing_address", r#"{"phone_number":"x"}"#, "billing_address_invalid_phone_number"),
    ("merchant_url", "/merchant_url/failure", r#""/no""#, "field_invalid"),
    ("merchant_url", "/merchant_url/notification", r#""https://shop.example/n""#, TAKEN),
    ("platform", "/platform", r#""shop 1.2""#, TAKEN),
    ("is_mobile", "/is_mobile", "true", TAKEN),
    ("locale", "/locale", r#""ar_SA""#, TAKEN),
    ("locale", "/locale", r#""en-US""#, TAKEN),
    ("expires_in_minutes", "/expires_in_minutes", "4", TAKEN),
    ("risk_assessment", "/risk_assessment", r#"{"customer_dob":"02-01-1990","is_COD_customer":false,"total_ltv":10.5,"has_cod_failed":false}"#, TAKEN),
    ("risk_assessment", "/risk_assessment", r#"{"customer_dob":"1990-01-02"}"#, "field_invalid"),
    ("risk_assessment", "/risk_assessment", r#"{"customer_gender":"f"}"#, "field_invalid"),
    ("risk_assessment", "/risk_assessment", "[]", TAKEN),
    ("additional_data", "/additional_data", r#"{"store_code":"7","vendor_info":[{"vendor_amount":1.5}]}"#, TAKEN),
    ("additional_data", "/additional_data", "[]", TAKEN),
];

#[rustfmt::skip]
const ITEM: [Case; 22] = [
    ("reference_id", "/reference_id", r#""""#, "field_invalid"),
    ("type", "/type", r#""Digital""#, TAKEN),
    ("name", "/name", "@255", TAKEN),
    ("name", "/name", "@256", "field_invalid"),
    ("sku", "/sku", "@128", TAKEN),
    ("sku", "/sku", "@129", "field_invalid"),
    ("quantity", "/quantity", "1.5", TAKEN),
    ("quantity", "/quantity", r#""many""#, "field_invalid"),
    ("total_amount", "/total_amount/amount", r#""500.00""#, TAKEN),
    ("total_amount", "/total_amount/amount", "-1", "field_invalid"),
    ("unit_price", "/unit_price", "null", TAKEN),
    ("unit_price", "/unit_price/currency", r#""AED""#, "total_amount_invalid_currency"),
    ("tax_amount", "/tax_amount", r#"{"amount":0,"currency":"SAR"}"#, TAKEN),
    ("tax_amount", "/tax_amount", r#"{"amount":-1,"currency":"SAR"}"#, "field_invalid"),
    ("discount_amount", "/discount_amount", r#"{"amount":0,"currency":"SAR"}"#, TAKEN),
    ("discount_amount", "/discount_amount", r#"{"amount":-1,"currency":"SAR"}"#, "field_invalid"),
    ("item_url", "/item_url", "@1024", TAKEN),
    ("item_url", "/item_url", "@1025", "field_invalid"),
    ("image_url", "/image_url", "@1024", TAKEN),
    ("image_url", "/image_url", "@1025", "field_invalid"),
    ("image_url", "/image_url", r#""""#, TAKEN),
    ("image_url", "/image_url", "null", TAKEN),
];

async fn open(shop: &Shop, pointer: &str, value: Value) -> (u16, Vec<String>) {
    let mut body = order();
    let (parent, name) = pointer.rsplit_once('/').unwrap();
    body.pointer_mut(parent).unwrap()[name] = value;
    let (status, body) = shop.call("POST", "/checkout", body).await;
    let errors = body["errors"].as_array().into_iter().flatten();
    let codes = errors.map(|error| error["error_code"].as_str().unwrap().to_owned());
    (status, codes.collect())
}

/// What the row's columns say of themselves: a required field cannot be left out, another can; and
/// so for the names below it that are starred in its rules.
async fn check_columns(shop: &Shop, base: &str, row: &[String]) {
    let name = quoted(&row[0]).remove(0);
    let (status, codes) = open(shop, &format!("{base}/{name}"), Value::Null).await;
    if row[2] == "*" {
        assert_eq!(
            (status, codes),
            (400, vec!["field_required".to_owned()]),
            "{name}"
        );
    } else {
        assert_eq!(status, 200, "{name} {codes:?}");
    }
    for inner in starred(&format!("{} {}", row[1], row[3])) {
        let pointer = format!("{base}/{name}/{inner}");
        let (_, codes) = open(shop, &pointer, Value::Null).await;
        assert_eq!(codes, ["field_required"], "{pointer}");
    }
}

async fn check_rows(base: &str, rows: &[Vec<String>], cases: &[Case]) {
    let names = rows.iter().map(|row| quoted(&row[0]).remove(0));
    assert_same(names, cases.iter().map(|case| case.0));
    let shop = Shop::open();
    for row in rows {
        check_columns(&shop, base, row).await;
    }
    for (row, pointer, text, code) in cases {
        let (status, codes) = open(&shop, &format!("{base}{pointer}"), value(text)).await;
        let expected = if *code == TAKEN { 200 } else { 400 };
        assert_eq!(status, expected, "{row}: {text} {codes:?}");
        assert!(
            codes.iter().all(|found| found == code),
            "{row}: {text} {codes:?}"
        );
    }
}

#[tokio::test]
async fn every_field_of_a_session_is_read_as_documented() {
    check_rows("", &tables(PAGE, "2.1")[0], &SESSION).await;
}

#[tokio::test]
async fn every_field_of_an_item_is_read_as_documented() {
    check_rows("/items/0", &tables(PAGE, "2.1")[1], &ITEM).await;
}

#[tokio::test]
async fn every_documented_key_of_the_risk_assessment_passes() {
    let text = section(PAGE, "2.1");
    let from = text.find("`risk_assessment` keys").unwrap();
    let end = text[from..].find("Amount/count figures").unwrap();
    let names = quoted(&text[from..from + end]);
    let names: Vec<_> = names.iter().filter(|name| name.contains('_')).collect();
    assert!(names.len() > 20, "{names:?}");
    let mut risk = json!({});
    for name in &names[1..] {
        risk[name.as_str()] = match name.as_str() {
            "customer_gender" => json!("Female"),
            "customer_nationality" => json!("SA"),
            "customer_age" => json!(31),
            name if name.starts_with("is_") || name.starts_with("has_") => json!(true),
            name if name.contains("enrolled") => json!(true),
            name if name.contains("date") || name.contains("dob") => json!("29-02-2024"),
            _ => json!(12),
        };
    }
    let (status, codes) = open(&Shop::open(), "/risk_assessment", risk).await;
    assert_eq!(status, 200, "{codes:?}");
}

/// Row of the order's table, and what an order with one capture and one refund shows there.
#[rustfmt::skip]
const ORDER: [(&str, &str, &str); 18] = [
    ("order_id", "/order_reference_id", r#""WEB-100482""#),
    ("description", "/description", r#""Order 100482 at Example Shop""#),
    ("consumer", "/consumer/phone_number", r#""966551230045""#),
    ("status", "/status", r#""partially_refunded""#),
    ("shipping_address", "/shipping_address/postal_code", r#""""#),
    ("billing_address", "/billing_address", "null"),
    ("items[]", "/items/0/image_url", r#""""#),
    ("payment_type", "/instalments", "3"),
    ("total_amount, shipping_amount, tax_amount", "/tax_amount/amount", "75"),
    ("discount_amount", "/discount_amount", r#"{"name":"WELCOME20","amount":{"amount":20,"currency":"SAR"}}"#),
    ("captured_amount, refunded_amount, canceled_amount, paid_amount, wallet_prepaid_amount", "/refunded_amount/amount", "100"),
    ("settlement_status", "/settlement_status", r#""""#),
    ("settlement_date", "/settlement_date", "null"),
    ("created_at", "/created_at", r#""2026-03-02T09:14:05.000Z""#),
    ("transactions", "/transactions/cancels", "[]"),
    ("processing", "/processing", "false"),
    ("store_code", "/store_code", r#""ONLINE""#),
    ("additional_data", "/additional_data", r#"{"single_checkout":true,"from_in_store_payment_link":false}"#),
];

fn names_of(list: &str) -> Vec<String> {
    let is_name = |c: char| c.is_ascii_lowercase() || c == '_';
    let names = list.split(|c| !is_name(c)).filter(|name| name.len() > 1);
    names
        .filter(|name| *name != "null")
        .map(str::to_owned)
        .collect()
}

#[tokio::test]
async fn every_field_of_an_order_is_answered() {
    let shop = Shop::open();
    let order_id = shop.authorised().await;
    shop.capture(&order_id, "575").await;
    shop.refund(&order_id, "100").await;
    let seen = shop.order(&order_id).await;
    let rows = &tables(PAGE, "2.7")[0];
    assert_same(
        rows.iter().map(|row| quoted(&row[0]).remove(0)),
        ORDER.map(|(row, _, _)| row),
    );
    for row in rows {
        for name in quoted(&row[0]).iter().flat_map(|names| names_of(names)) {
            assert!(seen.get(&name).is_some(), "{name}");
        }
    }
    for (row, pointer, expected) in ORDER {
        assert_eq!(seen.pointer(pointer), Some(&value(expected)), "{row}");
    }
    let consumer = rows.iter().find(|row| row[0].contains("consumer")).unwrap();
    for name in names_of(quoted(&consumer[1]).remove(0).split('(').next().unwrap()) {
        assert!(seen["consumer"].get(&name).is_some(), "consumer.{name}");
    }
}

#[tokio::test]
async fn every_key_of_a_transaction_is_answered() {
    let shop = Shop::open();
    let order_id = shop.authorised().await;
    shop.cancel(&order_id, "75").await;
    shop.capture(&order_id, "500").await;
    shop.refund(&order_id, "100").await;
    let seen = shop.order(&order_id).await;
    let text = section(PAGE, "2.7");
    for kind in ["capture", "refund", "cancel"] {
        let marker = format!("\n* {kind}: ");
        let line = text.split(&marker).nth(1).unwrap().lines().next().unwrap();
        let names = names_of(&quoted(line).remove(0));
        assert!(names.len() >= 4, "{line}");
        let entry = &seen["transactions"][format!("{kind}s")][0];
        for name in names {
            let inner = entry["shipping_info"].get(&name);
            assert!(entry.get(&name).or(inner).is_some(), "{kind}.{name}");
        }
    }
}
