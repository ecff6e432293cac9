//! What holds of whatever bytes come from Tamara: a value or an error, of a size that follows from the input's.
//!
//! The property tests, the seeds and the fuzzers (`fuzz/`, by `#[path]`) end here. One function per kind of bytes; each
//! panics when something does not hold, and keeps nothing from one input to the next.

use std::sync::LazyLock;

use jsonwebtoken::{Algorithm, EncodingKey};
use serde_json::{Value, json};
use tamara::Error;
use tamara::money::{Currency, Money};
use tamara::notification::{NotificationError, Verifier, parse};
use tamara::orders::Order;
use tamara::transport::Response;

use crate::calls::call;
use crate::scripted::scripted;

/// One example or more of each call of the client.
const EXAMPLES: [&str; 11] = [
    include_str!("../fixtures/01-create-checkout-session.json"),
    include_str!("../fixtures/02-payment-types.json"),
    include_str!("../fixtures/04-eligibility.json"),
    include_str!("../fixtures/06-get-order-new.json"),
    include_str!("../fixtures/07-get-order-by-reference.json"),
    include_str!("../fixtures/08-authorise.json"),
    include_str!("../fixtures/09-cancel.json"),
    include_str!("../fixtures/10-capture.json"),
    include_str!("../fixtures/11-simplified-refund.json"),
    include_str!("../fixtures/13-update-reference-id.json"),
    include_str!("../fixtures/14-webhooks-registry.json"),
];

static REQUESTS: LazyLock<Vec<Value>> = LazyLock::new(|| {
    let files = EXAMPLES.iter().map(|text| serde_json::from_str(text));
    let exchanges = files.flat_map(|file| match file.unwrap() {
        Value::Array(list) => list,
        single => vec![single],
    });
    exchanges
        .map(|exchange| exchange["request"].clone())
        .collect()
});

/// An answer of Tamara, whole: `METHOD /path status`, as an example has them, a line's end, and the body.
pub fn answer(bytes: &[u8]) {
    let Some((head, body)) = split_line(bytes) else {
        return;
    };
    let mut words = head.split(' ');
    let (method, path, status) = (words.next(), words.next(), words.next());
    let request = REQUESTS
        .iter()
        .find(|request| request["method"].as_str() == method && request["path"].as_str() == path);
    let status = status.and_then(|status| status.parse().ok());
    if let (Some(request), Some(status)) = (request, status) {
        answer_to(request, status, body.to_vec());
    }
    read_again(body);
}

/// Up to the first line's end, and what follows it.
fn split_line(bytes: &[u8]) -> Option<(&str, &[u8])> {
    let end = bytes.iter().position(|byte| *byte == b'\n')?;
    let line = std::str::from_utf8(&bytes[..end]).ok()?;
    Some((line, &bytes[end + 1..]))
}

fn block_on<T>(future: impl Future<Output = T>) -> T {
    let runtime = tokio::runtime::Builder::new_current_thread().build();
    runtime.unwrap().block_on(future)
}

/// Makes the call of an example's request and answers it with these bytes.
pub fn answer_to(request: &Value, status: u16, body: Vec<u8>) {
    let size = body.len();
    let response = Response {
        status,
        headers: vec![(
            "retry-after".to_owned(),
            String::from_utf8_lossy(&body).into_owned(),
        )],
        body,
    };
    let (client, transport) = scripted(Ok(response));
    let (method, path) = (
        request["method"].as_str().unwrap(),
        request["path"].as_str().unwrap(),
    );
    let answer = block_on(call(&client, method, path, &request["body"]));
    assert_eq!(
        transport.sent.lock().unwrap().len(),
        1,
        "one call is one request"
    );
    match answer {
        Ok(answer) => {
            assert!((200..300).contains(&status), "{status} is no success");
            assert!(
                answer.len() <= 8 * size + 4_096,
                "{} bytes of {size}",
                answer.len()
            );
        }
        Err(error) => {
            let said = format!("{error} {error:?}").len();
            assert!(said <= 8 * size + 1_024, "{said} bytes of {size}");
            let changes = method != "GET" && !path.contains("eligibility");
            let definite = !matches!(
                error,
                Error::OutcomeUnknown { .. } | Error::Malformed { .. }
            );
            assert!(
                !definite || (400..500).contains(&status),
                "{status}: {error}"
            );
            assert!(
                !changes || !matches!(error, Error::Malformed { .. }),
                "{error}"
            );
        }
    }
}

/// What was read of an order reads the same again.
pub fn read_again(body: &[u8]) {
    let Ok(order) = serde_json::from_slice::<Order>(body) else {
        return;
    };
    let written = serde_json::to_string(&order).unwrap();
    let again: Order = serde_json::from_str(&written).unwrap();
    assert_eq!(serde_json::to_string(&again).unwrap(), written);
}

/// The body of a notification.
pub fn notification(body: &[u8]) {
    let Ok(read) = parse(body) else {
        return;
    };
    assert!(!read.order_id.is_empty());
    assert!(read.order_id.len() <= body.len());
    let data = serde_json::to_string(&read.data).unwrap();
    assert!(
        data.len() <= 8 * body.len() + 64,
        "{} bytes of {}",
        data.len(),
        body.len()
    );
    assert!(format!("{read:?}").len() <= 16 * body.len() + 256);
}

/// An amount in each currency: exactly its text, or refused.
pub fn amount(text: &str) {
    for currency in Currency::ALL {
        amount_in(text, currency);
    }
}

/// An amount in one currency.
pub fn amount_in(text: &str, currency: Currency) {
    let expected = minor_digits(text, currency.digits() as usize);
    let parsed = Money::parse_decimal(text, currency).ok();
    assert_eq!(
        parsed.map(|money| money.minor().to_string()),
        expected,
        "{text:.60}"
    );
    if let Some(money) = parsed {
        let again = Money::parse_decimal(&money.decimal(), currency);
        assert_eq!(again, Ok(money), "{text:.60}");
        let written = serde_json::to_string(&money).unwrap();
        assert_eq!(serde_json::from_str::<Money>(&written).unwrap(), money);
    }
    // The same way through JSON, as a number and as a text: no float on either.
    let code = currency.code();
    let quoted = format!(
        "{{\"amount\":{},\"currency\":\"{code}\"}}",
        Value::from(text)
    );
    assert_eq!(
        serde_json::from_str::<Money>(&quoted).ok(),
        parsed,
        "{text:.60}"
    );
    let bare = format!("{{\"amount\":{text},\"currency\":\"{code}\"}}");
    if let Ok(money) = serde_json::from_str::<Money>(&bare) {
        // White space around a number is JSON's; a quoted text that was made up is a text; and a comma begins something else.
        let stands = match serde_json::from_str::<Value>(text) {
            Ok(Value::String(text)) => text,
            Ok(_) => text.trim().to_owned(),
            Err(_) => return,
        };
        assert_eq!(
            Some(money.minor().to_string()),
            minor_digits(&stands, currency.digits() as usize),
            "{text:.60}"
        );
    }
}

/// The value of a decimal text in minor units as digits, or nothing: written down a second time, on texts alone.
fn minor_digits(text: &str, digits: usize) -> Option<String> {
    let (sign, rest) = text
        .strip_prefix('-')
        .map_or(("", text), |rest| ("-", rest));
    let (whole, fraction) = match rest.split_once('.') {
        Some((_, "")) => return None,
        Some(parts) => parts,
        None => (rest, ""),
    };
    let plain = |part: &str| part.chars().all(|c| c.is_ascii_digit());
    if whole.is_empty() || !plain(whole) || !plain(fraction) {
        return None;
    }
    let significant = fraction.trim_end_matches('0');
    if significant.len() > digits {
        return None;
    }
    let all = format!("{whole}{significant:0<digits$}");
    let all = all.trim_start_matches('0');
    let value = if all.is_empty() {
        "0".to_owned()
    } else {
        format!("{sign}{all}")
    };
    let largest = if sign.is_empty() {
        "9223372036854775807"
    } else {
        "9223372036854775808"
    };
    let fits = all.len() < largest.len() || (all.len() == largest.len() && all <= largest);
    fits.then_some(value)
}

/// What Tamara signs with, in the fact book's example.
pub const SECRET: &str = "example-notification-token-0001";
/// When that example was issued, seconds since 1970.
pub const NOW_S: i64 = 1_772_442_000;

/// A token with any payload and a good signature.
pub fn signed(payload: &[u8]) -> String {
    let header = json!({ "typ": "JWT", "alg": "HS256" }).to_string();
    let key = EncodingKey::from_secret(SECRET.as_bytes());
    let parts = [header.as_bytes(), payload].map(base64url);
    let message = parts.join(".");
    let signature = jsonwebtoken::crypto::sign(message.as_bytes(), &key, Algorithm::HS256);
    format!("{message}.{}", signature.unwrap())
}

fn base64url(bytes: &[u8]) -> String {
    const LETTERS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    let mut text = String::new();
    for chunk in bytes.chunks(3) {
        let number = chunk
            .iter()
            .fold(0_usize, |number, byte| number << 8 | usize::from(*byte));
        let number = number << (8 * (3 - chunk.len()));
        for place in 0..=chunk.len() {
            text.push(char::from(LETTERS[number >> (18 - 6 * place) & 63]));
        }
    }
    text
}

/// Knows the one secret.
pub fn verifier() -> Verifier {
    Verifier::new(vec![SECRET.into()]).unwrap()
}

/// The fact book's token.
pub fn genuine() -> String {
    let example: Value = serde_json::from_str(include_str!(
        "../fixtures/webhook-00-http-request-and-jwt.json"
    ))
    .unwrap();
    example["jwt"].as_str().unwrap().to_owned()
}

/// Three parts, each after a line's end: the `Authorization` header, the query's token, and a payload that is signed first.
pub fn token(bytes: &[u8]) {
    let Some((header, rest)) = split_line(bytes) else {
        return;
    };
    let Some((query, payload)) = split_line(rest) else {
        return;
    };
    let header = Some(header).filter(|text| !text.is_empty());
    let query = Some(query).filter(|text| !text.is_empty());
    unsigned(header, query);
    signed_payload(payload);
}

/// A payload that Tamara's key signed is judged by its claims alone.
pub fn signed_payload(payload: &[u8]) {
    let token = signed(payload);
    let answer = verifier().verify(None, Some(&token), NOW_S);
    if let Ok(claims) = answer {
        assert!(token.len() <= 4_096, "{}", token.len());
        assert_eq!(claims.iss, "Tamara");
        assert!(claims.exp >= NOW_S - 180);
    } else {
        assert_ne!(answer, Err(NotificationError::BadSignature), "it is signed");
    }
}

/// Whoever does not know the key is accepted for the fact book's own token only, and not when the two places disagree.
pub fn unsigned(header: Option<&str>, query: Option<&str>) {
    let genuine = genuine();
    let is_genuine = |text: &str| text.trim() == genuine;
    let bearer = header.and_then(|header| {
        let (scheme, token) = header.split_once(' ')?;
        (scheme.eq_ignore_ascii_case("bearer") && !token.trim().is_empty()).then_some(token)
    });
    let query_given = query.filter(|query| !query.trim().is_empty());
    let expected = match (bearer, query_given) {
        (Some(header), Some(query)) => is_genuine(header) && is_genuine(query),
        (Some(token), None) | (None, Some(token)) => is_genuine(token),
        (None, None) => false,
    };
    let accepted = verifier().verify(header, query, NOW_S).is_ok();
    assert_eq!(accepted, expected, "{header:?} {query:?}");
}
