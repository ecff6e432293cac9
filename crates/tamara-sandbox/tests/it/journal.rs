//! A sandbox that was killed and opened again.

use std::fs::OpenOptions;
use std::io::Write;

use serde_json::json;
use tamara_sandbox::{Clock, Options, Plan};

use crate::shop::{HOUR_MS, MINUTE_MS, START_MS, Shop, options, order};

fn kept(directory: &tempfile::TempDir) -> Options {
    Options {
        data: Some(directory.path().to_owned()),
        clock: Clock::manual(START_MS),
        ..options()
    }
}

#[tokio::test]
async fn everything_survives_without_any_close() {
    let directory = tempfile::tempdir().unwrap();
    let shop = Shop::with(kept(&directory));
    let hook =
        json!({ "events": ["order_approved", "order_captured"], "url": "https://s.example/h" });
    shop.call("POST", "/webhooks", hook).await;
    let order_id = shop.authorised().await;
    shop.capture(&order_id, "100.5").await;
    let delivered = shop.sandbox.take_due().remove(0);
    shop.sandbox.delivered(delivered.id, Ok(200));
    let open = shop.checkout(order()).await;
    let before = shop.sandbox.state();
    let seen = shop.order(&order_id).await;
    // A killed process closes nothing: the first sandbox is still there when the second opens.
    let again = Shop::with(kept(&directory));
    assert_eq!(again.sandbox.state(), before);
    assert_eq!(again.order(&order_id).await, seen);
    // In flight when the process died: due again.
    let due = again.sandbox.take_due();
    assert_eq!(due.len(), 1);
    assert_ne!(due[0].id, delivered.id);
    again
        .sandbox
        .customer(&open.checkout_id)
        .approve(Plan::Full)
        .unwrap();
    // Ids go on where they stopped.
    let fresh = again.checkout(order()).await;
    assert!(fresh.order_id != order_id && fresh.order_id != open.order_id);
    let path = "/merchants/orders/reference-id/WEB-100482";
    assert_eq!(again.get(path).await.1["order_id"], fresh.order_id);
}

#[tokio::test]
async fn the_clocks_offset_survives_and_is_not_added_twice() {
    let directory = tempfile::tempdir().unwrap();
    let shop = Shop::with(kept(&directory));
    let order_id = shop.approved().await;
    shop.sandbox.clock().advance_ms(73 * HOUR_MS);
    shop.sandbox.tick();
    let again = Shop::with(kept(&directory));
    assert_eq!(again.sandbox.clock().now_ms(), START_MS + 73 * HOUR_MS);
    assert_eq!(again.status(&order_id).await, "expired");
    let mut same_clock = kept(&directory);
    same_clock.clock = again.sandbox.clock();
    let third = Shop::with(same_clock);
    assert_eq!(third.sandbox.clock().now_ms(), START_MS + 73 * HOUR_MS);
}

#[tokio::test]
async fn a_torn_last_line_never_happened() {
    let directory = tempfile::tempdir().unwrap();
    let shop = Shop::with(kept(&directory));
    let order_id = shop.authorised().await;
    let path = directory.path().join("journal.jsonl");
    let mut file = OpenOptions::new().append(true).open(&path).unwrap();
    file.write_all(br#"[{"order":{"order_id":"half"#).unwrap();
    let again = Shop::with(kept(&directory));
    assert_eq!(again.status(&order_id).await, "authorised");
    again.capture(&order_id, "1").await;
    let third = Shop::with(kept(&directory));
    assert_eq!(third.status(&order_id).await, "partially_captured");
}

#[tokio::test]
async fn a_damaged_line_is_an_error_with_its_place() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("journal.jsonl");
    std::fs::write(&path, "[]\nnonsense\n[]\n").unwrap();
    let error = tamara_sandbox::Sandbox::open(kept(&directory))
        .err()
        .unwrap();
    assert!(error.to_string().contains("line 2 is damaged"), "{error}");
}

#[tokio::test]
async fn opening_compacts_the_history() {
    let directory = tempfile::tempdir().unwrap();
    let shop = Shop::with(kept(&directory));
    let order_id = shop.authorised().await;
    for _ in 0..20 {
        shop.capture(&order_id, "1").await;
    }
    let path = directory.path().join("journal.jsonl");
    let lines = || std::fs::read_to_string(&path).unwrap().lines().count();
    let before = lines();
    let again = Shop::with(kept(&directory));
    assert!(lines() < before);
    assert_eq!(
        again.order(&order_id).await["captured_amount"]["amount"],
        20
    );
}

#[tokio::test]
async fn a_reset_and_a_removed_webhook_stay_gone() {
    let directory = tempfile::tempdir().unwrap();
    let shop = Shop::with(kept(&directory));
    shop.approved().await;
    shop.call("POST", "/_sandbox/reset", json!({})).await;
    let hook = json!({ "events": ["order_approved"], "url": "https://s.example/h" });
    let (_, made) = shop.call("POST", "/webhooks", hook).await;
    let path = format!("/webhooks/{}", made["webhook_id"].as_str().unwrap());
    shop.call("DELETE", &path, json!({})).await;
    shop.sandbox.clock().advance_ms(MINUTE_MS);
    let again = Shop::with(kept(&directory));
    let state = again.sandbox.state();
    assert_eq!(
        (&state["orders"], &state["webhooks"]),
        (&json!([]), &json!([]))
    );
}

#[test]
fn unusable_merchants_are_refused() {
    use tamara_sandbox::{Merchant, Sandbox};
    let check = |merchants: Vec<Merchant>| {
        let refused = Sandbox::open(Options {
            merchants,
            ..options()
        });
        assert!(refused.is_err());
    };
    check(vec![Merchant::new("A", "SA", "", "n")]);
    check(vec![Merchant::new("A", "SA", "a", " ")]);
    check(vec![Merchant::new("A", "EG", "a", "n")]);
    check(vec![
        Merchant::new("A", "SA", "a", "n"),
        Merchant::new("A", "SA", "b", "n"),
    ]);
    check(vec![
        Merchant::new("A", "SA", "a", "n"),
        Merchant::new("B", "SA", "a", "n"),
    ]);
    let mut cross = Merchant::new("A", "SA", "a", "n");
    cross.currency = "KWD".to_owned();
    check(vec![cross]);
}
