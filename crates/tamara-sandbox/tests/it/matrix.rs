//! Order-lifecycle 4.4, row by row, through the API.

use crate::shop::{HOUR_MS, Shop, order};

/// Brings a fresh order into a status.
pub async fn bring(shop: &Shop, status: &str) -> String {
    if matches!(status, "new" | "declined" | "expired") {
        let session = shop.checkout(order()).await;
        let customer = shop.sandbox.customer(&session.checkout_id);
        match status {
            "declined" => drop(customer.decline().unwrap()),
            "expired" => drop(customer.expire().unwrap()),
            _ => {}
        }
        return session.order_id;
    }
    let order_id = shop.approved().await;
    let portal = shop.sandbox.portal(&order_id);
    if status != "approved" {
        portal.authorise().unwrap();
    }
    match status {
        "updated" => drop(portal.cancel(100).unwrap()),
        "canceled" => drop(portal.cancel(57_500).unwrap()),
        "partially_captured" => drop(portal.capture(100).unwrap()),
        "fully_captured" => drop(portal.capture(57_500).unwrap()),
        "partially_refunded" => {
            portal.capture(57_500).unwrap();
            portal.refund(100).unwrap();
        }
        "fully_refunded" => {
            portal.capture(57_500).unwrap();
            portal.refund(57_500).unwrap();
        }
        _ => {}
    }
    order_id
}

#[tokio::test]
async fn operations_are_allowed_and_refused_as_in_the_fact_book() {
    // authorise, cancel, capture, refund
    let rows = [
        ("new", [false, false, false, false]),
        ("declined", [false, false, false, false]),
        ("expired", [false, false, false, false]),
        ("approved", [true, false, false, false]),
        ("authorised", [false, true, true, false]),
        ("updated", [false, true, true, false]),
        ("partially_captured", [false, false, true, true]),
        ("fully_captured", [false, false, false, true]),
        ("partially_refunded", [false, false, false, true]),
        ("fully_refunded", [false, false, false, false]),
        ("canceled", [false, false, false, false]),
    ];
    let shop = Shop::open();
    for (status, allowed) in rows {
        for (index, allowed) in allowed.into_iter().enumerate() {
            let order_id = bring(&shop, status).await;
            assert_eq!(shop.status(&order_id).await, status);
            let (code, body) = match index {
                0 => shop.authorise(&order_id).await,
                1 => shop.cancel(&order_id, "1").await,
                2 => shop.capture(&order_id, "1").await,
                _ => shop.refund(&order_id, "1").await,
            };
            let expected = if allowed { 200 } else { 409 };
            assert_eq!(code, expected, "{status}, column {index}: {body}");
            if !allowed {
                let error = &body["errors"][0];
                assert_eq!(error["error_code"], "transition_not_allowed");
                assert_eq!(error["data"]["old_state"], status);
                assert_eq!(error["data"]["order_id"], order_id);
                assert_eq!(shop.status(&order_id).await, status);
            }
        }
    }
}

#[tokio::test]
async fn the_reference_can_be_changed_in_every_status() {
    let shop = Shop::open();
    for status in [
        "new",
        "declined",
        "expired",
        "approved",
        "canceled",
        "fully_refunded",
    ] {
        let order_id = bring(&shop, status).await;
        let path = format!("/orders/{order_id}/reference-id");
        let body = serde_json::json!({ "order_reference_id": "other" });
        assert_eq!(shop.call("PUT", &path, body).await.0, 200, "{status}");
    }
}

#[tokio::test]
async fn a_refused_transition_names_both_states() {
    let shop = Shop::open();
    let order_id = shop.approved().await;
    let (_, body) = shop.cancel(&order_id, "575").await;
    assert_eq!(
        body,
        serde_json::json!({
            "message": format!("The order {order_id} cannot be moved to the status canceled from approved"),
            "errors": [{
                "error_code": "transition_not_allowed",
                "data": { "order_id": order_id, "old_state": "approved", "new_state": "canceled" },
            }],
            "data": {}, "title": null, "screen_type": null,
        })
    );
    shop.authorise(&order_id).await;
    let (_, body) = shop.authorise(&order_id).await;
    assert_eq!(body["errors"][0]["data"]["new_state"], "authorised");
    shop.capture(&order_id, "575").await;
    let (_, body) = shop.capture(&order_id, "575").await;
    assert_eq!(body["errors"][0]["data"]["old_state"], "fully_captured");
    assert_eq!(body["errors"][0]["data"]["new_state"], "fully_captured");
}

#[tokio::test]
async fn an_ended_session_is_not_ended_again() {
    let shop = Shop::open();
    let session = shop.checkout(order()).await;
    let customer = shop.sandbox.customer(&session.checkout_id);
    customer.cancel().unwrap();
    assert!(customer.approve(tamara_sandbox::Plan::Full).is_err());
    assert!(customer.decline().is_err());
    assert!(customer.expire().is_err());
    shop.sandbox.clock().advance_ms(HOUR_MS);
    assert_eq!(shop.status(&session.order_id).await, "expired");
}
