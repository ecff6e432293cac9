//! The token of Tamara's calls, and their bodies.

use jsonwebtoken::{Algorithm, EncodingKey, Header};
use serde_json::{Value, json};
use tamara::notification::{BodyError, NotificationError, Verifier, Word, parse};

use crate::contract::fixture;

pub const NOW_S: i64 = 1_772_442_000;
pub const SECRET: &str = "example-notification-token-0001";

pub fn verifier(secrets: &[&str]) -> Verifier {
    Verifier::new(secrets.iter().map(|secret| (*secret).into()).collect()).unwrap()
}

pub fn signed(algorithm: Algorithm, claims: &Value, secret: &str) -> String {
    let key = EncodingKey::from_secret(secret.as_bytes());
    jsonwebtoken::encode(&Header::new(algorithm), claims, &key).unwrap()
}

pub fn genuine() -> String {
    signed(
        Algorithm::HS256,
        &json!({"exp": NOW_S + 900, "iat": NOW_S, "iss": "Tamara"}),
        SECRET,
    )
}

pub fn refused(token: &str) -> NotificationError {
    verifier(&[SECRET])
        .verify(None, Some(token), NOW_S)
        .unwrap_err()
}

#[test]
fn the_signed_example_of_the_fact_book_is_accepted() {
    let example: Value =
        serde_json::from_str(&fixture("webhook-00-http-request-and-jwt.json")).unwrap();
    let secret = example["notification_token"].as_str().unwrap();
    let header = example["http"]["headers"]["Authorization"]
        .as_str()
        .unwrap();
    let query = example["jwt"].as_str().unwrap();
    let claims = verifier(&[secret])
        .verify(Some(header), Some(query), NOW_S)
        .unwrap();
    assert_eq!(json!(claims.exp), example["jwt_claims"]["exp"]);
    assert_eq!(json!(claims.iat), example["jwt_claims"]["iat"]);
    assert_eq!(claims.iss, "Tamara");
}

#[test]
fn old_and_new_secret_stand_side_by_side() {
    let old = genuine();
    let new = signed(
        Algorithm::HS256,
        &json!({"exp": NOW_S, "iss": "Tamara"}),
        "new secret",
    );
    let both = verifier(&["new secret", SECRET]);
    both.verify(None, Some(&old), NOW_S).unwrap();
    both.verify(None, Some(&new), NOW_S).unwrap();
    assert_eq!(refused(&new), NotificationError::BadSignature);
}

#[test]
fn expiry_is_judged_by_the_given_time_with_leeway() {
    let (verifier, token) = (verifier(&[SECRET]), genuine());
    let verdict = |now_s| verifier.verify(None, Some(&token), now_s).map(|_| ());
    assert_eq!(verdict(NOW_S + 900), Ok(()));
    assert_eq!(verdict(NOW_S + 900 + 180), Ok(()));
    assert_eq!(verdict(NOW_S + 900 + 181), Err(NotificationError::Expired));
    assert_eq!(verdict(i64::MAX), Err(NotificationError::Expired));
    let endless = signed(
        Algorithm::HS256,
        &json!({"exp": i64::MAX, "iss": "Tamara"}),
        SECRET,
    );
    verifier.verify(None, Some(&endless), i64::MAX).unwrap();
}

#[test]
fn claims_must_be_tamaras() {
    for (claims, expected) in [
        (
            json!({"exp": NOW_S, "iss": "Somebody"}),
            NotificationError::WrongIssuer,
        ),
        (
            json!({"exp": NOW_S, "iss": "tamara"}),
            NotificationError::WrongIssuer,
        ),
        (json!({"exp": NOW_S}), NotificationError::Malformed),
        (json!({"iss": "Tamara"}), NotificationError::Malformed),
        (
            json!({"exp": "soon", "iss": "Tamara"}),
            NotificationError::Malformed,
        ),
        (json!([1]), NotificationError::Malformed),
    ] {
        assert_eq!(
            refused(&signed(Algorithm::HS256, &claims, SECRET)),
            expected,
            "{claims}"
        );
    }
    for token in ["a", "a.b", "a.b.c", "..", "....", &"x".repeat(5_000)] {
        assert_eq!(refused(token), NotificationError::Malformed, "{token}");
    }
    let mut changed = genuine();
    let cut = changed.rfind('.').unwrap() + 1;
    changed.replace_range(
        cut..=cut,
        if &changed[cut..=cut] == "A" { "B" } else { "A" },
    );
    assert_eq!(refused(&changed), NotificationError::BadSignature);
}

#[test]
fn every_example_body_is_read() {
    for (file, word) in [
        ("webhook-01-order-approved.json", "order_approved"),
        ("webhook-02-order-authorised.json", "order_authorised"),
        ("webhook-03-order-captured-full.json", "order_captured"),
        ("webhook-04-order-captured-partial.json", "order_captured"),
        ("webhook-05-order-refunded.json", "order_refunded"),
        ("webhook-06-order-canceled-full.json", "order_canceled"),
        ("webhook-07-order-canceled-partial.json", "order_canceled"),
        ("webhook-08-order-declined.json", "order_declined"),
        ("webhook-09-order-expired.json", "order_expired"),
        (
            "webhook-11-dispute-invented.json",
            "OrderDisputeAwaitingMerchantResponse",
        ),
    ] {
        let example: Value = serde_json::from_str(&fixture(file)).unwrap();
        let notification = parse(example["body"].to_string().as_bytes()).unwrap();
        assert_eq!(notification.word, Word::Event(word.to_owned()), "{file}");
        assert_eq!(
            json!(notification.order_id),
            example["body"]["order_id"],
            "{file}"
        );
        assert_eq!(
            json!(notification.order_reference_id),
            example["body"]["order_reference_id"]
        );
        let data = &example["body"]["data"];
        assert!(
            *data == json!([]) || *data == Value::Object(notification.data),
            "{file}"
        );
    }
}

#[test]
fn bodies_that_are_no_notification() {
    for (body, expected) in [
        ("", BodyError::NotJson),
        ("[]", BodyError::NotJson),
        (r#"["o",null,null,"e"]"#, BodyError::NotJson),
        (r#"{"order_id":"o""#, BodyError::NotJson),
        (r#"{"order_id":7,"event_type":"e"}"#, BodyError::NotJson),
        (r#"{"event_type":"order_approved"}"#, BodyError::NoOrder),
        (
            r#"{"order_id":"","event_type":"order_approved"}"#,
            BodyError::NoOrder,
        ),
        (r#"{"order_id":"o"}"#, BodyError::NoWord),
        (r#"{"order_id":"o","event_type":""}"#, BodyError::NoWord),
    ] {
        assert_eq!(parse(body.as_bytes()), Err(expected), "{body}");
    }
}
