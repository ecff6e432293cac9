//! Our own polling (R25): payments whose time has come are read, however many webhooks were lost.

use super::Progress;
use crate::actions::check_payment::check_payment;
use crate::app::App;
use crate::error::Result;
use crate::ids::PaymentId;
use crate::store::queues;
use std::sync::Arc;

/// Works on what is due. A payment that fails keeps its claim and comes back; it never stops the others. The claim of a
/// process that died ends with the lease: what another may take over then must also be found then.
pub async fn run_once(app: &Arc<App>) -> Result<Progress> {
    let due = claim(app).await?;
    let checked =
        futures_util::future::join_all(due.iter().map(|payment| check_payment(app, payment))).await;
    for (result, payment) in checked.into_iter().zip(&due) {
        if let Err(error) = result {
            tracing::error!(%error, payment.id = %payment, "a payment could not be checked");
        }
    }
    Ok(Progress { done: due.len() })
}

/// Claims what may be read now: as much as each account's pace allows, the account that has waited longest first.
async fn claim(app: &Arc<App>) -> Result<Vec<PaymentId>> {
    let (now_ms, free) = (app.clock.now_ms(), app.free_reads());
    let mut waiting = app
        .store
        .read("accounts due", move |tx| {
            let mut waiting = Vec::new();
            for (account, free) in &free {
                let since_ms = queues::payments_due_since_ms(tx, account, now_ms)?;
                waiting.extend(since_ms.map(|since_ms| (since_ms, account.clone(), *free)));
            }
            Ok(waiting)
        })
        .await?;
    if waiting.is_empty() {
        return Ok(Vec::new());
    }
    waiting.sort();
    let claimed_until_ms = now_ms.saturating_add(app.policy.lease_ms);
    let batch = app.config.worker_batch;
    app.store
        .write("claim payments due", move |tx| {
            let (mut claimed, mut left) = (Vec::new(), batch);
            for (_, account, free) in &waiting {
                let times = (now_ms, claimed_until_ms);
                let more = queues::claim_payments_due(tx, account, times, left.min(*free))?;
                left -= i64::try_from(more.len()).unwrap_or(left);
                claimed.extend(more);
            }
            Ok(claimed)
        })
        .await
}
