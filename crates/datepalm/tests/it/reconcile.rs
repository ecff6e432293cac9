//! Our books against Tamara's: one payment on demand, all of an account in a run, every night; what differs is found
//! once, whatever dies in between.

use crate::on_both;
use crate::problem::{check, get, post, refused, refused_at};
use crate::world::{Fault, KEY_KW, On, World, sar};
use axum::body::Body;
use datepalm::workers::{self, reconciliation};
use serde_json::{Value, json};
use tamara_sandbox::Plan;

const DAY: i64 = 86_400;

fn text<'a>(value: &'a Value, field: &str) -> &'a str {
    value[field].as_str().unwrap_or_default()
}

/// Paid, and nobody told us. Ids sort by the millisecond.
async fn approved(world: &World, reference: &str) -> (String, String) {
    world.clock.advance_ms(1);
    let (id, checkout) = world.create(reference).await;
    let customer = world.sandbox.customer(&checkout);
    customer.approve(Plan::Full).unwrap();
    let payment = world.payment(&id).await;
    let order = text(&payment["sessions"][0], "order_id").to_owned();
    (id, order)
}

async fn authorised(world: &World, reference: &str) -> (String, String) {
    let (id, order) = approved(world, reference).await;
    world.deliver(1).await;
    world.work().await;
    assert_eq!(world.payment(&id).await["status"], "authorised");
    (id, order)
}

async fn reconcile(world: &World, payment: &str, key: &str) -> Value {
    let path = format!("/v1/payments/{payment}/reconcile");
    let (status, report) = world.post(&path, key, &json!({})).await;
    assert_eq!(status, 200, "{report:#}");
    report
}

/// What differs, in short.
fn differences(report: &Value) -> Vec<[&str; 4]> {
    let found = report["differences"].as_array().unwrap();
    found
        .iter()
        .map(|one| ["what", "ours", "tamaras", "done"].map(|field| text(one, field)))
        .collect()
}

async fn start(world: &World, key: &str) -> Value {
    let (status, run) = world.post("/v1/reconciliations", key, &json!({})).await;
    assert_eq!((status, &run["state"]), (202, &json!("running")), "{run:#}");
    run
}

async fn report(world: &World, run: &Value) -> Value {
    let path = format!("/v1/reconciliations/{}", text(run, "id"));
    let (status, report) = world.get(&path).await;
    assert_eq!(status, 200, "{report:#}");
    report
}

on_both! {
    async fn a_payment_that_agrees_and_one_that_does_not(on: On) {
        let world = World::new(on).await;
        let (id, order) = authorised(&world, "A-1").await;
        let agreed = reconcile(&world, &id, "r1").await;
        assert_eq!((&agreed["result"], &agreed["payments"], &agreed["payment_id"]), (&json!("agreed"), &json!(1), &json!(id)));
        assert_eq!((differences(&agreed), &agreed["open"]), (vec![], &json!([])));

        let portal = world.sandbox.portal(&order);
        portal.capture(20_000).unwrap();
        portal.refund(5_000).unwrap();
        world.deliver(0).await;
        let found = reconcile(&world, &id, "r2").await;
        let expected = [
            ["capture", "none", "captured 200.00 SAR", "recorded"],
            ["refund", "none", "refunded 50.00 SAR", "recorded"],
        ];
        assert_eq!((&found["result"], differences(&found)), (&json!("differences"), expected.to_vec()), "{found:#}");
        assert_eq!(found["differences"][0]["amount"]["decimal"], "200.00");
        assert_eq!(found["payment"]["amounts"]["captured"]["amount"], 20_000);
        assert_eq!(differences(&reconcile(&world, &id, "r3").await), [[""; 4]; 0], "told once");

        // R26: a replay shows what the first request found.
        let path = format!("/v1/payments/{id}/reconcile");
        let request = post(&path, "r2").body(Body::from("{}")).unwrap();
        let (status, headers, body) = world.raw(request).await;
        let again: Value = serde_json::from_str(&body).unwrap();
        assert_eq!((status, &headers["idempotent-replayed"]), (200, &"true".parse().unwrap()));
        assert_eq!((&again["id"], differences(&again)), (&found["id"], expected.to_vec()));
        let (other, _) = world.create("A-2").await;
        let (status, problem) = world.post(&format!("/v1/payments/{other}/reconcile"), "r2", &json!({})).await;
        assert_eq!((status, text(&problem, "code")), (422, "idempotency_key_reused"));
        let (status, problem) = world.post_as(KEY_KW, &path, "k", "{}").await;
        assert_eq!((status, text(&problem, "code")), (404, "payment_not_found"));
        world.finish().await;
    }

    // No notification ever comes: the read finds the approval, and what must follow is planned and done.
    async fn what_follows_from_a_difference_is_done(on: On) {
        let world = World::new(on).await;
        let (id, _) = approved(&world, "A-1").await;
        world.deliver(0).await;
        let found = reconcile(&world, &id, "r").await;
        assert_eq!(differences(&found), [["order_status", "pending", "approved", "recorded, authorise planned"]]);
        assert_eq!((text(&found["open"][0], "what"), text(&found["open"][0], "why")), ("operation", "intent"), "{found:#}");
        world.work().await;
        assert_eq!(world.payment(&id).await["status"], "authorised");
        world.finish().await;
    }

    async fn a_doubt_is_settled_by_reading(on: On) {
        let world = World::new(on).await;
        let (id, _) = authorised(&world, "A-1").await;
        world.fault("POST /payments/capture", Fault::AnswerLost);
        world.fault("GET /orders", Fault::GatewayError);
        let path = format!("/v1/payments/{id}/capture");
        let (status, capture) = world.post(&path, "c", &json!({ "amount": sar(10_000) })).await;
        assert_eq!((status, text(&capture, "state")), (202, "unknown"), "{capture:#}");
        let found = reconcile(&world, &id, "r").await;
        assert_eq!(differences(&found), [["operation", "unknown", "succeeded", "settled"]]);
        assert_eq!(found["differences"][0]["about"], capture["id"]);
        world.finish().await;
    }

    async fn what_cannot_be_read_is_said_and_what_is_not_believed_stays_open(on: On) {
        let world = World::new(on).await;
        let (id, order) = authorised(&world, "A-1").await;
        for (fault, why) in [(Fault::GatewayError, "outcome_unknown"), (Fault::NotFound, "not_found")] {
            world.fault(&format!("GET /orders/{order}"), fault);
            let report = reconcile(&world, &id, why).await;
            assert_eq!((text(&report, "result"), text(&report["not_read"][0], "why")), ("differences", why), "{report:#}");
            assert_eq!((&report["payments_not_read"], &report["differences_found"]), (&json!(1), &json!(0)));
        }
        for key in ["m1", "m2"] {
            world.fault(&format!("GET /orders/{order}"), Fault::Altered(|order| order["order_id"] = json!("another")));
            let report = reconcile(&world, &id, key).await;
            let found = differences(&report);
            assert_eq!((found.len(), found[0][0]), (1, "not_believed"), "each time until it is solved: {report:#}");
            let open: Vec<&str> = report["open"].as_array().unwrap().iter().map(|open| text(open, "why")).collect();
            assert!(open.contains(&"order_mismatch") && open.contains(&"its last answer was not believed"), "{report:#}");
        }
        world.finish().await;
    }

    // A run goes through all payments, comes back to what could not be read, and belongs to its account.
    async fn a_run_of_all_payments(on: On) {
        let mut world = World::new(on).await;
        let (first, order) = authorised(&world, "A-1").await;
        let (second, unreadable) = authorised(&world, "A-2").await;
        let (third, silent) = authorised(&world, "A-3").await;
        world.sandbox.portal(&order).capture(12).unwrap();
        world.deliver(0).await;
        world.fault(&format!("GET /orders/{unreadable}"), Fault::GatewayError);
        // More often than the run and the payment's own schedule read it together.
        for _ in 0..20 {
            world.fault(&format!("GET /orders/{silent}"), Fault::GatewayError);
        }
        world.config.worker_batch = 1;
        world.restart().await;
        let run = start(&world, "r").await;
        assert_eq!(start(&world, "other").await["id"], run["id"], "the one that is under way is joined");
        // It dies after the first payment: the next one goes on from there.
        reconciliation::run_once(&world.app).await.unwrap();
        assert_eq!(report(&world, &run).await["payments"], 1);
        world.restart().await;
        world.work().await;
        let half = report(&world, &run).await;
        assert_eq!((text(&half, "state"), &half["payments"], &half["payments_not_read"]), ("running", &json!(3), &json!(2)), "{half:#}");
        assert_eq!(half["result"], Value::Null);
        world.pass(60, 1).await;
        world.pass(60, 1).await;
        let done = report(&world, &run).await;
        assert_eq!((text(&done, "state"), text(&done, "result"), &done["payments"]), ("done", "differences", &json!(3)), "{done:#}");
        assert_eq!((&done["differences_found"], &done["payments_not_read"]), (&json!(1), &json!(1)), "{done:#}");
        assert_eq!(differences(&done), [["capture", "none", "captured 0.12 SAR", "recorded"]]);
        assert_eq!((&done["differences"][0]["payment_id"], &done["differences"][0]["merchant_reference"]), (&json!(first), &json!("A-1")));
        assert_eq!((&done["not_read"][0]["payment_id"], text(&done["not_read"][0], "why")), (&json!(third), "outcome_unknown"));
        assert_ne!(done["not_read"][0]["payment_id"], json!(second), "the second pass read it");

        let (status, again) = world.post("/v1/reconciliations", "r", &json!({})).await;
        assert_eq!((status, &again["id"]), (200, &run["id"]), "R26");
        let list = world.get("/v1/reconciliations").await.1;
        assert_eq!((list["data"].as_array().unwrap().len(), &list["data"][0]["id"]), (1, &run["id"]), "{list:#}");
        let path = format!("/v1/reconciliations/{}", text(&run, "id"));
        let page = world.get(&format!("{path}?limit=1")).await.1;
        assert_eq!((&page["has_more"], differences(&page).len()), (&json!(true), 1), "{page:#}");
        let page = world.get(&format!("{path}?limit=1&cursor={}", text(&page, "next_cursor"))).await.1;
        assert_eq!((&page["has_more"], page["not_read"].as_array().unwrap().len()), (&json!(false), 1), "{page:#}");
        let (status, problem) = world.get_as(KEY_KW, &path).await;
        assert_eq!((status, text(&problem, "code")), (404, "reconciliation_not_found"));
        assert_eq!(world.get_as(KEY_KW, "/v1/reconciliations").await.1["data"], json!([]));
        world.finish().await;
    }

    // Only what can still change is read: not what was declined long ago, nor what is younger than the run.
    async fn a_run_reads_what_can_still_change(on: On) {
        let world = World::new(on).await;
        let (_, checkout) = world.create("A-1").await;
        world.sandbox.customer(&checkout).decline().unwrap();
        world.deliver(1).await;
        world.pass(2 * DAY, 8).await;
        let (_, order) = authorised(&world, "A-2").await;
        let run = start(&world, "r").await;
        world.clock.advance_ms(1);
        authorised(&world, "A-3").await;
        let reads = world.calls(&format!("GET /orders/{order}"));
        world.pass(60, 1).await;
        let done = report(&world, &run).await;
        assert_eq!((text(&done, "result"), &done["payments"]), ("agreed", &json!(1)), "{done:#}");
        assert!(world.calls(&format!("GET /orders/{order}")) >= reads);
        world.finish().await;
    }

    // A customer pays while the run goes on: the read may see it a moment before the notification tells of it.
    async fn what_a_notification_tells_meanwhile_is_no_difference(on: On) {
        let mut world = World::new(on).await;
        world.config.worker_batch = 1;
        world.restart().await;
        let (id, _) = approved(&world, "A-1").await;
        approved(&world, "A-2").await;
        approved(&world, "A-3").await;
        let run = start(&world, "r").await;
        for _ in 0..3 {
            reconciliation::run_once(&world.app).await.unwrap();
        }
        let half = report(&world, &run).await;
        assert_eq!(half["payments"], 3, "{half:#}");
        let found = half["differences_found"].as_i64().unwrap();
        assert!(found > 0, "{half:#}");
        world.clock.advance_ms(1);
        world.deliver(1).await;
        world.work().await;
        let done = report(&world, &run).await;
        assert_eq!((text(&done, "result"), &done["differences_found"]), ("agreed", &json!(0)), "{done:#}");
        assert_eq!(world.payment(&id).await["status"], "authorised");
        world.finish().await;
    }

    // Once a night and account, by whichever node comes first; a night that nobody was there for is made up for.
    async fn every_night_by_itself(on: On) {
        let mut world = World::new(on).await;
        authorised(&world, "A-1").await;
        // The world's clock starts at 02:40 UTC.
        world.config.reconcile_at_ms = Some(3 * 3_600_000);
        world.restart().await;
        let runs = async |world: &World| world.get("/v1/reconciliations").await.1["data"].as_array().unwrap().clone();
        world.work().await;
        assert_eq!(runs(&world).await.len(), 0, "before its time");
        world.pass(1_200, 1).await;
        let night = runs(&world).await;
        assert_eq!((night.len(), text(&night[0], "result"), &night[0]["payments"]), (1, "agreed", &json!(1)), "{night:#?}");
        world.restart().await;
        world.pass(7_200, 4).await;
        assert_eq!(runs(&world).await.len(), 1, "once");
        assert_eq!(world.get_as(KEY_KW, "/v1/reconciliations").await.1["data"].as_array().unwrap().len(), 1);
        world.clock.advance_ms(3 * DAY * 1_000);
        world.sandbox.tick();
        world.restart().await;
        world.work().await;
        assert_eq!(runs(&world).await.len(), 2, "the last night is made up for, not each");
        world.finish().await;
    }

    // The request that reconciles one payment dies: a worker carries it on when its claim is over.
    async fn a_request_that_dies_is_carried_on(on: On) {
        let mut world = World::new(on).await;
        let (id, order) = authorised(&world, "A-1").await;
        world.sandbox.portal(&order).capture(12).unwrap();
        world.deliver(0).await;
        world.halt.set(1);
        let path = format!("/v1/payments/{id}/reconcile");
        let body = json!({});
        {
            let request = world.post(&path, "r", &body);
            tokio::select! {
                answer = request => panic!("it should not answer: {answer:?}"),
                () = world.halt.reached() => {}
            }
        }
        world.halt.set(0);
        world.restart().await;
        let (status, report) = world.post(&path, "r", &json!({})).await;
        assert_eq!((status, text(&report, "state")), (202, "running"), "{report:#}");
        world.clock.advance_ms(world.app.policy.lease_ms);
        workers::run_all_once(&world.app).await.unwrap();
        let (status, report) = world.post(&path, "r", &json!({})).await;
        assert_eq!((status, text(&report, "state")), (200, "done"), "{report:#}");
        // The payment's own schedule may have been faster; the capture is known in any case.
        assert_eq!(world.payment(&id).await["amounts"]["captured"]["amount"], 12);
        world.finish().await;
    }
}

#[tokio::test]
async fn bad_requests_are_refused_with_a_sentence() {
    let world = World::new(On::Sqlite).await;
    let request =
        |path: &str, body: &str| post(path, "k").body(Body::from(body.to_owned())).unwrap();
    let cases = [
        (
            request("/v1/reconciliations", r#"{"account":"kw"}"#),
            refused_at(422, "invalid_request", "account", &["account"]),
        ),
        (
            request("/v1/payments/pay_1/reconcile", "{}"),
            refused(404, "payment_not_found", &["pay_ and 32"]),
        ),
        (
            get("/v1/reconciliations/rec_1"),
            refused(404, "reconciliation_not_found", &["rec_ and 32"]),
        ),
        (
            get("/v1/reconciliations?cursor=x"),
            refused_at(400, "cursor_invalid", "cursor", &["cursor"]),
        ),
        (
            get("/v1/reconciliations?limit=101"),
            refused_at(422, "invalid_request", "limit", &["1 to 100"]),
        ),
        (
            get("/v1/reconciliations?page=1"),
            refused(422, "invalid_request", &["limit", "cursor"]),
        ),
    ];
    for (request, expected) in cases {
        let what = request.uri().to_string();
        check(&world, &what, request, expected).await;
    }
    let run = start(&world, "r").await;
    world.work().await;
    let path = format!("/v1/reconciliations/{}?cursor=%00", text(&run, "id"));
    let nul = refused_at(400, "cursor_invalid", "cursor", &["cursor"]);
    check(&world, "NUL", get(&path), nul).await;
    let empty = report(&world, &run).await;
    assert_eq!(
        (text(&empty, "result"), &empty["payments"]),
        ("agreed", &json!(0))
    );
    world.finish().await;
}

/// Two payments that a person captured in the portal, and nobody but the run to find it.
async fn silent_captures() -> World {
    let mut world = World::new(On::Sqlite).await;
    world.config.policy.polling_ms = vec![30 * DAY * 1_000];
    world.restart().await;
    let (_, first) = authorised(&world, "A-1").await;
    let (_, second) = authorised(&world, "A-2").await;
    for order in [first, second] {
        world.sandbox.portal(&order).capture(12).unwrap();
    }
    world.deliver(0).await;
    world
}

/// Asks with one key until the run has ended, as cron would.
async fn run_to_the_end(world: &World) -> Value {
    for _ in 0..20 {
        let (status, run) = world.post("/v1/reconciliations", "r", &json!({})).await;
        assert!(matches!(status, 200 | 202), "{status} {run:#}");
        if run["state"] == "done" {
            return run;
        }
        world.pass(30, 1).await;
    }
    panic!("it never ends");
}

/// Dies at the given point of a run, starts again and goes on. Answers whether it died.
async fn run_dies_at(commit: Option<u64>, point: Option<u64>) -> bool {
    let mut world = silent_captures().await;
    let mut progress = world.app.store.progress();
    let start = progress.borrow().commits;
    world.halt.set(point.unwrap_or(0));
    let died = {
        let reached = async {
            match commit {
                Some(commit) => {
                    let there = progress.wait_for(|seen| seen.commits >= start + commit);
                    there.await.unwrap();
                }
                None => world.halt.reached().await,
            }
        };
        tokio::select! {
            biased;
            () = reached => true,
            _ = run_to_the_end(&world) => false,
        }
    };
    world.halt.set(0);
    world.restart().await;
    let run = run_to_the_end(&world).await;
    let at = format!("commit {commit:?}, point {point:?}: {run:#}");
    let captured = ["capture", "none", "captured 0.12 SAR", "recorded"];
    assert_eq!(differences(&run), [captured, captured], "{at}");
    assert_eq!(
        (&run["payments"], &run["payments_not_read"]),
        (&json!(2), &json!(0)),
        "{at}"
    );
    world.finish().await;
    died
}

/// Whatever dies: a difference that was taken in stands in the run, once.
#[tokio::test]
async fn no_crash_loses_a_difference() {
    let mut commits = 0;
    while run_dies_at(Some(commits + 1), None).await {
        commits += 1;
    }
    let mut points = 0;
    while run_dies_at(None, Some(points + 1)).await {
        points += 1;
    }
    assert!(
        commits >= 5 && points >= 4,
        "{commits} commits, {points} points"
    );
}
