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

/// The stable word of a code.
pub fn word(code: Code) -> &'static str {
    match code {
        Code::InvalidJson => "invalid_json",
        Code::InvalidRequest => "invalid_request",
        Code::BodyTooLarge => "body_too_large",
        Code::UnsupportedMediaType => "unsupported_media_type",
        Code::NoSuchRoute => "no_such_route",
        Code::MethodNotAllowed => "method_not_allowed",
        Code::InvalidKey => "invalid_key",
        Code::IdempotencyKeyMissing => "idempotency_key_missing",
        Code::IdempotencyKeyInvalid => "idempotency_key_invalid",
        Code::IdempotencyKeyReused => "idempotency_key_reused",
        Code::ReferenceInUse => "reference_in_use",
        Code::TotalsMismatch => "totals_mismatch",
        Code::CurrencyMismatch => "currency_mismatch",
        Code::CountryMismatch => "country_mismatch",
        Code::ReturnUrlNotAllowed => "return_url_not_allowed",
        Code::ShippingCompanyMissing => "shipping_company_missing",
        Code::ShippingInfoMissing => "shipping_info_missing",
        Code::PaymentNotFound => "payment_not_found",
        Code::OperationNotFound => "operation_not_found",
        Code::AttentionNotFound => "attention_not_found",
        Code::ReconciliationNotFound => "reconciliation_not_found",
        Code::AlreadyResolved => "already_resolved",
        Code::OperationInDoubt => "operation_in_doubt",
        Code::OperationEnded => "operation_ended",
        Code::TooEarly => "too_early",
        Code::UnknownOrderNotFound => "unknown_order_not_found",
        Code::CursorInvalid => "cursor_invalid",
        Code::OperationInProgress => "operation_in_progress",
        Code::WrongStatus => "wrong_status",
        Code::AmountAboveRest => "amount_above_rest",
        Code::QuantityAboveRest => "quantity_above_rest",
        Code::UseRefund => "use_refund",
        Code::UseCancel => "use_cancel",
        Code::CancelRequested => "cancel_requested",
        Code::NeedsAttention => "needs_attention",
        Code::Recovering => "recovering",
        Code::RejectedByTamara => "rejected_by_tamara",
        Code::NotApplied => "not_applied",
        Code::TamaraUnreachable => "tamara_unreachable",
        Code::OutcomeUnknown => "outcome_unknown",
        Code::TamaraRefusesAccess => "tamara_refuses_access",
        Code::NotificationRefused => "notification_refused",
        Code::NotificationInvalid => "notification_invalid",
        Code::AccountNotFound => "account_not_found",
        Code::ReturnLinkUnknown => "return_link_unknown",
        Code::Internal => "internal",
        Code::Unavailable => "unavailable",
    }
}

/// The HTTP status of a code.
pub fn status(code: Code) -> StatusCode {
    use StatusCode as S;
    match code {
        Code::InvalidJson
        | Code::IdempotencyKeyMissing
        | Code::IdempotencyKeyInvalid
        | Code::CursorInvalid
        | Code::NotificationInvalid => S::BAD_REQUEST,
        Code::InvalidRequest
        | Code::IdempotencyKeyReused
        | Code::TotalsMismatch
        | Code::CurrencyMismatch
        | Code::CountryMismatch
        | Code::ReturnUrlNotAllowed
        | Code::ShippingCompanyMissing
        | Code::ShippingInfoMissing
        | Code::AmountAboveRest
        | Code::QuantityAboveRest
        | Code::RejectedByTamara => S::UNPROCESSABLE_ENTITY,
        Code::BodyTooLarge => S::PAYLOAD_TOO_LARGE,
        Code::UnsupportedMediaType => S::UNSUPPORTED_MEDIA_TYPE,
        Code::NoSuchRoute
        | Code::PaymentNotFound
        | Code::OperationNotFound
        | Code::AttentionNotFound
        | Code::UnknownOrderNotFound
        | Code::ReconciliationNotFound
        | Code::AccountNotFound
        | Code::ReturnLinkUnknown => S::NOT_FOUND,
        Code::MethodNotAllowed => S::METHOD_NOT_ALLOWED,
        Code::InvalidKey | Code::NotificationRefused => S::UNAUTHORIZED,
        Code::ReferenceInUse
        | Code::OperationInProgress
        | Code::WrongStatus
        | Code::UseRefund
        | Code::UseCancel
        | Code::CancelRequested
        | Code::NeedsAttention
        | Code::AlreadyResolved
        | Code::OperationInDoubt
        | Code::OperationEnded
        | Code::TooEarly
        | Code::NotApplied => S::CONFLICT,
        Code::Recovering | Code::TamaraUnreachable | Code::Unavailable => S::SERVICE_UNAVAILABLE,
        Code::OutcomeUnknown => S::ACCEPTED,
        Code::TamaraRefusesAccess => S::BAD_GATEWAY,
        Code::Internal => S::INTERNAL_SERVER_ERROR,
    }
}

/// What a code says in a few words.
fn title(code: Code) -> &'static str {
    match code {
        Code::InvalidJson => "The body is not JSON",
        Code::InvalidRequest => "The request does not fit",
        Code::BodyTooLarge => "The body is too large",
        Code::UnsupportedMediaType => "The body is not announced as JSON",
        Code::NoSuchRoute => "There is nothing here",
        Code::MethodNotAllowed => "Wrong method",
        Code::InvalidKey => "The key is missing or unknown",
        Code::IdempotencyKeyMissing => "Idempotency-Key is missing",
        Code::IdempotencyKeyInvalid => "Idempotency-Key cannot be used",
        Code::IdempotencyKeyReused => "Idempotency-Key was used for something else",
        Code::ReferenceInUse => "merchant_reference is in use",
        Code::TotalsMismatch => "The amounts do not add up",
        Code::CurrencyMismatch => "The currencies do not fit",
        Code::CountryMismatch => "Another country's account",
        Code::ReturnUrlNotAllowed => "A return URL is not allowed",
        Code::ShippingCompanyMissing => "No default shipping company",
        Code::ShippingInfoMissing => "No shipping company",
        Code::PaymentNotFound => "No such payment",
        Code::OperationNotFound => "No such operation",
        Code::AttentionNotFound => "No such attention",
        Code::ReconciliationNotFound => "No such reconciliation",
        Code::AlreadyResolved => "Resolved already",
        Code::OperationInDoubt => "The operation is still in doubt",
        Code::OperationEnded => "The operation has ended",
        Code::TooEarly => "Too early to tell",
        Code::UnknownOrderNotFound => "No such unknown order",
        Code::CursorInvalid => "The cursor is none of ours",
        Code::OperationInProgress => "Something else is going on",
        Code::WrongStatus => "Not possible in this status",
        Code::AmountAboveRest => "More than is left",
        Code::QuantityAboveRest => "More of an item than is left",
        Code::UseRefund => "Captured: refund it",
        Code::UseCancel => "Not captured: cancel it",
        Code::CancelRequested => "A cancel was accepted",
        Code::NeedsAttention => "A person must look first",
        Code::Recovering => "Restored data, not read at Tamara yet",
        Code::RejectedByTamara => "Tamara refused",
        Code::NotApplied => "It did not happen",
        Code::TamaraUnreachable => "Tamara cannot be reached",
        Code::OutcomeUnknown => "The outcome is not known yet",
        Code::TamaraRefusesAccess => "Tamara turned us away",
        Code::NotificationRefused => "The token is not Tamara's",
        Code::NotificationInvalid => "This is no notification",
        Code::AccountNotFound => "No such account",
        Code::ReturnLinkUnknown => "Unknown link",
        Code::Internal => "Our fault",
        Code::Unavailable => "Not available just now",
    }
}

/// Whether the same request may succeed later.
fn retryable(code: Code) -> bool {
    matches!(
        code,
        Code::OperationInProgress
            | Code::CancelRequested
            | Code::TooEarly
            | Code::Recovering
            | Code::TamaraUnreachable
            | Code::OutcomeUnknown
            | Code::TamaraRefusesAccess
            | Code::Internal
            | Code::Unavailable
    )
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let refusal = match self.0 {
            Error::Refused(refusal) => *refusal,
            Error::Unavailable { trouble, .. } => Refusal::new(
                Code::Unavailable,
                format!(
                    "{}; nothing that was answered is lost: send the same request again later, with the same \
                     Idempotency-Key",
                    trouble.sentence()
                ),
            ),
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
    let (code, status) = (word(refusal.code), status(refusal.code));
    let mut body = json!({
        "type": format!("urn:datepalm:problem:{code}"),
        "title": title(refusal.code),
        "status": status.as_u16(),
        "detail": refusal.detail,
        "code": code,
        "retryable": retryable(refusal.code),
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
