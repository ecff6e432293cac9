//! The main job, whole: created, pending, approved, authorised, captured, refunded; and everything that may go wrong
//! on the way without anything being taken twice or lost.

mod timeline;

use crate::on_both;
use crate::world::{Fault, World, order, sar};
use serde_json::{Value, json};
use tamara_sandbox::Plan;

/// Longer than the settle window and the gaps between the reads around it.
const LONG_SECONDS: i64 = 3_600;

async fn capture(world: &World, id: &str, key: &str, body: &Value) -> (u16, Value) {
    world
        .post(&format!("/v1/payments/{id}/capture"), key, body)
        .await
}

async fn refund(world: &World, id: &str, key: &str, body: &Value) -> (u16, Value) {
    world
        .post(&format!("/v1/payments/{id}/refund"), key, body)
        .await
}

/// What Tamara's books say: status; captured, refunded and canceled in minor units.
async fn books(world: &World, id: &str) -> (String, i64, i64, i64) {
    let book = world.book(id).await;
    let minor = |name: &str| book[name].as_i64().unwrap();
    let status = book["status"].as_str().unwrap().to_owned();
    (
        status,
        minor("captured_minor"),
        minor("refunded_minor"),
        minor("canceled_minor"),
    )
}

async fn authorised(world: &World, reference: &str) -> String {
    let (id, checkout) = world.create(reference).await;
    world
        .sandbox
        .customer(&checkout)
        .approve(Plan::Full)
        .unwrap();
    world.deliver(1).await;
    world.work().await;
    assert_eq!(world.payment(&id).await["status"], "authorised");
    id
}

on_both! {
    async fn from_created_to_refunded(on: On) {
        let world = World::new(on).await;
        let (id, checkout) = world.create("A-1").await;
        let payment = world.payment(&id).await;
        assert_eq!(payment["status"], "pending");
        assert!(payment["checkout_url"].as_str().unwrap().starts_with("http://tamara.test/checkout/"));
        world.sandbox.customer(&checkout).approve(Plan::Three).unwrap();
        world.deliver(1).await;
        world.work().await;
        let payment = world.payment(&id).await;
        assert_eq!((&payment["status"], &payment["paid"]), (&json!("authorised"), &json!(true)), "{payment:#}");
        let (status, part) = capture(&world, &id, "c1", &json!({ "amount": sar(10_012) })).await;
        assert_eq!((status, &part["state"]), (200, &json!("succeeded")), "{part:#}");
        assert_eq!(part["payment"]["status"], "partially_captured");
        let (status, rest) = capture(&world, &id, "c2", &json!({})).await;
        assert_eq!((status, &rest["amount"]["amount"]), (200, &json!(20_000)), "{rest:#}");
        assert_eq!(rest["payment"]["status"], "captured");
        let (status, part) = refund(&world, &id, "r1", &json!({ "amount": sar(12), "comment": "scratch" })).await;
        assert_eq!((status, &part["state"]), (200, &json!("succeeded")), "{part:#}");
        let (status, rest) = refund(&world, &id, "r2", &json!({})).await;
        assert_eq!((status, &rest["payment"]["status"]), (200, &json!("refunded")), "{rest:#}");
        assert_eq!((&rest["payment"]["paid"], &rest["payment"]["final"]), (&json!(false), &json!(true)));
        world.deliver(1).await;
        world.work().await;
        assert_eq!(books(&world, &id).await.0, "fully_refunded");
        let (_, timeline) = world.get(&format!("/v1/payments/{id}/timeline")).await;
        assert!(timeline["data"].as_array().unwrap().len() > 15, "{timeline:#}");
        world.finish().await;
    }

    async fn every_webhook_doubled(on: On) {
        let world = World::new(on).await;
        let (id, checkout) = world.create("A-1").await;
        world.sandbox.customer(&checkout).approve(Plan::Full).unwrap();
        world.deliver(2).await;
        world.work().await;
        world.deliver(2).await;
        world.work().await;
        assert_eq!(capture(&world, &id, "c", &json!({})).await.0, 200);
        world.deliver(2).await;
        world.work().await;
        assert_eq!(refund(&world, &id, "r", &json!({})).await.0, 200);
        world.deliver(2).await;
        world.work().await;
        assert_eq!(world.calls("authorise"), 1);
        assert_eq!(books(&world, &id).await, ("fully_refunded".to_owned(), 30_012, 30_012, 0));
        assert_eq!(world.payment(&id).await["status"], "refunded");
        world.finish().await;
    }

    async fn webhooks_never_arrive(on: On) {
        let world = World::new(on).await;
        let (id, checkout) = world.create("A-1").await;
        world.sandbox.customer(&checkout).approve(Plan::Full).unwrap();
        world.deliver(0).await;
        world.pass(60, 4).await;
        let payment = world.payment(&id).await;
        assert_eq!(payment["status"], "authorised", "our own polling must find it: {payment:#}");
        assert_eq!(capture(&world, &id, "c", &json!({})).await.0, 200);
        assert_eq!(refund(&world, &id, "r", &json!({})).await.0, 200);
        assert_eq!(world.payment(&id).await["status"], "refunded");
        world.finish().await;
    }

    async fn a_request_without_effect_is_found_out_too(on: On) {
        let world = World::new(on).await;
        let id = authorised(&world, "A-1").await;
        world.fault("POST /payments/capture", Fault::RequestLost);
        let (status, operation) = capture(&world, &id, "part", &json!({ "amount": sar(100) })).await;
        assert_eq!((status, &operation["state"]), (202, &json!("unknown")), "{operation:#}");
        assert_eq!(operation["payment"]["in_doubt"], true);
        let (status, busy) = capture(&world, &id, "other", &json!({ "amount": sar(100) })).await;
        assert_eq!((status, &busy["code"]), (409, &json!("operation_in_progress")));
        world.pass(LONG_SECONDS, 40).await;
        assert_eq!(world.calls("POST /payments/capture"), 0, "a partial capture is never repeated by us (R19)");
        let (status, replay) = capture(&world, &id, "part", &json!({ "amount": sar(100) })).await;
        assert_eq!((status, &replay["code"]), (409, &json!("not_applied")), "{replay:#}");
        assert_eq!(capture(&world, &id, "other", &json!({ "amount": sar(100) })).await.0, 200);
        world.finish().await;
    }

    // Found by the simulator (seed 1027): a call that took longer than the settle window, on a payment that had been
    // quiet for so long that it was read once a day, stayed in doubt for two days.
    async fn a_doubt_on_a_quiet_payment_is_settled_as_fast(on: On) {
        let world = World::new(on).await;
        let id = authorised(&world, "A-1").await;
        world.pass(48 * LONG_SECONDS, 200).await;
        world.fault("POST /payments/capture", Fault::RequestLost);
        world.fault("GET /orders", Fault::NotSent);
        let (status, operation) = capture(&world, &id, "part", &json!({ "amount": sar(100) })).await;
        assert_eq!((status, &operation["state"]), (202, &json!("unknown")), "{operation:#}");
        world.clock.advance_ms(1_860_000);
        world.pass(LONG_SECONDS, 40).await;
        assert_eq!(world.payment(&id).await["in_doubt"], false);
        world.finish().await;
    }

    async fn answer_of_authorise_lost(on: On) {
        let world = World::new(on).await;
        let (id, checkout) = world.create("A-1").await;
        world.sandbox.customer(&checkout).approve(Plan::Full).unwrap();
        world.fault("authorise", Fault::AnswerLost);
        world.deliver(1).await;
        world.work().await;
        world.pass(LONG_SECONDS, 10).await;
        let payment = world.payment(&id).await;
        assert_eq!((&payment["status"], world.calls("authorise")), (&json!("authorised"), 1), "{payment:#}");
        world.finish().await;
    }

    async fn answer_of_capture_lost(on: On) {
        let world = World::new(on).await;
        let id = authorised(&world, "A-1").await;
        world.fault("POST /payments/capture", Fault::AnswerLost);
        let (status, operation) = capture(&world, &id, "part", &json!({ "amount": sar(100) })).await;
        assert_eq!((status, &operation["state"]), (200, &json!("succeeded")), "{operation:#}");
        world.fault("POST /payments/capture", Fault::AnswerLost);
        world.fault("GET /orders", Fault::GatewayError);
        let (status, operation) = capture(&world, &id, "rest", &json!({})).await;
        assert_eq!((status, &operation["state"]), (202, &json!("unknown")), "{operation:#}");
        world.pass(LONG_SECONDS, 20).await;
        let (status, operation) = capture(&world, &id, "rest", &json!({})).await;
        assert_eq!((status, &operation["state"]), (200, &json!("succeeded")), "{operation:#}");
        assert_eq!(world.calls("POST /payments/capture"), 2, "one effect each");
        assert_eq!(books(&world, &id).await, ("fully_captured".to_owned(), 30_012, 0, 0));
        world.finish().await;
    }

    async fn answer_of_refund_lost(on: On) {
        let world = World::new(on).await;
        let id = authorised(&world, "A-1").await;
        assert_eq!(capture(&world, &id, "c", &json!({})).await.0, 200);
        world.fault("simplified-refund", Fault::AnswerLost);
        world.fault("GET /orders", Fault::NotSent);
        let (status, operation) = refund(&world, &id, "r", &json!({ "amount": sar(5_000) })).await;
        assert_eq!((status, &operation["state"]), (202, &json!("unknown")), "{operation:#}");
        world.pass(LONG_SECONDS, 20).await;
        let (status, operation) = refund(&world, &id, "r", &json!({ "amount": sar(5_000) })).await;
        assert_eq!((status, &operation["state"]), (200, &json!("succeeded")), "{operation:#}");
        assert_eq!(world.calls("simplified-refund"), 1);
        assert_eq!(books(&world, &id).await.2, 5_000);
        world.finish().await;
    }

    async fn a_lost_create_gets_a_fresh_session(on: On) {
        let world = World::new(on).await;
        world.fault("POST /checkout", Fault::AnswerLost);
        let (status, payment) = world.post("/v1/payments", "k", &order("A-1")).await;
        assert_eq!((status, &payment["status"]), (202, &json!("created")), "{payment:#}");
        assert_eq!(payment["checkout_url"], json!(null));
        let (status, again) = world.post("/v1/payments", "k", &order("A-1")).await;
        assert_eq!((status, &again["status"]), (200, &json!("pending")), "{again:#}");
        assert_eq!(again["id"], payment["id"]);
        assert_eq!(again["sessions"][1]["order_reference_id"], "A-1-2");
        world.pass(LONG_SECONDS, 20).await;
        world.finish().await;
    }

    async fn an_abandoned_create_does_not_take_the_reference_back(on: On) {
        let world = World::new(on).await;
        world.fault("POST /checkout", Fault::AnswerLost);
        assert_eq!(world.post("/v1/payments", "old", &order("A-1")).await.0, 202);
        world.pass(LONG_SECONDS, 20).await;
        let mut other = order("A-1");
        other["description"] = "something else".into();
        other["items"][0]["name"] = "Another lamp".into();
        let (status, payment) = world.post("/v1/payments", "new", &other).await;
        assert_eq!(status, 201, "{payment:#}");
        let (status, replay) = world.post("/v1/payments", "old", &order("A-1")).await;
        assert_eq!((status, &replay["code"]), (409, &json!("reference_in_use")), "{replay:#}");
        world.finish().await;
    }

    async fn a_lost_second_session_is_opened_by_a_replay(on: On) {
        let world = World::new(on).await;
        let (id, checkout) = world.create("A-1").await;
        world.sandbox.customer(&checkout).decline().unwrap();
        world.deliver(1).await;
        world.work().await;
        world.fault("POST /checkout", Fault::RequestLost);
        assert_eq!(world.post("/v1/payments", "second", &order("A-1")).await.0, 202);
        world.pass(LONG_SECONDS, 20).await;
        let (status, again) = world.post("/v1/payments", "second", &order("A-1")).await;
        assert_eq!((status, &again["id"], &again["status"]), (200, &json!(id), &json!("pending")), "{again:#}");
        world.pass(2 * LONG_SECONDS, 40).await;
        world.finish().await;
    }

    async fn nothing_left_so_it_is_sent_again(on: On) {
        let world = World::new(on).await;
        world.fault("POST /checkout", Fault::NotSent);
        let (status, problem) = world.post("/v1/payments", "k", &order("A-1")).await;
        assert_eq!((status, &problem["code"]), (503, &json!("tamara_unreachable")), "{problem:#}");
        let (status, payment) = world.post("/v1/payments", "k", &order("A-1")).await;
        assert_eq!((status, &payment["sessions"][0]["order_reference_id"]), (200, &json!("A-1")), "{payment:#}");
        let checkout = payment["sessions"][0]["checkout_id"].as_str().unwrap();
        world.sandbox.customer(checkout).approve(Plan::Full).unwrap();
        world.deliver(1).await;
        world.fault("authorise", Fault::NotSent);
        world.work().await;
        world.pass(30, 3).await;
        let id = payment["id"].as_str().unwrap().to_owned();
        assert_eq!(world.payment(&id).await["status"], "authorised");
        world.fault("POST /payments/capture", Fault::NotSent);
        let (status, operation) = capture(&world, &id, "c", &json!({})).await;
        assert_eq!((status, &operation["state"]), (202, &json!("intent")), "{operation:#}");
        world.pass(30, 3).await;
        assert_eq!(capture(&world, &id, "c", &json!({})).await.0, 200);
        assert_eq!(world.calls("POST /payments/capture"), 1);
        world.finish().await;
    }

    async fn the_customer_declines_cancels_or_lets_it_expire(on: On) {
        let world = World::new(on).await;
        let (declined, checkout) = world.create("A-1").await;
        world.sandbox.customer(&checkout).decline().unwrap();
        let (canceled, checkout) = world.create("A-2").await;
        world.sandbox.customer(&checkout).cancel().unwrap();
        let (expired, _) = world.create("A-3").await;
        world.deliver(1).await;
        world.work().await;
        assert_eq!(world.payment(&declined).await["status"], "declined");
        assert_eq!(world.payment(&canceled).await["status"], "expired");
        world.pass(2 * LONG_SECONDS, 40).await;
        let payment = world.payment(&expired).await;
        assert_eq!((&payment["status"], &payment["final"]), (&json!("expired"), &json!(true)), "{payment:#}");
        world.finish().await;
    }

    async fn a_declined_payment_is_tried_again_under_its_reference(on: On) {
        let world = World::new(on).await;
        let (id, checkout) = world.create("A-1").await;
        world.sandbox.customer(&checkout).decline().unwrap();
        world.deliver(1).await;
        world.work().await;
        let (status, again) = world.post("/v1/payments", "second", &order("A-1")).await;
        assert_eq!((status, &again["id"], &again["status"]), (200, &json!(id), &json!("pending")), "{again:#}");
        let checkout = again["sessions"][1]["checkout_id"].as_str().unwrap();
        world.sandbox.customer(checkout).approve(Plan::Two).unwrap();
        world.deliver(1).await;
        world.work().await;
        let payment = world.payment(&id).await;
        assert_eq!((&payment["status"], &payment["sessions"][1]["winner"]), (&json!("authorised"), &json!(true)));
        world.finish().await;
    }

    // The first session has the merchant's reference, later ones -2, -3, and what another payment has is skipped.
    async fn r6_each_session_has_a_reference_of_its_own(on: On) {
        let world = World::new(on).await;
        let (other, _) = world.create("A-1-2").await;
        let mut expected = Vec::new();
        let mut id = String::new();
        for (key, reference) in [("first", "A-1"), ("second", "A-1-3"), ("third", "A-1-4")] {
            let (status, payment) = world.post("/v1/payments", key, &order("A-1")).await;
            assert!(status == 200 || status == 201, "{payment:#}");
            expected.push(json!(reference));
            let sessions = payment["sessions"].as_array().unwrap();
            let given: Vec<_> = sessions.iter().map(|session| session["order_reference_id"].clone()).collect();
            assert_eq!(given, expected);
            payment["id"].as_str().unwrap().clone_into(&mut id);
            let checkout = sessions.last().unwrap()["checkout_id"].as_str().unwrap();
            world.sandbox.customer(checkout).decline().unwrap();
            world.deliver(1).await;
            world.work().await;
        }
        let state = world.sandbox.state();
        let orders = state["orders"].as_array().unwrap();
        let numbers = orders.iter().filter(|order| order["order_number"] == "A-1").count();
        assert_eq!(numbers, 3, "the customer sees the merchant's reference each time: {state:#}");
        assert_ne!(id, other);
        world.finish().await;
    }

    async fn cancel_of_an_authorised_order(on: On) {
        let world = World::new(on).await;
        let id = authorised(&world, "A-1").await;
        let (status, payment) = world.post(&format!("/v1/payments/{id}/cancel"), "x", &json!({})).await;
        assert_eq!((status, &payment["status"]), (200, &json!("canceled")), "{payment:#}");
        assert_eq!((&payment["paid"], &payment["cancel"]["state"]), (&json!(false), &json!("done")));
        assert_eq!(books(&world, &id).await.0, "canceled");
        let (status, replay) = world.post(&format!("/v1/payments/{id}/cancel"), "x", &json!({})).await;
        assert_eq!((status, &replay["status"]), (200, &json!("canceled")));
        assert_eq!(world.calls("/cancel"), 1);
        world.finish().await;
    }

    async fn cancel_before_the_customer_pays_gives_it_back(on: On) {
        let world = World::new(on).await;
        let (id, checkout) = world.create("A-1").await;
        let (status, payment) = world.post(&format!("/v1/payments/{id}/cancel"), "x", &json!({})).await;
        assert_eq!((status, &payment["checkout_url"]), (202, &json!(null)), "{payment:#}");
        world.sandbox.customer(&checkout).approve(Plan::Full).unwrap();
        world.deliver(1).await;
        world.work().await;
        let payment = world.payment(&id).await;
        assert_eq!((&payment["status"], &payment["paid"]), (&json!("canceled"), &json!(false)), "{payment:#}");
        assert_eq!(books(&world, &id).await.0, "canceled");
        world.finish().await;
    }

    async fn partial_cancel_then_capture_of_the_rest(on: On) {
        let world = World::new(on).await;
        let id = authorised(&world, "A-1").await;
        let body = json!({ "amount": sar(12) });
        let (status, operation) = world.post(&format!("/v1/payments/{id}/cancel"), "x", &body).await;
        assert_eq!((status, &operation["state"]), (200, &json!("succeeded")), "{operation:#}");
        assert_eq!(operation["payment"]["paid"], true);
        let (status, operation) = capture(&world, &id, "c", &json!({})).await;
        assert_eq!((status, &operation["amount"]["amount"]), (200, &json!(30_000)), "{operation:#}");
        assert_eq!(operation["payment"]["status"], "captured");
        world.finish().await;
    }

    async fn the_portal_captures_and_refunds(on: On) {
        let world = World::new(on).await;
        let id = authorised(&world, "A-1").await;
        let order = world.payment(&id).await["sessions"][0]["order_id"].as_str().unwrap().to_owned();
        world.sandbox.portal(&order).capture(30_012).unwrap();
        world.deliver(1).await;
        world.work().await;
        assert_eq!(world.payment(&id).await["status"], "captured");
        world.sandbox.portal(&order).refund(12).unwrap();
        world.deliver(1).await;
        world.work().await;
        let payment = world.payment(&id).await;
        assert_eq!((&payment["status"], &payment["paid"]), (&json!("partially_refunded"), &json!(true)), "{payment:#}");
        world.finish().await;
    }
}
