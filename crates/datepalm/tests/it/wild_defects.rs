//! Defects that were seen in other integrations of Tamara: each has one test whose name says the defect, and which fails if
//! the defect comes here. `docs/wild-defects.md` lists them all; those of the client are in its own tests.

use crate::keys::ID;
use crate::notifications::{accepted, inbox, notification, order_id, token, with_header};
use crate::problem::rows;
use crate::world::{Fault, KEY, KEY_KW, On, World, order, sar};
use axum::body::Body;
use axum::http::{Method, Request};
use datepalm::config;
use datepalm::http::{api, open_routes};
use datepalm::workers;
use futures_util::future::{join, join_all, join3};
use serde_json::{Value, json};
use std::path::Path;
use tamara_sandbox::Plan;

const HOUR: i64 = 3_600;

/// Tamara's answer to a call that its order's state does not allow.
const TRANSITION: &str = r#"{"message": "The order status is invalid", "errors": [{"error_code": "transition_not_allowed",
    "data": {"old_state": "approved", "new_state": "authorised"}}], "data": {}}"#;

async fn world() -> World {
    World::new(On::Sqlite).await
}

fn pays(world: &World, checkout: &str) {
    world
        .sandbox
        .customer(checkout)
        .approve(Plan::Full)
        .unwrap();
}

/// A payment that its customer has made and that is authorised.
async fn paid(world: &World, reference: &str) -> String {
    let (id, checkout) = world.create(reference).await;
    pays(world, &checkout);
    world.deliver(1).await;
    world.work().await;
    assert_eq!(world.payment(&id).await["paid"], true);
    id
}

async fn ask(world: &World, id: &str, verb: &str, body: &Value) -> (u16, Value) {
    let key = format!("{id}/{verb}/{body}");
    world
        .post(&format!("/v1/payments/{id}/{verb}"), &key, body)
        .await
}

async fn shown(world: &World, id: &str) -> (String, bool) {
    let payment = world.payment(id).await;
    let status = payment["status"].as_str().unwrap().to_owned();
    (status, payment["paid"].as_bool().unwrap())
}

fn is(status: &str, paid: bool) -> (String, bool) {
    (status.to_owned(), paid)
}

/// The page that the customer comes back to.
async fn page(world: &World, query: &str) -> String {
    let token = world.app.store.read("test token", |tx| {
        let row = tx.query_opt(
            "-- test token\nselect return_token from sessions",
            datepalm::values![],
        )?;
        row.map_or(Ok(String::new()), |mut row| row.text())
    });
    let path = format!("/r/{}{query}", token.await.unwrap());
    let request = Request::get(path).body(Body::empty()).unwrap();
    let (status, _, body) = world.raw(request).await;
    assert_eq!(status, 200, "{body}");
    body
}

/// A body of a registered webhook, with details.
fn event(order_id: &str, event: &str, data: Value) -> String {
    let mut body: Value = serde_json::from_str(&notification(order_id, event)).unwrap();
    body["data"] = data;
    body.to_string()
}

#[tokio::test]
async fn wild_01_marked_paid_because_the_return_says_approved() {
    let world = world().await;
    let (id, _) = world.create("A-1").await;
    let page = page(&world, "?paymentStatus=approved&orderId=x").await;
    assert!(page.contains("Confirming your payment"), "{page}");
    world.work().await;
    assert_eq!(shown(&world, &id).await, is("pending", false));
    assert_eq!(world.calls("authorise"), 0);
    world.finish().await;
}

#[tokio::test]
async fn wild_02_answer_of_authorise_ignored_and_the_order_marked_paid() {
    let refusal = r#"{"message": "no", "errors": [{"error_code": "order_is_locked"}]}"#;
    for fault in [
        Fault::Refusal(refusal),
        Fault::RequestLost,
        Fault::GatewayError,
    ] {
        let world = world().await;
        let (id, checkout) = world.create("A-1").await;
        pays(&world, &checkout);
        world.fault("authorise", fault);
        world.deliver(1).await;
        workers::inbox::run_once(&world.app).await.unwrap();
        workers::operations::run_once(&world.app).await.unwrap();
        assert_eq!(shown(&world, &id).await, is("approved", false), "{fault:?}");
        world.pass(HOUR, 20).await;
        assert_eq!(shown(&world, &id).await, is("authorised", true));
        world.finish().await;
    }
}

#[tokio::test]
async fn wild_03_one_shape_of_callback_handled_and_the_other_answered_200_for_nothing() {
    let status_shape = |order_id: &str| {
        json!({ "order_id": order_id, "order_reference_id": "A-1", "order_status": "approved", "data": [] })
            .to_string()
    };
    let event_shape = |order_id: &str| notification(order_id, "order_approved");
    for shape in [&event_shape as &dyn Fn(&str) -> String, &status_shape] {
        let world = world().await;
        let (id, checkout) = world.create("A-1").await;
        pays(&world, &checkout);
        world.deliver(0).await;
        let body = shape(&order_id(&world, &id).await);
        accepted(&world, body.clone()).await;
        world.work().await;
        assert_eq!(shown(&world, &id).await, is("authorised", true), "{body}");
        // Neither shape: kept and shown, not dropped with a 200.
        accepted(&world, r#"{"hello": "world"}"#).await;
        let kept = inbox(&world).await.pop().unwrap();
        assert_eq!(kept.2, r#"{"hello": "world"}"#);
        let (_, timeline) = world.get(&format!("/v1/payments/{id}/timeline")).await;
        assert!(
            timeline.to_string().contains("approved"),
            "the notification is shown: {timeline:#}"
        );
        world.finish().await;
    }
}

#[tokio::test]
async fn wild_04_first_lines_price_captured_as_the_whole_order_without_shipping_info() {
    let world = world().await;
    let mut body = order("A-1");
    body["items"][0]["quantity"] = 1.into();
    let mut second = body["items"][0].clone();
    second["reference_id"] = "lamp-2".into();
    body["items"].as_array_mut().unwrap().push(second);
    let (status, payment) = world.post("/v1/payments", "k", &body).await;
    assert_eq!(status, 201, "{payment:#}");
    let id = payment["id"].as_str().unwrap();
    pays(
        &world,
        payment["sessions"][0]["checkout_id"].as_str().unwrap(),
    );
    world.deliver(1).await;
    world.work().await;
    let (status, capture) = ask(&world, id, "capture", &json!({})).await;
    assert_eq!(status, 200, "{capture:#}");
    assert_eq!(
        world.book(id).await["captured_minor"],
        30_012,
        "not the 15,000 of a line"
    );

    // The account has no shipping company of its own, and the request names none.
    let kuwaiti = order("K-1").to_string().replace("SAR", "KWD");
    let (status, payment) = world.post_as(KEY_KW, "/v1/payments", "k", &kuwaiti).await;
    assert_eq!(status, 201, "{payment:#}");
    pays(
        &world,
        payment["sessions"][0]["checkout_id"].as_str().unwrap(),
    );
    world.pass(40, 2).await;
    let path = format!("/v1/payments/{}/capture", payment["id"].as_str().unwrap());
    let (status, problem) = world.post_as(KEY_KW, &path, "c", "{}").await;
    assert_eq!(
        (status, &problem["code"]),
        (422, &json!("shipping_info_missing")),
        "{problem:#}"
    );
    assert_eq!(world.calls("POST /payments/capture"), 1);
    world.finish().await;
}

#[tokio::test]
async fn wild_05_tax_sent_equal_to_the_total() {
    let world = world().await;
    let mut body = order("A-1");
    body["tax_amount"] = body["total_amount"].clone();
    let (status, problem) = world.post("/v1/payments", "k", &body).await;
    assert_eq!(
        (status, &problem["code"]),
        (422, &json!("totals_mismatch")),
        "{problem:#}"
    );
    let mut body = order("A-1");
    body["items"][0]["tax_amount"] = sar(30_012);
    let (status, problem) = world.post("/v1/payments", "k", &body).await;
    assert_eq!(
        (status, &problem["code"]),
        (422, &json!("totals_mismatch")),
        "{problem:#}"
    );
    assert_eq!(world.calls("POST /checkout"), 0, "Tamara was not asked");
    world.finish().await;
}

/// Something that happens at Tamara without us, to the session of that checkout id and the order of that id.
type Happens = fn(&World, &str, &str);

fn authorised_there(world: &World, checkout: &str, order: &str) {
    pays(world, checkout);
    world.sandbox.portal(order).authorise().unwrap();
}

fn captured_there(world: &World, checkout: &str, order: &str) {
    authorised_there(world, checkout, order);
    world.sandbox.portal(order).capture(30_012).unwrap();
}

/// What happens, the event that tells of it with its details, and what the payment must be after that alone.
const HAPPENINGS: [(Happens, &str, &str, &str); 7] = [
    (
        |world, checkout, _| pays(world, checkout),
        "order_approved",
        "[]",
        "authorised",
    ),
    (
        |world, checkout, _| {
            world.sandbox.customer(checkout).decline().unwrap();
        },
        "order_declined",
        r#"{"declined_reason": "risk"}"#,
        "declined",
    ),
    (
        |world, checkout, _| {
            world.sandbox.customer(checkout).expire().unwrap();
        },
        "order_expired",
        "[]",
        "expired",
    ),
    (authorised_there, "order_authorised", "[]", "authorised"),
    (
        |world, checkout, order| {
            authorised_there(world, checkout, order);
            world.sandbox.portal(order).cancel(30_012).unwrap();
        },
        "order_canceled",
        r#"{"cancel_id": "x"}"#,
        "canceled",
    ),
    (
        captured_there,
        "order_captured",
        r#"{"capture_id": "x", "captured_amount": {"amount": 1, "currency": "SAR"}}"#,
        "captured",
    ),
    (
        |world, checkout, order| {
            captured_there(world, checkout, order);
            world.sandbox.portal(order).refund(12).unwrap();
        },
        "order_refunded",
        r#"{"refund_id": "x"}"#,
        "partially_refunded",
    ),
];

#[tokio::test]
async fn wild_06_route_of_the_registered_webhook_is_an_empty_stub() {
    let world = world().await;
    for (happens, name, data, status) in HAPPENINGS {
        let (id, checkout) = world.create(&format!("A-{name}")).await;
        let order = order_id(&world, &id).await;
        happens(&world, &checkout, &order);
        world.deliver(0).await;
        let data = serde_json::from_str(data).unwrap();
        accepted(&world, event(&order, name, data)).await;
        world.work().await;
        assert_eq!(world.payment(&id).await["status"], status, "{name}");
        let (word, state, _) = inbox(&world).await.pop().unwrap();
        assert_eq!((word.as_str(), state.as_str()), (name, "done"));
    }
    world.finish().await;
}

#[tokio::test]
async fn wild_07_row_flagged_as_checked_in_spite_of_an_exception() {
    let world = world().await;
    let (id, checkout) = world.create("A-1").await;
    pays(&world, &checkout);
    for fault in [Fault::GatewayError, Fault::NotSent, Fault::AnswerLost] {
        world.fault("GET /orders", fault);
    }
    world.deliver(1).await;
    world.work().await;
    assert_eq!(shown(&world, &id).await, is("pending", false), "it failed");
    world.pass(HOUR, 60).await;
    assert_eq!(world.faults_left(), 0);
    assert_eq!(shown(&world, &id).await, is("authorised", true));
    world.finish().await;
}

#[tokio::test]
async fn wild_08_one_bad_row_stops_the_whole_sweep() {
    let world = world().await;
    let mut ids = Vec::new();
    for n in 0..5 {
        let (id, checkout) = world.create(&format!("A-{n}")).await;
        pays(&world, &checkout);
        world.clock.advance_ms(1);
        ids.push(id);
    }
    world.deliver(0).await;
    let bad = ids[0].clone();
    let currency = async |currency: &'static str| {
        let bad = bad.clone();
        let write = world.app.store.write("test bad row", move |tx| {
            tx.execute(
                "-- test bad row\nupdate payments set currency = $2 where id = $1",
                datepalm::values![&bad, currency],
            )
        });
        assert_eq!(write.await.unwrap(), 1);
    };
    currency("no currency").await;
    // The bad row is the first of its batch, and then of a batch of its own.
    world.pass(60, 3).await;
    for id in &ids[1..] {
        assert_eq!(shown(&world, id).await, is("authorised", true));
    }
    currency("SAR").await;
    world.pass(HOUR, 60).await;
    assert_eq!(shown(&world, &bad).await, is("authorised", true), "mended");
    world.finish().await;
}

#[tokio::test]
async fn wild_09_amounts_of_kuwait_rounded_to_two_digits() {
    let world = world().await;
    let kuwaiti = order("K-1").to_string().replace("SAR", "KWD");
    let (status, payment) = world.post_as(KEY_KW, "/v1/payments", "k", &kuwaiti).await;
    assert_eq!(status, 201, "{payment:#}");
    assert_eq!(payment["amounts"]["total"]["decimal"], "30.012");
    let state = world.sandbox.state();
    assert_eq!(state["orders"][0]["total_minor"], 30_012, "{state:#}");
    let excess = kuwaiti.replacen("30012", "30.0123", 1);
    let (status, problem) = world.post_as(KEY_KW, "/v1/payments", "x", &excess).await;
    assert_eq!((status, &problem["code"]), (422, &json!("invalid_request")));
    world.finish().await;
}

#[tokio::test]
async fn wild_10_never_authorised_and_expired_after_72_hours() {
    for way in ["webhook", "return", "sweep"] {
        let world = world().await;
        let (id, checkout) = world.create("A-1").await;
        pays(&world, &checkout);
        match way {
            "webhook" => {
                world.deliver(1).await;
                world.work().await;
            }
            "return" => {
                world.deliver(0).await;
                // The page waits for the authorise that the workers make meanwhile.
                let page = page(&world, "");
                let work = async {
                    while world.calls("authorise") == 0 {
                        world.work().await;
                        tokio::task::yield_now().await;
                    }
                };
                join(page, work).await;
            }
            _ => {
                world.deliver(0).await;
                world.pass(40, 2).await;
            }
        }
        assert_eq!(shown(&world, &id).await, is("authorised", true), "{way}");
        world.pass(73 * HOUR, 80).await;
        assert_eq!(world.book(&id).await["status"], "authorised", "{way}");
        world.finish().await;
    }
}

#[tokio::test]
async fn wild_11_capture_from_approved_and_its_error_called_not_fatal() {
    let world = world().await;
    let (id, checkout) = world.create("A-1").await;
    pays(&world, &checkout);
    world.fault("authorise", Fault::Refusal(TRANSITION));
    world.deliver(1).await;
    workers::inbox::run_once(&world.app).await.unwrap();
    workers::operations::run_once(&world.app).await.unwrap();
    assert_eq!(shown(&world, &id).await, is("approved", false));
    let (status, problem) = ask(&world, &id, "capture", &json!({})).await;
    assert_eq!(status, 409, "{problem:#}");
    let reason = problem["detail"].as_str().unwrap();
    assert!(
        problem["code"] == "wrong_status" && reason.contains("needs an authorised payment"),
        "{problem:#}"
    );
    assert_eq!(world.calls("POST /payments/capture"), 0);
    world.pass(HOUR, 20).await;
    world.finish().await;
}

#[tokio::test]
async fn wild_12_genuine_calls_answered_401_because_the_token_stands_elsewhere() {
    let world = world().await;
    let genuine = token(&world, 900);
    let body = || Body::from(notification("ord", "order_approved"));
    let query = Request::post(format!("/hooks/tamara/sa?tamaraToken={genuine}"));
    let both = Request::post(format!("/hooks/tamara/sa?tamaraToken={genuine}"))
        .header("authorization", format!("Bearer {genuine}"));
    let apart = Request::post(format!(
        "/hooks/tamara/sa?tamaraToken={}",
        token(&world, 901)
    ))
    .header("authorization", format!("Bearer {genuine}"));
    for (request, expected) in [
        (with_header(&genuine, body()), 200),
        (query.body(body()).unwrap(), 200),
        (both.body(body()).unwrap(), 200),
        (apart.body(body()).unwrap(), 401),
    ] {
        assert_eq!(world.raw(request).await.0, expected);
    }
    world.finish().await;
}

#[tokio::test]
async fn wild_13_no_token_check_when_the_secret_is_empty() {
    let text = |token: &str| {
        format!(
            "public_url = \"http://datepalm.test\"\n[accounts.sa]\ncountry = \"SA\"\nenvironment = \"sandbox\"\n\
             api_token = \"api\"\n{token}"
        )
    };
    let parse = |token: &str| config::parse(&text(token), Path::new("."));
    for token in [
        "",
        "notification_token = \"\"",
        "notification_token = \"  \\n\"",
    ] {
        let error = parse(token).unwrap_err().to_string();
        assert!(error.contains("notification_token is missing"), "{error}");
    }
    assert!(parse("notification_token = \"secret\"").is_ok());
    let world = world().await;
    let request = Request::post("/hooks/tamara/sa")
        .body(Body::from(notification("ord", "order_approved")))
        .unwrap();
    assert_eq!(
        (world.raw(request).await.0, rows(&world, "inbox").await),
        (401, 0)
    );
    world.finish().await;
}

#[tokio::test]
async fn wild_15_refund_amount_in_an_unknown_field_refunds_everything() {
    let world = world().await;
    let id = paid(&world, "A-1").await;
    assert_eq!(ask(&world, &id, "capture", &json!({})).await.0, 200);
    for body in [
        json!({ "refund_amount": sar(100) }),
        json!({ "total_amount": sar(100) }),
        json!({ "amount": { "value": 100, "currency": "SAR" } }),
        json!({ "amount": { "amount": 100, "currency": "SAR", "amount_minor": 1 } }),
    ] {
        let (status, problem) = ask(&world, &id, "refund", &body).await;
        assert_eq!(
            (status, &problem["code"]),
            (422, &json!("invalid_request")),
            "{problem:#}"
        );
    }
    assert_eq!(world.calls("simplified-refund"), 0);
    assert_eq!(
        ask(&world, &id, "refund", &json!({ "amount": sar(100) }))
            .await
            .0,
        200
    );
    assert_eq!(world.book(&id).await["refunded_minor"], 100);
    world.finish().await;
}

#[tokio::test]
async fn wild_16_updated_taken_for_canceled() {
    let world = world().await;
    let id = paid(&world, "A-1").await;
    let order = order_id(&world, &id).await;
    world.sandbox.portal(&order).cancel(12).unwrap();
    world.deliver(1).await;
    world.work().await;
    assert_eq!(world.book(&id).await["status"], "updated");
    assert_eq!(shown(&world, &id).await, is("authorised", true));
    assert_eq!(
        world.payment(&id).await["amounts"]["canceled"]["amount"],
        12
    );
    let (status, capture) = ask(&world, &id, "capture", &json!({})).await;
    assert_eq!(
        (status, &capture["amount"]["amount"]),
        (200, &json!(30_000)),
        "{capture:#}"
    );
    world.finish().await;
}

#[tokio::test]
async fn wild_17_declined_then_approved_dropped_as_a_duplicate() {
    let world = world().await;
    let (id, checkout) = world.create("A-1").await;
    let order = order_id(&world, &id).await;
    let declined = Fault::Altered(|order| order["status"] = "declined".into());
    world.fault("GET /orders", declined);
    accepted(&world, notification(&order, "order_declined")).await;
    world.work().await;
    assert_eq!(shown(&world, &id).await, is("declined", false));
    pays(&world, &checkout);
    world.deliver(0).await;
    accepted(&world, notification(&order, "order_approved")).await;
    world.work().await;
    assert_eq!(shown(&world, &id).await, is("authorised", true));
    assert_eq!(rows(&world, "inbox").await, 2);
    world.finish().await;
}

#[tokio::test]
async fn wild_18_two_copies_of_one_capture_event_add_its_amount_twice() {
    let world = world().await;
    let id = paid(&world, "A-1").await;
    let order = order_id(&world, &id).await;
    world.sandbox.portal(&order).capture(10_000).unwrap();
    world.deliver(0).await;
    let copy = || {
        let body = event(&order, "order_captured", json!({ "capture_id": "x" }));
        world.raw(with_header(&token(&world, 900), body))
    };
    let copies = join_all((0..4).map(|_| copy())).await;
    assert!(copies.iter().all(|(status, _, _)| *status == 200));
    let round = || workers::inbox::run_once(&world.app);
    let (one, two, three) = join3(round(), round(), round()).await;
    assert!(one.is_ok() && two.is_ok() && three.is_ok());
    accepted(&world, notification(&order, "order_captured")).await;
    world.work().await;
    let payment = world.payment(&id).await;
    assert_eq!(
        payment["amounts"]["captured"]["amount"], 10_000,
        "{payment:#}"
    );
    world.finish().await;
}

#[tokio::test]
async fn wild_19_invalid_status_taken_for_already_authorised() {
    let world = world().await;
    let (id, checkout) = world.create("A-1").await;
    pays(&world, &checkout);
    world.fault("authorise", Fault::Refusal(TRANSITION));
    world.deliver(1).await;
    let reads = world.calls("GET /orders");
    workers::inbox::run_once(&world.app).await.unwrap();
    workers::operations::run_once(&world.app).await.unwrap();
    assert_eq!(
        world.calls("GET /orders"),
        reads + 2,
        "a conflict ends in a read"
    );
    assert_eq!(shown(&world, &id).await, is("approved", false));
    world.pass(HOUR, 20).await;
    assert_eq!(shown(&world, &id).await, is("authorised", true));
    world.finish().await;
}

/// No state of the process but the service itself: what one request knows, another cannot see.
#[tokio::test]
async fn wild_20_state_of_a_singleton_leaks_between_requests() {
    let mut found = Vec::new();
    let mut folders = vec![Path::new(env!("CARGO_MANIFEST_DIR")).join("src")];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else {
                let text = std::fs::read_to_string(&path).unwrap();
                let lines = text.lines().map(str::trim_start);
                let state = lines.filter(|line| {
                    let plain = line
                        .trim_start_matches("pub ")
                        .trim_start_matches("pub(crate) ");
                    plain.starts_with("static ") || plain.starts_with("thread_local!")
                });
                found.extend(state.map(str::to_owned));
            }
        }
    }
    found.sort();
    // The id of a request, which a task carries for itself; and the switch of the guards, in the simulator alone.
    let known = [
        "static CURRENT: String;",
        "static REMOVED: AtomicU64 = AtomicU64::new(0);",
    ];
    assert_eq!(found, known);

    let world = world().await;
    let kuwaiti = order("A-1").to_string().replace("SAR", "KWD");
    let (saudi, kuwaiti) = join(
        world.post("/v1/payments", "k", &order("A-1")),
        world.post_as(KEY_KW, "/v1/payments", "k", &kuwaiti),
    )
    .await;
    for ((status, payment), account, currency) in [(saudi, "sa", "SAR"), (kuwaiti, "kw", "KWD")] {
        let shown = (status, &payment["account"], &payment["currency"]);
        assert_eq!(
            shown,
            (201, &json!(account), &json!(currency)),
            "{payment:#}"
        );
    }
    world.finish().await;
}

#[tokio::test]
async fn wild_21_refund_status_copied_from_the_order_status() {
    let world = world().await;
    let id = paid(&world, "A-1").await;
    assert_eq!(ask(&world, &id, "capture", &json!({})).await.0, 200);
    let pending = Fault::Altered(|order| {
        order["transactions"]["refunds"][0]["refund_status"] = "in_progress".into();
    });
    world.fault("GET /orders", pending);
    let (status, refund) = ask(&world, &id, "refund", &json!({ "amount": sar(5_000) })).await;
    assert_eq!(
        (status, &refund["state"]),
        (202, &json!("accepted")),
        "{refund:#}"
    );
    let payment = &refund["payment"];
    assert_eq!(
        (
            &payment["status"],
            &payment["amounts"]["refunded"]["amount"]
        ),
        (&json!("captured"), &json!(0))
    );
    world.pass(300, 10).await;
    let payment = world.payment(&id).await;
    assert_eq!(
        payment["status"], "partially_refunded",
        "and not captured again: {payment:#}"
    );
    let amounts = (
        &payment["amounts"]["captured"]["amount"],
        &payment["amounts"]["refunded"]["amount"],
    );
    assert_eq!(amounts, (&json!(30_012), &json!(5_000)));
    world.finish().await;
}

#[tokio::test]
async fn wild_23_success_decided_by_a_url_that_contains_the_right_words() {
    let world = world().await;
    for lure in [
        "https://evil.example/?next=https://shop.test/ok",
        "https://shop.test.evil.example/ok",
        "https://shop.test@evil.example/ok",
        "http://shop.test/ok",
        "evil://https://shop.test/ok",
    ] {
        let mut body = order("A-1");
        body["return_urls"]["success"] = lure.into();
        let (status, problem) = world.post("/v1/payments", lure, &body).await;
        assert_eq!(
            (status, &problem["code"]),
            (422, &json!("return_url_not_allowed")),
            "{lure}"
        );
    }
    let (id, _) = world.create("A-1").await;
    let shown_page = page(
        &world,
        "?to=https://shop.test/ok&success=true&paymentStatus=approved",
    )
    .await;
    assert!(
        shown_page.contains("Confirming your payment"),
        "{shown_page}"
    );
    assert_eq!(shown(&world, &id).await, is("pending", false));
    world.finish().await;
}

/// The routes are those that the router is made of.
#[tokio::test]
async fn wild_24_capture_route_without_authentication() {
    let open: Vec<&str> = open_routes().into_iter().map(|(path, _)| path).collect();
    let named = [
        "/hooks/tamara/{account}",
        "/r/{token}",
        "/healthz",
        "/readyz",
    ];
    assert_eq!(open, named, "a route without a key must be wanted so, here");
    let world = world().await;
    let methods = [
        Method::GET,
        Method::POST,
        Method::PUT,
        Method::PATCH,
        Method::DELETE,
    ];
    let routes = api::routes();
    assert!(routes.len() >= 6);
    for (path, _) in routes {
        let path = format!(
            "/v1{}",
            path.replace("{id}", ID).replace("{operation}", "op_1")
        );
        assert!(!path.contains('{'), "{path}: give the parameter a value");
        let mut guarded = 0;
        for method in &methods {
            let request = Request::builder().method(method).uri(&path);
            let request = request.body(Body::empty()).unwrap();
            let (status, _, body) = world.raw(request).await;
            assert!(
                matches!(status, 401 | 405),
                "{method} {path} answers {status} without a key: {body}"
            );
            guarded += i32::from(status == 401);
        }
        assert!(guarded > 0, "{path} takes no method");
    }
    world.finish().await;
}

#[tokio::test]
async fn wild_25_checkout_host_made_up_from_the_api_host() {
    let world = world().await;
    let elsewhere = Fault::Altered(|answer| {
        answer["checkout_url"] =
            "https://pages.elsewhere.example/x?c=1&show_item_images=1#top".into();
    });
    world.fault("POST /checkout", elsewhere);
    let (status, payment) = world.post("/v1/payments", "k", &order("A-1")).await;
    assert_eq!(status, 201, "{payment:#}");
    let given = "https://pages.elsewhere.example/x?c=1&show_item_images=1#top";
    assert_eq!(payment["checkout_url"], given, "opaque: as Tamara gave it");
    let hosts = world
        .config
        .accounts
        .values()
        .map(|account| account.environment.base_url());
    assert!(
        hosts.into_iter().all(|host| host == "http://tamara.test"),
        "from the configuration"
    );
    world.finish().await;
}

#[tokio::test]
async fn wild_27_spaces_around_pasted_tokens_cause_401() {
    let text = "public_url = \"http://datepalm.test\"\n[accounts.sa]\ncountry = \"SA\"\nenvironment = \"sandbox\"\n\
                api_token = \" api \\n\"\nnotification_token = \"\\tnotify  \"";
    let config = config::parse(text, Path::new(".")).unwrap();
    let secret = secrecy::ExposeSecret::expose_secret;
    assert_eq!(secret(&config.accounts["sa"].api_tokens[0]), "api");
    assert_eq!(
        secret(&config.accounts["sa"].notification_tokens[0]),
        "notify"
    );
    let world = world().await;
    let request = Request::get("/v1/payments").header("authorization", format!("Bearer   {KEY}  "));
    assert_eq!(world.raw(request.body(Body::empty()).unwrap()).await.0, 200);
    world.finish().await;
}

#[tokio::test]
async fn wild_28_unknown_event_or_status_makes_the_provider_retry_for_ever() {
    let world = world().await;
    let id = paid(&world, "A-1").await;
    let order = order_id(&world, &id).await;
    let on_hold = Fault::Altered(|order| order["status"] = "on_hold".into());
    world.fault("GET /orders", on_hold);
    accepted(&world, notification(&order, "order_on_hold")).await;
    world.work().await;
    let (word, state, _) = inbox(&world).await.pop().unwrap();
    assert_eq!((word.as_str(), state.as_str()), ("order_on_hold", "done"));
    let (_, timeline) = world.get(&format!("/v1/payments/{id}/timeline")).await;
    assert!(
        timeline.to_string().contains("notification order_on_hold"),
        "shown: {timeline:#}"
    );
    let payment = world.payment(&id).await;
    assert_eq!(
        payment["attention"][0]["reason"], "unknown_status",
        "{payment:#}"
    );
    assert_eq!(
        shown(&world, &id).await,
        is("authorised", true),
        "what was known stays known"
    );
    assert_eq!(
        ask(&world, &id, "capture", &json!({})).await.0,
        409,
        "and nothing is guessed"
    );
    world.pass(60, 2).await;
    assert_eq!(
        ask(&world, &id, "capture", &json!({ "amount": sar(30_012) }))
            .await
            .0,
        200
    );
    world.finish().await;
}

#[tokio::test]
async fn wild_29_empty_list_for_data_loses_the_notification() {
    let world = world().await;
    let (id, checkout) = world.create("A-1").await;
    pays(&world, &checkout);
    world.deliver(0).await;
    let order = order_id(&world, &id).await;
    accepted(&world, event(&order, "order_approved", json!([]))).await;
    world.work().await;
    assert_eq!(shown(&world, &id).await, is("authorised", true));
    world.finish().await;
}

#[tokio::test]
async fn wild_30_repeated_capture_after_a_timeout_captures_twice() {
    let world = world().await;
    let id = paid(&world, "A-1").await;
    let part = json!({ "amount": sar(10_000) });
    world.fault("POST /payments/capture", Fault::AnswerLost);
    for _ in 0..4 {
        world.fault("GET /orders", Fault::GatewayError);
    }
    let path = format!("/v1/payments/{id}/capture");
    let (status, operation) = world.post(&path, "c", &part).await;
    assert_eq!(
        (status, &operation["state"]),
        (202, &json!("unknown")),
        "{operation:#}"
    );
    // The caller's retries, with its key and, from another process of it, with a fresh one.
    for _ in 0..3 {
        assert_eq!(world.post(&path, "c", &part).await.0, 202);
    }
    let (status, problem) = world.post(&path, "fresh", &part).await;
    assert_eq!(
        (status, &problem["code"]),
        (409, &json!("operation_in_progress"))
    );
    world.pass(HOUR, 60).await;
    let (status, operation) = world.post(&path, "c", &part).await;
    assert_eq!(
        (status, &operation["state"]),
        (200, &json!("succeeded")),
        "{operation:#}"
    );
    assert_eq!(world.calls("POST /payments/capture"), 1);
    assert_eq!(world.book(&id).await["captured_minor"], 10_000);
    world.finish().await;
}
