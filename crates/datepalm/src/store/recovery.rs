//! The start of a recovery (R30): how far it is, and what waits for it. Writes `instance`, lifts the last event number.
//!
//! Invariant: as long as its row stands, payments are left that do not know of the restore, and nobody serves.

use super::events;
use super::tx::Tx;
use crate::domain::recovery::epoch;
use crate::error::{Error, Result};
use crate::ids::PaymentId;
use crate::values;
use std::collections::BTreeMap;

/// How far the start of a recovery is.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Start {
    /// When the data was put back.
    pub restored_at_ms: i64,
    /// Payments from the newest on know of it, down to and with this one; empty before the first.
    pub down_to: String,
    /// Payments that know of it.
    pub payments: i64,
    /// Orders that will be read, by account.
    pub orders: BTreeMap<String, i64>,
}

const START: &str = "recovery_start";
const RESTORED_AT: &str = "restored_at_ms";

/// Begins a recovery, instead of one that was begun before: its row, and numbers of events above all that were given out.
pub fn begin(tx: &mut Tx<'_>, now_ms: i64) -> Result<()> {
    let start = Start {
        restored_at_ms: now_ms,
        down_to: String::new(),
        payments: 0,
        orders: BTreeMap::new(),
    };
    set(tx, RESTORED_AT, &now_ms.to_string())?;
    save(tx, &start)?;
    events::lift(tx, epoch(now_ms))
}

/// The start that was begun and not finished; on PostgreSQL its row stays locked, so that two nodes take turns.
pub fn unfinished(tx: &mut Tx<'_>) -> Result<Option<Start>> {
    let sql = tx.pick(
        "-- instance value\nselect value from instance where name = $1",
        "-- instance value, locked\nselect value from instance where name = $1 for update",
    );
    let row = tx.query_opt(sql, values![START])?;
    row.map(|mut row| {
        serde_json::from_str(&row.text()?).map_err(|error| Error::Corrupt {
            table: "instance",
            id: START.to_owned(),
            why: error.to_string(),
        })
    })
    .transpose()
}

/// Writes down how far it is.
pub fn save(tx: &mut Tx<'_>, start: &Start) -> Result<()> {
    let text = serde_json::to_string(start).map_err(anyhow::Error::new)?;
    set(tx, START, &text)
}

/// Every payment knows of the restore.
pub fn finish(tx: &mut Tx<'_>) -> Result<()> {
    tx.execute(
        "-- instance recovery started\ndelete from instance where name = $1",
        values![START],
    )?;
    Ok(())
}

fn set(tx: &mut Tx<'_>, name: &str, value: &str) -> Result<()> {
    tx.execute(
        "-- instance set
insert into instance (name, value) values ($1, $2) on conflict (name) do update set value = excluded.value",
        values![name, value],
    )?;
    Ok(())
}

/// The next payments that do not know of the restore yet, newest first: those are the ones that somebody waits for.
pub fn next_payments(tx: &mut Tx<'_>, start: &Start, limit: i64) -> Result<Vec<PaymentId>> {
    let rows = tx.query(
        "-- payments newest first
select id from payments where $1 = '' or id < $1 order by id desc limit $2",
        values![&start.down_to, limit],
    )?;
    rows.into_iter()
        .map(|mut row| row.text().map(PaymentId))
        .collect()
}

/// The newest time of our clock in the data.
pub fn newest_ms(tx: &mut Tx<'_>) -> Result<i64> {
    let row = tx.query_opt(
        "-- newest time
select coalesce(max(at_ms), 0) from (
    select created_at_ms as at_ms from payments where id = (select max(id) from payments)
    union all select created_at_ms from events where id = (select max(id) from events)
    union all select ended_at_ms from attempts where id = (select max(id) from attempts)
    union all select received_at_ms from inbox where id = (select max(id) from inbox)) newest",
        values![],
    )?;
    row.map_or(Ok(0), |mut row| row.int())
}

/// How many payments wait for a read that ends their recovery; counted up to `most`.
pub fn waiting(tx: &mut Tx<'_>, most: i64) -> Result<i64> {
    let row = tx.query_opt(
        "-- sessions waiting for recovery
select count(*) from (select distinct payment from sessions where restored_at_ms is not null limit $1) waiting",
        values![most],
    )?;
    row.map_or(Ok(0), |mut row| row.int())
}

/// A payment of that reference that waits for such a read.
pub fn waiting_of_reference(
    tx: &mut Tx<'_>,
    account: &str,
    reference: &str,
) -> Result<Option<PaymentId>> {
    let row = tx.query_opt(
        "-- payments of reference waiting for recovery
select payments.id from payments join sessions on sessions.payment = payments.id
where payments.account = $1 and payments.merchant_reference = $2 and sessions.restored_at_ms is not null limit 1",
        values![account, reference],
    )?;
    row.map(|mut row| row.text().map(PaymentId)).transpose()
}

/// Somebody waits for this payment: if the time for its read has come, and its turn has not, it is due now. One that is
/// looked at within `gap_ms` anyway is left alone, so that asking again and again brings no more reads.
pub fn hurry(
    tx: &mut Tx<'_>,
    id: &PaymentId,
    now_ms: i64,
    (window_ms, gap_ms): (i64, i64),
) -> Result<()> {
    tx.execute(
        "-- payments hurry
update payments set next_check_at_ms = $2 where id = $1 and next_check_at_ms > $4
    and exists (select 1 from sessions where payment = $1 and restored_at_ms < $3)",
        values![
            id.as_str(),
            now_ms,
            now_ms.saturating_sub(window_ms),
            now_ms.saturating_add(gap_ms),
        ],
    )?;
    Ok(())
}
