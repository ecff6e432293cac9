//! Rows that cannot be worked on, more of them than one round takes: they stop nobody else's.

use crate::on_both;
use crate::world::{Fault, World, order, sar};
use serde_json::{Value, json};
use tamara_sandbox::Plan;

/// A currency that none is makes every load of the payment fail.
async fn spoil(world: &World, id: &str, currency: &'static str) {
    let id = id.to_owned();
    let write = world.app.store.write("test bad row", move |tx| {
        tx.execute(
            "-- test bad row\nupdate payments set currency = $2 where id = $1",
            datepalm::values![&id, currency],
        )
    });
    assert_eq!(write.await.unwrap(), 1);
}

async fn authorised(world: &World, reference: &str) -> String {
    let (id, checkout) = world.create(reference).await;
    let customer = world.sandbox.customer(&checkout);
    customer.approve(Plan::Full).unwrap();
    world.deliver(1).await;
    world.work().await;
    id
}

/// A capture that did not leave, and is left to the workers.
async fn waits(world: &World, id: &str) {
    world.fault("POST /payments/capture", Fault::NotSent);
    let path = format!("/v1/payments/{id}/capture");
    let (status, capture) = world
        .post(&path, id, &json!({ "amount": sar(10_000) }))
        .await;
    assert_eq!(
        (status, &capture["state"]),
        (202, &json!("intent")),
        "{capture:#}"
    );
}

on_both! {
    async fn operations_that_cannot_be_loaded_stop_nobody_elses(on: On) {
        let mut world = World::new(on).await;
        world.config.worker_batch = 2;
        world.restart().await;
        let mut ids = Vec::new();
        for n in 0..4 {
            let id = authorised(&world, &format!("A-{n}")).await;
            waits(&world, &id).await;
            world.clock.advance_ms(10);
            ids.push(id);
        }
        for id in &ids[..3] {
            spoil(&world, id, "no currency").await;
        }
        world.pass(60, 6).await;
        assert_eq!(world.payment(&ids[3]).await["amounts"]["captured"]["amount"], 10_000);
        for id in &ids[..3] {
            spoil(&world, id, "SAR").await;
        }
        world.pass(3_600, 60).await;
        for id in &ids {
            assert_eq!(world.payment(id).await["amounts"]["captured"]["amount"], 10_000, "mended");
        }
        world.finish().await;
    }

    async fn notifications_of_a_payment_that_cannot_be_loaded_stop_nobody_elses(on: On) {
        let world = World::new(on).await;
        let (bad, checkout) = world.create("A-1").await;
        world.sandbox.customer(&checkout).approve(Plan::Full).unwrap();
        world.deliver(70).await;
        world.clock.advance_ms(10);
        spoil(&world, &bad, "no currency").await;
        let (good, checkout) = world.create("A-2").await;
        world.sandbox.customer(&checkout).approve(Plan::Full).unwrap();
        world.deliver(1).await;
        world.work().await;
        assert_eq!(world.payment(&good).await["status"], "authorised");
        spoil(&world, &bad, "SAR").await;
        world.pass(3_600, 60).await;
        assert_eq!(world.payment(&bad).await["status"], "authorised", "mended");
        world.finish().await;
    }

    // Whoever's personal data was erased can still be given the money back.
    async fn money_moves_although_the_customer_was_erased(on: On) {
        let world = World::new(on).await;
        let id = authorised(&world, "A-1").await;
        let erased = world.app.store.write("test erase", |tx| {
            tx.execute("-- test erase\ndelete from payment_people", datepalm::values![])
        });
        assert_eq!(erased.await.unwrap(), 1);
        for (verb, amount) in [("capture", 30_012), ("refund", 12)] {
            let path = format!("/v1/payments/{id}/{verb}");
            let (status, answer) = world.post(&path, verb, &json!({ "amount": sar(amount) })).await;
            assert_eq!(status, 200, "{answer:#}");
        }
        world.finish().await;
    }

    // R4, R19: an answer about another order is none; a read tells what became of the call.
    async fn r4_an_answer_about_another_order_is_unknown(on: On) {
        let world = World::new(on).await;
        let id = authorised(&world, "A-1").await;
        let another = |answer: &mut Value| {
            answer["order_id"] = json!("00000000-0000-4000-8000-000000000000");
            answer["capture_id"] = json!("00000000-0000-4000-8000-000000000001");
        };
        world.fault("POST /payments/capture", Fault::Altered(another));
        let path = format!("/v1/payments/{id}/capture");
        let body = json!({ "amount": sar(10_000) });
        world.post(&path, "c", &body).await;
        world.pass(60, 4).await;
        let (_, capture) = world.post(&path, "c", &body).await;
        let book = world.book(&id).await;
        assert_eq!(capture["state"], "succeeded", "{capture:#}");
        assert_ne!(capture["tamara_id"], "00000000-0000-4000-8000-000000000001", "{book:#}");
        assert_eq!(world.payment(&id).await["attention"], json!([]));
        world.finish().await;
    }

    // R7: when the money is taken is part of what was wished.
    async fn r7_another_capture_mode_is_another_wish(on: On) {
        let world = World::new(on).await;
        let (id, _) = world.create("A-1").await;
        let mut automatic = order("A-1");
        automatic["capture_mode"] = "automatic".into();
        let (status, problem) = world.post("/v1/payments", "other", &automatic).await;
        assert_eq!((status, &problem["code"]), (409, &json!("reference_in_use")), "{problem:#}");
        let (status, same) = world.post("/v1/payments", "same", &order("A-1")).await;
        assert_eq!((status, same["id"].as_str()), (200, Some(id.as_str())));
        world.finish().await;
    }

    // R7, R22: several callers open an ended payment again at one moment: one page more.
    async fn r7_an_ended_payment_is_opened_again_once(on: On) {
        let world = World::new(on).await;
        let (id, checkout) = world.create("A-1").await;
        world.sandbox.customer(&checkout).decline().unwrap();
        world.deliver(1).await;
        world.work().await;
        let keys: Vec<String> = (0..8).map(|n| format!("again {n}")).collect();
        let body = order("A-1");
        let posts = keys.iter().map(|key| world.post("/v1/payments", key, &body));
        let answers = futures_util::future::join_all(posts).await;
        assert!(answers.iter().all(|(status, _)| matches!(status, 200 | 409)), "{answers:#?}");
        let sessions = world.payment(&id).await["sessions"].as_array().unwrap().len();
        assert_eq!((sessions, world.calls("POST /checkout")), (2, 2));
        world.finish().await;
    }

    // R20, R26: the key of a plan's step is nobody else's.
    async fn r26_a_plans_key_is_no_callers(on: On) {
        let world = World::new(on).await;
        let id = authorised(&world, "A-1").await;
        let session = world.payment(&id).await["sessions"][0]["id"].as_str().unwrap().to_owned();
        let path = format!("/v1/payments/{id}/capture");
        let (status, problem) = world.post(&path, &format!("{session}/capture/1"), &json!({})).await;
        assert_eq!((status, &problem["code"]), (400, &json!("idempotency_key_invalid")), "{problem:#}");
        world.finish().await;
    }
}
