//! Defects that were seen in integrations of Tamara, as far as a client can have them: each has one test whose name says
//! the defect. `docs/wild-defects.md` lists them all.

use jsonwebtoken::Algorithm;
use serde_json::{Value, json};
use tamara::money::{Currency, Money, MoneyError};
use tamara::notification::{NotificationError, Verifier, Word, parse};
use tamara::orders::{OrderStatus, Transactions};
use tamara::transport::Environment;
use tamara::webhooks::Webhook;

use crate::contract::fixture;
use crate::notification::{NOW_S, SECRET, genuine, refused, signed, verifier};
use crate::scripted::answering;
use crate::tolerance::{read, sample};

#[test]
fn wild_09_three_digit_currencies_rounded_to_two() {
    let kwd = Money::parse_decimal("1.234", Currency::Kwd).unwrap();
    assert_eq!((kwd.minor(), kwd.decimal().as_str()), (1_234, "1.234"));
    let excess = Money::parse_decimal("1.2345", Currency::Kwd);
    assert_eq!(
        excess,
        Err(MoneyError::TooManyDigits {
            currency: Currency::Kwd
        })
    );
    assert!(Money::parse_decimal("1.234", Currency::Sar).is_err());
}

#[test]
fn wild_12_token_read_from_one_place_only() {
    let (verifier, token) = (verifier(&[SECRET]), genuine());
    let header = format!("Bearer {token}");
    let odd_header = format!(" bearer  {token} ");
    for (authorization, query, expected) in [
        (Some(header.as_str()), None, Ok(())),
        (Some(odd_header.as_str()), None, Ok(())),
        (None, Some(token.as_str()), Ok(())),
        (Some(""), Some(token.as_str()), Ok(())),
        (Some(header.as_str()), Some(""), Ok(())),
        (Some(header.as_str()), Some(token.as_str()), Ok(())),
        // The merchant's own extra header is no token of Tamara's.
        (Some("Basic abc"), Some(token.as_str()), Ok(())),
        (Some("Basic abc"), None, Err(NotificationError::Malformed)),
        (
            Some(token.as_str()),
            None,
            Err(NotificationError::Malformed),
        ),
        (
            Some("Bearer other"),
            Some(token.as_str()),
            Err(NotificationError::Disagree),
        ),
        (
            Some(header.as_str()),
            Some("other"),
            Err(NotificationError::Disagree),
        ),
        (None, None, Err(NotificationError::Missing)),
        (Some(" "), Some(""), Err(NotificationError::Missing)),
    ] {
        let verdict = verifier.verify(authorization, query, NOW_S).map(|_| ());
        assert_eq!(verdict, expected, "{authorization:?} {query:?}");
    }
}

#[test]
fn wild_13_check_skipped_when_the_secret_is_empty() {
    assert!(Verifier::new(Vec::new()).is_err());
    assert!(Verifier::new(vec!["".into()]).is_err());
    assert!(Verifier::new(vec![SECRET.into(), " \n".into()]).is_err());
}

#[test]
fn wild_14_token_compared_with_the_text_of_the_secret() {
    assert_eq!(refused(SECRET), NotificationError::Malformed);
    let claims = json!({"exp": NOW_S + 900, "iss": "Tamara"});
    for algorithm in [Algorithm::HS384, Algorithm::HS512] {
        let token = signed(algorithm, &claims, SECRET);
        assert_eq!(refused(&token), NotificationError::WrongAlgorithm);
    }
    // {"typ":"JWT","alg":"none"} with the payload of a genuine token and no signature.
    let payload = genuine().split('.').nth(1).unwrap().to_owned();
    let unsigned = format!("eyJ0eXAiOiJKV1QiLCJhbGciOiJub25lIn0.{payload}.");
    assert_eq!(refused(&unsigned), NotificationError::WrongAlgorithm);
    let other = signed(Algorithm::HS256, &claims, "another secret");
    assert_eq!(refused(&other), NotificationError::BadSignature);
}

#[test]
fn wild_26_parser_crashes_because_order_status_is_missing() {
    let example: Value =
        serde_json::from_str(&fixture("webhook-10-notification-url-approved.json")).unwrap();
    let notification = parse(example["body"].to_string().as_bytes()).unwrap();
    assert_eq!(notification.word, Word::Status(OrderStatus::Approved));
    let unknown = parse(br#"{"order_id":"o","order_status":"on_hold"}"#).unwrap();
    assert_eq!(
        unknown.word,
        Word::Status(OrderStatus::Unknown("on_hold".to_owned()))
    );
}

#[test]
fn wild_27_spaces_around_a_pasted_secret_break_the_signature() {
    let verifier = verifier(&[&format!("  {SECRET}\n")]);
    verifier.verify(None, Some(&genuine()), NOW_S).unwrap();
}

/// The page to pay on is whatever Tamara says, wherever it is.
#[tokio::test]
async fn wild_25_api_host_used_as_checkout_host() {
    let production = Environment::Production;
    assert_ne!(production.base_url(), Environment::Sandbox.base_url());
    let own = Environment::Url("http://127.0.0.1:9".to_owned());
    assert_eq!(own.base_url(), "http://127.0.0.1:9");
    let page = "https://pages.elsewhere.example/x/c?locale=ar_SA&orderId=o&show_item_images=1#top";
    let answer =
        json!({"order_id": "o", "checkout_id": "c", "checkout_url": page, "status": "new"});
    let (client, _) = answering(200, &answer.to_string());
    let example: Value = serde_json::from_str(&fixture("01-create-checkout-session.json")).unwrap();
    let first = example.get(0).unwrap_or(&example);
    let request = serde_json::from_value(first["request"]["body"].clone()).unwrap();
    let session = client.create_checkout(&request).await.unwrap();
    assert_eq!(session.checkout_url, page);
}

/// The API token too: pasted with a line break, it would be answered with 401.
#[tokio::test]
async fn wild_27_spaces_around_a_pasted_token_cause_401() {
    let (_, transport) = answering(200, "");
    let client = tamara::Client::new(transport.clone(), "  api-token \n".into());
    client.remove_webhook("w").await.unwrap();
    let sent = transport.sent.lock().unwrap();
    assert_eq!(
        secrecy::ExposeSecret::expose_secret(&sent[0].token),
        "api-token"
    );
}

#[test]
fn wild_28_unknown_event_breaks_decoding() {
    for data in ["[]", "{}", "null", "\"text\"", "[1]", "7"] {
        let body = format!(r#"{{"order_id":"o","event_type":"order_on_hold","data":{data}}}"#);
        let notification = parse(body.as_bytes()).unwrap();
        assert_eq!(notification.word, Word::Event("order_on_hold".to_owned()));
        assert!(notification.data.is_empty());
    }
    assert!(
        parse(br#"{"order_id":"o","event_type":"e"}"#)
            .unwrap()
            .data
            .is_empty()
    );
}

#[test]
fn wild_28_unknown_status_breaks_decoding() {
    let mut order = sample();
    order["status"] = json!("on_hold");
    let status = read(&order).unwrap().status;
    assert_eq!(status, OrderStatus::Unknown("on_hold".to_owned()));
    assert_eq!(status.as_str(), "on_hold");
    for known in OrderStatus::KNOWN {
        assert_eq!(OrderStatus::from(known.as_str()), known);
        assert!(!matches!(known, OrderStatus::Unknown(_)));
    }
}

#[test]
fn wild_29_empty_list_instead_of_an_object_breaks_decoding() {
    for nothing in [
        json!(null),
        json!([]),
        json!({}),
        json!({"captures": null, "cancels": []}),
    ] {
        let mut order = sample();
        order["transactions"] = nothing;
        assert_eq!(read(&order).unwrap().transactions, Transactions::default());
    }
    let webhook: Webhook = serde_json::from_str(r#"{"webhook_id":"w","headers":[]}"#).unwrap();
    assert!(webhook.headers.is_empty());
    assert!(serde_json::from_str::<Webhook>(r#"{"webhook_id":"w","headers":["a"]}"#).is_err());
}
