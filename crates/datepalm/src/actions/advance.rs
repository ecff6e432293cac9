//! The end of every transaction that changed a payment: plan the next step of our own, then save it all with its
//! events (R3).

use crate::app::{Account, App};
use crate::domain::context::Context;
use crate::domain::intend;
use crate::domain::journal;
use crate::domain::operation::{Operation, OperationKind};
use crate::domain::payment::{Payment, Policy};
use crate::domain::plan;
use crate::error::Result;
use crate::store::payments;
use crate::store::stamp::Stamp;
use crate::store::tx::Tx;
use serde_json::{Value, json};
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
    if let Some(before) = before {
        let context = env.context(tx, payment)?;
        journal::wake(before, payment, &context);
    }
    if let Some(step) = plan::next_step(payment) {
        let context = env.context(tx, payment)?;
        if let Some(planned) = intend::step(payment, &step, &context, env.stamp.ids.as_ref()) {
            planned.details = details(planned, env).to_string();
        }
    }
    payments::save(tx, before, payment, &env.stamp)
}

/// What the call of a planned operation says besides its amount.
fn details(planned: &Operation, env: &Env) -> Value {
    match planned.kind {
        OperationKind::Capture => {
            json!({ "shipping_company": env.account.config.shipping_company })
        }
        OperationKind::Refund => json!({ "comment": format!("refund {}", planned.id) }),
        OperationKind::CreateSession
        | OperationKind::Authorise
        | OperationKind::Cancel
        | OperationKind::UpdateReference => json!({}),
    }
}
