//! Notifications that are not Tamara's, not readable, too early, too many or lies. What verifies is kept whatever it
//! says; what it says is never believed (R1).

use crate::on_both;
use crate::problem::{Refused, check, refused, rows};
use crate::world::{KEY, NOTIFICATION_TOKEN, On, Setup, World};
use axum::body::Body;
use axum::http::Request;
use jsonwebtoken::{Algorithm, EncodingKey, Header};
use serde_json::{Value, json};
use tamara_sandbox::Plan;

const HOOK: &str = "/hooks/tamara/sa";
const REFUSED: &str = "notification_refused";

fn signed(algorithm: Algorithm, secret: &str, claims: &Value) -> String {
    let key = EncodingKey::from_secret(secret.as_bytes());
    jsonwebtoken::encode(&Header::new(algorithm), claims, &key).unwrap()
}

/// A token of Tamara that ends in `seconds`.
pub fn token(world: &World, seconds: i64) -> String {
    let now_s = world.clock.now_ms() / 1_000;
    let claims = json!({ "iat": now_s - 10, "exp": now_s + seconds, "iss": "Tamara" });
    signed(Algorithm::HS256, NOTIFICATION_TOKEN, &claims)
}

pub fn notification(order_id: &str, event: &str) -> String {
    json!({ "order_id": order_id, "order_reference_id": "A-1", "order_number": "A-1", "event_type": event, "data": [] })
        .to_string()
}

pub fn with_header(token: &str, body: impl Into<Body>) -> Request<Body> {
    let request = Request::post(HOOK).header("authorization", format!("Bearer {token}"));
    request.body(body.into()).unwrap()
}

fn with_query(token: &str, body: impl Into<Body>) -> Request<Body> {
    Request::post(format!("{HOOK}?tamaraToken={token}"))
        .body(body.into())
        .unwrap()
}

/// One millisecond after the other, so that the inbox keeps their order.
pub async fn accepted(world: &World, body: impl Into<Body>) {
    world.clock.advance_ms(1);
    let (status, _, answer) = world.raw(with_header(&token(world, 900), body)).await;
    assert_eq!(status, 200, "{answer}");
}

/// The inbox: word, state and raw body, oldest first.
pub async fn inbox(world: &World) -> Vec<(String, String, String)> {
    let rows = world.app.store.read("test inbox", |tx| {
        let rows = tx.query(
            "-- test inbox\nselect word, state, raw from inbox order by received_at_ms, id",
            datepalm::values![],
        )?;
        let row = |mut row: datepalm::store::tx::Row| Ok((row.text()?, row.text()?, row.text()?));
        rows.into_iter().map(row).collect()
    });
    rows.await.unwrap()
}

pub async fn order_id(world: &World, payment: &str) -> String {
    world.payment(payment).await["sessions"][0]["order_id"]
        .as_str()
        .unwrap()
        .to_owned()
}

/// Sends each token in the header; nothing of what comes with it may be kept.
async fn tokens_refused(world: &World, cases: &[(&str, String, &[&str])]) {
    for (what, token, says) in cases {
        let request = with_header(token, notification("ord", "order_approved"));
        check(world, what, request, refused(401, REFUSED, says)).await;
    }
    assert_eq!(rows(world, "inbox").await, 0, "nothing of them is kept");
}

#[tokio::test]
async fn tokens_that_are_not_tamaras() {
    let world = World::new(On::Sqlite).await;
    let now_s = world.clock.now_ms() / 1_000;
    let claims = |iss: &str| json!({ "iat": now_s, "exp": now_s + 900, "iss": iss });
    let ours = |algorithm, claims: &Value| signed(algorithm, NOTIFICATION_TOKEN, claims);
    let genuine = token(&world, 900);
    let payload = genuine.split('.').nth(1).unwrap();
    let unsigned = format!("eyJ0eXAiOiJKV1QiLCJhbGciOiJub25lIn0.{payload}.");
    let stranger = ours(Algorithm::HS256, &claims("Tamarra"));
    let endless = ours(Algorithm::HS256, &json!({ "iat": now_s, "iss": "Tamara" }));
    let hs512 = ours(Algorithm::HS512, &claims("Tamara"));
    let other = signed(Algorithm::HS256, "another secret", &claims("Tamara"));
    let hs256: &[&str] = &["not signed with HS256"];
    let malformed: &[&str] = &["malformed"];
    tokens_refused(
        &world,
        &[
            ("expired", token(&world, -181), &["has expired", "clock"]),
            ("unsigned", unsigned, hs256),
            ("HS512", hs512, hs256),
            ("another issuer", stranger, &["not issued by Tamara"]),
            ("another secret", other, &["does not match"]),
            ("no end", endless, malformed),
            ("no token at all", "abc".into(), malformed),
            ("the secret itself", NOTIFICATION_TOKEN.into(), malformed),
            ("our own key", KEY.into(), malformed),
        ],
    )
    .await;
    world.finish().await;
}

#[tokio::test]
async fn tokens_in_the_wrong_places() {
    let world = World::new(On::Sqlite).await;
    let (one, two) = (token(&world, 900), token(&world, 901));
    let expired = token(&world, -181);
    let bearer = format!("Bearer {one}");
    let cases: [(String, Option<&str>, &[&str]); 6] = [
        (String::new(), None, &["no token", "?tamaraToken="]),
        ("?tamaraToken=".into(), None, &["no token"]),
        (format!("?tamaraToken={expired}"), None, &["has expired"]),
        (String::new(), Some("Basic abc"), &["malformed"]),
        (
            format!("?tamaraToken={two}"),
            Some(&bearer),
            &["different tokens"],
        ),
        (
            format!("?tamaraToken={one}&tamaraToken={one}"),
            None,
            &["at most once"],
        ),
    ];
    for (query, header, says) in cases {
        let mut request = Request::post(format!("{HOOK}{query}"));
        if let Some(header) = header {
            request = request.header("authorization", header);
        }
        let body = notification("ord", "order_approved");
        let request = request.body(body.into()).unwrap();
        check(&world, &query, request, refused(401, REFUSED, says)).await;
    }
    assert_eq!(rows(&world, "inbox").await, 0, "nothing of them is kept");
    world.finish().await;
}

#[tokio::test]
async fn a_token_of_another_account_opens_nothing() {
    let world = World::new(On::Sqlite).await;
    let request = Request::post("/hooks/tamara/kw")
        .header("authorization", format!("Bearer {}", token(&world, 900)));
    let request = request
        .body(Body::from(notification("ord", "order_approved")))
        .unwrap();
    check(
        &world,
        "kw",
        request,
        refused(401, REFUSED, &["does not match"]),
    )
    .await;
    for path in [
        "/hooks/tamara/nobody",
        "/hooks/tamara/%FF",
        "/hooks/tamara/%00",
    ] {
        let request = Request::post(path).body(Body::empty()).unwrap();
        check(
            &world,
            path,
            request,
            refused(404, "account_not_found", &["no account of that name"]),
        )
        .await;
    }
    let request = Request::get(HOOK).body(Body::empty()).unwrap();
    check(
        &world,
        "GET",
        request,
        refused(405, "method_not_allowed", &["method"]),
    )
    .await;
    world.finish().await;
}

#[tokio::test]
async fn either_place_of_the_token_is_enough() {
    let world = World::new(On::Sqlite).await;
    let body = || notification("ord", "order_approved");
    let genuine = token(&world, 900);
    let both = Request::post(format!("{HOOK}?tamaraToken={genuine}"))
        .header("authorization", format!("Bearer {genuine}"));
    let own_header = Request::post(format!("{HOOK}?tamaraToken={genuine}"))
        .header("authorization", "Basic of-the-shop");
    let requests = [
        ("Authorization alone", with_header(&genuine, body())),
        ("tamaraToken alone", with_query(&genuine, body())),
        ("both", both.body(body().into()).unwrap()),
        (
            "the shop's own header beside it",
            own_header.body(body().into()).unwrap(),
        ),
        (
            "within the leeway",
            with_header(&token(&world, -180), body()),
        ),
    ];
    let count = requests.len();
    for (what, request) in requests {
        let (status, _, answer) = world.raw(request).await;
        assert_eq!(status, 200, "{what}: {answer}");
    }
    assert_eq!(inbox(&world).await.len(), count);
    world.finish().await;
}

#[tokio::test]
async fn too_large() {
    let world = World::new(On::Sqlite).await;
    for bytes in [64 * 1024 + 1, 2 * 1024 * 1024] {
        let request = with_header(&token(&world, 900), " ".repeat(bytes));
        let expected = Refused {
            says: &["at most 65536 bytes"],
            ..refused(413, "body_too_large", &[])
        };
        check(&world, "large", request, expected).await;
    }
    assert_eq!(rows(&world, "inbox").await, 0);
    accepted(&world, " ".repeat(64 * 1024)).await;
    world.finish().await;
}

on_both! {
    async fn what_cannot_be_read_is_kept(on: On) {
        let world = World::new(on).await;
        let bodies: &[&[u8]] = &[
            b"",
            b"no JSON",
            b"[]",
            b"null",
            b"\xff\xfe\x00",
            br#"{"event_type": "order_approved"}"#,
            br#"{"order_id": "ord", "data": []}"#,
            br#"{"order_id": "ord\u0000", "event_type": "order_approved", "data": []}"#,
            br#"{"order_id": {"$ne": 1}, "event_type": "order_approved"}"#,
        ];
        for body in bodies {
            accepted(&world, body.to_vec()).await;
        }
        world.work().await;
        let kept = inbox(&world).await;
        assert_eq!(kept.len(), bodies.len());
        for (word, state, raw) in kept {
            assert_eq!((word.as_str(), state.as_str()), ("unreadable", "unreadable"), "{raw}");
        }
        world.finish().await;
    }

    async fn words_and_ids_of_any_length_are_kept(on: On) {
        let world = World::new(on).await;
        // Longer than a page of an index takes, and not to be compressed.
        let long: String = (0..800).map(|n| datepalm::ids::sha256_hex(&n.to_string())).collect();
        accepted(&world, notification(&long, "order_approved")).await;
        accepted(&world, notification("ord-1", &long)).await;
        accepted(&world, notification("ord-2", "order\0approved")).await;
        world.work().await;
        let kept = inbox(&world).await;
        assert_eq!((kept[0].0.as_str(), kept[0].1.as_str()), ("unreadable", "unreadable"));
        assert!(kept[0].2.contains(&long), "the raw body is whole");
        assert!(kept[1].0.len() <= 100 && long.starts_with(&kept[1].0), "{}", kept[1].0);
        assert_eq!((kept[2].0.as_str(), kept[2].1.as_str()), ("orderapproved", "unmatched"));
        world.finish().await;
    }

    async fn r6_an_unknown_order_is_looked_at_again_when_a_create_settles(on: On) {
        // The same seed gives the same ids, so one world tells the order id of the next.
        let first = World::new(on).await;
        let (id, _) = first.create("A-1").await;
        let known = order_id(&first, &id).await;
        first.finish().await;
        let world = World::new(on).await;
        accepted(&world, notification(&known, "order_approved")).await;
        world.work().await;
        assert_eq!(inbox(&world).await[0].1, "unmatched", "kept, although nobody knows the order");
        let (id, _) = world.create("A-1").await;
        assert_eq!(order_id(&world, &id).await, known);
        assert_eq!(inbox(&world).await[0].1, "new", "R6");
        let reads = world.calls("GET /orders");
        world.work().await;
        assert_eq!((inbox(&world).await[0].1.as_str(), world.calls("GET /orders")), ("done", reads + 1));
        let (_, timeline) = world.get(&format!("/v1/payments/{id}/timeline")).await;
        assert!(timeline.to_string().contains("notification order_approved"), "{timeline:#}");
        world.finish().await;
    }

    async fn r1_a_body_that_lies_changes_nothing(on: On) {
        let world = World::new(on).await;
        let (id, _) = world.create("A-1").await;
        let order = order_id(&world, &id).await;
        let before = world.payment(&id).await;
        let lie = json!({
            "order_id": order, "order_reference_id": "A-1", "event_type": "order_captured",
            "data": { "capture_id": "cap-1", "captured_amount": { "amount": 300.12, "currency": "SAR" } },
        });
        accepted(&world, lie.to_string()).await;
        accepted(&world, notification(&order, "order_approved")).await;
        accepted(&world, json!({ "order_id": order, "order_status": "fully_refunded", "data": [] }).to_string()).await;
        world.work().await;
        let after = world.payment(&id).await;
        for field in ["status", "paid", "final", "amounts", "attention", "operations"] {
            assert_eq!(after[field], before[field], "{field} (R1)");
        }
        assert_eq!((&after["status"], world.calls("GET /orders")), (&json!("pending"), 1), "one read for all three");
        assert!(inbox(&world).await.iter().all(|(_, state, _)| state == "done"));
        world.finish().await;
    }

    // The customer comes back and the address says "approved": a reason to look, and nothing more.
    async fn r1_the_word_of_a_return_is_no_fact(on: On) {
        let world = World::with(on, Setup { auto_authorise: true, ..Setup::default() }).await;
        let (id, checkout) = world.create("A-1").await;
        let token = world.app.store.read("test token", |tx| {
            let row = tx.query_opt("-- test token\nselect return_token from sessions", datepalm::values![])?;
            row.map_or(Ok(String::new()), |mut row| row.text())
        });
        let token = token.await.unwrap();
        let come_back = async || {
            let path = format!("/r/{token}?paymentStatus=approved");
            let (status, _, page) = world.raw(Request::get(path).body(Body::empty()).unwrap()).await;
            assert_eq!(status, 200, "{page}");
            world.work().await;
            world.payment(&id).await
        };
        let told = come_back().await;
        assert_eq!((&told["status"], &told["paid"]), (&json!("pending"), &json!(false)), "{told:#}");
        world.sandbox.customer(&checkout).approve(Plan::Full).unwrap();
        world.deliver(0).await;
        world.clock.advance_ms(2_000);
        let read = come_back().await;
        assert_eq!((&read["status"], &read["paid"]), (&json!("captured"), &json!(true)), "Tamara said so: {read:#}");
        world.finish().await;
    }

    async fn an_empty_list_for_data_and_an_unknown_event_lead_to_a_read(on: On) {
        let world = World::new(on).await;
        for (reference, event) in [("A-1", "order_approved"), ("A-2", "order_sent_to_the_moon")] {
            let (id, checkout) = world.create(reference).await;
            world.sandbox.customer(&checkout).approve(Plan::Full).unwrap();
            world.deliver(0).await;
            accepted(&world, notification(&order_id(&world, &id).await, event)).await;
            world.work().await;
            assert_eq!(world.payment(&id).await["status"], "authorised", "{event}");
        }
        let words: Vec<_> = inbox(&world).await.into_iter().map(|(word, state, _)| (word, state)).collect();
        let done = |word: &str| (word.to_owned(), "done".to_owned());
        assert_eq!(words, [done("order_approved"), done("order_sent_to_the_moon")]);
        world.finish().await;
    }
}
