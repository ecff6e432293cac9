//! Tamara's error envelope (errors 3.1).
//!
//! Codes that Tamara does not publish and the sandbox had to invent: `field_required`,
//! `field_invalid`, `amount_exceeds_available`, `order_not_found`, `checkout_not_found`,
//! `webhook_not_found`. Invariant: no text given here repeats a value from the request other than
//! ids, amounts and event names.

use axum::Json;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use serde::Serialize;
use serde_json::{Value, json};

use crate::rules::Refusal;

/// One thing wrong with a request body.
#[derive(Debug)]
pub(super) struct Problem {
    pub(super) code: &'static str,
    pub(super) field: String,
    pub(super) what: String,
}

#[derive(Debug)]
pub(crate) struct ApiError {
    status: StatusCode,
    message: String,
    errors: Vec<Entry>,
}

#[derive(Debug, Serialize)]
struct Entry {
    error_code: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    data: Option<Value>,
}

impl ApiError {
    pub(super) fn bare(status: StatusCode, message: &str) -> Self {
        Self {
            status,
            message: message.to_owned(),
            errors: Vec::new(),
        }
    }

    pub(super) fn coded(status: StatusCode, message: &str, error_code: &'static str) -> Self {
        let mut error = Self::bare(status, message);
        error.errors.push(Entry {
            error_code,
            data: None,
        });
        error
    }

    pub(super) fn refused(message: &str, error_code: &'static str) -> Self {
        Self::coded(StatusCode::BAD_REQUEST, message, error_code)
    }

    pub(super) fn with_data(mut self, data: Value) -> Self {
        if let Some(entry) = self.errors.last_mut() {
            entry.data = Some(data);
        }
        self
    }

    pub(super) fn invalid_json() -> Self {
        Self::bare(StatusCode::BAD_REQUEST, "invalid json")
    }

    pub(super) fn unauthorised() -> Self {
        Self::bare(StatusCode::UNAUTHORIZED, "Unauthorized")
    }

    pub(super) fn webhook_not_found() -> Self {
        Self::coded(
            StatusCode::NOT_FOUND,
            "Webhook not found",
            "webhook_not_found",
        )
    }

    pub(super) fn invalid(problems: Vec<Problem>) -> Self {
        let mut error = Self::bare(StatusCode::BAD_REQUEST, "Your order information is invalid");
        let entries = problems.into_iter().map(|problem| Entry {
            error_code: problem.code,
            data: Some(json!({ "field": problem.field, "problem": problem.what })),
        });
        error.errors.extend(entries);
        error
    }
}

impl From<Refusal> for ApiError {
    fn from(refusal: Refusal) -> Self {
        match refusal {
            Refusal::OrderNotFound => {
                Self::coded(StatusCode::NOT_FOUND, "Order not found", "order_not_found")
            }
            Refusal::CheckoutNotFound => Self::coded(
                StatusCode::NOT_FOUND,
                "Checkout not found",
                "checkout_not_found",
            ),
            Refusal::TransitionNotAllowed { order_id, from, to } => {
                let (from, to) = (from.as_str(), to.as_str());
                let message =
                    format!("The order {order_id} cannot be moved to the status {to} from {from}");
                Self::coded(StatusCode::CONFLICT, &message, "transition_not_allowed")
                    .with_data(json!({ "order_id": order_id, "old_state": from, "new_state": to }))
            }
            Refusal::AmountExceedsAvailable { .. } => Self::refused(
                "The amount is more than what is available on the order",
                "amount_exceeds_available",
            ),
            Refusal::Storage => Self::bare(
                StatusCode::INTERNAL_SERVER_ERROR,
                "The sandbox could not write its journal; nothing has changed",
            ),
        }
    }
}

impl IntoResponse for ApiError {
    fn into_response(self) -> Response {
        let body = json!({
            "message": self.message,
            "errors": self.errors,
            "data": {},
            "title": null,
            "screen_type": null,
        });
        (self.status, Json(body)).into_response()
    }
}
