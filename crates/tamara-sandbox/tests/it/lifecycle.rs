//! An order from its session to its last refund, in Tamara's shapes.

use serde_json::json;
use tamara_sandbox::Plan;

use crate::shop::{Shop, amount, order};

#[tokio::test]
async fn a_session_answers_ids_and_an_address() {
    let shop = Shop::open();
    let (status, body) = shop.call("POST", "/checkout", order()).await;
    let text = |name: &str| body[name].as_str().unwrap().to_owned();
    let (order_id, checkout_id) = (text("order_id"), text("checkout_id"));
    assert_eq!(status, 200);
    assert_eq!(
        text("checkout_url"),
        format!("http://127.0.0.1:9000/checkout/{checkout_id}?locale=en_US&orderId={order_id}")
    );
    assert_eq!(order_id.len(), 36);
    assert_eq!(order_id, order_id.to_lowercase());
}

#[tokio::test]
async fn an_order_is_answered_in_the_documented_shape_on_both_paths() {
    let shop = Shop::open();
    let session = shop.checkout(order()).await;
    let sar = |amount: i64| json!({ "amount": amount, "currency": "SAR" });
    let seen = shop.order(&session.order_id).await;
    let expected = json!({
        "order_id": session.order_id,
        "order_reference_id": "WEB-100482",
        "order_number": "100482",
        "description": "Order 100482 at Example Shop",
        "consumer": {
            "first_name": "Noura", "last_name": "Alharbi", "email": "noura@example.com",
            "phone_number": "966551230045", "national_id": "",
            "date_of_birth": "2026-03-02T00:00:00.000Z", "is_first_order": null,
        },
        "status": "new",
        "shipping_address": {
            "first_name": "Noura", "last_name": "Alharbi", "line1": "12 Olaya St", "line2": "",
            "region": "", "city": "Riyadh", "country_code": "SA",
            "phone_number": "966551230045", "postal_code": "",
        },
        "billing_address": null,
        "items": [{
            "reference_id": "SKU-1", "type": "Physical", "name": "Desk lamp", "sku": "LAMP-01",
            "quantity": 2, "unit_price": sar(250), "tax_amount": sar(0),
            "discount_amount": sar(0), "total_amount": sar(500), "item_url": "", "image_url": "",
        }],
        "payment_type": "PAY_BY_INSTALMENTS",
        "instalments": 3,
        "total_amount": sar(575), "shipping_amount": sar(20), "tax_amount": sar(75),
        "discount_amount": { "name": "WELCOME20", "amount": sar(20) },
        "captured_amount": sar(0), "refunded_amount": sar(0), "canceled_amount": sar(0),
        "paid_amount": sar(0),
        "settlement_status": "", "settlement_date": null,
        "created_at": "2026-03-02T09:14:05.000Z",
        "wallet_prepaid_amount": sar(0),
        "transactions": { "cancels": [], "captures": [], "refunds": [] },
        "processing": false,
        "store_code": "ONLINE",
        "additional_data": { "single_checkout": true, "from_in_store_payment_link": false },
    });
    assert_eq!(seen, expected);
    let path = format!("/merchants/orders/{}", session.order_id);
    assert_eq!(shop.get(&path).await.1, expected);
}

#[tokio::test]
async fn amounts_are_numbers_in_the_raw_answer() {
    let shop = Shop::open();
    let order_id = shop.approved().await;
    let path = format!("/orders/{order_id}");
    let text = shop.raw("GET", &path, String::new()).await.text;
    assert!(text.contains(r#""total_amount":{"amount":575,"currency":"SAR"}"#));
    assert!(text.contains(r#""paid_amount":{"amount":191.68,"currency":"SAR"}"#));
}

#[tokio::test]
async fn paid_authorised_captured_in_parts_and_refunded() {
    let shop = Shop::open();
    let order_id = shop.approved().await;
    let (status, body) = shop.authorise(&order_id).await;
    assert_eq!(status, 200);
    let expected = json!({
        "order_id": order_id, "status": "authorised",
        "order_expiry_time": "2026-03-23T09:14:05.000Z",
        "payment_type": "PAY_BY_INSTALMENTS", "auto_captured": false,
        "authorized_amount": { "amount": 575, "currency": "SAR" }, "capture_id": "",
    });
    assert_eq!(body, expected);

    let (_, first) = shop.capture(&order_id, "460").await;
    assert_eq!(first["status"], "partially_captured");
    assert_eq!(
        first["captured_amount"],
        json!({ "amount": 460, "currency": "SAR" })
    );
    let (_, second) = shop.capture(&order_id, "\"115.00\"").await;
    assert_eq!(second["status"], "fully_captured");
    assert_eq!(second["captured_amount"]["amount"], 115);

    let (_, refund) = shop.refund(&order_id, "470.5").await;
    assert_eq!(refund["status"], "partially_refunded");
    assert_eq!(refund["capture_id"], first["capture_id"]);
    assert_eq!(refund["refunded_amount"]["amount"], 470.5);
    let (_, rest) = shop.refund(&order_id, "104.5").await;
    assert_eq!(rest["status"], "fully_refunded");
    assert_eq!(rest["capture_id"], second["capture_id"]);
    assert_ne!(rest["refund_id"], refund["refund_id"]);

    let seen = shop.order(&order_id).await;
    assert_eq!(seen["captured_amount"]["amount"], 575);
    assert_eq!(seen["refunded_amount"]["amount"], 575);
    let capture = &seen["transactions"]["captures"][0];
    let shipping = json!({
        "shipped_at": "2026-03-03T10:00:00+03:00", "shipping_company": "Aramex",
        "tracking_number": "5500123", "tracking_url": "https://track.example/5500123",
    });
    assert_eq!(capture["shipping_info"], shipping);
    let refund = &seen["transactions"]["refunds"][0];
    assert_eq!(refund["merchant_refund_id"], "RF-77");
    assert_eq!(refund["refund_status"], "success");
    assert_eq!(refund["ext_data"], json!([]));
}

#[tokio::test]
async fn canceled_in_parts_before_capture() {
    let shop = Shop::open();
    let order_id = shop.authorised().await;
    let (_, part) = shop.cancel(&order_id, "115").await;
    assert_eq!(part["status"], "updated");
    let (_, rest) = shop.cancel(&order_id, "460").await;
    assert_eq!(rest["status"], "canceled");
    assert_eq!(rest["canceled_amount"]["amount"], 460);
    let seen = shop.order(&order_id).await;
    assert_eq!(seen["canceled_amount"]["amount"], 575);
    assert_eq!(seen["total_amount"]["amount"], 575);
    assert_eq!(seen["paid_amount"]["amount"], 191.68);
}

#[tokio::test]
async fn what_is_left_after_a_partial_cancel_is_captured_fully() {
    let shop = Shop::open();
    let order_id = shop.authorised().await;
    shop.cancel(&order_id, "115").await;
    assert_eq!(shop.capture(&order_id, "460.01").await.0, 400);
    let (_, capture) = shop.capture(&order_id, "460").await;
    assert_eq!(capture["status"], "fully_captured");
}

#[tokio::test]
async fn a_refund_of_all_that_was_captured_is_a_full_refund() {
    let shop = Shop::open();
    let order_id = shop.authorised().await;
    shop.capture(&order_id, "100").await;
    assert_eq!(shop.refund(&order_id, "100.01").await.0, 400);
    let (_, refund) = shop.refund(&order_id, "100").await;
    assert_eq!(refund["status"], "fully_refunded");
}

#[tokio::test]
async fn a_capture_without_shipping_info_is_taken() {
    let shop = Shop::open();
    let order_id = shop.authorised().await;
    let mut body = amount("575");
    body["order_id"] = order_id.clone().into();
    assert_eq!(shop.call("POST", "/payments/capture", body).await.0, 200);
    let seen = shop.order(&order_id).await;
    let shipping = json!({
        "shipped_at": "2026-03-02T09:14:05.000Z", "shipping_company": "N/A",
        "tracking_number": null, "tracking_url": null,
    });
    assert_eq!(
        seen["transactions"]["captures"][0]["shipping_info"],
        shipping
    );
}

#[tokio::test]
async fn merchants_with_auto_capture_skip_the_capture() {
    let shop = Shop::open().of("api-capture");
    let order_id = shop.approved().await;
    let (_, body) = shop.authorise(&order_id).await;
    assert_eq!(body["status"], "fully_captured");
    assert_eq!(body["auto_captured"], true);
    let seen = shop.order(&order_id).await;
    assert_eq!(
        seen["transactions"]["captures"][0]["capture_id"],
        body["capture_id"]
    );
}

#[tokio::test]
async fn merchants_with_auto_authorisation_need_no_call() {
    let shop = Shop::open().of("api-auto");
    let order_id = shop.approved().await;
    assert_eq!(shop.status(&order_id).await, "fully_captured");
}

#[tokio::test]
async fn a_reference_leads_to_its_newest_order() {
    let shop = Shop::open();
    let first = shop.checkout(order()).await;
    let second = shop.checkout(order()).await;
    let path = "/merchants/orders/reference-id/WEB-100482";
    assert_eq!(shop.get(path).await.1["order_id"], second.order_id);

    let change = json!({ "order_reference_id": "WEB-100482-B" });
    let change_path = format!("/orders/{}/reference-id", second.order_id);
    let (status, body) = shop.call("PUT", &change_path, change).await;
    assert_eq!(status, 200);
    assert_eq!(
        body,
        json!({ "message": "Order reference id was updated successfully" })
    );
    assert_eq!(shop.get(path).await.1["order_id"], first.order_id);
    let path = "/merchants/orders/reference-id/WEB-100482-B";
    assert_eq!(shop.get(path).await.1["order_id"], second.order_id);
}

#[tokio::test]
async fn pay_in_full_is_pay_now_without_instalments() {
    let shop = Shop::open();
    let session = shop.checkout(order()).await;
    let customer = shop.sandbox.customer(&session.checkout_id);
    let url = customer.approve(Plan::Full).unwrap();
    assert_eq!(
        url,
        format!(
            "https://shop.example/ok?shopOrder=100482&paymentStatus=approved&orderId={}",
            session.order_id
        )
    );
    let seen = shop.order(&session.order_id).await;
    assert_eq!(seen["payment_type"], "PAY_NOW");
    assert_eq!(seen["instalments"], json!(null));
    assert_eq!(seen["paid_amount"]["amount"], 575);
}

#[tokio::test]
async fn three_digits_survive_in_dinars() {
    let shop = Shop::open().of("api-kw");
    let text = order()
        .to_string()
        .replace("SAR", "KWD")
        .replace("\"SA\"", "\"KW\"");
    let text = text.replace("\"amount\":575", "\"amount\":575.125");
    let (status, body) = shop
        .call("POST", "/checkout", serde_json::from_str(&text).unwrap())
        .await;
    assert_eq!(status, 200, "{body}");
    let customer = shop.sandbox.customer(body["checkout_id"].as_str().unwrap());
    customer.approve(Plan::Two).unwrap();
    let seen = shop.order(body["order_id"].as_str().unwrap()).await;
    assert_eq!(seen["total_amount"]["amount"], 575.125);
    assert_eq!(seen["paid_amount"]["amount"], 287.563);
}

#[tokio::test]
async fn payment_types_depend_on_country_currency_and_value() {
    let shop = Shop::open();
    let types = |query: &'static str| {
        let shop = shop.of("api-sa");
        async move { shop.get(&format!("/checkout/payment-types?{query}")).await }
    };
    let (status, body) = types("country=SA&currency=SAR&order_value=575").await;
    assert_eq!(status, 200);
    assert_eq!(body[0]["name"], "PAY_BY_INSTALMENTS");
    assert_eq!(
        body[0]["max_limit"],
        json!({ "amount": 5000, "currency": "SAR" })
    );
    assert_eq!(body[0]["supported_instalments"][2]["instalments"], 4);
    assert_eq!(body[1]["name"], "PAY_NOW");
    assert_eq!(types("country=SA&currency=AED").await, (200, json!([])));
    assert_eq!(types("country=KW").await, (200, json!([])));
    assert_eq!(
        types("country=SA&order_value=5000.01").await,
        (200, json!([]))
    );
    let (status, body) = types("country=EG").await;
    assert_eq!(status, 400);
    assert_eq!(
        body["errors"][0]["error_code"],
        "not_supported_delivery_country"
    );
}

#[tokio::test]
async fn eligibility_is_strict_about_json_and_knows_declines() {
    let shop = Shop::open();
    let ask = |text: String| {
        let shop = shop.of("api-sa");
        async move {
            let reply = shop.raw("POST", "/pre-checkout/v1/eligibility", text).await;
            (reply.status, reply.json())
        }
    };
    let question = |amount: &str, customer: &str| {
        format!(r#"{{"order":{{"amount":{amount},"currency":"SAR"}},"customer":{customer}}}"#)
    };
    let yes = (200, json!({ "is_eligible": true }));
    let no = (200, json!({ "is_eligible": false }));
    let invalid = (400, json!({ "message": "invalid json" }));
    assert_eq!(
        ask(question("575.50", r#"{"phone_number":"966551230045"}"#)).await,
        yes
    );
    assert_eq!(ask(question("575", "{}")).await, yes);
    assert_eq!(
        ask(question("575", r#"{"phone":"966526422337"}"#)).await,
        no
    );
    assert_eq!(ask(question("\"575.50\"", "{}")).await, invalid);
    assert_eq!(ask("{".to_owned()).await, invalid);

    let session = shop.checkout(order()).await;
    shop.sandbox
        .customer(&session.checkout_id)
        .decline()
        .unwrap();
    assert_eq!(
        ask(question("575", r#"{"phone_number":"551230045"}"#)).await,
        no
    );
}

#[tokio::test]
async fn the_books_show_sums_in_minor_units_and_no_token() {
    let shop = Shop::open();
    let order_id = shop.authorised().await;
    shop.capture(&order_id, "100.5").await;
    shop.sandbox.portal(&order_id).refund(50).unwrap();
    let (status, state) = shop.get("/_sandbox/state").await;
    assert_eq!(status, 200);
    let books = &state["orders"][0];
    assert_eq!(books["order_id"], order_id);
    assert_eq!(books["captured_minor"], 10_050);
    assert_eq!(books["refunded_minor"], 50);
    assert_eq!(books["captures"][0]["amounts"]["total_minor"], 10_050);
    assert_eq!(books["status"], "partially_refunded");
    for secret in ["api-sa", "note-sa", "api-kw", "note-auto"] {
        assert!(!state.to_string().contains(secret));
    }
}
