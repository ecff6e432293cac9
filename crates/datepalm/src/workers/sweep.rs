//! Our own polling (R25): payments whose time has come are read, however many webhooks were lost.

use super::Progress;
use crate::actions::check_payment::check_payment;
use crate::app::App;
use crate::error::Result;
use crate::store::queues;
use std::sync::Arc;

/// Works on what is due. A payment that fails keeps its claim and comes back; it never stops the others. The claim of a
/// process that died ends with the lease: what another may take over then must also be found then.
pub async fn run_once(app: &Arc<App>) -> Result<Progress> {
    let now_ms = app.clock.now_ms();
    let (batch, claim_ms) = (app.config.worker_batch, app.policy.lease_ms);
    let due = app
        .store
        .write("claim payments due", move |tx| {
            queues::claim_payments_due(tx, now_ms, claim_ms, batch)
        })
        .await?;
    let checked =
        futures_util::future::join_all(due.iter().map(|payment| check_payment(app, payment))).await;
    for (result, payment) in checked.into_iter().zip(&due) {
        if let Err(error) = result {
            tracing::error!(%error, payment.id = %payment, "a payment could not be checked");
        }
    }
    Ok(Progress { done: due.len() })
}
