//! The journal's reconciler: sends intents that nobody owns, repeats what may be repeated, and turns lapsed leases into
//! doubt (R18, R19).

use super::Progress;
use crate::actions::check_payment::check_payment;
use crate::actions::send::{Grant, send};
use crate::app::App;
use crate::error::Result;
use crate::ids::{OperationId, PaymentId};
use crate::store::queues;
use std::sync::Arc;

/// Works on what is due.
pub async fn run_once(app: &Arc<App>) -> Result<Progress> {
    let now_ms = app.clock.now_ms();
    let batch = app.config.worker_batch;
    let due = app
        .store
        .read("operations due", move |tx| {
            queues::operations_due(tx, now_ms, batch)
        })
        .await?;
    let sent = futures_util::future::join_all(
        due.iter()
            .map(|(payment, operation)| one(app, payment, operation)),
    )
    .await;
    let mut done = 0;
    for (result, (_, operation)) in sent.into_iter().zip(&due) {
        match result {
            Ok(()) => done += 1,
            // Not counted as done: a failing row waits for the next poll instead of keeping the loop busy.
            Err(error) => {
                tracing::error!(%error, operation.id = %operation, "an operation could not be worked on");
                if let Err(error) = step_back(app, operation).await {
                    tracing::error!(%error, operation.id = %operation, "it stays first in line");
                }
            }
        }
    }
    Ok(Progress { done })
}

/// A row that cannot be worked on goes behind all that are due: however many there are, they stop nobody else's.
async fn step_back(app: &Arc<App>, operation: &OperationId) -> Result<()> {
    let id = operation.clone();
    let later_ms = app.clock.now_ms().saturating_add(app.policy.retry_ms);
    app.store
        .write("an operation steps back", move |tx| {
            queues::try_operation_later(tx, &id, later_ms)
        })
        .await
}

async fn one(app: &Arc<App>, payment: &PaymentId, operation: &OperationId) -> Result<()> {
    send(app, payment, operation, Grant::new(app)).await?;
    let (id, op) = (payment.clone(), operation.clone());
    let unsettled = app
        .store
        .read("look after sending", move |tx| {
            let payment = crate::store::payments::look(tx, &id)?;
            Ok(payment.is_some_and(|payment| {
                let found = payment.operation(op.as_str());
                found.is_some_and(|o| {
                    o.state == crate::domain::operation::OperationState::Unknown && !o.may_repeat
                })
            }))
        })
        .await?;
    // A lapsed lease has just become a doubt: presence is believed at once, so look.
    if unsettled {
        check_payment(app, payment).await
    } else {
        Ok(())
    }
}
