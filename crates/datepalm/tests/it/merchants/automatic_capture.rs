//! Automatic capture (R24): from the customer's approval to captured without anybody asking, once; and not without the
//! company that Tamara wants named in every capture.

use crate::on_both;
use crate::world::{World, ids_of, order};
use datepalm::config;
use datepalm::domain::payment::CaptureMode;
use serde_json::{Value, json};
use std::path::Path;
use tamara_sandbox::Plan;

/// From the customer's approval to captured, and to long after it.
async fn is_captured_once(world: &World, payment: &Value) {
    let (id, checkout) = ids_of(payment);
    assert_eq!(payment["capture_mode"], "automatic", "{payment:#}");
    let customer = world.sandbox.customer(&checkout);
    customer.approve(Plan::Full).unwrap();
    world.deliver(2).await;
    world.work().await;
    let captured = world.payment(&id).await;
    assert_eq!(captured["status"], "captured", "{captured:#}");
    assert_eq!(captured["amounts"]["captured"]["amount"], 30_012);
    let operations = captured["operations"].as_array().unwrap().iter();
    let captures: Vec<_> = operations
        .filter(|operation| operation["kind"] == "capture")
        .map(|operation| (&operation["state"], &operation["origin"]))
        .collect();
    assert_eq!(captures, [(&json!("succeeded"), &json!("plan"))]);
    // What Tamara tells of it, twice, and months of looking again capture nothing more.
    world.deliver(2).await;
    world.pass(90 * 86_400, 30).await;
    assert_eq!(world.calls("/capture"), 1);
    let book = world.book(&id).await;
    assert_eq!(book["captured_minor"], 30_012, "{book:#}");
}

on_both! {
    async fn r24_a_payment_that_asks_for_it_is_captured_by_itself_once(on: On) {
        let world = World::new(on).await;
        let mut wish = order("A-1");
        wish["capture_mode"] = json!("automatic");
        let (status, payment) = world.post("/v1/payments", "k", &wish).await;
        assert_eq!(status, 201, "{payment:#}");
        is_captured_once(&world, &payment).await;
        world.finish().await;
    }

    async fn r24_an_account_may_capture_everything_by_itself(on: On) {
        let mut world = World::new(on).await;
        world.config.accounts.get_mut("sa").unwrap().capture_mode = CaptureMode::Automatic;
        world.restart().await;
        let (status, payment) = world.post("/v1/payments", "k", &order("A-1")).await;
        assert_eq!(status, 201, "{payment:#}");
        is_captured_once(&world, &payment).await;
        world.finish().await;
    }
}

#[test]
fn r24_an_automatic_account_without_a_shipping_company_refuses_to_start() {
    let settings = |more: &str| {
        let text = format!(
            r#"
            public_url = "http://datepalm.test"
            [accounts.sa]
            country = "SA"
            environment = "http://tamara.test"
            api_token = "api-sa"
            notification_token = "notify-sa-0123456789abcdef0123456789abcdef"
            return_url_prefixes = ["https://shop.test"]
            capture_mode = "automatic"
            {more}
            "#
        );
        config::parse(&text, Path::new("."))
    };
    let refusal = settings("").unwrap_err().to_string();
    let expected = "accounts.sa: capture_mode automatic needs shipping_company, which each capture must name (R24)";
    assert!(refusal.contains(expected), "{refusal}");
    let account = settings("shipping_company = \"Aramex\"").unwrap();
    assert_eq!(account.accounts["sa"].capture_mode, CaptureMode::Automatic);
}
