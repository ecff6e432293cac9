//! An old copy of the database is put back while Tamara has gone on (R30): nothing happens twice, nobody is told an old
//! number, and money waits until it is known again where it is.

use crate::on_both;
use crate::world::{Fault, On, World, order, sar};
use datepalm::actions::recover;
use datepalm::clock::rfc3339;
use datepalm::ids::PaymentId;
use datepalm::store::{Database, Store, events, payments};
use serde_json::{Value, json};
use std::path::PathBuf;
use tamara_sandbox::Plan;

/// The default settle window, seconds.
const WINDOW_S: i64 = 900;

fn file_of(world: &World) -> PathBuf {
    let Database::Sqlite(path) = &world.config.database else {
        panic!("copies are made of SQLite");
    };
    path.clone()
}

/// A backup, as an operator makes it while the service runs.
fn copy_of(world: &World) -> PathBuf {
    let file = file_of(world);
    let copies = std::fs::read_dir(file.parent().unwrap()).unwrap().count();
    let copy = file.with_file_name(format!("copy-{copies}.db"));
    let connection = rusqlite::Connection::open(&file).unwrap();
    let name = copy.to_str().unwrap();
    connection.execute("vacuum into ?1", [name]).unwrap();
    copy
}

/// The copy is put back, where no process has the old file open.
fn put_back(world: &mut World, copy: &PathBuf) {
    let files = std::fs::read_dir(copy.parent().unwrap()).unwrap().count();
    let file = copy.with_file_name(format!("restored-{files}.db"));
    std::fs::copy(copy, &file).unwrap();
    world.config.database = Database::Sqlite(file);
}

/// `serve --recover`.
async fn recover(world: &mut World) {
    let store = Store::open(&world.config.database).unwrap();
    let now_ms = world.clock.now_ms();
    recover::begin(&store, now_ms).await.unwrap();
    drop(store);
    world.restart().await;
}

async fn restore(world: &mut World, copy: &PathBuf) {
    put_back(world, copy);
    recover(world).await;
}

/// An authorised payment of 300.12 SAR.
async fn authorised(world: &World, reference: &str) -> String {
    let (id, checkout) = world.create(reference).await;
    let customer = world.sandbox.customer(&checkout);
    customer.approve(Plan::Full).unwrap();
    world.deliver(1).await;
    world.work().await;
    assert_eq!(world.payment(&id).await["paid"], true);
    id
}

async fn ask(world: &World, id: &str, verb: &str, key: &str, minor: Option<i64>) -> (u16, Value) {
    let body = minor.map_or(json!({}), |minor| json!({ "amount": sar(minor) }));
    world
        .post(&format!("/v1/payments/{id}/{verb}"), key, &body)
        .await
}

/// The code of a refusal.
async fn code(world: &World, id: &str, verb: &str, key: &str, minor: Option<i64>) -> (u16, String) {
    let (status, answer) = ask(world, id, verb, key, minor).await;
    (
        status,
        answer["code"].as_str().unwrap_or_default().to_owned(),
    )
}

async fn stands_still(world: &World, id: &str) {
    for (verb, minor) in [
        ("capture", None),
        ("capture", Some(1)),
        ("refund", None),
        ("cancel", None),
        ("cancel", Some(1)),
    ] {
        let (status, refused) = ask(world, id, verb, &format!("{verb} {minor:?}"), minor).await;
        assert_eq!(
            (status, &refused["code"]),
            (503, &json!("recovering")),
            "{verb}: {refused:#}"
        );
        assert_eq!(refused["retryable"], true);
    }
    let payment = world.payment(id).await;
    let shown = ["recovering", "paid", "final", "checkout_url"].map(|name| payment[name].clone());
    assert_eq!(
        shown,
        [json!(true), json!(false), json!(false), Value::Null]
    );
}

/// Lets the window pass and the orders be read.
async fn read_again(world: &World) {
    world.pass(WINDOW_S + 2, 1).await;
}

fn reasons(payment: &Value) -> Vec<&str> {
    let points = payment["attention"].as_array().unwrap();
    points
        .iter()
        .map(|point| point["reason"].as_str().unwrap())
        .collect()
}

/// A person has looked, and lets the payment go on.
async fn clear(world: &World, id: &str) {
    let (_, points) = world.get("/v1/attention").await;
    let points = points["data"].as_array().unwrap();
    assert_eq!(points.len(), 1, "{points:#?}");
    let shown = (&points[0]["payment_id"], &points[0]["reason"]);
    assert_eq!(shown, (&json!(id), &json!("restored_unknown_effect")));
    let path = format!(
        "/v1/attention/{}/resolve",
        points[0]["id"].as_str().unwrap()
    );
    let body = json!({ "note": "compared with the shop's books" });
    let (status, answer) = world.post(&path, "clear", &body).await;
    assert_eq!(status, 200, "{answer:#}");
}

/// How often the order was captured, canceled or refunded at Tamara.
async fn effects(world: &World, id: &str, list: &str) -> usize {
    world.book(id).await[list].as_array().unwrap().len()
}

/// The copy was made between the commit of an intent and its call.
#[tokio::test]
async fn backup_holds_a_sent_intent() {
    let mut world = World::new(On::Sqlite).await;
    let id = authorised(&world, "A-1").await;
    let mut progress = world.app.store.progress();
    let before = progress.borrow().commits;
    let copy = {
        let asked = ask(&world, &id, "capture", "part", Some(10_012));
        let mut asked = std::pin::pin!(asked);
        let intended = progress.wait_for(|seen| seen.commits > before);
        tokio::select! {
            biased;
            _ = intended => {}
            _ = &mut asked => panic!("it did not stop at its intent"),
        }
        let copy = copy_of(&world);
        let (status, answer) = asked.await;
        assert_eq!(status, 200, "{answer:#}");
        copy
    };
    world.pass(3_600, 4).await;
    restore(&mut world, &copy).await;
    stands_still(&world, &id).await;
    // The key is in the copy: a repetition is answered with what is known.
    let (status, answer) = ask(&world, &id, "capture", "part", Some(10_012)).await;
    assert_eq!((status, &answer["state"]), (202, &json!("unknown")));
    read_again(&world).await;
    let payment = world.payment(&id).await;
    assert_eq!(payment["amounts"]["captured"]["amount"], 10_012);
    assert_eq!(
        (reasons(&payment), &payment["paid"]),
        (Vec::new(), &json!(true))
    );
    let (status, answer) = ask(&world, &id, "capture", "part", Some(10_012)).await;
    assert_eq!((status, &answer["state"]), (200, &json!("succeeded")));
    assert_eq!(world.calls("/payments/capture"), 1);
    world.finish().await;
}

/// A create was in flight when the copy was made; then its address was given out and the customer paid. The restored data
/// does not know that order and no notification comes again: asking for the payment once more, by whatever key or content,
/// opened another session, and the customer could pay twice.
#[tokio::test]
async fn r30_a_create_in_flight_at_the_copy_may_have_been_paid() {
    let mut world = World::new(On::Sqlite).await;
    let mut progress = world.app.store.progress();
    let before = progress.borrow().commits;
    let (copy, checkout) = {
        let mut asked = std::pin::pin!(world.create("A-1"));
        let intended = progress.wait_for(|seen| seen.commits > before);
        tokio::select! {
            biased;
            _ = intended => {}
            _ = &mut asked => panic!("it did not stop at its intent"),
        }
        let copy = copy_of(&world);
        (copy, asked.await.1)
    };
    world
        .sandbox
        .customer(&checkout)
        .approve(Plan::Full)
        .unwrap();
    world.deliver(1).await;
    world.work().await;
    restore(&mut world, &copy).await;
    read_again(&world).await;
    let mut other = order("A-1");
    other["items"][0]["name"] = json!("Another lamp");
    let again = [
        ("A-1", order("A-1"), "needs_attention"),
        ("new", order("A-1"), "needs_attention"),
        ("other", other, "reference_in_use"),
    ];
    for (key, body, expected) in &again {
        let (status, refused) = world.post("/v1/payments", key, body).await;
        assert_eq!((status, &refused["code"]), (409, &json!(expected)), "{key}");
    }
    assert_eq!(world.calls("POST /checkout"), 1);
    let (_, list) = world.get("/v1/payments?merchant_reference=A-1").await;
    let payment = &list["data"][0];
    assert_eq!(reasons(payment), ["restored_unknown_effect"]);
    // A person has looked: nobody paid, or the money was given back.
    clear(&world, payment["id"].as_str().unwrap()).await;
    let (status, opened) = world.post("/v1/payments", "A-1", &order("A-1")).await;
    assert_eq!(status, 200, "{opened:#}");
    world.pass(7_200, 4).await;
    world.finish().await;
}

#[tokio::test]
async fn cancel_after_backup() {
    let mut world = World::new(On::Sqlite).await;
    let id = authorised(&world, "A-1").await;
    let copy = copy_of(&world);
    assert_eq!(ask(&world, &id, "cancel", "part", Some(12)).await.0, 200);
    world.pass(3_600, 4).await;
    restore(&mut world, &copy).await;
    stands_still(&world, &id).await;
    read_again(&world).await;
    let payment = world.payment(&id).await;
    assert_eq!(payment["amounts"]["canceled"]["amount"], 12);
    assert_eq!(reasons(&payment), ["restored_unknown_effect"]);
    for minor in [Some(12), None] {
        let refused = code(&world, &id, "cancel", "part", minor).await;
        assert_eq!(refused, (409, "needs_attention".to_owned()));
    }
    assert_eq!(world.calls("/cancel"), 1);
    clear(&world, &id).await;
    assert_eq!(ask(&world, &id, "cancel", "rest", None).await.0, 200);
    assert_eq!(world.payment(&id).await["status"], "canceled");
    world.finish().await;
}

/// Reads that show the order as it was before the capture, for as long as the rules assume (R19).
#[tokio::test]
async fn stale_read_in_recovery() {
    let mut world = World::new(On::Sqlite).await;
    let id = authorised(&world, "A-1").await;
    let copy = copy_of(&world);
    // The sandbox keeps what was from now on.
    let stale = json!({ "fault": "stale", "seconds": 300 });
    let stale = serde_json::from_value(stale).unwrap();
    world.sandbox.add_fault(stale).unwrap();
    world.clock.advance_ms(60_000);
    assert_eq!(
        ask(&world, &id, "capture", "part", Some(10_012)).await.0,
        200
    );
    restore(&mut world, &copy).await;
    for _ in 0..5 {
        world.deliver(1).await;
        world.clock.advance_ms(50_000);
        datepalm::actions::check_payment::check_payment(&world.app, &PaymentId(id.clone()))
            .await
            .unwrap();
        stands_still(&world, &id).await;
    }
    assert_eq!(
        world.payment(&id).await["amounts"]["captured"]["amount"],
        0,
        "all of them were stale"
    );
    read_again(&world).await;
    assert_eq!(
        reasons(&world.payment(&id).await),
        ["restored_unknown_effect"]
    );
    let refused = code(&world, &id, "capture", "part", Some(10_012)).await;
    assert_eq!(refused, (409, "needs_attention".to_owned()));
    assert_eq!(world.calls("/payments/capture"), 1);
    world.finish().await;
}

/// The rows of a capture and a refund are lost with their keys. The refund's key makes the id that stands at Tamara, so its
/// repetition is answered from there; the capture's needs a person.
#[tokio::test]
async fn key_lost_in_restore() {
    let mut world = World::new(On::Sqlite).await;
    let id = authorised(&world, "A-1").await;
    assert_eq!(
        ask(&world, &id, "capture", "first", Some(20_000)).await.0,
        200
    );
    let copy = copy_of(&world);
    assert_eq!(
        ask(&world, &id, "capture", "second", Some(10_000)).await.0,
        200
    );
    let (_, refunded) = ask(&world, &id, "refund", "back", Some(30_000)).await;
    assert_eq!(refunded["state"], "succeeded");
    world.pass(3_600, 4).await;
    restore(&mut world, &copy).await;
    let refused = code(&world, &id, "refund", "back", Some(30_000)).await;
    assert_eq!(refused, (503, "recovering".to_owned()));
    read_again(&world).await;
    assert_eq!(
        reasons(&world.payment(&id).await),
        ["restored_unknown_effect"]
    );
    let refused = code(&world, &id, "capture", "second", Some(10_000)).await;
    assert_eq!(refused, (409, "needs_attention".to_owned()));
    let refused = code(&world, &id, "refund", "another", Some(1)).await;
    assert_eq!(refused, (409, "needs_attention".to_owned()));
    let refused = code(&world, &id, "refund", "back", Some(1)).await;
    assert_eq!(refused, (422, "idempotency_key_reused".to_owned()));
    for minor in [Some(30_000), Some(30_000)] {
        let (status, answer) = ask(&world, &id, "refund", "back", minor).await;
        assert_eq!(
            (status, &answer["state"]),
            (200, &json!("succeeded")),
            "{answer:#}"
        );
        assert_eq!(answer["id"], refunded["id"]);
    }
    assert_eq!(world.calls("/payments/simplified-refund"), 1);
    assert_eq!(world.calls("/payments/capture"), 2);
    assert_eq!(
        (
            effects(&world, &id, "refunds").await,
            effects(&world, &id, "captures").await
        ),
        (1, 2)
    );
    world.finish().await;
}

on_both! {
    // Nothing was lost: the data is the newest. A recovery costs the window and one read of each order that can change.
    async fn r30_a_recovery_without_loss_changes_nothing(on: On) {
        let mut world = World::new(on).await;
        let open = authorised(&world, "A-1").await;
        let ended = authorised(&world, "A-2").await;
        assert_eq!(ask(&world, &ended, "cancel", "all", None).await.0, 200);
        world.work().await;
        recover(&mut world).await;
        stands_still(&world, &open).await;
        let payment = world.payment(&ended).await;
        assert_eq!((&payment["recovering"], &payment["final"]), (&json!(false), &json!(true)));
        let reads = world.calls("GET ");
        world.pass(WINDOW_S - 60, 3).await;
        assert_eq!(world.calls("GET "), reads, "an earlier read would end nothing");
        world.pass(62, 1).await;
        assert_eq!(world.calls("GET "), reads + 1);
        let payment = world.payment(&open).await;
        assert_eq!((&payment["recovering"], &payment["paid"]), (&json!(false), &json!(true)));
        assert_eq!(reasons(&payment), Vec::<&str>::new());
        assert_eq!(ask(&world, &open, "capture", "all", None).await.0, 200);
        world.finish().await;
    }

    // Two nodes and crashes in the middle: every payment is told, once and of the same moment.
    async fn r30_a_crash_in_the_middle_forgets_nobody(on: On) {
        let mut world = World::new(on).await;
        world.config.worker_batch = 1;
        world.restart().await;
        let mut ids = Vec::new();
        for number in 0..40 {
            world.clock.advance_ms(1);
            ids.push(world.create(&format!("A-{number}")).await.0);
        }
        let restored_ms = world.clock.now_ms();
        recover::begin(&world.app.store, restored_ms).await.unwrap();
        let told = recover::tell_some(&world.app).await.unwrap().unwrap();
        assert_eq!((told.payments, told.restored_at_ms), (16, restored_ms));
        let marks = marks(&world).await;
        assert_eq!(marks.iter().filter(|mark| mark.1.is_some()).count(), 16);
        assert!(marks.iter().skip(24).all(|mark| mark.1.is_some()), "the newest are the first");
        // The process dies here, and nobody says --recover again.
        world.clock.advance_ms(5_000);
        world.restart().await;
        let marks = self::marks(&world).await;
        assert!(marks.iter().all(|mark| mark.1 == Some(restored_ms)), "{marks:?}");
        assert!(marks.iter().all(|mark| mark.0 > restored_ms * 1_000), "versions are lifted");
        assert_eq!(recover::tell_some(&world.app).await.unwrap(), None, "it was finished");
        for id in &ids {
            stands_still(&world, id).await;
        }
        world.pass(WINDOW_S, 1).await;
        for id in &ids {
            assert_eq!(world.payment(id).await["recovering"], false);
        }
        world.finish().await;
    }

    // Whoever asks for a payment of the old data waits for a sentence that says until when; new ones are taken.
    async fn r30_creates_wait_for_what_was_restored(on: On) {
        let mut world = World::new(on).await;
        let (pending, _) = world.create("A-1").await;
        let (declined, checkout) = world.create("A-2").await;
        world.sandbox.customer(&checkout).decline().unwrap();
        world.deliver(1).await;
        world.work().await;
        assert_eq!(world.payment(&declined).await["status"], "declined");
        let restored_ms = world.clock.now_ms();
        recover(&mut world).await;
        let mut other = order("A-2");
        other["metadata"] = json!({});
        other["items"][0]["name"] = json!("Another lamp");
        for (key, body) in [("A-1", order("A-1")), ("other", order("A-1")), ("A-2", order("A-2")), ("more", other)] {
            let (status, refused) = world.post("/v1/payments", key, &body).await;
            assert_eq!((status, &refused["code"]), (503, &json!("recovering")), "{key}: {refused:#}");
            let until = rfc3339(restored_ms + WINDOW_S * 1_000);
            assert!(refused["detail"].as_str().unwrap().contains(&until), "{refused:#}");
        }
        assert_eq!(world.post("/v1/payments", "A-3", &order("A-3")).await.0, 201);
        assert!(world.payment(&pending).await["recovering"].as_bool().unwrap());
        read_again(&world).await;
        assert_eq!(world.post("/v1/payments", "A-1", &order("A-1")).await.0, 200);
        let (status, again) = world.post("/v1/payments", "A-2", &order("A-2")).await;
        assert_eq!((status, &again["id"]), (200, &json!(declined)), "{again:#}");
        world.pass(7_200, 4).await;
        world.finish().await;
    }
}

/// When the payment is looked at next.
async fn due_ms(world: &World, id: &str) -> i64 {
    let id = PaymentId(id.to_owned());
    let look = world
        .app
        .store
        .read("test due", move |tx| payments::look(tx, &id));
    look.await.unwrap().unwrap().next_check_at_ms.unwrap()
}

/// `(version, restored_at_ms)` of every payment, oldest first.
async fn marks(world: &World) -> Vec<(i64, Option<i64>)> {
    let rows = world.app.store.read("test marks", |tx| {
        let rows = tx.query(
            "-- test marks\nselect version, restored_at_ms from payments join sessions on sessions.payment = payments.id order by payments.id",
            datepalm::values![],
        )?;
        let row = |mut row: datepalm::store::tx::Row| Ok((row.int()?, row.opt_int()?));
        rows.into_iter().map(row).collect()
    });
    rows.await.unwrap()
}

/// The highest number that a reader of the log, or of the payment, can have seen.
async fn newest(world: &World, id: &str) -> (i64, i64) {
    world.work().await;
    let seq = world
        .app
        .store
        .read("test seq", events::last_seq)
        .await
        .unwrap();
    (seq, world.payment(id).await["version"].as_i64().unwrap())
}

/// R30: the same old copy, twice, and once more without anything in between: no number is given out twice.
#[tokio::test]
async fn r30_numbers_go_on_above_all_that_were_given_out() {
    let mut world = World::new(On::Sqlite).await;
    let id = authorised(&world, "A-1").await;
    let copy = copy_of(&world);
    assert_eq!(ask(&world, &id, "capture", "all", None).await.0, 200);
    let mut seen = newest(&world, &id).await;
    for _ in 0..3 {
        world.clock.advance_ms(1_000);
        restore(&mut world, &copy).await;
        let (seq, version) = newest(&world, &id).await;
        assert!(
            version > seen.1,
            "a reader waits for versions above {}",
            seen.1
        );
        read_again(&world).await;
        assert!(version < 1 << 53);
        let logged = world
            .app
            .store
            .read("test log", move |tx| events::after(tx, seen.0, 100));
        let logged = logged.await.unwrap();
        assert!(
            logged.iter().any(|event| event.kind == "payment.captured"),
            "a reader of the log hears of it again"
        );
        assert!(seq >= seen.0);
        seen = newest(&world, &id).await;
    }
    world.finish().await;
}

/// R30: the epoch is a time, so a clock that is behind the data begins nothing, and says why.
#[tokio::test]
async fn r30_a_clock_that_is_behind_the_data_begins_no_recovery() {
    let world = World::new(On::Sqlite).await;
    let id = authorised(&world, "A-1").await;
    let now_ms = world.clock.now_ms();
    let behind = recover::begin(&world.app.store, now_ms - 5_001).await;
    let said = behind.unwrap_err().to_string();
    assert!(said.contains("set the clock right first"), "{said}");
    assert!(
        said.contains(&rfc3339(now_ms)) && said.contains(&rfc3339(now_ms - 5_001)),
        "{said}"
    );
    assert_eq!(
        recover::tell_some(&world.app).await.unwrap(),
        None,
        "nothing was begun"
    );
    assert_eq!(world.payment(&id).await["recovering"], false);
    // Two machines may be that far apart.
    recover::begin(&world.app.store, now_ms - 5_000)
        .await
        .unwrap();
    assert_eq!(
        recover::tell_some(&world.app)
            .await
            .unwrap()
            .unwrap()
            .payments,
        1
    );
    world.pass(WINDOW_S + 2, 1).await;
    world.finish().await;
}

/// R30: an operation whose outcome was known after the copy is settled again, by reading; a refund's by its id.
#[tokio::test]
async fn r30_an_operation_in_doubt_in_the_copy_is_settled_by_reading() {
    let mut world = World::new(On::Sqlite).await;
    let id = authorised(&world, "A-1").await;
    assert_eq!(ask(&world, &id, "capture", "all", None).await.0, 200);
    world.fault("simplified-refund", Fault::AnswerLost);
    world.fault("GET /orders", Fault::GatewayError);
    assert_eq!(ask(&world, &id, "refund", "back", Some(12)).await.0, 202);
    let copy = copy_of(&world);
    world.pass(3_600, 8).await;
    assert_eq!(ask(&world, &id, "refund", "back", Some(12)).await.0, 200);
    restore(&mut world, &copy).await;
    assert_eq!(world.payment(&id).await["in_doubt"], true);
    read_again(&world).await;
    let payment = world.payment(&id).await;
    assert_eq!(payment["amounts"]["refunded"]["amount"], 12);
    assert_eq!(
        (reasons(&payment), &payment["in_doubt"]),
        (Vec::new(), &json!(false))
    );
    assert_eq!(world.calls("simplified-refund"), 1);
    world.finish().await;
}

/// R30: many orders are read in turns, so that new payments are not behind all of them; who is asked for comes first.
#[tokio::test]
async fn r30_reads_are_spread_and_whoever_is_asked_for_comes_first() {
    let mut world = World::new(On::Sqlite).await;
    world.config.policy.polling_ms = vec![1_000];
    let account = world.config.accounts.get_mut("sa").unwrap();
    account.reads_per_second = 20;
    let mut ids = Vec::new();
    for number in 0..60 {
        world.clock.advance_ms(1);
        ids.push(world.create(&format!("A-{number}")).await.0);
    }
    let restored_ms = world.clock.now_ms();
    recover(&mut world).await;
    let begins_ms = restored_ms + WINDOW_S * 1_000 + 1;
    assert_eq!(
        due_ms(&world, &ids[59]).await - begins_ms,
        0,
        "the newest first"
    );
    assert_eq!(due_ms(&world, &ids[39]).await - begins_ms, 2_000);
    assert_eq!(due_ms(&world, &ids[0]).await - begins_ms, 5_900);
    world.clock.advance_ms(WINDOW_S * 1_000 + 1);
    let refused = code(&world, &ids[0], "cancel", "cancel", None).await;
    assert_eq!(refused, (503, "recovering".to_owned()));
    assert_eq!(
        due_ms(&world, &ids[0]).await - begins_ms,
        0,
        "somebody waits for it"
    );
    world.work().await;
    assert_eq!(ask(&world, &ids[0], "cancel", "cancel", None).await.0, 202);
    assert_eq!(world.payment(&ids[1]).await["recovering"], true);
    world.pass(7_200, 24).await;
    world.finish().await;
}

async fn unknown_orders(world: &World) -> Vec<Value> {
    let (status, list) = world.get("/v1/unknown_orders").await;
    assert_eq!(status, 200, "{list}");
    list["data"].as_array().unwrap().clone()
}

async fn ready(world: &World) -> (u16, String) {
    let request = axum::http::Request::get("/readyz")
        .body(axum::body::Body::empty())
        .unwrap();
    let (status, _, body) = world.raw(request).await;
    (status, body)
}

/// R30: a payment that was made after the copy. Its customer pays, its notification names an order that nobody knows, and a
/// person is shown it; nothing is authorised, and the list forgets it when its money has gone back.
#[tokio::test]
async fn r30_a_payment_newer_than_the_copy_is_shown_to_a_person() {
    let mut world = World::new(On::Sqlite).await;
    let copy = copy_of(&world);
    let (_, checkout) = world.create("B-1").await;
    restore(&mut world, &copy).await;
    world
        .sandbox
        .customer(&checkout)
        .approve(Plan::Full)
        .unwrap();
    world.fault("GET /orders", Fault::GatewayError);
    world.deliver(2).await;
    world.work().await;
    assert_eq!(
        unknown_orders(&world).await,
        Vec::<Value>::new(),
        "Tamara could not be read"
    );
    world.pass(121, 1).await;
    let unknown = unknown_orders(&world).await;
    assert_eq!(unknown.len(), 1, "{unknown:#?}");
    let shown =
        ["order_reference_id", "order_status", "payment_id"].map(|name| unknown[0][name].clone());
    assert_eq!(shown, [json!("B-1"), json!("approved"), Value::Null]);
    assert_eq!(unknown[0]["total"]["amount"], 30_012);
    assert_eq!(world.calls("authorise"), 0);

    let path = format!(
        "/v1/unknown_orders/{}",
        unknown[0]["order_id"].as_str().unwrap()
    );
    let dismiss = |key: &str| {
        let request =
            axum::http::Request::delete(&path).header("authorization", format!("Bearer {key}"));
        request.body(axum::body::Body::empty()).unwrap()
    };
    assert_eq!(
        world.raw(dismiss(crate::world::KEY_KW)).await.0,
        404,
        "another account's"
    );
    assert_eq!(unknown_orders(&world).await.len(), 1);
    for _ in 0..2 {
        assert_eq!(world.raw(dismiss(crate::world::KEY)).await.0, 200);
        assert_eq!(unknown_orders(&world).await.len(), 0);
    }
    // It expires, says so, and is told to nobody again.
    world.pass(73 * 3_600, 4).await;
    world.deliver(1).await;
    world.pass(WINDOW_S + 1, 1).await;
    assert_eq!(unknown_orders(&world).await.len(), 0);
    assert_eq!(
        world.raw(dismiss(crate::world::KEY)).await.0,
        404,
        "nothing is at stake any more"
    );
    world.finish().await;
}

/// R19, R30, found by the simulator: the notification of an approval is followed by a stale read, which shows the order as
/// it was before. The notification was done with, and nobody ever learnt that a customer had paid.
#[tokio::test]
async fn r30_a_stale_read_of_an_unknown_order_is_not_the_last() {
    let mut world = World::new(On::Sqlite).await;
    let copy = copy_of(&world);
    let (_, checkout) = world.create("B-1").await;
    // The sandbox keeps what was from now on.
    let stale = json!({ "fault": "stale", "seconds": 300 });
    let stale = serde_json::from_value(stale).unwrap();
    world.sandbox.add_fault(stale).unwrap();
    world.clock.advance_ms(60_000);
    restore(&mut world, &copy).await;
    world
        .sandbox
        .customer(&checkout)
        .approve(Plan::Full)
        .unwrap();
    world.deliver(1).await;
    world.work().await;
    assert_eq!(world.calls("GET /orders"), 1);
    assert_eq!(
        unknown_orders(&world).await.len(),
        0,
        "it was shown as it was"
    );
    world.pass(WINDOW_S, 8).await;
    let unknown = unknown_orders(&world).await;
    assert_eq!(unknown.len(), 1, "{unknown:#?}");
    assert_eq!(unknown[0]["order_status"], "approved");
    world.pass(7_200, 4).await;
    world.finish().await;
}

/// R4, R30, found by the simulator: asked for an order that nobody here knows, Tamara answered with another, in which nothing
/// was at stake; the notification was done with.
#[tokio::test]
async fn r30_another_order_in_the_answer_says_nothing_of_an_unknown_one() {
    let mut world = World::new(On::Sqlite).await;
    let copy = copy_of(&world);
    let (_, checkout) = world.create("B-1").await;
    restore(&mut world, &copy).await;
    world
        .sandbox
        .customer(&checkout)
        .approve(Plan::Full)
        .unwrap();
    let another = |order: &mut Value| {
        order["order_id"] = json!("00000000-0000-4000-8000-000000000000");
        order["status"] = json!("canceled");
    };
    world.fault("GET /orders", Fault::Altered(another));
    world.deliver(1).await;
    world.work().await;
    assert_eq!(world.calls("GET /orders"), 1);
    assert_eq!(unknown_orders(&world).await.len(), 0);
    world.pass(WINDOW_S, 8).await;
    assert_eq!(unknown_orders(&world).await.len(), 1);
    world.pass(7_200, 4).await;
    world.finish().await;
}

/// R4, R30, found by the simulator: one 404 for an order that a notification named, however late, is no fact.
#[tokio::test]
async fn r30_a_404_is_not_the_last_word_of_an_unknown_order() {
    let mut world = World::new(On::Sqlite).await;
    let copy = copy_of(&world);
    let (_, checkout) = world.create("B-1").await;
    restore(&mut world, &copy).await;
    world
        .sandbox
        .customer(&checkout)
        .approve(Plan::Full)
        .unwrap();
    world.deliver(1).await;
    world.clock.advance_ms((WINDOW_S + 60) * 1_000);
    world.fault("GET /orders", Fault::NotFound);
    world.work().await;
    assert_eq!(unknown_orders(&world).await.len(), 0);
    world.pass(600, 4).await;
    assert_eq!(unknown_orders(&world).await.len(), 1);
    world.pass(7_200, 4).await;
    world.finish().await;
}

/// R2, R30: an order that was captured in part and then canceled may read as canceled: the customer has paid.
#[tokio::test]
async fn r30_what_was_captured_of_an_unknown_order_is_at_stake_whatever_its_status() {
    let mut world = World::new(On::Sqlite).await;
    let copy = copy_of(&world);
    let (id, checkout) = world.create("B-1").await;
    let customer = world.sandbox.customer(&checkout);
    customer.approve(Plan::Full).unwrap();
    world.deliver(1).await;
    world.work().await;
    let path = format!("/v1/payments/{id}/capture");
    let (status, capture) = world.post(&path, "c", &json!({ "amount": sar(100) })).await;
    assert_eq!(status, 200, "{capture:#}");
    restore(&mut world, &copy).await;
    let canceled = |order: &mut Value| order["status"] = json!("canceled");
    world.fault("GET /orders", Fault::Altered(canceled));
    world.deliver(1).await;
    world.work().await;
    let unknown = unknown_orders(&world).await;
    assert_eq!(unknown.len(), 1, "{unknown:#?}");
    assert_eq!(unknown[0]["order_status"], "canceled");
    world.pass(7_200, 4).await;
    world.finish().await;
}

/// R30: a second session was opened after the copy; its order carries the reference of a payment that is here. It is never
/// authorised, and nobody opens another beside it, until a person has looked.
#[tokio::test]
async fn r30_a_session_newer_than_the_copy_stops_its_payment() {
    let mut world = World::new(On::Sqlite).await;
    let (id, checkout) = world.create("A-1").await;
    world.sandbox.customer(&checkout).decline().unwrap();
    world.deliver(1).await;
    world.work().await;
    let copy = copy_of(&world);
    let (status, again) = world.post("/v1/payments", "again", &order("A-1")).await;
    assert_eq!(
        (status, again["sessions"].as_array().unwrap().len()),
        (200, 2)
    );
    let second = again["sessions"][1]["checkout_id"]
        .as_str()
        .unwrap()
        .to_owned();
    restore(&mut world, &copy).await;
    world.sandbox.customer(&second).approve(Plan::Full).unwrap();
    world.deliver(1).await;
    world.work().await;
    let unknown = unknown_orders(&world).await;
    assert_eq!(
        (&unknown[0]["order_reference_id"], &unknown[0]["payment_id"]),
        (&json!("A-1-2"), &json!(id))
    );
    read_again(&world).await;
    assert_eq!(
        reasons(&world.payment(&id).await),
        ["restored_unknown_effect"]
    );
    let (status, refused) = world.post("/v1/payments", "again", &order("A-1")).await;
    assert_eq!(
        (status, &refused["code"]),
        (409, &json!("needs_attention")),
        "{refused:#}"
    );
    assert_eq!(world.calls("authorise"), 0);
    clear(&world, &id).await;
    let (status, opened) = world.post("/v1/payments", "again", &order("A-1")).await;
    assert_eq!(
        (status, opened["sessions"].as_array().unwrap().len()),
        (200, 2),
        "{opened:#}"
    );
    world.pass(7_200, 4).await;
    world.finish().await;
}

/// R6, R30: what a create in flight may explain waits for it; without a restore nothing is looked for at all.
#[tokio::test]
async fn r30_a_create_in_flight_may_explain_an_unknown_order() {
    let mut world = World::new(On::Sqlite).await;
    let copy = copy_of(&world);
    let (_, checkout) = world.create("B-1").await;
    put_back(&mut world, &copy);
    world.restart().await;
    world.fault("POST /checkout", Fault::AnswerLost);
    assert_eq!(
        world.post("/v1/payments", "A-1", &order("A-1")).await.0,
        202
    );
    world
        .sandbox
        .customer(&checkout)
        .approve(Plan::Full)
        .unwrap();
    world.deliver(1).await;
    world.pass(60, 1).await;
    assert_eq!(
        world.calls("GET /orders"),
        0,
        "nobody said that this is old data"
    );
    recover(&mut world).await;
    world.pass(WINDOW_S - 120, 1).await;
    assert_eq!(
        unknown_orders(&world).await.len(),
        0,
        "the lost create may have made it"
    );
    world.pass(120, 1).await;
    assert_eq!(unknown_orders(&world).await.len(), 1);
    world.pass(3_600, 4).await;
    world.finish().await;
}

/// R30: `/readyz` counts what waits, and on PostgreSQL says whether a standby has what was answered.
#[tokio::test]
async fn r30_readyz_says_how_many_payments_wait() {
    let mut world = World::new(On::Sqlite).await;
    world.create("A-1").await;
    world.create("A-2").await;
    assert_eq!(ready(&world).await, (200, "ready\n".to_owned()));
    recover(&mut world).await;
    let waiting = "ready\nrecovery: 2 payments wait for a read at Tamara\n";
    assert_eq!(ready(&world).await, (200, waiting.to_owned()));
    read_again(&world).await;
    assert_eq!(ready(&world).await, (200, "ready\n".to_owned()));
    world.pass(7_200, 4).await;
    world.finish().await;
}

#[tokio::test]
async fn r19_r30_readyz_knows_the_servers_clock_and_its_standbys() {
    let world = World::new(On::Postgres).await;
    let (status, body) = ready(&world).await;
    assert_eq!(status, 503, "this world's clock is not the server's");
    assert!(body.contains("at most 5 s are safe"), "{body}");
    let now_ms = datepalm::clock::Clock::now_ms(&datepalm::clock::SystemClock::default());
    world.clock.advance_ms(now_ms - world.clock.now_ms());
    let there = ready(&world).await;
    assert_eq!(
        there,
        (200, "ready\nsynchronous_replication: off\n".to_owned())
    );
    world.finish().await;
}
