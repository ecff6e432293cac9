//! The points that wait for a person: listed with the money that they are about, and resolved with a note.
//!
//! Money at risk and whether a point still stands are computed from the payment when they are read, never stored.

use super::advance::{Env, save_and_plan};
use super::show_payment::money;
use crate::app::{Account, App};
use crate::clock::rfc3339;
use crate::domain::attention::{self, Point, ResolveRefused};
use crate::domain::payment::{AttentionReason, Payment};
use crate::error::{Code, Refusal, Result, refused};
use crate::ids::{AttentionId, InterventionId, OperationId, PaymentId, SessionId};
use crate::store::attention::Filter;
use crate::store::interventions::{self, Bound, Intervention, Kind, Note};
use crate::store::tx::Tx;
use crate::store::{attention as points, payments};
use serde_json::{Value, json};
use std::sync::Arc;

/// What a person says about a point or an operation, and with which keys.
#[derive(Clone, Debug)]
pub struct Said {
    /// Why, in the person's words.
    pub note: Note,
    /// The id of the API key that asked.
    pub by_key: String,
    /// The caller's `Idempotency-Key`.
    pub key: String,
}

/// A point with its payment, and what a person decided about it.
#[derive(Clone, Debug)]
pub struct Shown {
    payment: Payment,
    point: Point,
    decided: Option<Intervention>,
}

/// A page of an account's points, and whether there are more.
pub async fn list_attention(
    app: &Arc<App>,
    account: &str,
    filter: Filter,
    limit: i64,
) -> Result<(Vec<Shown>, bool)> {
    let account = account.to_owned();
    app.store
        .read("list attention", move |tx| {
            let mut found = points::list(tx, &account, &filter, limit + 1)?;
            let size = usize::try_from(limit).unwrap_or(0);
            let more = found.len() > size;
            found.truncate(size);
            let shown = found
                .iter()
                .map(|(id, payment)| load(tx, payment, id))
                .collect::<Result<Vec<_>>>()?;
            Ok((shown, more))
        })
        .await
}

/// One point of an account.
pub async fn show_attention(app: &Arc<App>, account: &str, id: &AttentionId) -> Result<Shown> {
    let (account, id) = (account.to_owned(), id.clone());
    app.store
        .read("show attention", move |tx| {
            let payment = payment_of(tx, &account, &id)?;
            load(tx, &payment, &id)
        })
        .await
}

fn payment_of(tx: &mut Tx<'_>, account: &str, id: &AttentionId) -> Result<PaymentId> {
    let Some(payment) = points::payment_of(tx, account, id)? else {
        return refused(
            Code::AttentionNotFound,
            format!("there is no attention {id} in this account"),
        );
    };
    Ok(payment)
}

fn load(tx: &mut Tx<'_>, payment: &PaymentId, id: &AttentionId) -> Result<Shown> {
    let found = payments::look(tx, payment)?.and_then(|payment| {
        let point = payment.points.iter().find(|point| point.id == *id).cloned();
        point.map(|point| (payment, point))
    });
    let (payment, point) =
        found.ok_or_else(|| anyhow::anyhow!("attention {id} is missing from its payment"))?;
    let about = |decided: &Intervention| match decided.kind {
        Kind::Resolve => decided.about == point.id.as_str(),
        Kind::End => point.operation.as_ref().map(OperationId::as_str) == Some(&decided.about),
    };
    let decided = if point.is_open() {
        None
    } else {
        let all = interventions::of_payment(tx, &payment.id, i64::MIN, i64::MAX)?;
        all.into_iter()
            .find(|decided| about(decided) && Some(decided.at_ms) == point.resolved_at_ms)
    };
    Ok(Shown {
        payment,
        point,
        decided,
    })
}

/// Resolves a point: what that lifts stands in `domain::attention`. Answers whether the key had been used before.
pub async fn resolve_attention(
    app: &Arc<App>,
    account: &Arc<Account>,
    id: &AttentionId,
    said: Said,
) -> Result<bool> {
    let env = Env::now(app, account);
    let bound = Bound {
        fingerprint: app.fingerprint(&format!("{id}\n{}", said.note.0)),
        key: said.key.clone(),
    };
    let id = id.clone();
    let (payment, replayed) = app
        .store
        .write("resolve attention", move |tx| {
            resolve(tx, &env, &id, &said, &bound)
        })
        .await?;
    app.changed(&payment);
    Ok(replayed)
}

fn resolve(
    tx: &mut Tx<'_>,
    env: &Env,
    id: &AttentionId,
    said: &Said,
    bound: &Bound,
) -> Result<(PaymentId, bool)> {
    let account = &env.account.config.name;
    let owner = payment_of(tx, account, id)?;
    let before = payments::load_known(tx, &owner)?;
    if replays(tx, account, Kind::Resolve, bound)? {
        return Ok((owner, true));
    }
    let mut payment = before.clone();
    let context = env.context(tx, &payment)?;
    attention::resolve(&mut payment, id, &context).map_err(|why| refusal(&before, id, &why))?;
    let decided = decided(env, Kind::Resolve, id.as_str(), said);
    interventions::insert(tx, (account, &owner), &decided, bound)?;
    save_and_plan(tx, Some(&before), &mut payment, env)?;
    Ok((owner, false))
}

/// Whether this very request was made before (R26).
pub(super) fn replays(tx: &mut Tx<'_>, account: &str, kind: Kind, bound: &Bound) -> Result<bool> {
    match interventions::by_key(tx, account, kind, &bound.key)? {
        None => Ok(false),
        Some(known) if known == bound.fingerprint => Ok(true),
        Some(_) => refused(
            Code::IdempotencyKeyReused,
            "this Idempotency-Key was used with another request; use a new key for a new decision",
        ),
    }
}

/// What a person decided, as a row.
pub(super) fn decided(env: &Env, kind: Kind, about: &str, said: &Said) -> Intervention {
    let now_ms = env.stamp.now_ms;
    Intervention {
        id: InterventionId::new(now_ms, env.stamp.ids.as_ref()),
        kind,
        about: about.to_owned(),
        outcome: None,
        note: said.note.clone(),
        by_key: said.by_key.clone(),
        at_ms: now_ms,
    }
}

fn refusal(payment: &Payment, id: &AttentionId, why: &ResolveRefused) -> Refusal {
    match why {
        ResolveRefused::Unknown => Refusal::new(
            Code::AttentionNotFound,
            format!("there is no attention {id} in this account"),
        ),
        ResolveRefused::Resolved(at_ms) => Refusal::new(
            Code::AlreadyResolved,
            format!(
                "{id} was resolved at {}; GET it for the note",
                rfc3339(*at_ms)
            ),
        ),
        ResolveRefused::StillInDoubt(operation) => Refusal::new(
            Code::OperationInDoubt,
            format!(
                "{operation} is still in doubt, and nothing would remind of it: end it as applied or not_applied with \
                 POST /v1/payments/{}/operations/{operation}/end, which resolves this as well",
                payment.id
            ),
        )
        .operation(operation.as_str()),
    }
}

/// What a person can do, in a sentence or two.
fn suggestion(payment: &Payment, point: &Point) -> String {
    let in_doubt = attention::stands(payment, point);
    let end = |id: &OperationId| {
        format!(
            "end it as applied or not_applied with POST /v1/payments/{}/operations/{id}/end",
            payment.id
        )
    };
    match (point.reason, &point.operation) {
        (AttentionReason::OrderMismatch, _) => {
            "Compare the order in Tamara's portal with this payment: order id, total, currency and reference. Nothing is \
             sent for it until Tamara's answer fits, whether this is resolved or not."
        }
        (AttentionReason::OrderNotFound, _) => {
            "Check that the account's API token belongs to the Tamara environment in which the order was made. The order \
             is read again by itself; resolve this when it was found, or is known to be gone."
        }
        (AttentionReason::UnknownStatus, _) => {
            "Look at the order in Tamara's portal, and for a newer Datepalm: Tamara uses a status that this one does not \
             know. Nothing is sent until it shows one that it does, whether this is resolved or not."
        }
        (AttentionReason::BooksDiffer, _) => {
            "Compare the order in Tamara's portal with the amounts here. Resolve this once you know what is right: \
             Datepalm then goes on with the facts as it shows them."
        }
        (AttentionReason::CannotAttribute, Some(id)) if in_doubt => {
            return format!(
                "See in Tamara's portal whether one of the entries of that amount is the effect of {id}, and {}.",
                end(id)
            );
        }
        (AttentionReason::CannotAttribute, _) => {
            "What had ended as not applied, or something that looks like it, is there after all: see in Tamara's portal \
             whether money moved twice, give back what is too much, then resolve this."
        }
        (AttentionReason::TamaraRefusesAccess, _) => {
            "Check the account's API token and its rights with Tamara. Resolving this tries again at once."
        }
        (AttentionReason::PlanRefused, _) => {
            "See in the timeline why Tamara refuses. Resolving this lets Datepalm try three more times; or give the money \
             back in Tamara's portal, which Datepalm then reads."
        }
        (AttentionReason::DuplicateApproval, _) => {
            "The customer paid more than once. Datepalm gives the additional money back by itself: see in the sessions \
             that it did, then resolve this."
        }
        (AttentionReason::AuthoriseDeadline, _) => {
            "Tamara lets the order expire unless it is authorised: see in the timeline why that fails, or authorise it in \
             Tamara's portal."
        }
        (AttentionReason::RestoredUnknownEffect, _) => {
            "Compare the captures, refunds and cancels of this order with your own records from after the backup. If no \
             order is shown here, look in Tamara's portal whether one with this reference was paid. Resolving this allows \
             money calls, and another session, again."
        }
        (AttentionReason::OperationStillOpen, Some(id)) if in_doubt => {
            return format!(
                "Datepalm goes on looking. See in Tamara's portal whether {id} happened; if it stays in doubt or accepted, {}.",
                end(id)
            );
        }
        (AttentionReason::OperationStillOpen, _) => "It has ended meanwhile: resolve this.",
    }
    .to_owned()
}

/// The attention object.
pub fn attention_json(app: &App, shown: &Shown) -> Value {
    let Shown { payment, point, .. } = shown;
    let decided = shown.decided.as_ref();
    json!({
        "object": "attention",
        "id": point.id.as_str(),
        "livemode": app.accounts.get(&payment.account).is_some_and(|account| account.config.livemode()),
        "reason": point.reason.as_str(),
        "since": rfc3339(point.since_ms),
        "still_so": attention::stands(payment, point),
        "money_at_risk": money(attention::at_risk(payment, point)),
        "suggested_action": suggestion(payment, point),
        "payment_id": payment.id.as_str(),
        "merchant_reference": payment.merchant_reference,
        "payment_status": payment.status().as_str(),
        "session": point.session.as_ref().map(SessionId::as_str),
        "operation": point.operation.as_ref().map(OperationId::as_str),
        "resolved": point.resolved_at_ms.map(|at_ms| json!({
            "at": rfc3339(at_ms),
            "by": decided.map(|decided| &decided.by_key),
            "note": decided.map(|decided| &decided.note.0),
        })),
    })
}

impl Shown {
    /// Its id.
    pub fn id(&self) -> &AttentionId {
        &self.point.id
    }
}
