//! What changes when a choice is made otherwise, and what the merchant's terms do.

use serde_json::{Value, json};
use tamara_sandbox::{
    Choices, CustomerCancel, DeclinedOrder, Options, OrderExpiryTime, PartialCancelEvent,
    PaymentTypesShape, Plan, PlanTerms, RefusalStatus, RepeatedAuthorise, RunOutRedirect,
    SecondWebhookDelete, UnsupportedPair, WrongEnvironmentStatus,
};

use crate::shop::{Shop, options, order};

fn shop(choose: impl FnOnce(&mut Choices)) -> Shop {
    let mut options: Options = options();
    choose(&mut options.choices);
    Shop::with(options)
}

fn sar(amount: i64) -> Value {
    json!({ "amount": amount, "currency": "SAR" })
}

#[tokio::test]
async fn amounts_are_rounded_and_sums_checked_where_that_is_chosen() {
    let lenient = shop(|choices| choices.lenient_amounts = true);
    let mut body = order();
    body["tax_amount"]["amount"] = json!("75.0049");
    let session = lenient.checkout(body.clone()).await;
    let tax = lenient.order(&session.order_id).await["tax_amount"]["amount"].clone();
    assert_eq!(tax, json!(75));
    assert_eq!(Shop::open().call("POST", "/checkout", body).await.0, 400);

    let exact = shop(|choices| choices.refuse_wrong_sums = true);
    assert_eq!(exact.call("POST", "/checkout", order()).await.0, 200);
    let mut body = order();
    body["total_amount"]["amount"] = 574.into();
    let (status, refused) = exact.call("POST", "/checkout", body.clone()).await;
    assert_eq!(
        (status, &refused["errors"][0]["error_code"]),
        (400, &json!("amount_mismatch"))
    );
    assert_eq!(Shop::open().call("POST", "/checkout", body).await.0, 200);
}

#[tokio::test]
async fn sloppy_orders_pass_where_that_is_chosen() {
    let lenient = shop(|choices| choices.lenient_orders = true);
    let mut bare = order();
    bare["items"] = json!([]);
    let mut typeless = order();
    typeless["items"][0]["type"] = Value::Null;
    for body in [bare, typeless] {
        assert_eq!(lenient.call("POST", "/checkout", body.clone()).await.0, 200);
        assert_eq!(Shop::open().call("POST", "/checkout", body).await.0, 400);
    }
}

#[tokio::test]
async fn payment_types_have_the_chosen_shape() {
    let object = shop(|choices| choices.payment_types = PaymentTypesShape::Object);
    let (_, body) = object.get("/checkout/payment-types?country=SA").await;
    assert_eq!(body["payment_types"][0]["name"], "PAY_BY_INSTALMENTS");
    let path = "/checkout/payment-types?country=SA&currency=AED";
    assert_eq!(Shop::open().get(path).await, (200, json!([])));
    let zero = shop(|choices| choices.unsupported_pair = UnsupportedPair::ZeroLimits);
    let (_, body) = zero.get(path).await;
    assert_eq!(body[0]["max_limit"], sar(0));
    assert_eq!(body[0]["supported_instalments"][2]["min_limit"], sar(0));
    let refused = shop(|choices| choices.unsupported_pair = UnsupportedPair::Refused);
    let (status, body) = refused.get(path).await;
    assert_eq!(
        (status, &body["errors"][0]["error_code"]),
        (400, &json!("not_supported_country_currency"))
    );
}

#[tokio::test]
async fn a_customer_leaves_and_a_session_runs_out_as_chosen() {
    let open = shop(|choices| {
        choices.customer_cancel = CustomerCancel::StaysOpen;
        choices.run_out_redirect = RunOutRedirect::Cancel;
    });
    let session = open.checkout(order()).await;
    let customer = open.sandbox.customer(&session.checkout_id);
    assert!(
        customer
            .cancel()
            .unwrap()
            .contains("paymentStatus=canceled")
    );
    assert_eq!(open.status(&session.order_id).await, "new");
    assert!(
        customer
            .expire()
            .unwrap()
            .starts_with("myshop://checkout/cancel?paymentStatus=expired")
    );
    let session = Shop::open().checkout(order()).await;
    assert!(!session.order_id.is_empty());
}

#[tokio::test]
async fn a_refusal_is_taken_back_only_where_that_is_chosen_and_while_the_session_lasts() {
    let declined = async |shop: &Shop| {
        let session = shop.checkout(order()).await;
        let customer = shop.sandbox.customer(&session.checkout_id);
        customer.decline().unwrap();
        (session, customer)
    };
    let kept = Shop::open();
    let (session, customer) = declined(&kept).await;
    assert!(customer.approve(Plan::Full).is_err());
    assert_eq!(kept.status(&session.order_id).await, "declined");
    let shop = shop(|choices| choices.declined_order = DeclinedOrder::MayBeApproved);
    let (session, customer) = declined(&shop).await;
    customer.approve(Plan::Full).unwrap();
    assert_eq!(shop.status(&session.order_id).await, "approved");
    let (session, customer) = declined(&shop).await;
    shop.sandbox.clock().advance_ms(24 * 3_600_000);
    assert!(customer.approve(Plan::Full).is_err());
    assert_eq!(shop.status(&session.order_id).await, "declined");
}

#[tokio::test]
async fn amounts_of_operations_are_lists_where_that_is_chosen() {
    let shop = shop(|choices| {
        choices.money_as_list = true;
        choices.captures_show_refunds = true;
        choices.order_expiry_time = OrderExpiryTime::After90Days;
    });
    let order_id = shop.approved().await;
    let (_, body) = shop.authorise(&order_id).await;
    assert_eq!(body["authorized_amount"], json!([sar(575)]));
    assert_eq!(body["order_expiry_time"], "2026-05-31T09:14:05.000Z");
    assert_eq!(
        shop.cancel(&order_id, "75").await.1["canceled_amount"],
        json!([sar(75)])
    );
    assert_eq!(
        shop.capture(&order_id, "500").await.1["captured_amount"],
        json!([sar(500)])
    );
    assert_eq!(
        shop.refund(&order_id, "10").await.1["refunded_amount"],
        json!([sar(10)])
    );
    let seen = shop.order(&order_id).await;
    assert_eq!(
        seen["transactions"]["captures"][0]["refunded_amount"],
        sar(10)
    );
    assert_eq!(seen["refunded_amount"], sar(10));
}

#[tokio::test]
async fn refusals_have_the_chosen_status() {
    let other = shop(|choices| {
        choices.transition_status = RefusalStatus::BadRequest;
        choices.excess_amount_status = RefusalStatus::Conflict;
        choices.unrecorded_status = RefusalStatus::Conflict;
        choices.wrong_environment_status = WrongEnvironmentStatus::BadRequest;
        choices.second_webhook_delete = SecondWebhookDelete::Removed;
        choices.repeated_authorise = RepeatedAuthorise::Already;
    });
    let order_id = other.approved().await;
    // Documented for cancel: no choice changes it.
    assert_eq!(other.cancel(&order_id, "1").await.0, 409);
    assert_eq!(other.capture(&order_id, "1").await.0, 400);
    other.authorise(&order_id).await;
    let (status, body) = other.authorise(&order_id).await;
    assert_eq!(status, 400);
    assert!(body["message"].as_str().unwrap().contains("already"));
    assert_eq!(other.capture(&order_id, "576").await.0, 409);
    let mut body = order();
    body["consumer"]["phone_number"] = json!("x");
    assert_eq!(other.call("POST", "/checkout", body).await.0, 409);
    assert_eq!(
        other.call("DELETE", "/webhooks/gone", Value::Null).await.0,
        200
    );

    let mut options = options();
    options.merchants[0].production_api_tokens = vec!["api-live".to_owned()];
    options.merchants[0].old_api_tokens = vec!["api-old".to_owned()];
    let default = Shop::with(options);
    assert_eq!(
        default.of("api-live").get("/merchants/configs").await.0,
        401
    );
    assert_eq!(default.of("api-old").get("/merchants/configs").await.0, 200);
    default.sandbox.set_choices(other.sandbox.choices());
    let (status, body) = default.of("api-live").get("/merchants/configs").await;
    assert_eq!(
        (status, &body["message"]),
        (400, &json!("Merchant is not found"))
    );
}

fn told(shop: &Shop) -> Vec<Value> {
    let state = shop.sandbox.state();
    let deliveries = state["deliveries"].as_array().unwrap().iter();
    deliveries
        .map(|d| d["body"]["event_type"].clone())
        .collect()
}

#[tokio::test]
async fn events_are_those_chosen() {
    let other = shop(|choices| {
        choices.partial_cancel_event = PartialCancelEvent::OrderUpdated;
        choices.authorised_event_on_auto_authorise = true;
        choices.authorised_event_on_auto_capture = false;
        choices.notification_callback = false;
        choices.all_dispute_events = false;
    });
    let events = [
        "order_updated",
        "order_canceled",
        "order_authorised",
        "order_captured",
    ];
    let hook = json!({ "events": events, "url": "https://shop.example/h" });
    for token in ["api-sa", "api-auto", "api-capture"] {
        assert_eq!(
            other
                .of(token)
                .call("POST", "/webhooks", hook.clone())
                .await
                .0,
            200
        );
    }
    let order_id = other.authorised().await;
    other.cancel(&order_id, "75").await;
    other.cancel(&order_id, "500").await;
    assert_eq!(
        told(&other),
        ["order_authorised", "order_updated", "order_canceled"]
    );
    other.of("api-auto").approved().await;
    assert_eq!(told(&other)[3..], ["order_authorised", "order_captured"]);
    let order_id = other.of("api-capture").approved().await;
    other.of("api-capture").authorise(&order_id).await;
    assert_eq!(told(&other)[5..], ["order_captured"]);
    let mut body = order();
    body["merchant_url"]["notification"] = json!("https://shop.example/n");
    let session = other.checkout(body).await;
    other
        .sandbox
        .customer(&session.checkout_id)
        .decline()
        .unwrap();
    assert_eq!(told(&other).len(), 6);
    let hook = json!({ "type": "dispute", "events": ["OrderDisputeClosed"], "url": "https://shop.example/d" });
    assert_eq!(other.call("POST", "/webhooks", hook).await.0, 400);
}

#[tokio::test]
async fn open_cells_of_the_matrix_follow_their_choice() {
    let other = shop(|choices| {
        choices.cancel_after_partial_capture = true;
        choices.capture_after_partial_refund = true;
    });
    let order_id = other.authorised().await;
    other.capture(&order_id, "100").await;
    assert_eq!(
        other.cancel(&order_id, "75").await.1["status"],
        "partially_captured"
    );
    other.refund(&order_id, "50").await;
    assert_eq!(
        other.capture(&order_id, "300").await.1["status"],
        "partially_refunded"
    );
    assert_eq!(other.capture(&order_id, "101").await.0, 400);
    let order_id = other.authorised().await;
    other.capture(&order_id, "100").await;
    assert_eq!(
        other.cancel(&order_id, "475").await.1["status"],
        "fully_captured"
    );
}

#[tokio::test]
async fn identity_is_answered_to_get_and_by_choice_to_post() {
    let closed = shop(|choices| choices.id_verification_by_post = false);
    let path =
        "/merchants/customer/id-verification-status?phone_number=966551230045&country_code=SA";
    assert_eq!(closed.raw("POST", path, String::new()).await.status, 405);
    let open = Shop::open();
    assert_eq!(
        open.get(path).await,
        (200, json!({ "is_id_verified": false }))
    );
    let body = json!({ "phone_number": "966551230045", "country_code": "AE" });
    let path = "/merchants/customer/id-verification-status";
    assert_eq!(open.call("POST", path, body).await.0, 200);
    let (status, body) = open
        .get("/merchants/customer/id-verification-status?phone_number=551230045&country_code=KW")
        .await;
    assert_eq!(
        (status, &body["message"]),
        (400, &json!("Invalid country code"))
    );
}

#[tokio::test]
async fn what_is_offered_follows_the_limits_of_each_plan() {
    let mut options = options();
    let terms = |plan, min_minor, max_minor| PlanTerms {
        plan,
        min_minor,
        max_minor,
    };
    options.merchants[0].plans = vec![
        terms(Plan::Full, 0, 50_000),
        terms(Plan::Three, 20_000, i64::MAX),
        terms(Plan::Four, 100_000, 300_000),
    ];
    options.merchants[0].single_checkout = false;
    let shop = Shop::with(options);
    let (_, all) = shop.get("/checkout/payment-types?country=SA").await;
    assert_eq!(all[0]["min_limit"], sar(200));
    assert_eq!(all[0]["max_limit"], sar(5000));
    let splits = all[0]["supported_instalments"].as_array().unwrap();
    assert_eq!(
        splits[1],
        json!({ "instalments": 4, "min_limit": sar(1000), "max_limit": sar(3000) })
    );
    assert_eq!(all[1]["max_limit"], sar(500));

    let (_, some) = shop
        .get("/checkout/payment-types?country=SA&order_value=575")
        .await;
    assert_eq!(some.as_array().unwrap().len(), 1);
    let credit = json!({ "total_amount": sar(2000), "country_code": "SA", "consumer": null });
    let (_, types) = shop
        .call("POST", "/checkout/credit-pre-check", credit)
        .await;
    assert_eq!(
        types[0]["supported_instalments"].as_array().unwrap().len(),
        2
    );

    let check = |phone: &str| {
        let body = json!({ "country": "SA", "phone_number": phone, "order_value": sar(2000), "is_vip": true });
        shop.call("POST", "/checkout/payment-options-pre-check", body)
    };
    let (_, options) = check("551230045").await;
    assert_eq!(options["single_checkout_enabled"], false);
    let labels = options["available_payment_labels"].as_array().unwrap();
    assert_eq!(
        labels.iter().map(|l| &l["instalment"]).collect::<Vec<_>>(),
        [3, 4]
    );
    let (_, none) = check("526422337").await;
    assert_eq!(none["has_available_payment_options"], false);
    assert_eq!(none["available_payment_labels"], json!([]));
    let (_, configs) = shop.get("/merchants/configs").await;
    assert_eq!(configs["single_checkout_enabled"], false);
    assert_eq!(configs["public_key"].as_str().unwrap().len(), 36);
}

#[tokio::test]
async fn the_portals_paths_and_the_legacy_refund_move_money_too() {
    let shop = Shop::open();
    let order_id = shop.authorised().await;
    let call = async |action: &str, amount: i64| {
        let path = format!("/merchants/orders/{order_id}/{action}");
        let body = json!({ "comment": "by hand", "total_amount": sar(amount) });
        shop.call("POST", &path, body).await.1["status"].clone()
    };
    assert_eq!(call("cancel", 75).await, "updated");
    assert_eq!(call("capture", 500).await, "fully_captured");
    assert_eq!(call("refund", 100).await, "partially_refunded");
    let seen = shop.order(&order_id).await;
    assert_eq!(seen["transactions"]["refunds"][0]["comment"], "by hand");
    assert_eq!(
        seen["transactions"]["captures"][0]["shipping_info"]["shipping_company"],
        "N/A"
    );

    let capture_id = &seen["transactions"]["captures"][0]["capture_id"];
    let part = |amount| json!({ "capture_id": capture_id, "total_amount": sar(amount), "items": order()["items"] });
    let body = json!({ "order_id": order_id, "refunds": [part(150), part(250)] });
    let (status, answer) = shop.call("POST", "/payments/refund", body.clone()).await;
    assert_eq!(status, 200, "{answer}");
    assert_eq!(answer["status"], "fully_refunded");
    assert_eq!(answer["refunded_amount"], sar(400));
    assert_eq!(answer["refunds"].as_array().unwrap().len(), 2);
    assert_eq!(&answer["refunds"][0]["capture_id"], capture_id);
    assert_eq!(shop.call("POST", "/payments/refund", body).await.0, 409);
}

#[tokio::test]
async fn a_legacy_refund_happens_whole_or_not_at_all() {
    let shop = Shop::open();
    let order_id = shop.authorised().await;
    let (_, made) = shop.capture(&order_id, "575").await;
    let part = |id: &Value, amount| json!({ "capture_id": id, "total_amount": sar(amount), "items": order()["items"] });
    let good = part(&made["capture_id"], 100);
    for (parts, status) in [
        (json!([good, part(&json!("gone"), 1)]), 400),
        (json!([good, part(&made["capture_id"], 500)]), 400),
        (json!([]), 400),
    ] {
        let body = json!({ "order_id": order_id, "refunds": parts });
        assert_eq!(
            shop.call("POST", "/payments/refund", body).await.0,
            status,
            "{parts}"
        );
        assert_eq!(shop.status(&order_id).await, "fully_captured");
    }
    assert_eq!(
        shop.refund(&order_id, "575").await.1["status"],
        "fully_refunded"
    );
}
