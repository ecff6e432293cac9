//! The hosted page, driven by its forms.

use serde_json::json;

use crate::shop::{MINUTE_MS, Reply, Session, Shop, order};

pub struct Browser<'a> {
    pub shop: &'a Shop,
    pub session: Session,
    pub locale: &'static str,
}

impl Browser<'_> {
    async fn at<'a>(shop: &'a Shop, locale: &'static str) -> Browser<'a> {
        let session = shop.checkout(order()).await;
        Browser {
            shop,
            session,
            locale,
        }
    }

    fn path(&self, rest: &str) -> String {
        format!(
            "/checkout/{}{rest}?locale={}",
            self.session.checkout_id, self.locale
        )
    }

    pub async fn look(&self) -> String {
        self.shop.page("GET", &self.path(""), &[]).await.text
    }

    pub async fn press(&self, button: &str, form: &[(&str, &str)]) -> Reply {
        let path = self.path(&format!("/{button}"));
        self.shop.page("POST", &path, form).await
    }

    pub async fn step(&self) -> String {
        step(&self.look().await)
    }

    pub async fn otp(&self) -> String {
        let page = self.look().await;
        let (_, rest) = page.split_once("data-otp=\"\">").unwrap();
        rest[..4].to_owned()
    }

    /// Up to the card.
    pub async fn choose(&self, plan: &str) {
        self.press("send-code", &[("phone", "0551230045")]).await;
        let otp = self.otp().await;
        self.press("verify-otp", &[("otp", &otp)]).await;
        self.press("choose-plan", &[("plan", plan)]).await;
        assert_eq!(self.step().await, "card");
    }

    pub async fn pay(&self, number: &str, expiry: &str, cvv: &str) -> Reply {
        let form = [
            ("card_number", number),
            ("card_expiry", expiry),
            ("card_cvv", cvv),
        ];
        self.press("pay", &form).await
    }

    pub async fn status(&self) -> String {
        self.shop.status(&self.session.order_id).await
    }
}

pub fn step(page: &str) -> String {
    let (_, rest) = page.split_once("data-step=\"").unwrap();
    rest.split_once('"').unwrap().0.to_owned()
}

#[tokio::test]
async fn a_customer_pays_with_mada_and_goes_back_to_the_store() {
    let shop = Shop::open();
    let browser = Browser::at(&shop, "en_US").await;
    let page = browser.look().await;
    assert_eq!(step(&page), "phone");
    for part in [
        "575.00",
        "Desk lamp",
        "Nakheel",
        "name=\"phone\"",
        "+966551230045",
        "id=\"send-code\"",
        "id=\"cancel-payment\"",
        "<html lang=\"en\" dir=\"ltr\">",
        "Never type a real card",
    ] {
        assert!(page.contains(part), "{part}");
    }
    let sent = browser
        .press("send-code", &[("phone", "+966 55 123 0045")])
        .await;
    assert_eq!((sent.status, sent.location), (303, browser.path("")));
    assert_eq!(browser.step().await, "otp");
    let wrong = browser.press("verify-otp", &[("otp", "x")]).await;
    assert_eq!(wrong.status, 422);
    assert!(wrong.text.contains("role=\"alert\""));
    let otp = browser.otp().await;
    browser.press("verify-otp", &[("otp", &otp)]).await;
    let plans = browser.look().await;
    assert_eq!(step(&plans), "plan");
    for part in [
        "191.68",
        "191.66",
        "143.75",
        "2 April 2026",
        "value=\"full\"",
        "id=\"choose-plan\"",
    ] {
        assert!(plans.contains(part), "{part}");
    }
    browser.press("choose-plan", &[("plan", "4")]).await;
    let paid = browser.pay("4658 5840 9000 0001", "01/99", "257").await;
    assert_eq!(
        (paid.status, &paid.location),
        (303, &browser.path("/result"))
    );
    let result = shop.page("GET", &paid.location, &[]).await;
    assert_eq!(step(&result.text), "approved");
    let onward = "3; url=https://shop.example/ok?shopOrder=100482&paymentStatus=approved&orderId=";
    let order_id = &browser.session.order_id;
    assert_eq!(result.refresh, format!("{onward}{order_id}"));
    assert_eq!(browser.status().await, "approved");
    assert_eq!(browser.step().await, "paid");
    let seen = shop.order(&browser.session.order_id).await;
    assert_eq!(seen["instalments"], 4);
    assert_eq!(seen["paid_amount"]["amount"], 143.75);
}

#[tokio::test]
async fn cards_with_3ds_ask_for_a_password() {
    let shop = Shop::open();
    let browser = Browser::at(&shop, "en_US").await;
    browser.choose("full").await;
    browser.pay("4242424242424242", "01/99", "100").await;
    assert_eq!(browser.step().await, "three_ds");
    assert_eq!(
        browser
            .press("confirm-3ds", &[("password", "")])
            .await
            .status,
        422
    );
    assert_eq!(browser.status().await, "new");
    browser
        .press("confirm-3ds", &[("password", "anything")])
        .await;
    assert_eq!(browser.status().await, "approved");
}

#[tokio::test]
async fn failing_cards_stay_on_the_page_and_are_not_shown_again() {
    let shop = Shop::open();
    let browser = Browser::at(&shop, "en_US").await;
    browser.choose("3").await;
    for (number, expiry, text) in [
        ("4556253752712245", "01/99", "The bank refused this card"),
        ("4000144348235050", "01/99", "The bank refused this card"),
        ("4544249167673670", "01/99", "The bank refused this card"),
        ("4242424242424242", "02/42", "linked to several accounts"),
        ("4012888888881881", "01/99", "does not know this card"),
        ("4242424242424242", "01/20", "a date in the future"),
    ] {
        let reply = browser.pay(number, expiry, "100").await;
        assert_eq!(reply.status, 422);
        assert!(reply.text.contains(text), "{text}");
        assert_eq!(step(&reply.text), "card");
        assert!(!reply.text.contains(&format!("value=\"{number}")));
        assert!(reply.text.contains("<title>Error: Pay by card"), "{text}");
    }
    assert!(
        !shop
            .sandbox
            .state()
            .to_string()
            .contains("4012888888881881")
    );
    assert_eq!(browser.status().await, "new");
    browser.pay("5436031030606378", "01/99", "257").await;
    assert_eq!(browser.status().await, "approved");
}

#[tokio::test]
async fn a_test_card_is_filled_in_without_script() {
    let shop = Shop::open();
    let browser = Browser::at(&shop, "en_US").await;
    browser.choose("2").await;
    let page = browser.look().await;
    assert!(page.contains("4658 5840 9000 0001") && page.contains("3456 7890 1234 564"));
    let filled = shop
        .page("GET", &format!("{}&use=0", browser.path("")), &[])
        .await
        .text;
    assert!(filled.contains("value=\"4658 5840 9000 0001\"") && filled.contains("value=\"01/99\""));
    assert!(!page.contains("<script") && !page.contains("src="));
}

#[tokio::test]
async fn the_declined_phone_is_declined() {
    let shop = Shop::open();
    let browser = Browser::at(&shop, "en_US").await;
    let reply = browser
        .press("send-code", &[("phone", "+966526422337")])
        .await;
    let page = shop.page("GET", &reply.location, &[]).await;
    assert_eq!(step(&page.text), "declined");
    let onward = "https://shop.example/no?paymentStatus=declined&orderId=";
    assert!(page.refresh.contains(onward), "{}", page.refresh);
    assert_eq!(browser.status().await, "declined");
}

#[tokio::test]
async fn cancel_ends_the_session_from_every_step() {
    let shop = Shop::open();
    for steps in 0..5 {
        let browser = Browser::at(&shop, "en_US").await;
        if steps > 0 {
            browser.press("send-code", &[("phone", "551230045")]).await;
        }
        if steps > 1 {
            let otp = browser.otp().await;
            browser.press("verify-otp", &[("otp", &otp)]).await;
        }
        if steps > 2 {
            browser.press("choose-plan", &[("plan", "2")]).await;
        }
        if steps > 3 {
            browser.pay("4242424242424242", "01/99", "100").await;
        }
        assert!(browser.look().await.contains("id=\"cancel-payment\""));
        let reply = browser.press("cancel-payment", &[]).await;
        let expected = format!(
            "myshop://checkout/cancel?paymentStatus=canceled&orderId={}",
            browser.session.order_id
        );
        assert_eq!((reply.status, reply.location), (303, expected));
        assert_eq!(browser.status().await, "expired");
        assert_eq!(browser.step().await, "expired");
    }
}

#[tokio::test]
async fn an_old_tab_moves_nothing() {
    let shop = Shop::open();
    let browser = Browser::at(&shop, "en_US").await;
    for (button, form) in [
        ("verify-otp", [("otp", "0000")]),
        ("choose-plan", [("plan", "3")]),
        ("pay", [("card_number", "4111111111111111")]),
        ("confirm-3ds", [("password", "x")]),
    ] {
        assert_eq!(browser.press(button, &form).await.status, 303, "{button}");
        assert_eq!(browser.step().await, "phone", "{button}");
    }
    shop.sandbox.clock().advance_ms(30 * MINUTE_MS);
    let late = browser.press("send-code", &[("phone", "551230045")]).await;
    assert_eq!(late.status, 303);
    let page = browser.look().await;
    assert_eq!(step(&page), "expired");
    assert!(page.contains("https://shop.example/no?paymentStatus=expired&#38;orderId="));
}

#[tokio::test]
async fn one_step_back_changes_phone_plan_or_card() {
    let shop = Shop::open();
    let browser = Browser::at(&shop, "en_US").await;
    browser.press("send-code", &[("phone", "551230045")]).await;
    browser.press("back", &[]).await;
    assert_eq!(browser.step().await, "phone");
    browser.choose("2").await;
    browser.pay("4242424242424242", "01/99", "100").await;
    browser.press("back", &[]).await;
    assert_eq!(browser.step().await, "card");
    browser.press("back", &[]).await;
    assert_eq!(browser.step().await, "plan");
}

#[tokio::test]
async fn every_step_speaks_arabic_from_right_to_left() {
    let shop = Shop::open();
    let browser = Browser::at(&shop, "ar_SA").await;
    assert!(
        browser
            .look()
            .await
            .contains("<html lang=\"ar\" dir=\"rtl\">")
    );
    browser.choose("3").await;
    let page = browser.look().await;
    assert!(page.contains("ادفع بالبطاقة") && page.contains("ر.س"));
    let refused = browser.pay("4556253752712245", "01/99", "1").await;
    assert!(refused.text.contains("رفض المصرف هذه البطاقة"));
}

#[tokio::test]
async fn addresses_that_lead_nowhere_and_hostile_texts_are_harmless() {
    let shop = Shop::open();
    let reply = shop.page("GET", "/checkout/none?locale=en_US", &[]).await;
    assert_eq!(reply.status, 404);
    assert_eq!(step(&reply.text), "unknown");
    let mut body = order();
    body["items"][0]["name"] = "<script>alert(1)</script>".into();
    body["merchant_url"]["success"] = "https://shop.example/شكرا#/done".into();
    let (_, made) = shop.call("POST", "/checkout", body).await;
    let path = format!("/checkout/{}", made["checkout_id"].as_str().unwrap());
    let page = shop.page("GET", &path, &[]).await.text;
    assert!(!page.contains("<script"));
    let customer = shop.sandbox.customer(made["checkout_id"].as_str().unwrap());
    let url = customer.approve(tamara_sandbox::Plan::Full).unwrap();
    // Other alphabets are encoded for the header; a fragment keeps its place before the parameters.
    let start =
        "https://shop.example/%D8%B4%D9%83%D8%B1%D8%A7#/done?paymentStatus=approved&orderId=";
    assert!(url.starts_with(start), "{url}");
    let (_, seen) = shop.get("/_sandbox/state").await;
    assert_eq!(seen["orders"][0]["step"], json!("phone"));
}
