//! No name, phone, e-mail, address, token or key leaves the rows that may hold them: not in the log at any level, not
//! in an answer, not in events or operations.

use crate::on_both;
use crate::problem::{get, post};
use crate::world::{Fault, KEY, NOTIFICATION_TOKEN, On, World, order, sar};
use axum::body::Body;
use axum::http::Request;
use datepalm::config;
use serde_json::{Value, json};
use std::io::Write;
use std::path::Path;
use std::sync::{Mutex, Once};
use tamara_sandbox::Plan;

const PHONE: &str = "966570001122";
const MARKS: [&str; 9] = [
    "Markfirst",
    "Marklast",
    PHONE,
    "marked@example.com",
    "7 Markstreet",
    "Markcity",
    NOTIFICATION_TOKEN,
    KEY,
    "api-sa",
];

/// Tamara's refusal with everything that it could give away: in its sentence, its codes and its data.
const REFUSAL: &str = r#"{"message": "Phone 966570001122 of Markfirst is wrong", "errors": [
    {"error_code": "966570001122", "data": {"field": "Marklast"}}, {"error_code": "marked@example.com"},
    {"error_code": "Markfirst"}, {"error_code": "consumer_invalid_phone_number"}]}"#;

static LOG: Mutex<Vec<u8>> = Mutex::new(Vec::new());

struct Tape;

impl Write for Tape {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        LOG.lock().unwrap().write(bytes)
    }
    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

/// Records the log of the whole process, every level and every thread.
fn record_log() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        tracing_subscriber::fmt()
            .with_max_level(tracing::Level::TRACE)
            .with_ansi(false)
            .with_writer(|| Tape)
            .init();
    });
    tracing::trace!("the tape runs");
}

fn log() -> String {
    String::from_utf8(LOG.lock().unwrap().clone()).unwrap()
}

fn nothing_of_them_in(what: &str, text: &str, marks: &[&str]) {
    for mark in marks {
        assert!(!text.contains(mark), "{what} gives away {mark}: {text}");
    }
}

fn marked(reference: &str) -> Value {
    let mut body = order(reference);
    body["customer"] = json!({
        "first_name": "Markfirst", "last_name": "Marklast", "phone_number": PHONE, "email": "marked@example.com",
    });
    body["shipping_address"] =
        json!({ "line1": "7 Markstreet", "city": "Markcity", "phone_number": PHONE });
    body["billing_address"] = body["shipping_address"].clone();
    body
}

/// All text of the rows that others read.
async fn rows(world: &World) -> String {
    let read = world.app.store.read("test rows", |tx| {
        let mut all = String::new();
        for sql in [
            "-- test events\nselect kind || ' ' || data from events",
            "-- test operations\nselect kind || ' ' || key || ' ' || fingerprint || ' ' || details || ' ' || coalesce(reason, '') || ' ' || coalesce(tamara_id, '') || ' ' || item_refs from operations",
            "-- test attempts\nselect kind || ' ' || outcome || ' ' || codes from attempts",
            "-- test payments\nselect content || ' ' || return_urls || ' ' || content_hash || ' ' || description from payments",
            "-- test inbox\nselect word || ' ' || coalesce(order_id, '') from inbox",
            "-- test keys\nselect hash || ' ' || hint from api_keys",
        ] {
            for mut row in tx.query(sql, datepalm::values![])? {
                all += &row.text()?;
                all.push('\n');
            }
        }
        Ok(all)
    });
    read.await.unwrap()
}

/// Sends a request; its answer must not give anything away.
async fn send(world: &World, request: Request<Body>) -> (u16, Value) {
    let what = format!("{} {}", request.method(), request.uri().path());
    let (status, headers, body) = world.raw(request).await;
    nothing_of_them_in(&what, &body, &MARKS);
    nothing_of_them_in(&what, &format!("{headers:?}"), &MARKS);
    (status, serde_json::from_str(&body).unwrap_or(Value::Null))
}

async fn send_json(world: &World, path: &str, key: &str, body: &Value) -> (u16, Value) {
    let request = post(path, key).body(Body::from(body.to_string())).unwrap();
    send(world, request).await
}

/// A payment through its life, every call once as it should be and once refused by Tamara.
async fn life(world: &World) {
    world.fault("POST /checkout", Fault::Refusal(REFUSAL));
    let (status, problem) = send_json(world, "/v1/payments", "refused", &marked("A-0")).await;
    assert_eq!(
        (status, &problem["code"]),
        (422, &json!("rejected_by_tamara")),
        "{problem:#}"
    );
    assert_eq!(
        problem["upstream"]["codes"],
        json!(["consumer_invalid_phone_number"]),
        "{problem:#}"
    );
    for fault in [Fault::NotSent, Fault::AnswerLost, Fault::GatewayError] {
        world.fault("POST /checkout", fault);
        send_json(
            world,
            "/v1/payments",
            &format!("{fault:?}"),
            &marked(&format!("{fault:?}")),
        )
        .await;
    }
    let (status, payment) = send_json(world, "/v1/payments", "k", &marked("A-1")).await;
    assert_eq!(status, 201, "{payment:#}");
    let (id, checkout) = crate::world::ids_of(&payment);
    world
        .sandbox
        .customer(&checkout)
        .approve(Plan::Full)
        .unwrap();
    world.deliver(2).await;
    world.fault("authorise", Fault::Refusal(REFUSAL));
    world.work().await;
    world.pass(600, 10).await;
    for (verb, call) in [
        ("cancel", "/cancel"),
        ("capture", "POST /payments/capture"),
        ("refund", "refund"),
    ] {
        let path = format!("/v1/payments/{id}/{verb}");
        let part = json!({ "amount": sar(100) });
        world.fault(call, Fault::Refusal(REFUSAL));
        let (status, problem) = send_json(world, &path, "refused", &part).await;
        assert_eq!(
            (status, &problem["code"]),
            (422, &json!("rejected_by_tamara")),
            "{problem:#}"
        );
        let (status, operation) = send_json(world, &path, "k", &part).await;
        assert_eq!(status, 200, "{operation:#}");
        send_json(world, &path, "k", &json!({})).await;
        send_json(world, &path, "other", &json!({ "amount": sar(99_999) })).await;
    }
    for path in [
        "/v1/payments".to_owned(),
        format!("/v1/payments/{id}"),
        format!("/v1/payments/{id}/timeline"),
    ] {
        assert_eq!(send(world, get(&path)).await.0, 200);
    }
}

/// Requests that never come through: keys, tokens, bodies.
async fn turned_away(world: &World) {
    for path in [
        format!("/v1/payments/{PHONE}"),
        format!("/v1/{PHONE}"),
        "/v1/payments?status=Markfirst".to_owned(),
    ] {
        send(world, get(&path)).await;
    }
    send(
        world,
        get(&format!(
            "/v1/payments?cursor={PHONE}&merchant_reference=Markfirst"
        )),
    )
    .await;
    let broken = marked("A-9").to_string();
    let broken = post("/v1/payments", "broken")
        .body(Body::from(broken[..broken.len() - 1].to_owned()))
        .unwrap();
    assert_eq!(send(world, broken).await.0, 400);
    for key in [
        "Bearer sk_test_Markfirst",
        "Basic Markfirst",
        "Bearer pk_Markfirst",
    ] {
        let request = Request::get("/v1/payments").header("authorization", key);
        assert_eq!(
            send(world, request.body(Body::empty()).unwrap()).await.0,
            401
        );
    }
    let body = json!({ "order_id": PHONE, "event_type": "order_approved", "data": { "name": "Markfirst" } });
    for token in [NOTIFICATION_TOKEN, "eyJNYXJr.Markfirst.x"] {
        let request = Request::post(format!("/hooks/tamara/sa?tamaraToken={token}"));
        assert_eq!(
            send(world, request.body(Body::from(body.to_string())).unwrap())
                .await
                .0,
            401
        );
    }
    send(
        world,
        Request::get("/r/Markfirst?paymentStatus=Markfirst")
            .body(Body::empty())
            .unwrap(),
    )
    .await;
    send(
        world,
        Request::post("/hooks/tamara/Markfirst")
            .body(Body::empty())
            .unwrap(),
    )
    .await;
}

on_both! {
    async fn marked_values_stay_where_they_belong(on: On) {
        record_log();
        let world = World::new(on).await;
        life(&world).await;
        turned_away(&world).await;
        // The JWT of a genuine notification, and everything that Tamara got to see, are secrets of the log as well.
        world.pass(3_600, 20).await;
        nothing_of_them_in("a row", &rows(&world).await, &MARKS);
        let log = log();
        assert!(log.contains("the tape runs"), "the log was not recorded");
        nothing_of_them_in("the log", &log, &MARKS);
        nothing_of_them_in("the log", &log, &["eyJ"]);
        world.finish().await;
    }
}

on_both! {
    // What a person wrote about a point is shown to whoever may read the payment, and nowhere else.
    async fn notes_stay_where_they_belong(on: On) {
        record_log();
        let world = World::new(on).await;
        let (id, _) = world.create("A-1").await;
        world.fault("GET /orders", Fault::NotFound);
        world.pass(60, 1).await;
        let point = world.payment(&id).await["attention"][0]["id"].as_str().unwrap().to_owned();
        let path = format!("/v1/attention/{point}/resolve");
        for note in ["Marknote of Markfirst", "Marknote and more"] {
            world.post(&path, "k", &json!({ "note": note })).await;
        }
        let timeline = world.get(&format!("/v1/payments/{id}/timeline")).await.1;
        assert!(timeline.to_string().contains("Marknote of Markfirst"), "{timeline:#}");
        nothing_of_them_in("a row", &rows(&world).await, &["Marknote"]);
        nothing_of_them_in("the log", &log(), &["Marknote"]);
        world.finish().await;
    }
}

/// Every place of a body in turn holds the customer's phone, as text, as number, and as a name of a field.
#[tokio::test]
async fn a_problem_never_echoes_a_value() {
    record_log();
    let world = World::new(On::Sqlite).await;
    let mut good = marked("A-1");
    good["country"] = json!("SA");
    good["locale"] = json!("en_US");
    good["capture_mode"] = json!("manual");
    good["description"] = json!("Order");
    good["metadata"] = json!({ "cart": "1" });
    let mut refused = 0;
    for place in places(&good, "") {
        let number = !matches!(place.rsplit('/').next(), Some("amount" | "quantity"));
        let mut values = vec![
            json!(PHONE),
            json!({ PHONE: PHONE }),
            json!([PHONE]),
            json!([[PHONE]]),
        ];
        values.extend(number.then(|| json!(966_570_001_122_i64)));
        for value in values {
            let mut body = good.clone();
            *body.pointer_mut(&place).unwrap() = value;
            let (status, problem) = send_refused(&world, &place, &body).await;
            refused += i32::from(status >= 400);
            assert!(status < 500, "{place}: {problem}");
        }
    }
    assert!(refused > 100, "only {refused} were refused");
    nothing_of_them_in("the log", &log(), &MARKS);
    world.finish().await;
}

/// Problems must be silent; a payment shows its merchant's own words.
async fn send_refused(world: &World, place: &str, body: &Value) -> (u16, String) {
    let request = post("/v1/payments", place)
        .body(Body::from(body.to_string()))
        .unwrap();
    let (status, _, answer) = world.raw(request).await;
    if status >= 400 {
        nothing_of_them_in(place, &answer, &MARKS);
    }
    (status, answer)
}

/// JSON pointers to everything below a value.
fn places(value: &Value, at: &str) -> Vec<String> {
    let below: Vec<(String, &Value)> = match value {
        Value::Object(fields) => fields
            .iter()
            .map(|(name, value)| (format!("{at}/{name}"), value))
            .collect(),
        Value::Array(items) => items
            .iter()
            .enumerate()
            .map(|(n, value)| (format!("{at}/{n}"), value))
            .collect(),
        _ => Vec::new(),
    };
    let mut all: Vec<String> = below.iter().map(|(place, _)| place.clone()).collect();
    all.extend(below.iter().flat_map(|(place, value)| places(value, place)));
    all
}

/// A token that stood where a list of tokens belongs was printed with the error. Found by what the fuzzers hold of configurations.
#[test]
fn an_error_of_the_configuration_repeats_no_value() {
    let refused = |line: &str| {
        let text = format!("public_url = \"https://x.test\"\n[accounts.sa]\n{line}");
        let error = config::parse(&text, Path::new(".")).unwrap_err();
        format!("{error:#}")
    };
    let list = refused("old_notification_tokens = \"se, expected cret\"");
    assert_eq!(list, "invalid type: string, expected a sequence (line 3)");
    let number = refused("api_token = 1234567890");
    assert_eq!(number, "invalid type: integer, expected a string (line 3)");
    let table = refused("durations = \"secret\"");
    assert!(table.starts_with("unknown field `durations`"), "{table}");
}
