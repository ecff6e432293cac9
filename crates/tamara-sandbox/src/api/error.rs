//! Tamara's error envelope (errors 3.1).
//!
//! What Tamara does not publish is marked: codes of the sandbox's own are in [`INVENTED`], and a
//! refusal whose HTTP status is not known carries the [`Question`] that a choice answers on the way
//! out. Invariant: no text given here repeats a value from the request other than ids, amounts and
//! event names.

use axum::Json;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use serde::Serialize;
use serde_json::{Value, json};

use crate::choices::{Choices, RefusalStatus, WrongEnvironmentStatus};
use crate::rules::Refusal;
use crate::world::Status;

/// Error codes that are the sandbox's own, and when they are given. Nobody has seen them at Tamara.
pub(crate) const INVENTED: [(&str, &str); 11] = [
    (
        "field_required",
        "a required field is missing; `data` names it",
    ),
    (
        "field_invalid",
        "a field is not as documented; `data` names it",
    ),
    (
        "amount_exceeds_available",
        "more than is left to capture, cancel or refund",
    ),
    (
        "amount_mismatch",
        "items, tax, shipping and discount do not give the total",
    ),
    ("order_not_found", "no such order, or another merchant's"),
    (
        "checkout_not_found",
        "no such session, or none that can be voided",
    ),
    (
        "webhook_not_found",
        "no such webhook, or another merchant's",
    ),
    (
        "dispute_not_found",
        "no such dispute, or another merchant's",
    ),
    ("dispute_closed", "the dispute is over"),
    ("refund_is_empty", "a legacy refund without refunds"),
    ("sandbox_declined", "`declined_code` of `order_declined`"),
];

/// What a choice decides about an answer.
#[derive(Clone, Copy, Debug)]
pub(super) enum Question {
    Transition,
    ExcessAmount,
    Unrecorded,
    WrongEnvironment,
}

impl Question {
    pub(super) fn status(self, choices: &Choices) -> StatusCode {
        let chosen = match self {
            Self::Transition => choices.transition_status,
            Self::ExcessAmount => choices.excess_amount_status,
            Self::Unrecorded => choices.unrecorded_status,
            Self::WrongEnvironment => {
                return match choices.wrong_environment_status {
                    WrongEnvironmentStatus::Unauthorized => StatusCode::UNAUTHORIZED,
                    WrongEnvironmentStatus::BadRequest => StatusCode::BAD_REQUEST,
                };
            }
        };
        match chosen {
            RefusalStatus::BadRequest => StatusCode::BAD_REQUEST,
            RefusalStatus::Conflict => StatusCode::CONFLICT,
        }
    }
}

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
    question: Option<Question>,
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
            question: None,
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

    /// Leaves the HTTP status to a choice.
    pub(super) fn asking(mut self, question: Question) -> Self {
        self.question = Some(question);
        self
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

    pub(super) fn merchant_not_found() -> Self {
        let error = Self::bare(StatusCode::UNAUTHORIZED, "Merchant is not found");
        error.asking(Question::WrongEnvironment)
    }

    fn not_found(message: &str, error_code: &'static str) -> Self {
        Self::coded(StatusCode::NOT_FOUND, message, error_code)
    }

    pub(super) fn webhook_not_found() -> Self {
        Self::not_found("Webhook not found", "webhook_not_found")
    }

    /// The country and its currency do not belong together, or not to this merchant.
    pub(super) fn unsupported_pair() -> Self {
        Self::refused(
            "Unsupported country-currency combination. Please reach out to your account manager for support",
            "not_supported_country_currency",
        )
    }

    pub(super) fn unsupported_country() -> Self {
        Self::refused(
            "We do not support your delivery country",
            "not_supported_delivery_country",
        )
    }

    pub(super) fn invalid_phone() -> Self {
        Self::refused(
            "Your phone number is invalid. Please check again",
            "invalid_phone_number",
        )
        .asking(Question::Unrecorded)
    }

    /// Several problems share the general message; one alone may have a message of its own.
    pub(super) fn invalid(problems: Vec<Problem>) -> Self {
        let message = match problems.as_slice() {
            [only] => own_message(only),
            _ => GENERAL,
        };
        let mut error = Self::bare(StatusCode::BAD_REQUEST, message);
        let own = |problem: &Problem| problem.code.starts_with("field_");
        if !problems.iter().any(own) {
            // Tamara's own codes, whose HTTP status nobody has recorded.
            error = error.asking(Question::Unrecorded);
        }
        let entries = problems.into_iter().map(|problem| Entry {
            error_code: problem.code,
            data: Some(json!({ "field": problem.field, "problem": problem.what })),
        });
        error.errors.extend(entries);
        error
    }
}

const GENERAL: &str = "Your order information is invalid";
pub(super) const CROSS_CURRENCY: &str =
    "We do not support cross currencies. Please select the correct currency for your country";

fn own_message(problem: &Problem) -> &'static str {
    match (problem.code, problem.field.as_str()) {
        ("field_invalid", "country_code" | "country") => "Invalid country code",
        ("currency_unsupported", _) => CROSS_CURRENCY,
        _ => GENERAL,
    }
}

impl From<Refusal> for ApiError {
    fn from(refusal: Refusal) -> Self {
        match refusal {
            Refusal::OrderNotFound => Self::not_found("Order not found", "order_not_found"),
            Refusal::CheckoutNotFound => {
                Self::not_found("Checkout not found", "checkout_not_found")
            }
            Refusal::DisputeNotFound => Self::not_found("Dispute not found", "dispute_not_found"),
            Refusal::DisputeClosed => Self::coded(
                StatusCode::CONFLICT,
                "The dispute is closed",
                "dispute_closed",
            ),
            Refusal::TransitionNotAllowed { order_id, from, to } => transition(&order_id, from, to),
            Refusal::AmountExceedsAvailable { .. } => Self::refused(
                "The amount is more than what is available on the order",
                "amount_exceeds_available",
            )
            .asking(Question::ExcessAmount),
            Refusal::CaptureNotFound => legacy_refund("refund.capture_not_found"),
            Refusal::ShippingNotInFull => legacy_refund("refund.shipping_amount_invalid"),
            Refusal::RefundWithoutItems => {
                Self::refused("The items of a refund must not be empty", "items_is_empty")
                    .asking(Question::Unrecorded)
            }
            Refusal::Storage => Self::bare(
                StatusCode::INTERNAL_SERVER_ERROR,
                "The sandbox could not write its journal; nothing has changed",
            ),
        }
    }
}

fn legacy_refund(message: &str) -> ApiError {
    ApiError::bare(StatusCode::BAD_REQUEST, message).asking(Question::Unrecorded)
}

/// 409 is documented for cancel and known by analogy for the others.
fn transition(order_id: &str, from: Status, to: Status) -> ApiError {
    let (from, new) = (from.as_str(), to.as_str());
    let message = format!("The order {order_id} cannot be moved to the status {new} from {from}");
    let error = ApiError::coded(StatusCode::CONFLICT, &message, "transition_not_allowed")
        .with_data(json!({ "order_id": order_id, "old_state": from, "new_state": new }));
    match to {
        Status::Canceled | Status::Updated => error,
        Status::New
        | Status::Declined
        | Status::Expired
        | Status::Approved
        | Status::Authorised
        | Status::PartiallyCaptured
        | Status::FullyCaptured
        | Status::PartiallyRefunded
        | Status::FullyRefunded => error.asking(Question::Transition),
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
        let mut response = (self.status, Json(body)).into_response();
        if let Some(question) = self.question {
            response.extensions_mut().insert(question);
        }
        response
    }
}
