//! Nothing personal and nothing secret leaves through `Debug` or an error text.

use std::fmt::Debug;

use serde_json::Value;
use tamara::checkout::{CheckoutRequest, EligibilityRequest, PaymentTypesQuery};
use tamara::money::{Country, Currency, Money};
use tamara::orders::Order;
use tamara::payments::RefundRequest;
use tamara::transport::{Method, Request};
use tamara::webhooks::{ORDER_EVENTS, WebhookKind, WebhookRegistration};

use crate::contract::fixture;
use crate::scripted::answering;

const MARKED: [&str; 8] = [
    "Noura",
    "Alharbi",
    "551230045",
    "noura@example.com",
    "Olaya",
    "1995",
    "returned",
    "k-123",
];

fn assert_quiet(shown: &str) {
    for marked in MARKED {
        assert!(!shown.contains(marked), "{marked} in {shown}");
    }
}

fn quiet(value: &impl Debug) {
    assert_quiet(&format!("{value:?}"));
    assert_quiet(&format!("{value:#?}"));
}

#[test]
fn debug_of_requests_and_orders() {
    let exchange: Value =
        serde_json::from_str(&fixture("01-create-checkout-session.json")).unwrap();
    let request: CheckoutRequest =
        serde_json::from_str(&exchange["request"]["body"].to_string()).unwrap();
    quiet(&request);
    quiet(&(
        &request.consumer,
        &request.shipping_address,
        &request.billing_address,
    ));

    let exchange: Value =
        serde_json::from_str(&fixture("06-get-order-partially-refunded.json")).unwrap();
    let order: Order = serde_json::from_str(&exchange["response"]["body"].to_string()).unwrap();
    quiet(&order);
    quiet(&order.transactions);

    let order = Money::new(1, Currency::Sar);
    let phone = Some("551230045".to_owned());
    quiet(&EligibilityRequest {
        order,
        phone: phone.clone(),
        email: None,
    });
    quiet(&PaymentTypesQuery {
        country: Country::Sa,
        currency: None,
        order_value: None,
        phone,
    });
    quiet(&RefundRequest {
        total_amount: order,
        comment: "returned by Noura".to_owned(),
        merchant_refund_id: None,
    });
    quiet(&WebhookRegistration {
        kind: WebhookKind::Order,
        events: ORDER_EVENTS.map(str::to_owned).to_vec(),
        url: "https://shop.example/hooks".to_owned(),
        headers: [("x-shop-key".to_owned(), "k-123".to_owned())].into(),
    });
    quiet(&Request {
        method: Method::Get,
        path: "/checkout/payment-types?phone=551230045".to_owned(),
        token: "k-123".into(),
        body: Some("Noura".to_owned()),
    });
}

#[tokio::test]
async fn errors_do_not_repeat_what_tamara_says() {
    for (status, body) in [
        (
            400,
            r#"{"message":"Noura Alharbi, noura@example.com is invalid"}"#,
        ),
        (
            409,
            r#"{"message":"551230045","errors":[{"error_code":"551230045"}]}"#,
        ),
        (
            400,
            r#"{"message":"noura@example.com","errors":[{"error_code":"Noura Alharbi"}]}"#,
        ),
        (
            404,
            r#"{"message":"x","errors":[{"data":{"old_state":"Noura","webhook_id":"k-123"}}]}"#,
        ),
        (200, r#"{"order_id":"o","total_amount":"Noura Alharbi"}"#),
        (
            200,
            r#"{"order_id":"o","total_amount":{"amount":551230045,"currency":"Noura"}}"#,
        ),
        (500, "Noura"),
    ] {
        let (client, _) = answering(status, body);
        for error in [
            client.order("o").await.unwrap_err(),
            client.authorise("o").await.unwrap_err(),
        ] {
            quiet(&error);
            assert_quiet(&error.to_string());
        }
    }
}

#[tokio::test]
async fn a_dotted_key_is_shown() {
    let body = r#"{"message":"refund.capture_not_found","errors":[{"error_code":"some_code"}]}"#;
    let (client, _) = answering(400, body);
    let error = client.authorise("o").await.unwrap_err();
    let expected = "refused by Tamara: status 400, some_code, refund.capture_not_found";
    assert_eq!(error.to_string(), expected);
}
