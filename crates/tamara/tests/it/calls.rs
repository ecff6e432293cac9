//! Makes the call that an example of the fact book shows, with the arguments read from the example.
//!
//! For tests and fuzzers alone; says nothing about the answer.

use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;
use tamara::checkout::{EligibilityRequest, PaymentTypesQuery};
use tamara::money::{Country, Currency, Money};
use tamara::{Client, Error};

pub fn parse<T: DeserializeOwned>(value: &Value) -> T {
    serde_json::from_str(&value.to_string()).unwrap()
}

fn text<T: Serialize>(answer: Result<T, Error>) -> Result<String, Error> {
    answer.map(|answer| serde_json::to_string(&answer).unwrap())
}

/// Makes the call that an example shows, with the arguments read from the example.
pub async fn call(
    client: &Client,
    method: &str,
    path: &str,
    body: &Value,
) -> Result<String, Error> {
    let (bare_path, query) = path.split_once('?').unwrap_or((path, ""));
    let segments: Vec<&str> = bare_path.trim_start_matches('/').split('/').collect();
    match (method, segments.as_slice()) {
        ("POST", ["checkout"]) => text(client.create_checkout(&parse(body)).await),
        ("GET", ["checkout", "payment-types"]) => {
            text(client.payment_types(&payment_types_query(query)).await)
        }
        ("POST", ["pre-checkout", "v1", "eligibility"]) => {
            let eligible = client.eligibility(&eligibility_request(body)).await?;
            Ok(format!(r#"{{"is_eligible":{eligible}}}"#))
        }
        ("GET", ["orders", id]) => text(client.order(id).await),
        ("GET", ["merchants", "orders", "reference-id", reference]) => {
            text(client.order_by_reference(reference).await)
        }
        ("POST", ["orders", id, "authorise"]) => text(client.authorise(id).await),
        ("POST", ["orders", id, "cancel"]) => text(client.cancel(id, &parse(body)).await),
        ("POST", ["payments", "capture"]) => text(client.capture(&parse(body)).await),
        ("POST", ["payments", "simplified-refund", id]) => {
            text(client.refund(id, &parse(body)).await)
        }
        ("PUT", ["orders", id, "reference-id"]) => {
            let reference = body["order_reference_id"].as_str().unwrap();
            text(client.update_reference(id, reference).await)
        }
        ("POST", ["webhooks"]) => text(client.register_webhook(&parse(body)).await),
        ("GET", ["webhooks", id]) => text(client.webhook(id).await),
        ("PUT", ["webhooks", id]) => text(client.update_webhook(id, &parse(body)).await),
        ("DELETE", ["webhooks", id]) => text(client.remove_webhook(id).await),
        other => panic!("no call for {other:?}"),
    }
}

pub fn payment_types_query(query: &str) -> PaymentTypesQuery {
    let find = |key: &str| {
        let mut pairs = query.split('&').filter_map(|pair| pair.split_once('='));
        pairs
            .find(|(name, _)| *name == key)
            .map(|(_, value)| value.to_owned())
    };
    let currency = Currency::from_code(&find("currency").unwrap()).unwrap();
    PaymentTypesQuery {
        country: Country::from_code(&find("country").unwrap()).unwrap(),
        currency: Some(currency),
        order_value: find("order_value").map(|it| Money::parse_decimal(&it, currency).unwrap()),
        phone: find("phone"),
    }
}

fn eligibility_request(body: &Value) -> EligibilityRequest {
    let customer = &body["customer"];
    let field = |key: &str| customer[key].as_str().map(str::to_owned);
    EligibilityRequest {
        order: parse(&body["order"]),
        phone: field("phone_number").or_else(|| field("phone")),
        email: field("email"),
    }
}
