//! Requests that are almost good, and requests of any bytes at all, at every path of Tamara's and of the hosted page:
//! never a panic, never a 5xx that nobody asked for, and every refusal in Tamara's envelope.

use axum::body::Body;
use axum::http::{HeaderValue, Request};
use http_body_util::BodyExt as _;
use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};
use serde_json::{Value, json};
use tamara_sandbox::Plan;
use tamara_sandbox::fidelity::ENDPOINTS;
use tower::ServiceExt as _;

use crate::mangled::{bytes_near, json_near};
use crate::shop::{Shop, amount, order};

/// Paths of the hosted page, which take forms; a form that is none is sent as well.
const HOSTED: [(&str, &str); 12] = [
    ("GET", "/checkout/{checkout_id}"),
    ("GET", "/checkout/{checkout_id}/result"),
    ("POST", "/checkout/{checkout_id}/send-code"),
    ("POST", "/checkout/{checkout_id}/verify-otp"),
    ("POST", "/checkout/{checkout_id}/agree"),
    ("POST", "/checkout/{checkout_id}/choose-plan"),
    ("POST", "/checkout/{checkout_id}/pay"),
    ("POST", "/checkout/{checkout_id}/confirm-3ds"),
    ("POST", "/checkout/{checkout_id}/back"),
    ("POST", "/checkout/{checkout_id}/cancel-payment"),
    ("POST", "/checkout/{checkout_id}/regenerate-id"),
    ("POST", "/checkout/{checkout_id}/take-picture"),
];

#[derive(Clone, Debug)]
struct Knock {
    method: &'static str,
    path: &'static str,
    /// In place of the ids of the test's own order.
    odd_id: Option<String>,
    query: String,
    media: Vec<u8>,
    body: Vec<u8>,
    approved: bool,
}

fn percent(bytes: &[u8]) -> String {
    let escaped = bytes.iter().map(|byte| format!("%{byte:02X}"));
    escaped.collect::<Vec<_>>().concat()
}

/// Good bodies of a path. `{order_id}` in a body stands for the test's own order.
fn good_bodies(path: &str) -> Vec<Value> {
    let with_order = |mut body: Value| {
        body["order_id"] = "{order_id}".into();
        body
    };
    let shipping = json!({
        "total_amount": { "amount": 575, "currency": "SAR" },
        "shipping_info": { "shipped_at": "2026-03-03T10:00:00Z", "shipping_company": "Aramex" },
    });
    let webhook = json!({ "type": "order", "url": "https://shop.example/hook", "events": ["order_approved"], "headers": { "x": "y" } });
    let eligibility = json!({ "order": { "amount": 575, "currency": "SAR" }, "customer": { "phone_number": "966551230045" } });
    let refund = json!({ "order_id": "{order_id}", "refunds": [{ "capture_id": "c", "total_amount": { "amount": 1, "currency": "SAR" } }] });
    match path {
        "/checkout" => vec![order()],
        "/pre-checkout/v1/eligibility" => vec![eligibility],
        "/payments/refund" => vec![refund],
        path if path.contains("webhooks") => vec![webhook],
        path if path.ends_with("reference-id") => vec![json!({ "order_reference_id": "B-1" })],
        path if path.contains("refund") || path.contains("cancel") => {
            let mut body = amount("5.75");
            body["comment"] = "returned".into();
            vec![body]
        }
        path if path.contains("capture") => vec![with_order(shipping)],
        _ => vec![
            order(),
            json!({}),
            amount("5.75"),
            with_order(amount("1e2")),
        ],
    }
}

fn knock() -> impl Strategy<Value = Knock> {
    let tamaras = ENDPOINTS
        .iter()
        .map(|endpoint| (endpoint.method, endpoint.path));
    let paths: Vec<_> = tamaras.chain(HOSTED).collect();
    prop::sample::select(paths).prop_flat_map(|(method, path)| {
        let good = good_bodies(path);
        let texts: Vec<_> = good.iter().map(|body| body.to_string().into_bytes()).collect();
        let form = b"phone=551230045&code=123456&plan=3&number=4111111111111111&expiry=12/30&cvv=123&lang=ar".to_vec();
        let body = prop_oneof![
            1 => prop::sample::select(texts.clone()),
            6 => json_near(good).prop_map(String::into_bytes),
            2 => bytes_near(texts),
            2 => bytes_near(vec![form]),
        ];
        let odd_id = bytes_near(vec![b"00000000-0000-4000-8000-000000000000".to_vec()])
            .prop_map(|bytes| format!("x{}", percent(&bytes[..bytes.len().min(1_000)])));
        let names = ["country", "currency", "order_value", "phone", "page", "limit", "order_id", "status", "lang", "x"];
        let value = prop_oneof![
            prop::sample::select(vec!["SA", "SAR", "575.00", "-1", "1e400", "NaN", "99999999999999999999", "%00", "%"]).prop_map(str::to_owned),
            prop::collection::vec(any::<u8>(), 0..12).prop_map(|bytes| percent(&bytes)),
        ];
        let pair = (prop::sample::select(names.to_vec()), value).prop_map(|(name, value)| format!("{name}={value}"));
        let query = prop::collection::vec(pair, 0..4).prop_map(|pairs| format!("?{}", pairs.join("&")));
        let media = prop_oneof![
            6 => Just(b"application/json".to_vec()),
            3 => Just(b"application/x-www-form-urlencoded".to_vec()),
            1 => Just(b"multipart/form-data; boundary=x".to_vec()),
            1 => prop::collection::vec(33..127_u8, 0..20),
        ];
        (prop::option::weighted(0.1, odd_id), query, media, body, any::<bool>()).prop_map(
            move |(odd_id, query, media, body, approved)| Knock { method, path, odd_id, query, media, body, approved },
        )
    })
}

/// Sends it to a sandbox that has one order, and looks at the answer.
async fn is_answered(knock: Knock) {
    let shop = Shop::open();
    let session = shop.checkout(order()).await;
    if knock.approved {
        let customer = shop.sandbox.customer(&session.checkout_id);
        customer.approve(Plan::Three).unwrap();
    }
    let target: Vec<&str> = knock
        .path
        .split('/')
        .map(|part| match (part, &knock.odd_id) {
            (part, Some(odd)) if part.starts_with('{') => odd,
            ("{order_id}", None) => &session.order_id,
            ("{checkout_id}", None) => &session.checkout_id,
            (part, None) if part.starts_with('{') => "WEB-100482",
            (part, _) => part,
        })
        .collect();
    let target = target.join("/") + &knock.query;
    let size = target.len() + knock.body.len();
    let own = String::from_utf8(knock.body.clone())
        .map(|text| text.replace("{order_id}", &session.order_id).into_bytes());
    let Ok(mut request) = Request::builder()
        .method(knock.method)
        .uri(&target)
        .body(Body::from(own.unwrap_or(knock.body)))
    else {
        return;
    };
    let headers = request.headers_mut();
    headers.insert("authorization", HeaderValue::from_static("Bearer api-sa"));
    headers.insert(
        "content-type",
        HeaderValue::from_bytes(&knock.media).unwrap(),
    );
    let answer = shop.sandbox.router().oneshot(request).await.unwrap();
    let (status, media) = (
        answer.status().as_u16(),
        answer.headers().get("content-type").cloned(),
    );
    let body = answer.into_body().collect().await.unwrap().to_bytes();
    let what = format!(
        "{} {target:.200}: {status} {:.300}",
        knock.method,
        String::from_utf8_lossy(&body)
    );
    assert!(status < 500, "{what}");
    assert!(
        body.len() <= 16 * size + 262_144,
        "{} bytes for {size}: {what}",
        body.len()
    );
    if HOSTED.contains(&(knock.method, knock.path)) || status < 400 {
        return;
    }
    assert!(
        media.is_some_and(|media| media.to_str().unwrap().starts_with("application/json")),
        "{what}"
    );
    let envelope: Value = serde_json::from_slice(&body).unwrap();
    assert!(envelope["message"].is_string(), "{what}");
}

#[test]
fn every_path_answers_whatever_it_is_sent() {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    let usual = Config::default();
    let config = Config {
        cases: 4 * usual.cases,
        failure_persistence: None,
        ..usual
    };
    let outcome = TestRunner::new(config).run(&knock(), |knock| {
        runtime.block_on(is_answered(knock));
        Ok(())
    });
    outcome.unwrap_or_else(|failure| panic!("{failure}"));
}

/// Both were answered in plain text by the framework, before any handler saw them.
#[tokio::test]
async fn what_the_framework_refuses_is_refused_in_tamaras_envelope_too() {
    let shop = Shop::open();
    let (status, envelope) = shop.get("/orders/%FF").await;
    assert_eq!((status, &envelope["message"]), (404, &"Not found".into()));
    let path = "/external/merchants/orders/disputes/1";
    let (status, envelope) = shop.call("POST", path, json!({ "comment": "JSON" })).await;
    let says = &envelope["message"];
    assert_eq!((status, says), (400, &"invalid multipart body".into()));
}

/// Each wrong line was named, so that a small body made an answer forty times its size.
#[tokio::test]
async fn an_answer_names_a_hundred_problems_at_most() {
    let shop = Shop::open();
    let mut body = order();
    body["items"] = json!(vec![1; 20_000]);
    let (status, envelope) = shop.call("POST", "/checkout", body).await;
    let named = envelope["errors"].as_array().unwrap().len();
    assert_eq!((status, named), (400, 100));
}
