//! `dry_run=true` of a cancel (R23): what it would do, or why it would be refused. Reads only: no row, no key.

use super::advance::Env;
use super::request_operation::{Asked, command_of, refusal};
use super::show_payment::{load, money};
use crate::app::{Account, App};
use crate::clock::rfc3339;
use crate::domain::deadline::{DeadlineKind, next_deadline};
use crate::domain::decide::Decision;
use crate::domain::operation::OperationKind;
use crate::domain::payment::{CancelPromise, Payment};
use crate::domain::preview::{Foreseen, Preview, preview};
use crate::error::Result;
use serde_json::{Value, json};
use std::sync::Arc;
use tamara::money::Money;

/// What a cancel would do, as it is shown. A refusal is the one that the cancel itself would get.
pub async fn preview_cancel(app: &Arc<App>, account: &Arc<Account>, asked: Asked) -> Result<Value> {
    let env = Env::now(app, account);
    app.store
        .read("preview a cancel", move |tx| {
            let payment = load(tx, &env.account.config.name, &asked.payment)?.payment;
            let (command, _) = command_of(tx, &payment, &asked, &env)?;
            let context = env.context(tx, &payment)?;
            let preview = preview(&payment, command, &context)
                .map_err(|why| refusal(&payment, command, &why, &env.policy))?;
            Ok(shown(&env, &payment, &preview))
        })
        .await
}

fn shown(env: &Env, payment: &Payment, preview: &Preview) -> Value {
    let minor = |minor: i64| money(Money::new(minor, payment.total.currency()));
    let step = |step: &Foreseen| {
        json!({
            "kind": step.kind.as_str(),
            "session": step.session.as_str(),
            "amount": minor(step.amount_minor),
            "under_way": step.under_way,
        })
    };
    let gives_back = preview
        .steps
        .iter()
        .filter(|step| matches!(step.kind, OperationKind::Cancel | OperationKind::Refund))
        .fold(0_i64, |sum, step| sum.saturating_add(step.amount_minor));
    let page_ends = next_deadline(payment, &env.policy)
        .filter(|(kind, _)| preview.page_open && *kind == DeadlineKind::SessionExpiry);
    json!({
        "object": "cancel_preview",
        "dry_run": true,
        "livemode": env.account.config.livemode(),
        "payment_id": payment.id.as_str(),
        "status": payment.status().as_str(),
        "steps": preview.steps.iter().map(step).collect::<Vec<_>>(),
        "gives_back": minor(gives_back),
        "if_paid": preview.if_paid.iter().map(step).collect::<Vec<_>>(),
        "page_open_until": page_ends.map(|(_, at_ms)| rfc3339(at_ms)),
        "detail": detail(payment, preview),
    })
}

fn detail(payment: &Payment, preview: &Preview) -> &'static str {
    if payment.blocked() {
        return "the cancel would be accepted, and nothing sent until what Tamara reports about the order fits again or a \
                person has looked: see attention";
    }
    match &preview.decision {
        Decision::AlreadyCanceled => {
            "a cancel was accepted before; these are the steps that are left of it"
        }
        Decision::Operation(_) => {
            "this part of what is not captured would be canceled; of an order that is captured in part Tamara may refuse it"
        }
        Decision::Mark(mark) if mark.promise == CancelPromise::WhatIsLeft => {
            "what is authorised would be canceled; if Tamara captures before that, the cancel is refused and a refund is the way"
        }
        Decision::Mark(_) if preview.page_open => {
            "checkout_url would no longer be handed out; a customer who pays on the open page all the same gets it back"
        }
        Decision::Mark(_) => {
            "the money would go back in full: what Tamara captures with the authorisation is refunded instead of canceled"
        }
    }
}
