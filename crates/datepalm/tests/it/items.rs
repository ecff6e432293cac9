//! Captures and partial cancels by items, repeated captures and refunds, and what makes two requests the same (R26, R27).

use crate::on_both;
use crate::problem::{Refused, check, post, refused, refused_at, rows};
use crate::world::{Fault, KEY, KEY_KW, On, World, ids_of, order, sar};
use axum::body::Body;
use axum::http::Request;
use http_body_util::BodyExt as _;
use serde_json::{Value, json};
use tamara_sandbox::Plan;
use tower::ServiceExt as _;

fn kwd(minor: i64) -> Value {
    json!({ "amount": minor, "currency": "KWD" })
}

/// Three lamps of 10.125 KWD with 0.300 off and 1.500 tax, two vases of 3.333 KWD with 0.001 off; 2.000 shipping, 0.500 off
/// the whole.
fn kuwaiti_order() -> Value {
    let mut order = order("K-1");
    order["items"] = json!([
        { "reference_id": "lamp", "name": "Desk lamp", "sku": "LAMP-1", "quantity": 3, "unit_price": kwd(10_125),
          "discount_amount": kwd(300), "tax_amount": kwd(1_500) },
        { "reference_id": "vase", "name": "Vase", "sku": "VASE-1", "quantity": 2, "unit_price": kwd(3_333),
          "discount_amount": kwd(1) },
    ]);
    order["shipping_amount"] = kwd(2_000);
    order["tax_amount"] = kwd(1_500);
    order["discount"]["amount"] = kwd(500);
    order["total_amount"] = kwd(30_075 + 6_665 + 2_000 + 1_500 - 500);
    order
}

async fn kuwaiti(world: &World) -> String {
    let (status, payment) = world
        .post_as(KEY_KW, "/v1/payments", "K-1", &kuwaiti_order().to_string())
        .await;
    assert_eq!(status, 201, "{payment:#}");
    let (id, checkout) = ids_of(&payment);
    world
        .sandbox
        .customer(&checkout)
        .approve(Plan::Full)
        .unwrap();
    world.deliver(1).await;
    world.work().await;
    id
}

/// `POST /v1/payments/{id}/{verb}` of the Kuwaiti account.
async fn kw(world: &World, id: &str, verb: &str, key: &str, body: Value) -> (u16, Value) {
    world
        .post_as(
            KEY_KW,
            &format!("/v1/payments/{id}/{verb}"),
            key,
            &body.to_string(),
        )
        .await
}

async fn authorised(world: &World, order: &Value) -> String {
    let reference = order["merchant_reference"].as_str().unwrap();
    let (status, payment) = world.post("/v1/payments", reference, order).await;
    assert_eq!(status, 201, "{payment:#}");
    let (id, checkout) = ids_of(&payment);
    world
        .sandbox
        .customer(&checkout)
        .approve(Plan::Full)
        .unwrap();
    world.deliver(1).await;
    world.work().await;
    id
}

/// Two lamps and one vase, without anything else: 320.00 SAR.
fn lamps_and_vase(reference: &str) -> Value {
    let mut order = order(reference);
    order["items"] = json!([
        { "reference_id": "lamp", "name": "Desk lamp", "sku": "LAMP-1", "quantity": 2, "unit_price": sar(15_000) },
        { "reference_id": "vase", "name": "Vase", "sku": "VASE-1", "quantity": 1, "unit_price": sar(2_000) },
    ]);
    order["shipping_amount"] = sar(0);
    order["discount"] = Value::Null;
    order["total_amount"] = sar(32_000);
    order
}

/// The order as Tamara shows it.
async fn tamaras(world: &World, token: &str, operation: &Value) -> Value {
    let order_id = operation["payment"]["sessions"][0]["order_id"]
        .as_str()
        .unwrap();
    let request = Request::get(format!("/orders/{order_id}"))
        .header("authorization", format!("Bearer {token}"))
        .body(Body::empty())
        .unwrap();
    let answer = world.sandbox.router().oneshot(request).await.unwrap();
    let body = answer.into_body().collect().await.unwrap().to_bytes();
    serde_json::from_slice(&body).unwrap()
}

async fn refuses(world: &World, id: &str, verb: &str, body: &Value, expected: Refused<'_>) {
    let request = post(&format!("/v1/payments/{id}/{verb}"), "refused")
        .body(Body::from(body.to_string()))
        .unwrap();
    check(world, &format!("{verb} {body}"), request, expected).await;
}

on_both! {
    async fn r27_a_shipment_in_pieces_with_three_decimals(on: On) {
        let world = World::new(on).await;
        let id = kuwaiti(&world).await;
        let company = json!({ "shipping_company": "Aramex" });
        let body = json!({ "items": [{ "reference_id": "lamp", "quantity": 1 }], "shipping_info": company });
        let (status, first) = kw(&world, &id, "capture", "c1", body).await;
        assert_eq!((status, &first["amount"]["decimal"]), (200, &json!("10.525")), "10.125 - 0.100 + 0.500: {first:#}");
        assert_eq!(first["items"][0]["discount_amount"]["amount"], 100);
        assert_eq!(first["payment"]["status"], "partially_captured");
        let capture = tamaras(&world, "api-kw", &first).await["transactions"]["captures"][0].clone();
        assert_eq!(capture["items"][0]["name"], "Desk lamp", "{capture:#}");
        assert_eq!(capture["items"][0]["quantity"], 1);
        assert_eq!(capture["items"][0]["total_amount"]["amount"].to_string(), "10.025");
        assert_eq!(capture["tax_amount"]["amount"].to_string(), "0.5");

        let body = json!({ "items": [{ "reference_id": "vase", "quantity": 1 }] });
        let (status, vase) = kw(&world, &id, "cancel", "x1", body).await;
        assert_eq!((status, &vase["param"]), (422, &json!("items[0].discount_amount")), "{vase:#}");
        world.sandbox.set_choices(tamara_sandbox::Choices { cancel_after_partial_capture: true, ..world.sandbox.choices() });
        let body = json!({ "items": [{ "reference_id": "vase", "quantity": 1, "discount_amount": kwd(1) }] });
        let (status, vase) = kw(&world, &id, "cancel", "x1", body).await;
        assert_eq!((status, &vase["amount"]["amount"]), (200, &json!(3_332)), "{vase:#}");

        let rest = json!([{ "reference_id": "lamp", "quantity": 2 }, { "reference_id": "vase", "quantity": 1 }]);
        let body = json!({
            "amount": kwd(20_250 - 200 + 1_000 + 3_333 + 2_000 - 500), "items": rest, "shipping_amount": kwd(2_000),
            "discount_amount": kwd(500), "shipping_info": company,
        });
        let (status, last) = kw(&world, &id, "capture", "c2", body).await;
        assert_eq!((status, &last["payment"]["status"]), (200, &json!("captured")), "{last:#}");
        assert_eq!(last["payment"]["amounts"]["captured"]["amount"], 10_525 + 25_883);

        for (key, minor) in [("r1", 1), ("r2", 10_525), ("r3", 25_881)] {
            let (status, refund) = kw(&world, &id, "refund", key, json!({ "amount": kwd(minor) })).await;
            assert_eq!((status, &refund["state"]), (200, &json!("succeeded")), "{refund:#}");
        }
        let (status, above) = kw(&world, &id, "refund", "r4", json!({ "amount": kwd(2) })).await;
        assert_eq!((status, &above["code"]), (422, &json!("amount_above_rest")), "{above:#}");
        let says = "0.002 KWD is more than the 0.001 KWD that is left: 36.408 KWD captured, 36.407 KWD refunded, 0.000 KWD being refunded";
        assert_eq!(above["detail"], says);
        let (status, done) = kw(&world, &id, "refund", "r5", json!({})).await;
        assert_eq!((status, &done["payment"]["status"]), (200, &json!("refunded")), "{done:#}");
        world.finish().await;
    }

    async fn r20_a_lost_capture_of_items_is_recognised_by_them(on: On) {
        let world = World::new(on).await;
        let id = authorised(&world, &lamps_and_vase("A-1")).await;
        world.fault("POST /payments/capture", Fault::AnswerLost);
        let body = json!({ "items": [{ "reference_id": "vase", "quantity": 1 }, { "reference_id": "lamp", "quantity": 1 }] });
        let (status, capture) = world.post(&format!("/v1/payments/{id}/capture"), "c", &body).await;
        assert_eq!((status, &capture["state"]), (200, &json!("succeeded")), "{capture:#}");
        assert_eq!(capture["amount"]["amount"], 17_000);
        let echoed = tamaras(&world, "api-sa", &capture).await["transactions"]["captures"][0]["items"].clone();
        assert_eq!(echoed.as_array().unwrap().len(), 2);
        world.finish().await;
    }

    async fn r27_a_refused_capture_gives_its_items_back(on: On) {
        let world = World::new(on).await;
        let id = authorised(&world, &lamps_and_vase("A-1")).await;
        let path = format!("/v1/payments/{id}/capture");
        let lamps = json!({ "items": [{ "reference_id": "lamp", "quantity": 2 }] });
        world.fault("POST /payments/capture", Fault::Refusal(r#"{"message":"no","errors":[{"error_code":"no_thanks"}]}"#));
        assert_eq!(world.post(&path, "first", &lamps).await.0, 422);
        let (status, capture) = world.post(&path, "again", &lamps).await;
        assert_eq!((status, &capture["amount"]["amount"]), (200, &json!(30_000)), "{capture:#}");
        let says = &["items[0].quantity is 1, but 0 of this item are left"];
        let one = json!({ "items": [{ "reference_id": "lamp", "quantity": 1 }] });
        for verb in ["capture", "cancel"] {
            refuses(&world, &id, verb, &one, refused_at(422, "quantity_above_rest", "items[0].quantity", says)).await;
        }
        world.finish().await;
    }

    async fn r26_the_same_meaning_is_the_same_request(on: On) {
        let world = World::new(on).await;
        let id = authorised(&world, &lamps_and_vase("A-1")).await;
        let path = format!("/v1/payments/{id}/capture");
        let first = r#"{"items":[{"reference_id":"lamp","quantity":1},{"reference_id":"vase","quantity":1}],
            "amount":{"amount":17000,"currency":"SAR"},
            "shipping_info":{"shipped_at":"2026-03-03T10:00:00Z","tracking_number":"1"}}"#;
        let again = r#" {"shipping_info": {"tracking_number":"1", "shipped_at":"2026-03-03T13:00:00.000+03:00"},
            "tax_amount": null,
            "amount": {"decimal":"170.00", "currency":"SAR", "amount": 17000},
            "items":[ {"quantity":1,"reference_id":"vase"}, {"quantity":1, "reference_id":"lamp", "tax_amount": null} ] }"#;
        let (status, one) = world.post_as(KEY, &path, "c", first).await;
        assert_eq!(status, 200, "{one:#}");
        let request = post(&path, "c").body(Body::from(again)).unwrap();
        let (status, headers, two) = world.raw(request).await;
        assert_eq!((status, headers["idempotent-replayed"].to_str().unwrap()), (200, "true"), "{two}");
        assert_eq!(serde_json::from_str::<Value>(&two).unwrap()["id"], one["id"]);
        assert_eq!(world.calls("POST /payments/capture"), 1);
        for other in [
            first.replace("\"quantity\":1}]", "\"quantity\":2}]"),
            first.replace("\"tracking_number\":\"1\"", "\"tracking_number\":\"2\""),
            first.replace("10:00:00Z", "10:00:01Z"),
            first.replace("\"amount\":{\"amount\":17000,\"currency\":\"SAR\"},", ""),
            r#"{"amount":{"amount":17000,"currency":"SAR"}}"#.to_owned(),
            "{}".to_owned(),
        ] {
            let (status, problem) = world.post_as(KEY, &path, "c", &other).await;
            assert_eq!((status, &problem["code"]), (422, &json!("idempotency_key_reused")), "{other}: {problem:#}");
        }
        world.finish().await;
    }

    async fn r26_a_refused_list_binds_no_key(on: On) {
        let world = World::new(on).await;
        let id = authorised(&world, &lamps_and_vase("A-1")).await;
        let before = rows(&world, "operations").await;
        let path = format!("/v1/payments/{id}/cancel");
        let (status, _) = world.post(&path, "k", &json!({ "items": [{ "reference_id": "lamp", "quantity": 3 }] })).await;
        assert_eq!((status, rows(&world, "operations").await), (422, before));
        let (status, cancel) = world.post(&path, "k", &json!({ "items": [{ "reference_id": "lamp", "quantity": 1 }] })).await;
        assert_eq!((status, &cancel["amount"]["amount"]), (200, &json!(15_000)), "{cancel:#}");
        assert_eq!((&cancel["payment"]["status"], &cancel["payment"]["paid"]), (&json!("authorised"), &json!(true)));
        world.finish().await;
    }
}

fn item(reference: &str, quantity: i64) -> Value {
    json!({ "reference_id": reference, "quantity": quantity })
}

const fn invalid<'a>(param: &'a str, says: &'a [&'a str]) -> Refused<'a> {
    refused_at(422, "invalid_request", param, says)
}

/// Each body is refused as a capture and as a cancel, and leaves nothing behind.
async fn refused_lists(cases: &[(Value, Refused<'_>)]) {
    let world = World::new(On::Sqlite).await;
    let id = authorised(&world, &lamps_and_vase("A-1")).await;
    for (body, expected) in cases {
        for verb in ["capture", "cancel"] {
            refuses(&world, &id, verb, body, *expected).await;
        }
    }
    assert_eq!(rows(&world, "operations").await, 2, "create and authorise");
    world.finish().await;
}

#[tokio::test]
async fn lists_of_another_shape() {
    let lamp = item("lamp", 1);
    let none = json!({ "reference_id": "lamp" });
    let named = json!({ "reference_id": "lamp", "quantity": 1, "name": "Lamp" });
    refused_lists(&[
        (
            json!({ "items": {} }),
            invalid("items", &["got an object", "expected a list"]),
        ),
        (
            json!({ "items": [none] }),
            invalid("items[0].quantity", &["is missing"]),
        ),
        (
            json!({ "items": [item("lamp", 0)] }),
            invalid("items[0].quantity", &["is 0, must be 1 to 1000000"]),
        ),
        (
            json!({ "items": [item("", 1)] }),
            invalid("items[0].reference_id", &["must not be empty"]),
        ),
        (
            json!({ "items": [named] }),
            invalid("items[0].name", &["unknown field name", "reference_id"]),
        ),
        (
            json!({ "items": [] }),
            invalid("items", &["add up to nothing", "leave items out"]),
        ),
        (
            json!({ "shipping_amount": sar(10) }),
            invalid("shipping_amount", &["needs items beside it"]),
        ),
        (
            json!({ "items": [lamp], "shipping_amount": sar(-1) }),
            invalid("shipping_amount.amount", &["is -1, must be zero or more"]),
        ),
        (
            json!({ "items": [lamp], "tax_amount": kwd(1) }),
            refused_at(
                422,
                "currency_mismatch",
                "tax_amount.currency",
                &["is in KWD", "payments are in SAR"],
            ),
        ),
    ])
    .await;
}

#[tokio::test]
async fn lists_that_do_not_fit_the_payment() {
    let lamp = item("lamp", 1);
    let above = |code, param, says| refused_at(422, code, param, says);
    refused_lists(&[
        (
            json!({ "items": [item("rug", 1)] }),
            invalid("items[0].reference_id", &["none of this payment's items"]),
        ),
        (
            json!({ "items": [lamp, lamp] }),
            invalid("items[1].reference_id", &["stands in this list already"]),
        ),
        (
            json!({ "items": [item("lamp", 3)] }),
            above(
                "quantity_above_rest",
                "items[0].quantity",
                &["is 3, but 2 of this item are left"],
            ),
        ),
        (
            json!({ "items": [lamp], "shipping_amount": sar(1) }),
            above(
                "amount_above_rest",
                "shipping_amount",
                &["is 0.01 SAR, but 0.00 SAR of it is left of this payment"],
            ),
        ),
        (
            json!({ "items": [lamp], "amount": sar(15_001) }),
            above(
                "totals_mismatch",
                "amount",
                &[
                    "make 150.00 SAR, but amount is 150.01 SAR: difference 0.01 SAR",
                    "items[0] (1 of it) is 150.00 SAR",
                ],
            ),
        ),
    ])
    .await;
}

#[tokio::test]
async fn lists_at_the_wrong_place_and_time() {
    let world = World::new(On::Sqlite).await;
    let id = authorised(&world, &lamps_and_vase("A-1")).await;
    let says = &[
        "takes an amount and a comment and keeps no items",
        "send amount",
    ];
    refuses(
        &world,
        &id,
        "refund",
        &json!({ "items": [item("lamp", 1)] }),
        invalid("items", says),
    )
    .await;
    let (pending, _) = world.create("A-2").await;
    let says = &["the payment is pending"];
    let body = json!({ "items": [item("rug", 1)] });
    refuses(
        &world,
        &pending,
        "capture",
        &body,
        refused(409, "wrong_status", says),
    )
    .await;
    world.finish().await;
}

#[tokio::test]
async fn an_item_that_stands_twice_in_the_order_has_no_name() {
    let world = World::new(On::Sqlite).await;
    let mut twice = lamps_and_vase("A-1");
    twice["items"][1]["reference_id"] = "lamp".into();
    let id = authorised(&world, &twice).await;
    let says = &["more than one of this payment's items", "send amount"];
    let body = json!({ "items": [{ "reference_id": "lamp", "quantity": 1 }] });
    refuses(
        &world,
        &id,
        "capture",
        &body,
        refused_at(422, "invalid_request", "items[0].reference_id", says),
    )
    .await;
    world.finish().await;
}
