//! Errors of the control API, as problem documents (RFC 9457).
//!
//! Never Tamara's envelope, so that nobody takes one of these for an answer of Tamara's.

use axum::Json;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde_json::json;

use crate::rules::Refusal;

pub(crate) struct Problem {
    status: StatusCode,
    detail: String,
    differences: Vec<String>,
}

pub(crate) fn bad_request(detail: &str) -> Problem {
    problem(StatusCode::BAD_REQUEST, detail)
}

pub(super) fn not_found(what: &str) -> Problem {
    problem(StatusCode::NOT_FOUND, &format!("no such {what}"))
}

pub(super) fn conflict(detail: &str) -> Problem {
    problem(StatusCode::CONFLICT, detail)
}

pub(super) fn differs(differences: Vec<String>) -> Problem {
    Problem {
        detail: differences.join("; "),
        differences,
        status: StatusCode::CONFLICT,
    }
}

fn problem(status: StatusCode, detail: &str) -> Problem {
    Problem {
        status,
        detail: detail.to_owned(),
        differences: Vec::new(),
    }
}

impl From<Refusal> for Problem {
    fn from(refusal: Refusal) -> Self {
        let status = match refusal {
            Refusal::OrderNotFound
            | Refusal::CheckoutNotFound
            | Refusal::CaptureNotFound
            | Refusal::DisputeNotFound => StatusCode::NOT_FOUND,
            Refusal::TransitionNotAllowed { .. }
            | Refusal::AmountExceedsAvailable { .. }
            | Refusal::RefundWithoutItems
            | Refusal::ShippingNotInFull
            | Refusal::DisputeClosed => StatusCode::CONFLICT,
            Refusal::Storage => StatusCode::INTERNAL_SERVER_ERROR,
        };
        problem(status, &refusal.to_string())
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let mut body = json!({
            "type": "about:blank",
            "title": self.status.canonical_reason(),
            "status": self.status.as_u16(),
            "detail": self.detail,
        });
        if !self.differences.is_empty() {
            body["differences"] = self.differences.into();
        }
        let mut response = (self.status, Json(body)).into_response();
        let kind = HeaderValue::from_static("application/problem+json");
        response.headers_mut().insert(header::CONTENT_TYPE, kind);
        response
    }
}
