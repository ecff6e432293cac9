//! Disputes: opened by Tamara, listed, answered with a form, closed.

use axum::http::Request;
use serde_json::{Value, json};
use tamara_sandbox::{Refusal, Verdict};

use crate::shop::Shop;

const BOUNDARY: &str = "sandbox-form";

fn form(fields: &[(&str, &str)]) -> String {
    let part = |(name, value): &(&str, &str)| {
        let file = match *name {
            "attachment" => "; filename=\"proof.pdf\"",
            _ => "",
        };
        let head = format!("Content-Disposition: form-data; name=\"{name}\"{file}");
        format!("--{BOUNDARY}\r\n{head}\r\n\r\n{value}\r\n")
    };
    let parts: Vec<_> = fields.iter().map(part).collect();
    format!("{}--{BOUNDARY}--\r\n", parts.concat())
}

async fn answer(shop: &Shop, dispute_id: u64, fields: &[(&str, &str)]) -> (u16, Value) {
    let request = Request::builder()
        .method("POST")
        .uri(format!("/external/merchants/orders/disputes/{dispute_id}"))
        .header("authorization", format!("Bearer {}", shop.token))
        .header(
            "content-type",
            format!("multipart/form-data; boundary={BOUNDARY}"),
        );
    let reply = shop.send(request.body(form(fields).into()).unwrap()).await;
    (reply.status, reply.json())
}

async fn disputed(shop: &Shop) -> (String, u64) {
    let order_id = shop.authorised().await;
    shop.capture(&order_id, "575").await;
    let dispute_id = shop.sandbox.open_dispute(&order_id, 57_500).unwrap();
    (order_id, dispute_id)
}

/// A dispute that the merchant has just answered, and what it was told.
pub async fn answered(shop: &Shop) -> (u16, Value) {
    let (_, dispute_id) = disputed(shop).await;
    answer(shop, dispute_id, &[("comment", "delivered")]).await
}

async fn list(shop: &Shop, query: &str) -> Value {
    shop.get(&format!("/external/merchants/orders/disputes/{query}"))
        .await
        .1
}

#[tokio::test]
async fn a_dispute_is_listed_answered_and_closed_and_each_is_told() {
    let shop = Shop::open();
    let events = [
        "OrderDisputeAwaitingMerchantResponse",
        "OrderDisputeWasUpdated",
        "OrderDisputeClosedMerchantRejectedClaim",
    ];
    let hook = json!({ "type": "dispute", "events": events, "url": "https://shop.example/h" });
    assert_eq!(shop.call("POST", "/webhooks", hook).await.0, 200);
    let (order_id, dispute_id) = disputed(&shop).await;
    let fields = [
        ("comment", "Delivered on 5 March"),
        ("attachment", "%PDF"),
        ("delivery_provider", "Aramex"),
        ("order_delivery_tracking_id", "AX5500123"),
    ];
    assert_eq!(answer(&shop, dispute_id, &fields).await.0, 200);
    let listed = list(&shop, &format!("?order_id={order_id}")).await;
    assert_eq!(listed["total"], 1);
    let details = &listed["data"]["merchant_details"];
    assert_eq!(
        (&details["merchant_name"], &details["merchant_status"]),
        (&json!("Nakheel"), &json!("active"))
    );
    let dispute = &listed["data"]["disputes"][dispute_id.to_string()];
    assert_eq!(dispute["dispute_status"], "under_review");
    assert_eq!(
        dispute["amount"],
        json!({ "amount": 575, "currency": "SAR" })
    );
    assert_eq!(dispute["order_status"], "fully_captured");
    assert_eq!(dispute["closed_at"], Value::Null);
    assert_eq!(
        dispute["activities"][1]["attachments"],
        json!(["proof.pdf"])
    );

    shop.sandbox
        .close_dispute(dispute_id, Verdict::MerchantRejected)
        .unwrap();
    let listed = list(&shop, "?dispute_status=claim_rejected&limit=1&page=1").await;
    assert_eq!(
        listed["data"]["disputes"][dispute_id.to_string()]["closed_at"],
        "2026-03-02T09:14:05.000Z"
    );
    let state = shop.sandbox.state();
    let bodies = state["deliveries"]
        .as_array()
        .unwrap()
        .iter()
        .map(|d| &d["body"]);
    let bodies: Vec<_> = bodies.collect();
    assert_eq!(bodies.len(), 3);
    for (body, event) in bodies.iter().zip(events) {
        assert_eq!(
            (&body["event_type"], &body["dispute_id"]),
            (&json!(event), &json!(dispute_id))
        );
    }
}

#[tokio::test]
async fn the_list_is_the_merchants_own_filtered_and_paged() {
    let shop = Shop::open();
    let (order_id, first) = disputed(&shop).await;
    let (_, second) = disputed(&shop).await;
    assert_eq!(list(&shop.of("api-kw"), "").await["total"], 0);
    assert_eq!(list(&shop, "").await["total"], 2);
    for (query, expected) in [
        (format!("?order_id={order_id}"), 1),
        (format!("?dispute_id={second}"), 1),
        ("?merchant_order_reference_id=WEB-100482".to_owned(), 2),
        ("?order_status=canceled".to_owned(), 0),
        (
            "?dispute_status=awaiting_merchant_response&is_parent=true".to_owned(),
            2,
        ),
    ] {
        assert_eq!(list(&shop, &query).await["total"], expected, "{query}");
    }
    let page = list(&shop, "?limit=1&page=2").await;
    assert_eq!(page["total"], 2);
    let disputes = page["data"]["disputes"].as_object().unwrap();
    assert_eq!(disputes.keys().collect::<Vec<_>>(), [&second.to_string()]);
    assert_ne!(first, second);
}

#[tokio::test]
async fn a_bad_answer_is_refused() {
    let shop = Shop::open();
    let (order_id, dispute_id) = disputed(&shop).await;
    let long = "x".repeat(256);
    for (fields, code) in [
        (vec![("delivery_provider", "Aramex")], "field_required"),
        (vec![("comment", " ")], "field_required"),
        (vec![("comment", long.as_str())], "field_invalid"),
        (
            vec![("comment", "ok"), ("order_delivery_tracking_id", &long)],
            "field_invalid",
        ),
    ] {
        let (status, body) = answer(&shop, dispute_id, &fields).await;
        assert_eq!(
            (status, &body["errors"][0]["error_code"]),
            (400, &json!(code))
        );
    }
    let good = [("comment", "ok")];
    assert_eq!(answer(&shop.of("api-kw"), dispute_id, &good).await.0, 404);
    assert_eq!(answer(&shop, 999, &good).await.0, 404);
    shop.sandbox
        .close_dispute(dispute_id, Verdict::ClaimCancelled)
        .unwrap();
    let (status, body) = answer(&shop, dispute_id, &good).await;
    assert_eq!(
        (status, &body["errors"][0]["error_code"]),
        (409, &json!("dispute_closed"))
    );
    let too_much = shop.sandbox.open_dispute(&order_id, 57_501);
    assert!(matches!(
        too_much,
        Err(Refusal::AmountExceedsAvailable { .. })
    ));
}
