//! What happens by itself: 30 minutes, 72 hours, 21 days.

use serde_json::json;

use crate::shop::{DAY_MS, HOUR_MS, MINUTE_MS, Shop, order};

#[tokio::test]
async fn a_session_expires_after_thirty_minutes() {
    let shop = Shop::open();
    let session = shop.checkout(order()).await;
    shop.sandbox.clock().advance_ms(30 * MINUTE_MS - 1);
    assert_eq!(shop.status(&session.order_id).await, "new");
    shop.sandbox.clock().advance_ms(1);
    assert_eq!(shop.status(&session.order_id).await, "expired");
}

#[tokio::test]
async fn an_approved_order_expires_after_72_hours() {
    let shop = Shop::open();
    let order_id = shop.approved().await;
    shop.sandbox.clock().advance_ms(72 * HOUR_MS - 1);
    assert_eq!(shop.status(&order_id).await, "approved");
    shop.sandbox.clock().advance_ms(1);
    assert_eq!(shop.authorise(&order_id).await.0, 409);
    assert_eq!(shop.status(&order_id).await, "expired");
}

#[tokio::test]
async fn an_authorised_order_is_captured_after_21_days() {
    let shop = Shop::open();
    let order_id = shop.authorised().await;
    shop.sandbox.clock().advance_ms(21 * DAY_MS - 1);
    assert_eq!(shop.status(&order_id).await, "authorised");
    shop.sandbox.clock().advance_ms(5 * DAY_MS);
    let seen = shop.order(&order_id).await;
    assert_eq!(seen["status"], "fully_captured");
    let capture = &seen["transactions"]["captures"][0];
    // At its own moment, however late somebody looks.
    assert_eq!(capture["created_at"], "2026-03-23T09:14:05.000Z");
    assert_eq!(capture["shipping_info"]["shipping_company"], "N/A");
    assert_eq!(capture["shipping_amount"]["amount"], 20);
}

#[tokio::test]
async fn what_is_left_of_touched_orders_is_captured_too() {
    let shop = Shop::open();
    let updated = shop.authorised().await;
    shop.cancel(&updated, "75").await;
    let partly = shop.authorised().await;
    shop.capture(&partly, "100").await;
    let refunded = shop.authorised().await;
    shop.capture(&refunded, "100").await;
    shop.refund(&refunded, "1").await;
    shop.sandbox.clock().advance_ms(21 * DAY_MS);
    assert_eq!(shop.order(&updated).await["captured_amount"]["amount"], 500);
    assert_eq!(shop.order(&partly).await["captured_amount"]["amount"], 575);
    assert_eq!(
        shop.order(&refunded).await["captured_amount"]["amount"],
        100
    );
}

#[tokio::test]
async fn the_clock_is_moved_over_http() {
    let shop = Shop::open();
    let session = shop.checkout(order()).await;
    let path = "/_sandbox/clock/advance";
    let before = shop.sandbox.clock().now_ms();
    let (status, body) = shop
        .call("POST", path, json!({ "minutes": 29, "ms": 1500 }))
        .await;
    assert_eq!(status, 200);
    assert_eq!(body["now_ms"], before + 29 * MINUTE_MS + 1500);
    assert_eq!(shop.status(&session.order_id).await, "new");
    shop.call("POST", path, json!({ "hours": 72 })).await;
    assert_eq!(shop.status(&session.order_id).await, "expired");
    for bad in [
        json!({}),
        json!({ "days": -1 }),
        json!({ "days": 1.5 }),
        json!({ "days": "x" }),
    ] {
        assert_eq!(shop.call("POST", path, bad).await.0, 400);
    }
    let reply = shop.page("POST", path, &[("days", "21")]).await;
    assert_eq!(reply.status, 200);
}

#[tokio::test]
async fn sessions_are_played_over_http_and_reset_forgets_them() {
    let shop = Shop::open();
    let session = shop.checkout(order()).await;
    let path = format!("/_sandbox/sessions/{}", session.checkout_id);
    let approve = format!("{path}/approve");
    assert_eq!(
        shop.call("POST", &approve, json!({ "plan": 5 })).await.0,
        400
    );
    let (status, body) = shop.call("POST", &approve, json!({ "plan": 4 })).await;
    assert_eq!(status, 200);
    assert!(
        body["redirect_url"]
            .as_str()
            .unwrap()
            .contains("paymentStatus=approved")
    );
    assert_eq!(shop.order(&session.order_id).await["instalments"], 4);
    assert_eq!(
        shop.call("POST", &format!("{path}/decline"), json!({}))
            .await
            .0,
        409
    );
    assert_eq!(
        shop.call("POST", "/_sandbox/sessions/none/cancel", json!({}))
            .await
            .0,
        404
    );

    assert!(
        shop.page("GET", "/_sandbox", &[])
            .await
            .text
            .contains("WEB-100482")
    );
    assert_eq!(shop.call("POST", "/_sandbox/reset", json!({})).await.0, 200);
    assert_eq!(shop.sandbox.state()["orders"], json!([]));
    assert_eq!(
        shop.get(&format!("/orders/{}", session.order_id)).await.0,
        404
    );
}
