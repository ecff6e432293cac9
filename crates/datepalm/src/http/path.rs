//! What a path names. What has not the shape of an id is nothing, and is not looked for.

use super::problem::Problem;
use crate::error::{Code, Refusal};
use crate::ids::{AttentionId, OperationId, PaymentId, ReconciliationId};
use axum::extract::{FromRequestParts, Path};
use axum::http::request::Parts;

/// The payment in `{id}`.
pub struct PaymentPath(pub PaymentId);

impl<S: Send + Sync> FromRequestParts<S> for PaymentPath {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        let path = Path::<String>::from_request_parts(parts, state).await;
        let id = path.ok().and_then(|Path(text)| PaymentId::parse(&text));
        id.map(Self).ok_or_else(no_such_payment)
    }
}

fn no_such_payment() -> Problem {
    let detail = "there is no payment of this id in this account; an id is pay_ and 32 hex digits";
    Refusal::new(Code::PaymentNotFound, detail).into()
}

/// The payment in `{id}`, and its operation in `{operation}`, which is looked for among those of the payment.
pub struct OperationPath(pub PaymentId, pub OperationId);

impl<S: Send + Sync> FromRequestParts<S> for OperationPath {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        let path = Path::<(String, String)>::from_request_parts(parts, state).await;
        let Ok(Path((payment, operation))) = path else {
            return Err(no_such_payment());
        };
        let payment = PaymentId::parse(&payment).ok_or_else(no_such_payment)?;
        Ok(Self(payment, OperationId(operation)))
    }
}

/// The point in `{id}`.
pub struct AttentionPath(pub AttentionId);

impl<S: Send + Sync> FromRequestParts<S> for AttentionPath {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        let path = Path::<String>::from_request_parts(parts, state).await;
        let id = path.ok().and_then(|Path(text)| AttentionId::parse(&text));
        let unknown = || {
            let detail =
                "there is no attention of this id in this account; an id is att_ and 32 hex digits";
            Refusal::new(Code::AttentionNotFound, detail).into()
        };
        id.map(Self).ok_or_else(unknown)
    }
}

/// The reconciliation in `{id}`.
pub struct ReconciliationPath(pub ReconciliationId);

impl<S: Send + Sync> FromRequestParts<S> for ReconciliationPath {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        let path = Path::<String>::from_request_parts(parts, state).await;
        let id = path
            .ok()
            .and_then(|Path(text)| ReconciliationId::parse(&text));
        let unknown = || {
            let detail = "there is no reconciliation of this id in this account; an id is rec_ and 32 hex digits";
            Refusal::new(Code::ReconciliationNotFound, detail).into()
        };
        id.map(Self).ok_or_else(unknown)
    }
}
