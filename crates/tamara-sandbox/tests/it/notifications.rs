//! What merchants are told, how it is signed, and how often it is tried.

use aws_lc_rs::{digest, hmac};
use serde_json::{Value, json};
use tamara_sandbox::{Delivery, Plan};

use crate::shop::{HOUR_MS, MINUTE_MS, START_MS, Shop, order};

/// A shop with a webhook for everything.
async fn listening() -> Shop {
    let shop = Shop::open();
    register(&shop, "https://shop.example/hooks").await;
    shop
}

async fn register(shop: &Shop, url: &str) {
    let body = json!({
        "events": [
            "order_approved", "order_declined", "order_authorised", "order_canceled",
            "order_captured", "order_refunded", "order_expired",
        ],
        "url": url,
        "headers": { "X-Shop-Key": "k-123", "authorization": "Basic stolen" },
    });
    assert_eq!(shop.call("POST", "/webhooks", body).await.0, 200);
}

/// Takes what is due and reports it delivered.
fn told(shop: &Shop) -> Vec<Value> {
    let due = shop.sandbox.take_due();
    due.iter()
        .map(|delivery| {
            shop.sandbox.delivered(delivery.id, Ok(204));
            serde_json::from_str(&delivery.body).unwrap()
        })
        .collect()
}

pub fn base64url(text: &str) -> Vec<u8> {
    const DIGITS: &str = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    let mut bits = Vec::new();
    for letter in text.chars() {
        let value = DIGITS.find(letter).unwrap();
        bits.extend((0..6).rev().map(|bit| u8::from(value >> bit & 1 == 1)));
    }
    let bytes = bits.chunks_exact(8);
    bytes
        .map(|byte| byte.iter().fold(0, |sum, bit| sum << 1 | bit))
        .collect()
}

/// HMAC-SHA-256 by its definition (RFC 2104), from the digest alone.
fn hmac_sha256(key: &[u8], message: &[u8]) -> Vec<u8> {
    let mut block = [0_u8; 64];
    block[..key.len()].copy_from_slice(key);
    let padded = |pad: u8| block.map(|byte| byte ^ pad).to_vec();
    let inner = digest::digest(&digest::SHA256, &[padded(0x36), message.to_vec()].concat());
    let outer = [padded(0x5c), inner.as_ref().to_vec()].concat();
    digest::digest(&digest::SHA256, &outer).as_ref().to_vec()
}

/// The claims of a delivery's token, its signature and both its places checked.
fn claims(delivery: &Delivery, secret: &str) -> Value {
    let authorization = delivery
        .headers
        .iter()
        .filter(|(name, _)| name.eq_ignore_ascii_case("authorization"));
    let values: Vec<_> = authorization.map(|(_, value)| value.as_str()).collect();
    assert_eq!(values.len(), 1);
    let token = values[0].strip_prefix("Bearer ").unwrap();
    assert!(delivery.url.ends_with(&format!("tamaraToken={token}")));
    let (signed, signature) = token.rsplit_once('.').unwrap();
    let (header, claims) = signed.split_once('.').unwrap();
    assert_eq!(
        base64url(signature),
        hmac_sha256(secret.as_bytes(), signed.as_bytes())
    );
    let header: Value = serde_json::from_slice(&base64url(header)).unwrap();
    assert_eq!(header, json!({ "typ": "JWT", "alg": "HS256" }));
    serde_json::from_slice(&base64url(claims)).unwrap()
}

#[test]
fn the_tests_own_hmac_is_right() {
    let key = hmac::Key::new(hmac::HMAC_SHA256, b"key");
    let expected = hmac::sign(&key, b"message");
    assert_eq!(hmac_sha256(b"key", b"message"), expected.as_ref());
}

#[tokio::test]
async fn a_notification_is_signed_in_both_places_with_the_notification_token() {
    let shop = listening().await;
    shop.approved().await;
    let due = shop.sandbox.take_due();
    assert_eq!(due.len(), 1);
    let claims = claims(&due[0], "note-sa");
    let iat = START_MS / 1000;
    assert_eq!(
        claims,
        json!({ "iat": iat, "exp": iat + 900, "iss": "Tamara" })
    );
    assert!(
        due[0]
            .url
            .starts_with("https://shop.example/hooks?tamaraToken=")
    );
    let header = |name: &str| {
        let found = due[0].headers.iter().find(|(n, _)| n == name);
        found.map(|(_, value)| value.as_str())
    };
    assert_eq!(header("X-Shop-Key"), Some("k-123"));
    assert_eq!(header("Content-Type"), Some("application/json"));
    assert!(!format!("{:?}", due[0]).contains("eyJ"));
}

#[tokio::test]
async fn each_operation_tells_its_own_event() {
    let shop = listening().await;
    let order_id = shop.approved().await;
    assert_eq!(
        told(&shop),
        [json!({
            "order_id": order_id, "order_reference_id": "WEB-100482", "order_number": "100482",
            "event_type": "order_approved", "data": [],
        })]
    );
    shop.authorise(&order_id).await;
    assert_eq!(told(&shop)[0]["event_type"], "order_authorised");
    let (_, cancel) = shop.cancel(&order_id, "115").await;
    let events = told(&shop);
    // A partial cancel is told as order_canceled too; the order says `updated`.
    assert_eq!(events[0]["event_type"], "order_canceled");
    let sar = |amount: i64| json!({ "amount": amount, "currency": "SAR" });
    let data = json!({ "cancel_id": cancel["cancel_id"], "canceled_amount": sar(115) });
    assert_eq!(events[0]["data"], data);
    let (_, capture) = shop.capture(&order_id, "460").await;
    let data = json!({ "capture_id": capture["capture_id"], "captured_amount": sar(460) });
    assert_eq!(told(&shop)[0]["data"], data);
    let (_, refund) = shop.refund(&order_id, "60").await;
    let events = told(&shop);
    assert_eq!(events[0]["event_type"], "order_refunded");
    let data = json!({
        "refund_id": refund["refund_id"], "capture_id": capture["capture_id"],
        "refunded_amount": sar(60), "comment": "returned",
    });
    assert_eq!(events[0]["data"], data);
}

#[tokio::test]
async fn ends_of_sessions_are_told() {
    let shop = listening().await;
    let session = shop.checkout(order()).await;
    shop.sandbox
        .customer(&session.checkout_id)
        .decline()
        .unwrap();
    let events = told(&shop);
    assert_eq!(events[0]["event_type"], "order_declined");
    assert!(events[0]["data"]["declined_reason"].is_string());
    let session = shop.checkout(order()).await;
    shop.sandbox
        .customer(&session.checkout_id)
        .cancel()
        .unwrap();
    assert_eq!(told(&shop)[0]["event_type"], "order_expired");
    shop.checkout(order()).await;
    shop.sandbox.clock().advance_ms(30 * MINUTE_MS);
    assert_eq!(told(&shop)[0]["event_type"], "order_expired");
}

#[tokio::test]
async fn only_subscribed_events_of_the_own_merchant_are_told() {
    let shop = Shop::open();
    let body = json!({ "events": ["order_expired"], "url": "https://shop.example/h" });
    shop.call("POST", "/webhooks", body).await;
    register(&shop.of("api-kw"), "https://dhow.example/h").await;
    shop.approved().await;
    assert!(told(&shop).is_empty());
    shop.sandbox.clock().advance_ms(72 * HOUR_MS);
    assert_eq!(told(&shop).len(), 1);
}

#[tokio::test]
async fn the_sessions_own_address_gets_the_order_status() {
    let shop = Shop::open();
    let mut body = order();
    body["merchant_url"]["notification"] = "https://shop.example/n?shop=1".into();
    let session = shop.checkout(body).await;
    shop.sandbox
        .customer(&session.checkout_id)
        .approve(Plan::Two)
        .unwrap();
    let due = shop.sandbox.take_due();
    assert!(
        due[0]
            .url
            .starts_with("https://shop.example/n?shop=1&tamaraToken=")
    );
    claims(&due[0], "note-sa");
    let body: Value = serde_json::from_str(&due[0].body).unwrap();
    let expected = json!({
        "order_id": session.order_id, "order_reference_id": "WEB-100482",
        "order_status": "approved", "data": [],
    });
    assert_eq!(body, expected);
}

#[tokio::test]
async fn automatic_merchants_tell_both_steps_in_order() {
    let shop = Shop::open();
    let authorising = shop.of("api-auto");
    register(&authorising, "https://auto.example/h").await;
    authorising.approved().await;
    let names = |events: Vec<Value>| -> Vec<String> {
        let name = |event: &Value| event["event_type"].as_str().unwrap().to_owned();
        events.iter().map(name).collect()
    };
    assert_eq!(names(told(&shop)), ["order_approved", "order_captured"]);
    let capturing = shop.of("api-capture");
    register(&capturing, "https://capture.example/h").await;
    capturing.authorised().await;
    assert_eq!(
        names(told(&shop)),
        ["order_approved", "order_authorised", "order_captured"]
    );
}

#[tokio::test]
async fn failures_are_tried_again_by_the_table_with_a_fresh_token() {
    let shop = listening().await;
    shop.approved().await;
    let first = shop.sandbox.take_due().remove(0);
    // In flight: not due a second time.
    assert!(shop.sandbox.take_due().is_empty());
    shop.sandbox.delivered(first.id, Ok(500));
    let mut issued = claims(&first, "note-sa")["iat"].as_i64().unwrap();
    for wait_ms in [5_000, 30_000, 120_000, 600_000, 3_600_000] {
        shop.sandbox.clock().advance_ms(wait_ms - 1);
        assert!(shop.sandbox.take_due().is_empty());
        shop.sandbox.clock().advance_ms(1);
        let again = shop.sandbox.take_due().remove(0);
        assert_eq!((again.id, &again.body), (first.id, &first.body));
        let iat = claims(&again, "note-sa")["iat"].as_i64().unwrap();
        assert!(iat > issued);
        issued = iat;
        shop.sandbox
            .delivered(again.id, Err("connection refused".to_owned()));
    }
    shop.sandbox.clock().advance_ms(24 * HOUR_MS);
    assert!(shop.sandbox.take_due().is_empty());
    let state = shop.sandbox.state();
    assert_eq!(state["deliveries"][0]["state"], "given_up");
    assert_eq!(state["deliveries"][0]["attempts"][0]["http_status"], 500);
    assert_eq!(
        state["deliveries"][0]["attempts"][5]["error"],
        "connection refused"
    );
    assert!(!state.to_string().contains("eyJ"));
}

#[tokio::test]
async fn a_redirect_is_no_success() {
    let shop = listening().await;
    shop.approved().await;
    let delivery = shop.sandbox.take_due().remove(0);
    shop.sandbox.delivered(delivery.id, Ok(302));
    assert_eq!(shop.sandbox.state()["deliveries"][0]["state"], "pending");
}

#[tokio::test]
async fn the_notifier_sends_over_the_wire() {
    use axum::extract::{Request, State};
    use tokio::sync::mpsc;

    let (sender, mut seen) = mpsc::unbounded_channel();
    let receiver = |State(sender): State<mpsc::UnboundedSender<String>>, request: Request| async move {
        sender.send(request.uri().to_string()).unwrap();
    };
    let router = axum::Router::new().fallback(receiver).with_state(sender);
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move { axum::serve(listener, router).await });
    let shop = Shop::open();
    register(&shop, &format!("http://{address}/hooks")).await;
    let sandbox = shop.sandbox.clone();
    let notifier = tokio::spawn(async move { sandbox.run_notifier().await });
    shop.approved().await;
    let uri = seen.recv().await.unwrap();
    assert!(uri.starts_with("/hooks?tamaraToken=eyJ"));
    notifier.abort();
}
