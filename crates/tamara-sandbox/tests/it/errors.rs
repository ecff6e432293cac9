//! What the API refuses, and in which words.

use serde_json::{Value, json};

use crate::shop::{Shop, amount, order};

fn codes(body: &Value) -> Vec<(String, String)> {
    let errors = body["errors"].as_array().unwrap().iter();
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    errors
        .map(|e| (text(&e["error_code"]), text(&e["data"]["field"])))
        .collect()
}

#[tokio::test]
async fn a_call_without_a_known_token_is_unauthorized() {
    let shop = Shop::open().of("api-unknown");
    let expected = json!({
        "message": "Unauthorized", "errors": [], "data": {}, "title": null, "screen_type": null,
    });
    for (method, path) in [
        ("POST", "/checkout"),
        ("GET", "/checkout/payment-types?country=SA"),
        ("POST", "/pre-checkout/v1/eligibility"),
        ("GET", "/orders/x"),
        ("GET", "/merchants/orders/x"),
        ("GET", "/merchants/orders/reference-id/x"),
        ("POST", "/orders/x/authorise"),
        ("POST", "/orders/x/cancel"),
        ("PUT", "/orders/x/reference-id"),
        ("POST", "/payments/capture"),
        ("POST", "/payments/simplified-refund/x"),
        ("POST", "/webhooks"),
        ("GET", "/webhooks/x"),
        ("PUT", "/webhooks/x"),
        ("DELETE", "/webhooks/x"),
    ] {
        assert_eq!(
            shop.call(method, path, json!({})).await,
            (401, expected.clone()),
            "{path}"
        );
    }
}

#[tokio::test]
async fn an_unknown_order_and_another_merchants_are_not_found() {
    let shop = Shop::open();
    let order_id = shop.authorised().await;
    let expected = json!({
        "message": "Order not found", "errors": [{ "error_code": "order_not_found" }],
        "data": {}, "title": null, "screen_type": null,
    });
    let unknown = "00000000-0000-4000-8000-000000000000";
    assert_eq!(
        shop.get(&format!("/orders/{unknown}")).await,
        (404, expected.clone())
    );
    let other = shop.of("api-kw");
    assert_eq!(
        other.get(&format!("/orders/{order_id}")).await,
        (404, expected)
    );
    assert_eq!(
        other
            .get("/merchants/orders/reference-id/WEB-100482")
            .await
            .0,
        404
    );
    assert_eq!(other.authorise(&order_id).await.0, 404);
    assert_eq!(other.cancel(&order_id, "1").await.0, 404);
    assert_eq!(other.capture(&order_id, "1").await.0, 404);
    assert_eq!(other.refund(&order_id, "1").await.0, 404);
}

#[tokio::test]
async fn unknown_paths_and_methods_answer_in_the_envelope() {
    let shop = Shop::open();
    assert_eq!(shop.get("/nothing/here").await.1["message"], "Not found");
    let (status, body) = shop.call("DELETE", "/checkout", json!({})).await;
    assert_eq!(status, 405);
    assert_eq!(body["title"], json!(null));
}

#[tokio::test]
async fn every_missing_field_is_one_entry() {
    let shop = Shop::open();
    let (status, body) = shop.call("POST", "/checkout", json!({})).await;
    assert_eq!(status, 400);
    assert_eq!(body["message"], "Your order information is invalid");
    let mut fields: Vec<_> = codes(&body).into_iter().map(|(_, field)| field).collect();
    fields.sort();
    assert_eq!(
        fields,
        [
            "consumer",
            "country_code",
            "description",
            "items",
            "merchant_url",
            "order_reference_id",
            "shipping_address",
            "shipping_amount",
            "tax_amount",
            "total_amount",
        ]
    );
    assert!(
        codes(&body)
            .iter()
            .all(|(code, _)| code == "field_required")
    );
}

/// Where the order is changed, into which JSON, and the one problem that this is.
#[rustfmt::skip]
const SPOILT: [[&str; 4]; 16] = [
    ["/order_reference_id", r#"" ""#, "field_invalid", "order_reference_id"],
    ["/items", "[]", "field_required", "items"],
    ["/items/0/name", "null", "field_required", "items[0].name"],
    ["/items/0/quantity", r#""many""#, "field_invalid", "items[0].quantity"],
    ["/country_code", r#""EG""#, "field_invalid", "country_code"],
    ["/consumer", "[]", "field_required", "consumer"],
    ["/consumer/phone_number", r#""call me""#, "consumer_invalid_phone_number", "consumer.phone_number"],
    ["/consumer/first_name", r#""""#, "consumer_empty_first_name", "consumer.first_name"],
    ["/consumer/email", r#""nobody""#, "consumer_invalid_email", "consumer.email"],
    ["/shipping_address/phone_number", r#""x""#, "shipping_address_invalid_phone_number", "shipping_address.phone_number"],
    ["/shipping_address/city", "null", "field_required", "shipping_address.city"],
    ["/merchant_url/success", r#""javascript:alert(1)""#, "field_invalid", "merchant_url.success"],
    ["/merchant_url/cancel", r#""/relative""#, "field_invalid", "merchant_url.cancel"],
    ["/merchant_url/notification", r#""ftp://x/y""#, "field_invalid", "merchant_url.notification"],
    ["/tax_amount/currency", r#""AED""#, "total_amount_invalid_currency", "tax_amount.currency"],
    ["/shipping_amount/currency", r#""XYZ""#, "currency_unsupported", "shipping_amount.currency"],
];

async fn refuse(shop: &Shop, pointer: &str, value: Value, code: &str, field: &str) {
    let mut body = order();
    let (parent, name) = pointer.rsplit_once('/').unwrap();
    body.pointer_mut(parent).unwrap()[name] = value;
    let (status, body) = shop.call("POST", "/checkout", body).await;
    assert_eq!(status, 400, "{pointer}");
    assert_eq!(
        codes(&body),
        [(code.to_owned(), field.to_owned())],
        "{pointer}"
    );
}

#[tokio::test]
async fn invalid_fields_are_named() {
    let shop = Shop::open();
    for [pointer, json, code, field] in SPOILT {
        let value = serde_json::from_str(json).unwrap();
        refuse(&shop, pointer, value, code, field).await;
    }
    for (pointer, field, length) in [
        ("/description", "description", 257),
        ("/items/0/name", "items[0].name", 256),
        ("/items/0/sku", "items[0].sku", 129),
        ("/items/0/image_url", "items[0].image_url", 1025),
    ] {
        let value = json!("x".repeat(length));
        refuse(&shop, pointer, value, "field_invalid", field).await;
    }
}

#[tokio::test]
async fn amounts_are_refused_by_their_text() {
    let shop = Shop::open();
    for (text, problem) in [
        ("575.001", "more fraction digits than the currency has"),
        ("\"575.000\"", "more fraction digits than the currency has"),
        ("-1", "negative"),
        ("5.75e2", "not a decimal number"),
        ("\"575,00\"", "not a decimal number"),
        ("1000000000000000000000", "too large"),
    ] {
        let from = r#""total_amount":{"amount":575,"#;
        let body = order().to_string();
        assert!(body.contains(from));
        let body = body.replace(from, &format!(r#""total_amount":{{"amount":{text},"#));
        let reply = shop.raw("POST", "/checkout", body).await;
        assert_eq!(reply.status, 400, "{text}");
        let problems = reply.json()["errors"].clone();
        assert_eq!(
            problems[0]["data"]["field"], "total_amount.amount",
            "{text}"
        );
        assert_eq!(problems[0]["data"]["problem"], problem, "{text}");
    }
}

#[tokio::test]
async fn sloppy_but_harmless_bodies_are_taken() {
    let shop = Shop::open();
    let mut body = order();
    body["shipping_amount"]["amount"] = "00.00".into();
    body["total_amount"]["amount"] = "575.00".into();
    body["billing_address"] = json!(null);
    body["risk_assessment"] = json!([]);
    body["additional_data"] = json!([]);
    body["discount"] = json!({ "name": "", "amount": { "amount": 0, "currency": "SAR" } });
    body["instalments"] = json!(0);
    body["description"] = json!("");
    body["something_new"] = json!({ "deep": [1, 2] });
    let session = shop.checkout(body).await;
    let seen = shop.order(&session.order_id).await;
    assert_eq!(seen["total_amount"]["amount"], 575);
    assert_eq!(seen["instalments"], json!(null));
}

#[tokio::test]
async fn terms_of_the_merchant_are_checked() {
    let shop = Shop::open();
    let refused = |change: fn(&mut Value)| {
        let shop = shop.of("api-sa");
        async move {
            let mut body = order();
            change(&mut body);
            let (status, body) = shop.call("POST", "/checkout", body).await;
            assert_eq!(status, 400);
            body["errors"][0]["error_code"].as_str().unwrap().to_owned()
        }
    };
    let code = refused(|body| body["country_code"] = "AE".into()).await;
    assert_eq!(code, "not_supported_country_currency");
    let code = refused(|body| body["shipping_address"]["country_code"] = "EG".into()).await;
    assert_eq!(code, "not_supported_delivery_country");
    for text in ["0.99", "5000.01"] {
        let body = order().to_string();
        let to = format!(r#""total_amount":{{"amount":{text},"#);
        let body = body.replace(r#""total_amount":{"amount":575,"#, &to);
        let reply = shop.raw("POST", "/checkout", body).await;
        assert_eq!(reply.status, 400);
        assert_eq!(
            reply.json()["errors"][0]["error_code"],
            "total_amount_invalid_limit"
        );
    }
    // A pair that exists, but not for this merchant.
    let text = order()
        .to_string()
        .replace("SAR", "AED")
        .replace("\"SA\"", "\"AE\"");
    let reply = shop.raw("POST", "/checkout", text).await;
    let expected = json!({
        "message": "Unsupported country-currency combination. Please reach out to your account manager for support",
        "errors": [{ "error_code": "not_supported_country_currency" }],
        "data": {}, "title": null, "screen_type": null,
    });
    assert_eq!((reply.status, reply.json()), (400, expected));
}

#[tokio::test]
async fn operations_check_their_amounts() {
    let shop = Shop::open();
    let order_id = shop.authorised().await;
    let code = |(status, body): (u16, Value)| {
        assert_eq!(status, 400, "{body}");
        body["errors"][0]["error_code"].as_str().unwrap().to_owned()
    };
    assert_eq!(
        code(shop.capture(&order_id, "575.01").await),
        "amount_exceeds_available"
    );
    assert_eq!(
        code(shop.cancel(&order_id, "575.01").await),
        "amount_exceeds_available"
    );
    assert_eq!(code(shop.capture(&order_id, "0").await), "field_invalid");
    assert_eq!(
        code(shop.capture(&order_id, "1.001").await),
        "field_invalid"
    );
    let path = format!("/orders/{order_id}/cancel");
    let wrong = json!({ "total_amount": { "amount": 1, "currency": "AED" } });
    assert_eq!(
        code(shop.call("POST", &path, wrong).await),
        "currency_unsupported"
    );
    assert_eq!(
        code(shop.call("POST", &path, json!({})).await),
        "field_required"
    );
    shop.capture(&order_id, "575").await;
    assert_eq!(
        code(shop.refund(&order_id, "575.01").await),
        "amount_exceeds_available"
    );
    let path = format!("/payments/simplified-refund/{order_id}");
    let silent = shop.call("POST", &path, amount("1")).await;
    assert_eq!(silent.1["errors"][0]["data"]["field"], "comment");
    assert_eq!(code(silent), "field_required");
    assert_eq!(shop.status(&order_id).await, "fully_captured");
}

#[tokio::test]
async fn malformed_json_is_refused_in_the_envelope() {
    let shop = Shop::open();
    for text in ["", "{", "[]", "nothing"] {
        let reply = shop.raw("POST", "/checkout", text.to_owned()).await;
        assert_eq!(reply.status, 400, "{text}");
        assert_eq!(reply.json()["message"], "invalid json");
        assert_eq!(reply.json()["errors"], json!([]));
    }
}
