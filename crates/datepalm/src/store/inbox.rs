//! Notifications as they came. Writes `inbox`. A row is a reason to read an order, never a fact (R1).

use super::tx::{Row, Tx};
use crate::error::Result;
use crate::ids::{InboxId, PaymentId};
use crate::values;

/// One notification.
#[derive(Clone, Debug)]
pub struct Notification {
    /// Our id.
    pub id: InboxId,
    /// The account whose token signed it.
    pub account: String,
    /// The order it names; none when its body could not be read.
    pub order_id: Option<String>,
    /// Its event type or order status, as it stood.
    pub word: String,
    /// When it came.
    pub received_at_ms: i64,
    /// When it was done with.
    pub done_at_ms: Option<i64>,
}

/// Stores one with its raw body.
pub fn insert(tx: &mut Tx<'_>, notification: &Notification, raw: &str) -> Result<()> {
    // What names no order can be kept and shown, but there is nothing to read for it.
    let state = if notification.order_id.is_some() {
        "new"
    } else {
        "unreadable"
    };
    tx.execute(
        "-- inbox insert
insert into inbox (id, account, order_id, word, state, received_at_ms, raw) values ($1, $2, $3, $4, $5, $6, $7)",
        values![
            notification.id.as_str(),
            &notification.account,
            notification.order_id.as_deref(),
            &notification.word,
            state,
            notification.received_at_ms,
            raw,
        ],
    )?;
    Ok(())
}

/// An account's notifications that wait, oldest first, with their order ids.
pub fn waiting(tx: &mut Tx<'_>, account: &str, limit: i64) -> Result<Vec<(InboxId, String)>> {
    let rows = tx.query(
        "-- inbox waiting\nselect id, order_id from inbox where account = $1 and state = 'new' order by id limit $2",
        values![account, limit],
    )?;
    rows.into_iter()
        .map(|mut row| Ok((InboxId(row.text()?), row.text()?)))
        .collect()
}

/// Ends one: it led to a read of that payment.
pub fn done(tx: &mut Tx<'_>, id: &InboxId, payment: &PaymentId, now_ms: i64) -> Result<()> {
    tx.execute(
        "-- inbox done\nupdate inbox set state = 'done', payment = $2, done_at_ms = $3 where id = $1",
        values![id.as_str(), payment.as_str(), now_ms],
    )?;
    Ok(())
}

/// Keeps one whose order nobody knows, until a create settles (R6).
pub fn unmatched(tx: &mut Tx<'_>, id: &InboxId) -> Result<()> {
    tx.execute(
        "-- inbox unmatched\nupdate inbox set state = 'unmatched' where id = $1",
        values![id.as_str()],
    )?;
    Ok(())
}

/// Looks again at what came for an order before its create settled (R6). Answers how many.
pub fn rematch(tx: &mut Tx<'_>, account: &str, order_id: &str) -> Result<u64> {
    tx.execute(
        "-- inbox rematch
update inbox set state = 'new' where account = $1 and order_id = $2 and state = 'unmatched'",
        values![account, order_id],
    )
}

/// The notifications of a payment that came at `from_ms` or later, oldest first.
pub fn of_payment(
    tx: &mut Tx<'_>,
    payment: &PaymentId,
    from_ms: i64,
    limit: i64,
) -> Result<Vec<Notification>> {
    let rows = tx.query(
        "-- inbox of payment
select id, account, order_id, word, received_at_ms, done_at_ms from inbox
where payment = $1 and received_at_ms >= $2 order by received_at_ms, id limit $3",
        values![payment.as_str(), from_ms, limit],
    )?;
    let read = |row: Row| {
        let mut row = row.of("inbox");
        Ok(Notification {
            id: InboxId(row.text()?),
            account: row.text()?,
            order_id: row.opt_text()?,
            word: row.text()?,
            received_at_ms: row.int()?,
            done_at_ms: row.opt_int()?,
        })
    };
    rows.into_iter().map(read).collect()
}
