//! References: who has which, what happens when a change of one is lost, and a merchant reference that two payments want.

use crate::on_both;
use crate::problem::{check, post, refused_at};
use crate::world::{Fault, On, World, order, sar};
use serde_json::{Value, json};
use tamara_sandbox::Plan;

const LONG_SECONDS: i64 = 3_600;

async fn change(world: &World, id: &str, key: &str, reference: &str) -> (u16, Value) {
    let body = json!({ "order_reference_id": reference });
    world
        .post(&format!("/v1/payments/{id}/reference"), key, &body)
        .await
}

/// What Tamara knows the order by, and what we show.
async fn references(world: &World, id: &str) -> (String, String) {
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    let payment = world.payment(id).await;
    let shown = text(&payment["sessions"][0]["order_reference_id"]);
    let order_id = text(&payment["sessions"][0]["order_id"]);
    let state = world.sandbox.state();
    let orders = state["orders"].as_array().unwrap();
    let book = orders.iter().find(|order| order["order_id"] == *order_id);
    (text(&book.unwrap()["order_reference_id"]), shown)
}

fn both(reference: &str) -> (String, String) {
    (reference.to_owned(), reference.to_owned())
}

async fn approve(world: &World, checkout: &str) {
    world
        .sandbox
        .customer(checkout)
        .approve(Plan::Full)
        .unwrap();
    world.deliver(1).await;
    world.work().await;
}

/// Another wish under the same merchant reference.
fn other_content(reference: &str) -> Value {
    let mut other = order(reference);
    other["items"][0]["name"] = "Another lamp".into();
    other
}

on_both! {
    async fn a_reference_is_changed_and_kept_for_ever(on: On) {
        let world = World::new(on).await;
        let (id, checkout) = world.create("A-1").await;
        let (status, operation) = change(&world, &id, "r1", "A-9").await;
        assert_eq!((status, &operation["state"], &operation["kind"]), (200, &json!("succeeded"), &json!("update_reference")));
        assert_eq!((&operation["order_reference_id"], &operation["amount"]), (&json!("A-9"), &json!(null)));
        assert_eq!(references(&world, &id).await, both("A-9"));
        world.clock.advance_ms(1);
        assert_eq!(change(&world, &id, "r2", "A-10").await.0, 200);
        assert_eq!(references(&world, &id).await, both("A-10"));
        // A later payment of that name cannot have the order's references, old ones included.
        for had in ["A-9", "A-10"] {
            let (status, payment) = world.post("/v1/payments", had, &order(had)).await;
            assert_eq!((status, &payment["sessions"][0]["order_reference_id"]), (201, &json!(format!("{had}-2"))));
            let other = payment["id"].as_str().unwrap();
            let (status, problem) = change(&world, other, &format!("taken by {had}"), "A-1").await;
            assert_eq!((status, &problem["code"]), (409, &json!("reference_in_use")), "{problem:#}");
        }
        for had in ["A-1", "A-9", "A-10"] {
            let (status, problem) = change(&world, &id, &format!("again {had}"), had).await;
            assert_eq!((status, &problem["code"]), (409, &json!("reference_in_use")), "{problem:#}");
        }
        approve(&world, &checkout).await;
        let payment = world.payment(&id).await;
        assert_eq!((&payment["status"], &payment["attention"]), (&json!("authorised"), &json!([])), "{payment:#}");
        assert_eq!(change(&world, &id, "r3", "A-11").await.0, 200, "allowed at any time");
        world.finish().await;
    }

    async fn reference_update_in_doubt(on: On) {
        let world = World::new(on).await;
        let (id, checkout) = world.create("A-1").await;
        world.fault("reference-id", Fault::AnswerLost);
        world.fault("GET /orders", Fault::GatewayError);
        let (status, operation) = change(&world, &id, "r", "A-9").await;
        assert_eq!((status, &operation["state"]), (202, &json!("unknown")), "{operation:#}");
        assert_eq!(references(&world, &id).await, ("A-9".to_owned(), "A-1".to_owned()));
        approve(&world, &checkout).await;
        let payment = world.payment(&id).await;
        assert_eq!((&payment["status"], &payment["attention"]), (&json!("authorised"), &json!([])), "{payment:#}");
        let (status, replay) = change(&world, &id, "r", "A-9").await;
        assert_eq!((status, &replay["state"]), (200, &json!("succeeded")), "{replay:#}");
        assert_eq!((references(&world, &id).await, world.calls("PUT /orders")), (both("A-9"), 1));
        world.finish().await;
    }

    async fn a_change_that_never_arrived_is_made_after_a_read(on: On) {
        let world = World::new(on).await;
        let (id, _) = world.create("A-1").await;
        world.fault("reference-id", Fault::RequestLost);
        let (status, operation) = change(&world, &id, "r", "A-9").await;
        assert_eq!((status, &operation["state"]), (202, &json!("unknown")), "{operation:#}");
        let (status, busy) = change(&world, &id, "r2", "A-10").await;
        assert_eq!((status, &busy["code"]), (409, &json!("operation_in_progress")), "{busy:#}");
        world.pass(60, 6).await;
        assert_eq!(references(&world, &id).await, both("A-9"));
        let (status, wait) = change(&world, &id, "r2", "A-10").await;
        let says = (status, &wait["code"], &wait["retryable"]);
        assert_eq!(says, (409, &json!("operation_in_progress"), &json!(true)), "{wait:#}");
        assert!(wait["detail"].as_str().unwrap().contains("may still reach Tamara"), "{wait:#}");
        world.pass(LONG_SECONDS, 20).await;
        assert_eq!(change(&world, &id, "r2", "A-10").await.0, 200);
        world.finish().await;
    }

    async fn a_change_in_doubt_holds_up_no_money(on: On) {
        let world = World::new(on).await;
        let (id, checkout) = world.create("A-1").await;
        approve(&world, &checkout).await;
        world.fault("reference-id", Fault::RequestLost);
        world.fault("GET /orders", Fault::GatewayError);
        assert_eq!(change(&world, &id, "r", "A-9").await.0, 202);
        let capture = format!("/v1/payments/{id}/capture");
        let (status, operation) = world.post(&capture, "c", &json!({ "amount": sar(100) })).await;
        assert_eq!((status, &operation["payment"]["in_doubt"]), (200, &json!(true)), "{operation:#}");
        world.pass(600, 20).await;
        assert_eq!(references(&world, &id).await, both("A-9"));
        world.finish().await;
    }

    async fn a_key_means_one_change(on: On) {
        let world = World::new(on).await;
        let (id, _) = world.create("A-1").await;
        let bodies = [json!({ "order_reference_id": "A-9" }), json!({ "order_reference_id": "A-9" })];
        let path = format!("/v1/payments/{id}/reference");
        let answers = futures_util::future::join_all(bodies.iter().map(|body| world.post(&path, "r", body))).await;
        assert!(answers.iter().all(|(status, _)| matches!(status, 200 | 202)), "{answers:#?}");
        assert_eq!(world.calls("PUT /orders"), 1);
        let (status, problem) = change(&world, &id, "r", "A-10").await;
        assert_eq!((status, &problem["code"]), (422, &json!("idempotency_key_reused")), "{problem:#}");
        world.finish().await;
    }

    // R7: declined; a new payment with other content; then the old one is wanted again, and its customer pays after all.
    async fn old_payment_reopened_beside_new_one(on: On) {
        let world = World::new(on).await;
        let (old, old_checkout) = world.create("A-1").await;
        // Declined first, approved later: the customer tried again on the page.
        world.fault("GET /orders", Fault::Altered(|order| order["status"] = "declined".into()));
        world.pass(40, 1).await;
        assert_eq!(world.payment(&old).await["status"], "declined");
        let (status, new) = world.post("/v1/payments", "new", &other_content("A-1")).await;
        assert_eq!((status, &new["status"]), (201, &json!("pending")), "{new:#}");
        let (status, problem) = world.post("/v1/payments", "again", &order("A-1")).await;
        assert_eq!((status, &problem["code"]), (409, &json!("reference_in_use")), "{problem:#}");
        assert_eq!(world.payment(&old).await["sessions"].as_array().unwrap().len(), 1, "not opened again");
        approve(&world, &old_checkout).await;
        approve(&world, new["sessions"][0]["checkout_id"].as_str().unwrap()).await;
        let (old, new) = (world.payment(&old).await, world.payment(new["id"].as_str().unwrap()).await);
        assert_eq!((&new["status"], &new["paid"]), (&json!("authorised"), &json!(true)), "{new:#}");
        assert_eq!(old["paid"], false, "{old:#}");
        let book = world.book(old["id"].as_str().unwrap()).await;
        assert_eq!(book["status"], "canceled", "what the customer paid on the old one is given back: {book:#}");
        world.finish().await;
    }

    // R7, the other order of things: the old one is opened again first, so the new one is refused.
    async fn an_old_payment_that_is_open_again_keeps_others_out(on: On) {
        let world = World::new(on).await;
        let (old, checkout) = world.create("A-1").await;
        world.sandbox.customer(&checkout).decline().unwrap();
        world.deliver(1).await;
        world.work().await;
        let (status, again) = world.post("/v1/payments", "again", &order("A-1")).await;
        assert_eq!((status, &again["id"]), (200, &json!(old)), "{again:#}");
        let (status, problem) = world.post("/v1/payments", "new", &other_content("A-1")).await;
        assert_eq!((status, &problem["code"]), (409, &json!("reference_in_use")), "{problem:#}");
        world.finish().await;
    }
}

#[tokio::test]
async fn references_that_are_none() {
    let world = World::new(On::Sqlite).await;
    let (id, _) = world.create("A-1").await;
    let path = format!("/v1/payments/{id}/reference");
    let length: &[&str] = &["order_reference_id must be 1 to 100 characters"];
    let long = format!("{{\"order_reference_id\": \"{}\"}}", "x".repeat(101));
    let cases: &[(&str, &[&str])] = &[
        ("{}", &["order_reference_id"]),
        (r#"{"order_reference_id": 7}"#, &["order_reference_id"]),
        (r#"{"order_reference_id": null}"#, &["order_reference_id"]),
        (r#"{"order_reference_id": ""}"#, length),
        (r#"{"order_reference_id": "  "}"#, length),
        (&long, length),
        (r#"{"order_reference_id": "A-9", "amount": 1}"#, &["amount"]),
    ];
    for (body, says) in cases {
        let request = post(&path, "r").body((*body).to_owned().into()).unwrap();
        let param = if *says == ["amount"] {
            "amount"
        } else {
            "order_reference_id"
        };
        let expected = refused_at(422, "invalid_request", param, says);
        check(&world, body, request, expected).await;
    }
    assert_eq!(world.calls("PUT"), 0);
    world.finish().await;
}

#[tokio::test]
async fn a_payment_without_an_order_has_no_reference_to_change() {
    let world = World::new(On::Sqlite).await;
    world.fault("POST /checkout", Fault::AnswerLost);
    let (status, payment) = world.post("/v1/payments", "k", &order("A-1")).await;
    assert_eq!(status, 202, "{payment:#}");
    let id = payment["id"].as_str().unwrap();
    let (status, problem) = change(&world, id, "r", "A-9").await;
    assert_eq!(
        (status, &problem["code"]),
        (409, &json!("wrong_status")),
        "{problem:#}"
    );
    world.pass(LONG_SECONDS, 10).await;
    world.finish().await;
}
