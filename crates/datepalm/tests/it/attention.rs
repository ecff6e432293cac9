//! What waits for a person: listed, resolved once with a note, ended when no read can tell (R2, R4, R17, R19, R20).

use crate::on_both;
use crate::problem::{Refused, check, get, post, refused, refused_at};
use crate::world::{Edit, Fault, KEY, KEY_KW, On, World, sar};
use axum::body::Body;
use axum::http::Request;
use serde_json::{Value, json};
use tamara_sandbox::Plan;

async fn authorised(world: &World, reference: &str) -> String {
    let (id, checkout) = world.create(reference).await;
    world
        .sandbox
        .customer(&checkout)
        .approve(Plan::Full)
        .unwrap();
    world.deliver(1).await;
    world.work().await;
    assert_eq!(world.payment(&id).await["status"], "authorised");
    id
}

async fn attention(world: &World, query: &str) -> Vec<Value> {
    let (status, list) = world.get(&format!("/v1/attention{query}")).await;
    assert_eq!(status, 200, "{list:#}");
    list["data"].as_array().unwrap().clone()
}

fn text<'a>(value: &'a Value, field: &str) -> &'a str {
    value[field].as_str().unwrap_or_default()
}

/// A payment whose partial capture is in doubt beside a capture of the same amount that somebody made in the portal.
async fn in_doubt(world: &World, reference: &str) -> (String, String) {
    let id = authorised(world, reference).await;
    world.fault("POST /payments/capture", Fault::RequestLost);
    let path = format!("/v1/payments/{id}/capture");
    let body = json!({ "amount": sar(10_000) });
    let (status, capture) = world
        .post(&path, &format!("capture {reference}"), &body)
        .await;
    assert_eq!(status, 202, "{capture:#}");
    // Another second of shipping, or the portal's capture would be ours by its echo (R20).
    world.clock.advance_ms(5_000);
    portal_captures(world, &id, 10_000).await;
    world.pass(3_600, 6).await;
    (id, text(&capture, "id").to_owned())
}

/// A person captures in Tamara's portal.
async fn portal_captures(world: &World, payment: &str, minor: i64) {
    let order = text(&world.payment(payment).await["sessions"][0], "order_id").to_owned();
    world.sandbox.portal(&order).capture(minor).unwrap();
}

on_both! {
    async fn r17_an_operation_that_stays_in_doubt_is_ended_by_a_person(on: On) {
        let world = World::new(on).await;
        let (id, capture) = in_doubt(&world, "A-1").await;
        let open = attention(&world, "").await;
        assert_eq!(open.len(), 1, "{open:#?}");
        let point = &open[0];
        assert_eq!(
            (text(point, "reason"), text(point, "payment_id"), text(point, "merchant_reference"), text(point, "operation")),
            ("cannot_attribute", id.as_str(), "A-1", capture.as_str())
        );
        assert_eq!(point["money_at_risk"], json!({ "amount": 10_000, "currency": "SAR", "decimal": "100.00" }));
        assert_eq!((&point["still_so"], &point["resolved"]), (&json!(true), &Value::Null));
        let end = format!("/v1/payments/{id}/operations/{capture}/end");
        assert!(text(point, "suggested_action").contains(&end), "{point:#}");

        // Resolving it would leave the doubt without a reminder.
        let resolve = format!("/v1/attention/{}/resolve", text(point, "id"));
        let (status, problem) = world.post(&resolve, "r", &json!({ "note": "seen" })).await;
        assert_eq!((status, text(&problem, "code")), (409, "operation_in_doubt"), "{problem:#}");

        let body = json!({ "outcome": "applied", "note": "Noura at Tamara says it is ours" });
        let (status, ended) = world.post(&end, "e", &body).await;
        assert_eq!((status, text(&ended, "state"), text(&ended, "reason")), (200, "succeeded", "applied_by_person"), "{ended:#}");
        assert!(ended["tamara_id"].is_string(), "the entry in the portal is this operation's: {ended:#}");
        let (status, again) = world.post(&end, "e", &body).await;
        assert_eq!((status, &again["id"]), (200, &ended["id"]));
        let (status, problem) = world.post(&end, "e", &json!({ "outcome": "not_applied", "note": "x" })).await;
        assert_eq!((status, text(&problem, "code")), (422, "idempotency_key_reused"));
        let (status, problem) = world.post(&end, "other", &body).await;
        assert_eq!((status, text(&problem, "code")), (409, "operation_ended"), "{problem:#}");

        assert_eq!(attention(&world, "").await, Vec::<Value>::new(), "ending resolves the point");
        let resolved = attention(&world, "?state=resolved").await;
        assert_eq!(resolved[0]["resolved"]["note"], body["note"]);
        assert_eq!(resolved[0]["resolved"]["by"], "key_sa");
        let timeline = world.get(&format!("/v1/payments/{id}/timeline")).await.1;
        let decided: Vec<&Value> = timeline["data"].as_array().unwrap().iter().filter(|e| e["kind"] == "intervention").collect();
        assert_eq!((decided.len(), &decided[0]["note"], &decided[0]["outcome"]), (1, &body["note"], &json!("applied")));
        let told = timeline.to_string();
        for event in ["capture.succeeded", "capture.ended_by_person", "payment.attention_resolved"] {
            assert!(told.contains(event), "{event}: {timeline:#}");
        }

        // Requests go on, and the money is counted once.
        let capture_rest = format!("/v1/payments/{id}/capture");
        let (status, rest) = world.post(&capture_rest, "rest", &json!({})).await;
        assert_eq!((status, &rest["amount"]["amount"]), (200, &json!(20_012)), "{rest:#}");
        assert_eq!(world.book(&id).await["captured_minor"], 30_012);
        world.finish().await;
    }

    async fn r19_nothing_is_called_not_applied_before_its_window_is_over(on: On) {
        let world = World::new(on).await;
        let id = authorised(&world, "A-1").await;
        world.fault("POST /payments/capture", Fault::RequestLost);
        let path = format!("/v1/payments/{id}/capture");
        let (_, capture) = world.post(&path, "c", &json!({ "amount": sar(10_000) })).await;
        let end = format!("/v1/payments/{id}/operations/{}/end", text(&capture, "id"));
        let body = json!({ "outcome": "not_applied", "note": "not in the portal" });
        let (status, problem) = world.post(&end, "e", &body).await;
        assert_eq!((status, text(&problem, "code"), &problem["retryable"]), (409, "too_early", &json!(true)), "{problem:#}");
        assert_eq!(problem["operation"], capture["id"]);
        // R26: a refusal binds no key.
        world.clock.advance_ms(world.app.policy.settle_window_ms + 1);
        let (status, ended) = world.post(&end, "e", &body).await;
        assert_eq!((status, text(&ended, "state"), text(&ended, "reason")), (200, "rejected", "not_applied_by_person"), "{ended:#}");
        let (status, again) = world.post(&path, "c2", &json!({ "amount": sar(10_000) })).await;
        assert_eq!(status, 200, "{again:#}");
        world.pass(600, 2).await;
        assert_eq!(attention(&world, "").await, Vec::<Value>::new(), "the new capture is nobody else's");
        // One that nobody here asked for may be the one that was called not applied.
        portal_captures(&world, &id, 10_000).await;
        world.pass(90_000, 3).await;
        let open = attention(&world, "?reason=cannot_attribute").await;
        assert_eq!((open.len(), &open[0]["operation"], &open[0]["still_so"]), (1, &capture["id"], &json!(false)), "{open:#?}");
        let resolve = format!("/v1/attention/{}/resolve", text(&open[0], "id"));
        let (status, resolved) = world.post(&resolve, "r", &json!({ "note": "two, both right" })).await;
        assert_eq!((status, &resolved["resolved"]["note"]), (200, &json!("two, both right")), "{resolved:#}");
        world.finish().await;
    }

    async fn r2_resolving_books_differ_lifts_the_stop_until_a_new_contradiction(on: On) {
        let world = World::new(on).await;
        let id = authorised(&world, "A-1").await;
        world.fault("GET /orders", Fault::Altered(EXPIRED_WITH_CAPTURE));
        world.pass(90_000, 3).await;
        let payment = world.payment(&id).await;
        let point = payment["attention"][0].clone();
        assert_eq!(text(&point, "reason"), "books_differ", "{payment:#}");
        let refund = format!("/v1/payments/{id}/refund");
        let (status, problem) = world.post(&refund, "f", &json!({ "amount": sar(5_000) })).await;
        assert_eq!((status, text(&problem, "code")), (409, "needs_attention"), "{problem:#}");
        assert!(text(&problem, "detail").contains("/v1/attention"), "{problem:#}");

        let resolve = format!("/v1/attention/{}/resolve", text(&point, "id"));
        let (status, resolved) = world.post(&resolve, "r", &json!({ "note": "as Tamara's support says" })).await;
        assert_eq!((status, &resolved["still_so"]), (200, &json!(false)), "{resolved:#}");
        let (status, again) = world.post(&resolve, "r", &json!({ "note": "as Tamara's support says" })).await;
        assert_eq!((status, &again["resolved"]), (200, &resolved["resolved"]));
        let (status, problem) = world.post(&resolve, "r2", &json!({ "note": "me too" })).await;
        assert_eq!((status, text(&problem, "code")), (409, "already_resolved"), "{problem:#}");

        let payment = world.payment(&id).await;
        assert_eq!(payment["attention"], json!([]));
        let (status, problem) = world.post(&refund, "f", &json!({ "amount": sar(5_000) })).await;
        assert_ne!(text(&problem, "code"), "needs_attention", "{status} {problem:#}");
        world.pass(3_600, 4).await;
        assert_eq!(world.payment(&id).await["attention"], json!([]), "the same facts ask nobody again");
        world.fault("GET /orders", Fault::Altered(EXPIRED_WITH_OTHER_CAPTURE));
        world.pass(90_000, 3).await;
        let payment = world.payment(&id).await;
        assert_eq!(text(&payment["attention"][0], "reason"), "books_differ", "{payment:#}");
        assert_ne!(payment["attention"][0]["id"], point["id"]);
        world.finish().await;
    }

    async fn the_list_is_paged_filtered_and_of_one_account(on: On) {
        let world = World::new(on).await;
        let mut ids = Vec::new();
        for reference in ["A-1", "A-2", "A-3"] {
            ids.push(authorised(&world, reference).await);
            let payment = world.payment(ids.last().unwrap()).await;
            let order = text(&payment["sessions"][0], "order_id").to_owned();
            world.fault(&format!("GET /orders/{order}"), Fault::NotFound);
            world.pass(90_000, 1).await;
        }
        let of = |points: &[Value]| -> Vec<String> { points.iter().map(|p| text(p, "payment_id").to_owned()).collect() };
        let oldest = attention(&world, "?order=oldest&reason=order_not_found").await;
        assert_eq!(of(&oldest), ids, "{oldest:#?}");
        assert_eq!(oldest[0]["money_at_risk"]["amount"], 30_012);
        let mut newest = of(&attention(&world, "").await);
        newest.reverse();
        assert_eq!(newest, ids);
        for order in ["newest", "oldest"] {
            let (mut seen, mut cursor) = (Vec::new(), String::new());
            loop {
                let page = world.get(&format!("/v1/attention?limit=1&order={order}{cursor}")).await.1;
                seen.extend(of(page["data"].as_array().unwrap()));
                let Some(next) = page["next_cursor"].as_str() else { break };
                cursor = format!("&cursor={next}");
            }
            if order == "newest" { seen.reverse(); }
            assert_eq!(seen, ids, "{order}");
        }
        assert_eq!(attention(&world, "?reason=books_differ").await, Vec::<Value>::new());

        let id = text(&oldest[0], "id");
        let (status, one) = world.get(&format!("/v1/attention/{id}")).await;
        assert_eq!((status, &one), (200, &oldest[0]));
        let elsewhere = |path: &str| {
            Request::get(path).header("authorization", format!("Bearer {KEY_KW}")).body(Body::empty()).unwrap()
        };
        check(&world, "another account", elsewhere(&format!("/v1/attention/{id}")), refused(404, "attention_not_found", &[id])).await;
        let (status, list) = world.get_as(KEY_KW, "/v1/attention").await;
        assert_eq!((status, &list["data"]), (200, &json!([])));
        let (status, problem) =
            world.post_as(KEY_KW, &format!("/v1/attention/{id}/resolve"), "r", r#"{"note":"not mine"}"#).await;
        assert_eq!((status, text(&problem, "code")), (404, "attention_not_found"), "{problem:#}");
        world.finish().await;
    }
}

const EXPIRED_WITH_CAPTURE: Edit = |order| {
    order["status"] = json!("expired");
    order["captured_amount"] = json!({ "amount": 100.00, "currency": "SAR" });
    order["transactions"]["captures"] = json!([capture(100)]);
};

const EXPIRED_WITH_OTHER_CAPTURE: Edit = |order| {
    order["status"] = json!("expired");
    order["captured_amount"] = json!({ "amount": 150.00, "currency": "SAR" });
    order["transactions"]["captures"] = json!([capture(150)]);
};

fn capture(riyals: i64) -> Value {
    json!({
        "capture_id": "11111111-2222-3333-4444-555555555555",
        "total_amount": { "amount": riyals, "currency": "SAR" },
    })
}

/// Sends each body; all of them are refused, and none binds its key.
async fn all_refused(world: &World, cases: &[(&str, &str, Refused<'_>)]) {
    for (path, body, expected) in cases {
        let request = post(path, "k").body(Body::from((*body).to_owned()));
        check(world, body, request.unwrap(), *expected).await;
    }
}

#[tokio::test]
async fn bad_resolutions_are_refused_with_a_sentence() {
    let world = World::new(On::Sqlite).await;
    let (id, checkout) = world.create("A-1").await;
    world.fault("GET /orders", Fault::NotFound);
    world.pass(60, 1).await;
    let point = text(&attention(&world, "").await[0], "id").to_owned();
    let resolve = format!("/v1/attention/{point}/resolve");
    let long = json!({ "note": "x".repeat(1_001) }).to_string();
    let unknown = format!("/v1/attention/att_{}/resolve", "0".repeat(32));
    let note = |says| refused_at(422, "invalid_request", "note", says);
    let not_found = |says| refused(404, "attention_not_found", says);
    let stranger = refused_at(422, "invalid_request", "who", &["who"]);
    let cases = [
        (resolve.as_str(), "{}", note(&["note"])),
        (&resolve, r#"{"note":"  "}"#, note(&["1 to 1000"])),
        (&resolve, &long, note(&["1 to 1000"])),
        (&resolve, r#"{"note":"x","who":"me"}"#, stranger),
        (&unknown, r#"{"note":"x"}"#, not_found(&["att_000"])),
        (
            "/v1/attention/att_1/resolve",
            r#"{"note":"x"}"#,
            not_found(&["att_ and 32"]),
        ),
    ];
    all_refused(&world, &cases).await;
    let payment = world.payment(&id).await;
    assert_eq!(payment["attention"][0]["id"], point, "nothing of that did");
    let (status, _) = world.post(&resolve, "k", &json!({ "note": "x" })).await;
    assert_eq!(status, 200);
    world.sandbox.customer(&checkout).decline().unwrap();
    world.finish().await;
}

#[tokio::test]
async fn bad_endings_are_refused_with_a_sentence() {
    let world = World::new(On::Sqlite).await;
    let (id, capture) = in_doubt(&world, "A-1").await;
    let path = |payment: &str, operation: &str| {
        format!("/v1/payments/{payment}/operations/{operation}/end")
    };
    let payment = world.payment(&id).await;
    let mut operations = payment["operations"].as_array().unwrap().iter();
    let create = operations.find(|operation| operation["kind"] == "create_session");
    let (end, nobody) = (path(&id, &capture), path(&id, "cap_none"));
    let stranger = path(&format!("pay_{}", "0".repeat(32)), &capture);
    let of_create = path(&id, text(create.unwrap(), "id"));
    let applied = r#"{"outcome":"applied","note":"x"}"#;
    let field = |name, says| refused_at(422, "invalid_request", name, says);
    let cases = [
        (
            end.as_str(),
            r#"{"outcome":"maybe","note":"x"}"#,
            field("outcome", &["applied", "not_applied"]),
        ),
        (&end, r#"{"outcome":"applied"}"#, field("note", &["note"])),
        (
            &nobody,
            applied,
            refused(404, "operation_not_found", &["no such operation"]),
        ),
        (
            &stranger,
            applied,
            refused(404, "payment_not_found", &["no payment"]),
        ),
        (
            &of_create,
            applied,
            refused(409, "wrong_status", &["opens a session"]),
        ),
    ];
    all_refused(&world, &cases).await;
    let (status, ended) = world.post_as(KEY_KW, &end, "k", applied).await;
    assert_eq!((status, text(&ended, "code")), (404, "payment_not_found"));
    let (status, ended) = world.post_as(KEY, &end, "k", applied).await;
    assert_eq!(
        (status, text(&ended, "state")),
        (200, "succeeded"),
        "{ended:#}"
    );
    world.finish().await;
}

#[tokio::test]
async fn bad_queries_are_refused_with_a_sentence() {
    let world = World::new(On::Sqlite).await;
    let queries = [
        ("reason=nonsense", "reason", "cannot_attribute"),
        ("state=closed", "state", "open or resolved"),
        ("order=random", "order", "newest or oldest"),
        ("limit=0", "limit", "1 to 100"),
    ];
    for (query, param, says) in queries {
        let request = get(&format!("/v1/attention?{query}"));
        check(
            &world,
            query,
            request,
            refused_at(422, "invalid_request", param, &[says]),
        )
        .await;
    }
    let request = get("/v1/attention?cursor=pay_1");
    check(
        &world,
        "cursor",
        request,
        refused_at(400, "cursor_invalid", "cursor", &["cursor"]),
    )
    .await;
    let request = get("/v1/attention?page=2");
    check(
        &world,
        "page",
        request,
        refused(422, "invalid_request", &["limit"]),
    )
    .await;
    world.finish().await;
}
