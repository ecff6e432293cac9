//! Bodies and queries that do not fit: each is refused with the sentence that helps to mend it, and nothing is kept.

use crate::on_both;
use crate::problem::{Refused, check, get, post, refused, refused_at, rows};
use crate::world::{KEY, KEY_KW, On, World, order, sar};
use axum::body::Body;
use axum::http::Request;
use serde_json::{Value, json};

const INVALID: &str = "invalid_request";

async fn create_refused(world: &World, what: &str, body: &Value, expected: Refused<'_>) {
    let request = post("/v1/payments", "bad")
        .body(Body::from(body.to_string()))
        .unwrap();
    check(world, what, request, expected).await;
}

/// What is wrong, how a good order becomes so, and what must come back.
type Case = (&'static str, fn(&mut Value), Refused<'static>);

/// Each case changes a good order; nothing may be left of any of them.
async fn orders_refused(cases: &[Case]) {
    let world = World::new(On::Sqlite).await;
    for (what, change, expected) in cases {
        let mut body = order("A-1");
        change(&mut body);
        create_refused(&world, what, &body, *expected).await;
    }
    assert_eq!(rows(&world, "payments").await, 0);
    assert_eq!(world.calls(""), 0, "Tamara was asked");
    world.finish().await;
}

/// Posts each body in turn.
async fn bodies_refused(cases: &[(&[u8], Refused<'_>)]) {
    let world = World::new(On::Sqlite).await;
    for (body, expected) in cases {
        let what = String::from_utf8_lossy(&body[..body.len().min(80)]).into_owned();
        let request = post("/v1/payments", "bad");
        let request = request.body(Body::from(body.to_vec())).unwrap();
        check(&world, &what, request, *expected).await;
    }
    world.finish().await;
}

fn nested(depth: usize) -> String {
    "[".repeat(depth) + &"]".repeat(depth)
}

#[tokio::test]
async fn bodies_that_are_no_json() {
    let no_json = |says| refused(400, "invalid_json", says);
    let twice = format!("{} {{}}", order("A-1"));
    bodies_refused(&[
        (
            b"{\"merchant_reference\": \"A-1\",}",
            no_json(&["not valid JSON at line 1, column 30"]),
        ),
        (b"{\"description\": \"A-", no_json(&["line 1, column 19"])),
        (twice.as_bytes(), no_json(&["more after the JSON value"])),
        (b"{\"description\": \"\xff\"}", no_json(&["not UTF-8"])),
        (b"{\"description\": \"\x00\"}", no_json(&["not valid JSON"])),
        (
            br#"{"description": "\ud800"}"#,
            no_json(&["not valid JSON at line 1"]),
        ),
    ])
    .await;
}

#[tokio::test]
async fn bodies_that_are_no_order() {
    let found = |says| refused(422, INVALID, says);
    let twice = r#"{"description": "A-1", "description": "A-2"}"#;
    let amounts = order("A-1").to_string();
    let amounts = amounts.replace(r#""amount":30012"#, r#""amount":1,"amount":30012"#);
    let deep = format!("{{\"metadata\": {}}}", nested(5_000));
    let list = &["got a list", "expected an object"];
    bodies_refused(&[
        (
            b"",
            refused_at(422, INVALID, "merchant_reference", &["is missing"]),
        ),
        (b"5", found(&["got an integer", "expected an object"])),
        (b"null", found(&["got null", "expected an object"])),
        (b"[]", found(list)),
        (b"[\"A-1\", {}]", found(list)),
        (nested(100_000).as_bytes(), found(list)),
        (deep.as_bytes(), refused_at(422, INVALID, "metadata", list)),
        (
            twice.as_bytes(),
            refused_at(422, INVALID, "description", &["is given twice"]),
        ),
        (
            amounts.as_bytes(),
            refused_at(422, INVALID, "total_amount.amount", &["is given twice"]),
        ),
    ])
    .await;
}

const SHAPES: &[Case] = &[
    (
        "unknown field",
        |o| o["amout"] = json!(5),
        refused_at(
            422,
            INVALID,
            "amout",
            &["unknown field amout", "`merchant_reference`"],
        ),
    ),
    (
        "unknown nested field",
        |o| o["customer"]["nickname"] = json!("N"),
        refused_at(
            422,
            INVALID,
            "customer.nickname",
            &["unknown field nickname", "`first_name`"],
        ),
    ),
    (
        "unknown field of an item",
        |o| o["items"][0]["price"] = json!(1),
        refused_at(
            422,
            INVALID,
            "items[0].price",
            &["unknown field price", "`unit_price`"],
        ),
    ),
    (
        "missing phone",
        |o| o["customer"] = json!({ "first_name": "Noura", "last_name": "Alharbi" }),
        refused_at(
            422,
            INVALID,
            "customer.phone_number",
            &["customer.phone_number is missing"],
        ),
    ),
    (
        "missing total",
        |o| drop(o.as_object_mut().unwrap().remove("total_amount")),
        refused_at(422, INVALID, "total_amount", &["total_amount is missing"]),
    ),
    (
        "reference as number",
        |o| o["merchant_reference"] = json!(17),
        refused_at(
            422,
            INVALID,
            "merchant_reference",
            &["got an integer", "expected a string"],
        ),
    ),
    (
        "customer as text",
        |o| o["customer"] = json!("Noura"),
        refused_at(
            422,
            INVALID,
            "customer",
            &["got a string", "expected an object"],
        ),
    ),
    (
        "items as object",
        |o| o["items"] = json!({}),
        refused_at(422, INVALID, "items", &["got an object", "expected a list"]),
    ),
    (
        "fractional quantity",
        |o| o["items"][0]["quantity"] = json!(1.5),
        refused_at(
            422,
            INVALID,
            "items[0].quantity",
            &["got a number with a fraction", "expected an integer"],
        ),
    ),
    (
        "currency of elsewhere",
        |o| o["total_amount"]["currency"] = json!("USD"),
        refused_at(
            422,
            INVALID,
            "total_amount.currency",
            &["expected one of", "`SAR`", "`KWD`"],
        ),
    ),
    (
        "metadata that is no text",
        |o| o["metadata"] = json!({ "cart": 5 }),
        refused_at(
            422,
            INVALID,
            "metadata.cart",
            &["got an integer", "expected a string"],
        ),
    ),
];

#[tokio::test]
async fn shapes() {
    orders_refused(SHAPES).await;
}

const MINOR: &str = "integers of minor units";

const AMOUNTS: &[Case] = &[
    (
        "float",
        |o| o["total_amount"]["amount"] = json!(300.12),
        refused_at(422, INVALID, "total_amount.amount", &[MINOR, "got 300.12"]),
    ),
    (
        "text",
        |o| o["total_amount"]["amount"] = json!("300.12"),
        refused_at(
            422,
            INVALID,
            "total_amount.amount",
            &[MINOR, "got a string"],
        ),
    ),
    (
        "three decimals of a currency with two",
        |o| o["total_amount"]["amount"] = json!(300.123),
        refused_at(422, INVALID, "total_amount.amount", &[MINOR, "got 300.123"]),
    ),
    (
        "null",
        |o| o["total_amount"]["amount"] = json!(null),
        refused_at(422, INVALID, "total_amount.amount", &[MINOR, "got null"]),
    ),
    (
        "beyond 64 bits",
        |o| o["total_amount"]["amount"] = json!(u64::MAX),
        refused_at(
            422,
            INVALID,
            "total_amount.amount",
            &[MINOR, "got 18446744073709551615"],
        ),
    ),
    (
        "negative total",
        |o| o["total_amount"] = sar(-30_012),
        refused_at(
            422,
            INVALID,
            "total_amount.amount",
            &["is -30012", "must be positive"],
        ),
    ),
    (
        "zero total",
        |o| o["total_amount"] = sar(0),
        refused_at(
            422,
            INVALID,
            "total_amount.amount",
            &["is 0", "must be positive"],
        ),
    ),
    (
        "negative price",
        |o| o["items"][0]["unit_price"] = sar(-1),
        refused_at(
            422,
            INVALID,
            "items[0].unit_price.amount",
            &["is -1", "must be zero or more"],
        ),
    ),
    (
        "huge",
        |o| o["total_amount"] = sar(i64::MAX),
        refused_at(
            422,
            INVALID,
            "total_amount.amount",
            &["is above 1000000000000 minor units"],
        ),
    ),
    (
        "quantity zero",
        |o| o["items"][0]["quantity"] = json!(0),
        refused_at(
            422,
            INVALID,
            "items[0].quantity",
            &["is 0", "must be 1 to 1000000"],
        ),
    ),
    (
        "quantity negative",
        |o| o["items"][0]["quantity"] = json!(-2),
        refused_at(
            422,
            INVALID,
            "items[0].quantity",
            &["is -2", "must be 1 to 1000000"],
        ),
    ),
    (
        "currency of another country",
        |o| o["total_amount"]["currency"] = json!("KWD"),
        refused_at(
            422,
            "currency_mismatch",
            "total_amount.currency",
            &["is in KWD", "takes SAR in SA"],
        ),
    ),
    (
        "mixed currencies",
        |o| o["shipping_amount"]["currency"] = json!("AED"),
        refused_at(
            422,
            "currency_mismatch",
            "shipping_amount.currency",
            &["is AED", "total_amount is in SAR"],
        ),
    ),
    (
        "another country than the account's",
        |o| o["country"] = json!("AE"),
        refused_at(
            422,
            "country_mismatch",
            "country",
            &["account sa sells in SA", "leave it out"],
        ),
    ),
];

#[tokio::test]
async fn amounts() {
    orders_refused(AMOUNTS).await;
}

const MISMATCH: &str = "totals_mismatch";

const TOTALS: &[Case] = &[
    (
        "total too high",
        |o| o["total_amount"] = sar(30_112),
        refused_at(
            422,
            MISMATCH,
            "total_amount",
            &["make 300.12 SAR", "is 301.12 SAR", "difference 1.00 SAR"],
        ),
    ),
    (
        "total too low",
        |o| o["items"][0]["quantity"] = json!(3),
        refused_at(
            422,
            MISMATCH,
            "total_amount",
            &["make 450.12 SAR", "difference -150.00 SAR"],
        ),
    ),
    (
        "a line below zero",
        |o| o["items"][0]["discount_amount"] = sar(30_001),
        refused_at(
            422,
            MISMATCH,
            "items[0]",
            &["items[0]: the discount is more than quantity x unit_price"],
        ),
    ),
    (
        "tax lines",
        |o| {
            o["items"][0]["tax_amount"] = sar(15);
            o["tax_amount"] = sar(20);
        },
        refused_at(
            422,
            MISMATCH,
            "tax_amount",
            &[
                "add up to 0.15 SAR",
                "tax_amount is 0.20 SAR",
                "difference 0.05 SAR",
            ],
        ),
    ),
    (
        "too large to be added up",
        |o| {
            let mut item = o["items"][0].clone();
            item["quantity"] = json!(1_000_000);
            item["unit_price"] = sar(1_000_000_000_000);
            o["items"] = json!(vec![item; 10]);
        },
        refused_at(422, MISMATCH, "items[9]", &["too large to be added up"]),
    ),
];

#[tokio::test]
async fn totals() {
    orders_refused(TOTALS).await;
}

const TEXTS: &[Case] = &[
    (
        "empty reference",
        |o| o["merchant_reference"] = json!("  "),
        refused_at(
            422,
            INVALID,
            "merchant_reference",
            &["merchant_reference must not be empty"],
        ),
    ),
    (
        "long description",
        |o| o["description"] = json!("d".repeat(257)),
        refused_at(
            422,
            INVALID,
            "description",
            &["is 257 characters long", "at most 256"],
        ),
    ),
    (
        "odd phone",
        |o| o["customer"]["phone_number"] = json!("call me maybe"),
        refused_at(
            422,
            INVALID,
            "customer.phone_number",
            &["7 to 15 digits", "966544337866"],
        ),
    ),
    (
        "short phone",
        |o| o["customer"]["phone_number"] = json!("12345"),
        refused_at(422, INVALID, "customer.phone_number", &["7 to 15 digits"]),
    ),
    (
        "odd phone of an address",
        |o| o["shipping_address"]["phone_number"] = json!("none"),
        refused_at(
            422,
            INVALID,
            "shipping_address.phone_number",
            &["7 to 15 digits"],
        ),
    ),
    (
        "long e-mail",
        |o| o["customer"]["email"] = json!("e".repeat(256)),
        refused_at(
            422,
            INVALID,
            "customer.email",
            &["is 256 characters long", "at most 255"],
        ),
    ),
    (
        "long second line",
        |o| o["shipping_address"]["line2"] = json!("l".repeat(256)),
        refused_at(422, INVALID, "shipping_address.line2", &["at most 255"]),
    ),
    (
        "empty city of the one who is billed",
        |o| o["billing_address"] = json!({ "line1": "x", "city": "" }),
        refused_at(422, INVALID, "billing_address.city", &["must not be empty"]),
    ),
    (
        "long link",
        |o| o["items"][0]["item_url"] = json!("u".repeat(1_025)),
        refused_at(422, INVALID, "items[0].item_url", &["at most 1024"]),
    ),
    (
        "long discount name",
        |o| o["discount"]["name"] = json!("n".repeat(256)),
        refused_at(422, INVALID, "discount.name", &["at most 255"]),
    ),
    (
        "no items",
        |o| o["items"] = json!([]),
        refused_at(422, INVALID, "items", &["has 0 lines", "1 to 200"]),
    ),
    (
        "unknown locale",
        |o| o["locale"] = json!("fr_FR"),
        refused_at(422, INVALID, "locale", &["expected en_US or ar_SA"]),
    ),
    (
        "unknown capture mode",
        |o| o["capture_mode"] = json!("later"),
        refused_at(
            422,
            INVALID,
            "capture_mode",
            &["expected manual or automatic"],
        ),
    ),
    (
        "too many notes",
        |o| o["metadata"] = (0..51).map(|n| (n.to_string(), json!("x"))).collect(),
        refused_at(422, INVALID, "metadata", &["more than 50 keys"]),
    ),
    (
        "a long note",
        |o| o["metadata"] = json!({ "note": "x".repeat(501) }),
        refused_at(422, INVALID, "metadata", &["at most 500 bytes"]),
    ),
];

#[tokio::test]
async fn texts() {
    orders_refused(TEXTS).await;
}

#[tokio::test]
async fn return_urls() {
    let world = World::new(On::Sqlite).await;
    for url in [
        "https://evil.example/done",
        "https://shop.test.evil.example/done",
        "https://shop.test@evil.example/done",
        "https://user@shop.test/done",
        "https://:password@shop.test/done",
        "https://shop.test:8443/done",
        "http://shop.test/done",
        "javascript:alert(1)",
        "data:text/html,x",
        "//shop.test/done",
        "/done",
        "myshop://elsewhere/x",
        "myshop://donerwetter",
        "",
    ] {
        let mut body = order("A-1");
        body["return_urls"]["failure"] = json!(url);
        let says = &["https://shop.test, myshop://done"];
        let expected = refused_at(422, "return_url_not_allowed", "return_urls.failure", says);
        create_refused(&world, url, &body, expected).await;
    }
    let mut body = order("A-1");
    body["return_urls"]["cancel"] = json!(format!("https://shop.test/{}", "x".repeat(2_048)));
    let expected = refused_at(422, INVALID, "return_urls.cancel", &["at most 2048"]);
    create_refused(&world, "long URL", &body, expected).await;
    world.finish().await;
}

#[tokio::test]
async fn every_fault_is_named_at_once() {
    let world = World::new(On::Sqlite).await;
    let mut body = order("A-1");
    body["description"] = json!("");
    body["items"][0]["quantity"] = json!(0);
    body["customer"]["phone_number"] = json!("?");
    let request = post("/v1/payments", "bad")
        .body(Body::from(body.to_string()))
        .unwrap();
    let expected = refused_at(422, INVALID, "items[0].quantity", &[]);
    let problem = check(&world, "three faults", request, expected).await;
    let params: Vec<_> = problem["errors"]
        .as_array()
        .unwrap()
        .iter()
        .map(|e| &e["param"])
        .collect();
    assert_eq!(
        params,
        ["items[0].quantity", "description", "customer.phone_number"]
    );
    world.finish().await;
}

/// Puts a NUL into a good order, at this param.
type Nul = (fn(&mut Value), &'static str);

on_both! {
    async fn nul_characters_are_refused_before_the_database(on: On) {
        let world = World::new(on).await;
        let says = &["NUL"];
        let cases: &[Nul] = &[
            (|o| o["merchant_reference"] = json!("A-\0"), "merchant_reference"),
            (|o| o["description"] = json!("\0"), "description"),
            (|o| o["customer"]["first_name"] = json!("Nou\0ra"), "customer.first_name"),
            (|o| o["shipping_address"]["line2"] = json!("x\0"), "shipping_address.line2"),
            (|o| o["items"][0]["image_url"] = json!("x\0"), "items[0].image_url"),
            (|o| o["metadata"] = json!({ "cart": "\0" }), "metadata.cart"),
            (|o| o["metadata"] = json!({ "ca\0rt": "1" }), "metadata"),
        ];
        for (change, param) in cases {
            let mut body = order("A-1");
            change(&mut body);
            create_refused(&world, param, &body, refused_at(422, INVALID, param, says)).await;
        }
        let id = "pay_00000000000000000000000000000000";
        let body = json!({ "comment": "\0" }).to_string();
        let request = post(&format!("/v1/payments/{id}/refund"), "bad").body(Body::from(body)).unwrap();
        check(&world, "comment", request, refused_at(422, INVALID, "comment", says)).await;
        for path in ["/v1/payments/pay_%00", "/v1/payments/%00/timeline", "/v1/payments/%FF"] {
            check(&world, path, get(path), refused(404, "payment_not_found", &["no payment of this id"])).await;
        }
        let path = "/v1/payments?merchant_reference=%00";
        check(&world, path, get(path), refused_at(422, INVALID, "merchant_reference", says)).await;
        let path = "/v1/payments?cursor=pay_%00";
        check(&world, path, get(path), refused_at(400, "cursor_invalid", "cursor", &["begin again"])).await;
        // An escaped backslash before u0000 is a text like any other.
        let mut body = order("A-2");
        body["description"] = json!(r"C:\u0000");
        let (status, payment) = world.post("/v1/payments", "good", &body).await;
        assert_eq!((status, &payment["description"]), (201, &json!(r"C:\u0000")), "{payment:#}");
        world.finish().await;
    }
}

#[tokio::test]
async fn lists() {
    let world = World::new(On::Sqlite).await;
    let takes = &["limit (1 to 100)", "cursor", "status", "merchant_reference"];
    let cases = [
        (
            "limit=0",
            refused_at(422, INVALID, "limit", &["limit is 0", "1 to 100"]),
        ),
        (
            "limit=101",
            refused_at(422, INVALID, "limit", &["limit is 101", "1 to 100"]),
        ),
        ("limit=many", refused(422, INVALID, takes)),
        (
            "status=paid",
            refused_at(
                422,
                INVALID,
                "status",
                &["expected one of created, pending"],
            ),
        ),
        (
            "cursor=abc",
            refused_at(400, "cursor_invalid", "cursor", &["begin again without it"]),
        ),
        (
            "cursor=pay_abc",
            refused_at(400, "cursor_invalid", "cursor", &["begin again without it"]),
        ),
        ("page=2", refused(422, INVALID, takes)),
        ("limit=1&limit=2", refused(422, INVALID, takes)),
    ];
    for (query, expected) in cases {
        let path = format!("/v1/payments?{query}");
        check(&world, query, get(&path), expected).await;
    }
    let id = "pay_00000000000000000000000000000000";
    for query in ["wait=abc", "wait=-1", "since=x", "wayt=5"] {
        let path = format!("/v1/payments/{id}?{query}");
        let says = &["wait (seconds, at most 30) and since (a version)"];
        check(&world, query, get(&path), refused(422, INVALID, says)).await;
    }
    world.finish().await;
}

#[tokio::test]
async fn media_types() {
    let world = World::new(On::Sqlite).await;
    let request = |media_type: Option<&str>, body: String| {
        let request = Request::post("/v1/payments")
            .header("authorization", format!("Bearer {KEY}"))
            .header("idempotency-key", "k");
        let request = match media_type {
            Some(media_type) => request.header("content-type", media_type),
            None => request,
        };
        request.body(Body::from(body)).unwrap()
    };
    for media_type in [
        "application/x-www-form-urlencoded",
        "text/plain",
        "multipart/form-data; boundary=x",
        "application/jsonp",
        "",
    ] {
        let says = &["Content-Type", "application/json"];
        let expected = refused(415, "unsupported_media_type", says);
        check(
            &world,
            media_type,
            request(Some(media_type), order("A-1").to_string()),
            expected,
        )
        .await;
    }
    for media_type in [
        None,
        Some("application/json"),
        Some("Application/JSON; charset=utf-8"),
        Some("application/vnd.shop+json"),
    ] {
        let (status, _, body) = world
            .raw(request(media_type, order("A-1").to_string()))
            .await;
        assert!(matches!(status, 200 | 201), "{media_type:?}: {body}");
    }
    world.finish().await;
}

#[tokio::test]
async fn the_account_without_a_shipping_company() {
    let world = World::new(On::Sqlite).await;
    let mut body: Value =
        serde_json::from_str(&order("A-1").to_string().replace("SAR", "KWD")).unwrap();
    body["capture_mode"] = json!("automatic");
    let request = Request::post("/v1/payments")
        .header("authorization", format!("Bearer {KEY_KW}"))
        .header("idempotency-key", "k")
        .body(Body::from(body.to_string()))
        .unwrap();
    let says = &["needs shipping_company in the account's configuration"];
    let expected = refused_at(422, "shipping_company_missing", "capture_mode", says);
    check(&world, "automatic capture", request, expected).await;
    world.finish().await;
}
