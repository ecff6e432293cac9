//! Disputes as a merchant sees them (endpoints 2.19, known from a third party only).
//!
//! The query's `is_parent` and the header `x-requested-with` are read by nobody: merchants have no
//! children here. Invariant: files are named and forgotten.

use std::collections::BTreeMap;

use axum::extract::multipart::{Field, MultipartError, MultipartRejection};
use axum::extract::{Multipart, Path, Query, State};
use axum::http::StatusCode;
use axum::{Extension, Json};
use serde_json::{Map, Value, json};

use super::answers::money;
use super::error::{ApiError, Problem};
use crate::Sandbox;
use crate::dates::rfc3339;
use crate::rules::{self, DisputeAnswer, Refusal};
use crate::world::{Account, Dispute, Order, World};

const TEXT_CHARACTERS_MAX: usize = 255;
const PAGE_ENTRIES: usize = 20;

type Words = BTreeMap<String, String>;

pub(super) async fn list(
    State(sandbox): State<Sandbox>,
    Extension(account): Extension<Account>,
    Query(query): Query<Words>,
) -> Json<Value> {
    sandbox.read(|world, _| {
        let own = world
            .disputes()
            .filter(|dispute| dispute.merchant_id == account.merchant_id)
            .filter_map(|dispute| Some((dispute, world.order(&dispute.order_id)?)))
            .filter(|(dispute, order)| wanted(&query, dispute, order));
        let found: Vec<_> = own.collect();
        let number = |name: &str| query.get(name).and_then(|text| text.parse::<usize>().ok());
        let limit = number("limit").unwrap_or(PAGE_ENTRIES);
        let skipped = number("page")
            .unwrap_or(1)
            .saturating_sub(1)
            .saturating_mul(limit);
        let page = found.iter().skip(skipped).take(limit);
        let page: Map<String, Value> = page
            .map(|(dispute, order)| (dispute.id.to_string(), view(dispute, order)))
            .collect();
        Json(json!({
            "total": found.len(),
            "data": { "merchant_details": details(&account), "disputes": page },
        }))
    })
}

fn details(account: &Account) -> Value {
    let name = &account.merchant.name;
    let code = name.chars().filter(char::is_ascii_alphanumeric);
    json!({
        "merchant_id": account.merchant_id,
        "merchant_code": code.collect::<String>().to_ascii_uppercase(),
        "merchant_name": name,
        "merchant_status": "active",
    })
}

fn wanted(query: &Words, dispute: &Dispute, order: &Order) -> bool {
    let is = |name: &str, own: &str| query.get(name).is_none_or(|wish| wish == own);
    is("order_id", &order.id)
        && is("merchant_order_reference_id", &order.reference)
        && is("dispute_id", &dispute.id.to_string())
        && is("order_status", order.status.as_str())
        && is("dispute_status", dispute.status.as_str())
}

fn view(dispute: &Dispute, order: &Order) -> Value {
    let activities = dispute.activities.iter().map(|activity| {
        json!({
            "event": activity.event,
            "comment": activity.comment,
            "attachments": activity.attachments,
            "created_at": rfc3339(activity.at_ms),
        })
    });
    json!({
        "dispute_id": dispute.id,
        "order_id": order.id,
        "merchant_order_reference_id": order.reference,
        "order_status": order.status.as_str(),
        "dispute_status": dispute.status.as_str(),
        "opened_at": rfc3339(dispute.opened_at_ms),
        "closed_at": dispute.closed_at_ms.map(rfc3339),
        "amount": money(order.currency, dispute.minor),
        "activities": activities.collect::<Vec<_>>(),
    })
}

pub(super) async fn answer(
    State(sandbox): State<Sandbox>,
    Extension(account): Extension<Account>,
    Path(dispute_id): Path<String>,
    form: Result<Multipart, MultipartRejection>,
) -> Result<Json<Value>, ApiError> {
    let form = form.map_err(|_| not_a_form())?;
    let (texts, attachment) = read(form).await.map_err(|_| not_a_form())?;
    let problems = problems(&texts);
    if !problems.is_empty() {
        return Err(ApiError::invalid(problems));
    }
    let comment = texts.get("comment").cloned().unwrap_or_default();
    sandbox.change(|world, now_ms| {
        let id = owned(world, &account, &dispute_id)?;
        let answer = DisputeAnswer {
            comment,
            attachment,
        };
        rules::answer_dispute(world, id, answer, now_ms)?;
        Ok::<_, ApiError>(())
    })?;
    Ok(Json(
        json!({ "message": "order.dispute.updated_successfully" }),
    ))
}

fn owned(world: &World, account: &Account, dispute_id: &str) -> Result<u64, Refusal> {
    let id = dispute_id.parse().map_err(|_| Refusal::DisputeNotFound)?;
    let own = world
        .dispute(id)
        .is_some_and(|dispute| dispute.merchant_id == account.merchant_id);
    own.then_some(id).ok_or(Refusal::DisputeNotFound)
}

fn not_a_form() -> ApiError {
    ApiError::bare(StatusCode::BAD_REQUEST, "invalid multipart body")
}

/// The form's texts and the name of its file.
async fn read(mut form: Multipart) -> Result<(Words, Option<String>), MultipartError> {
    let mut texts = Words::new();
    let mut attachment = None;
    while let Some(field) = form.next_field().await? {
        let name = field.name().unwrap_or_default().to_owned();
        if name == "attachment" {
            attachment = Some(file_name(field).await?);
        } else {
            texts.insert(name, field.text().await?);
        }
    }
    Ok((texts, attachment))
}

async fn file_name(field: Field<'_>) -> Result<String, MultipartError> {
    let name = field.file_name().unwrap_or("attachment").to_owned();
    field.bytes().await?;
    Ok(name)
}

fn problems(texts: &Words) -> Vec<Problem> {
    let mut problems = Vec::new();
    let mut found = |code, field: &str, what: &str| {
        problems.push(Problem {
            code,
            field: field.to_owned(),
            what: what.to_owned(),
        });
    };
    if texts
        .get("comment")
        .is_none_or(|text| text.trim().is_empty())
    {
        found("field_required", "comment", "required");
    }
    for field in ["comment", "delivery_provider", "order_delivery_tracking_id"] {
        let text = texts.get(field).map_or("", String::as_str);
        if text.chars().count() > TEXT_CHARACTERS_MAX {
            found("field_invalid", field, "longer than 255 characters");
        }
    }
    problems
}
