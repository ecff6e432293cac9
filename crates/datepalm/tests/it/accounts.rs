//! Accounts side by side (R28): each with its own keys, references, tokens and country, for ever.

use crate::on_both;
use crate::world::{KEY, KEY_KW, NOTIFICATION_TOKEN, World, order};
use axum::body::Body;
use axum::http::Request;
use jsonwebtoken::{EncodingKey, Header};
use secrecy::SecretString;
use serde_json::{Value, json};
use tamara::money::Country;
use tamara::transport::Environment;
use tamara_sandbox::Plan;

/// The same order in Kuwait.
fn kuwaiti(reference: &str) -> String {
    order(reference).to_string().replace("SAR", "KWD")
}

/// Delivers a notification signed with that token.
async fn notify(world: &World, secret: &str) -> u16 {
    let now_s = world.clock.now_ms() / 1_000;
    let claims = json!({ "iat": now_s, "exp": now_s + 900, "iss": "Tamara" });
    let key = EncodingKey::from_secret(secret.as_bytes());
    let token = jsonwebtoken::encode(&Header::default(), &claims, &key).unwrap();
    let request =
        Request::post("/hooks/tamara/sa").header("authorization", format!("Bearer {token}"));
    let body = json!({ "order_id": "ord", "event_type": "order_approved", "data": [] });
    world
        .raw(request.body(Body::from(body.to_string())).unwrap())
        .await
        .0
}

on_both! {
    async fn r28_references_and_keys_are_each_accounts_own(on: On) {
        let world = World::new(on).await;
        let (status, saudi) = world.post_as(KEY, "/v1/payments", "same-key", &order("A-1").to_string()).await;
        assert_eq!(status, 201, "{saudi:#}");
        let (status, kuwaiti) = world.post_as(KEY_KW, "/v1/payments", "same-key", &kuwaiti("A-1")).await;
        assert_eq!(status, 201, "{kuwaiti:#}");
        assert_ne!(saudi["id"], kuwaiti["id"]);
        let seen = |payment: &Value| json!([payment["account"], payment["livemode"], payment["sessions"][0]["order_reference_id"]]);
        assert_eq!((seen(&saudi), seen(&kuwaiti)), (json!(["sa", false, "A-1"]), json!(["kw", false, "A-1"])));
        world.finish().await;
    }

    async fn r28_country_and_environment_never_change(on: On) {
        let world = World::new(on).await;
        assert_eq!(world.refuses_to_start(&world.config).await, None);
        let mut moved = world.config.clone();
        moved.accounts.get_mut("kw").unwrap().country = Country::Bh;
        let says = world.refuses_to_start(&moved).await.unwrap();
        assert!(says.contains("account kw was started as country KW") && says.contains("configure a new account"), "{says}");
        let mut live = world.config.clone();
        live.accounts.get_mut("sa").unwrap().environment = Environment::Production;
        assert!(live.accounts["sa"].livemode());
        let says = world.refuses_to_start(&live).await.unwrap();
        assert!(says.contains("account sa was started as country SA at http://tamara.test"), "{says}");
        world.finish().await;
    }

    async fn r28_an_account_with_payments_is_not_left_out(on: On) {
        let world = World::new(on).await;
        world.create("A-1").await;
        let mut without = world.config.clone();
        without.accounts.remove("kw");
        assert_eq!(world.refuses_to_start(&without).await, None, "it has no payments");
        without.accounts.remove("sa");
        let says = world.refuses_to_start(&without).await.unwrap();
        assert!(says.contains("account sa has payments and is missing from the configuration"), "{says}");
        world.finish().await;
    }

    async fn r28_an_old_notification_token_goes_on_beside_the_new_one(on: On) {
        let mut world = World::new(on).await;
        let new = "notify-new-0123456789abcdef0123456789abcdef";
        assert_eq!((notify(&world, NOTIFICATION_TOKEN).await, notify(&world, new).await), (200, 401));
        let tokens = &mut world.config.accounts.get_mut("sa").unwrap().notification_tokens;
        tokens.insert(0, SecretString::from(new));
        world.restart().await;
        assert_eq!((notify(&world, NOTIFICATION_TOKEN).await, notify(&world, new).await), (200, 200));
        world.config.accounts.get_mut("sa").unwrap().notification_tokens.truncate(1);
        world.restart().await;
        assert_eq!((notify(&world, NOTIFICATION_TOKEN).await, notify(&world, new).await), (401, 200));
        world.finish().await;
    }

    async fn r28_an_old_api_token_goes_on_until_tamara_knows_the_new_one(on: On) {
        let mut world = World::new(on).await;
        world.config.accounts.get_mut("sa").unwrap().api_tokens.insert(0, SecretString::from("api-new"));
        world.restart().await;
        let (id, _) = world.create("A-1").await;
        assert_eq!(world.calls("/checkout"), 2, "the new one is refused, and the customer notices nothing");
        let timeline = world.get(&format!("/v1/payments/{id}/timeline")).await.1.to_string();
        assert_eq!(timeline.matches("\"http_status\":401").count(), 1, "{timeline}");
        world.create("A-2").await;
        assert_eq!(world.calls("/checkout"), 3, "and it is not tried again with every call");
        world.finish().await;
    }

    async fn r28_a_read_is_made_again_with_the_old_api_token(on: On) {
        let mut world = World::new(on).await;
        let (id, checkout) = world.create("A-1").await;
        world.config.accounts.get_mut("sa").unwrap().api_tokens.insert(0, SecretString::from("api-new"));
        world.restart().await;
        world.sandbox.customer(&checkout).approve(Plan::Full).unwrap();
        world.pass(60, 10).await;
        assert_eq!(world.payment(&id).await["status"], "authorised");
        assert_eq!(world.payment(&id).await["attention"], json!([]));
        world.finish().await;
    }
}
