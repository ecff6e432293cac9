//! Notifications become reads: one read per order, however many notifications named it.

use super::Progress;
use crate::actions::read_order::read_order;
use crate::app::App;
use crate::error::{Error, Result};
use crate::ids::{InboxId, PaymentId, SessionId};
use crate::reads::Read;
use crate::store::tx::Tx;
use crate::store::{inbox, sessions};
use std::collections::BTreeMap;
use std::sync::Arc;

/// Notifications of one account in one round.
const BATCH_MAX: i64 = 64;

type ByOrder = BTreeMap<(PaymentId, SessionId), Vec<InboxId>>;

/// Works on what waits.
pub async fn run_once(app: &Arc<App>) -> Result<Progress> {
    let free = app.free_reads();
    let (by_order, unmatched) = app
        .store
        .write("match notifications", move |tx| {
            let (mut by_order, mut unmatched) = (ByOrder::new(), 0);
            for (account, free) in &free {
                unmatched += match_waiting(tx, account, *free, &mut by_order)?;
            }
            Ok((by_order, unmatched))
        })
        .await?;
    // All at once: an order that Tamara is slow to show holds up nobody else's.
    let reads = by_order
        .into_iter()
        .map(|((payment, session), notifications)| one(app, payment, session, notifications));
    let read = futures_util::future::join_all(reads).await;
    let done = read.into_iter().sum::<Result<usize>>()?;
    Ok(Progress {
        done: unmatched + done,
    })
}

/// Reads one order. Answers how many notifications are done with.
async fn one(
    app: &Arc<App>,
    payment: PaymentId,
    session: SessionId,
    notifications: Vec<InboxId>,
) -> Result<usize> {
    match read_order(app, &payment, &session).await {
        Ok(Read::Taken | Read::NoOrder) => finish(app, payment, notifications).await,
        // The payment's own schedule reads again; the notification waits for nothing else.
        Ok(Read::NotNow) => {
            postpone(app, &payment).await?;
            finish(app, payment, notifications).await?;
            Ok(0)
        }
        Err(error) => {
            tracing::error!(%error, payment.id = %payment, "a notification could not be worked on");
            set_aside(app, payment, notifications).await;
            Ok(0)
        }
    }
}

/// Takes up what may be read now; the rest stays where it is. Answers how many notifications name no order of ours.
fn match_waiting(
    tx: &mut Tx<'_>,
    account: &str,
    mut free: i64,
    by_order: &mut ByOrder,
) -> Result<usize> {
    let mut unmatched = 0;
    for (id, order_id) in inbox::waiting(tx, account, BATCH_MAX)? {
        let Some(found) = sessions::by_order(tx, account, &order_id)? else {
            inbox::unmatched(tx, &id)?;
            unmatched += 1;
            continue;
        };
        if let Some(others) = by_order.get_mut(&found) {
            others.push(id);
        } else if free > 0 {
            free -= 1;
            by_order.insert(found, vec![id]);
        }
    }
    Ok(unmatched)
}

/// However many notifications name a payment that cannot be read here, they stop nobody else's: it is due on its own
/// schedule, and soon if that can be written down. Where the database takes no writes they stay where they are.
async fn set_aside(app: &Arc<App>, payment: PaymentId, notifications: Vec<InboxId>) {
    let aside = match postpone(app, &payment).await {
        Ok(()) | Err(Error::Corrupt { .. }) => finish(app, payment, notifications).await.map(drop),
        Err(error) => Err(error),
    };
    if let Err(error) = aside {
        tracing::error!(%error, "notifications that could not be worked on stay in line");
    }
}

async fn finish(app: &Arc<App>, payment: PaymentId, notifications: Vec<InboxId>) -> Result<usize> {
    let (count, now_ms) = (notifications.len(), app.clock.now_ms());
    app.store
        .write("finish notifications", move |tx| {
            notifications
                .iter()
                .try_for_each(|id| inbox::done(tx, id, &payment, now_ms))
        })
        .await?;
    Ok(count)
}

/// Tamara could not be read just now: the payment is due again after the shortest gap.
async fn postpone(app: &Arc<App>, payment: &PaymentId) -> Result<()> {
    let (id, stamp) = (payment.clone(), app.stamp());
    let gap_ms = app.policy.polling_ms.first().copied().unwrap_or(1_000);
    app.store
        .write("read again soon", move |tx| {
            let before = crate::store::payments::load_known(tx, &id)?;
            let mut payment = before.clone();
            payment.check_step = 0;
            let soon_ms = stamp.now_ms.saturating_add(gap_ms);
            payment.next_check_at_ms = Some(
                payment
                    .next_check_at_ms
                    .map_or(soon_ms, |at_ms| at_ms.min(soon_ms)),
            );
            crate::store::payments::save(tx, Some(&before), &mut payment, &stamp)
        })
        .await
}
