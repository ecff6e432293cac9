//! Request bodies and the `Idempotency-Key`: strict, and with a sentence that helps.

use super::json_error;
use super::problem::Problem;
use crate::error::{Code, Refusal};
use axum::body::Bytes;
use axum::extract::rejection::BytesRejection;
use axum::extract::{FromRequest, FromRequestParts, Request};
use axum::http::header::CONTENT_TYPE;
use axum::http::request::Parts;
use axum::http::{HeaderMap, StatusCode};
use serde::de::DeserializeOwned;

/// A JSON body of a known shape.
pub struct Json<T>(pub T);

impl<S: Send + Sync, T: DeserializeOwned> FromRequest<S> for Json<T> {
    type Rejection = Problem;

    async fn from_request(request: Request, state: &S) -> Result<Self, Problem> {
        let announced = announces_json(request.headers());
        let bytes = Bytes::from_request(request, state)
            .await
            .map_err(|rejection| too_large(&rejection))?;
        let mut text = String::from_utf8(bytes.into())
            .map_err(|_| Refusal::new(Code::InvalidJson, "the body is not UTF-8; send JSON"))?;
        // An empty body is an empty object, whatever it is announced as: every field of it may be optional.
        if text.trim().is_empty() {
            "{}".clone_into(&mut text);
        } else if !announced {
            return Err(Refusal::new(
                Code::UnsupportedMediaType,
                "Content-Type names another format; send JSON as application/json",
            )
            .into());
        }
        parse(&text).map(Self).map_err(Problem)
    }
}

/// `application/json`, with or without parameters, a type that ends in `+json`, or no `Content-Type` at all.
fn announces_json(headers: &HeaderMap) -> bool {
    let Some(value) = headers.get(CONTENT_TYPE) else {
        return true;
    };
    let media_type = value.to_str().unwrap_or_default();
    let media_type = media_type.split(';').next().unwrap_or_default().trim();
    let media_type = media_type.to_ascii_lowercase();
    media_type == "application/json"
        || (media_type.starts_with("application/") && media_type.ends_with("+json"))
}

fn too_large(rejection: &BytesRejection) -> Problem {
    if rejection.status() == StatusCode::PAYLOAD_TOO_LARGE {
        return Refusal::new(
            Code::BodyTooLarge,
            "the body is larger than body_bytes_max (1 MiB by default)",
        )
        .into();
    }
    Refusal::new(Code::InvalidJson, "the body could not be read to its end").into()
}

/// Parses a JSON object; the refusal says where and what.
pub fn parse<T: DeserializeOwned>(text: &str) -> crate::error::Result<T> {
    // serde would take a list for an object whose fields stand in our order.
    if text.trim_start().starts_with('[') {
        let detail = "the body: got a list, expected an object";
        return Err(Refusal::new(Code::InvalidRequest, detail).into());
    }
    let mut deserializer = serde_json::Deserializer::from_str(text);
    let value = serde_path_to_error::deserialize(&mut deserializer).map_err(json_error::refusal)?;
    deserializer.end().map_err(|error| {
        Refusal::new(
            Code::InvalidJson,
            format!(
                "there is more after the JSON value, at column {}",
                error.column()
            ),
        )
    })?;
    json_error::refuse_nul(text)?;
    Ok(value)
}

/// The caller's key for a money route (R26): required, 1 to 255 printable ASCII characters.
pub struct IdempotencyKey(pub String);

impl<S: Send + Sync> FromRequestParts<S> for IdempotencyKey {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Problem> {
        let mut headers = parts.headers.get_all("idempotency-key").iter();
        let Some(header) = headers.next() else {
            let detail = "send an Idempotency-Key header: a text of your own that is the same when you repeat the \
                          request, such as your order's id";
            return Err(Refusal::new(Code::IdempotencyKeyMissing, detail).into());
        };
        if headers.next().is_some() {
            let detail = "send exactly one Idempotency-Key header";
            return Err(Refusal::new(Code::IdempotencyKeyInvalid, detail).into());
        }
        let key = header.to_str().unwrap_or_default().trim();
        if key.is_empty()
            || key.len() > 255
            || !key.chars().all(|c| c.is_ascii_graphic() || c == ' ')
        {
            let detail = "Idempotency-Key must be 1 to 255 printable ASCII characters";
            return Err(Refusal::new(Code::IdempotencyKeyInvalid, detail).into());
        }
        // The key of a plan's step is `{session}/{step}/{n}` (R20): taken by a caller, the step could never be written down.
        if key.starts_with("ses_") && key.contains('/') {
            let detail =
                "Idempotency-Key must not look like ses_.../...: such keys are Datepalm's own";
            return Err(Refusal::new(Code::IdempotencyKeyInvalid, detail).into());
        }
        Ok(Self(key.to_owned()))
    }
}
