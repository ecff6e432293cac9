//! Merchants whose orders others move too: Tamara's own settings (automatic authorisation and capture), its timer, and
//! people in its portal. What they did shows up as facts with their origin (R20).

mod automatic_capture;

use crate::on_both;
use crate::world::{Fault, Setup, World, sar};
use serde_json::{Value, json};
use tamara_sandbox::Plan;

const DAY: i64 = 24 * 3_600;

async fn approved(world: &World, reference: &str) -> String {
    let (id, checkout) = world.create(reference).await;
    world
        .sandbox
        .customer(&checkout)
        .approve(Plan::Three)
        .unwrap();
    world.deliver(1).await;
    world.work().await;
    id
}

fn order_id(payment: &Value) -> String {
    payment["sessions"][0]["order_id"]
        .as_str()
        .unwrap()
        .to_owned()
}

/// `(kind, minor units, origin)` of every entry.
fn entries(payment: &Value) -> Vec<(String, i64, String)> {
    let entries = payment["sessions"][0]["entries"].as_array().unwrap();
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    entries
        .iter()
        .map(|entry| {
            let minor = entry["amount"]["amount"].as_i64().unwrap();
            (text(&entry["kind"]), minor, text(&entry["origin"]))
        })
        .collect()
}

fn one(kind: &str, minor: i64, origin: &str) -> (String, i64, String) {
    (kind.to_owned(), minor, origin.to_owned())
}

fn auto_capture() -> Setup {
    Setup {
        auto_capture: true,
        ..Setup::default()
    }
}

on_both! {
    // Our own authorise answers `fully_captured`: that is the whole story, and it is paid.
    async fn authorise_that_captures(on: On) {
        let world = World::with(on, auto_capture()).await;
        let id = approved(&world, "A-1").await;
        let payment = world.payment(&id).await;
        assert_eq!((&payment["status"], &payment["paid"]), (&json!("captured"), &json!(true)));
        assert_eq!(entries(&payment), [one("capture", 30_012, "auto_capture")]);
        assert_eq!(world.calls("/payments/capture"), 0);
        world.finish().await;
    }

    // The same with its answer lost: the read finds it, and nothing is sent again.
    async fn authorise_that_captures_and_whose_answer_is_lost(on: On) {
        let world = World::with(on, auto_capture()).await;
        world.fault("/authorise", Fault::AnswerLost);
        let id = approved(&world, "A-1").await;
        let payment = world.payment(&id).await;
        assert_eq!((&payment["status"], &payment["paid"]), (&json!("captured"), &json!(true)));
        assert_eq!(entries(&payment), [one("capture", 30_012, "unknown")]);
        assert_eq!(world.calls("/authorise"), 1);
        world.finish().await;
    }

    // Automatic authorisation: the first read is already captured; it wins, is paid, and can be refunded.
    async fn orders_that_authorise_themselves(on: On) {
        let setup = Setup { auto_authorise: true, ..Setup::default() };
        let world = World::with(on, setup).await;
        let id = approved(&world, "A-1").await;
        let payment = world.payment(&id).await;
        assert_eq!((&payment["status"], &payment["paid"]), (&json!("captured"), &json!(true)));
        assert_eq!(world.calls("/authorise"), 0);
        let path = format!("/v1/payments/{id}/refund");
        let (status, refund) = world.post(&path, "r1", &json!({ "amount": sar(12) })).await;
        assert_eq!(status, 200, "{refund:#}");
        let payment = world.payment(&id).await;
        assert_eq!(entries(&payment), [one("capture", 30_012, "unknown"), one("refund", 12, "request")]);
        world.finish().await;
    }

    // A person in the portal cancels a part, captures a part, and refunds a part of that.
    async fn what_a_person_does_in_the_portal(on: On) {
        let world = World::new(on).await;
        let id = approved(&world, "A-1").await;
        let portal = world.sandbox.portal(&order_id(&world.payment(&id).await));
        portal.cancel(12).unwrap();
        portal.capture(20_000).unwrap();
        portal.refund(5_000).unwrap();
        world.deliver(1).await;
        world.work().await;
        let payment = world.payment(&id).await;
        assert_eq!(payment["status"], "partially_refunded");
        let expected = [
            one("capture", 20_000, "portal"), one("refund", 5_000, "portal"), one("cancel", 12, "portal"),
        ];
        assert_eq!(entries(&payment), expected);
        let left = &payment["amounts"];
        let amount = |name: &str| left[name]["amount"].as_i64().unwrap();
        assert_eq!((amount("canceled"), amount("captured"), amount("refunded")), (12, 20_000, 5_000));
        assert_eq!((world.calls("/payments/"), world.calls("/cancel")), (0, 0));
        world.finish().await;
    }

    // Nobody captures for 21 days: Tamara does, no notification comes, and the schedule finds it.
    async fn captured_by_tamara_at_21_days(on: On) {
        let world = World::new(on).await;
        let id = approved(&world, "A-1").await;
        assert_eq!(world.payment(&id).await["status"], "authorised");
        world.pass(22 * DAY, 44).await;
        let payment = world.payment(&id).await;
        assert_eq!((&payment["status"], &payment["paid"]), (&json!("captured"), &json!(true)));
        assert_eq!(entries(&payment), [one("capture", 30_012, "auto_capture")]);
        world.finish().await;
    }
}
