//! `webhooks.md` 6.3: the fields of an event and the data of each event type.

use serde_json::{Value, json};
use tamara_sandbox::Plan;

use super::{quoted, tables};
use crate::shop::{Shop, order};

const PAGE: &str = "webhooks.md";

/// Brings an order to where the event is sent.
async fn provoke(shop: &Shop, event_type: &str) {
    let session = shop.checkout(order()).await;
    let customer = shop.sandbox.customer(&session.checkout_id);
    let portal = shop.sandbox.portal(&session.order_id);
    match event_type {
        "order_declined" => drop(customer.decline().unwrap()),
        "order_expired" => drop(customer.cancel().unwrap()),
        "order_approved" | "order_authorised" | "order_canceled" | "order_captured"
        | "order_refunded" => {
            customer.approve(Plan::Three).unwrap();
            if event_type != "order_approved" {
                portal.authorise().unwrap();
            }
        }
        _ => panic!("row {event_type} of webhooks 6.3 has no case"),
    }
    match event_type {
        "order_canceled" => drop(portal.cancel(57_500).unwrap()),
        "order_captured" => drop(portal.capture(57_500).unwrap()),
        "order_refunded" => {
            portal.capture(57_500).unwrap();
            portal.refund(57_500).unwrap();
        }
        _ => {}
    }
}

async fn sent(event_type: &str) -> Value {
    let shop = Shop::open();
    let body = json!({ "events": [event_type], "url": "https://shop.example/h" });
    assert_eq!(
        shop.call("POST", "/webhooks", body).await.0,
        200,
        "{event_type}"
    );
    provoke(&shop, event_type).await;
    let mut state = shop.sandbox.state();
    state["deliveries"][0]["body"].take()
}

#[tokio::test]
async fn every_event_carries_its_data() {
    let rows = &tables(PAGE, "6.3")[1];
    for row in rows {
        let event_type = quoted(&row[0]).remove(0);
        if matches!(event_type.as_str(), "order_updated" | "order_on_hold") {
            // Refused at registration, as the live sandbox refuses them.
            let shop = Shop::open();
            let body = json!({ "events": [event_type], "url": "https://shop.example/h" });
            assert_eq!(shop.call("POST", "/webhooks", body).await.0, 400);
            continue;
        }
        let body = sent(&event_type).await;
        assert_eq!(body["event_type"], event_type.as_str());
        let data = quoted(&row[2]).remove(0);
        if data == "[]" {
            assert_eq!(body["data"], json!([]), "{event_type}");
            continue;
        }
        let names = data.trim_matches(['{', '}']).split(',');
        let names: Vec<_> = names
            .map(|name| name.split(':').next().unwrap().trim())
            .collect();
        let fields = body["data"].as_object().unwrap();
        assert_eq!(fields.len(), names.len(), "{event_type}");
        for name in names {
            assert!(fields.contains_key(name), "{event_type}: {name}");
        }
    }
}

#[tokio::test]
async fn every_field_of_an_event_is_there() {
    let body = sent("order_captured").await;
    let rows = &tables(PAGE, "6.3")[0];
    let mut names: Vec<_> = rows.iter().map(|row| quoted(&row[0]).remove(0)).collect();
    names.sort();
    let mut fields: Vec<_> = body.as_object().unwrap().keys().cloned().collect();
    fields.sort();
    assert_eq!(fields, names);
}
