//! Deadlines, from outside (R15): read and authorise in time, warn, then ask a person; our clock expires nothing.

use crate::on_both;
use crate::world::{Fault, World, order};
use datepalm::values;
use serde_json::{Value, json};
use tamara_sandbox::Plan;

const HOUR: i64 = 3_600;
const DAY: i64 = 24 * HOUR;

/// The events of that kind, oldest first: what each says.
async fn told(world: &World, kind: &'static str) -> Vec<Value> {
    let rows = world.app.store.read("test events", move |tx| {
        let rows = tx.query(
            "-- test events\nselect data from events where kind = $1 order by created_at_ms, version, ordinal",
            values![kind],
        )?;
        rows.into_iter().map(|mut row| row.text()).collect::<Result<Vec<_>, _>>()
    });
    let rows = rows.await.unwrap();
    rows.iter()
        .map(|data| serde_json::from_str(data).unwrap())
        .collect()
}

fn reasons(payment: &Value) -> Vec<&str> {
    let open = payment["attention"].as_array().unwrap();
    open.iter()
        .map(|open| open["reason"].as_str().unwrap())
        .collect()
}

/// Tamara cannot be reached for as many calls as a test could make.
fn unreachable(world: &World) {
    for _ in 0..1_000 {
        world.fault("/orders", Fault::NotSent);
    }
}

on_both! {
    async fn r15_our_clock_expires_nothing(on: On) {
        let world = World::new(on).await;
        let (pending, _) = world.create("A-1").await;
        let (approved, checkout) = world.create("A-2").await;
        world.sandbox.customer(&checkout).approve(Plan::Full).unwrap();
        for _ in 0..1_000 {
            world.fault("authorise", Fault::NotSent);
        }
        world.deliver(1).await;
        world.work().await;
        unreachable(&world);
        world.pass(4 * DAY, 48).await;
        assert_eq!(world.payment(&pending).await["status"], "pending");
        let payment = world.payment(&approved).await;
        assert_eq!((&payment["status"], &payment["paid"]), (&json!("approved"), &json!(false)), "{payment:#}");
        world.no_more_faults();
        world.pass(2 * DAY, 48).await;
        assert_eq!(world.payment(&pending).await["status"], "expired", "a read said so");
        let payment = world.payment(&approved).await;
        assert_eq!((&payment["status"], &payment["final"]), (&json!("expired"), &json!(true)), "{payment:#}");
        world.finish().await;
    }

    // Tamara refuses to authorise: told twice, then a person is asked, whatever dies in between.
    async fn r15_an_order_that_cannot_be_authorised_is_told_of(on: On) {
        let mut world = World::new(on).await;
        let (id, checkout) = world.create("A-1").await;
        world.sandbox.customer(&checkout).approve(Plan::Full).unwrap();
        let refusal = r#"{"message":"no","errors":[{"error_code":"merchant_blocked"}]}"#;
        for _ in 0..1_000 {
            world.fault("authorise", Fault::Refusal(refusal));
        }
        world.deliver(1).await;
        world.work().await;
        world.pass(30 * HOUR, 30).await;
        let payment = world.payment(&id).await;
        assert_eq!(payment["next_deadline"]["kind"], "authorise_by");
        let deadline = payment["next_deadline"]["at"].clone();
        assert!(told(&world, "payment.deadline_approaching").await.is_empty());
        world.pass(8 * HOUR, 8).await;
        let once = json!([["authorise_by", deadline]]);
        let warnings = |told: Vec<Value>| told.iter().map(|event| json!([event["about"], event["at"]])).collect::<Value>();
        assert_eq!(warnings(told(&world, "payment.deadline_approaching").await), once);
        world.restart().await;
        world.pass(20 * HOUR, 20).await;
        assert_eq!(warnings(told(&world, "payment.deadline_approaching").await), once);
        let asked = world.payment(&id).await;
        assert!(!reasons(&asked).contains(&"authorise_deadline"), "{asked:#}");
        world.pass(4 * HOUR, 4).await;
        world.restart().await;
        let asked = world.payment(&id).await;
        assert!(reasons(&asked).contains(&"authorise_deadline"), "{asked:#}");
        assert_eq!(told(&world, "payment.deadline_approaching").await.len(), 2);
        world.no_more_faults();
        world.pass(2 * HOUR, 2).await;
        let payment = world.payment(&id).await;
        assert_eq!((&payment["status"], &payment["paid"]), (&json!("authorised"), &json!(true)), "{payment:#}");
        assert_eq!(told(&world, "payment.deadline_approaching").await.len(), 2);
        world.finish().await;
    }

    async fn r15_tamara_captures_what_nobody_captured_and_says_so_before(on: On) {
        let world = World::new(on).await;
        let (id, checkout) = world.create("A-1").await;
        world.sandbox.customer(&checkout).approve(Plan::Full).unwrap();
        world.deliver(1).await;
        world.work().await;
        world.pass(15 * DAY, 30).await;
        assert!(told(&world, "payment.deadline_approaching").await.is_empty());
        world.pass(5 * DAY, 30).await;
        let warnings = told(&world, "payment.deadline_approaching").await;
        let about: Vec<_> = warnings.iter().map(|event| &event["about"]).collect();
        assert_eq!(about, ["auto_capture", "auto_capture"], "{warnings:#?}");
        assert_eq!(warnings[0]["at"], world.payment(&id).await["next_deadline"]["at"]);
        world.pass(2 * DAY, 24).await;
        let payment = world.payment(&id).await;
        assert_eq!((&payment["status"], &payment["final"]), (&json!("captured"), &json!(true)), "{payment:#}");
        assert_eq!(told(&world, "capture.observed").await.len(), 1);
        assert_eq!(reasons(&payment), Vec::<&str>::new());
        world.finish().await;
    }

    // The notification of the approval is lost and the service stands still for two days.
    async fn r15_an_approval_found_late_is_authorised_in_time(on: On) {
        let mut world = World::new(on).await;
        let (status, payment) = world.post("/v1/payments", "k", &order("A-1")).await;
        assert_eq!(status, 201, "{payment:#}");
        let (id, checkout) = crate::world::ids_of(&payment);
        world.sandbox.customer(&checkout).approve(Plan::Full).unwrap();
        world.deliver(0).await;
        world.clock.advance_ms(2 * DAY * 1_000);
        world.sandbox.tick();
        world.restart().await;
        world.work().await;
        let payment = world.payment(&id).await;
        assert_eq!((&payment["status"], &payment["paid"]), (&json!("authorised"), &json!(true)), "{payment:#}");
        world.finish().await;
    }
}
