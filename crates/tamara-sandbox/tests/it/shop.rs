//! A shop that talks to the sandbox, and what it usually sends.

use axum::Router;
use axum::body::Body;
use axum::http::{Request, header};
use http_body_util::BodyExt;
use serde_json::{Value, json};
use tamara_sandbox::{Clock, Merchant, Options, Plan, Sandbox};
use tower::ServiceExt;

/// 2026-03-02T09:14:05.678Z.
pub const START_MS: i64 = 1_772_442_845_678;
pub const MINUTE_MS: i64 = 60_000;
pub const HOUR_MS: i64 = 60 * MINUTE_MS;
pub const DAY_MS: i64 = 24 * HOUR_MS;

pub struct Shop {
    pub sandbox: Sandbox,
    pub token: &'static str,
    router: Router,
}

pub struct Session {
    pub order_id: String,
    pub checkout_id: String,
}

/// What came back: the status, the headers and the body as text.
pub struct Reply {
    pub status: u16,
    pub location: String,
    /// Where a browser goes by itself after a moment.
    pub refresh: String,
    pub text: String,
}

impl Reply {
    pub fn json(&self) -> Value {
        serde_json::from_str(&self.text).unwrap()
    }
}

pub fn options() -> Options {
    let mut capturing = Merchant::new("Auto capture", "SA", "api-capture", "note-capture");
    capturing.auto_capture = true;
    let mut authorising = Merchant::new("Auto authorise", "SA", "api-auto", "note-auto");
    authorising.auto_authorise = true;
    let merchants = vec![
        Merchant::new("Nakheel", "SA", "api-sa", "note-sa"),
        Merchant::new("Dhow", "KW", "api-kw", "note-kw"),
        capturing,
        authorising,
    ];
    Options {
        clock: Clock::manual(START_MS),
        seed: Some(7),
        ..Options::new("http://127.0.0.1:9000", merchants)
    }
}

/// A complete order of 575 SAR: 500 of items, 75 tax, 20 shipping, 20 discount.
pub fn order() -> Value {
    let sar = |amount: i64| json!({ "amount": amount, "currency": "SAR" });
    json!({
        "order_reference_id": "WEB-100482",
        "order_number": "100482",
        "total_amount": sar(575),
        "shipping_amount": sar(20),
        "tax_amount": sar(75),
        "discount": { "name": "WELCOME20", "amount": sar(20) },
        "description": "Order 100482 at Example Shop",
        "country_code": "SA",
        "payment_type": "PAY_BY_INSTALMENTS",
        "instalments": 3,
        "items": [{
            "reference_id": "SKU-1", "type": "Physical", "name": "Desk lamp", "sku": "LAMP-01",
            "quantity": 2, "unit_price": sar(250), "total_amount": sar(500),
        }],
        "consumer": {
            "first_name": "Noura", "last_name": "Alharbi",
            "phone_number": "551230045", "email": "noura@example.com",
        },
        "shipping_address": {
            "first_name": "Noura", "last_name": "Alharbi", "line1": "12 Olaya St",
            "city": "Riyadh", "country_code": "SA", "phone_number": "+966 55 123 0045",
        },
        "merchant_url": {
            "success": "https://shop.example/ok?shopOrder=100482",
            "failure": "https://shop.example/no",
            "cancel": "myshop://checkout/cancel",
        },
        "locale": "en_US",
        "additional_data": { "store_code": "ONLINE" },
    })
}

pub fn amount(text: &str) -> Value {
    let amount: Value = serde_json::from_str(text).unwrap();
    json!({ "total_amount": { "amount": amount, "currency": "SAR" } })
}

impl Shop {
    pub fn open() -> Self {
        Self::with(options())
    }

    pub fn with(options: Options) -> Self {
        let sandbox = Sandbox::open(options).unwrap();
        Self {
            router: sandbox.router(),
            sandbox,
            token: "api-sa",
        }
    }

    /// A sandbox whose first merchant is the sample of Saudi Arabia.
    pub fn around(sandbox: Sandbox) -> Self {
        Self {
            router: sandbox.router(),
            sandbox,
            token: "sandbox-sa",
        }
    }

    /// The same sandbox, another merchant's token.
    pub fn of(&self, token: &'static str) -> Self {
        Self {
            router: self.router.clone(),
            sandbox: self.sandbox.clone(),
            token,
        }
    }

    pub async fn send(&self, request: Request<Body>) -> Reply {
        let response = self.router.clone().oneshot(request).await.unwrap();
        let text = |name| {
            let value = response.headers().get(name);
            value.map_or_else(String::new, |v| v.to_str().unwrap().to_owned())
        };
        let (location, refresh) = (text(header::LOCATION), text(header::REFRESH));
        let status = response.status().as_u16();
        let bytes = response.into_body().collect().await.unwrap().to_bytes();
        Reply {
            status,
            location,
            refresh,
            text: String::from_utf8(bytes.to_vec()).unwrap(),
        }
    }

    pub async fn raw(&self, method: &str, path: &str, body: String) -> Reply {
        let request = Request::builder()
            .method(method)
            .uri(path)
            .header(header::AUTHORIZATION, format!("Bearer {}", self.token))
            .header(header::CONTENT_TYPE, "application/json");
        self.send(request.body(Body::from(body)).unwrap()).await
    }

    /// A call whose answer may be cut off.
    pub async fn raw_or_cut(&self, method: &str, path: &str) {
        let request = Request::builder()
            .method(method)
            .uri(path)
            .header(header::AUTHORIZATION, format!("Bearer {}", self.token));
        let request = request.body(Body::empty()).unwrap();
        drop(self.router.clone().oneshot(request).await.unwrap());
    }

    pub async fn call(&self, method: &str, path: &str, body: Value) -> (u16, Value) {
        let reply = self.raw(method, path, body.to_string()).await;
        (reply.status, reply.json())
    }

    pub async fn get(&self, path: &str) -> (u16, Value) {
        let reply = self.raw("GET", path, String::new()).await;
        (reply.status, reply.json())
    }

    /// A form of the hosted page, or a look at it.
    pub async fn page(&self, method: &str, path: &str, form: &[(&str, &str)]) -> Reply {
        let mut body = url::form_urlencoded::Serializer::new(String::new());
        body.extend_pairs(form);
        let request = Request::builder()
            .method(method)
            .uri(path)
            .header(header::CONTENT_TYPE, "application/x-www-form-urlencoded");
        let body = Body::from(body.finish());
        self.send(request.body(body).unwrap()).await
    }

    pub async fn checkout(&self, order: Value) -> Session {
        let (status, body) = self.call("POST", "/checkout", order).await;
        assert_eq!(status, 200, "{body}");
        assert_eq!(body["status"], "new");
        Session {
            order_id: body["order_id"].as_str().unwrap().to_owned(),
            checkout_id: body["checkout_id"].as_str().unwrap().to_owned(),
        }
    }

    /// An approved order.
    pub async fn approved(&self) -> String {
        let session = self.checkout(order()).await;
        let customer = self.sandbox.customer(&session.checkout_id);
        customer.approve(Plan::Three).unwrap();
        session.order_id
    }

    /// An authorised order.
    pub async fn authorised(&self) -> String {
        let order_id = self.approved().await;
        self.sandbox.portal(&order_id).authorise().unwrap();
        order_id
    }

    pub async fn order(&self, order_id: &str) -> Value {
        let (status, body) = self.get(&format!("/orders/{order_id}")).await;
        assert_eq!(status, 200, "{body}");
        body
    }

    pub async fn status(&self, order_id: &str) -> String {
        self.order(order_id).await["status"]
            .as_str()
            .unwrap()
            .to_owned()
    }

    pub async fn capture(&self, order_id: &str, amount_text: &str) -> (u16, Value) {
        let mut body = amount(amount_text);
        body["order_id"] = order_id.into();
        body["shipping_info"] = json!({
            "shipped_at": "2026-03-03T10:00:00+03:00",
            "shipping_company": "Aramex",
            "tracking_number": 5_500_123,
            "tracking_url": "https://track.example/5500123",
        });
        self.call("POST", "/payments/capture", body).await
    }

    pub async fn cancel(&self, order_id: &str, amount_text: &str) -> (u16, Value) {
        let path = format!("/orders/{order_id}/cancel");
        self.call("POST", &path, amount(amount_text)).await
    }

    pub async fn refund(&self, order_id: &str, amount_text: &str) -> (u16, Value) {
        let mut body = amount(amount_text);
        body["comment"] = "returned".into();
        body["merchant_refund_id"] = "RF-77".into();
        let path = format!("/payments/simplified-refund/{order_id}");
        self.call("POST", &path, body).await
    }

    pub async fn authorise(&self, order_id: &str) -> (u16, Value) {
        let path = format!("/orders/{order_id}/authorise");
        self.call("POST", &path, json!({})).await
    }
}
