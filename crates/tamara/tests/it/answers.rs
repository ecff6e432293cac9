//! The whole table from an answer to its meaning: status, envelope, and whether the call could
//! have changed something.

use std::time::Duration;

use tamara::Error;
use tamara::transport::{Response, TransportError};

use crate::scripted::{answering, response, scripted};

const ENVELOPE: &str =
    r#"{"message":"no","errors":[{"error_code":"a"},{"error_code":"b"}],"data":{}}"#;
const SHORT: &str = r#"{"message":"invalid json"}"#;
const TRANSITION: &str = r#"{"message":"The order cannot be moved","errors":[{"error_code":"transition_not_allowed","data":{"order_id":"o","old_state":"approved","new_state":"canceled"}}],"data":{},"title":null}"#;
const STATES_ONLY: &str =
    r#"{"message":"no","errors":[{"data":{"old_state":"authorised","new_state":"authorised"}}]}"#;
const STRANGER: &str = r#"{"message":"Merchant is not found"}"#;
/// What is not Tamara's envelope: pages, other JSON, nothing.
const FOREIGN: [&str; 8] = [
    "<html>blocked</html>",
    "",
    "null",
    "[]",
    r#"["no"]"#,
    r#"{"error":"no"}"#,
    r#"{"message":null}"#,
    r#"{"message":"cut o"#,
];

fn word(error: &Error) -> &'static str {
    match error {
        Error::Rejected(_) => "rejected",
        Error::Unauthorised(_) => "unauthorised",
        Error::NotFound(_) => "not found",
        Error::Conflict(_) => "conflict",
        Error::RateLimited { .. } => "rate limited",
        Error::NotSent { .. } => "not sent",
        Error::OutcomeUnknown { .. } => "unknown",
        Error::Malformed { .. } => "malformed",
    }
}

async fn check(status: u16, body: &str, on_change: &str, on_read: &str) {
    let (client, _) = answering(status, body);
    let changed = client.authorise("o").await.unwrap_err();
    assert_eq!(word(&changed), on_change, "{status} {body} on a change");
    let read = client.order("o").await.unwrap_err();
    assert_eq!(word(&read), on_read, "{status} {body} on a read");
}

#[tokio::test]
async fn refusals_in_the_envelope_are_definite() {
    for body in [ENVELOPE, SHORT] {
        for (status, expected) in [
            (400, "rejected"),
            (401, "unauthorised"),
            (402, "rejected"),
            (403, "unauthorised"),
            (404, "not found"),
            (405, "rejected"),
            (409, "conflict"),
            (410, "rejected"),
            (422, "rejected"),
            (429, "rate limited"),
            (451, "rejected"),
            (499, "rejected"),
        ] {
            check(status, body, expected, expected).await;
        }
    }
}

#[tokio::test]
async fn a_refused_transition_is_a_conflict_at_any_4xx() {
    for body in [TRANSITION, STATES_ONLY] {
        for status in [400, 403, 404, 409, 422] {
            check(status, body, "conflict", "conflict").await;
        }
        check(408, body, "unknown", "unknown").await;
        check(500, body, "unknown", "unknown").await;
    }
}

#[tokio::test]
async fn a_token_of_the_other_environment_never_says_that_an_order_is_missing() {
    for status in [400, 401, 403, 404] {
        check(status, STRANGER, "unauthorised", "unauthorised").await;
    }
}

#[tokio::test]
async fn redirects_timeouts_and_server_errors_leave_the_outcome_unknown() {
    for status in [
        300, 301, 302, 304, 307, 308, 408, 500, 502, 503, 504, 520, 599, 600, 100,
    ] {
        for body in [ENVELOPE, SHORT, FOREIGN[0], ""] {
            check(status, body, "unknown", "unknown").await;
        }
    }
}

#[tokio::test]
async fn a_4xx_of_somebody_else_proves_nothing() {
    for body in FOREIGN {
        check(400, body, "unknown", "malformed").await;
        check(401, body, "unknown", "unauthorised").await;
        check(403, body, "unknown", "unauthorised").await;
        check(404, body, "unknown", "malformed").await;
        check(408, body, "unknown", "unknown").await;
        check(409, body, "unknown", "malformed").await;
        check(429, body, "unknown", "rate limited").await;
    }
}

#[tokio::test]
async fn an_undecodable_success_is_unknown_or_malformed() {
    let without_id = r#"{"order_id":"","status":"authorised"}"#;
    for body in [
        FOREIGN[0],
        "",
        "null",
        "{}",
        "[]",
        "{\"order_id\":",
        without_id,
    ] {
        for status in [200, 201, 204] {
            check(status, body, "unknown", "malformed").await;
        }
    }
    // A maintenance page with status 200 does not acknowledge anything either.
    let (client, _) = answering(200, FOREIGN[0]);
    assert_eq!(
        word(&client.update_reference("o", "r").await.unwrap_err()),
        "unknown"
    );
    assert_eq!(
        word(&client.remove_webhook("w").await.unwrap_err()),
        "unknown"
    );
    let (client, _) = answering(200, "");
    client.remove_webhook("w").await.unwrap();
}

#[tokio::test]
async fn what_the_transport_knows_is_passed_on() {
    let (client, _) = scripted(Err(TransportError::NotSent("refused".to_owned())));
    assert_eq!(word(&client.authorise("o").await.unwrap_err()), "not sent");
    let (client, _) = scripted(Err(TransportError::OutcomeUnknown("time-out".to_owned())));
    assert_eq!(word(&client.authorise("o").await.unwrap_err()), "unknown");
    assert_eq!(word(&client.order("o").await.unwrap_err()), "unknown");
}

#[tokio::test]
async fn every_code_and_both_states_are_collected() {
    let (client, _) = answering(400, ENVELOPE);
    let error = client.order("o").await.unwrap_err();
    assert_eq!(error.refusal().unwrap().codes, ["a", "b"]);

    let (client, _) = answering(409, TRANSITION);
    let error = client.order("o").await.unwrap_err();
    let refusal = error.refusal().unwrap();
    assert_eq!(refusal.old_state.as_deref(), Some("approved"));
    assert_eq!(refusal.new_state.as_deref(), Some("canceled"));
    assert!(!refusal.already_there());

    let (client, _) = answering(409, STATES_ONLY);
    assert!(
        client
            .order("o")
            .await
            .unwrap_err()
            .refusal()
            .unwrap()
            .already_there()
    );
}

#[tokio::test]
async fn an_odd_envelope_is_still_an_envelope() {
    for errors in [
        "null",
        "{}",
        "[null,7,{\"error_code\":\"a\",\"data\":[]}]",
        "\"text\"",
    ] {
        let body = format!(r#"{{"message":"no","errors":{errors},"data":[]}}"#);
        check(400, &body, "rejected", "rejected").await;
    }
}

#[tokio::test]
async fn retry_after_is_read_in_seconds() {
    for (header, expected) in [
        (Some("17"), Some(Duration::from_secs(17))),
        (Some(" 3 "), Some(Duration::from_secs(3))),
        (Some("Wed, 21 Oct 2026 07:28:00 GMT"), None),
        (Some("-1"), None),
        (None, None),
    ] {
        let headers = header
            .map(|value| ("retry-after".to_owned(), value.to_owned()))
            .into_iter()
            .collect();
        let (client, _) = scripted(Ok(Response {
            headers,
            ..response(429, ENVELOPE)
        }));
        let error = client.authorise("o").await.unwrap_err();
        assert_eq!(
            error,
            Error::RateLimited {
                retry_after: expected
            }
        );
    }
}

#[tokio::test]
async fn ids_are_encoded_and_never_name_another_resource() {
    let (client, transport) = answering(404, ENVELOPE);
    client.order_by_reference("A/1 ?é").await.unwrap_err();
    let sent = transport.sent.lock().unwrap().remove(0);
    assert_eq!(
        sent.path,
        "/merchants/orders/reference-id/A%2F1%20%3F%C3%A9"
    );
    for id in ["", ".", ".."] {
        assert_eq!(word(&client.order(id).await.unwrap_err()), "not sent");
    }
    assert!(transport.sent.lock().unwrap().is_empty());
}
