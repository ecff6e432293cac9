//! Callers at the same moment: one effect, and everybody hears of it.

mod lease;

use crate::on_both;
use crate::world::{Fault, World, order, sar};
use futures_util::future::{join, join_all};
use serde_json::{Value, json};
use tamara_sandbox::Plan;

async fn paid(world: &World) -> String {
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

on_both! {
    async fn one_key_many_callers_one_order(on: On) {
        let world = World::new(on).await;
        let body = order("A-1");
        let answers = join_all((0..8).map(|_| world.post("/v1/payments", "k", &body))).await;
        for (status, answer) in &answers {
            assert!(matches!(status, 200 | 201 | 409), "{status} {answer:#}");
        }
        assert_eq!(answers.iter().filter(|(status, _)| *status == 201).count(), 1);
        assert_eq!(world.calls("POST /checkout"), 1);
        let (status, answer) = world.post("/v1/payments", "k", &body).await;
        assert_eq!((status, &answer["status"]), (200, &json!("pending")));
        world.finish().await;
    }

    async fn one_reference_many_keys_one_order(on: On) {
        let world = World::new(on).await;
        let body = order("A-1");
        let keys: Vec<String> = (0..8).map(|n| format!("k{n}")).collect();
        let answers = join_all(keys.iter().map(|key| world.post("/v1/payments", key, &body))).await;
        let made: Vec<&Value> = answers.iter().filter(|(status, _)| *status == 201).map(|(_, payment)| payment).collect();
        assert_eq!(made.len(), 1, "{answers:#?}");
        assert_eq!(world.calls("POST /checkout"), 1);
        world.finish().await;
    }

    async fn captures_at_once_take_the_money_once(on: On) {
        let world = World::new(on).await;
        let id = paid(&world).await;
        let path = format!("/v1/payments/{id}/capture");
        let keys: Vec<String> = (0..8).map(|n| format!("c{n}")).collect();
        let body = json!({ "amount": sar(20_000) });
        let answers = join_all(keys.iter().map(|key| world.post(&path, key, &body))).await;
        let done = answers.iter().filter(|(status, _)| *status == 200).count();
        assert_eq!(done, 1, "{answers:#?}");
        for (status, answer) in answers.iter().filter(|(status, _)| *status != 200) {
            let code = answer["code"].as_str().unwrap();
            assert!(matches!((status, code), (409, "operation_in_progress") | (422, "amount_above_rest")), "{answer:#}");
        }
        assert_eq!(world.book(&id).await["captured_minor"], 20_000);
        world.finish().await;
    }

    async fn one_capture_key_at_once(on: On) {
        let world = World::new(on).await;
        let id = paid(&world).await;
        let path = format!("/v1/payments/{id}/capture");
        let body = json!({ "amount": sar(10_000) });
        let answers = join_all((0..8).map(|_| world.post(&path, "c", &body))).await;
        assert!(answers.iter().all(|(status, _)| matches!(status, 200 | 202)), "{answers:#?}");
        let ids: std::collections::BTreeSet<&str> = answers.iter().map(|(_, o)| o["id"].as_str().unwrap()).collect();
        assert_eq!((ids.len(), world.calls("POST /payments/capture")), (1, 1));
        world.finish().await;
    }

    // R20: a notification of our own capture, refund or cancel may be read before the answer to the call comes.
    async fn our_own_effects_are_read_before_their_answers(on: On) {
        let world = World::new(on).await;
        let id = paid(&world).await;
        let asked = [
            ("cancel", "/cancel", json!({ "amount": sar(12) })),
            ("capture", "/payments/capture", json!({ "amount": sar(20_000) })),
            ("refund", "/simplified-refund", json!({ "amount": sar(5_000) })),
        ];
        for (verb, call, body) in asked {
            world.fault(call, Fault::AnswerHeld);
            let path = format!("/v1/payments/{id}/{verb}");
            let meanwhile = async {
                world.held().await;
                world.deliver(1).await;
                world.work().await;
                let payment = world.payment(&id).await;
                let operations = payment["operations"].as_array().unwrap();
                let own = operations.iter().find(|operation| operation["kind"] == verb).unwrap();
                assert_eq!(own["state"], "sending", "only its sender, or its lapse, ends it: {payment:#}");
                let entries = payment["sessions"][0]["entries"].as_array().unwrap();
                let seen = entries.iter().find(|entry| entry["kind"] == verb).unwrap();
                assert_eq!(seen["operation"].is_string(), verb != "cancel", "a cancel echoes nothing: {seen:#}");
                world.let_go();
            };
            let ((status, operation), ()) = join(world.post(&path, verb, &body), meanwhile).await;
            assert_eq!((status, &operation["state"]), (200, &json!("succeeded")), "{operation:#}");
        }
        let (_, timeline) = world.get(&format!("/v1/payments/{id}/timeline")).await;
        let told: Vec<&str> = timeline["data"].as_array().unwrap().iter()
            .filter(|entry| entry["kind"] == "event")
            .map(|entry| entry["title"].as_str().unwrap())
            .collect();
        assert!(told.iter().all(|kind| !kind.ends_with(".observed")), "{told:?}");
        for kind in ["capture.succeeded", "cancel.succeeded", "refund.succeeded"] {
            assert_eq!(told.iter().filter(|told| **told == kind).count(), 1, "{told:?}");
        }
        world.finish().await;
    }

    async fn refund_and_capture_and_cancel_at_once(on: On) {
        let world = World::new(on).await;
        let id = paid(&world).await;
        let verbs = ["capture", "cancel", "refund", "capture", "cancel"];
        let paths: Vec<String> = verbs.iter().map(|verb| format!("/v1/payments/{id}/{verb}")).collect();
        let keys: Vec<String> = (0..5).map(|n| format!("k{n}")).collect();
        let body = json!({});
        join_all(paths.iter().zip(&keys).map(|(path, key)| world.post(path, key, &body))).await;
        world.pass(600, 10).await;
        let book = world.book(&id).await;
        let payment = world.payment(&id).await;
        for name in ["captured", "refunded", "canceled"] {
            assert_eq!(payment["amounts"][name]["amount"], book[format!("{name}_minor")], "{name}: {payment:#}");
        }
        let (captured, canceled) = (book["captured_minor"].as_i64().unwrap(), book["canceled_minor"].as_i64().unwrap());
        assert!(captured + canceled <= 30_012, "{book:#}");
        world.finish().await;
    }
}
