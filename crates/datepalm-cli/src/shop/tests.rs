//! The shop against a small stand-in for `/v1`, over loopback, as a browser without a script would use it.

use std::collections::HashSet;
use std::sync::{Arc, Mutex};

use axum::extract::{Path, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use axum::{Json, Router};
use serde_json::{Value, json};

use super::catalog::{PRODUCTS, Store};
use super::{OrderNumber, ShopOptions, random_word, router};

/// Everything that the stand-in was asked, and the one payment that it answers with.
#[derive(Default)]
struct Service {
    calls: Vec<(String, String, String, Value)>,
    payment: Value,
    refusal: Option<Value>,
}

type Shared = Arc<Mutex<Service>>;

fn record(service: &Shared, path: &str, headers: &HeaderMap, body: Value) -> Response {
    let header = |name: &str| headers.get(name).unwrap().to_str().unwrap().to_owned();
    let mut service = service.lock().unwrap();
    service.calls.push((
        path.to_owned(),
        header("authorization"),
        header("idempotency-key"),
        body,
    ));
    match &service.refusal {
        Some(problem) => {
            let status =
                StatusCode::from_u16(u16::try_from(problem["status"].as_u64().unwrap()).unwrap())
                    .unwrap();
            (status, Json(problem.clone())).into_response()
        }
        None => Json(service.payment.clone()).into_response(),
    }
}

async fn serve(app: Router) -> String {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    tokio::spawn(async move { axum::serve(listener, app).await.unwrap() });
    url
}

async fn shop() -> (String, Shared, reqwest::Client) {
    let service = Shared::default();
    service.lock().unwrap().payment = payment("authorised", 19_875, 0, 0);
    let list = |State(service): State<Shared>| async move {
        Json(json!({ "object": "list", "data": [service.lock().unwrap().payment.clone()] }))
    };
    let create = |State(service): State<Shared>, headers: HeaderMap, Json(body): Json<Value>| async move {
        record(&service, "/v1/payments", &headers, body)
    };
    let act =
        |State(service): State<Shared>,
         Path((_, action)): Path<(String, String)>,
         headers: HeaderMap,
         Json(body): Json<Value>| async move { record(&service, &action, &headers, body) };
    let timeline = || async {
        Json(json!({ "object": "list", "data": [
            { "at": "2026-08-01T10:00:00.000Z", "kind": "event", "title": "<b>created</b>" }] }))
    };
    let one = |State(service): State<Shared>| async move {
        Json(service.lock().unwrap().payment.clone())
    };
    let stand_in = Router::new()
        .route("/v1/payments", get(list).post(create))
        .route("/v1/payments/{id}", get(one))
        .route("/v1/payments/{id}/timeline", get(timeline))
        .route("/v1/payments/{id}/{action}", post(act))
        .with_state(service.clone());
    let options = ShopOptions {
        api_url: serve(stand_in).await,
        public_url: "http://shop.test".to_owned(),
        sandbox_url: "http://sandbox.test/_sandbox".to_owned(),
        key_sar: "sk_test_riyadh".to_owned(),
        key_kwd: "sk_test_kuwait".to_owned(),
    };
    let url = serve(router(options)).await;
    let browser = reqwest::Client::builder()
        .no_proxy()
        .redirect(reqwest::redirect::Policy::none())
        .build()
        .unwrap();
    (url, service, browser)
}

const ORDER: &str = "WM-KW-23456789";

fn payment(status: &str, authorised: i64, captured: i64, refunded: i64) -> Value {
    let kwd = |minor: i64| json!({ "amount": minor, "currency": "KWD" });
    json!({
        "object": "payment", "id": "pay_1", "merchant_reference": ORDER, "status": status,
        "paid": status == "authorised", "in_doubt": false, "version": 3,
        "amounts": { "total": kwd(19_875), "authorised": kwd(authorised), "canceled": kwd(0),
                     "captured": kwd(captured), "refunded": kwd(refunded) },
        "checkout_url": "http://sandbox.test/checkout/1", "expired_reason": null, "cancel": null,
        "metadata": { "cart": "mabkhara:1" }, "created_at": "2026-08-01T10:00:00.000Z",
    })
}

const FORM: &str =
    "first_name=A&last_name=B&phone=51234567&email=a%40example.com&line1=C&city=D&locale=ar_SA";

async fn send(browser: &reqwest::Client, url: &str, cart: &str, form: String) -> reqwest::Response {
    let request = browser
        .post(url)
        .header("cookie", format!("other=1; wahat_cart={cart}"));
    request
        .header("content-type", "application/x-www-form-urlencoded")
        .body(form)
        .send()
        .await
        .unwrap()
}

#[tokio::test]
async fn paying_sends_catalog_prices_with_the_store_s_key_and_the_order_number() {
    let (url, service, browser) = shop().await;
    let form = format!("order={ORDER}&total=1&price=1&{FORM}");
    let answer = send(&browser, &format!("{url}/checkout"), "mabkhara:2", form).await;
    assert_eq!(answer.status(), 303);
    assert_eq!(
        answer.headers()["location"],
        "http://sandbox.test/checkout/1"
    );
    let (path, authorization, key, body) = service.lock().unwrap().calls.pop().unwrap();
    assert_eq!(
        (path.as_str(), authorization.as_str()),
        ("/v1/payments", "Bearer sk_test_kuwait")
    );
    assert_eq!(
        (key.as_str(), &body["merchant_reference"]),
        (ORDER, &json!(ORDER))
    );
    assert_eq!(
        body["total_amount"],
        json!({ "amount": 38_250, "currency": "KWD" })
    );
    assert_eq!(body["shipping_amount"]["amount"], 1_500);
    assert_eq!(body["items"][0]["unit_price"]["amount"], 18_375);
    assert_eq!(
        body["return_urls"]["cancel"],
        format!("http://shop.test/orders/{ORDER}")
    );
    assert_eq!(
        (&body["locale"], &body["capture_mode"]),
        (&json!("ar_SA"), &json!("manual"))
    );
}

#[tokio::test]
async fn a_refusal_is_a_sentence_and_a_new_order_number_while_silence_keeps_the_old_one() {
    let (url, service, browser) = shop().await;
    let pay = || async {
        let form = format!("order={ORDER}&{FORM}");
        let answer = send(&browser, &format!("{url}/checkout"), "mabkhara:1", form).await;
        (answer.status().as_u16(), answer.text().await.unwrap())
    };
    let problem = |status: u16| json!({ "title": "Refused", "status": status, "code": "no_luck", "detail": "not <today>" });
    service.lock().unwrap().refusal = Some(problem(422));
    let (status, page) = pay().await;
    assert_eq!(status, 422);
    assert!(
        page.contains("Not &#60;today&#62;.") && page.contains("no_luck"),
        "{page}"
    );
    assert!(!page.contains(ORDER) && page.contains("value=\"A\""));
    service.lock().unwrap().refusal = Some(problem(503));
    let (status, page) = pay().await;
    assert_eq!(status, 503);
    assert!(page.contains(ORDER), "the same wish keeps its key");
}

#[tokio::test]
async fn one_cart_holds_goods_of_one_country() {
    let (url, _, browser) = shop().await;
    let add = format!("{url}/cart/add");
    let answer = send(&browser, &add, "ajwa:1", "sku=mabkhara".to_owned()).await;
    assert_eq!(answer.status(), 409);
    assert!(
        answer
            .text()
            .await
            .unwrap()
            .contains("One country per order")
    );
    let answer = send(
        &browser,
        &add,
        "ajwa:1",
        "sku=mabkhara&fresh=yes".to_owned(),
    )
    .await;
    assert!(
        answer.headers()["set-cookie"]
            .to_str()
            .unwrap()
            .starts_with("wahat_cart=mabkhara:1;")
    );
    let answer = send(&browser, &add, "ajwa:1", "sku=ajwa".to_owned()).await;
    assert!(
        answer.headers()["set-cookie"]
            .to_str()
            .unwrap()
            .starts_with("wahat_cart=ajwa:2;")
    );
}

#[tokio::test]
async fn an_order_page_offers_what_the_amounts_allow_and_empties_the_cart_once_paid() {
    let (url, service, browser) = shop().await;
    let page = format!("{url}/orders/{ORDER}");
    let read = || async {
        let answer = browser
            .get(&page)
            .header("cookie", "wahat_cart=mabkhara:1")
            .send()
            .await
            .unwrap();
        (
            answer.headers().contains_key("set-cookie"),
            answer.text().await.unwrap(),
        )
    };
    let offered = |text: &str| -> Vec<&str> {
        let ids = ["ship", "refund", "cancel", "continue", "again"];
        ids.into_iter()
            .filter(|id| text.contains(&format!("id=\"{id}\"")))
            .collect()
    };
    for (status, amounts, ids, emptied) in [
        ("pending", (0, 0, 0), vec!["cancel", "continue"], false),
        ("approved", (0, 0, 0), vec!["cancel"], false),
        ("authorised", (19_875, 0, 0), vec!["ship", "cancel"], true),
        (
            "partially_captured",
            (19_875, 10_000, 0),
            vec!["ship", "refund"],
            false,
        ),
        ("captured", (19_875, 19_875, 0), vec!["refund"], false),
        (
            "partially_refunded",
            (19_875, 19_875, 5),
            vec!["refund"],
            false,
        ),
        ("refunded", (19_875, 19_875, 19_875), vec![], false),
        ("declined", (0, 0, 0), vec!["again"], false),
        ("expired", (0, 0, 0), vec!["again"], false),
    ] {
        service.lock().unwrap().payment = payment(status, amounts.0, amounts.1, amounts.2);
        let (cookie, text) = read().await;
        assert!(
            text.contains(&format!("data-status=\"{status}\"")),
            "{status}"
        );
        assert_eq!((offered(&text), cookie), (ids, emptied), "{status}");
        assert!(
            !text.contains("sk_test") && !text.contains("<b>created"),
            "{status}"
        );
    }
}

#[tokio::test]
async fn a_double_click_sends_one_key_twice_and_each_button_has_its_own() {
    let (url, service, browser) = shop().await;
    let page = browser
        .get(format!("{url}/orders/{ORDER}"))
        .send()
        .await
        .unwrap()
        .text()
        .await
        .unwrap();
    let keys: Vec<&str> = page
        .split("name=\"key\" value=\"")
        .skip(1)
        .filter_map(|rest| rest.split('"').next())
        .collect();
    assert_eq!(keys.len(), 3);
    assert!(keys[0] != keys[1] && keys[1] != keys[2]);
    for _ in 0..2 {
        let form = format!("key={}&amount=1.25", keys[1]);
        let answer = send(&browser, &format!("{url}/orders/{ORDER}/capture"), "", form).await;
        assert_eq!(answer.headers()["location"], format!("/orders/{ORDER}"));
    }
    let calls = std::mem::take(&mut service.lock().unwrap().calls);
    assert_eq!(calls.len(), 2);
    assert_eq!(calls[0], calls[1]);
    assert_eq!(
        calls[0].3["amount"],
        json!({ "amount": 1_250, "currency": "KWD" })
    );
    let form = format!("key={}&amount=1.23456", keys[1]);
    assert_eq!(
        send(&browser, &format!("{url}/orders/{ORDER}/capture"), "", form)
            .await
            .status(),
        422
    );
    let form = format!("key={}", keys[1]);
    assert_eq!(
        send(&browser, &format!("{url}/orders/{ORDER}/explode"), "", form)
            .await
            .status(),
        404
    );
    assert!(service.lock().unwrap().calls.is_empty());
}

#[tokio::test]
async fn the_stream_tells_each_version_once_and_ends_without_news() {
    let (url, _, browser) = shop().await;
    let read = |since: i64| {
        let request = browser.get(format!("{url}/orders/{ORDER}/events?since={since}"));
        async move { request.send().await.unwrap().text().await.unwrap() }
    };
    assert_eq!(read(2).await, "id: 3\nevent: changed\ndata: 3\n\n");
    assert_eq!(read(3).await, "");
}

#[tokio::test]
async fn pages_load_nothing_from_elsewhere_and_forms_of_other_sites_are_refused() {
    let (url, _, browser) = shop().await;
    let answer = browser.get(&url).send().await.unwrap();
    assert!(
        answer.headers()["content-security-policy"]
            .to_str()
            .unwrap()
            .starts_with("default-src 'none'")
    );
    let page = answer.text().await.unwrap();
    for product in &PRODUCTS {
        assert!(
            page.contains(&format!("id=\"add-{}\"", product.sku)),
            "{}",
            product.sku
        );
    }
    assert!(page.contains("149.50") && page.contains("18.375"));
    let request = browser
        .post(format!("{url}/cart/add"))
        .header("sec-fetch-site", "cross-site");
    assert_eq!(request.body("sku=ajwa").send().await.unwrap().status(), 403);
}

#[test]
fn order_numbers_are_recognised_and_nothing_else_is() {
    let fresh = OrderNumber::fresh(Store::Kuwait);
    assert_eq!(OrderNumber::parse(fresh.as_str()), Some(fresh.clone()));
    assert_eq!(fresh.store(), Store::Kuwait);
    let many: HashSet<_> = (0..1000).map(|_| random_word()).collect();
    assert_eq!(many.len(), 1000);
    for text in [
        "",
        "WM-SA-",
        "WM-SA-2345678",
        "WM-EG-23456789",
        "WM-SA-2345678&",
        "WM-SA-23456781",
        "wm-SA-23456789",
    ] {
        assert_eq!(OrderNumber::parse(text), None, "{text}");
    }
}
