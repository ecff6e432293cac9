//! The end of every transaction that changed a payment: plan the next step of our own, then save it all with its
//! events (R3).

use crate::app::{Account, App};
use crate::domain::context::Context;
use crate::domain::decide::unique_shipped_at_s;
use crate::domain::observe::refresh;
use crate::domain::operation::{Intent, Operation, OperationKind, Origin};
use crate::domain::payment::{Payment, Policy};
use crate::domain::plan::{self, Step};
use crate::error::Result;
use crate::ids::OperationId;
use crate::store::payments;
use crate::store::stamp::Stamp;
use crate::store::tx::Tx;
use serde_json::json;
use std::sync::Arc;

/// What a transaction about one account's payment carries with it; cheap to clone into a closure.
#[derive(Clone)]
pub struct Env {
    /// Time and ids.
    pub stamp: Stamp,
    /// Durations and words.
    pub policy: Arc<Policy>,
    /// The account.
    pub account: Arc<Account>,
}

impl Env {
    /// For a transaction that begins now.
    pub fn now(app: &App, account: &Arc<Account>) -> Self {
        Self {
            stamp: app.stamp(),
            policy: app.policy.clone(),
            account: account.clone(),
        }
    }

    /// The context of the core's functions for this payment.
    pub fn context(&self, tx: &mut Tx<'_>, payment: &Payment) -> Result<Context<'_>> {
        let can_hold = payment.held || {
            let holder = payments::holder(tx, &payment.account, &payment.merchant_reference)?;
            holder.is_none_or(|(id, _)| id == payment.id)
        };
        Ok(Context {
            now_ms: self.stamp.now_ms,
            policy: &self.policy,
            can_hold,
        })
    }
}

/// Inserts the intent of the next planned step, if there is one and it is due, and saves what differs from `before`.
pub fn save_and_plan(
    tx: &mut Tx<'_>,
    before: Option<&Payment>,
    payment: &mut Payment,
    env: &Env,
) -> Result<()> {
    if let Some(step) = plan::next_step(payment) {
        let not_before_ms = plan::not_before_ms(payment, &step, env.policy.retry_ms);
        if not_before_ms <= env.stamp.now_ms {
            let operation = planned(payment, &step, env);
            payment.operations.push(operation);
            let context = env.context(tx, payment)?;
            refresh(payment, &context);
        } else {
            let due = payment
                .next_check_at_ms
                .map_or(not_before_ms, |at_ms| at_ms.min(not_before_ms));
            payment.next_check_at_ms = Some(due);
        }
    }
    payments::save(tx, before, payment, &env.stamp)
}

fn planned(payment: &Payment, step: &Step, env: &Env) -> Operation {
    let now_ms = env.stamp.now_ms;
    let key = step.key();
    let id = match step.kind {
        OperationKind::Refund => OperationId::of_refund(&payment.account, &key),
        kind => OperationId::with_prefix(kind.id_prefix(), now_ms, env.stamp.ids.as_ref()),
    };
    let capture = step.kind == OperationKind::Capture;
    let company = env.account.config.shipping_company.as_deref();
    let details = match step.kind {
        OperationKind::Capture => json!({ "shipping_company": company }),
        OperationKind::Refund => json!({ "comment": format!("refund {id}") }),
        OperationKind::CreateSession | OperationKind::Authorise | OperationKind::Cancel => {
            json!({})
        }
    };
    let intent = Intent {
        id,
        session: step.session.clone(),
        kind: step.kind,
        fingerprint: key.clone(),
        key,
        origin: Origin::Plan,
        amount_minor: step.amount_minor,
        everything_left: step.everything_left,
        shipped_at_s: capture.then(|| unique_shipped_at_s(payment, now_ms / 1_000)),
        details: details.to_string(),
        lease: None,
    };
    Operation::new(intent, now_ms)
}
