//! Orders that came to light after a restore and that no session here has (R30). Writes `unknown_orders`, and the state of
//! their notifications in `inbox`.

use super::tx::{Row, Tx};
use crate::error::Result;
use crate::ids::PaymentId;
use crate::values;
use tamara::money::{Currency, Money};

/// One of them, as Tamara showed it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UnknownOrder {
    /// The account that was told of it.
    pub account: String,
    /// Tamara's id.
    pub order_id: String,
    /// The reference that Tamara knows it by.
    pub order_reference_id: String,
    /// Its status in Tamara's words.
    pub order_status: String,
    /// The whole order.
    pub total: Money,
    /// The payment whose reference it carries.
    pub payment: Option<PaymentId>,
    /// When it was first read.
    pub found_at_ms: i64,
}

/// Orders that notifications named and nobody here knows: after a restore, once no create can explain them any more.
/// `(account, order id)`, oldest first.
pub fn to_look_for(
    tx: &mut Tx<'_>,
    created_by_ms: i64,
    looked_by_ms: i64,
    limit: i64,
) -> Result<Vec<(String, String)>> {
    let rows = tx.query(
        "-- inbox unknown orders
select account, order_id from inbox
where state = 'unmatched' and (looked_at_ms is null or looked_at_ms <= $2)
    and exists (select 1 from instance where name = 'restored_at_ms')
    and (received_at_ms <= $1 or not exists (
        select 1 from operations where operations.account = inbox.account and kind = 'create_session'
            and operations.state in ('intent', 'sending', 'unknown')))
group by account, order_id order by min(id) limit $3",
        values![created_by_ms, looked_by_ms, limit],
    )?;
    rows.into_iter()
        .map(|mut row| Ok((row.text()?, row.text()?)))
        .collect()
}

/// Tamara did not say anything about it just now.
pub fn looked(tx: &mut Tx<'_>, account: &str, order_id: &str, now_ms: i64) -> Result<()> {
    tx.execute(
        "-- inbox looked for order
update inbox set looked_at_ms = $3 where account = $1 and order_id = $2 and state = 'unmatched'",
        values![account, order_id, now_ms],
    )?;
    Ok(())
}

/// Its notifications that came by then led to a read which knew of them: they wait no more.
pub fn was_read(
    tx: &mut Tx<'_>,
    account: &str,
    order_id: &str,
    received_by_ms: i64,
    now_ms: i64,
) -> Result<()> {
    tx.execute(
        "-- inbox read unknown order
update inbox set state = 'unknown_order', done_at_ms = $3
where account = $1 and order_id = $2 and state = 'unmatched' and received_at_ms <= $4",
        values![account, order_id, now_ms, received_by_ms],
    )?;
    Ok(())
}

/// Keeps what Tamara shows of it. Answers whether it is a new one.
pub fn keep(tx: &mut Tx<'_>, order: &UnknownOrder) -> Result<bool> {
    let known = tx.execute(
        "-- unknown_orders status
update unknown_orders set order_status = $3 where account = $1 and order_id = $2",
        values![&order.account, &order.order_id, &order.order_status],
    )?;
    if known > 0 {
        return Ok(false);
    }
    let inserted = tx.execute(
        "-- unknown_orders insert
insert into unknown_orders (account, order_id, order_reference_id, order_status, total_minor, currency, payment, found_at_ms)
values ($1, $2, $3, $4, $5, $6, $7, $8) on conflict do nothing",
        values![
            &order.account,
            &order.order_id,
            &order.order_reference_id,
            &order.order_status,
            order.total.minor(),
            order.total.currency().code(),
            order.payment.as_ref().map(PaymentId::as_str),
            order.found_at_ms,
        ],
    )?;
    Ok(inserted > 0)
}

/// Nothing is at stake in it, or not any more.
pub fn forget(tx: &mut Tx<'_>, account: &str, order_id: &str) -> Result<()> {
    tx.execute(
        "-- unknown_orders forget\ndelete from unknown_orders where account = $1 and order_id = $2",
        values![account, order_id],
    )?;
    Ok(())
}

/// A person has dealt with it. Answers whether it was there.
pub fn dismiss(tx: &mut Tx<'_>, account: &str, order_id: &str, now_ms: i64) -> Result<bool> {
    let changed = tx.execute(
        "-- unknown_orders dismiss
update unknown_orders set dismissed_at_ms = coalesce(dismissed_at_ms, $3) where account = $1 and order_id = $2",
        values![account, order_id, now_ms],
    )?;
    Ok(changed > 0)
}

/// Those of an account that wait for a person, oldest first.
pub fn list(tx: &mut Tx<'_>, account: &str, limit: i64) -> Result<Vec<UnknownOrder>> {
    let rows = tx.query(
        "-- unknown_orders list
select account, order_id, order_reference_id, order_status, total_minor, currency, payment, found_at_ms
from unknown_orders where account = $1 and dismissed_at_ms is null order by found_at_ms, order_id limit $2",
        values![account, limit],
    )?;
    let read = |row: Row| {
        let mut row = row.of("unknown_orders");
        Ok(UnknownOrder {
            account: row.text()?,
            order_id: row.text()?,
            order_reference_id: row.text()?,
            order_status: row.text()?,
            total: {
                let minor = row.int()?;
                Money::new(minor, row.word(Currency::from_code)?)
            },
            payment: row.opt_text()?.map(PaymentId),
            found_at_ms: row.int()?,
        })
    };
    rows.into_iter().map(read).collect()
}

/// The payment that an order of these references was made for: by the reference of a session, or by the merchant's (R6).
pub fn payment_of(
    tx: &mut Tx<'_>,
    account: &str,
    order_reference_id: &str,
    order_number: Option<&str>,
) -> Result<Option<PaymentId>> {
    let row = tx.query_opt(
        "-- payments of order reference
select payment from sessions where account = $1 and order_reference_id = $2",
        values![account, order_reference_id],
    )?;
    if let Some(mut row) = row {
        return Ok(Some(PaymentId(row.text()?)));
    }
    let row = tx.query_opt(
        "-- payments of order number
select id from payments where account = $1 and merchant_reference = $2 order by id desc limit 1",
        values![account, order_number.unwrap_or(order_reference_id)],
    )?;
    row.map(|mut row| row.text().map(PaymentId)).transpose()
}
