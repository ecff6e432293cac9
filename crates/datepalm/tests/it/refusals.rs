//! Requests that fit but cannot be done: keys used for something else, references in use, operations at the wrong
//! time or above what is left. Each says what the caller can do instead.

use crate::on_both;
use crate::problem::{Refused, check, get, post, refused, refused_at, rows};
use crate::world::{Fault, KEY_KW, On, World, order, sar};
use axum::body::Body;
use axum::http::Request;
use serde_json::{Value, json};
use tamara_sandbox::Plan;

async fn post_refused(
    world: &World,
    path: &str,
    key: &str,
    body: &Value,
    expected: Refused<'_>,
) -> Value {
    let request = post(path, key).body(Body::from(body.to_string())).unwrap();
    check(world, &format!("{path} {key} {body}"), request, expected).await
}

/// `POST /v1/payments/{id}/{verb}` that must succeed.
async fn done(world: &World, id: &str, verb: &str, key: &str, body: &Value) -> Value {
    let (status, answer) = world
        .post(&format!("/v1/payments/{id}/{verb}"), key, body)
        .await;
    assert_eq!(status, 200, "{verb} {key}: {answer:#}");
    answer
}

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

on_both! {
    async fn r26_a_key_means_one_request(on: On) {
        let world = World::new(on).await;
        let used = |says| refused(422, "idempotency_key_reused", says);
        let id = authorised(&world, "A-1").await;
        let mut other = order("A-1");
        other["description"] = json!("another text");
        post_refused(&world, "/v1/payments", "A-1", &other, used(&["with another body", "new key"])).await;
        post_refused(&world, "/v1/payments", "A-1", &order("A-2"), used(&["with another body"])).await;

        let path = |verb: &str| format!("/v1/payments/{id}/{verb}");
        let another: &[&str] = &["with another request", "use a new key"];
        done(&world, &id, "cancel", "key", &json!({ "amount": sar(10) })).await;
        post_refused(&world, &path("cancel"), "key", &json!({ "amount": sar(11) }), used(another)).await;
        post_refused(&world, &path("cancel"), "key", &json!({}), used(another)).await;
        done(&world, &id, "capture", "key", &json!({ "amount": sar(100) })).await;
        post_refused(&world, &path("capture"), "key", &json!({ "amount": sar(101) }), used(another)).await;
        post_refused(&world, &path("capture"), "key", &json!({}), used(another)).await;
        done(&world, &id, "refund", "key", &json!({ "amount": sar(50) })).await;
        post_refused(&world, &path("refund"), "key", &json!({ "amount": sar(51) }), used(another)).await;

        let second = authorised(&world, "A-3").await;
        for (verb, body) in [("capture", json!({ "amount": sar(100) })), ("refund", json!({ "amount": sar(50) }))] {
            post_refused(&world, &format!("/v1/payments/{second}/{verb}"), "key", &body, used(another)).await;
        }
        post_refused(&world, &format!("/v1/payments/{second}/cancel"), "key", &json!({}), used(another)).await;
        assert_eq!(world.calls("POST /payments/capture"), 1);
        world.finish().await;
    }

    async fn r26_the_key_of_a_whole_cancel_means_that_cancel(on: On) {
        let world = World::new(on).await;
        let used = |says| refused(422, "idempotency_key_reused", says);
        let (first, second) = (authorised(&world, "A-1").await, authorised(&world, "A-2").await);
        done(&world, &first, "cancel", "key", &json!({})).await;
        let part = json!({ "amount": sar(10) });
        let path = format!("/v1/payments/{second}/cancel");
        post_refused(&world, &path, "key", &json!({}), used(&["another payment", "use a new key"])).await;
        post_refused(&world, &path, "key", &part, used(&["use a new key"])).await;
        post_refused(&world, &format!("/v1/payments/{first}/cancel"), "key", &part, used(&["use a new key"])).await;
        assert_eq!((world.calls("/cancel"), world.payment(&second).await["status"].clone()), (1, json!("authorised")));
        world.finish().await;
    }

    async fn a_reference_in_use(on: On) {
        let world = World::new(on).await;
        let (id, _) = world.create("A-1").await;
        let mut other = order("A-1");
        other["customer"]["first_name"] = json!("Sara");
        let says = &["merchant_reference \"A-1\" belongs to payment", id.as_str(), "cancel it or use another reference"];
        post_refused(&world, "/v1/payments", "other", &other, refused(409, "reference_in_use", says)).await;
        let (status, same) = world.post("/v1/payments", "third", &order("A-1")).await;
        assert_eq!((status, &same["id"]), (200, &json!(id)), "same content, another key: {same:#}");
        assert_eq!((rows(&world, "payments").await, world.calls("POST /checkout")), (1, 1));
        world.finish().await;
    }

    async fn operations_at_the_wrong_time(on: On) {
        let world = World::new(on).await;
        let (pending, _) = world.create("A-1").await;
        let path = |id: &str, verb: &str| format!("/v1/payments/{id}/{verb}");
        let early = &["the payment is pending", "authorised"];
        for verb in ["capture", "refund"] {
            post_refused(&world, &path(&pending, verb), "k", &json!({}), refused(409, "wrong_status", early)).await;
        }
        let part = json!({ "amount": sar(10) });
        let says = &["the payment is pending", "without an amount"];
        post_refused(&world, &path(&pending, "cancel"), "k", &part, refused(409, "wrong_status", says)).await;

        let id = authorised(&world, "A-2").await;
        let says = &["nothing is captured yet", "cancel instead", "300.12 SAR"];
        post_refused(&world, &path(&id, "refund"), "k", &json!({}), refused(409, "use_cancel", says)).await;
        let above = |says| refused_at(422, "amount_above_rest", "amount", says);
        let body = json!({ "amount": sar(30_013) });
        let says = &["300.13 SAR is more than the 300.12 SAR that is left"];
        post_refused(&world, &path(&id, "capture"), "k", &body, above(says)).await;
        post_refused(&world, &path(&id, "cancel"), "k", &body, above(says)).await;
        done(&world, &id, "capture", "k", &json!({})).await;
        post_refused(&world, &path(&id, "refund"), "k", &body, above(says)).await;
        let says = &["is captured; refund it instead: 300.12 SAR"];
        post_refused(&world, &path(&id, "cancel"), "k", &json!({}), refused(409, "use_refund", says)).await;
        post_refused(&world, &path(&id, "cancel"), "k", &part, refused(409, "use_refund", says)).await;
        let says = &["0.10 SAR is more than the 0.00 SAR that is left"];
        post_refused(&world, &path(&id, "capture"), "l", &part, above(says)).await;
        done(&world, &id, "refund", "k", &json!({})).await;
        let says = &["the payment is refunded"];
        for verb in ["capture", "refund", "cancel"] {
            post_refused(&world, &path(&id, verb), "m", &json!({}), refused(409, "wrong_status", says)).await;
        }
        world.finish().await;
    }

    // Tamara took the refund, and no read has called it a success yet: it is neither refunded nor left.
    async fn r20_what_is_being_refunded_is_not_left(on: On) {
        let world = World::new(on).await;
        let id = authorised(&world, "A-1").await;
        done(&world, &id, "capture", "c", &json!({ "amount": sar(10_000) })).await;
        done(&world, &id, "refund", "r1", &json!({ "amount": sar(1_000) })).await;
        world.fault("GET /orders", Fault::NotSent);
        let path = format!("/v1/payments/{id}/refund");
        let (status, accepted) = world.post(&path, "r2", &json!({ "amount": sar(6_000) })).await;
        assert_eq!((status, &accepted["state"]), (202, &json!("accepted")), "{accepted:#}");
        let says = &["30.01 SAR is more than the 30.00 SAR that is left: 100.00 SAR captured, 10.00 SAR refunded, 60.00 SAR being refunded"];
        let above = refused_at(422, "amount_above_rest", "amount", says);
        post_refused(&world, &path, "r3", &json!({ "amount": sar(3_001) }), above).await;
        done(&world, &id, "refund", "r3", &json!({ "amount": sar(3_000) })).await;
        let says = &["200.13 SAR is more than the 200.12 SAR that is left: of 300.12 SAR, 100.00 SAR captured and 0.00 SAR canceled"];
        let above = refused_at(422, "amount_above_rest", "amount", says);
        let path = format!("/v1/payments/{id}/capture");
        post_refused(&world, &path, "c2", &json!({ "amount": sar(20_013) }), above).await;
        world.finish().await;
    }
}

#[tokio::test]
async fn bodies_of_operations() {
    let world = World::new(On::Sqlite).await;
    let id = authorised(&world, "A-1").await;
    let invalid = |param, says| refused_at(422, "invalid_request", param, says);
    let kwd = json!({ "amount": { "amount": 10, "currency": "KWD" } });
    for verb in ["capture", "refund", "cancel"] {
        let path = format!("/v1/payments/{id}/{verb}");
        let says = &["is in KWD", "payments are in SAR"];
        post_refused(
            &world,
            &path,
            "k",
            &kwd,
            refused_at(422, "currency_mismatch", "amount.currency", says),
        )
        .await;
        for amount in [0, -1] {
            let says = &["must be positive", "leave it out for all that is left"];
            post_refused(
                &world,
                &path,
                "k",
                &json!({ "amount": sar(amount) }),
                invalid("amount.amount", says),
            )
            .await;
        }
        let says = &["integers of minor units", "got 1.5"];
        let body = json!({ "amount": { "amount": 1.5, "currency": "SAR" } });
        post_refused(&world, &path, "k", &body, invalid("amount.amount", says)).await;
        post_refused(
            &world,
            &path,
            "k",
            &json!({ "amount": 100 }),
            invalid("amount", &["got an integer", "expected an object"]),
        )
        .await;
        post_refused(
            &world,
            &path,
            "k",
            &json!({ "total": 100 }),
            invalid("total", &["unknown field total", "`amount`"]),
        )
        .await;
        post_refused(
            &world,
            &path,
            "k",
            &json!([]),
            refused(
                422,
                "invalid_request",
                &["got a list", "expected an object"],
            ),
        )
        .await;
    }
    assert_eq!(rows(&world, "operations").await, 2, "create and authorise");
    world.finish().await;
}

#[tokio::test]
async fn texts_of_operations() {
    let world = World::new(On::Sqlite).await;
    let id = authorised(&world, "A-1").await;
    let path = format!("/v1/payments/{id}/capture");
    let shipping = |name: &str, value: &str| json!({ "shipping_info": { name: value } });
    for (name, value, says) in [
        ("shipping_company", " ".to_owned(), "1 to 100 characters"),
        ("tracking_number", "9".repeat(101), "1 to 100 characters"),
        ("tracking_url", "u".repeat(1_025), "1 to 1024 characters"),
        ("shipped_at", "yesterday".to_owned(), "RFC 3339"),
        ("shipped_at", "2026-02-30T10:00:00Z".to_owned(), "RFC 3339"),
    ] {
        let (param, says) = (format!("shipping_info.{name}"), [says]);
        let expected = refused_at(422, "invalid_request", &param, &says);
        post_refused(&world, &path, "k", &shipping(name, &value), expected).await;
    }
    let path = format!("/v1/payments/{id}/refund");
    for comment in [String::new(), "c".repeat(256)] {
        post_refused(
            &world,
            &path,
            "k",
            &json!({ "comment": comment }),
            refused_at(422, "invalid_request", "comment", &["1 to 255 characters"]),
        )
        .await;
    }
    assert_eq!(rows(&world, "operations").await, 2, "create and authorise");
    world.finish().await;
}

#[tokio::test]
async fn an_empty_body_is_an_empty_object() {
    let world = World::new(On::Sqlite).await;
    let id = authorised(&world, "A-1").await;
    let path = format!("/v1/payments/{id}/cancel");
    let request = Request::post(&path)
        .header("authorization", format!("Bearer {}", crate::world::KEY))
        .header("content-type", "application/x-www-form-urlencoded")
        .header("idempotency-key", "k");
    let (status, _, body) = world.raw(request.body(Body::empty()).unwrap()).await;
    assert_eq!(status, 200, "what `curl -X POST -d ''` sends: {body}");
    let id = authorised(&world, "A-2").await;
    let path = format!("/v1/payments/{id}/capture");
    let (status, _, body) = world
        .raw(post(&path, "k").body(Body::empty()).unwrap())
        .await;
    assert_eq!(status, 200, "{body}");
    let (status, headers, body) = world
        .raw(post(&path, "k").body(Body::from("{}")).unwrap())
        .await;
    assert_eq!(
        (status, headers.contains_key("idempotent-replayed")),
        (200, true),
        "{body}"
    );
    world.finish().await;
}

#[tokio::test]
async fn r28_the_payment_of_another_account_does_not_exist() {
    let world = World::new(On::Sqlite).await;
    let id = authorised(&world, "A-1").await;
    let none = |says| refused(404, "payment_not_found", says);
    let foreign = |mut request: Request<Body>| {
        let key = format!("Bearer {KEY_KW}").parse().unwrap();
        request.headers_mut().insert("authorization", key);
        request
    };
    for path in [
        format!("/v1/payments/{id}"),
        format!("/v1/payments/{id}/timeline"),
    ] {
        check(
            &world,
            &path,
            foreign(get(&path)),
            none(&["no payment", "in this account"]),
        )
        .await;
    }
    for verb in ["capture", "refund", "cancel"] {
        let path = format!("/v1/payments/{id}/{verb}");
        let request = foreign(post(&path, "k").body(Body::from("{}")).unwrap());
        check(
            &world,
            &path,
            request,
            none(&["no payment", "in this account"]),
        )
        .await;
    }
    let unknown = "/v1/payments/pay_00000000000000000000000000000000";
    check(
        &world,
        unknown,
        get(unknown),
        none(&["no payment", "in this account"]),
    )
    .await;
    let (status, _, list) = world.raw(foreign(get("/v1/payments"))).await;
    assert_eq!((status, list.contains(&id)), (200, false), "{list}");
    world.finish().await;
}

#[tokio::test]
async fn a_capture_names_who_ships() {
    let world = World::new(On::Sqlite).await;
    let body = order("A-1").to_string().replace("SAR", "KWD");
    let (status, payment) = world.post_as(KEY_KW, "/v1/payments", "k", &body).await;
    assert_eq!(status, 201, "{payment:#}");
    let (id, checkout) = crate::world::ids_of(&payment);
    world
        .sandbox
        .customer(&checkout)
        .approve(Plan::Full)
        .unwrap();
    world.deliver(1).await;
    world.work().await;
    let path = format!("/v1/payments/{id}/capture");
    let mut request = post(&path, "c").body(Body::from("{}")).unwrap();
    let key = format!("Bearer {KEY_KW}").parse().unwrap();
    request.headers_mut().insert("authorization", key);
    let says = &[
        "send shipping_info.shipping_company",
        "account's configuration",
    ];
    let expected = refused_at(
        422,
        "shipping_info_missing",
        "shipping_info.shipping_company",
        says,
    );
    check(&world, "no company", request, expected).await;
    let named = json!({ "shipping_info": { "shipping_company": "Aramex" } }).to_string();
    let (status, capture) = world.post_as(KEY_KW, &path, "c", &named).await;
    assert_eq!(
        status, 200,
        "the refused request bound no key (R26): {capture:#}"
    );
    world.finish().await;
}
