//! The webhook registry and its quirks.

use serde_json::{Value, json};

use crate::shop::Shop;

fn wish(url: &str) -> Value {
    json!({ "type": "order", "events": ["order_approved", "order_expired"], "url": url })
}

#[tokio::test]
async fn webhooks_are_registered_shown_replaced_and_removed() {
    let shop = Shop::open();
    let mut body = wish("https://shop.example/hooks");
    body["headers"] = json!({ "x-shop-key": "k-123" });
    let (status, made) = shop.call("POST", "/webhooks", body).await;
    assert_eq!(status, 200);
    assert_eq!(made["headers"], json!({ "x-shop-key": "k-123" }));
    assert!(made["merchant_id"].is_string());
    let id = made["webhook_id"].as_str().unwrap();
    let path = format!("/webhooks/{id}");
    let (_, seen) = shop.get(&path).await;
    assert_eq!(seen["events"], json!(["order_approved", "order_expired"]));
    assert_eq!(shop.get("/webhooks/list").await.1, json!([seen]));

    let (_, replaced) = shop
        .call("PUT", &path, wish("https://shop.example/other"))
        .await;
    assert_eq!(replaced["url"], "https://shop.example/other");
    // No headers are an empty list, as PHP writes an empty object.
    assert_eq!(replaced["headers"], json!([]));

    assert_eq!(shop.of("api-kw").get(&path).await.0, 404);
    let (status, removed) = shop.call("DELETE", &path, json!({})).await;
    assert_eq!(status, 200);
    assert_eq!(
        removed,
        json!({ "message": "Webhook was removed successfully" })
    );
    let (status, again) = shop.call("DELETE", &path, json!({})).await;
    assert_eq!(status, 404);
    assert_eq!(again["errors"][0]["error_code"], "webhook_not_found");
}

#[tokio::test]
async fn a_known_address_is_an_error_that_names_its_id() {
    let shop = Shop::open();
    let body = wish("https://shop.example/hooks");
    let (_, made) = shop.call("POST", "/webhooks", body.clone()).await;
    let (status, again) = shop.call("POST", "/webhooks", body.clone()).await;
    assert_eq!(status, 400);
    let error = json!({
        "error_code": "webhook_already_registered",
        "data": { "webhook_id": made["webhook_id"] },
    });
    assert_eq!(again["errors"][0], error);
    // Another merchant may listen at the same place.
    assert_eq!(
        shop.of("api-kw").call("POST", "/webhooks", body).await.0,
        200
    );
}

#[tokio::test]
async fn unknown_events_are_refused_by_name() {
    let shop = Shop::open();
    let mut body = wish("https://shop.example/hooks");
    body["events"] = json!(["order_approved", "order_updated"]);
    let (status, refused) = shop.call("POST", "/webhooks", body.clone()).await;
    let expected = json!({
        "message": "Invalid registered event order_updated", "errors": [],
        "data": {}, "title": null, "screen_type": null,
    });
    assert_eq!((status, refused), (400, expected));
    body["type"] = "dispute".into();
    body["events"] = json!(["OrderDisputeWasUpdated"]);
    assert_eq!(shop.call("POST", "/webhooks", body).await.0, 200);
}

#[tokio::test]
async fn addresses_are_https_or_local_and_short() {
    let shop = Shop::open();
    for url in [
        "https://s.example/h",
        "http://localhost:8080/h",
        "http://127.0.0.1/h",
    ] {
        assert_eq!(
            shop.call("POST", "/webhooks", wish(url)).await.0,
            200,
            "{url}"
        );
    }
    let long = format!("https://s.example/{}", "x".repeat(255));
    let bad = [
        "http://s.example/h",
        "ftp://localhost/h",
        "",
        "nonsense",
        "http://localhost.evil.example/h",
        &long,
    ];
    for url in bad {
        assert_eq!(
            shop.call("POST", "/webhooks", wish(url)).await.0,
            400,
            "{url}"
        );
    }
    for (name, value) in [
        ("events", json!([])),
        ("events", json!("x")),
        ("headers", json!({ "a b": "c" })),
    ] {
        let mut body = wish("https://s.example/other");
        body[name] = value;
        assert_eq!(shop.call("POST", "/webhooks", body).await.0, 400, "{name}");
    }
    let mut php = wish("https://s.example/php");
    php["headers"] = json!([]);
    php.as_object_mut().unwrap().remove("type");
    assert_eq!(shop.call("POST", "/webhooks", php).await.0, 200);
}
