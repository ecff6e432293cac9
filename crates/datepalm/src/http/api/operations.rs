//! `/v1/payments/{id}/capture`, `/refund` and `/cancel`.

use super::payments::{Answer, answer};
use crate::actions::cancel_payment::{Canceled, cancel_payment};
use crate::actions::content::Amount;
use crate::actions::portion::{MadeOf, NamedItem, minor_of, named};
use crate::actions::preview_cancel::preview_cancel;
use crate::actions::request_operation::{Asked, Outcome, request_operation};
use crate::actions::show_payment::{operation_json, payment_json, show_payment};
use crate::app::{Account, App};
use crate::clock::parse_rfc3339;
use crate::domain::decide::Command;
use crate::domain::operation::OperationState;
use crate::domain::payment::{CancelState, Payment};
use crate::domain::plan;
use crate::domain::portion::Named;
use crate::error::{Code, Refusal, Result};
use crate::http::auth::Merchant;
use crate::http::body::{IdempotencyKey, Json};
use crate::http::path::PaymentPath;
use crate::http::problem::Problem;
use axum::extract::rejection::QueryRejection;
use axum::extract::{Query, State};
use axum::http::StatusCode;
use serde::Deserialize;
use serde::de::IgnoredAny;
use serde_json::Map;
use std::sync::Arc;
use tamara::money::Money;

/// Who ships, and where it can be followed.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ShippingInfo {
    shipping_company: Option<String>,
    shipped_at: Option<String>,
    tracking_number: Option<String>,
    tracking_url: Option<String>,
}

/// Body of a capture.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CaptureBody {
    amount: Option<Amount>,
    items: Option<Vec<NamedItem>>,
    shipping_amount: Option<Amount>,
    tax_amount: Option<Amount>,
    discount_amount: Option<Amount>,
    shipping_info: Option<ShippingInfo>,
}

/// `POST /v1/payments/{id}/capture`
pub async fn capture(
    State(app): State<Arc<App>>,
    merchant: Merchant,
    PaymentPath(payment): PaymentPath,
    IdempotencyKey(key): IdempotencyKey,
    Json(value): Json<CaptureBody>,
) -> Answer {
    let mut details = Map::new();
    let mut shipped_at_s = None;
    if let Some(info) = value.shipping_info {
        let texts = [
            ("shipping_company", info.shipping_company, 100),
            ("tracking_number", info.tracking_number, 100),
            ("tracking_url", info.tracking_url, 1024),
        ];
        for (name, text, most) in texts {
            let Some(text) = text else { continue };
            if text.trim().is_empty() || text.chars().count() > most {
                let detail = format!("shipping_info.{name} must be 1 to {most} characters");
                return Err(Refusal::new(Code::InvalidRequest, detail)
                    .param(format!("shipping_info.{name}"))
                    .into());
            }
            details.insert(name.to_owned(), text.into());
        }
        if let Some(shipped_at) = info.shipped_at {
            let parsed = parse_rfc3339(&shipped_at).ok_or_else(|| {
                Refusal::new(
                    Code::InvalidRequest,
                    "shipping_info.shipped_at must be RFC 3339: 2026-03-03T10:00:00Z",
                )
                .param("shipping_info.shipped_at")
            })?;
            shipped_at_s = Some(parsed.div_euclid(1_000));
        }
    }
    let amount = amount_of(&merchant.account, value.amount.as_ref())?;
    let made_of = MadeOf {
        items: value.items,
        shipping_amount: value.shipping_amount,
        tax_amount: value.tax_amount,
        discount_amount: value.discount_amount,
    };
    let asked = Asked {
        payment,
        command: Command::Capture(amount),
        named: named(merchant.account.config.country.currency(), made_of, amount)?,
        key,
        details,
        shipped_at_s,
    };
    carried_out(&app, &merchant.account, asked).await
}

/// Body of a refund.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RefundBody {
    amount: Option<Amount>,
    comment: Option<String>,
    /// Nothing that Tamara takes: refused with a sentence.
    items: Option<IgnoredAny>,
}

/// `POST /v1/payments/{id}/refund`
pub async fn refund(
    State(app): State<Arc<App>>,
    merchant: Merchant,
    PaymentPath(payment): PaymentPath,
    IdempotencyKey(key): IdempotencyKey,
    Json(value): Json<RefundBody>,
) -> Answer {
    if value.items.is_some() {
        let detail = "Tamara's refund takes an amount and a comment and keeps no items: leave items out, send amount, \
                      and name the goods in comment if you like";
        return Err(Refusal::new(Code::InvalidRequest, detail)
            .param("items")
            .into());
    }
    let mut details = Map::new();
    if let Some(comment) = value.comment {
        if comment.trim().is_empty() || comment.chars().count() > 255 {
            return Err(
                Refusal::new(Code::InvalidRequest, "comment must be 1 to 255 characters")
                    .param("comment")
                    .into(),
            );
        }
        details.insert("comment".to_owned(), comment.into());
    }
    let amount = amount_of(&merchant.account, value.amount.as_ref())?;
    let asked = Asked {
        payment,
        command: Command::Refund(amount),
        named: None,
        key,
        details,
        shipped_at_s: None,
    };
    carried_out(&app, &merchant.account, asked).await
}

/// Body of a cancel.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CancelBody {
    amount: Option<Amount>,
    items: Option<Vec<NamedItem>>,
    shipping_amount: Option<Amount>,
    tax_amount: Option<Amount>,
    discount_amount: Option<Amount>,
}

/// Query of a cancel.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CancelQuery {
    dry_run: Option<bool>,
}

/// `POST /v1/payments/{id}/cancel`; with `?dry_run=true` it is shown, and nothing is done.
pub async fn cancel(
    State(app): State<Arc<App>>,
    merchant: Merchant,
    PaymentPath(payment): PaymentPath,
    query: std::result::Result<Query<CancelQuery>, QueryRejection>,
    key: std::result::Result<IdempotencyKey, Problem>,
    Json(value): Json<CancelBody>,
) -> Answer {
    let account = merchant.account;
    // A misspelt dry_run must not cancel.
    let Query(CancelQuery { dry_run }) = query.map_err(|_| {
        let detail = "a cancel takes dry_run=true or dry_run=false in its query, and nothing else; nothing was done";
        Refusal::new(Code::InvalidRequest, detail).param("dry_run")
    })?;
    let mut asked = Asked::cancel(payment.clone(), String::new());
    let part = part_of(&account, value)?;
    let whole = part.is_none();
    if let Some((command, named)) = part {
        asked = Asked {
            command,
            named,
            ..asked
        };
    }
    if dry_run == Some(true) {
        let preview = preview_cancel(&app, &account, asked).await?;
        return Ok(answer(StatusCode::OK, false, preview));
    }
    let IdempotencyKey(key) = key?;
    if !whole {
        return carried_out(&app, &account, Asked { key, ..asked }).await;
    }
    match cancel_payment(&app, &account, &payment, key).await? {
        Canceled::Operation(outcome) => shown(&app, &account, outcome).await,
        Canceled::Marked { replayed } => {
            let shown = show_payment(&app, &account.config.name, &payment).await?;
            let state = shown.payment.cancel.as_ref().map(|mark| mark.state);
            let status = match state {
                Some(CancelState::Done) | None => StatusCode::OK,
                Some(CancelState::Accepted) => StatusCode::ACCEPTED,
                Some(CancelState::Refused) => return Err(captured_first(&shown.payment).into()),
            };
            Ok(answer(status, replayed, payment_json(&app, &shown)))
        }
    }
}

/// Why a cancel came to nothing, and what can be done instead, with the amounts (R23).
fn captured_first(payment: &Payment) -> Refusal {
    let amounts = payment.amounts();
    let shown = |minor: i64| Money::new(minor, payment.total.currency());
    let winner = payment.winner();
    let refundable = winner.map_or(0, |winner| plan::refundable(payment, winner));
    let left = winner.map_or(0, |winner| winner.facts.uncaptured(payment.total.minor()));
    let mut detail = format!(
        "Tamara had captured {} before the cancel arrived; refund it instead: {} can be refunded",
        shown(amounts.captured_minor),
        shown(refundable)
    );
    if left > 0 {
        let rest = format!(", and a new cancel can still cancel {}", shown(left));
        detail.push_str(&rest);
    }
    Refusal::new(Code::UseRefund, detail)
}

/// What a cancel of a part asks for; nothing, for a cancel of the whole payment.
fn part_of(account: &Account, body: CancelBody) -> Result<Option<(Command, Option<Named>)>> {
    let amount = amount_of(account, body.amount.as_ref())?;
    let made_of = MadeOf {
        items: body.items,
        shipping_amount: body.shipping_amount,
        tax_amount: body.tax_amount,
        discount_amount: body.discount_amount,
    };
    let named = named(account.config.country.currency(), made_of, amount)?;
    // Of items without an amount the core finds it out.
    let amount = amount.or(named.as_ref().map(|_| 1));
    Ok(amount.map(|amount| (Command::CancelPart(amount), named)))
}

/// An amount of the account's currency, minor units.
fn amount_of(account: &Account, amount: Option<&Amount>) -> Result<Option<i64>> {
    let currency = account.config.country.currency();
    amount
        .map(|amount| minor_of(currency, "amount", amount, 1..=i64::MAX))
        .transpose()
}

async fn carried_out(app: &Arc<App>, account: &Arc<Account>, asked: Asked) -> Answer {
    let outcome = request_operation(app, account, asked).await?;
    shown(app, account, outcome).await
}

/// The operation's current state as an answer: done is 200, in doubt or under way 202, refused a problem (R26).
pub(super) async fn shown(app: &Arc<App>, account: &Arc<Account>, outcome: Outcome) -> Answer {
    let shown = show_payment(app, &account.config.name, &outcome.payment).await?;
    let Some(operation) = shown.payment.operation(outcome.operation.as_str()) else {
        return Err(anyhow::anyhow!(
            "operation {} is missing from its payment",
            outcome.operation
        )
        .into());
    };
    let status = match operation.state {
        OperationState::Succeeded => StatusCode::OK,
        OperationState::Intent
        | OperationState::Sending
        | OperationState::Unknown
        | OperationState::Accepted => StatusCode::ACCEPTED,
        OperationState::Rejected => {
            let reason = operation.reason.clone().unwrap_or_default();
            let id = operation.id.as_str();
            let mut refusal = match reason.as_str() {
                "not_applied" => Refusal::new(
                    Code::NotApplied,
                    format!(
                        "{id} did not reach Tamara, as two reads of the order show; a new request with a new \
                             Idempotency-Key may try again"
                    ),
                ),
                "overtaken" => Refusal::new(
                    Code::WrongStatus,
                    format!("{id} was not sent: the payment had moved on before its turn came"),
                ),
                "conflict" => Refusal::new(
                    Code::RejectedByTamara,
                    format!(
                        "Tamara does not allow {} in the order's present state, and nothing was done ({id}); the payment \
                             shows that state as it was read afterwards",
                        operation.kind.as_str()
                    ),
                ),
                _ => Refusal::new(
                    Code::RejectedByTamara,
                    format!("Tamara refused {id}: {reason}"),
                ),
            };
            refusal.upstream = outcome.upstream;
            return Err(refusal.operation(id).into());
        }
    };
    Ok(answer(
        status,
        outcome.replayed,
        operation_json(app, &shown, operation),
    ))
}
