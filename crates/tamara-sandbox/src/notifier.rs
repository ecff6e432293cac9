//! Tells merchants: signs and sends what is due, and records how it went.
//!
//! What is told is decided by the rules; here is only the queue's way out. Each attempt carries a
//! fresh token, in the header and in the query (webhooks 6.1). Invariant: a notification is in
//! flight at most once, and one whose sender died is due again after a restart.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use jsonwebtoken::{Algorithm, EncodingKey, Header, encode};
use reqwest::redirect;
use serde::Serialize;
use tokio::sync::Semaphore;
use tokio::task::JoinSet;

use crate::Sandbox;
use crate::faults::Fate;
use crate::faults::deliveries::{Alg, DeliveryFault};
use crate::world::{Attempt, Notification, World};

/// Seconds that a token lives (webhooks 6.2).
const TOKEN_SECONDS: i64 = 900;
/// Waits after the first, second ... failed attempt; then it is given up (webhooks 6.6, a guess).
const RETRY_AFTER_MS: [i64; 5] = [5_000, 30_000, 120_000, 600_000, 3_600_000];
const SEND_TIMEOUT: Duration = Duration::from_secs(10);
/// Requests on their way at the same time; a jump of the clock may make thousands due at once.
const SENDING_MAX: usize = 32;
/// The clock may be moved by hand, which wakes nobody: look again after this long at most.
const NAP: Duration = Duration::from_millis(500);
/// So much of a receiver's answer is kept for the delivery log.
const ANSWER_BYTES_MAX: usize = 2_000;
const HOUR_MS: i64 = 3_600_000;
/// Base64url of `{"typ":"JWT","alg":"none"}`.
const UNSIGNED_HEADER: &str = "eyJ0eXAiOiJKV1QiLCJhbGciOiJub25lIn0";
/// Headers that belong to Tamara; a merchant's own of the same name is dropped.
const RESERVED_HEADERS: [&str; 4] = ["authorization", "content-type", "content-length", "host"];

/// A notification that is ready to be sent.
#[derive(Clone)]
pub struct Delivery {
    /// Give it back to [`Sandbox::delivered`].
    pub id: u64,
    /// Where to POST, `tamaraToken` included.
    pub url: String,
    /// Names and values, `Authorization` and `Content-Type` included.
    pub headers: Vec<(String, String)>,
    /// JSON.
    pub body: String,
}

impl fmt::Debug for Delivery {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Delivery")
            .field("id", &self.id)
            .finish_non_exhaustive()
    }
}

#[derive(Serialize)]
struct Claims {
    exp: i64,
    iat: i64,
    iss: &'static str,
}

fn token(secret: &str, now_ms: i64) -> String {
    signed(Algorithm::HS256, secret, now_ms)
}

fn signed(algorithm: Algorithm, secret: &str, now_ms: i64) -> String {
    let iat = now_ms.div_euclid(1000);
    let claims = Claims {
        exp: iat + TOKEN_SECONDS,
        iat,
        iss: "Tamara",
    };
    let key = EncodingKey::from_secret(secret.as_bytes());
    encode(&Header::new(algorithm), &claims, &key).expect("an HMAC signs any claims")
}

/// The token, forged if the fault says so.
fn token_under(fault: Option<&DeliveryFault>, secret: &str, now_ms: i64) -> String {
    match fault {
        Some(DeliveryFault::BadSignature) => token(&format!("not {secret}"), now_ms),
        Some(DeliveryFault::Expired) => token(secret, now_ms - HOUR_MS),
        Some(DeliveryFault::WrongAlg(Alg::Hs512)) => signed(Algorithm::HS512, secret, now_ms),
        Some(DeliveryFault::WrongAlg(Alg::None)) => {
            let token = token(secret, now_ms);
            let claims = token.split('.').nth(1).expect("a token has three parts");
            format!("{UNSIGNED_HEADER}.{claims}.")
        }
        Some(
            DeliveryFault::Dropped
            | DeliveryFault::Doubled
            | DeliveryFault::Delayed { .. }
            | DeliveryFault::AfterNewer { .. }
            | DeliveryFault::UnknownEvent(_)
            | DeliveryFault::Data(_),
        )
        | None => token(secret, now_ms),
    }
}

/// What is due, decided by the faults, signed, and marked as being sent.
pub(crate) fn take_due(sandbox: &Sandbox) -> Vec<Delivery> {
    let mut dropped = Vec::new();
    let mut deliveries = Vec::new();
    {
        let mut books = sandbox.settled_books();
        let mut faults = sandbox.faults();
        let now_ms = sandbox.clock().now_ms();
        let token_ms = sandbox.token_ms(now_ms);
        let due = books
            .world
            .outbox()
            .take_while(|(at_ms, _)| *at_ms <= now_ms);
        let due: Vec<_> = due.map(|(_, id)| id).collect();
        for id in due {
            let waiting = !books.in_flight.contains_key(&id);
            let Some(notification) = books.world.notification(id).filter(|_| waiting) else {
                continue;
            };
            let (name, fault) = match faults.fate(&books.world, notification, now_ms) {
                Fate::Wait => continue,
                Fate::Drop(name) => {
                    dropped.push((id, name));
                    continue;
                }
                Fate::Send(None) => (None, None),
                Fate::Send(Some((name, fault))) => (Some(name), Some(fault)),
            };
            if let Some(delivery) = sign(&books.world, notification, token_ms, fault.as_ref()) {
                if fault == Some(DeliveryFault::Doubled) {
                    deliveries.push(delivery.clone());
                }
                deliveries.push(delivery);
                books.in_flight.insert(id, name);
            }
        }
    }
    for (id, name) in dropped {
        sandbox.record_dropped(id, name);
    }
    deliveries
}

/// Signs a notification for an attempt at `now_ms`; `None` if its merchant is no longer configured.
fn sign(
    world: &World,
    notification: &Notification,
    now_ms: i64,
    fault: Option<&DeliveryFault>,
) -> Option<Delivery> {
    let account = world.account(&notification.merchant_id)?;
    let token = token_under(fault, &account.merchant.notification_token, now_ms);
    let mut headers = vec![
        ("Content-Type".to_owned(), "application/json".to_owned()),
        ("Authorization".to_owned(), format!("Bearer {token}")),
    ];
    let own = notification.headers.iter();
    headers.extend(
        own.filter(|(name, _)| !RESERVED_HEADERS.contains(&name.to_ascii_lowercase().as_str()))
            .map(|(name, value)| (name.clone(), value.clone())),
    );
    let body = match fault {
        Some(fault) => fault.spoil(&notification.body),
        None => notification.body.clone(),
    };
    Some(Delivery {
        id: notification.id,
        url: with_token(&notification.url, &token),
        headers,
        body,
    })
}

fn with_token(url: &str, token: &str) -> String {
    // A fragment never leaves the sender; the token must not end up in it.
    let url = url.split_once('#').map_or(url, |(url, _)| url);
    let mark = if url.contains('?') { '&' } else { '?' };
    format!("{url}{mark}tamaraToken={token}")
}

/// Adds the result of an attempt and says when the next one is owed.
pub(crate) fn record(notification: &mut Notification, attempt: Attempt, now_ms: i64) {
    let failed = !attempt.succeeded();
    let delay = RETRY_AFTER_MS.get(notification.attempts.len());
    notification.next_at_ms = delay.filter(|_| failed).map(|delay| now_ms + delay);
    notification.attempts.push(attempt);
}

/// How a try to send ended.
pub(crate) struct Outcome {
    /// The HTTP status, or what went wrong.
    pub(crate) result: Result<u16, String>,
    /// The beginning of the answer's body, if there was one.
    pub(crate) answer: Option<String>,
}

/// The sender for real use. Never returns; dropping it stops it.
pub(crate) async fn run(sandbox: &Sandbox) {
    let client = reqwest::Client::builder()
        .redirect(redirect::Policy::none())
        .timeout(SEND_TIMEOUT)
        .no_proxy()
        .build();
    let client = match client {
        Ok(client) => client,
        Err(error) => {
            tracing::error!(%error, "the notifier has no HTTP client: nothing will be sent");
            return;
        }
    };
    let mut sending = JoinSet::new();
    let places = Arc::new(Semaphore::new(SENDING_MAX));
    loop {
        for delivery in sandbox.take_due() {
            let (client, sandbox, places) = (client.clone(), sandbox.clone(), places.clone());
            sending.spawn(async move {
                let _place = places.acquire().await;
                let id = delivery.id;
                let outcome = send(&client, delivery).await;
                sandbox.record_outcome(id, outcome);
            });
        }
        let nap = tokio::time::timeout(NAP, sandbox.wake().notified());
        // Finished sends are collected so that the set does not grow; an empty set would be ready at once.
        tokio::select! {
            _ = nap => {}
            Some(_) = sending.join_next() => {}
        }
    }
}

async fn send(client: &reqwest::Client, delivery: Delivery) -> Outcome {
    let mut request = client.post(&delivery.url).body(delivery.body);
    for (name, value) in &delivery.headers {
        request = request.header(name, value);
    }
    match request.send().await {
        Ok(response) => Outcome {
            result: Ok(response.status().as_u16()),
            answer: beginning(response).await,
        },
        // The address carries the token and stays out of the record.
        Err(error) => Outcome {
            result: Err(root_cause(&error.without_url())),
            answer: None,
        },
    }
}

/// What fits of an answer's body; an answer that breaks off counts as far as it came.
async fn beginning(mut response: reqwest::Response) -> Option<String> {
    let mut bytes = Vec::new();
    while let Ok(Some(chunk)) = response.chunk().await {
        bytes.extend_from_slice(&chunk);
        if bytes.len() >= ANSWER_BYTES_MAX {
            bytes.truncate(ANSWER_BYTES_MAX);
            break;
        }
    }
    (!bytes.is_empty()).then(|| String::from_utf8_lossy(&bytes).into_owned())
}

/// "Connection refused" says more than "error sending request".
fn root_cause(error: &dyn std::error::Error) -> String {
    let mut error = error;
    while let Some(source) = error.source() {
        error = source;
    }
    error.to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_token_is_the_fact_books_test_vector() {
        let expected = concat!(
            "eyJ0eXAiOiJKV1QiLCJhbGciOiJIUzI1NiJ9.",
            "eyJleHAiOjE3NzI0NDI5MDAsImlhdCI6MTc3MjQ0MjAwMCwiaXNzIjoiVGFtYXJhIn0.",
            "S4J-6FHwMWF7NS1u-AxeQfa3hmye0nrRk53s-_XkPEE",
        );
        let made = token("example-notification-token-0001", 1_772_442_000_999);
        assert_eq!(made, expected);
    }

    #[test]
    fn the_token_joins_any_address() {
        let check = |url: &str, expected: &str| assert_eq!(with_token(url, "T"), expected);
        check("https://s.example/h", "https://s.example/h?tamaraToken=T");
        check(
            "https://s.example/h?a=1",
            "https://s.example/h?a=1&tamaraToken=T",
        );
        check("https://s.example/h#x", "https://s.example/h?tamaraToken=T");
    }
}
