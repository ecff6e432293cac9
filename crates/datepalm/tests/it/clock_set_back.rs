//! The service's clock is set back by three hours, as by somebody who corrects a wrong one: what waits for a time does
//! not wait three hours longer, what R18 and R19 measure does not get shorter, and nothing is done twice.

use crate::on_both;
use crate::world::{Fault, On, World, sar};
use datepalm::workers::clock_watch::ClockWatch;
use serde_json::{Value, json};
use tamara_sandbox::Plan;

const BACK_MS: i64 = 3 * 3_600_000;
const MINUTE_MS: i64 = 60_000;

async fn authorised(world: &World) -> String {
    let (id, checkout) = world.create("A-1").await;
    world
        .sandbox
        .customer(&checkout)
        .approve(Plan::Full)
        .unwrap();
    world.deliver(1).await;
    world.work().await;
    id
}

fn the(payment: &Value, kind: &str) -> Value {
    let operations = payment["operations"].as_array().unwrap();
    let found = operations.iter().find(|found| found["kind"] == kind);
    found.unwrap().clone()
}

on_both! {
    async fn a_payment_is_looked_at_when_it_was_due(on: On) {
        let world = World::new(on).await;
        let mut watch = ClockWatch::begin(&world.app).await.unwrap();
        let (id, checkout) = world.create("A-1").await;
        world.sandbox.customer(&checkout).approve(Plan::Full).unwrap();
        world.set_clock_back(BACK_MS);
        watch.look(&world.app).await.unwrap();
        // No notification arrives; the first look is due after 30 s.
        world.pass(40, 4).await;
        assert_eq!(world.payment(&id).await["paid"], true);
        world.finish().await;
    }

    async fn what_was_not_sent_is_tried_again(on: On) {
        let world = World::new(on).await;
        let mut watch = ClockWatch::begin(&world.app).await.unwrap();
        let id = authorised(&world).await;
        world.fault("capture", Fault::NotSent);
        let (status, _) = world.post(&format!("/v1/payments/{id}/capture"), "c", &json!({})).await;
        assert_eq!(status, 202);
        world.set_clock_back(BACK_MS);
        watch.look(&world.app).await.unwrap();
        world.pass(60, 4).await;
        assert_eq!(the(&world.payment(&id).await, "capture")["state"], "succeeded");
        world.finish().await;
    }
}

/// The process dies while it captures, the clock is set back while none runs, and the next one starts.
async fn died_while_sending(world: &mut World, verb: &str, body: Value) -> String {
    let id = authorised(world).await;
    world.halt.set(2);
    let (halt, path) = (world.halt.clone(), format!("/v1/payments/{id}/{verb}"));
    tokio::select! {
        () = halt.reached() => {}
        _ = world.post(&path, "k", &body) => panic!("it was not stopped"),
    }
    world.halt.set(0);
    world.set_clock_back(BACK_MS);
    world.restart().await;
    ClockWatch::begin(&world.app).await.unwrap();
    id
}

#[tokio::test]
async fn r18_a_lease_ends_although_the_clock_was_set_back_while_no_process_ran() {
    let mut world = World::new(On::Sqlite).await;
    let id = died_while_sending(&mut world, "capture", json!({ "amount": sar(10_000) })).await;
    assert_eq!(
        the(&world.payment(&id).await, "capture")["state"],
        "sending"
    );
    world.clock.advance_ms(world.config.policy.lease_ms - 1);
    world.work().await;
    assert_eq!(
        the(&world.payment(&id).await, "capture")["state"],
        "sending",
        "the lease is whole"
    );
    world.clock.advance_ms(1);
    world.work().await;
    assert_eq!(
        the(&world.payment(&id).await, "capture")["state"],
        "succeeded"
    );
    assert_eq!(world.book(&id).await["captured_minor"], 10_000);
    world.finish().await;
}

#[tokio::test]
async fn r19_the_settle_window_is_whole_after_the_clock_was_set_back() {
    let world = World::new(On::Sqlite).await;
    let mut watch = ClockWatch::begin(&world.app).await.unwrap();
    let id = authorised(&world).await;
    world.fault("capture", Fault::RequestLost);
    let body = json!({ "amount": sar(10_000) });
    world
        .post(&format!("/v1/payments/{id}/capture"), "c", &body)
        .await;
    world.set_clock_back(BACK_MS);
    watch.look(&world.app).await.unwrap();
    world.pass(14 * 60, 14).await;
    assert_eq!(
        the(&world.payment(&id).await, "capture")["state"],
        "unknown"
    );
    // Two reads beyond the window; without the move they would come three hours later.
    world.pass(60 * 60, 60).await;
    let capture = the(&world.payment(&id).await, "capture");
    assert_eq!(
        (&capture["state"], &capture["reason"]),
        (&json!("rejected"), &json!("not_applied"))
    );
    world.finish().await;
}

#[tokio::test]
async fn r20_a_partial_cancel_is_recognised_although_its_read_began_before_it_by_the_clock() {
    let mut world = World::new(On::Sqlite).await;
    let id = died_while_sending(&mut world, "cancel", json!({ "amount": sar(12) })).await;
    world.pass(60 * 60, 60).await;
    let payment = world.payment(&id).await;
    assert_eq!(the(&payment, "cancel")["state"], "succeeded", "{payment:#}");
    assert_eq!(world.book(&id).await["canceled_minor"], 12);
    world.finish().await;
}

#[tokio::test]
async fn a_clock_that_is_not_set_back_moves_nothing() {
    let world = World::new(On::Sqlite).await;
    let mut watch = ClockWatch::begin(&world.app).await.unwrap();
    let (id, _) = world.create("A-1").await;
    let due = || {
        world.app.store.read("due", |tx| {
            let rows = tx.query(
                "-- due\nselect next_check_at_ms from payments",
                datepalm::values![],
            )?;
            rows.into_iter()
                .map(|mut row| row.int())
                .collect::<Result<Vec<_>, _>>()
        })
    };
    let before = due().await.unwrap();
    world.clock.advance_ms(MINUTE_MS);
    watch.look(&world.app).await.unwrap();
    // Less than a second is how clocks are trimmed.
    world.set_clock_back(999);
    watch.look(&world.app).await.unwrap();
    assert_eq!(due().await.unwrap(), before);
    assert_eq!(world.payment(&id).await["status"], "pending");
    world.finish().await;
}
