//! What the API shows of payments and operations, one or many. Reads only.

use super::portion;
use crate::app::App;
use crate::clock::rfc3339;
use crate::domain::deadline::next_deadline;
use crate::domain::facts::Entry;
use crate::domain::operation::Operation;
use crate::domain::origin::origin_of;
use crate::domain::payment::{Payment, Policy, Session};
use crate::domain::status::{Status, amounts_of, of_facts};
use crate::error::{Code, Result, refused};
use crate::ids::PaymentId;
use crate::store::payments::{self, Filter, Wish};
use crate::store::tx::Tx;
use serde_json::{Value, json};
use std::sync::Arc;
use tamara::money::Money;

/// A payment with what is shown beside its core.
#[derive(Clone, Debug)]
pub struct Shown {
    /// The core.
    pub payment: Payment,
    /// Its texts.
    pub wish: Wish,
    /// The merchant's notes.
    pub metadata: Vec<(String, String)>,
}

/// Loads a payment of an account.
pub async fn show_payment(app: &Arc<App>, account: &str, id: &PaymentId) -> Result<Shown> {
    let (account, id) = (account.to_owned(), id.clone());
    app.store
        .read("show payment", move |tx| load(tx, &account, &id))
        .await
}

pub(super) fn load(tx: &mut Tx<'_>, account: &str, id: &PaymentId) -> Result<Shown> {
    let Some(payment) = payments::look(tx, id)?.filter(|payment| payment.account == account) else {
        return refused(
            Code::PaymentNotFound,
            format!("there is no payment {id} in this account"),
        );
    };
    Ok(Shown {
        wish: payments::wish(tx, id)?,
        metadata: payments::metadata(tx, id)?,
        payment,
    })
}

/// A page of payments, newest first, and whether there are more.
pub async fn list_payments(
    app: &Arc<App>,
    account: &str,
    filter: Filter,
    limit: i64,
) -> Result<(Vec<Shown>, bool)> {
    let account = account.to_owned();
    app.store
        .read("list payments", move |tx| {
            let mut ids = payments::list(tx, &account, &filter, limit + 1)?;
            let size = usize::try_from(limit).unwrap_or(0);
            let more = ids.len() > size;
            ids.truncate(size);
            let shown = ids
                .iter()
                .map(|id| load(tx, &account, id))
                .collect::<Result<Vec<_>>>()?;
            Ok((shown, more))
        })
        .await
}

/// An amount in answers.
pub fn money(amount: Money) -> Value {
    json!({ "amount": amount.minor(), "currency": amount.currency().code(), "decimal": amount.decimal() })
}

/// The payment object.
pub fn payment_json(app: &App, shown: &Shown) -> Value {
    let payment = &shown.payment;
    let minor = |minor: i64| money(Money::new(minor, payment.total.currency()));
    let amounts = payment.amounts();
    let deadline = next_deadline(payment, &app.policy);
    let attention = payment.open_points();
    let metadata: serde_json::Map<String, Value> = shown
        .metadata
        .iter()
        .map(|(key, value)| (key.clone(), value.clone().into()))
        .collect();
    json!({
        "object": "payment",
        "id": payment.id.as_str(),
        "livemode": app.accounts.get(&payment.account).is_some_and(|account| account.config.livemode()),
        "account": payment.account,
        "merchant_reference": payment.merchant_reference,
        "status": payment.status().as_str(),
        "paid": payment.paid(),
        "final": payment.is_final(),
        "in_doubt": payment.in_doubt(),
        "recovering": payment.recovering(),
        "version": payment.version,
        "amounts": {
            "total": money(payment.total),
            "authorised": minor(amounts.authorised_minor),
            "canceled": minor(amounts.canceled_minor),
            "captured": minor(amounts.captured_minor),
            "refunded": minor(amounts.refunded_minor),
        },
        "currency": payment.total.currency().code(),
        "country": payment.country.code(),
        "locale": shown.wish.locale,
        "description": shown.wish.description,
        "capture_mode": payment.capture_mode.as_str(),
        "checkout_url": checkout_url(payment),
        "expired_reason": expired_reason(payment),
        "cancel": payment.cancel.as_ref().map(|mark| json!({
            "state": payments::cancel_word(mark),
            "accepted_at": rfc3339(mark.accepted_at_ms),
        })),
        "next_deadline": deadline.map(|(kind, at_ms)| json!({ "kind": kind.as_str(), "at": rfc3339(at_ms) })),
        "attention": attention
            .map(|open| json!({ "id": open.id.as_str(), "reason": open.reason.as_str(), "since": rfc3339(open.since_ms) }))
            .collect::<Vec<_>>(),
        "sessions": payment.sessions.iter().map(|session| session_json(payment, session, &app.policy)).collect::<Vec<_>>(),
        "operations": payment.operations.iter().map(|o| operation_fields(payment, o)).collect::<Vec<_>>(),
        "metadata": metadata,
        "return_urls": serde_json::from_str::<Value>(&shown.wish.return_urls).unwrap_or(Value::Null),
        "created_at": rfc3339(payment.created_at_ms),
    })
}

/// Handed out while somebody may still pay: the newest open session's, and none once a cancel was asked for, or while it is
/// not known whether one was (R22, R23, R30), or while the reference is another payment's (R7).
pub fn checkout_url(payment: &Payment) -> Option<&str> {
    let given_up = !payment.held || payment.cancel_stands();
    if payment.recovering() || given_up || payment.status() != Status::Pending {
        return None;
    }
    let newest = payment.newest_session()?;
    let open = of_facts(&newest.facts, payment.total.minor()) == Status::Pending;
    newest
        .order
        .as_ref()
        .filter(|_| open)
        .map(|order| order.checkout_url.as_str())
}

/// Why it is expired, when a hint says so (R8).
fn expired_reason(payment: &Payment) -> Option<&'static str> {
    let left = payment
        .newest_session()
        .is_some_and(|session| session.customer_canceled);
    (payment.status() == Status::Expired && left).then_some("customer_canceled")
}

fn session_json(payment: &Payment, session: &Session, policy: &Policy) -> Value {
    let total = payment.total;
    let minor = |minor: i64| money(Money::new(minor, total.currency()));
    let amounts = amounts_of(&session.facts, total.minor());
    let entry = |entry: &Entry| {
        json!({
            "kind": entry.kind.as_str(),
            "id": entry.id,
            "amount": minor(entry.amount_minor),
            "counts": entry.counts(),
            "origin": origin_of(payment, session, entry, policy).as_str(),
            "operation": entry.operation.as_ref().map(crate::ids::OperationId::as_str),
        })
    };
    json!({
        "object": "session",
        "id": session.id.as_str(),
        "order_reference_id": payment.reference_of(session),
        "order_id": session.order.as_ref().map(|order| &order.order_id),
        "checkout_id": session.order.as_ref().map(|order| &order.checkout_id),
        "status": session.order.as_ref().map(|_| of_facts(&session.facts, total.minor()).as_str()),
        "winner": payment.winner.as_ref() == Some(&session.id),
        "amounts": {
            "authorised": minor(amounts.authorised_minor),
            "canceled": minor(amounts.canceled_minor),
            "captured": minor(amounts.captured_minor),
            "refunded": minor(amounts.refunded_minor),
        },
        "entries": session.facts.entries.values().map(entry).collect::<Vec<_>>(),
        "created_at": rfc3339(session.created_at_ms),
    })
}

/// An operation as it stands inside its payment.
pub(super) fn operation_fields(payment: &Payment, operation: &Operation) -> Value {
    let [items, shipping, tax, discount] = portion::shown(operation, payment.total.currency());
    let mut value = json!({
        "object": "operation",
        "id": operation.id.as_str(),
        "payment_id": payment.id.as_str(),
        "session": operation.session.as_str(),
        "kind": operation.kind.as_str(),
        "state": operation.state.as_str(),
        "origin": operation.origin.as_str(),
        "amount": money(Money::new(operation.amount_minor, payment.total.currency())),
        "items": items,
        "shipping_amount": shipping,
        "tax_amount": tax,
        "discount_amount": discount,
        "reason": operation.reason,
        "attempts": operation.attempt,
        "tamara_id": operation.tamara_id,
        "created_at": rfc3339(operation.created_at_ms),
        "ended_at": operation.ended_at_ms.map(rfc3339),
    });
    if let Some(reference) = &operation.reference {
        value["order_reference_id"] = reference.as_str().into();
        value["amount"] = Value::Null;
    }
    value
}

/// The operation object, with its payment.
pub fn operation_json(app: &App, shown: &Shown, operation: &Operation) -> Value {
    let mut value = operation_fields(&shown.payment, operation);
    value["livemode"] = app
        .accounts
        .get(&shown.payment.account)
        .is_some_and(|a| a.config.livemode())
        .into();
    value["payment"] = payment_json(app, shown);
    value
}
