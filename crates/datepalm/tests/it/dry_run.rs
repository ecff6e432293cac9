//! `dry_run=true` of a cancel (R23): what it tells is what happens, and it leaves nothing behind.

use crate::on_both;
use crate::problem::{check, post, refused, refused_at};
use crate::world::{Fault, KEY, On, World, sar};
use axum::body::Body;
use axum::http::Request;
use datepalm::values;
use serde_json::{Value, json};
use tamara_sandbox::Plan;

/// A dry run without an `Idempotency-Key`, which it does not need.
async fn foresee(world: &World, id: &str, body: &Value) -> (u16, Value) {
    let request = Request::post(format!("/v1/payments/{id}/cancel?dry_run=true"))
        .header("authorization", format!("Bearer {KEY}"))
        .body(Body::from(body.to_string()))
        .unwrap();
    let (status, _, body) = world.raw(request).await;
    (status, serde_json::from_str(&body).unwrap())
}

/// Everything that a write would have changed: rows, versions, schedules.
async fn trace(world: &World) -> Vec<i64> {
    let read = world.app.store.read("test trace", |tx| {
        let row = tx.query_opt(
            "-- test trace
select (select count(*) from payments), (select count(*) from sessions), (select count(*) from operations),
    (select count(*) from attempts), (select count(*) from events), (select count(*) from attention_points),
    (select cast(coalesce(sum(version), 0) as bigint) from payments),
    (select cast(coalesce(sum(next_check_at_ms), 0) as bigint) from payments),
    (select count(*) from payments where cancel_key is not null or cancel_state is not null)",
            values![],
        )?;
        let mut row = row.unwrap();
        (0..9).map(|_| row.int()).collect::<Result<Vec<_>, _>>()
    });
    read.await.unwrap()
}

/// The calls that a payment's operations of these kinds are; sorted, because here they are made in one millisecond.
fn calls(payment: &Value, kinds: &[&str]) -> Vec<String> {
    let operations = payment["operations"].as_array().unwrap();
    let wanted = operations
        .iter()
        .filter(|operation| kinds.contains(&operation["kind"].as_str().unwrap()));
    sorted(wanted)
}

fn sorted<'a>(calls: impl Iterator<Item = &'a Value>) -> Vec<String> {
    let mut calls: Vec<String> = calls
        .map(|call| format!("{} {}", call["kind"], call["amount"]["amount"]))
        .collect();
    calls.sort_unstable();
    calls
}

fn steps(preview: &Value, name: &str) -> Vec<Value> {
    let steps = preview[name].as_array().unwrap();
    steps
        .iter()
        .map(|step| json!([step["kind"], step["amount"]["amount"]]))
        .collect()
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

on_both! {
    async fn r23_a_dry_run_tells_what_the_cancel_does_and_writes_nothing(on: On) {
        let world = World::new(on).await;
        let (pending, checkout) = world.create("A-1").await;
        let (authorised, other) = world.create("A-2").await;
        approve(&world, &other).await;
        let before = trace(&world).await;
        let (status, paid_later) = foresee(&world, &pending, &json!({})).await;
        assert_eq!((status, &paid_later["status"], &paid_later["steps"]), (200, &json!("pending"), &json!([])), "{paid_later:#}");
        assert_eq!(steps(&paid_later, "if_paid"), [json!(["authorise", 30_012]), json!(["cancel", 30_012])]);
        let ends = &world.payment(&pending).await["next_deadline"]["at"];
        assert_eq!(&paid_later["page_open_until"], ends);
        let (status, now) = foresee(&world, &authorised, &json!({})).await;
        assert_eq!((status, &now["gives_back"]["amount"], &now["page_open_until"]), (200, &json!(30_012), &Value::Null), "{now:#}");
        let (status, part) = foresee(&world, &authorised, &json!({ "items": [{ "reference_id": "lamp", "quantity": 1 }] })).await;
        assert_eq!((status, &part["gives_back"]["amount"]), (200, &json!(15_000)), "{part:#}");
        assert_eq!(trace(&world).await, before, "a dry run writes nothing");

        assert_eq!(world.post(&format!("/v1/payments/{authorised}/cancel"), "x", &json!({})).await.0, 200);
        assert_eq!(calls(&world.payment(&authorised).await, &["cancel"]), sorted(now["steps"].as_array().unwrap().iter()));
        assert_eq!(world.post(&format!("/v1/payments/{pending}/cancel"), "y", &json!({})).await.0, 202);
        approve(&world, &checkout).await;
        assert_eq!(calls(&world.payment(&pending).await, &["authorise", "cancel"]), sorted(paid_later["if_paid"].as_array().unwrap().iter()));
        world.finish().await;
    }

    async fn r23_a_dry_run_of_an_approved_order(on: On) {
        let world = World::new(on).await;
        let (id, checkout) = world.create("A-1").await;
        for _ in 0..3 {
            world.fault("authorise", Fault::NotSent);
        }
        approve(&world, &checkout).await;
        let (status, preview) = foresee(&world, &id, &json!({})).await;
        assert_eq!((status, &preview["status"]), (200, &json!("approved")), "{preview:#}");
        assert_eq!(steps(&preview, "steps"), [json!(["authorise", 30_012]), json!(["cancel", 30_012])]);
        assert_eq!(preview["steps"][0]["under_way"], true, "its intent stands already");
        assert_eq!(world.post(&format!("/v1/payments/{id}/cancel"), "x", &json!({})).await.0, 202);
        world.pass(120, 8).await;
        let payment = world.payment(&id).await;
        assert_eq!((&payment["status"], calls(&payment, &["authorise", "cancel"])), (&json!("canceled"), sorted(preview["steps"].as_array().unwrap().iter())), "{payment:#}");
        world.finish().await;
    }

    async fn r23_a_dry_run_is_refused_as_the_cancel_would_be(on: On) {
        let world = World::new(on).await;
        let (id, checkout) = world.create("A-1").await;
        approve(&world, &checkout).await;
        assert_eq!(world.post(&format!("/v1/payments/{id}/capture"), "c", &json!({})).await.0, 200);
        let before = trace(&world).await;
        for query in ["", "?dry_run=true", "?dry_run=false"] {
            let path = format!("/v1/payments/{id}/cancel{query}");
            let request = post(&path, "x").body(Body::from("{}")).unwrap();
            check(&world, &path, request, refused(409, "use_refund", &["refund it instead: 300.12 SAR"])).await;
        }
        assert_eq!(trace(&world).await, before);
        world.finish().await;
    }
}

#[tokio::test]
async fn a_misspelt_dry_run_cancels_nothing() {
    let world = World::new(On::Sqlite).await;
    let (id, _) = world.create("A-1").await;
    for query in [
        "dryrun=true",
        "dry_run=yes",
        "dry_run",
        "dry_run=true&dry_run=true",
        "dry_run=true&x=1",
    ] {
        let path = format!("/v1/payments/{id}/cancel?{query}");
        let request = post(&path, "x").body(Body::from("{}")).unwrap();
        let says = &["dry_run=true or dry_run=false", "nothing was done"];
        check(
            &world,
            query,
            request,
            refused_at(422, "invalid_request", "dry_run", says),
        )
        .await;
    }
    assert_eq!(world.payment(&id).await["cancel"], Value::Null);
    let path = format!("/v1/payments/{id}/cancel?dry_run=false");
    let request = Request::post(&path).header("authorization", format!("Bearer {KEY}"));
    let expected = refused(
        400,
        "idempotency_key_missing",
        &["send an Idempotency-Key header"],
    );
    check(
        &world,
        "no key",
        request.body(Body::from("{}")).unwrap(),
        expected,
    )
    .await;
    let unknown = "/v1/payments/pay_00000000000000000000000000000000/cancel?dry_run=true";
    let request = post(unknown, "x").body(Body::from("{}")).unwrap();
    check(
        &world,
        unknown,
        request,
        refused(404, "payment_not_found", &["no payment"]),
    )
    .await;
    let (status, preview) = foresee(&world, &id, &json!({ "amount": sar(1) })).await;
    assert_eq!(
        (status, &preview["code"]),
        (409, &json!("wrong_status")),
        "{preview:#}"
    );
    world.finish().await;
}
