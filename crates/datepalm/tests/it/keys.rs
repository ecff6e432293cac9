//! Who may call, and what happens beside the routes: keys, paths, methods, idempotency keys, bodies of any size.

use crate::problem::{check, post, refused, rows};
use crate::world::{KEY, On, World, order};
use axum::body::Body;
use axum::http::{HeaderValue, Method, Request};
use datepalm::ids::sha256_hex;
use datepalm::store::accounts::{self, KeyRow};
use http_body_util::BodyExt as _;
use serde_json::{Value, json};
use tower::ServiceExt as _;

pub const ID: &str = "pay_00000000000000000000000000000000";

async fn add_key(world: &World, kind: &str, key: &str) {
    let row = KeyRow {
        id: format!("key_{kind}"),
        account: "sa".into(),
        kind: kind.into(),
        hash: sha256_hex(key),
        hint: key[..7].into(),
    };
    let write = world
        .app
        .store
        .write("test key", move |tx| accounts::insert_key(tx, &row, 0));
    write.await.unwrap();
}

#[tokio::test]
async fn credentials_that_are_none() {
    let world = World::new(On::Sqlite).await;
    add_key(&world, "pk", "pk_test_of_this_world").await;
    add_key(&world, "rk", "sk_test_misnamed").await;
    let bearer = "Authorization: Bearer sk_...";
    let cases: &[(Option<&str>, &[&str])] = &[
        (None, &[bearer]),
        (Some(""), &[bearer]),
        (Some("Bearer"), &[bearer]),
        (Some("Bearer  "), &[bearer]),
        (Some("Basic c2tfdGVzdDo="), &[bearer]),
        (Some(KEY), &[bearer]),
        (
            Some("Bearer sk_test_unknown"),
            &["unknown", "datepalm keys create"],
        ),
        (
            Some("Bearer pk_test_of_this_world"),
            &["publishable key", "secret key sk_...", "from a server only"],
        ),
        (Some("Bearer sk_test_misnamed"), &["takes a secret key"]),
        (Some("Bearer sk_test_of_this_world x"), &["unknown"]),
    ];
    for (credentials, says) in cases {
        let mut request = Request::get(format!("/v1/payments/{ID}"));
        if let Some(credentials) = credentials {
            request = request.header("authorization", *credentials);
        }
        let what = credentials.unwrap_or("no key");
        check(
            &world,
            what,
            request.body(Body::empty()).unwrap(),
            refused(401, "invalid_key", says),
        )
        .await;
    }
    let garbage = HeaderValue::from_bytes(b"Bearer sk_\xff").unwrap();
    let request = Request::get("/v1/payments").header("authorization", garbage);
    check(
        &world,
        "not ASCII",
        request.body(Body::empty()).unwrap(),
        refused(401, "invalid_key", &[bearer]),
    )
    .await;
    world.finish().await;
}

#[tokio::test]
async fn a_refusal_says_how_to_authenticate_and_any_case_of_bearer_does() {
    let world = World::new(On::Sqlite).await;
    let request = |credentials: &str| {
        let request = Request::get("/v1/payments").header("authorization", credentials);
        request.body(Body::empty()).unwrap()
    };
    let (status, headers, _) = world.raw(request("Bearer x")).await;
    assert_eq!(
        (status, &headers["www-authenticate"]),
        (401, &HeaderValue::from_static("Bearer"))
    );
    let (status, _, body) = world.raw(request(&format!("bearer {KEY}"))).await;
    assert_eq!(status, 200, "the scheme's name has no case: {body}");
    world.finish().await;
}

#[tokio::test]
async fn paths_and_methods_that_are_none() {
    let world = World::new(On::Sqlite).await;
    let request = |method: Method, path: &str| {
        let request = Request::builder().method(method).uri(path);
        request
            .header("authorization", format!("Bearer {KEY}"))
            .body(Body::empty())
            .unwrap()
    };
    for path in [
        "/v1",
        "/v1/payment",
        "/v1/payments/",
        "/v1/payments/x/y/z",
        "/v1/%FF",
    ] {
        check(
            &world,
            path,
            request(Method::GET, path),
            refused(404, "no_such_route", &["the API is under /v1"]),
        )
        .await;
    }
    // A fallback that is added to the router stands outside of its layers, and answers all the same.
    let router = datepalm::http::router(world.app.clone()).fallback(datepalm::http::no_such_route);
    for path in ["/v1/", "/v2/payments", "/nothing"] {
        let answer = router
            .clone()
            .oneshot(request(Method::GET, path))
            .await
            .unwrap();
        let (status, id) = (answer.status(), answer.headers()["x-request-id"].clone());
        let body = answer.into_body().collect().await.unwrap().to_bytes();
        let problem: Value = serde_json::from_slice(&body).unwrap();
        let what = (status.as_u16(), &problem["code"], &problem["request_id"]);
        let id = json!(id.to_str().unwrap());
        assert_eq!(what, (404, &json!("no_such_route"), &id), "{path}");
    }
    let wrong = [
        (Method::DELETE, "/v1/payments"),
        (Method::OPTIONS, "/v1/payments"),
        (Method::PATCH, "/v1/payments/x"),
        (Method::GET, "/v1/payments/x/capture"),
        (Method::OPTIONS, "/v1/payments/x/refund"),
        (Method::TRACE, "/v1/payments/x/cancel"),
        (Method::POST, "/r/x"),
        (Method::PUT, "/healthz"),
    ];
    for (method, path) in wrong {
        let what = format!("{method} {path}");
        check(
            &world,
            &what,
            request(method, path),
            refused(405, "method_not_allowed", &["method"]),
        )
        .await;
    }
    let (status, headers, _) = world.raw(request(Method::DELETE, "/v1/payments")).await;
    assert_eq!(
        (status, &headers["allow"]),
        (405, &HeaderValue::from_static("POST,GET,HEAD"))
    );
    for path in ["/v1/payments", "/healthz", "/readyz"] {
        let (status, headers, body) = world.raw(request(Method::HEAD, path)).await;
        assert_eq!((status, body.as_str()), (200, ""), "HEAD {path}");
        assert!(headers.contains_key("x-request-id"));
    }
    world.finish().await;
}

#[tokio::test]
async fn idempotency_keys_that_are_none() {
    let world = World::new(On::Sqlite).await;
    let paths = [
        "/v1/payments".to_owned(),
        format!("/v1/payments/{ID}/capture"),
        format!("/v1/payments/{ID}/refund"),
        format!("/v1/payments/{ID}/cancel"),
        format!("/v1/payments/{ID}/reference"),
    ];
    let keyed = |path: &str| Request::post(path).header("authorization", format!("Bearer {KEY}"));
    let invalid = |says| refused(400, "idempotency_key_invalid", says);
    let printable: &[&str] = &["1 to 255 printable ASCII characters"];
    for path in &paths {
        let request = keyed(path).body(Body::from("{}")).unwrap();
        let says = &[
            "send an Idempotency-Key header",
            "the same when you repeat the request",
        ];
        check(
            &world,
            path,
            request,
            refused(400, "idempotency_key_missing", says),
        )
        .await;
        let long = "k".repeat(256);
        let values: [&[u8]; 5] = [
            b"",
            b"   ",
            "schlüssel".as_bytes(),
            b"a\tb",
            long.as_bytes(),
        ];
        for value in values {
            let value = HeaderValue::from_bytes(value).unwrap();
            let request = keyed(path)
                .header("idempotency-key", &value)
                .body(Body::from("{}"))
                .unwrap();
            check(
                &world,
                &format!("{path} {value:?}"),
                request,
                invalid(printable),
            )
            .await;
        }
        let twice = keyed(path)
            .header("idempotency-key", "a")
            .header("idempotency-key", "b");
        check(
            &world,
            path,
            twice.body(Body::from("{}")).unwrap(),
            invalid(&["exactly one"]),
        )
        .await;
    }
    assert_eq!(rows(&world, "operations").await, 0);
    world.finish().await;
}

#[tokio::test]
async fn bodies_above_the_limit() {
    let world = World::new(On::Sqlite).await;
    let large = format!("{{\"description\": \"{}\"}}", "x".repeat(2 * 1024 * 1024));
    for path in [
        "/v1/payments".to_owned(),
        format!("/v1/payments/{ID}/cancel"),
    ] {
        let request = post(&path, "k").body(Body::from(large.clone())).unwrap();
        check(
            &world,
            &path,
            request,
            refused(413, "body_too_large", &["larger than body_bytes_max"]),
        )
        .await;
    }
    let request = Request::post("/v1/payments")
        .body(Body::from(large))
        .unwrap();
    check(
        &world,
        "large and without a key",
        request,
        refused(401, "invalid_key", &[]),
    )
    .await;
    world.finish().await;
}

#[tokio::test]
async fn a_return_link_shows_a_page_whatever_its_query_says() {
    let world = World::new(On::Sqlite).await;
    let (_, _) = world.create("A-1").await;
    let token = world.app.store.read("test token", |tx| {
        let row = tx.query_opt(
            "-- test token\nselect return_token from sessions",
            datepalm::values![],
        )?;
        row.map_or(Ok(String::new()), |mut row| row.text())
    });
    let token = token.await.unwrap();
    let page = async |path: &str| {
        let (status, headers, body) = world
            .raw(Request::get(path).body(Body::empty()).unwrap())
            .await;
        assert_eq!(
            headers["content-type"], "text/html; charset=utf-8",
            "{path}: {body}"
        );
        (status, body)
    };
    for query in [
        "",
        "?paymentStatus=approved&paymentStatus=declined",
        "?paymentStatus=%FF",
        "?%zz",
    ] {
        let (status, body) = page(&format!("/r/{token}{query}")).await;
        assert_eq!(status, 200, "{query}: {body}");
        assert!(body.contains("Confirming your payment"), "{query}: {body}");
    }
    for path in ["/r/x", "/r/%00", "/r/%FF"] {
        let (status, body) = page(path).await;
        assert_eq!(status, 404, "{path}: {body}");
        assert!(body.contains("This link is not known"), "{path}: {body}");
    }
    let (status, _) = world.post("/v1/payments", "other", &order("A-2")).await;
    assert_eq!(status, 201);
    world.finish().await;
}
