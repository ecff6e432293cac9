//! The log of facts for others. Writes `events`, and the last number in `instance`.
//!
//! Events are inserted unnumbered in the transaction of their effect; one numbering transaction after the commit gives
//! them their `seq`, so that no reader ever skips one (design, storage). The last number is a row of its own, advanced
//! by compare-and-set, never `max(seq)`: pruning must not restart it.

use super::stamp::Stamp;
use super::tx::{Row, Tx};
use crate::domain::events::Event;
use crate::domain::guard::{Guard, stands};
use crate::domain::payment::Payment;
use crate::error::{Error, Result};
use crate::ids::{EventId, PaymentId};
use crate::values;

/// An event as it is read.
#[derive(Clone, Debug)]
pub struct Logged {
    /// Our id.
    pub id: EventId,
    /// The account.
    pub account: String,
    /// The payment.
    pub payment: PaymentId,
    /// The payment's version after it.
    pub version: i64,
    /// `payment.captured`, ...
    pub kind: String,
    /// What it is about, as JSON. No personal data.
    pub data: String,
    /// When.
    pub created_at_ms: i64,
    /// Its number, once it has one.
    pub seq: Option<i64>,
}

/// Writes one in the transaction of its effect. `ordinal` is its place among the events of the payment's version.
pub(super) fn insert(
    tx: &mut Tx<'_>,
    payment: &Payment,
    (ordinal, event): (i64, &Event),
    stamp: &Stamp,
) -> Result<()> {
    let data = serde_json::json!({
        "payment": payment.id.as_str(),
        "merchant_reference": payment.merchant_reference,
        "status": payment.status().as_str(),
        "about": event.about,
        "amount_minor": event.amount_minor,
        "currency": payment.total.currency().code(),
        "at": event.at_ms.map(crate::clock::rfc3339),
    });
    tx.execute(
        "-- events insert
insert into events (id, account, payment, version, ordinal, kind, data, created_at_ms)
values ($1, $2, $3, $4, $5, $6, $7, $8)",
        values![
            EventId::new(stamp.now_ms, stamp.ids.as_ref()).as_str(),
            &payment.account,
            payment.id.as_str(),
            payment.version,
            ordinal,
            &event.kind,
            data.to_string(),
            stamp.now_ms,
        ],
    )?;
    Ok(())
}

const LAST: &str = "last_event_seq";

/// Numbers go on above `floor`, if they are not above it already (R30).
pub(super) fn lift(tx: &mut Tx<'_>, floor: i64) -> Result<()> {
    if !stands(Guard::EpochLifts) || last_seq(tx)? >= floor {
        return Ok(());
    }
    tx.execute(
        "-- instance lift event number
insert into instance (name, value) values ($1, $2) on conflict (name) do update set value = excluded.value",
        values![LAST, floor.to_string()],
    )?;
    Ok(())
}

/// Numbers up to `limit` committed events, oldest first. Answers how many.
pub fn number(tx: &mut Tx<'_>, limit: i64) -> Result<usize> {
    // Clocks of nodes differ: what a payment's earlier versions still wait for comes with an event, and before it, whatever
    // their times say. So a batch may be a little larger than the limit.
    const UNNUMBERED: &str = "-- events unnumbered
with oldest as (
    select payment, version from events where seq is null order by created_at_ms, version, ordinal, id limit $1),
newest as (select payment, max(version) as version from oldest group by payment)
select e.id from events e join newest on newest.payment = e.payment and e.version <= newest.version
where e.seq is null
order by max(e.created_at_ms) over (partition by e.payment order by e.version), e.version, e.ordinal, e.id";
    if tx.query(UNNUMBERED, values![1_i64])?.is_empty() {
        return Ok(0);
    }
    tx.execute(
        "-- instance first event number\ninsert into instance (name, value) values ($1, '0') on conflict do nothing",
        values![LAST],
    )?;
    // One sequencer at a time: the next one waits here, and then sees what this one numbered.
    let locked = tx.pick(
        "-- instance last event number\nselect value from instance where name = $1",
        "-- instance last event number, locked\nselect value from instance where name = $1 for update",
    );
    let row = tx.query_opt(locked, values![LAST])?;
    let last = row.map_or_else(|| Ok("0".to_owned()), |mut row| row.text())?;
    let rows = tx.query(UNNUMBERED, values![limit])?;
    let first: i64 = last.parse().map_err(|_| Error::Corrupt {
        table: "instance",
        id: LAST.to_owned(),
        why: "not a number".to_owned(),
    })?;
    let count = rows.len();
    let mut seq = first;
    for mut row in rows {
        seq += 1;
        tx.execute(
            "-- events number\nupdate events set seq = $2 where id = $1 and seq is null",
            values![row.text()?, seq],
        )?;
    }
    let advanced = tx.execute(
        "-- instance advance event number\nupdate instance set value = $2 where name = $1 and value = $3",
        values![LAST, seq.to_string(), last],
    )?;
    // Another sequencer was faster: its numbers stand.
    if advanced == 1 {
        Ok(count)
    } else {
        Err(Error::Repeat)
    }
}

fn from_row(row: Row) -> Result<Logged> {
    let mut row = row.of("events");
    Ok(Logged {
        id: EventId(row.text()?),
        account: row.text()?,
        payment: PaymentId(row.text()?),
        version: row.int()?,
        kind: row.text()?,
        data: row.text()?,
        created_at_ms: row.int()?,
        seq: row.opt_int()?,
    })
}

/// Numbered events after `seq`, in order.
pub fn after(tx: &mut Tx<'_>, seq: i64, limit: i64) -> Result<Vec<Logged>> {
    let rows = tx.query(
        "-- events after
select id, account, payment, version, kind, data, created_at_ms, seq from events where seq > $1 order by seq limit $2",
        values![seq, limit],
    )?;
    rows.into_iter().map(from_row).collect()
}

/// The last number that was given.
pub fn last_seq(tx: &mut Tx<'_>) -> Result<i64> {
    let row = tx.query_opt(
        "-- instance last event number\nselect value from instance where name = $1",
        values![LAST],
    )?;
    Ok(row
        .map(|mut row| row.text())
        .transpose()?
        .and_then(|text| text.parse().ok())
        .unwrap_or(0))
}

/// The events of a payment from `from_ms` on, oldest first.
pub fn of_payment(
    tx: &mut Tx<'_>,
    payment: &PaymentId,
    from_ms: i64,
    limit: i64,
) -> Result<Vec<Logged>> {
    let rows = tx.query(
        "-- events of payment
select id, account, payment, version, kind, data, created_at_ms, seq from events
where payment = $1 and created_at_ms >= $2 order by created_at_ms, version, ordinal limit $3",
        values![payment.as_str(), from_ms, limit],
    )?;
    rows.into_iter().map(from_row).collect()
}
