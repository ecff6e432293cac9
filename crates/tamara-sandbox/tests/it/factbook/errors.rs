//! `errors.md`: every code, message and HTTP status that is known is given for its reason.

use serde_json::{Value, json};
use tamara_sandbox::{Choices, Merchant, Options, Plan, PlanTerms};

use super::{quoted, tables};
use crate::shop::{Shop, amount, options, order};

const PAGE: &str = "errors.md";

fn sar(amount: i64) -> Value {
    json!({ "amount": amount, "currency": "SAR" })
}

/// A checkout with one field changed.
async fn checkout(shop: &Shop, pointer: &str, value: Value) -> (u16, Value) {
    let mut body = order();
    let (parent, name) = pointer.rsplit_once('/').unwrap();
    body.pointer_mut(parent).unwrap()[name] = value;
    shop.call("POST", "/checkout", body).await
}

fn shop_of(change: impl FnOnce(&mut Merchant, &mut Choices)) -> Shop {
    let mut options: Options = options();
    change(&mut options.merchants[0], &mut options.choices);
    Shop::with(options)
}

async fn pre_check(shop: &Shop, country: &str, phone: &str) -> (u16, Value) {
    let body = json!({ "country": country, "phone_number": phone, "order_value": sar(575) });
    let path = "/checkout/payment-options-pre-check";
    shop.call("POST", path, body).await
}

/// The answer that the row of 3.2 is about.
async fn refusal(code: &str) -> (u16, Value) {
    let shop = Shop::open();
    match code {
        "not_supported_country_currency" => {
            assert_eq!(checkout(&shop, "/country_code", json!("AE")).await.0, 400);
            pre_check(&shop, "AE", "551230045").await
        }
        "transition_not_allowed" => shop.cancel(&shop.approved().await, "575").await,
        "not_supported_delivery_country" => {
            let path = "/checkout/payment-types?country=EG";
            assert_eq!(shop.get(path).await.1["errors"][0]["error_code"], code);
            checkout(&shop, "/shipping_address/country_code", json!("EG")).await
        }
        "currency_unsupported" => {
            let order_id = shop.authorised().await;
            let body = json!({ "total_amount": { "amount": 1, "currency": "AED" } });
            let path = format!("/orders/{order_id}/cancel");
            assert_eq!(
                shop.call("POST", &path, body).await.1["errors"][0]["error_code"],
                code
            );
            checkout(&shop, "/shipping_amount/currency", json!("EUR")).await
        }
        "total_amount_invalid_currency" => {
            checkout(&shop, "/tax_amount/currency", json!("AED")).await
        }
        "invalid_phone_number" => pre_check(&shop, "SA", "call me").await,
        "items_is_empty" => legacy_refund(&shop, json!({ "items": [] })).await,
        "webhook_already_registered" => {
            let body = json!({ "events": ["order_approved"], "url": "https://shop.example/h" });
            let (_, made) = shop.call("POST", "/webhooks", body.clone()).await;
            let (status, again) = shop.call("POST", "/webhooks", body).await;
            assert_eq!(again["errors"][0]["data"]["webhook_id"], made["webhook_id"]);
            (status, again)
        }
        code if code.contains("phone") || code.starts_with("consumer") => customer(code).await,
        code => terms(code).await,
    }
}

async fn customer(code: &str) -> (u16, Value) {
    let shop = shop_of(|_, choices| choices.require_email = true);
    let (pointer, value) = match code {
        "consumer_invalid_phone_number" => ("/consumer/phone_number", json!("x")),
        "billing_address_invalid_phone_number" => {
            ("/billing_address", json!({ "phone_number": "x" }))
        }
        "shipping_address_invalid_phone_number" => ("/shipping_address/phone_number", json!("x")),
        "consumer_empty_email" => ("/consumer/email", json!("")),
        "consumer_invalid_email" => ("/consumer/email", json!("nobody")),
        "consumer_empty_first_name" => ("/consumer/first_name", json!(" ")),
        _ => panic!("row {code} of errors 3.2 has no case"),
    };
    checkout(&shop, pointer, value).await
}

/// What the merchant's agreement refuses.
async fn terms(code: &str) -> (u16, Value) {
    let only_three = PlanTerms {
        plan: Plan::Three,
        min_minor: 60_000,
        max_minor: 100_000,
    };
    let plans = vec![only_three, PlanTerms::any_total(Plan::Full)];
    let total = match code {
        "total_amount_invalid_limit" => 5001,
        "amount_is_higher_than_max_limit" => 1001,
        _ => 575,
    };
    let shop = shop_of(|merchant, choices| match code {
        "amount_is_higher_than_max_limit" | "amount_is_lower_than_min_limit" => {
            merchant.plans = plans;
        }
        "total_amount_invalid_limit_24hrs_gmv" => merchant.daily_max_minor = Some(100_000),
        "tamara_disabled" => merchant.disabled = true,
        "order_not_created" => choices.refuse_declined_phone = true,
        "total_amount_invalid_limit" => {}
        _ => panic!("row {code} of errors 3.2 has no case"),
    });
    match code {
        "order_not_created" => {
            return checkout(&shop, "/consumer/phone_number", json!("526422337")).await;
        }
        "total_amount_invalid_limit_24hrs_gmv" => drop(shop.approved().await),
        _ => {}
    }
    checkout(&shop, "/total_amount", sar(total)).await
}

/// A legacy refund of everything, with parts of it changed.
async fn legacy_refund(shop: &Shop, change: Value) -> (u16, Value) {
    let order_id = shop.authorised().await;
    let mut capture = amount("575");
    capture["order_id"] = order_id.as_str().into();
    capture["shipping_amount"] = sar(20);
    let (_, made) = shop.call("POST", "/payments/capture", capture).await;
    let mut part = json!({
        "capture_id": made["capture_id"], "total_amount": sar(575), "shipping_amount": sar(20),
        "items": order()["items"],
    });
    for (name, value) in change.as_object().unwrap() {
        part[name] = value.clone();
    }
    let body = json!({ "order_id": order_id, "refunds": [part] });
    shop.call("POST", "/payments/refund", body).await
}

#[tokio::test]
async fn every_code_is_given_for_its_reason() {
    for row in &tables(PAGE, "3.2")[0] {
        for code in quoted(&row[0]) {
            let (status, body) = refusal(&code).await;
            assert_eq!(body["errors"][0]["error_code"], code.as_str(), "{body}");
            let known: u16 = row[2]
                .split_whitespace()
                .next()
                .unwrap()
                .parse()
                .unwrap_or(400);
            assert_eq!(status, known, "{code}");
            for sentence in row[3].split('"').skip(1).step_by(2) {
                let sentence = sentence.split('{').next().unwrap();
                let message = body["message"].as_str().unwrap();
                assert!(message.starts_with(sentence), "{code}: {message}");
            }
        }
    }
}

/// The answer that the message of 3.3 comes with.
async fn answer(message: &str) -> (u16, Value) {
    let shop = Shop::open();
    match message {
        "Your order information is invalid" => shop.call("POST", "/checkout", json!({})).await,
        "Invalid country code" => checkout(&shop, "/country_code", json!("EG")).await,
        "We do not support your delivery country" => {
            checkout(&shop, "/shipping_address/country_code", json!("EG")).await
        }
        "refund.shipping_amount_invalid" => {
            legacy_refund(&shop, json!({ "shipping_amount": sar(5) })).await
        }
        "refund.capture_not_found" => legacy_refund(&shop, json!({ "capture_id": "" })).await,
        "Invalid registered event order_updated" => {
            let body = json!({ "events": ["order_updated"], "url": "https://shop.example/h" });
            shop.call("POST", "/webhooks", body).await
        }
        "Merchant is not found" => {
            let production = vec!["api-production".to_owned()];
            let shop = shop_of(|merchant, _| merchant.production_api_tokens = production);
            shop.of("api-production").get("/merchants/configs").await
        }
        "invalid json" => {
            let order = json!({ "amount": "575", "currency": "SAR" });
            let body = json!({ "order": order, "customer": {} });
            shop.call("POST", "/pre-checkout/v1/eligibility", body)
                .await
        }
        other => success(&shop, other).await,
    }
}

async fn success(shop: &Shop, message: &str) -> (u16, Value) {
    match message {
        "success" | "checkout_already_completed" | "checkout_already_expired" => {
            let (order_id, checkout_id) = crate::in_store::link(shop).await;
            let customer = shop.sandbox.customer(&checkout_id);
            match message {
                "success" => {}
                "checkout_already_completed" => drop(customer.approve(Plan::Full).unwrap()),
                _ => drop(customer.cancel().unwrap()),
            }
            let path = format!("/checkout/{checkout_id}/void?order_id={order_id}");
            shop.call("POST", &path, json!({})).await
        }
        "order.dispute.updated_successfully" => crate::disputes::answered(shop).await,
        "Order reference id was updated successfully" => {
            let path = format!("/orders/{}/reference-id", shop.approved().await);
            shop.call("PUT", &path, json!({ "order_reference_id": "N" }))
                .await
        }
        "Webhook was removed successfully" => {
            let body = json!({ "events": ["order_approved"], "url": "https://shop.example/h" });
            let (_, made) = shop.call("POST", "/webhooks", body).await;
            let path = format!("/webhooks/{}", made["webhook_id"].as_str().unwrap());
            shop.call("DELETE", &path, Value::Null).await
        }
        _ => panic!("row {message} of errors 3.3 has no case"),
    }
}

#[tokio::test]
async fn every_message_is_given_where_it_is_known() {
    for row in &tables(PAGE, "3.3")[0] {
        for message in quoted(&row[0]) {
            if message == "Merchant not found" {
                // A plugin's own wording of the one before.
                continue;
            }
            let (_, body) = answer(&message).await;
            assert_eq!(body["message"], message.as_str(), "{body}");
        }
    }
}

#[tokio::test]
async fn every_http_status_is_given_or_never_given() {
    let shop = Shop::open();
    for row in &tables(PAGE, "3.4")[0] {
        let status = match row[0].as_str() {
            "200" => checkout(&shop, "/description", json!("x")).await.0,
            "400" => shop.call("POST", "/checkout", json!({})).await.0,
            "401" => shop.of("api-unknown").get("/merchants/configs").await.0,
            "404" => {
                shop.get("/orders/00000000-0000-4000-8000-000000000000")
                    .await
                    .0
            }
            "409" => shop.cancel(&shop.approved().await, "1").await.0,
            // Not documented: only a fault gives them.
            "422" | "429" | "5xx" => continue,
            other => panic!("row {other} of errors 3.4 has no case"),
        };
        assert_eq!(status.to_string(), row[0]);
    }
}

#[tokio::test]
async fn the_envelope_has_its_parts_in_every_refusal() {
    let shop = Shop::open();
    let (_, body) = shop.cancel(&shop.approved().await, "575").await;
    for row in &tables(PAGE, "3.1")[0] {
        for part in quoted(&row[0]) {
            match part.as_str() {
                "errors[].data" => assert!(body["errors"][0]["data"].is_object()),
                // One third party has seen it: never given.
                "errors[].description" => assert!(body["errors"][0].get("description").is_none()),
                part => assert!(body.get(part).is_some(), "{part}"),
            }
        }
    }
}
