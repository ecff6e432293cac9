//! Terms and identity, sessions of a till, and what the sandbox's choices change on the hosted page.

use axum::body::Body;
use axum::http::Request;
use serde_json::{Value, json};
use tamara_sandbox::{Choices, IdStep, Merchant, Plan, PlanTerms, RunOutRedirect};

use crate::hosted::{Browser, step};
use crate::shop::{MINUTE_MS, Session, Shop, options, order};

fn asking() -> Shop {
    let mut options = options();
    let emirates = Merchant::new("Falaj", "AE", "api-ae", "note-ae");
    options.merchants.push(emirates);
    options.choices.id_step = IdStep::FirstTime;
    Shop::with(options)
}

async fn at(shop: &Shop, order: Value) -> Browser<'_> {
    Browser {
        shop,
        session: shop.checkout(order).await,
        locale: "en_US",
    }
}

/// The same order in another country's currency.
fn order_in(country: &str, currency: &str, phone: &str) -> Value {
    let text = order().to_string().replace("SAR", currency);
    let mut order: Value = serde_json::from_str(&text).unwrap();
    order["country_code"] = country.into();
    order["shipping_address"]["country_code"] = country.into();
    order["consumer"]["phone_number"] = phone.into();
    order
}

async fn confirm_phone(browser: &Browser<'_>, phone: &str) {
    browser.press("send-code", &[("phone", phone)]).await;
    let otp = browser.otp().await;
    browser.press("verify-otp", &[("otp", &otp)]).await;
}

#[tokio::test]
async fn a_saudi_customer_agrees_and_confirms_with_nafath_once() {
    let shop = asking();
    let browser = at(&shop, order()).await;
    assert!(browser.look().await.contains("Identity"));
    confirm_phone(&browser, "0551230045").await;
    assert_eq!(browser.step().await, "terms");
    assert_eq!(browser.press("regenerate-id", &[]).await.status, 303);
    assert_eq!(browser.step().await, "terms", "an old tab moves nothing");
    browser.press("agree", &[]).await;
    assert_eq!(browser.step().await, "nafath");
    browser.press("regenerate-id", &[]).await;
    let page = shop.page("GET", &path(&browser, ""), &[]).await;
    assert_eq!(step(&page.text), "nafath_wait");
    assert_eq!(
        page.refresh,
        format!("3; url={}", path(&browser, "/id-confirmed"))
    );
    shop.page("GET", &path(&browser, "/id-confirmed"), &[])
        .await;
    assert_eq!(browser.step().await, "plan");
    assert!(browser.look().await.contains("Identity"));

    // The same person, another session: known. Another person: asked.
    let again = at(&shop, order()).await;
    confirm_phone(&again, "+966 55 123 0045").await;
    assert_eq!(again.step().await, "plan");
    assert!(!again.look().await.contains("Identity"));
    let other = at(&shop, order()).await;
    confirm_phone(&other, "0551230046").await;
    assert_eq!(other.step().await, "terms");
    other.press("back", &[]).await;
    assert_eq!(other.step().await, "phone");
}

fn path(browser: &Browser<'_>, rest: &str) -> String {
    let id = &browser.session.checkout_id;
    format!("/checkout/{id}{rest}?locale={}", browser.locale)
}

#[tokio::test]
async fn an_emirati_customer_is_scanned_in_three_taps_and_a_kuwaiti_never() {
    let shop = asking();
    let dubai = shop.of("api-ae");
    let browser = at(&dubai, order_in("AE", "AED", "501234567")).await;
    confirm_phone(&browser, "501234567").await;
    for picture in ["Scan the front", "Scan the back", "Take the picture"] {
        let page = browser.look().await;
        assert_eq!(step(&page), "kyc");
        assert!(page.contains(&format!(">{picture}</button>")), "{picture}");
        browser.press("take-picture", &[]).await;
    }
    assert_eq!(browser.step().await, "plan");
    let kuwait = shop.of("api-kw");
    let browser = at(&kuwait, order_in("KW", "KWD", "51234567")).await;
    confirm_phone(&browser, "51234567").await;
    assert_eq!(browser.step().await, "plan");
}

#[tokio::test]
async fn who_was_identified_is_kept_by_the_journal_and_forgotten_by_a_reset() {
    let directory = tempfile::tempdir().unwrap();
    let open = || {
        let mut options = options();
        options.data = Some(directory.path().to_owned());
        options.choices.id_step = IdStep::FirstTime;
        Shop::with(options)
    };
    let shop = open();
    let browser = at(&shop, order()).await;
    confirm_phone(&browser, "0551230045").await;
    for button in ["agree", "regenerate-id"] {
        browser.press(button, &[]).await;
    }
    shop.page("GET", &path(&browser, "/id-confirmed"), &[])
        .await;
    // The second restart reads what the first has compacted.
    for _ in 0..2 {
        let shop = open();
        let browser = at(&shop, order()).await;
        confirm_phone(&browser, "0551230045").await;
        assert_eq!(browser.step().await, "plan");
    }
    let shop = open();
    shop.call("POST", "/_sandbox/reset", json!({})).await;
    let browser = at(&shop, order()).await;
    confirm_phone(&browser, "0551230045").await;
    assert_eq!(browser.step().await, "terms");
}

#[tokio::test]
async fn a_failing_card_may_decline_the_order() {
    let shop = Shop::open();
    shop.sandbox.set_choices(Choices {
        failing_card_declines: true,
        ..Choices::default()
    });
    let browser = at(&shop, order()).await;
    browser.choose("full").await;
    let unknown = browser.pay("4012888888881881", "01/99", "100").await;
    assert_eq!(unknown.status, 422, "no card of the bank's");
    let failed = browser.pay("4544249167673670", "01/99", "100").await;
    assert_eq!(failed.location, path(&browser, "/result"));
    assert_eq!(browser.status().await, "declined");
}

#[tokio::test]
async fn only_the_merchants_plans_are_offered_and_taken() {
    let mut options = options();
    let two_up_to_500 = PlanTerms {
        plan: Plan::Two,
        min_minor: 0,
        max_minor: 50_000,
    };
    let four = PlanTerms::any_total(Plan::Four);
    options.merchants[0].plans = vec![two_up_to_500, four];
    let shop = Shop::with(options);
    let browser = at(&shop, order()).await;
    confirm_phone(&browser, "0551230045").await;
    let page = browser.look().await;
    assert!(page.contains("value=\"4\" checked"), "{page}");
    for plan in ["full", "2", "3", "5", ""] {
        assert!(!page.contains(&format!("name=\"plan\" value=\"{plan}\"")));
        let refused = browser.press("choose-plan", &[("plan", plan)]).await;
        assert_eq!(refused.status, 422, "{plan}");
    }
    browser.press("choose-plan", &[("plan", "4")]).await;
    assert_eq!(browser.step().await, "card");
}

#[tokio::test]
async fn the_field_at_fault_has_the_focus_and_the_rest_need_not_be_typed_again() {
    let shop = Shop::open();
    let browser = at(&shop, order()).await;
    let page = browser.press("send-code", &[("phone", "12<b>")]).await.text;
    assert!(page.contains("value=\"12&#60;b&#62;\""), "{page}");
    browser.choose("3").await;
    let fault = "aria-describedby=\"error\" aria-invalid=\"true\" autofocus>";
    let check = |page: &str, field: &str, number: &str, expiry: &str| {
        let (_, rest) = page.split_once(&format!("id=\"{field}\"")).unwrap();
        assert!(rest.split_once('>').unwrap().0.len() < 400);
        assert!(rest[..=rest.find('>').unwrap()].ends_with(fault), "{field}");
        assert_eq!(page.matches(" autofocus").count(), 1, "{field}");
        assert!(page.contains(&format!("value=\"{number}\"")), "{number}");
        assert!(page.contains(&format!("value=\"{expiry}\"")), "{expiry}");
    };
    let visa = "4111 1111 1111 1111";
    let page = browser.pay(visa, "01/20", "100").await.text;
    check(&page, "card_expiry", visa, "");
    let page = browser.pay(visa, "03 / 31", "999").await.text;
    check(&page, "card_cvv", visa, "03/31");
    let page = browser.pay("4012888888881881", "03/31", "100").await.text;
    check(&page, "card_number", "", "");
}

#[tokio::test]
async fn where_a_late_customer_goes_is_a_choice() {
    let shop = Shop::open();
    shop.sandbox.set_choices(Choices {
        run_out_redirect: RunOutRedirect::Cancel,
        ..Choices::default()
    });
    let browser = at(&shop, order()).await;
    shop.sandbox.clock().advance_ms(30 * MINUTE_MS);
    let page = browser.look().await;
    assert_eq!(step(&page), "expired");
    assert!(page.contains("myshop://checkout/cancel?paymentStatus=expired"));
}

/// A session that a till opened, with the page it is paid on.
async fn at_till<'a>(shop: &'a Shop, path: &str, body: Value) -> Browser<'a> {
    let request = Request::post(path)
        .header("authorization", format!("Bearer {}", shop.token))
        .header("x-device-id", "till-3");
    let reply = shop
        .send(request.body(Body::from(body.to_string())).unwrap())
        .await;
    assert_eq!(reply.status, 200, "{}", reply.text);
    let id = |name: &str| reply.json()[name].as_str().unwrap().to_owned();
    assert!(id("checkout_deeplink").contains(&id("checkout_id")));
    Browser {
        shop,
        session: Session {
            order_id: id("order_id"),
            checkout_id: id("checkout_id"),
        },
        locale: "en_US",
    }
}

#[tokio::test]
async fn a_customer_at_the_till_sees_how_it_ended_and_is_sent_nowhere() {
    let shop = Shop::open();
    let qr = json!({
        "amount": { "amount": 575, "currency": "SAR" }, "platform": "TEST_POS_QR",
        "additional_data": { "store_code": "OLAYA" },
    });
    let browser = at_till(&shop, "/checkout/in-store", qr.clone()).await;
    let page = browser.look().await;
    assert!(page.contains(
        "name=\"phone\" type=\"tel\" dir=\"ltr\" inputmode=\"tel\" autocomplete=\"tel\" value=\"\""
    ));
    assert!(page.contains(">Cancel the payment</button>"));
    browser.choose("4").await;
    let paid = browser.pay("4111111111111111", "01/99", "100").await;
    let result = shop.page("GET", &paid.location, &[]).await;
    assert_eq!(
        (step(&result.text).as_str(), result.refresh.as_str()),
        ("approved", "")
    );
    assert!(!result.text.contains("return-to-store") && !result.text.contains("Taking you back"));
    assert!(result.text.contains("You can close this page."));
    assert_eq!(browser.status().await, "fully_captured");

    let browser = at_till(&shop, "/checkout/in-store", qr).await;
    let left = browser.press("cancel-payment", &[]).await;
    assert_eq!(left.location, path(&browser, ""));
    assert_eq!(browser.step().await, "expired");
    assert_eq!(browser.status().await, "expired");
}
