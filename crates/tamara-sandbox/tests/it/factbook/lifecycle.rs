//! `order-lifecycle.md`: statuses, transitions with their events, the matrix, the timers.

use serde_json::{Value, json};
use tamara_sandbox::{Choices, Options, Plan, Uncaptured};

use super::{quoted, tables};
use crate::matrix::bring;
use crate::shop::{DAY_MS, HOUR_MS, MINUTE_MS, Shop, options, order};

const PAGE: &str = "order-lifecycle.md";

#[tokio::test]
async fn every_status_is_reached_and_spelt() {
    let shop = Shop::open();
    for row in &tables(PAGE, "4.1")[0] {
        let status = quoted(&row[0]).remove(0);
        if status == "on_hold" {
            // Never produced.
            continue;
        }
        let order_id = bring(&shop, &status).await;
        assert_eq!(shop.status(&order_id).await, status);
        // A status is terminal when no time moves it and no operation is allowed.
        shop.sandbox.clock().advance_ms(22 * DAY_MS);
        let moved = shop.status(&order_id).await != status;
        let rests = matches!(status.as_str(), "fully_captured" | "partially_refunded");
        assert_eq!(moved, row[2].starts_with("no") && !rests, "{status}");
    }
}

/// Event types and callbacks sent so far.
fn events(shop: &Shop) -> Vec<String> {
    let state = shop.sandbox.state();
    let deliveries = state["deliveries"].as_array().unwrap().iter();
    let of = |delivery: &Value| delivery["body"]["event_type"].as_str().map(str::to_owned);
    deliveries.filter_map(of).collect()
}

async fn listening(token: &'static str, choices: Choices) -> Shop {
    let options = Options {
        choices,
        ..options()
    };
    let shop = Shop::with(options).of(token);
    let events = [
        "order_approved",
        "order_declined",
        "order_authorised",
        "order_canceled",
        "order_captured",
        "order_refunded",
        "order_expired",
    ];
    let body = json!({ "events": events, "url": "https://shop.example/h" });
    assert_eq!(shop.call("POST", "/webhooks", body).await.0, 200);
    shop
}

/// Row of 4.2 as "from > to" and a part of its trigger that tells it from others; what is done; the
/// status after it and the events that it sent.
type Case = (
    &'static str,
    &'static str,
    &'static str,
    &'static str,
    &'static [&'static str],
);

#[rustfmt::skip]
const TRANSITIONS: [Case; 17] = [
    ("– > new", "POST /checkout", "open", "new", &[]),
    ("new > approved", "first payment", "approve", "approved", &["order_approved"]),
    ("new > declined", "refusal", "decline", "declined", &["order_declined"]),
    ("new > expired", "30 minutes", "30 min", "expired", &["order_expired"]),
    ("new > expired", "customer cancels", "leave", "expired", &["order_expired"]),
    ("approved > authorised", "POST authorise", "authorise", "authorised", &["order_authorised"]),
    ("approved > expired", "72 hours", "72 h", "expired", &["order_expired"]),
    ("approved > fully_captured", "auto-authorisation", "auto-authorised", "fully_captured", &["order_approved", "order_captured"]),
    ("approved > fully_captured", "auto-capture", "auto-captured", "fully_captured", &["order_authorised", "order_captured"]),
    ("authorised > canceled", "full amount", "cancel 575", "canceled", &["order_canceled"]),
    ("authorised > updated", "smaller amount", "cancel 75", "updated", &["order_canceled"]),
    ("authorised, updated > partially_captured, fully_captured", "capture", "capture 75", "partially_captured", &["order_captured"]),
    ("authorised > fully_captured", "21 days", "21 d", "fully_captured", &["order_captured"]),
    ("authorised > expired", "90 days", "90 d", "expired", &["order_expired"]),
    ("partially_captured > fully_captured", "further captures", "capture twice", "fully_captured", &["order_captured"]),
    ("fully_captured, partially_captured > partially_refunded, fully_refunded", "refund", "refund 75", "partially_refunded", &["order_refunded"]),
    ("partially_refunded > partially_refunded, fully_refunded", "further refunds", "refund twice", "fully_refunded", &["order_refunded"]),
];

/// Does it, and answers the order and how many events came before.
async fn act(shop: &Shop, act: &str) -> (String, usize) {
    let session = shop.checkout(order()).await;
    let (id, customer) = (
        session.order_id,
        shop.sandbox.customer(&session.checkout_id),
    );
    let portal = shop.sandbox.portal(&id);
    let clock = shop.sandbox.clock();
    let online = [
        "open",
        "approve",
        "decline",
        "30 min",
        "leave",
        "auto-authorised",
    ];
    if !online.contains(&act) {
        customer.approve(Plan::Three).unwrap();
        if !matches!(act, "authorise" | "72 h" | "auto-captured") {
            portal.authorise().unwrap();
        }
    }
    match act {
        "capture twice" => drop(portal.capture(10_000).unwrap()),
        "refund 75" => drop(portal.capture(57_500).unwrap()),
        "refund twice" => {
            portal.capture(57_500).unwrap();
            portal.refund(10_000).unwrap();
        }
        _ => {}
    }
    let before = events(shop).len();
    match act {
        "open" => {}
        "approve" | "auto-authorised" => drop(customer.approve(Plan::Three).unwrap()),
        "decline" => drop(customer.decline().unwrap()),
        "leave" => drop(customer.cancel().unwrap()),
        "30 min" => clock.advance_ms(30 * MINUTE_MS),
        "authorise" | "auto-captured" => drop(shop.authorise(&id).await),
        "72 h" => clock.advance_ms(72 * HOUR_MS),
        "21 d" => clock.advance_ms(21 * DAY_MS),
        "90 d" => clock.advance_ms(90 * DAY_MS),
        "cancel 575" => drop(portal.cancel(57_500).unwrap()),
        "cancel 75" => drop(portal.cancel(7_500).unwrap()),
        "capture 75" => drop(portal.capture(7_500).unwrap()),
        "capture twice" => drop(portal.capture(47_500).unwrap()),
        "refund 75" => drop(portal.refund(7_500).unwrap()),
        "refund twice" => drop(portal.refund(47_500).unwrap()),
        _ => panic!("{act} is unknown"),
    }
    shop.sandbox.tick();
    (id, before)
}

#[tokio::test]
async fn every_transition_happens_and_is_told() {
    let rows = &tables(PAGE, "4.2")[0];
    assert_eq!(rows.len(), TRANSITIONS.len(), "a row of 4.2 has no case");
    for row in rows {
        let from = match quoted(&row[0]) {
            none if none.is_empty() => "–".to_owned(),
            names => names.join(", "),
        };
        let name = format!("{from} > {}", quoted(&row[1]).join(", "));
        let mut cases = TRANSITIONS.iter();
        let case = cases.find(|case| case.0 == name && row[2].contains(case.1));
        let (_, trigger, does, status, told) =
            *case.unwrap_or_else(|| panic!("row {name}, {} has no case", row[2]));
        let mut choices = Choices::default();
        let token = match does {
            "auto-authorised" => "api-auto",
            "auto-captured" => "api-capture",
            _ => "api-sa",
        };
        if does == "90 d" {
            choices.uncaptured = Uncaptured::ExpiresAfter90Days;
        }
        let shop = listening(token, choices).await;
        let (order_id, before) = act(&shop, does).await;
        assert_eq!(shop.status(&order_id).await, status, "{name}, {trigger}");
        assert_eq!(events(&shop)[before..], *told, "{name}, {trigger}");
    }
}

/// What a cell of 4.4 says about an operation, if it is sure or the sandbox follows its proposal.
fn promised(cell: &str) -> Option<bool> {
    if cell.starts_with('✔') || cell.contains("emulator ✔") {
        Some(true)
    } else if cell.contains('✖') || cell.starts_with("409") {
        Some(false)
    } else {
        None
    }
}

async fn operate(shop: &Shop, operation: usize, order_id: &str) -> u16 {
    let reference = json!({ "order_reference_id": "N" });
    let (status, _) = match operation {
        0 => shop.authorise(order_id).await,
        1 => shop.cancel(order_id, "1").await,
        2 => shop.capture(order_id, "1").await,
        3 => shop.refund(order_id, "1").await,
        _ => {
            shop.call(
                "PUT",
                &format!("/orders/{order_id}/reference-id"),
                reference,
            )
            .await
        }
    };
    status
}

#[tokio::test]
async fn every_row_of_the_matrix_holds() {
    let rows = &tables(PAGE, "4.4")[0];
    let mut seen = Vec::new();
    for row in rows {
        for status in row[0].split(" / ") {
            seen.push(status.to_owned());
            for (operation, cell) in row[1..6].iter().enumerate() {
                let shop = Shop::open();
                let order_id = bring(&shop, status).await;
                let code = operate(&shop, operation, &order_id).await;
                // The cells that nobody knows are refused unless a choice allows them.
                let expected = promised(cell).unwrap_or(false);
                assert_eq!(
                    code == 200,
                    expected,
                    "{status}, column {operation}: {cell}"
                );
            }
            void(status, &row[6]).await;
        }
    }
    assert_eq!(seen.len(), 11);
}

/// The column of in-store sessions.
async fn void(status: &str, cell: &str) {
    let shop = Shop::open();
    let (order_id, checkout_id) = crate::in_store::link(&shop).await;
    let customer = shop.sandbox.customer(&checkout_id);
    match status {
        "new" => {}
        "declined" => drop(customer.decline().unwrap()),
        "expired" => drop(customer.cancel().unwrap()),
        "fully_captured" | "partially_refunded" | "fully_refunded" => {
            customer.approve(Plan::Full).unwrap();
            let minor = match status {
                "partially_refunded" => 100,
                "fully_refunded" => 21_000,
                _ => 0,
            };
            if minor > 0 {
                shop.sandbox.portal(&order_id).refund(minor).unwrap();
            }
        }
        // No in-store order is ever there.
        _ => return assert_eq!(cell, "–", "{status}"),
    }
    assert_eq!(shop.status(&order_id).await, status);
    let path = format!("/checkout/{checkout_id}/void?order_id={order_id}");
    let (code, body) = shop.call("POST", &path, json!({})).await;
    assert_eq!(code, 200);
    let message = body["message"].as_str().unwrap();
    match quoted(cell).pop() {
        Some(words) if words.contains("true") => assert_eq!(body["order_was_voided"], true),
        Some(words) => assert_eq!(message, words, "{status}"),
        None => assert_eq!(message, "checkout_already_completed", "{status}"),
    }
}

#[tokio::test]
async fn every_timer_fires_at_its_moment() {
    for row in &tables(PAGE, "4.8")[0] {
        let (choices, does, wait_ms, status) = match row[0].as_str() {
            "online session" => (Choices::default(), "open", 30 * MINUTE_MS, "expired"),
            "approved → expired" => (Choices::default(), "approve", 72 * HOUR_MS, "expired"),
            "authorised → auto capture" => (
                Choices::default(),
                "authorise",
                21 * DAY_MS,
                "fully_captured",
            ),
            "authorised → expired" => {
                let choices = Choices {
                    uncaptured: Uncaptured::ExpiresAfter90Days,
                    ..Choices::default()
                };
                (choices, "authorise", 90 * DAY_MS, "expired")
            }
            // See in_store.rs and notifications.rs; the last is what shops do, not Tamara.
            "in-store session"
            | "custom session"
            | "webhook JWT life"
            | "local clean-up done by plugins" => continue,
            other => panic!("row {other} of 4.8 has no case"),
        };
        let shop = listening("api-sa", choices).await;
        let (order_id, _) = act(&shop, does).await;
        shop.sandbox.clock().advance_ms(wait_ms - 1);
        assert_ne!(shop.status(&order_id).await, status, "{}", row[0]);
        shop.sandbox.clock().advance_ms(1);
        assert_eq!(shop.status(&order_id).await, status, "{}", row[0]);
    }
}
