//! A sender that stands still between the commit of `sending` and its first byte calls nobody once its lease may pass before
//! the call ends (R18): another sender could own the operation by then.

use crate::on_both;
use crate::world::{World, order};
use serde_json::{Value, json};
use tamara_sandbox::Plan;

/// The monotonic readings of a request's sender: before the commit of its lease, and before its first byte.
const BEFORE_THE_FIRST_BYTE: u32 = 2;

async fn authorised(world: &World, reference: &str) -> String {
    let (status, payment) = world
        .post("/v1/payments", reference, &order(reference))
        .await;
    assert_eq!(status, 201, "{payment:#}");
    let (id, checkout) = crate::world::ids_of(&payment);
    let customer = world.sandbox.customer(&checkout);
    customer.approve(Plan::Full).unwrap();
    world.deliver(1).await;
    world.work().await;
    id
}

/// Asks for a capture whose sender stands still for so long before its first byte.
async fn capture_late(world: &World, id: &str, stands_ms: i64) -> (u16, Value) {
    world.stand_at_reading(BEFORE_THE_FIRST_BYTE, stands_ms);
    let path = format!("/v1/payments/{id}/capture");
    let answer = world.post(&path, "c", &json!({})).await;
    assert!(!world.is_yet_to_stand(), "it never stood: {:#}", answer.1);
    answer
}

/// The outcomes of all calls that carry out captures, as the timeline tells them.
async fn outcomes(world: &World, id: &str) -> Vec<String> {
    let (_, timeline) = world.get(&format!("/v1/payments/{id}/timeline")).await;
    let entries = timeline["data"].as_array().unwrap().iter();
    entries
        .filter(|entry| entry["kind"] == "call" && entry["call"] == "capture")
        .map(|entry| entry["outcome"].as_str().unwrap().to_owned())
        .collect()
}

on_both! {
    async fn r18_a_sender_whose_lease_does_not_outlive_its_call_calls_nobody(on: On) {
        let world = World::new(on).await;
        let id = authorised(&world, "A-1").await;
        let policy = world.app.policy.clone();
        let one_too_late_ms = policy.lease_ms - policy.total_timeout_ms + 1;
        let (status, capture) = capture_late(&world, &id, one_too_late_ms).await;
        assert_eq!((status, &capture["state"]), (202, &json!("intent")), "{capture:#}");
        assert_eq!(capture["reason"], "lease_too_short", "{capture:#}");
        assert_eq!(world.calls("/capture"), 0);
        assert_eq!(outcomes(&world, &id).await, ["not_sent"]);
        world.pass(120, 4).await;
        let payment = world.payment(&id).await;
        assert_eq!(payment["status"], "captured", "{payment:#}");
        assert_eq!(world.calls("/capture"), 1);
        assert_eq!(outcomes(&world, &id).await, ["not_sent", "ok"]);
        world.finish().await;
    }

    async fn r18_a_lease_that_just_outlives_the_call_is_enough(on: On) {
        let world = World::new(on).await;
        let id = authorised(&world, "A-1").await;
        let policy = world.app.policy.clone();
        let in_time_ms = policy.lease_ms - policy.total_timeout_ms;
        let (status, capture) = capture_late(&world, &id, in_time_ms).await;
        assert_eq!((status, &capture["state"]), (200, &json!("succeeded")), "{capture:#}");
        assert_eq!(world.calls("/capture"), 1);
        world.finish().await;
    }
}
