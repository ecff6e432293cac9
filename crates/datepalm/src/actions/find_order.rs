//! After a restore: reading an order that a notification named and no session here has (R30). It may be a session that was
//! opened after the copy was made. It is never taken up, let alone authorised; a person is shown where its money is.

use super::advance::Env;
use super::call::Call;
use crate::app::{Account, App};
use crate::domain::observe::refresh;
use crate::domain::recovery::lost_order;
use crate::error::Result;
use crate::ids::PaymentId;
use crate::store::tx::Tx;
use crate::store::unknown_orders::{self, UnknownOrder};
use crate::store::{inbox, payments, sessions};
use std::sync::Arc;
use tamara::orders::{Order, OrderStatus};

/// Reads it and keeps what it says. Answers whether Tamara said anything.
pub async fn find_order(app: &Arc<App>, account: &str, order_id: &str) -> Result<bool> {
    let account = app.account(account)?;
    // Tamara wants us to wait (R25): it is due again at the next poll.
    if account.pace.begin(app.clock.monotonic_ms()).is_err() {
        return Ok(false);
    }
    // A read may show what was; only a late one has seen whatever its notification told of (R19).
    let begun_ms = app.clock.now_ms();
    let seen_ms = begun_ms.saturating_sub(app.policy.settle_window_ms);
    let denied_ms = begun_ms.saturating_sub(app.policy.ask_after_ms);
    let call = Call::new(app, &account);
    let answer = call.client.order(order_id).await;
    let _ = call.heed(app, &account, answer.as_ref().err());
    let env = Env::now(app, &account);
    let id = order_id.to_owned();
    let (said, payment) = app
        .store
        .write("find an unknown order", move |tx| {
            let (name, now_ms) = (&env.account.config.name, env.stamp.now_ms);
            match &answer {
                // Another order says nothing of this one (R4).
                Ok(order) if order.order_id != id => {
                    unknown_orders::looked(tx, name, &id, now_ms)?;
                    Ok((false, None))
                }
                Ok(order) => Ok((true, found(tx, &env, &id, order, seen_ms)?)),
                // A 404 is no fact (R4); only after a day of them it is no order of this account.
                Err(tamara::Error::NotFound(_)) => {
                    not_yet(tx, name, &id, denied_ms, now_ms)?;
                    Ok((true, None))
                }
                Err(_) => {
                    unknown_orders::looked(tx, name, &id, now_ms)?;
                    Ok((false, None))
                }
            }
        })
        .await?;
    if let Some(payment) = payment {
        app.changed(&payment);
    }
    Ok(said)
}

/// Nothing is at stake in it, as far as this read knows: notifications that came shortly before wait for another.
fn not_yet(
    tx: &mut Tx<'_>,
    account: &str,
    order_id: &str,
    seen_ms: i64,
    now_ms: i64,
) -> Result<()> {
    unknown_orders::was_read(tx, account, order_id, seen_ms, now_ms)?;
    unknown_orders::looked(tx, account, order_id, now_ms)
}

/// Answers the payment that it stops.
fn found(
    tx: &mut Tx<'_>,
    env: &Env,
    order_id: &str,
    order: &Order,
    seen_ms: i64,
) -> Result<Option<PaymentId>> {
    let (account, now_ms) = (&env.account.config.name, env.stamp.now_ms);
    if sessions::by_order(tx, account, order_id)?.is_some() {
        // A create was settled meanwhile.
        inbox::rematch(tx, account, order_id)?;
        return Ok(None);
    }
    if matches!(order.status, OrderStatus::New | OrderStatus::Declined) {
        not_yet(tx, account, order_id, seen_ms, now_ms)?;
        return Ok(None);
    }
    unknown_orders::was_read(tx, account, order_id, i64::MAX, now_ms)?;
    if !at_stake(order) {
        unknown_orders::forget(tx, account, order_id)?;
        return Ok(None);
    }
    let (reference, number) = (&order.order_reference_id, order.order_number.as_deref());
    let payment = unknown_orders::payment_of(tx, account, reference, number)?;
    let unknown = UnknownOrder {
        account: account.clone(),
        order_id: order_id.to_owned(),
        order_reference_id: reference.clone(),
        order_status: order.status.as_str().to_owned(),
        total: order.total_amount,
        payment: payment.clone(),
        found_at_ms: now_ms,
    };
    if !unknown_orders::keep(tx, &unknown)? {
        return Ok(None);
    }
    tracing::warn!(
        account,
        order.id = order_id,
        payment.id = payment.as_ref().map(PaymentId::as_str),
        "Tamara has an order that the restored data knows nothing of; see /v1/unknown_orders"
    );
    if let Some(id) = &payment {
        let before = payments::load_known(tx, id)?;
        let mut stopped = before.clone();
        let context = env.context(tx, &stopped)?;
        lost_order(&mut stopped, order_id, reference, &context);
        refresh(&mut stopped, &context);
        payments::save(tx, Some(&before), &mut stopped, &env.stamp)?;
    }
    Ok(payment)
}

/// Whether money was paid, may be captured, or was captured and not given back. One that is not paid yet is named again
/// when it is.
fn at_stake(order: &Order) -> bool {
    // Whatever the status says: an order that was captured in part may end as canceled or expired (R2).
    let sum = |amounts: &mut dyn Iterator<Item = i64>| amounts.fold(0_i64, i64::saturating_add);
    let lists = &order.transactions;
    let captured = sum(&mut lists.captures.iter().map(|it| it.total_amount.minor()));
    let refunded = sum(&mut lists.refunds.iter().map(|it| it.total_amount.minor()));
    if captured > refunded {
        return true;
    }
    match &order.status {
        OrderStatus::New
        | OrderStatus::Declined
        | OrderStatus::Expired
        | OrderStatus::Canceled
        | OrderStatus::FullyRefunded => false,
        OrderStatus::Approved
        | OrderStatus::Authorised
        | OrderStatus::Updated
        | OrderStatus::PartiallyCaptured
        | OrderStatus::FullyCaptured
        | OrderStatus::PartiallyRefunded
        | OrderStatus::Unknown(_) => true,
    }
}

/// Those of an account that wait for a person.
pub async fn list_unknown_orders(
    app: &Arc<App>,
    account: &Account,
    limit: i64,
) -> Result<Vec<UnknownOrder>> {
    let account = account.config.name.clone();
    app.store
        .read("list unknown orders", move |tx| {
            unknown_orders::list(tx, &account, limit)
        })
        .await
}

/// A person has dealt with it. Answers whether there was such an order.
pub async fn dismiss_unknown_order(
    app: &Arc<App>,
    account: &Account,
    order_id: String,
) -> Result<bool> {
    let (account, now_ms) = (account.config.name.clone(), app.clock.now_ms());
    app.store
        .write("dismiss an unknown order", move |tx| {
            unknown_orders::dismiss(tx, &account, &order_id, now_ms)
        })
        .await
}
