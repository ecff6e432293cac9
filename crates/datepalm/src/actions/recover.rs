//! `serve --recover`: an old copy of the data was put back (R30). One commit says so; then every payment is told, in bounded
//! batches that go on where a crash stopped them; and only then does anybody serve.

use super::request_operation::Asked;
use crate::app::{Account, App};
use crate::clock::rfc3339;
use crate::domain::context::Context;
use crate::domain::decide::Command;
use crate::domain::intend::Wanted;
use crate::domain::operation::OperationKind;
use crate::domain::payment::{Payment, Policy, Session};
use crate::domain::recovery::{recover, refund_without_row};
use crate::error::{Code, Error, Refusal, Result, refused};
use crate::ids::{OperationId, PaymentId};
use crate::store::recovery::{self, Start};
use crate::store::{Store, payments};
use std::sync::Arc;

/// How far the clocks of two machines may be apart (R19), milliseconds.
const CLOCKS_DIFFER_MS: i64 = 5_000;

/// Says that old data was put back, now. The next start of the service does the rest.
pub async fn begin(store: &Store, now_ms: i64) -> Result<()> {
    store
        .write("begin a recovery", move |tx| {
            let newest_ms = recovery::newest_ms(tx)?;
            if newest_ms > now_ms.saturating_add(CLOCKS_DIFFER_MS) {
                // The epoch is a time: numbers above all that were given out need a clock that is right.
                return refused(
                    Code::Unavailable,
                    format!(
                        "the database holds something of {}, but this machine's clock says {}: set the clock right first",
                        rfc3339(newest_ms),
                        rfc3339(now_ms)
                    ),
                );
            }
            recovery::begin(tx, now_ms)
        })
        .await
}

/// Tells every payment of the restore, if one was begun: goes on where the last process stopped. Answers what was told.
pub async fn carry_on(app: &Arc<App>) -> Result<Option<Start>> {
    let mut told = None;
    while let Some(start) = tell_some(app).await? {
        if start.payments % 10_000 < batch_of(app) {
            tracing::info!(
                payments = start.payments,
                "recovery: payments told of the restore so far"
            );
        }
        told = Some(start);
    }
    Ok(told)
}

/// One bounded batch of it, in one transaction; nothing once there is nothing left to tell.
pub async fn tell_some(app: &Arc<App>) -> Result<Option<Start>> {
    let (stamp, policy, accounts) = (app.stamp(), app.policy.clone(), app.accounts.clone());
    let batch = batch_of(app);
    app.store
        .write("tell payments of a restore", move |tx| {
            let Some(mut start) = recovery::unfinished(tx)? else {
                return Ok(None);
            };
            let ids = recovery::next_payments(tx, &start, batch)?;
            for id in &ids {
                let before = payments::load_known(tx, id)?;
                let mut payment = before.clone();
                let account = accounts.get(&before.account);
                tell(&mut payment, &mut start, account.map(Arc::as_ref), &policy);
                payments::save(tx, Some(&before), &mut payment, &stamp)?;
            }
            if i64::try_from(ids.len()).is_ok_and(|told| told < batch) {
                recovery::finish(tx)?;
            } else {
                recovery::save(tx, &start)?;
            }
            Ok(Some(start))
        })
        .await
}

/// Payments in one transaction: many more than a worker takes, because nothing is called for them.
fn batch_of(app: &App) -> i64 {
    app.config.worker_batch.saturating_mul(16)
}

/// Tells one, and gives it its turn to be read: half of what its account may read in a second, so that new payments have
/// their turns between.
fn tell(payment: &mut Payment, start: &mut Start, account: Option<&Account>, policy: &Policy) {
    // Nothing was sent since the restore was written down, however late this batch comes.
    let context = Context {
        now_ms: start.restored_at_ms,
        policy,
        can_hold: payment.held,
    };
    recover(payment, &context);
    start.payments += 1;
    payment.id.as_str().clone_into(&mut start.down_to);
    let waits = |session: &&Session| session.restored.is_some() && session.order.is_some();
    let orders = i64::try_from(payment.sessions.iter().filter(waits).count()).unwrap_or(i64::MAX);
    if orders == 0 {
        return;
    }
    let before = start.orders.entry(payment.account.clone()).or_default();
    let reads_per_second = account.map_or(1, |account| i64::from(account.config.reads_per_second));
    let turn_ms = before.saturating_mul(2_000) / reads_per_second;
    let at_ms = payment.next_check_at_ms;
    payment.next_check_at_ms = at_ms.map(|at_ms| at_ms.saturating_add(turn_ms));
    *before = before.saturating_add(orders);
}

/// Why a restored payment waits, and until when.
pub fn recovering(payment: &Payment, policy: &Policy) -> Error {
    let until_ms = payment.recovering_until_ms(policy).unwrap_or_default();
    let detail = format!(
        "this service was restored from a backup, and payment {} waits until its orders are read at Tamara again, which \
         begins at {}; nothing was done, send the same request again after that",
        payment.id,
        rfc3339(until_ms)
    );
    Refusal::new(Code::Recovering, detail).into()
}

/// Why a payment waits for a person after a restore.
pub fn unknown_effect() -> Refusal {
    Refusal::new(
        Code::NeedsAttention,
        "after a restore Tamara shows something of this payment that the restored data knows nothing of (a capture, refund, \
         cancel, or another order), perhaps your own from after the backup; compare with your records, then resolve \
         restored_unknown_effect in /v1/attention",
    )
}

/// Lets through what came of a call about a payment. If it has to wait for its recovery, its read is due as soon as it may
/// be: somebody asks for it.
pub async fn hurried<T>(app: &Arc<App>, payment: &PaymentId, came: Result<T>) -> Result<T> {
    if let Err(Error::Refused(refusal)) = &came
        && refusal.code == Code::Recovering
    {
        let (id, now_ms) = (payment.clone(), app.clock.now_ms());
        let gap_ms = app.policy.polling_ms.first().copied().unwrap_or(1_000);
        let waits = (app.policy.settle_window_ms, gap_ms);
        app.store
            .write("hurry a recovery", move |tx| {
                recovery::hurry(tx, &id, now_ms, waits)
            })
            .await?;
        app.nudges.work.notify_one();
    }
    came
}

/// A refund whose row was lost in a restore, while its id stands in the facts: it is settled from them without a call (R20),
/// so nothing that would refuse a new refund speaks against it.
pub fn refund_of_lost_row(before: &Payment, asked: &Asked) -> Result<Option<Wanted>> {
    let Command::Refund(amount) = asked.command else {
        return Ok(None);
    };
    let id = OperationId::of_refund(&before.account, &asked.key);
    let known = refund_without_row(before, &id).filter(|_| !before.recovering());
    let Some((session, amount_minor)) = known else {
        return Ok(None);
    };
    if amount.is_some_and(|asked_minor| asked_minor != amount_minor) {
        return refused(
            Code::IdempotencyKeyReused,
            "this Idempotency-Key was used for a refund of another amount; use a new key for a new refund",
        );
    }
    Ok(Some(Wanted {
        session,
        kind: OperationKind::Refund,
        amount_minor,
        everything_left: false,
    }))
}
