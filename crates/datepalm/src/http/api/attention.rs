//! `/v1/attention`: what waits for a person, and its resolution; `/v1/payments/{id}/operations/{operation}/end` (R17).

use super::payments::{Answer, answer, page_limit};
use crate::actions::attention::{
    Said, attention_json, list_attention, resolve_attention, show_attention,
};
use crate::actions::end_operation::end_operation;
use crate::actions::show_payment::{operation_json, show_payment};
use crate::app::App;
use crate::domain::ending::Outcome;
use crate::domain::payment::AttentionReason;
use crate::error::{Code, Refusal, Result};
use crate::http::auth::Merchant;
use crate::http::body::{IdempotencyKey, Json};
use crate::http::path::{AttentionPath, OperationPath};
use crate::ids::AttentionId;
use crate::store::attention::Filter;
use crate::store::interventions::Note;
use axum::extract::rejection::QueryRejection;
use axum::extract::{Query, State};
use axum::http::StatusCode;
use serde::Deserialize;
use serde_json::{Value, json};
use std::sync::Arc;

/// Characters of a note.
const NOTE_MAX: usize = 1_000;

/// Query of a list.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ListQuery {
    limit: Option<i64>,
    cursor: Option<String>,
    reason: Option<String>,
    state: Option<String>,
    order: Option<String>,
}

/// `GET /v1/attention`
pub async fn list(
    State(app): State<Arc<App>>,
    merchant: Merchant,
    query: std::result::Result<Query<ListQuery>, QueryRejection>,
) -> Answer {
    let Query(query) = query.map_err(|_| {
        Refusal::new(
            Code::InvalidRequest,
            "this list takes limit (1 to 100), cursor, reason, state (open or resolved) and order (newest or oldest), \
             each at most once",
        )
    })?;
    let limit = page_limit(query.limit)?;
    let reason = query.reason.as_deref().map(reason_of).transpose()?;
    let resolved = one_of("state", query.state.as_deref(), ["open", "resolved"])?;
    let oldest_first = one_of("order", query.order.as_deref(), ["newest", "oldest"])?;
    let filter = Filter {
        reason,
        resolved,
        oldest_first,
        after: query.cursor.as_deref().map(cursor_of).transpose()?,
    };
    let account = &merchant.account.config.name;
    let (shown, has_more) = list_attention(&app, account, filter, limit).await?;
    let next_cursor = shown
        .last()
        .filter(|_| has_more)
        .map(|last| last.id().as_str().to_owned());
    let data: Vec<Value> = shown
        .iter()
        .map(|shown| attention_json(&app, shown))
        .collect();
    let value =
        json!({ "object": "list", "data": data, "has_more": has_more, "next_cursor": next_cursor });
    Ok(answer(StatusCode::OK, false, value))
}

fn reason_of(word: &str) -> Result<AttentionReason> {
    AttentionReason::from_word(word).ok_or_else(|| {
        let known: Vec<_> = AttentionReason::ALL.iter().map(|r| r.as_str()).collect();
        let detail = format!("reason: expected one of {}", known.join(", "));
        Refusal::new(Code::InvalidRequest, detail)
            .param("reason")
            .into()
    })
}

fn cursor_of(cursor: &str) -> Result<AttentionId> {
    AttentionId::parse(cursor).ok_or_else(|| {
        let detail = "cursor is not one that this list answered; begin again without it";
        Refusal::new(Code::CursorInvalid, detail)
            .param("cursor")
            .into()
    })
}

/// Whether the second word was chosen; the first is the default.
fn one_of(name: &str, word: Option<&str>, words: [&str; 2]) -> Result<bool> {
    match word {
        None => Ok(false),
        Some(word) if word == words[0] => Ok(false),
        Some(word) if word == words[1] => Ok(true),
        Some(_) => {
            let detail = format!("{name}: expected {} or {}", words[0], words[1]);
            Err(Refusal::new(Code::InvalidRequest, detail)
                .param(name)
                .into())
        }
    }
}

/// `GET /v1/attention/{id}`
pub async fn read(
    State(app): State<Arc<App>>,
    merchant: Merchant,
    AttentionPath(id): AttentionPath,
) -> Answer {
    let shown = show_attention(&app, &merchant.account.config.name, &id).await?;
    Ok(answer(StatusCode::OK, false, attention_json(&app, &shown)))
}

/// Body of a resolution.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ResolveBody {
    note: String,
}

/// `POST /v1/attention/{id}/resolve`
pub async fn resolve(
    State(app): State<Arc<App>>,
    merchant: Merchant,
    AttentionPath(id): AttentionPath,
    IdempotencyKey(key): IdempotencyKey,
    Json(value): Json<ResolveBody>,
) -> Answer {
    let said = Said {
        note: note_of(value.note)?,
        by_key: merchant.key_id,
        key,
    };
    let replayed = resolve_attention(&app, &merchant.account, &id, said).await?;
    let shown = show_attention(&app, &merchant.account.config.name, &id).await?;
    Ok(answer(
        StatusCode::OK,
        replayed,
        attention_json(&app, &shown),
    ))
}

fn note_of(note: String) -> Result<Note> {
    if note.trim().is_empty() || note.chars().count() > NOTE_MAX {
        let detail = format!(
            "note must be 1 to {NOTE_MAX} characters: what was found and done, for whoever reads the timeline"
        );
        return Err(Refusal::new(Code::InvalidRequest, detail)
            .param("note")
            .into());
    }
    Ok(Note(note))
}

/// Body of an ending.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct EndBody {
    outcome: String,
    note: String,
}

/// `POST /v1/payments/{id}/operations/{operation}/end`
pub async fn end(
    State(app): State<Arc<App>>,
    merchant: Merchant,
    OperationPath(payment, operation): OperationPath,
    IdempotencyKey(key): IdempotencyKey,
    Json(value): Json<EndBody>,
) -> Answer {
    let outcome = Outcome::from_word(&value.outcome).ok_or_else(|| {
        let detail =
            "outcome must be applied (it happened) or not_applied (it did not and will not)";
        Refusal::new(Code::InvalidRequest, detail).param("outcome")
    })?;
    let said = Said {
        note: note_of(value.note)?,
        by_key: merchant.key_id,
        key,
    };
    let about = (payment.clone(), operation.clone());
    let replayed = end_operation(&app, &merchant.account, about, outcome, said).await?;
    let shown = show_payment(&app, &merchant.account.config.name, &payment).await?;
    let Some(ended) = shown.payment.operation(operation.as_str()) else {
        return Err(anyhow::anyhow!("operation {operation} is missing from its payment").into());
    };
    let value = operation_json(&app, &shown, ended);
    Ok(answer(StatusCode::OK, replayed, value))
}
