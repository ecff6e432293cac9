//! Errors as RFC 9457 problem documents. The only place where a code becomes an HTTP status.

use super::request_id;
use crate::error::{Code, Error, Refusal};
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde_json::json;

/// An error on its way out.
#[derive(Debug)]
pub struct Problem(pub Error);

impl<E: Into<Error>> From<E> for Problem {
    fn from(error: E) -> Self {
        Self(error.into())
    }
}

/// The word of a code, its status, its title, and whether the same request may succeed later.
pub fn describe(code: Code) -> (&'static str, StatusCode, &'static str, bool) {
    use StatusCode as S;
    match code {
        Code::InvalidJson => (
            "invalid_json",
            S::BAD_REQUEST,
            "The body is not JSON",
            false,
        ),
        Code::InvalidRequest => (
            "invalid_request",
            S::UNPROCESSABLE_ENTITY,
            "The request does not fit",
            false,
        ),
        Code::BodyTooLarge => (
            "body_too_large",
            S::PAYLOAD_TOO_LARGE,
            "The body is too large",
            false,
        ),
        Code::UnsupportedMediaType => (
            "unsupported_media_type",
            S::UNSUPPORTED_MEDIA_TYPE,
            "The body is not announced as JSON",
            false,
        ),
        Code::NoSuchRoute => (
            "no_such_route",
            S::NOT_FOUND,
            "There is nothing here",
            false,
        ),
        Code::MethodNotAllowed => (
            "method_not_allowed",
            S::METHOD_NOT_ALLOWED,
            "Wrong method",
            false,
        ),
        Code::InvalidKey => (
            "invalid_key",
            S::UNAUTHORIZED,
            "The key is missing or unknown",
            false,
        ),
        Code::IdempotencyKeyMissing => (
            "idempotency_key_missing",
            S::BAD_REQUEST,
            "Idempotency-Key is missing",
            false,
        ),
        Code::IdempotencyKeyInvalid => (
            "idempotency_key_invalid",
            S::BAD_REQUEST,
            "Idempotency-Key cannot be used",
            false,
        ),
        Code::IdempotencyKeyReused => (
            "idempotency_key_reused",
            S::UNPROCESSABLE_ENTITY,
            "Idempotency-Key was used for something else",
            false,
        ),
        Code::ReferenceInUse => (
            "reference_in_use",
            S::CONFLICT,
            "merchant_reference is in use",
            false,
        ),
        Code::TotalsMismatch => (
            "totals_mismatch",
            S::UNPROCESSABLE_ENTITY,
            "The amounts do not add up",
            false,
        ),
        Code::CurrencyMismatch => (
            "currency_mismatch",
            S::UNPROCESSABLE_ENTITY,
            "The currencies do not fit",
            false,
        ),
        Code::CountryMismatch => (
            "country_mismatch",
            S::UNPROCESSABLE_ENTITY,
            "Another country's account",
            false,
        ),
        Code::ReturnUrlNotAllowed => (
            "return_url_not_allowed",
            S::UNPROCESSABLE_ENTITY,
            "A return URL is not allowed",
            false,
        ),
        Code::ShippingCompanyMissing => (
            "shipping_company_missing",
            S::UNPROCESSABLE_ENTITY,
            "No default shipping company",
            false,
        ),
        Code::ShippingInfoMissing => (
            "shipping_info_missing",
            S::UNPROCESSABLE_ENTITY,
            "No shipping company",
            false,
        ),
        Code::PaymentNotFound => ("payment_not_found", S::NOT_FOUND, "No such payment", false),
        Code::CursorInvalid => (
            "cursor_invalid",
            S::BAD_REQUEST,
            "The cursor is none of ours",
            false,
        ),
        Code::OperationInProgress => (
            "operation_in_progress",
            S::CONFLICT,
            "Something else is going on",
            true,
        ),
        Code::WrongStatus => (
            "wrong_status",
            S::CONFLICT,
            "Not possible in this status",
            false,
        ),
        Code::AmountAboveRest => (
            "amount_above_rest",
            S::UNPROCESSABLE_ENTITY,
            "More than is left",
            false,
        ),
        Code::UseRefund => ("use_refund", S::CONFLICT, "Captured: refund it", false),
        Code::UseCancel => ("use_cancel", S::CONFLICT, "Not captured: cancel it", false),
        Code::CancelRequested => (
            "cancel_requested",
            S::CONFLICT,
            "A cancel was accepted",
            true,
        ),
        Code::NeedsAttention => (
            "needs_attention",
            S::CONFLICT,
            "A person must look first",
            false,
        ),
        Code::RejectedByTamara => (
            "rejected_by_tamara",
            S::UNPROCESSABLE_ENTITY,
            "Tamara refused",
            false,
        ),
        Code::NotApplied => ("not_applied", S::CONFLICT, "It did not happen", false),
        Code::TamaraUnreachable => (
            "tamara_unreachable",
            S::SERVICE_UNAVAILABLE,
            "Tamara cannot be reached",
            true,
        ),
        Code::OutcomeUnknown => (
            "outcome_unknown",
            S::ACCEPTED,
            "The outcome is not known yet",
            true,
        ),
        Code::TamaraRefusesAccess => (
            "tamara_refuses_access",
            S::BAD_GATEWAY,
            "Tamara turned us away",
            true,
        ),
        Code::NotificationRefused => (
            "notification_refused",
            S::UNAUTHORIZED,
            "The token is not Tamara's",
            false,
        ),
        Code::NotificationInvalid => (
            "notification_invalid",
            S::BAD_REQUEST,
            "This is no notification",
            false,
        ),
        Code::AccountNotFound => ("account_not_found", S::NOT_FOUND, "No such account", false),
        Code::ReturnLinkUnknown => ("return_link_unknown", S::NOT_FOUND, "Unknown link", false),
        Code::Internal => ("internal", S::INTERNAL_SERVER_ERROR, "Our fault", true),
        Code::Unavailable => (
            "unavailable",
            S::SERVICE_UNAVAILABLE,
            "Not available just now",
            true,
        ),
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let refusal = match self.0 {
            Error::Refused(refusal) => *refusal,
            Error::Repeat | Error::Database(_) => Refusal::new(
                Code::Unavailable,
                "the database did not answer; nothing is known to be lost, try again",
            ),
            error @ (Error::Corrupt { .. } | Error::Internal(_)) => {
                tracing::error!(%error, request.id = request_id::current().as_deref(), "a request failed");
                Refusal::new(
                    Code::Internal,
                    "something is wrong on our side; the request id finds it in our log",
                )
            }
        };
        document(&refusal)
    }
}

fn document(refusal: &Refusal) -> Response {
    let (code, status, title, retryable) = describe(refusal.code);
    let mut body = json!({
        "type": format!("urn:datepalm:problem:{code}"),
        "title": title,
        "status": status.as_u16(),
        "detail": refusal.detail,
        "code": code,
        "retryable": retryable,
        "request_id": request_id::current(),
    });
    if let Some(param) = &refusal.param {
        body["param"] = param.clone().into();
    }
    if !refusal.errors.is_empty() {
        body["errors"] = json!(refusal.errors);
    }
    if let Some(upstream) = &refusal.upstream {
        body["upstream"] = json!(upstream);
    }
    if let Some(operation) = &refusal.operation {
        body["operation"] = operation.clone().into();
    }
    let mut response = (status, body.to_string()).into_response();
    let headers = response.headers_mut();
    headers.insert(
        header::CONTENT_TYPE,
        HeaderValue::from_static("application/problem+json"),
    );
    if status == StatusCode::UNAUTHORIZED {
        headers.insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
    }
    response
}
