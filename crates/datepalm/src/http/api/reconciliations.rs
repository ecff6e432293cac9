//! `/v1/payments/{id}/reconcile` and `/v1/reconciliations`: our books against Tamara's.

use super::payments::{Answer, answer, page_limit};
use crate::actions::reconcile::{list_runs, reconcile_now, show_report, start_run};
use crate::actions::show_payment::{payment_json, show_payment};
use crate::actions::show_reconciliation::{open_json, reconciliation_json};
use crate::app::{Account, App};
use crate::error::{Code, Refusal, Result};
use crate::http::auth::Merchant;
use crate::http::body::{IdempotencyKey, Json};
use crate::http::path::{PaymentPath, ReconciliationPath};
use crate::ids::ReconciliationId;
use axum::extract::rejection::QueryRejection;
use axum::extract::{Query, State};
use axum::http::StatusCode;
use serde::Deserialize;
use serde_json::{Value, json};
use std::sync::Arc;

/// Differences in an answer that shows no page of them.
const SHOWN: i64 = 100;

/// A body without fields.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Nothing {}

fn shown(account: &Account, report: &crate::actions::reconcile::Report) -> Value {
    let (livemode, currency) = (account.config.livemode(), account.config.country.currency());
    reconciliation_json(report, livemode, currency)
}

/// `POST /v1/payments/{id}/reconcile`
pub async fn reconcile(
    State(app): State<Arc<App>>,
    merchant: Merchant,
    PaymentPath(payment): PaymentPath,
    IdempotencyKey(key): IdempotencyKey,
    Json(Nothing {}): Json<Nothing>,
) -> Answer {
    let account = merchant.account;
    let name = &account.config.name;
    let (id, replayed) = reconcile_now(&app, &account, &payment, &key).await?;
    let report = show_report(&app.store, name, &id, "", SHOWN).await?;
    let payment = show_payment(&app, name, &payment).await?;
    let mut value = shown(&account, &report);
    value["open"] = open_json(&payment.payment);
    value["payment"] = payment_json(&app, &payment);
    Ok(answer(status_of(report.run.done), replayed, value))
}

fn status_of(done: bool) -> StatusCode {
    if done {
        StatusCode::OK
    } else {
        StatusCode::ACCEPTED
    }
}

/// `POST /v1/reconciliations`
pub async fn start(
    State(app): State<Arc<App>>,
    merchant: Merchant,
    IdempotencyKey(key): IdempotencyKey,
    Json(Nothing {}): Json<Nothing>,
) -> Answer {
    let account = merchant.account;
    let (id, replayed) = start_run(&app, &account, &key).await?;
    let report = show_report(&app.store, &account.config.name, &id, "", SHOWN).await?;
    let status = status_of(report.run.done);
    Ok(answer(status, replayed, shown(&account, &report)))
}

/// Query of a list.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ListQuery {
    limit: Option<i64>,
    cursor: Option<String>,
}

fn query_of(query: std::result::Result<Query<ListQuery>, QueryRejection>) -> Result<ListQuery> {
    query.map(|Query(query)| query).map_err(|_| {
        let detail = "this list takes limit (1 to 100) and cursor, each at most once";
        Refusal::new(Code::InvalidRequest, detail).into()
    })
}

/// `GET /v1/reconciliations`
pub async fn list(
    State(app): State<Arc<App>>,
    merchant: Merchant,
    query: std::result::Result<Query<ListQuery>, QueryRejection>,
) -> Answer {
    let query = query_of(query)?;
    let limit = page_limit(query.limit)?;
    let before = query.cursor.as_deref().map(cursor_of).transpose()?;
    let account = merchant.account;
    let (reports, has_more) = list_runs(&app, &account.config.name, before, limit).await?;
    let next_cursor = reports
        .last()
        .filter(|_| has_more)
        .map(|last| last.run.id.as_str().to_owned());
    let mut data: Vec<Value> = reports
        .iter()
        .map(|report| shown(&account, report))
        .collect();
    for run in data.iter_mut().filter_map(Value::as_object_mut) {
        for field in ["differences", "not_read", "has_more", "next_cursor"] {
            run.remove(field);
        }
    }
    let value =
        json!({ "object": "list", "data": data, "has_more": has_more, "next_cursor": next_cursor });
    Ok(answer(StatusCode::OK, false, value))
}

fn cursor_of(cursor: &str) -> Result<ReconciliationId> {
    ReconciliationId::parse(cursor).ok_or_else(|| {
        let detail = "cursor is not one that this list answered; begin again without it";
        Refusal::new(Code::CursorInvalid, detail)
            .param("cursor")
            .into()
    })
}

/// `GET /v1/reconciliations/{id}`
pub async fn read(
    State(app): State<Arc<App>>,
    merchant: Merchant,
    ReconciliationPath(id): ReconciliationPath,
    query: std::result::Result<Query<ListQuery>, QueryRejection>,
) -> Answer {
    let query = query_of(query)?;
    let limit = page_limit(query.limit.or(Some(SHOWN)))?;
    let after = query.cursor.unwrap_or_default();
    if after.contains('\0') {
        let detail = "cursor is not one that this list answered; begin again without it";
        return Err(Refusal::new(Code::CursorInvalid, detail)
            .param("cursor")
            .into());
    }
    let account = merchant.account;
    let report = show_report(&app.store, &account.config.name, &id, &after, limit).await?;
    Ok(answer(StatusCode::OK, false, shown(&account, &report)))
}
