//! The payment that a path names.

use super::problem::Problem;
use crate::error::{Code, Refusal};
use crate::ids::PaymentId;
use axum::extract::{FromRequestParts, Path};
use axum::http::request::Parts;

/// `{id}` of a path. What has not the shape of an id is no payment, and is not looked for.
pub struct PaymentPath(pub PaymentId);

impl<S: Send + Sync> FromRequestParts<S> for PaymentPath {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        let path = Path::<String>::from_request_parts(parts, state).await;
        let id = path.ok().and_then(|Path(text)| PaymentId::parse(&text));
        let unknown = || {
            let detail =
                "there is no payment of this id in this account; an id is pay_ and 32 hex digits";
            Refusal::new(Code::PaymentNotFound, detail).into()
        };
        id.map(Self).ok_or_else(unknown)
    }
}
