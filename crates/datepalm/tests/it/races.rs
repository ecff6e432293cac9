//! Callers at the same moment: one effect, and everybody hears of it.

use crate::on_both;
use crate::world::{World, order, sar};
use futures_util::future::join_all;
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
