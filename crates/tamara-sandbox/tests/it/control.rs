//! The control API: clock, books, people, deliveries, assertions, and what it says when it refuses.

use serde_json::{Value, json};
use tamara_sandbox::{Merchant, Options, RequestLog, Sandbox, Seed, TokenTime};

use crate::shop::{DAY_MS, HOUR_MS, START_MS, Shop, options, order};

async fn hooked() -> Shop {
    let shop = Shop::open();
    let hook = json!({
        "events": ["order_approved", "order_captured"], "url": "https://shop.example/hooks",
        "headers": { "X-Key": "k-123" },
    });
    assert_eq!(shop.call("POST", "/webhooks", hook).await.0, 200);
    shop
}

#[tokio::test]
async fn the_clock_is_set_advanced_frozen_and_run() {
    let shop = Shop::open();
    let (_, clock) = shop.get("/_sandbox/clock").await;
    assert_eq!(
        (&clock["now_ms"], &clock["frozen"]),
        (&json!(START_MS), &json!(true))
    );
    let session = shop.checkout(order()).await;
    let (_, clock) = shop
        .call(
            "POST",
            "/_sandbox/clock/advance",
            json!({ "minutes": 29, "seconds": 59 }),
        )
        .await;
    assert_eq!(clock["now_ms"], START_MS + 1_799_000);
    assert_eq!(shop.status(&session.order_id).await, "new");
    let (status, _) = shop
        .call(
            "POST",
            "/_sandbox/clock/set",
            json!({ "now": "2026-03-02T09:44:06Z" }),
        )
        .await;
    assert_eq!(status, 200);
    assert_eq!(shop.status(&session.order_id).await, "expired");
    for (path, body, status) in [
        ("set", json!({ "now_ms": 1 }), 409),
        ("set", json!({ "now": "yesterday" }), 400),
        ("set", json!({}), 400),
        ("advance", json!({ "days": -1 }), 400),
        ("advance", json!({}), 400),
        ("run", json!({}), 409),
        ("freeze", json!({}), 200),
    ] {
        let (answered, body) = shop
            .call("POST", &format!("/_sandbox/clock/{path}"), body)
            .await;
        assert_eq!(answered, status, "{path} {body}");
        assert!(status == 200 || body["detail"].is_string(), "{body}");
    }
}

#[tokio::test]
async fn a_real_clock_freezes_and_runs() {
    let sandbox = Sandbox::open(Options::new("", vec![Merchant::sample("SA")])).unwrap();
    let shop = Shop::around(sandbox);
    assert_eq!(shop.get("/_sandbox/clock").await.1["frozen"], false);
    let (_, frozen) = shop.call("POST", "/_sandbox/clock/freeze", json!({})).await;
    assert_eq!(shop.get("/_sandbox/clock").await.1, frozen);
    // Only the clock opens a refusing listener again.
    let (status, _) = shop
        .call("POST", "/_sandbox/faults", json!({ "fault": "refuse" }))
        .await;
    assert_eq!(status, 409);
    let (_, running) = shop.call("POST", "/_sandbox/clock/run", json!({})).await;
    assert_eq!(running["frozen"], false);
}

#[tokio::test]
async fn a_snapshot_gives_back_books_clock_and_ids() {
    let shop = hooked().await;
    let order_id = shop.authorised().await;
    let (_, snapshot) = shop.get("/_sandbox/snapshot").await;
    let before = shop.sandbox.state();
    let (_, first) = shop.capture(&order_id, "300").await;
    shop.call("POST", "/_sandbox/clock/advance", json!({ "days": 30 }))
        .await;
    shop.checkout(order()).await;
    let (status, _) = shop
        .call("POST", "/_sandbox/restore", snapshot.clone())
        .await;
    assert_eq!(status, 200);
    assert_eq!(shop.sandbox.state(), before);
    let (_, again) = shop.capture(&order_id, "300").await;
    assert_eq!(again, first);
    // Into another sandbox, too.
    let other = Shop::open();
    other.call("POST", "/_sandbox/restore", snapshot).await;
    assert_eq!(other.sandbox.state(), before);
    assert_eq!(other.capture(&order_id, "300").await.1, first);
    assert_eq!(
        shop.call("POST", "/_sandbox/restore", json!({})).await.0,
        400
    );
}

#[tokio::test]
async fn a_restored_journal_is_what_the_next_start_finds() {
    let directory = tempfile::tempdir().unwrap();
    let kept = || Options {
        data: Some(directory.path().to_owned()),
        ..options()
    };
    let shop = Shop::with(kept());
    let order_id = shop.authorised().await;
    let (_, snapshot) = shop.get("/_sandbox/snapshot").await;
    shop.sandbox.clock().advance_ms(40 * DAY_MS);
    assert_eq!(shop.status(&order_id).await, "fully_captured");
    shop.call("POST", "/_sandbox/restore", snapshot).await;
    shop.capture(&order_id, "5").await;
    let again = Shop::with(kept());
    assert_eq!(again.sandbox.state(), shop.sandbox.state());
    assert_eq!(again.status(&order_id).await, "partially_captured");
}

#[tokio::test]
async fn a_reset_forgets_orders_and_faults() {
    let shop = hooked().await;
    shop.approved().await;
    shop.call(
        "POST",
        "/_sandbox/faults",
        json!({ "fault": "server-error" }),
    )
    .await;
    assert_eq!(shop.call("POST", "/_sandbox/reset", json!({})).await.0, 200);
    assert_eq!(shop.get("/_sandbox/faults").await.1["faults"], json!([]));
    assert_eq!(shop.sandbox.state()["orders"], json!([]));
    assert_eq!(shop.get("/orders/none").await.0, 404);
}

fn seed() -> Value {
    json!({
        "merchants": [{
            "name": "Palm", "country": "KW", "api_token": "api-palm",
            "notification_token": "note-palm", "max": "100.500",
        }],
        "choices": { "require_shipping_info": true },
        "orders": [
            { "reference": "A-1", "total": "300.00", "status": "authorised", "captures": ["100.00", "50"], "refunds": [20] },
            { "reference": "A-2", "total": 10, "merchant": "Palm", "checkout": { "description": "Dates" } },
            { "reference": "A-3", "total": "20", "status": "declined" },
            { "reference": "A-4", "total": "20", "status": "expired" },
            { "reference": "A-5", "total": "20", "status": "approved", "plan": "full" },
            { "reference": "A-6", "total": "20", "status": "authorised", "cancels": ["5"] },
        ],
        "webhooks": [{ "url": "https://shop.example/h", "events": ["order_captured"] }],
        "faults": [{ "fault": "rate-limited", "path": "/nowhere" }],
    })
}

#[tokio::test]
async fn a_seed_fills_the_books() {
    let shop = Shop::open();
    let (status, made) = shop.call("POST", "/_sandbox/seed", seed()).await;
    assert_eq!(status, 200, "{made}");
    let state = shop.sandbox.state();
    let status = |index: usize| state["orders"][index]["status"].as_str().unwrap();
    let statuses: Vec<_> = (0..6).map(status).collect();
    let expected = [
        "partially_refunded",
        "new",
        "declined",
        "expired",
        "approved",
        "updated",
    ];
    assert_eq!(statuses, expected);
    assert_eq!(state["orders"][0]["order_id"], made["orders"][0]);
    assert_eq!(state["orders"][1]["description"], "Dates");
    assert_eq!(state["deliveries"], json!([]));
    assert_eq!(state["webhooks"].as_array().unwrap().len(), 1);
    let (_, choices) = shop.get("/_sandbox/choices").await;
    assert_eq!(choices["require_shipping_info"], true);
    assert_eq!(
        shop.get("/_sandbox/faults").await.1["faults"][0]["fault"],
        "rate-limited"
    );
    let palm = shop.of("api-palm");
    assert_eq!(
        palm.get("/merchants/orders/reference-id/A-2").await.1["status"],
        "new"
    );
    assert!(Seed::parse("{}").is_ok() && Seed::parse(r#"{"order":[]}"#).is_err());
}

#[tokio::test]
async fn a_refused_seed_leaves_nothing_and_says_which_entry() {
    let shop = Shop::open();
    let mut odd = seed();
    odd["orders"][5]["captures"] = json!(["500"]);
    let (status, problem) = shop.call("POST", "/_sandbox/seed", odd).await;
    assert_eq!(status, 400);
    assert!(
        problem["detail"].as_str().unwrap().starts_with("order 6:"),
        "{problem}"
    );
    assert_eq!(shop.sandbox.state()["orders"], json!([]));
    let mut odd = seed();
    odd["webhooks"][0]["events"] = json!(["order_odd"]);
    let (_, problem) = shop.call("POST", "/_sandbox/seed", odd).await;
    assert!(
        problem["detail"]
            .as_str()
            .unwrap()
            .starts_with("webhook 1:"),
        "{problem}"
    );
    assert_eq!(shop.sandbox.state()["orders"], json!([]));
}

#[tokio::test]
async fn choices_are_seen_and_made() {
    let shop = Shop::open();
    let (status, choices) = shop
        .call(
            "PUT",
            "/_sandbox/choices",
            json!({ "lenient_amounts": true }),
        )
        .await;
    assert_eq!((status, &choices["lenient_amounts"]), (200, &json!(true)));
    assert_eq!(
        shop.call("PUT", "/_sandbox/choices", json!({ "odd": 1 }))
            .await
            .0,
        400
    );
}

#[tokio::test]
async fn the_portal_works_on_what_is_left_or_on_an_amount() {
    let shop = Shop::open();
    shop.approved().await;
    let path = |act: &str| format!("/_sandbox/orders/WEB-100482/{act}");
    let acts = [
        ("authorise", json!({}), 200, "authorised"),
        ("cancel", json!({ "amount": "75.00" }), 200, "updated"),
        (
            "capture",
            json!({ "amount": "100" }),
            200,
            "partially_captured",
        ),
        ("capture", json!({}), 200, "fully_captured"),
        ("refund", json!({ "amount": 50 }), 200, "partially_refunded"),
        ("refund", json!({}), 200, "fully_refunded"),
    ];
    for (act, body, status, became) in acts {
        let (answered, answer) = shop.call("POST", &path(act), body).await;
        assert_eq!(
            (answered, &answer["status"]),
            (status, &json!(became)),
            "{act} {answer}"
        );
    }
    for (path, body, status) in [
        (path("capture"), json!({}), 409),
        (path("refund"), json!({ "amount": "1.234" }), 400),
        (path("refund"), json!({ "amount": 0 }), 400),
        (path("dance"), json!({}), 400),
        ("/_sandbox/orders/none/refund".to_owned(), json!({}), 404),
        ("/_sandbox/sessions/none/approve".to_owned(), json!({}), 404),
        ("/_sandbox/sessions/none/dance".to_owned(), json!({}), 400),
    ] {
        let (answered, problem) = shop.call("POST", &path, body).await;
        assert_eq!(answered, status, "{path} {problem}");
        assert_eq!(problem["status"], status);
    }
}

#[tokio::test]
async fn an_order_has_a_timeline() {
    let shop = Shop::open();
    let order_id = shop.authorised().await;
    shop.sandbox.clock().advance_ms(HOUR_MS);
    shop.capture(&order_id, "575").await;
    let (_, order) = shop.get(&format!("/_sandbox/orders/{order_id}")).await;
    let timeline = order["timeline"].as_array().unwrap().iter();
    let what: Vec<_> = timeline
        .map(|entry| entry["what"].as_str().unwrap())
        .collect();
    assert_eq!(
        what,
        ["new", "approved", "authorised", "captured 575.00 SAR"]
    );
    shop.checkout(crate::shop::order()).await;
    shop.sandbox.clock().advance_ms(HOUR_MS);
    let (_, order) = shop.get("/_sandbox/orders/WEB-100482").await;
    let end = &order["timeline"][1];
    assert_eq!(
        (&end["what"], &end["at_ms"]),
        (&json!("expired"), &json!(START_MS + HOUR_MS + HOUR_MS / 2))
    );
    assert_eq!(shop.get("/_sandbox/orders/none").await.0, 404);
}

#[tokio::test]
async fn a_dispute_is_opened_for_a_captured_order() {
    let shop = Shop::open();
    let order_id = shop.authorised().await;
    shop.capture(&order_id, "300").await;
    let body = json!({ "order": order_id, "amount": "50" });
    let (status, made) = shop.call("POST", "/_sandbox/disputes", body).await;
    assert_eq!(status, 200, "{made}");
    assert!(made["id"].is_u64());
    let body = json!({ "order": order_id, "amount": "301" });
    assert_eq!(shop.call("POST", "/_sandbox/disputes", body).await.0, 409);
    assert_eq!(
        shop.call("POST", "/_sandbox/disputes", json!({})).await.0,
        400
    );
}

#[tokio::test]
async fn the_delivery_log_has_requests_and_answers_and_sends_again() {
    let shop = hooked().await;
    let order_id = shop.approved().await;
    let first = shop.sandbox.take_due().remove(0);
    shop.sandbox.delivered(first.id, Ok(200));
    let (_, log) = shop
        .get(&format!("/_sandbox/deliveries?order={order_id}"))
        .await;
    let entry = &log["deliveries"][0];
    assert_eq!(entry["state"], "delivered");
    assert_eq!(
        entry["request"]["url"],
        "https://shop.example/hooks?tamaraToken=***"
    );
    assert_eq!(entry["request"]["headers"]["X-Key"], "***");
    assert_eq!(entry["attempts"][0]["http_status"], 200);
    assert!(!log.to_string().contains("k-123"));

    shop.sandbox.clock().advance_ms(HOUR_MS);
    let path = format!("/_sandbox/deliveries/{}", first.id);
    assert_eq!(
        shop.call("POST", &format!("{path}/resend"), json!({}))
            .await
            .0,
        200
    );
    let again = shop.sandbox.take_due().remove(0);
    assert_eq!((again.id, &again.body), (first.id, &first.body));
    assert_ne!(again.url, first.url, "a fresh token");
    shop.sandbox.delivered(again.id, Ok(200));
    let (_, entry) = shop.get(&path).await;
    assert_eq!(entry["attempts"].as_array().unwrap().len(), 2);

    let (_, twin) = shop
        .call("POST", &format!("{path}/duplicate"), json!({}))
        .await;
    let twin_delivery = shop.sandbox.take_due().remove(0);
    assert_eq!(json!(twin_delivery.id), twin["id"]);
    assert_eq!(twin_delivery.body, first.body);
    assert_eq!(
        shop.get("/_sandbox/deliveries?order=none").await.1["deliveries"],
        json!([])
    );
    for path in [
        "/_sandbox/deliveries/999/resend",
        "/_sandbox/deliveries/999/duplicate",
    ] {
        assert_eq!(shop.call("POST", path, json!({})).await.0, 404);
    }
    assert_eq!(shop.get("/_sandbox/deliveries/999").await.0, 404);
}

#[tokio::test]
async fn an_assertion_says_the_difference_in_words() {
    let shop = hooked().await;
    let order_id = shop.authorised().await;
    shop.capture(&order_id, "300").await;
    shop.capture(&order_id, "100.5").await;
    let delivery = shop.sandbox.take_due().remove(0);
    shop.sandbox.delivered(delivery.id, Ok(200));
    let right = json!({
        "order": "WEB-100482", "status": "partially_captured", "total": 575, "captured": "400.50",
        "canceled": 0, "refunded": "0", "captures": [{ "amount": "100.50" }, { "amount": 300 }],
        "refunds": [], "cancels": [], "delivered": ["order_approved"], "orders": 1,
    });
    let (status, body) = shop.call("POST", "/_sandbox/assert", right).await;
    assert_eq!(status, 200, "{body}");
    let wrong = json!({
        "order": order_id, "status": "fully_captured", "captured": "300.00", "refunded": "1.234",
        "captures": [{ "amount": "300.00" }], "refunds": [{ "amount": "5" }],
        "delivered": ["order_captured", "order_refunded"], "orders": 2,
    });
    let (status, problem) = shop.call("POST", "/_sandbox/assert", wrong).await;
    assert_eq!(status, 409);
    assert_eq!(
        problem["differences"],
        json!([
            "orders: expected 2, found 1",
            "status: expected fully_captured, found partially_captured",
            "captured: expected 300.00, found 400.50 SAR",
            "refunded: expected 1.234, which is more fraction digits than the currency has",
            "captures: expected 1 of 300.00, found 2 of 100.50 and 300.00 SAR",
            "refunds: expected 1 of 5.00, found none SAR",
            "delivered: expected order_captured, which is pending",
            "delivered: expected order_refunded, which is never queued",
        ])
    );
    let (status, _) = shop
        .call("POST", "/_sandbox/assert", json!({ "order": "none" }))
        .await;
    assert_eq!(status, 404);
    let (status, _) = shop
        .call(
            "POST",
            "/_sandbox/assert",
            json!({ "order": "none", "orders": 0 }),
        )
        .await;
    assert_eq!(status, 200);
    let (status, _) = shop
        .call("POST", "/_sandbox/assert", json!({ "ordre": "x" }))
        .await;
    assert_eq!(status, 400);
}

#[tokio::test]
async fn the_page_shows_orders_callbacks_and_switches_and_its_forms_work() {
    let shop = hooked().await;
    let order_id = shop.approved().await;
    let open = shop.checkout(order()).await;
    let page = shop.page("GET", "/_sandbox", &[]).await;
    assert_eq!(page.status, 200);
    for text in [
        "WEB-100482",
        "575.00 SAR",
        "2026-03-02 09:14:05",
        "order_approved",
        &format!("/_sandbox/orders/{order_id}/authorise"),
        &format!("/_sandbox/sessions/{}/decline", open.checkout_id),
        "/_sandbox/clock/advance",
        "answer-lost",
        "webhook-late",
    ] {
        assert!(page.text.contains(text), "{text}");
    }
    assert!(!page.text.contains("aria-checked=\"true\" formaction"));
    let form = [("fault", "slow"), ("path", ""), ("count", "1")];
    assert_eq!(
        shop.page("POST", "/_sandbox/faults", &form).await.status,
        200
    );
    let page = shop.page("GET", "/_sandbox", &[]).await;
    assert!(
        page.text
            .contains("aria-checked=\"true\" formaction=\"/_sandbox/faults/1/remove\"")
    );
    assert_eq!(
        shop.page("POST", "/_sandbox/faults/1/remove", &[])
            .await
            .status,
        200
    );
}

#[tokio::test]
async fn the_control_api_describes_itself() {
    let (status, document) = Shop::open().get("/_sandbox/openapi.json").await;
    assert_eq!((status, &document["openapi"]), (200, &json!("3.1.0")));
    let (_, kinds) = Shop::open().get("/_sandbox/faults/kinds").await;
    assert!(kinds["kinds"].as_array().unwrap().len() > 20);
}

#[tokio::test]
async fn the_request_log_hides_who_and_what_is_secret() {
    let (sender, blocks) = std::sync::mpsc::channel();
    let log = RequestLog::new(move |block| sender.send(block.to_owned()).unwrap());
    let shop = Shop::with(Options {
        request_log: Some(log),
        ..options()
    });
    let session = shop.checkout(order()).await;
    let block = blocks.recv().unwrap();
    for text in [
        "POST /checkout",
        "authorization: Bearer ***",
        "Desk lamp",
        "-> 200",
        "checkout_url",
    ] {
        assert!(block.contains(text), "{text} {block}");
    }
    for text in [
        "api-sa",
        "Noura",
        "Alharbi",
        "551230045",
        "noura@example.com",
        "Olaya",
    ] {
        assert!(!block.contains(text), "{text} {block}");
    }
    shop.order(&session.order_id).await;
    let block = blocks.recv().unwrap();
    assert!(
        block.contains("GET /orders/") && !block.contains("Noura"),
        "{block}"
    );
    shop.capture(&session.order_id, "1").await;
    assert!(blocks.recv().unwrap().contains("-> 409"));
    shop.sandbox
        .add_fault(tamara_sandbox::Fault::new("reset").times(1))
        .unwrap();
    shop.raw_or_cut("GET", "/orders/x").await;
    assert!(blocks.recv().unwrap().contains("no answer"));
    shop.page("GET", &format!("/checkout/{}", session.checkout_id), &[])
        .await;
    assert!(blocks.recv().unwrap().contains("bytes that are no JSON"));
}

#[tokio::test]
async fn tokens_are_dated_by_the_clock_that_their_receiver_goes_by() {
    let iat = async |options: Options| {
        let shop = Shop::around(Sandbox::open(options).unwrap());
        let hook = json!({ "events": ["order_approved"], "url": "https://shop.example/h" });
        shop.call("POST", "/webhooks", hook).await;
        shop.sandbox.clock().advance_ms(100 * DAY_MS);
        shop.approved().await;
        let delivery = shop.sandbox.take_due().remove(0);
        let claims = delivery.url.split('.').nth(2).unwrap().to_owned();
        let claims: Value =
            serde_json::from_slice(&crate::notifications::base64url(&claims)).unwrap();
        claims["iat"].as_i64().unwrap() * 1000
    };
    let plain = || Options::new("", vec![Merchant::sample("SA")]);
    let now_ms = tamara_sandbox::Clock::real().now_ms();
    assert!((iat(plain()).await - now_ms).abs() < HOUR_MS);
    let later_ms = now_ms + 100 * DAY_MS;
    let seeded = Options {
        seed: Some(1),
        ..plain()
    };
    assert!((iat(seeded).await - later_ms).abs() < HOUR_MS);
    let shared = Options {
        token_time: Some(TokenTime::Sandbox),
        ..plain()
    };
    assert!((iat(shared).await - later_ms).abs() < HOUR_MS);
}
