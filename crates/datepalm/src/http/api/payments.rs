//! `/v1/payments`: create, read (with long poll), list, timeline.

use crate::actions::content::PaymentRequest;
use crate::actions::create_payment::create_payment;
use crate::actions::show_payment::{Shown, list_payments, payment_json, show_payment};
use crate::actions::timeline::{self, Cursor};
use crate::app::App;
use crate::domain::status::Status;
use crate::error::{Code, Refusal};
use crate::http::auth::Merchant;
use crate::http::body::{IdempotencyKey, Json};
use crate::http::path::PaymentPath;
use crate::http::problem::Problem;
use crate::ids::PaymentId;
use crate::store::payments::Filter;
use axum::extract::rejection::QueryRejection;
use axum::extract::{Query, State};
use axum::http::{HeaderMap, HeaderValue, StatusCode};
use serde::Deserialize;
use serde_json::{Value, json};
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::broadcast::Receiver;
use tokio::sync::broadcast::error::RecvError;

/// Says that a key had been used before (R26).
pub const REPLAYED: &str = "idempotent-replayed";

/// An answer with its status and headers.
pub type Answer = Result<(StatusCode, HeaderMap, axum::Json<Value>), Problem>;

/// Puts an answer together.
pub fn answer(
    status: StatusCode,
    replayed: bool,
    value: Value,
) -> (StatusCode, HeaderMap, axum::Json<Value>) {
    let mut headers = HeaderMap::new();
    if replayed {
        headers.insert(REPLAYED, HeaderValue::from_static("true"));
    }
    headers.insert("cache-control", HeaderValue::from_static("no-store"));
    (status, headers, axum::Json(value))
}

/// `POST /v1/payments`
pub async fn create(
    State(app): State<Arc<App>>,
    merchant: Merchant,
    IdempotencyKey(key): IdempotencyKey,
    Json(value): Json<PaymentRequest>,
) -> Answer {
    let account = merchant.account;
    let created = create_payment(&app, &account, key, value).await?;
    let shown = show_payment(&app, &account.config.name, &created.payment).await?;
    let waits = shown.payment.status() == Status::Created;
    let status = match (waits, created.existing) {
        (true, _) => StatusCode::ACCEPTED,
        (false, true) => StatusCode::OK,
        (false, false) => StatusCode::CREATED,
    };
    Ok(answer(status, created.replayed, payment_json(&app, &shown)))
}

/// Query of a read.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Wait {
    wait: Option<u64>,
    since: Option<i64>,
}

/// The longest poll, seconds.
const WAIT_SECONDS_MAX: u64 = 30;

/// `GET /v1/payments/{id}?wait=25&since=3`
pub async fn read(
    State(app): State<Arc<App>>,
    merchant: Merchant,
    PaymentPath(id): PaymentPath,
    query: Result<Query<Wait>, QueryRejection>,
) -> Answer {
    let Query(Wait { wait, since }) = query.map_err(|_| {
        Refusal::new(
            Code::InvalidRequest,
            "wait (seconds, at most 30) and since (a version) are whole numbers",
        )
    })?;
    let (account, id) = (merchant.account.config.name.clone(), id);
    let patience = Duration::from_secs(wait.unwrap_or(0).min(WAIT_SECONDS_MAX));
    // Subscribed before the first look, so that no change falls between the two.
    let mut changes = app.nudges.changed.subscribe();
    let mut shown = show_payment(&app, &account, &id).await?;
    if !patience.is_zero() && !worth_answering(&shown, since) {
        let changed = next_worth_answering(&app, &account, &id, since, &mut changes);
        // Out of patience is no error: the caller gets what is there and asks again.
        if let Ok(changed) = tokio::time::timeout(patience, changed).await {
            shown = changed?;
        } else {
            shown = show_payment(&app, &account, &id).await?;
        }
    }
    Ok(answer(StatusCode::OK, false, payment_json(&app, &shown)))
}

/// Newer than the version that the caller has; or, for a caller without one, decided.
fn worth_answering(shown: &Shown, since: Option<i64>) -> bool {
    match since {
        Some(version) => shown.payment.version > version,
        None => shown.payment.paid() || shown.payment.is_final(),
    }
}

async fn next_worth_answering(
    app: &Arc<App>,
    account: &str,
    id: &PaymentId,
    since: Option<i64>,
    changes: &mut Receiver<PaymentId>,
) -> crate::error::Result<Shown> {
    loop {
        match changes.recv().await {
            Ok(changed) if changed != *id => {}
            Ok(_) | Err(RecvError::Lagged(_)) => {
                let shown = show_payment(app, account, id).await?;
                if worth_answering(&shown, since) {
                    return Ok(shown);
                }
            }
            Err(RecvError::Closed) => return show_payment(app, account, id).await,
        }
    }
}

/// Query of a list.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ListQuery {
    limit: Option<i64>,
    cursor: Option<String>,
    status: Option<String>,
    merchant_reference: Option<String>,
}

/// How many rows a page has at most.
pub(super) fn page_limit(asked: Option<i64>) -> crate::error::Result<i64> {
    let limit = asked.unwrap_or(20);
    if (1..=100).contains(&limit) {
        return Ok(limit);
    }
    let detail = format!("limit is {limit}, must be 1 to 100");
    Err(Refusal::new(Code::InvalidRequest, detail)
        .param("limit")
        .into())
}

/// `GET /v1/payments`
pub async fn list(
    State(app): State<Arc<App>>,
    merchant: Merchant,
    query: Result<Query<ListQuery>, QueryRejection>,
) -> Answer {
    let Query(query) = query.map_err(|_| {
        Refusal::new(
            Code::InvalidRequest,
            "a list takes limit (1 to 100), cursor, status and merchant_reference, each at most once",
        )
    })?;
    let limit = page_limit(query.limit)?;
    let known = |word: &str| Status::from_word(word).is_some();
    if query.status.as_deref().is_some_and(|word| !known(word)) {
        let known: Vec<_> = Status::ALL.iter().map(|status| status.as_str()).collect();
        let detail = format!("status: expected one of {}", known.join(", "));
        return Err(Refusal::new(Code::InvalidRequest, detail)
            .param("status")
            .into());
    }
    let reference = query.merchant_reference.as_deref().unwrap_or_default();
    if reference.contains('\0') {
        let detail = "merchant_reference holds the NUL character, which no reference does";
        return Err(Refusal::new(Code::InvalidRequest, detail)
            .param("merchant_reference")
            .into());
    }
    let ours = |cursor: &str| PaymentId::parse(cursor).is_some();
    if query.cursor.as_deref().is_some_and(|cursor| !ours(cursor)) {
        let detail = "cursor is not one that a list answered; begin again without it";
        return Err(Refusal::new(Code::CursorInvalid, detail)
            .param("cursor")
            .into());
    }
    let filter = Filter {
        status: query.status,
        merchant_reference: query.merchant_reference,
        before: query.cursor,
    };
    let (shown, has_more) =
        list_payments(&app, &merchant.account.config.name, filter, limit).await?;
    let next_cursor = shown
        .last()
        .filter(|_| has_more)
        .map(|last| last.payment.id.as_str().to_owned());
    let data: Vec<Value> = shown
        .iter()
        .map(|shown| payment_json(&app, shown))
        .collect();
    let value =
        json!({ "object": "list", "data": data, "has_more": has_more, "next_cursor": next_cursor });
    Ok(answer(StatusCode::OK, false, value))
}

/// Entries of a timeline that are shown to who names no limit: all of most payments.
const ENTRIES_SHOWN: i64 = 100;

/// Query of a timeline.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TimelineQuery {
    limit: Option<i64>,
    cursor: Option<String>,
}

/// `GET /v1/payments/{id}/timeline`
pub async fn timeline(
    State(app): State<Arc<App>>,
    merchant: Merchant,
    PaymentPath(id): PaymentPath,
    query: Result<Query<TimelineQuery>, QueryRejection>,
) -> Answer {
    let Query(query) = query.map_err(|_| {
        let detail = "a timeline takes limit (1 to 100) and cursor, each at most once";
        Refusal::new(Code::InvalidRequest, detail)
    })?;
    let limit = page_limit(query.limit.or(Some(ENTRIES_SHOWN)))?;
    let cursor = match query.cursor.as_deref().map(Cursor::parse) {
        None => Cursor::default(),
        Some(Some(cursor)) => cursor,
        Some(None) => {
            let detail = "cursor is not one that this timeline answered; begin again without it";
            let refusal = Refusal::new(Code::CursorInvalid, detail);
            return Err(refusal.param("cursor").into());
        }
    };
    let account = &merchant.account.config.name;
    let (data, next) = timeline::timeline(&app, account, &id, cursor, limit).await?;
    let (has_more, next_cursor) = (next.is_some(), next.map(|next| next.to_string()));
    let value =
        json!({ "object": "list", "data": data, "has_more": has_more, "next_cursor": next_cursor });
    Ok(answer(StatusCode::OK, false, value))
}
