//! Requests that are almost good, and requests of any bytes at all, at every route: never a panic, never a 5xx, and every
//! refusal a problem document of a size that follows from the request's.
//!
//! The routes are read from the router's own list, so a new one is knocked at without a change here.
//! `PROPTEST_CASES=20000 cargo nextest run -p datepalm bytes` looks longer; `fuzz/` looks without end.

use crate::configured;
use crate::knock::{self, Knock};
use crate::mangled::{bytes_near, json_near};
use crate::world::{KEY, NOTIFICATION_TOKEN, On, World, order, sar};
use axum::http::HeaderValue;
use datepalm::clock::{parse_rfc3339, rfc3339};
use datepalm::http::api;
use jsonwebtoken::{EncodingKey, Header};
use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};
use serde_json::{Value, json};
use std::path::Path;
use tamara_sandbox::Plan;

/// What the paths of the test's own payment are made of.
struct Known {
    payment: String,
    operation: String,
    token: String,
}

fn percent(bytes: &[u8]) -> String {
    let escaped = bytes.iter().map(|byte| format!("%{byte:02X}"));
    escaped.collect::<Vec<_>>().concat()
}

fn segment(known: Vec<String>) -> impl Strategy<Value = String> {
    let unknown = [
        "pay_00000000000000000000000000000000",
        "pay_",
        "..",
        "%00",
        "%FF",
        "%2F%2e%2e",
        "-1",
    ];
    prop_oneof![
        6 => prop::sample::select(known),
        2 => prop::sample::select(unknown.to_vec()).prop_map(str::to_owned),
        2 => bytes_near(vec![b"pay_00000000000000000000000000000000".to_vec()])
            .prop_map(|bytes| format!("x{}", percent(&bytes[..bytes.len().min(2_000)]))),
    ]
}

/// Every route of the router, its placeholders filled.
fn path(known: &Known) -> BoxedStrategy<String> {
    let mut paths: Vec<String> = api::routes()
        .iter()
        .map(|(path, _)| format!("/v1{path}"))
        .collect();
    paths.extend(
        [
            "/hooks/tamara/{account}",
            "/r/{token}",
            "/healthz",
            "/readyz",
            "/v1/{none}",
            "/{none}",
            "/",
        ]
        .map(str::to_owned),
    );
    let names = vec![
        known.payment.clone(),
        known.operation.clone(),
        known.token.clone(),
        "sa".to_owned(),
    ];
    let own = (known.payment.clone(), known.operation.clone());
    let filled = move |path: String, odd: Vec<String>, fits: bool| {
        let mut odd = odd.into_iter().cycle();
        path.split('/')
            .map(|part| match part {
                "{id}" if fits => own.0.clone(),
                "{operation}" if fits => own.1.clone(),
                part if part.starts_with('{') => odd.next().unwrap_or_default(),
                part => part.to_owned(),
            })
            .collect::<Vec<_>>()
            .join("/")
    };
    let odd = prop::collection::vec(segment(names), 2);
    (prop::sample::select(paths), odd, prop::bool::weighted(0.9))
        .prop_map(move |(path, odd, fits)| filled(path, odd, fits))
        .boxed()
}

/// A query that a route knows, or none that it does. A poll that would really wait says nothing about parsing.
fn query() -> impl Strategy<Value = String> {
    let names = [
        "wait",
        "since",
        "limit",
        "cursor",
        "status",
        "merchant_reference",
        "dry_run",
        "reason",
        "state",
        "order",
        "tamaraToken",
        "paymentStatus",
        "x",
        "",
    ];
    let value = prop_oneof![
        3 => prop::sample::select(vec!["0", "-1", "00", "1e3", "true", "canceled", "18446744073709551616", "%00", "%", "%ZZ", "+"])
            .prop_map(str::to_owned),
        1 => prop::collection::vec(any::<u8>(), 0..20).prop_map(|bytes| percent(&bytes)),
    ];
    let pair = (prop::sample::select(names.to_vec()), value)
        .prop_map(|(name, value)| format!("{name}={value}"));
    let some = prop::collection::vec(pair, 1..4);
    let pairs = prop_oneof![3 => Just(Vec::new()), 1 => some];
    pairs.prop_map(|pairs| match pairs.as_slice() {
        [] => String::new(),
        pairs => format!("?{}", pairs.join("&")),
    })
}

/// A value that a header may have.
fn header(good: Vec<Vec<u8>>) -> impl Strategy<Value = Vec<u8>> {
    let near = bytes_near(good.clone()).prop_map(|mut bytes| {
        bytes.truncate(4_000);
        bytes.retain(|byte| HeaderValue::from_bytes(&[*byte]).is_ok());
        bytes
    });
    prop_oneof![16 => prop::sample::select(good), 1 => near]
}

fn headers() -> impl Strategy<Value = Vec<(&'static str, Vec<u8>)>> {
    let claims = json!({ "exp": 1_770_000_900, "iat": 1_770_000_000, "iss": "Tamara" });
    let key = EncodingKey::from_secret(NOTIFICATION_TOKEN.as_bytes());
    let token = jsonwebtoken::encode(&Header::default(), &claims, &key).unwrap();
    let bearers = [KEY, KEY, KEY, token.as_str()].map(|key| format!("Bearer {key}").into_bytes());
    let authorization = header(bearers.to_vec()).prop_map(|value| ("authorization", value));
    let types = [
        "application/json",
        "application/json; charset=utf-8",
        "application/vnd.x+json",
    ];
    let media = header(types.map(|text| text.as_bytes().to_vec()).to_vec())
        .prop_map(|value| ("content-type", value));
    let number = (0..100_u8).prop_map(|number| format!("key-{number}").into_bytes());
    let key = prop_oneof![4 => number, 1 => header(vec![b"key".to_vec()])]
        .prop_map(|value| ("idempotency-key", value));
    let twice = prop::bool::weighted(0.05);
    (
        prop::option::weighted(0.95, authorization),
        prop::option::weighted(0.9, media),
        prop::option::weighted(0.95, key),
        twice,
    )
        .prop_map(|(authorization, media, key, twice)| {
            let again = key.clone().filter(|_| twice);
            [authorization, media, key, again]
                .into_iter()
                .flatten()
                .collect()
        })
}

/// Good bodies of the route that a path ends in; those of all routes for any other.
fn good_bodies(path: &str) -> Vec<Value> {
    let item = json!({ "reference_id": "lamp", "quantity": 1 });
    let shipping = json!({
        "shipping_company": "Aramex", "shipped_at": "2026-03-03T10:00:00Z", "tracking_number": "1", "tracking_url": "https://x.test",
    });
    let parts = json!({ "amount": sar(100), "items": [item], "shipping_amount": sar(1), "tax_amount": sar(0), "discount_amount": sar(0) });
    let all = vec![
        ("/payments", order("A-1")),
        ("/payments", order("A-2")),
        (
            "/capture",
            json!({ "amount": sar(100), "shipping_info": shipping }),
        ),
        ("/capture", parts.clone()),
        ("/cancel", parts),
        ("/cancel", json!({})),
        (
            "/refund",
            json!({ "amount": sar(1), "comment": "returned" }),
        ),
        ("/reference", json!({ "order_reference_id": "B-1" })),
        ("/resolve", json!({ "note": "seen" })),
        ("/end", json!({ "outcome": "applied", "note": "seen" })),
        (
            "/sa",
            json!({ "order_id": "o", "event_type": "order_approved", "data": {} }),
        ),
    ];
    let fits = |end: &str| path.ends_with(end);
    let any_fits = all.iter().any(|(end, _)| fits(end));
    let bodies = all.into_iter().filter(|(end, _)| !any_fits || fits(end));
    bodies.map(|(_, body)| body).collect()
}

fn body(path: &str) -> impl Strategy<Value = Vec<u8>> + use<> {
    let good = good_bodies(path);
    let texts = good
        .iter()
        .map(|body| body.to_string().into_bytes())
        .collect::<Vec<_>>();
    prop_oneof![
        2 => prop::sample::select(texts.clone()),
        6 => json_near(good).prop_map(String::into_bytes),
        2 => bytes_near(texts),
        1 => Just(Vec::new()),
    ]
}

fn knock(known: &Known) -> impl Strategy<Value = Knock> {
    path(known).prop_flat_map(|path| {
        let method = prop_oneof![
            8 => Just("POST"),
            4 => Just("GET"),
            1 => prop::sample::select(vec!["PUT", "DELETE", "PATCH", "HEAD", "OPTIONS", "TRACE"]),
        ];
        let body = body(&path);
        (method, query(), headers(), body).prop_map(move |(method, query, headers, body)| Knock {
            method: method.to_owned(),
            target: format!("{path}{query}"),
            headers,
            body,
        })
    })
}

#[test]
fn every_route_answers_whatever_it_is_sent() {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    let (world, known) = runtime.block_on(async {
        let world = World::new(On::Sqlite).await;
        let (payment, checkout) = world.create("A-1").await;
        world
            .sandbox
            .customer(&checkout)
            .approve(Plan::Full)
            .unwrap();
        world.deliver(1).await;
        world.work().await;
        let shown = world.payment(&payment).await;
        let operation = shown["operations"][0]["id"].as_str().unwrap().to_owned();
        let token = "0".repeat(32);
        (
            world,
            Known {
                payment,
                operation,
                token,
            },
        )
    });
    let usual = Config::default();
    let config = Config {
        cases: 4 * usual.cases,
        failure_persistence: None,
        ..usual
    };
    let outcome = TestRunner::new(config).run(&knock(&known), |knock| {
        runtime.block_on(knock.end_well(&world.app));
        Ok(())
    });
    outcome.unwrap_or_else(|failure| panic!("{failure}"));
    runtime.block_on(async {
        world.pass(7_200, 120).await;
        world.finish().await;
    });
}

/// What the fuzzers start from; each is a case of its own.
#[test]
fn the_fuzzers_seeds_hold() {
    let seeds = |target: &str| {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fuzz/seeds");
        let files = std::fs::read_dir(folder.join(target)).unwrap();
        let seeds: Vec<_> = files
            .map(|file| std::fs::read(file.unwrap().path()).unwrap())
            .collect();
        assert!(seeds.len() >= 3, "{target}");
        seeds
    };
    for seed in seeds("request") {
        assert!(Knock::read(&seed).is_some(), "{}", seed.escape_ascii());
        knock::request(&seed);
    }
    for seed in seeds("configuration") {
        configured::configuration(std::str::from_utf8(&seed).unwrap());
    }
}

proptest! {
    #[test]
    fn a_time_survives_its_text(at_ms in -62_135_596_800_000_i64..253_402_207_200_000) {
        prop_assert_eq!(parse_rfc3339(&rfc3339(at_ms)), Some(at_ms));
    }

    #[test]
    fn no_time_makes_its_text_panic(at_ms: i64) {
        prop_assert!(rfc3339(at_ms).len() <= 40);
    }

    #[test]
    fn a_text_is_a_time_within_the_calendar_or_none(
        text in prop_oneof![
            "[-+]?[0-9]{1,9}-[0-9]{1,3}-[0-9]{1,3}[Tt ][0-9]{1,3}:[0-9]{1,3}(:[0-9]{1,3}(\\.[0-9]{0,30})?)?([Zz]|[-+][0-9]{1,3}:?[0-9]{0,3})?(\\[.{0,9}\\])?",
            bytes_near(vec![b"2026-03-03T10:00:00.000Z".to_vec()]).prop_map(|bytes| String::from_utf8_lossy(&bytes).into_owned()),
        ],
    ) {
        if let Some(at_ms) = parse_rfc3339(&text) {
            // What is added to it later does not overflow.
            prop_assert!(at_ms.unsigned_abs() < 400_000_000_000_000);
            prop_assert_eq!(parse_rfc3339(&rfc3339(at_ms)), Some(at_ms));
        }
    }
}
