//! `endpoints.md` 2.2 to 2.19: bodies and queries that are described in prose.
//!
//! Each name that a section stars has a case: a good request without it is refused, or taken where
//! another source says so.

use axum::body::Body;
use axum::http::{Request, header};
use serde_json::{Value, json};
use tamara_sandbox::{Choices, Options};

use super::{assert_same, section, starred};
use crate::shop::{Reply, Shop, options, order};

/// What a good request without the field gives.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Without {
    Refused,
    /// Sources disagree: taken by default.
    Taken,
    /// Sources disagree: taken by default, refused with all choices on the strict side.
    Chosen,
}

use Without::{Chosen, Refused, Taken};

/// Section, starred name, where it stands (`?` query, `^` header), and what happens without it.
#[rustfmt::skip]
const FIELDS: [(&str, &str, &str, Without); 37] = [
    ("2.2", "country", "?country", Refused),
    ("2.3", "country", "/country", Refused),
    ("2.3", "phone_number", "/phone_number", Refused),
    ("2.3", "order_value", "/order_value", Refused),
    ("2.5", "order", "/order", Refused),
    ("2.5", "customer", "/customer", Refused),
    ("2.6", "phone_number", "?phone_number", Refused),
    ("2.6", "country_code", "?country_code", Refused),
    ("2.10", "total_amount", "/total_amount", Refused),
    ("2.11", "order_id", "/order_id", Refused),
    ("2.11", "total_amount", "/total_amount", Refused),
    ("2.11", "shipping_info", "/shipping_info", Chosen),
    ("2.11", "shipped_at", "/shipping_info/shipped_at", Refused),
    ("2.11", "shipping_company", "/shipping_info/shipping_company", Refused),
    ("2.12", "total_amount", "/total_amount", Refused),
    ("2.12", "comment", "/comment", Refused),
    ("2.13", "order_id", "/order_id", Refused),
    ("2.13", "refunds", "/refunds", Refused),
    ("2.13", "capture_id", "/refunds/0/capture_id", Refused),
    ("2.13", "total_amount", "/refunds/0/total_amount", Refused),
    ("2.14", "order_reference_id", "/order_reference_id", Refused),
    ("2.15", "type", "/type", Taken),
    ("2.15", "events", "/events", Refused),
    ("2.15", "url", "/url", Refused),
    ("2.16", "total_amount", "/total_amount", Refused),
    ("2.16", "phone_number", "/phone_number", Refused),
    ("2.16", "order_reference_id", "/order_reference_id", Refused),
    ("2.16", "items", "/items", Refused),
    ("2.16", "store_code", "/additional_data/store_code", Refused),
    ("2.17", "X-Device-Id", "^x-device-id", Refused),
    ("2.17", "amount", "/amount", Refused),
    ("2.17", "platform", "/platform", Chosen),
    // A part of the path.
    ("2.18", "checkout_id", "", Taken),
    ("2.18", "order_id", "?order_id", Refused),
    ("2.19", "comment", "=comment", Refused),
    ("2.4", "", "", Taken),
    ("2.20", "", "", Taken),
];

/// A request whose parts can be left out.
struct Good {
    method: &'static str,
    path: String,
    query: Vec<(&'static str, String)>,
    header: Option<(&'static str, &'static str)>,
    body: Value,
}

fn good(method: &'static str, path: &str, body: Value) -> Good {
    Good {
        method,
        path: path.to_owned(),
        query: Vec::new(),
        header: None,
        body,
    }
}

fn sar(amount: i64) -> Value {
    json!({ "amount": amount, "currency": "SAR" })
}

async fn captured(shop: &Shop) -> (String, String) {
    let order_id = shop.authorised().await;
    let (_, body) = shop.capture(&order_id, "575").await;
    (order_id, body["capture_id"].as_str().unwrap().to_owned())
}

async fn payment(shop: &Shop, name: &str) -> Good {
    match name {
        "2.10" => {
            let path = format!("/orders/{}/cancel", shop.authorised().await);
            good("POST", &path, json!({ "total_amount": sar(575) }))
        }
        "2.11" => {
            let shipping =
                json!({ "shipped_at": "2026-03-03T10:00:00Z", "shipping_company": "Aramex" });
            let order_id = shop.authorised().await;
            let body = json!({ "order_id": order_id, "total_amount": sar(575), "shipping_info": shipping });
            good("POST", "/payments/capture", body)
        }
        "2.12" => {
            let path = format!("/payments/simplified-refund/{}", captured(shop).await.0);
            good(
                "POST",
                &path,
                json!({ "total_amount": sar(575), "comment": "returned" }),
            )
        }
        "2.13" => {
            let (order_id, capture_id) = captured(shop).await;
            let part = json!({ "capture_id": capture_id, "total_amount": sar(575), "items": order()["items"] });
            let body = json!({ "order_id": order_id, "refunds": [part] });
            good("POST", "/payments/refund", body)
        }
        "2.14" => {
            let path = format!("/orders/{}/reference-id", shop.authorised().await);
            good("PUT", &path, json!({ "order_reference_id": "NEW-1" }))
        }
        _ => unreachable!("{name} has no good request"),
    }
}

fn at_the_till(name: &str) -> Good {
    let extra = json!({ "store_code": "RUH-3" });
    if name == "2.16" {
        let body = json!({
            "total_amount": sar(210), "phone_number": "551230045", "order_reference_id": "POS-1",
            "items": order()["items"], "additional_data": extra,
        });
        return good("POST", "/checkout/in-store-session", body);
    }
    let body =
        json!({ "amount": sar(210), "platform": "EXAMPLE_POS_QR", "additional_data": extra });
    let mut request = good("POST", "/checkout/in-store", body);
    request.header = Some(("x-device-id", "104233"));
    request
}

async fn request_of(shop: &Shop, name: &str) -> Good {
    let country = ("country", "SA".to_owned());
    let phone = "966551230045".to_owned();
    let mut request = match name {
        "2.2" => good("GET", "/checkout/payment-types", Value::Null),
        "2.3" => {
            let body = json!({ "country": "SA", "phone_number": phone, "order_value": sar(575) });
            good("POST", "/checkout/payment-options-pre-check", body)
        }
        "2.4" => {
            let body = json!({ "total_amount": sar(575), "country_code": "SA", "items": null });
            good("POST", "/checkout/credit-pre-check", body)
        }
        "2.5" => {
            let body = json!({ "order": sar(575), "customer": { "phone": phone } });
            good("POST", "/pre-checkout/v1/eligibility", body)
        }
        "2.6" => good(
            "GET",
            "/merchants/customer/id-verification-status",
            Value::Null,
        ),
        "2.15" => {
            let body = json!({ "type": "order", "events": ["order_approved"], "url": "https://shop.example/h" });
            good("POST", "/webhooks", body)
        }
        "2.16" | "2.17" => at_the_till(name),
        "2.18" => {
            let session = at_the_till("2.16").send(shop).await.json();
            let path = format!(
                "/checkout/{}/void",
                session["checkout_id"].as_str().unwrap()
            );
            let mut request = good("POST", &path, Value::Null);
            let order_id = session["order_id"].as_str().unwrap().to_owned();
            request.query.push(("order_id", order_id));
            request
        }
        "2.20" => good("GET", "/merchants/configs", Value::Null),
        other => payment(shop, other).await,
    };
    match name {
        "2.2" => request.query.push(country),
        "2.6" => request
            .query
            .extend([("phone_number", phone), ("country_code", "SA".to_owned())]),
        _ => {}
    }
    request
}

impl Good {
    fn leave_out(&mut self, place: &str) {
        let (kind, name) = place.split_at(1);
        match kind {
            "?" => self.query.retain(|(key, _)| *key != name),
            "^" => self.header = None,
            _ => {
                let (parent, name) = place.rsplit_once('/').unwrap();
                let parent = self.body.pointer_mut(parent).unwrap();
                parent.as_object_mut().unwrap().remove(name).unwrap();
            }
        }
    }

    async fn send(self, shop: &Shop) -> Reply {
        let mut query = url::form_urlencoded::Serializer::new(String::new());
        query.extend_pairs(&self.query);
        let mut request = Request::builder()
            .method(self.method)
            .uri(format!("{}?{}", self.path, query.finish()))
            .header(header::AUTHORIZATION, format!("Bearer {}", shop.token))
            .header(header::CONTENT_TYPE, "application/json");
        if let Some((name, value)) = self.header {
            request = request.header(name, value);
        }
        let body = match self.body {
            Value::Null => Body::empty(),
            body => Body::from(body.to_string()),
        };
        shop.send(request.body(body).unwrap()).await
    }
}

fn strict() -> Shop {
    let choices = Choices {
        require_shipping_info: true,
        require_qr_platform: true,
        ..Choices::default()
    };
    Shop::with(Options {
        choices,
        ..options()
    })
}

#[test]
fn every_starred_name_of_the_prose_has_a_case() {
    for number in 2..=20 {
        let name = format!("2.{number}");
        // The fields of an order are in tables of their own; 2.8 and 2.9 have no body.
        let stars = if matches!(number, 7..=9) {
            continue;
        } else {
            starred(&section("endpoints.md", &name))
        };
        let cases = FIELDS.iter().filter(|case| case.0 == name);
        assert_same(
            stars,
            cases.map(|case| case.1).filter(|name| !name.is_empty()),
        );
    }
}

#[tokio::test]
async fn a_request_without_a_required_field_is_refused() {
    for (name, field, place, without) in FIELDS {
        if name == "2.19" {
            // A multipart form: see the disputes' own tests.
            continue;
        }
        let shop = Shop::open();
        let reply = request_of(&shop, name).await.send(&shop).await;
        assert_eq!(reply.status, 200, "{name}: {}", reply.text);
        if place.is_empty() {
            continue;
        }
        for (shop, refused) in [
            (Shop::open(), without == Refused),
            (strict(), without != Taken),
        ] {
            let mut request = request_of(&shop, name).await;
            request.leave_out(place);
            let reply = request.send(&shop).await;
            let expected = if refused { 400 } else { 200 };
            assert_eq!(reply.status, expected, "{name} {field}: {}", reply.text);
        }
    }
}
