//! Misbehaviour on command, in process: requests, reads and callbacks.

use axum::body::Body;
use axum::http::{Request, header};
use http_body_util::BodyExt as _;
use serde_json::{Value, json};
use tamara_sandbox::{Delivery, Fault, Severed};
use tower::ServiceExt as _;

use crate::shop::{HOUR_MS, Reply, START_MS, Shop, amount, order};

async fn add(shop: &Shop, fault: Value) -> u64 {
    let (status, body) = shop.call("POST", "/_sandbox/faults", fault).await;
    assert_eq!(status, 200, "{body}");
    body["id"].as_u64().unwrap()
}

/// One call with the header; what is left of its answer, or nothing if it was cut.
async fn with_header(shop: &Shop, path: &str, body: Value, fault: &str) -> Option<Reply> {
    let request = Request::post(path)
        .header(header::AUTHORIZATION, format!("Bearer {}", shop.token))
        .header("x-sandbox-fault", fault)
        .body(Body::from(body.to_string()))
        .unwrap();
    let response = shop.sandbox.router().oneshot(request).await.unwrap();
    if response.extensions().get::<Severed>().is_some() {
        assert!(response.into_body().collect().await.is_err());
        return None;
    }
    let status = response.status().as_u16();
    let bytes = response.into_body().collect().await.ok()?.to_bytes();
    Some(Reply {
        status,
        location: String::new(),
        refresh: String::new(),
        text: String::from_utf8(bytes.to_vec()).unwrap(),
    })
}

fn capture_of(order_id: &str) -> Value {
    let mut body = amount("100");
    body["order_id"] = order_id.into();
    body
}

async fn captures(shop: &Shop, order_id: &str) -> usize {
    let order = shop.order(order_id).await;
    order["transactions"]["captures"].as_array().unwrap().len()
}

#[tokio::test]
async fn a_fault_is_before_or_after_the_effect() {
    let shop = Shop::open();
    let order_id = shop.authorised().await;
    let mut done = 0;
    for (fault, answered, effect) in [
        ("reset", None, false),
        ("answer-lost; ms=1", None, true),
        ("request-lost; ms=1", None, false),
        ("slow; ms=1", Some(200), true),
        ("rate-limited", Some(429), false),
        ("token-expired", Some(401), false),
        ("server-error", Some(503), false),
        (
            "server-error; status=502; after_effect=true",
            Some(502),
            true,
        ),
        ("truncated", None, true),
        ("not-json", Some(200), true),
    ] {
        let body = capture_of(&order_id);
        let reply = with_header(&shop, "/payments/capture", body, fault).await;
        assert_eq!(reply.map(|reply| reply.status), answered, "{fault}");
        done += usize::from(effect);
        assert_eq!(captures(&shop, &order_id).await, done, "{fault}");
    }
}

#[tokio::test]
async fn broken_answers_are_no_json_and_a_misspelt_fault_is_told() {
    let shop = Shop::open();
    let order_id = shop.authorised().await;
    for fault in ["server-error", "not-json"] {
        let reply = with_header(&shop, "/payments/capture", capture_of(&order_id), fault).await;
        assert!(reply.unwrap().text.starts_with("<!doctype html>"));
    }
    let reply = with_header(&shop, "/payments/capture", json!({}), "anser-lost")
        .await
        .unwrap();
    assert_eq!(reply.status, 400);
    assert!(reply.text.contains("the faults are"));
}

#[tokio::test]
async fn a_rule_is_in_force_until_it_is_used_up_or_taken_away() {
    let shop = Shop::open();
    let order_id = shop.authorised().await;
    let path = format!("/orders/{order_id}");
    let rule = json!({ "fault": "rate-limited", "method": "GET", "path": "/orders/*", "count": 1, "retry_after": 7 });
    add(&shop, rule).await;
    let request = Request::get(&path).header(header::AUTHORIZATION, "Bearer api-sa");
    let request = request.body(Body::empty()).unwrap();
    let response = shop.sandbox.router().oneshot(request).await.unwrap();
    assert_eq!(response.status(), 429);
    assert_eq!(response.headers()[header::RETRY_AFTER], "7");
    assert_eq!(shop.get(&path).await.0, 200);
    let id = add(&shop, json!({ "fault": "server-error" })).await;
    assert_eq!(shop.raw("GET", &path, String::new()).await.status, 503);
    let (_, listed) = shop.get("/_sandbox/faults").await;
    assert_eq!(listed["faults"][1]["struck"], 1);
    assert_eq!(
        shop.call("DELETE", &format!("/_sandbox/faults/{id}"), json!({}))
            .await
            .0,
        200
    );
    assert_eq!(
        shop.call("DELETE", &format!("/_sandbox/faults/{id}"), json!({}))
            .await
            .0,
        404
    );
    assert_eq!(shop.get(&path).await.0, 200);
    add(&shop, json!({ "fault": "server-error" })).await;
    shop.call("DELETE", "/_sandbox/faults", json!({})).await;
    assert_eq!(shop.get(&path).await.0, 200);
    let (status, problem) = shop
        .call("POST", "/_sandbox/faults", json!({ "fault": "x" }))
        .await;
    assert_eq!((status, &problem["title"]), (400, &json!("Bad Request")));
}

#[tokio::test]
async fn chance_has_the_same_history_in_every_sandbox() {
    let history = async |seed: u64| {
        let shop = Shop::open();
        let rule = json!({ "fault": "server-error", "percent": 50, "seed": seed });
        add(&shop, rule).await;
        let mut history = Vec::new();
        for _ in 0..40 {
            history.push(shop.raw("GET", "/orders/none", String::new()).await.status);
        }
        history
    };
    let first = history(3).await;
    assert_eq!(first, history(3).await);
    assert!(first.contains(&503) && first.contains(&404));
    assert_ne!(first, history(4).await);
}

#[tokio::test]
async fn a_stale_read_shows_an_order_as_it_was() {
    let shop = Shop::open();
    add(
        &shop,
        json!({ "fault": "stale", "method": "GET", "seconds": 60 }),
    )
    .await;
    let session = shop.checkout(order()).await;
    shop.sandbox.clock().advance_ms(120_000);
    let customer = shop.sandbox.customer(&session.checkout_id);
    customer.approve(tamara_sandbox::Plan::Three).unwrap();
    assert_eq!(shop.status(&session.order_id).await, "new");
    let by_reference = "/merchants/orders/reference-id/WEB-100482";
    assert_eq!(shop.get(by_reference).await.1["status"], "new");
    shop.sandbox.clock().advance_ms(59_000);
    assert_eq!(shop.status(&session.order_id).await, "new");
    shop.sandbox.clock().advance_ms(1_000);
    assert_eq!(shop.status(&session.order_id).await, "approved");
}

const EVENTS: [&str; 3] = ["order_approved", "order_authorised", "order_captured"];

async fn listening() -> Shop {
    let shop = Shop::open();
    let hook = json!({ "events": EVENTS, "url": "https://shop.example/hooks" });
    assert_eq!(shop.call("POST", "/webhooks", hook).await.0, 200);
    shop
}

fn event(delivery: &Delivery) -> String {
    let body: Value = serde_json::from_str(&delivery.body).unwrap();
    body["event_type"].as_str().unwrap().to_owned()
}

/// Takes what is due and says that it arrived.
fn told(shop: &Shop) -> Vec<String> {
    let due = shop.sandbox.take_due();
    for delivery in &due {
        shop.sandbox.delivered(delivery.id, Ok(200));
    }
    due.iter().map(event).collect()
}

#[tokio::test]
async fn a_callback_is_dropped_doubled_or_delayed() {
    let shop = listening().await;
    shop.sandbox
        .add_fault(Fault::new("webhook-dropped").times(1))
        .unwrap();
    shop.approved().await;
    assert!(told(&shop).is_empty());
    let (_, log) = shop.get("/_sandbox/deliveries").await;
    assert_eq!(
        log["deliveries"][0]["attempts"][0]["fault"],
        "webhook-dropped"
    );
    assert_eq!(log["deliveries"][0]["state"], "given_up");

    shop.sandbox
        .add_fault(Fault::new("webhook-doubled").times(1))
        .unwrap();
    shop.approved().await;
    assert_eq!(told(&shop), ["order_approved", "order_approved"]);
    assert!(told(&shop).is_empty());

    let delayed = Fault {
        seconds: Some(90),
        ..Fault::new("webhook-delayed").times(1)
    };
    shop.sandbox.add_fault(delayed).unwrap();
    shop.approved().await;
    assert!(told(&shop).is_empty());
    let (_, log) = shop.get("/_sandbox/deliveries").await;
    assert_eq!(log["deliveries"][2]["held_by"], "webhook-delayed");
    shop.sandbox.clock().advance_ms(89_999);
    assert!(told(&shop).is_empty());
    shop.sandbox.clock().advance_ms(1);
    assert_eq!(told(&shop), ["order_approved"]);
}

#[tokio::test]
async fn callbacks_change_places_and_come_late() {
    let shop = listening().await;
    let reordered = Fault {
        event: Some("order_approved".into()),
        ..Fault::new("webhook-reordered").times(1)
    };
    shop.sandbox.add_fault(reordered).unwrap();
    shop.authorised().await;
    assert_eq!(told(&shop), ["order_authorised"]);
    assert_eq!(told(&shop), ["order_approved"]);

    let late = Fault {
        seconds: Some(30),
        ..Fault::new("webhook-late").times(1)
    };
    shop.sandbox.add_fault(late).unwrap();
    let order_id = shop.authorised().await;
    assert_eq!(told(&shop), ["order_authorised"]);
    assert!(told(&shop).is_empty());
    shop.sandbox.clock().advance_ms(30_000);
    assert_eq!(told(&shop), ["order_approved"]);

    // Nothing newer ever comes: it is sent after a day all the same.
    shop.sandbox
        .add_fault(Fault::new("webhook-reordered").times(1))
        .unwrap();
    shop.capture(&order_id, "1").await;
    assert!(told(&shop).is_empty());
    shop.sandbox.clock().advance_ms(24 * HOUR_MS);
    assert!(told(&shop).contains(&"order_captured".to_owned()));
}

fn token(delivery: &Delivery) -> (Value, Value, String) {
    let value = delivery
        .headers
        .iter()
        .find(|(name, _)| name == "Authorization");
    let token = value.unwrap().1.strip_prefix("Bearer ").unwrap();
    let parts: Vec<_> = token.split('.').collect();
    let part = |index: usize| {
        serde_json::from_slice(&crate::notifications::base64url(parts[index])).unwrap()
    };
    (part(0), part(1), parts[2].to_owned())
}

async fn one_under(fault: Fault) -> Delivery {
    let shop = listening().await;
    shop.sandbox.add_fault(fault).unwrap();
    shop.approved().await;
    shop.sandbox.take_due().remove(0)
}

#[tokio::test]
async fn a_token_is_forged() {
    let sound = one_under(Fault::new("reset").on("GET", "/nowhere")).await;
    let (_, claims, signature) = token(&sound);
    assert_eq!(claims["iat"], START_MS / 1000);

    let (header, same, other) = token(&one_under(Fault::new("webhook-bad-signature")).await);
    assert_eq!((&header["alg"], &same), (&json!("HS256"), &claims));
    assert_ne!(other, signature);

    let (header, same, empty) = token(&one_under(Fault::new("webhook-wrong-alg")).await);
    assert_eq!(
        (&header["alg"], &same, empty.as_str()),
        (&json!("none"), &claims, "")
    );

    let hs512 = Fault {
        alg: Some("HS512".into()),
        ..Fault::new("webhook-wrong-alg")
    };
    let (header, _, signature) = token(&one_under(hs512).await);
    assert_eq!((&header["alg"], signature.len()), (&json!("HS512"), 86));

    let (_, claims, _) = token(&one_under(Fault::new("webhook-expired")).await);
    assert!(claims["exp"].as_i64().unwrap() < START_MS / 1000);
}

#[tokio::test]
async fn a_body_is_odd() {
    let body = |delivery: &Delivery| serde_json::from_str::<Value>(&delivery.body).unwrap();
    let delivery = one_under(Fault::new("webhook-unknown-event")).await;
    assert_eq!(body(&delivery)["event_type"], "order_on_hold");
    let delivery = one_under(Fault {
        data: Some("object".into()),
        ..Fault::new("webhook-data")
    })
    .await;
    assert_eq!(body(&delivery)["data"], json!({}));
    let shop = listening().await;
    let order_id = shop.authorised().await;
    told(&shop);
    shop.sandbox
        .add_fault(Fault::new("webhook-data").times(1))
        .unwrap();
    shop.capture(&order_id, "5").await;
    let delivery = shop.sandbox.take_due().remove(0);
    assert_eq!(
        (&body(&delivery)["event_type"], &body(&delivery)["data"]),
        (&json!("order_captured"), &json!([]))
    );
    // Struck once: the retry is sound again.
    shop.sandbox.delivered(delivery.id, Ok(400));
    shop.sandbox.clock().advance_ms(5_000);
    let again = shop.sandbox.take_due().remove(0);
    assert!(body(&again)["data"]["capture_id"].is_string());
}
