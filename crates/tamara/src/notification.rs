//! What Tamara sends to the merchant: the token that proves the sender, and the body.
//!
//! The token covers neither order nor body (webhooks 6.2), so a verified notification is only a
//! hint to read the order. Invariant: without a secret nothing is ever accepted.

use std::fmt;

use jsonwebtoken::errors::ErrorKind;
use jsonwebtoken::{Algorithm, DecodingKey, Validation};
use secrecy::{ExposeSecret, SecretString};
use serde::Deserialize;
use serde_json::{Map, Value};

use crate::orders::OrderStatus;
use crate::wire;

/// How far Tamara's clock and ours may differ: the leeway of Tamara's own SDK (webhooks 6.2).
const LEEWAY_S: i64 = 180;

/// A genuine token has about 150 bytes.
const TOKEN_BYTES_MAX: usize = 4096;

/// Checks the token of a notification against the notification tokens of one account.
#[derive(Clone)]
pub struct Verifier {
    keys: Vec<DecodingKey>,
}

impl fmt::Debug for Verifier {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Verifier").finish_non_exhaustive()
    }
}

/// The list of secrets was empty, or held an empty secret.
#[derive(Copy, Clone, Eq, PartialEq, Debug, thiserror::Error)]
#[error("notification token is empty")]
pub struct EmptySecret;

/// What a verified token says; times in seconds since 1970.
#[derive(Clone, Eq, PartialEq, Debug, Deserialize)]
pub struct Claims {
    /// When it ends.
    pub exp: i64,
    /// When it was issued.
    #[serde(default)]
    pub iat: Option<i64>,
    /// Always `Tamara`.
    pub iss: String,
}

/// Why a token was not accepted.
#[derive(Copy, Clone, Eq, PartialEq, Debug, thiserror::Error)]
pub enum NotificationError {
    /// No token in either place.
    #[error("no token")]
    Missing,
    /// Not a token of three parts with the claims `exp` and `iss`.
    #[error("token is malformed")]
    Malformed,
    /// Signed with something else than HS256, or not at all.
    #[error("token is not signed with HS256")]
    WrongAlgorithm,
    /// Signed with another secret.
    #[error("signature of the token does not match")]
    BadSignature,
    /// Its end is more than 180 s past.
    #[error("token has expired")]
    Expired,
    /// Issued by somebody else.
    #[error("token was not issued by Tamara")]
    WrongIssuer,
    /// The header and the query hold different tokens.
    #[error("header and query hold different tokens")]
    Disagree,
}

impl Verifier {
    /// A verifier that accepts each of the secrets, so that old and new stand side by side while
    /// the notification token is replaced. Spaces around a pasted secret are taken off.
    #[expect(
        clippy::needless_pass_by_value,
        reason = "the secrets end their life here"
    )]
    pub fn new(secrets: Vec<SecretString>) -> Result<Self, EmptySecret> {
        let trimmed = || secrets.iter().map(|secret| secret.expose_secret().trim());
        if secrets.is_empty() || trimmed().any(str::is_empty) {
            return Err(EmptySecret);
        }
        let keys = trimmed()
            .map(|secret| DecodingKey::from_secret(secret.as_bytes()))
            .collect();
        Ok(Self { keys })
    }

    /// Checks the `Authorization` header and the `tamaraToken` query parameter, of which either is
    /// enough (webhooks 6.1). `now_s` is the time in seconds since 1970.
    ///
    /// An `Authorization` of another scheme than `Bearer` is the merchant's own extra header and
    /// no token; with nothing beside it the call is [`NotificationError::Malformed`].
    pub fn verify(
        &self,
        authorization: Option<&str>,
        tamara_token: Option<&str>,
        now_s: i64,
    ) -> Result<Claims, NotificationError> {
        let authorization = authorization
            .map(str::trim)
            .filter(|value| !value.is_empty());
        let tamara_token = tamara_token
            .map(str::trim)
            .filter(|value| !value.is_empty());
        let token = match (authorization.map(bearer), tamara_token) {
            (None, None) => return Err(NotificationError::Missing),
            (Some(None), None) => return Err(NotificationError::Malformed),
            (Some(Some(header)), Some(query)) if header != query => {
                return Err(NotificationError::Disagree);
            }
            (Some(Some(token)), _) | (None | Some(None), Some(token)) => token,
        };
        let claims = self.signed_claims(token)?;
        if claims.iss != "Tamara" {
            return Err(NotificationError::WrongIssuer);
        }
        if now_s > claims.exp.saturating_add(LEEWAY_S) {
            return Err(NotificationError::Expired);
        }
        Ok(claims)
    }

    fn signed_claims(&self, token: &str) -> Result<Claims, NotificationError> {
        if token.len() > TOKEN_BYTES_MAX {
            return Err(NotificationError::Malformed);
        }
        if algorithm(token)? != Algorithm::HS256 {
            return Err(NotificationError::WrongAlgorithm);
        }
        let mut validation = Validation::new(Algorithm::HS256);
        // The library would judge by the system's clock; the caller's time decides.
        validation.validate_exp = false;
        validation.validate_aud = false;
        validation.required_spec_claims.clear();
        for key in &self.keys {
            match jsonwebtoken::decode(token, key, &validation) {
                Ok(token) => return Ok(token.claims),
                Err(error) if *error.kind() == ErrorKind::InvalidSignature => {}
                Err(_) => return Err(NotificationError::Malformed),
            }
        }
        Err(NotificationError::BadSignature)
    }
}

fn algorithm(token: &str) -> Result<Algorithm, NotificationError> {
    match jsonwebtoken::decode_header(token) {
        Ok(header) => Ok(header.alg),
        // A header in JSON that names none of the library's algorithms: `none`, for example.
        Err(error) if matches!(error.kind(), ErrorKind::Json(json) if json.is_data()) => {
            Err(NotificationError::WrongAlgorithm)
        }
        Err(_) => Err(NotificationError::Malformed),
    }
}

/// The token of a `Bearer` header; `None` for another scheme.
fn bearer(authorization: &str) -> Option<&str> {
    let (scheme, token) = authorization.split_once(' ')?;
    let token = token.trim();
    (scheme.eq_ignore_ascii_case("bearer") && !token.is_empty()).then_some(token)
}

/// The body of a notification, of either callback (webhooks 6.3 and 6.4). `Debug` leaves out the
/// data, which may hold free text.
#[derive(Clone, PartialEq)]
pub struct Notification {
    /// Tamara's id of the order.
    pub order_id: String,
    /// The merchant's reference.
    pub order_reference_id: Option<String>,
    /// The number shown to the customer.
    pub order_number: Option<String>,
    /// What the notification says.
    pub word: Word,
    /// Details; a hint only, because its numbers are not exact. Empty when Tamara sends `[]`.
    pub data: Map<String, Value>,
}

wire::opaque_debug! { Notification { order_id, word } }

/// The discriminator of the two callbacks.
#[derive(Clone, Eq, PartialEq, Debug)]
pub enum Word {
    /// `event_type` of a registered webhook; unknown events are kept as they are.
    Event(String),
    /// `order_status` of the notification URL.
    Status(OrderStatus),
}

/// Why a body is no notification. Whoever receives one keeps the raw bytes all the same.
#[derive(Copy, Clone, Eq, PartialEq, Debug, thiserror::Error)]
pub enum BodyError {
    /// Not a JSON object with texts where texts are expected.
    #[error("body is not a notification in JSON")]
    NotJson,
    /// No `order_id`.
    #[error("body has no order id")]
    NoOrder,
    /// Neither `event_type` nor `order_status`.
    #[error("body has neither event_type nor order_status")]
    NoWord,
}

/// Reads the body of either callback; a body with both words counts as an event.
pub fn parse(body: &[u8]) -> Result<Notification, BodyError> {
    #[derive(Deserialize)]
    struct Wire {
        #[serde(default, deserialize_with = "wire::optional_id")]
        order_id: Option<String>,
        #[serde(default, deserialize_with = "wire::text")]
        order_reference_id: Option<String>,
        #[serde(default, deserialize_with = "wire::text")]
        order_number: Option<String>,
        #[serde(default, deserialize_with = "wire::optional_id")]
        event_type: Option<String>,
        #[serde(default, deserialize_with = "wire::optional_id")]
        order_status: Option<String>,
        #[serde(default, deserialize_with = "wire::lenient")]
        data: Option<Map<String, Value>>,
    }
    if !body.trim_ascii_start().starts_with(b"{") {
        return Err(BodyError::NotJson);
    }
    let wire: Wire = serde_json::from_slice(body).map_err(|_| BodyError::NotJson)?;
    let word = match (wire.event_type, wire.order_status) {
        (Some(event), _) => Word::Event(event),
        (None, Some(status)) => Word::Status(OrderStatus::from(status.as_str())),
        (None, None) => return Err(BodyError::NoWord),
    };
    Ok(Notification {
        order_id: wire.order_id.ok_or(BodyError::NoOrder)?,
        order_reference_id: wire.order_reference_id,
        order_number: wire.order_number,
        word,
        data: wire.data.unwrap_or_default(),
    })
}
