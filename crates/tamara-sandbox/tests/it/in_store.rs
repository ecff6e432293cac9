//! Sessions at a till: opened, paid, run out, voided.

use serde_json::{Value, json};
use tamara_sandbox::{Options, Plan};

use crate::shop::{MINUTE_MS, Shop, options, order};

fn sar(amount: i64) -> Value {
    json!({ "amount": amount, "currency": "SAR" })
}

fn wish() -> Value {
    json!({
        "total_amount": sar(210), "phone_number": "551230045", "order_reference_id": "POS-3-17",
        "order_number": "17", "items": order()["items"], "locale": "en_US",
        "payment_type": "PAY_BY_INSTALMENTS", "additional_data": { "store_code": "RUH-3" },
    })
}

/// An SMS link: the ids of its order and its session.
pub async fn link(shop: &Shop) -> (String, String) {
    ids(shop
        .call("POST", "/checkout/in-store-session", wish())
        .await)
}

fn ids((status, body): (u16, Value)) -> (String, String) {
    assert_eq!(status, 200, "{body}");
    let text = |name: &str| body[name].as_str().unwrap().to_owned();
    let (order_id, checkout_id) = (text("order_id"), text("checkout_id"));
    let link = format!("http://127.0.0.1:9000/checkout/{checkout_id}?orderId={order_id}");
    assert_eq!(body["checkout_deeplink"], link);
    assert_eq!(body.as_object().unwrap().len(), 3);
    (order_id, checkout_id)
}

fn events(shop: &Shop) -> Vec<Value> {
    let state = shop.sandbox.state();
    let deliveries = state["deliveries"].as_array().unwrap().iter();
    deliveries
        .map(|d| d["body"]["event_type"].clone())
        .collect()
}

#[tokio::test]
async fn a_paid_link_is_captured_at_once_and_can_be_refunded() {
    let shop = Shop::open();
    let all = [
        "order_approved",
        "order_authorised",
        "order_captured",
        "order_refunded",
    ];
    let hook = json!({ "events": all, "url": "https://shop.example/h" });
    shop.call("POST", "/webhooks", hook).await;
    let (order_id, checkout_id) = link(&shop).await;
    let customer = shop.sandbox.customer(&checkout_id);
    assert_eq!(customer.approve(Plan::Three).unwrap(), "");
    let seen = shop.order(&order_id).await;
    assert_eq!(seen["status"], "fully_captured");
    assert_eq!(seen["captured_amount"], sar(210));
    assert_eq!(seen["store_code"], "RUH-3");
    assert_eq!(seen["additional_data"]["from_in_store_payment_link"], true);
    assert_eq!(events(&shop), ["order_captured"]);
    assert_eq!(shop.authorise(&order_id).await.0, 409);
    assert_eq!(
        shop.refund(&order_id, "210").await.1["status"],
        "fully_refunded"
    );
}

#[tokio::test]
async fn a_scanned_code_belongs_to_whoever_scans_it() {
    let shop = Shop::open();
    let body = json!({ "amount": sar(210), "platform": "EXAMPLE_POS_QR", "locale": "en_US" });
    let send = |device: Option<&'static str>| {
        let mut request = axum::http::Request::builder()
            .method("POST")
            .uri("/checkout/in-store")
            .header("authorization", "Bearer api-sa");
        if let Some(device) = device {
            request = request.header("X-Device-Id", device);
        }
        shop.send(request.body(body.to_string().into()).unwrap())
    };
    assert_eq!(send(None).await.status, 400);
    assert_eq!(send(Some(" ")).await.status, 400);
    let reply = send(Some("104233")).await;
    let (order_id, checkout_id) = ids((reply.status, reply.json()));
    let path = format!("/checkout/{checkout_id}/send-code");
    shop.page("POST", &path, &[("phone", "551230046")]).await;
    shop.sandbox
        .customer(&checkout_id)
        .approve(Plan::Full)
        .unwrap();
    let seen = shop.order(&order_id).await;
    assert_eq!(seen["status"], "fully_captured");
    assert_eq!(seen["consumer"]["phone_number"], "966551230046");
    // A till may leave its reference out.
    assert_eq!(seen["order_reference_id"], order_id.as_str());
    assert_eq!(seen["additional_data"]["from_in_store_payment_link"], false);
}

#[tokio::test]
async fn a_session_at_a_till_lasts_15_minutes_and_ends_when_the_customer_leaves() {
    let shop = Shop::open();
    let (order_id, _) = link(&shop).await;
    shop.sandbox.clock().advance_ms(15 * MINUTE_MS - 1);
    assert_eq!(shop.status(&order_id).await, "new");
    shop.sandbox.clock().advance_ms(1);
    assert_eq!(shop.status(&order_id).await, "expired");
    let (order_id, checkout_id) = link(&shop).await;
    assert_eq!(shop.sandbox.customer(&checkout_id).cancel().unwrap(), "");
    assert_eq!(shop.status(&order_id).await, "expired");
}

#[tokio::test]
async fn a_merchant_that_may_sets_the_length_of_its_sessions() {
    let mut options: Options = options();
    options.merchants[0].may_set_session_length = true;
    let shop = Shop::with(options);
    let mut online = order();
    online["expires_in_minutes"] = 5.into();
    let mut till = wish();
    till["expiry_time"] = 1440.into();
    let session = shop.checkout(online.clone()).await;
    let body = shop
        .call("POST", "/checkout/in-store-session", till.clone())
        .await;
    let (till_id, _) = ids(body);
    shop.sandbox.clock().advance_ms(5 * MINUTE_MS);
    assert_eq!(shop.status(&session.order_id).await, "expired");
    shop.sandbox.clock().advance_ms(1434 * MINUTE_MS);
    assert_eq!(shop.status(&till_id).await, "new");
    shop.sandbox.clock().advance_ms(MINUTE_MS);
    assert_eq!(shop.status(&till_id).await, "expired");
    for (name, minutes, path, mut body) in [
        ("expires_in_minutes", 4, "/checkout", online),
        ("expiry_time", 1441, "/checkout/in-store-session", till),
    ] {
        body[name] = minutes.into();
        let (status, refused) = shop.call("POST", path, body).await;
        assert_eq!(
            (status, &refused["errors"][0]["data"]["field"]),
            (400, &json!(name))
        );
    }
}

#[tokio::test]
async fn a_link_is_voided_by_query_or_by_body_and_only_once() {
    let shop = Shop::open();
    for by_body in [false, true] {
        let (order_id, checkout_id) = link(&shop).await;
        let path = format!("/checkout/{checkout_id}/void");
        let words = json!({ "order_id": order_id, "store_code": "RUH-3" });
        let query = format!("{path}?order_id={order_id}&store_code=RUH-3");
        let voided = |by_body| {
            let (path, body) = if by_body {
                (&path, words.to_string())
            } else {
                (&query, String::new())
            };
            shop.raw("POST", path, body)
        };
        let first = voided(by_body).await.json();
        let expected = json!({
            "order_was_voided": true, "captured_amount": sar(0), "message": "success",
            "store_code": "RUH-3",
        });
        assert_eq!(first, expected);
        assert_eq!(shop.status(&order_id).await, "expired");
        let again = voided(by_body).await.json();
        assert_eq!(again["message"], "checkout_already_expired");
        assert_eq!(again["order_was_voided"], false);
    }
}

#[tokio::test]
async fn only_the_merchants_own_till_is_voided() {
    let shop = Shop::open();
    let (order_id, checkout_id) = link(&shop).await;
    let path = format!("/checkout/{checkout_id}/void?order_id={order_id}");
    assert_eq!(
        shop.of("api-kw")
            .raw("POST", &path, String::new())
            .await
            .status,
        404
    );
    let online = shop.checkout(order()).await;
    let path = format!(
        "/checkout/{}/void?order_id={}",
        online.checkout_id, online.order_id
    );
    assert_eq!(shop.raw("POST", &path, String::new()).await.status, 404);
    let path = format!("/checkout/{checkout_id}/void?order_id={}", online.order_id);
    assert_eq!(shop.raw("POST", &path, String::new()).await.status, 404);
}
