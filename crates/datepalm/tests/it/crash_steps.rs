//! The process dies after every single commit, and before and after every single call to Tamara, and starts again on
//! the same file. Whatever the point: one order is paid, nothing is captured or refunded twice, and the books agree.

use crate::world::{On, World, order, sar};
use serde_json::{Value, json};
use tamara_sandbox::Plan;

/// What the merchant's backend and the customer do; everything in it is repeated until it is done, with the same keys,
/// as after a crash.
async fn main_job(world: &World) {
    let (id, checkout) = created(world).await;
    // Already approved when this is a repetition.
    let _ = world.sandbox.customer(&checkout).approve(Plan::Three);
    world.deliver(1).await;
    world.work().await;
    until(world, &id, |payment| {
        payment["paid"] == true || payment["amounts"]["captured"]["amount"] != 0
    })
    .await;
    done(
        world,
        &id,
        "capture",
        "first",
        json!({ "amount": sar(10_012) }),
    )
    .await;
    done(world, &id, "capture", "second", json!({})).await;
    done(world, &id, "refund", "part", json!({ "amount": sar(12) })).await;
    world.deliver(1).await;
    world.work().await;
}

async fn created(world: &World) -> (String, String) {
    for _ in 0..100 {
        let (status, payment) = world.post("/v1/payments", "order-1", &order("A-1")).await;
        let sessions = payment["sessions"].as_array().cloned().unwrap_or_default();
        let open = sessions
            .iter()
            .rev()
            .find_map(|session| session["checkout_id"].as_str());
        if let (200 | 201, Some(checkout)) = (status, open) {
            return (
                payment["id"].as_str().unwrap().to_owned(),
                checkout.to_owned(),
            );
        }
        assert!(matches!(status, 202 | 409 | 503), "{payment:#}");
        world.pass(30, 1).await;
    }
    panic!("the payment is never created");
}

async fn until(world: &World, id: &str, reached: impl Fn(&Value) -> bool) {
    for _ in 0..100 {
        if reached(&world.payment(id).await) {
            return;
        }
        world.pass(30, 1).await;
    }
    panic!("never reached: {:#}", world.payment(id).await);
}

/// Asks until the operation has ended. One that provably did not happen is asked for again under a new key, as the
/// problem document says.
async fn done(world: &World, id: &str, verb: &str, key: &str, body: Value) {
    let path = format!("/v1/payments/{id}/{verb}");
    let mut tries = 0;
    for _ in 0..200 {
        let (status, answer) = world.post(&path, &format!("{key}-{tries}"), &body).await;
        match (status, answer["code"].as_str()) {
            (200, _) => return,
            (409, Some("not_applied")) => tries += 1,
            (202 | 503, _) | (409, Some("operation_in_progress")) => world.pass(60, 1).await,
            _ => panic!("{verb}: {status} {answer:#}"),
        }
    }
    panic!("{verb} never ends: {:#}", world.payment(id).await);
}

/// Runs the main job, dies at the given point, starts again and finishes. Answers whether it died.
async fn dies_at(commit: Option<u64>, point: Option<u64>) -> bool {
    let mut world = World::new(On::Sqlite).await;
    let mut progress = world.app.store.progress();
    let start = progress.borrow().commits;
    world.halt.set(point.unwrap_or(0));
    let died = {
        let halt = world.halt.clone();
        let reached = async {
            match commit {
                Some(commit) => {
                    progress
                        .wait_for(|seen| seen.commits >= start + commit)
                        .await
                        .unwrap();
                }
                None => halt.reached().await,
            }
        };
        tokio::select! {
            biased;
            () = reached => true,
            () = main_job(&world) => false,
        }
    };
    world.halt.set(0);
    world.restart().await;
    main_job(&world).await;
    world.pass(3_600, 30).await;
    agrees(&world, &format!("commit {commit:?}, point {point:?}")).await;
    world.finish().await;
    died
}

async fn agrees(world: &World, at: &str) {
    let (_, list) = world.get("/v1/payments").await;
    assert_eq!(
        list["data"].as_array().unwrap().len(),
        1,
        "{at}: one payment"
    );
    let payment = &list["data"][0];
    assert_eq!(payment["status"], "partially_refunded", "{at}: {payment:#}");
    assert_eq!(
        (&payment["final"], &payment["in_doubt"]),
        (&json!(true), &json!(false)),
        "{at}: {payment:#}"
    );
    assert_eq!(payment["attention"], json!([]), "{at}: {payment:#}");
    let state = world.sandbox.state();
    let orders = state["orders"].as_array().unwrap();
    let paid: Vec<_> = orders
        .iter()
        .filter(|order| order["captured_minor"] != 0)
        .collect();
    assert_eq!(paid.len(), 1, "{at}: one order is paid");
    assert_eq!(
        (&paid[0]["captured_minor"], &paid[0]["refunded_minor"]),
        (&json!(30_012), &json!(12)),
        "{at}"
    );
    for order in orders.iter().filter(|order| order["captured_minor"] == 0) {
        assert!(
            matches!(order["status"].as_str(), Some("new" | "expired")),
            "{at}: an orphan expires: {order:#}"
        );
    }
}

#[tokio::test]
async fn after_every_commit() {
    let mut commit = 1;
    while dies_at(Some(commit), None).await {
        commit += 1;
    }
    assert!(commit > 20, "the main job has only {commit} commits?");
}

#[tokio::test]
async fn before_and_after_every_call() {
    let mut point = 1;
    while dies_at(None, Some(point)).await {
        point += 1;
    }
    assert!(point > 14, "the main job has only {point} points?");
}

#[tokio::test]
async fn a_look_that_died_is_taken_up_after_one_lease() {
    let mut world = World::new(On::Sqlite).await;
    world.config.policy.lease_ms = 31_000;
    world.restart().await;
    let (id, checkout) = world.create("A-1").await;
    world
        .sandbox
        .customer(&checkout)
        .approve(Plan::Full)
        .unwrap();
    world.clock.advance_ms(30_000);
    world.halt.set(1);
    let halt = world.halt.clone();
    tokio::select! {
        () = halt.reached() => {}
        () = world.work() => panic!("nobody looked"),
    }
    world.halt.set(0);
    world.restart().await;
    world.clock.advance_ms(31_000);
    world.work().await;
    assert_eq!(world.payment(&id).await["paid"], true);
    world.finish().await;
}
