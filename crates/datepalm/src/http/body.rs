//! Request bodies and the `Idempotency-Key`: strict, and with a sentence that helps.

use super::problem::Problem;
use crate::error::{Code, Refusal};
use axum::body::Bytes;
use axum::extract::rejection::BytesRejection;
use axum::extract::{FromRequest, FromRequestParts, Request};
use axum::http::StatusCode;
use axum::http::request::Parts;
use serde::de::DeserializeOwned;

/// A JSON body of a known shape, and its text.
pub struct Json<T> {
    /// The value.
    pub value: T,
    /// What was sent, for fingerprints.
    pub text: String,
}

impl<S: Send + Sync, T: DeserializeOwned> FromRequest<S> for Json<T> {
    type Rejection = Problem;

    async fn from_request(request: Request, state: &S) -> Result<Self, Problem> {
        let bytes = Bytes::from_request(request, state)
            .await
            .map_err(|rejection| too_large(&rejection))?;
        let text = String::from_utf8(bytes.into())
            .map_err(|_| Refusal::new(Code::InvalidJson, "the body is not UTF-8; send JSON"))?;
        // An empty body is an empty object: every field of it may be optional.
        let json = if text.trim().is_empty() {
            "{}"
        } else {
            text.as_str()
        };
        let value = parse(json)?;
        Ok(Self { value, text })
    }
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

/// Parses JSON; the refusal says where and what.
pub fn parse<T: DeserializeOwned>(text: &str) -> Result<T, Refusal> {
    let mut deserializer = serde_json::Deserializer::from_str(text);
    let value = serde_path_to_error::deserialize(&mut deserializer).map_err(|error| {
        let path = error.path().to_string();
        let inner = error.into_inner();
        let at = format!("line {}, column {}", inner.line(), inner.column());
        if inner.is_syntax() || inner.is_eof() {
            return Refusal::new(
                Code::InvalidJson,
                format!("the body is not valid JSON at {at}"),
            );
        }
        let sentence = sentence_of(&inner.to_string());
        let refusal = Refusal::new(Code::InvalidRequest, format!("{sentence} ({at})"));
        if path == "." {
            refusal
        } else {
            refusal.param(path)
        }
    })?;
    deserializer.end().map_err(|error| {
        Refusal::new(
            Code::InvalidJson,
            format!(
                "there is more after the JSON value, at column {}",
                error.column()
            ),
        )
    })?;
    Ok(value)
}

/// serde's sentence without its place, and without a string value of the caller's, which may be a name or a phone.
fn sentence_of(error: &str) -> String {
    let sentence = error
        .rsplit_once(" at line ")
        .map_or(error, |(sentence, _)| sentence);
    match (sentence.find("string \""), sentence.rfind("\", expected")) {
        (Some(start), Some(end)) if start < end => {
            format!("{}a string{}", &sentence[..start], &sentence[end + 1..])
        }
        _ => sentence.to_owned(),
    }
}

/// The caller's key for a money route (R26): required, 1 to 255 printable ASCII characters.
pub struct IdempotencyKey(pub String);

impl<S: Send + Sync> FromRequestParts<S> for IdempotencyKey {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Problem> {
        let Some(header) = parts.headers.get("idempotency-key") else {
            let detail = "send an Idempotency-Key header: a text of your own that is the same when you repeat the \
                          request, such as your order's id";
            return Err(Refusal::new(Code::IdempotencyKeyMissing, detail).into());
        };
        let key = header.to_str().unwrap_or_default().trim();
        if key.is_empty()
            || key.len() > 255
            || !key.chars().all(|c| c.is_ascii_graphic() || c == ' ')
        {
            let detail = "Idempotency-Key must be 1 to 255 printable ASCII characters";
            return Err(Refusal::new(Code::IdempotencyKeyInvalid, detail).into());
        }
        Ok(Self(key.to_owned()))
    }
}
