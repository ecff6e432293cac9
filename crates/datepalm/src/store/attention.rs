//! Points for a person. Writes `attention_points`.

use super::tx::{Row, Tx};
use crate::domain::attention::Point;
use crate::domain::payment::{AttentionReason, Payment};
use crate::error::{Error, Result};
use crate::ids::{AttentionId, OperationId, PaymentId, SessionId};
use crate::values;
use std::collections::BTreeSet;

/// All points of a payment, oldest first.
pub fn of_payment(tx: &mut Tx<'_>, payment: &PaymentId) -> Result<Vec<Point>> {
    let rows = tx.query(
        "-- attention points of payment
select id, reason, session, operation, since_ms, resolved_at_ms, marks from attention_points where payment = $1 order by id",
        values![payment.as_str()],
    )?;
    rows.into_iter()
        .map(|row| from_row(row.of("attention_points")))
        .collect()
}

fn from_row(mut row: Row) -> Result<Point> {
    Ok(Point {
        id: AttentionId(row.text()?),
        reason: row.word(AttentionReason::from_word)?,
        session: row.opt_text()?.map(SessionId),
        operation: row.opt_text()?.map(OperationId),
        since_ms: row.int()?,
        resolved_at_ms: row.opt_int()?,
        marks: marks_from(&row.text()?)?,
    })
}

/// A set of texts as it is stored: a JSON list.
pub(super) fn marks_text(marks: &BTreeSet<String>) -> Result<String> {
    serde_json::to_string(marks).map_err(|error| anyhow::Error::new(error).into())
}

/// A set of texts from what is stored.
pub(super) fn marks_from(text: &str) -> Result<BTreeSet<String>> {
    serde_json::from_str(text).map_err(|_| Error::Corrupt {
        table: "attention_points or sessions",
        id: String::new(),
        why: "a list of texts is none".to_owned(),
    })
}

/// Writes what differs.
pub(super) fn save(tx: &mut Tx<'_>, before: Option<&Payment>, after: &Payment) -> Result<()> {
    for point in &after.points {
        let known = before.and_then(|b| b.points.iter().find(|known| known.id == point.id));
        match known {
            Some(known) if known == point => {}
            Some(_) => update(tx, point)?,
            None => insert(tx, after, point)?,
        }
    }
    Ok(())
}

fn insert(tx: &mut Tx<'_>, payment: &Payment, point: &Point) -> Result<()> {
    tx.execute(
        "-- attention points insert
insert into attention_points (id, account, payment, session, operation, reason, since_ms, resolved_at_ms, marks)
values ($1, $2, $3, $4, $5, $6, $7, $8, $9)",
        values![
            point.id.as_str(),
            &payment.account,
            payment.id.as_str(),
            point.session.as_ref().map(SessionId::as_str),
            point.operation.as_ref().map(OperationId::as_str),
            point.reason.as_str(),
            point.since_ms,
            point.resolved_at_ms,
            marks_text(&point.marks)?,
        ],
    )?;
    Ok(())
}

fn update(tx: &mut Tx<'_>, point: &Point) -> Result<()> {
    tx.execute(
        "-- attention points save\nupdate attention_points set resolved_at_ms = $2, marks = $3 where id = $1",
        values![
            point.id.as_str(),
            point.resolved_at_ms,
            marks_text(&point.marks)?,
        ],
    )?;
    Ok(())
}

/// The payment of an account's point.
pub fn payment_of(tx: &mut Tx<'_>, account: &str, id: &AttentionId) -> Result<Option<PaymentId>> {
    let row = tx.query_opt(
        "-- attention points payment\nselect payment from attention_points where account = $1 and id = $2",
        values![account, id.as_str()],
    )?;
    row.map(|mut row| row.text().map(PaymentId)).transpose()
}

/// Which points a list shows.
#[derive(Clone, Debug, Default)]
pub struct Filter {
    /// Only this reason.
    pub reason: Option<AttentionReason>,
    /// Resolved ones instead of open ones.
    pub resolved: bool,
    /// Oldest first instead of newest first.
    pub oldest_first: bool,
    /// Only what comes after this one.
    pub after: Option<AttentionId>,
}

/// A page of an account's points.
pub fn list(
    tx: &mut Tx<'_>,
    account: &str,
    filter: &Filter,
    limit: i64,
) -> Result<Vec<(AttentionId, PaymentId)>> {
    let sql = match (filter.resolved, filter.oldest_first) {
        (false, false) => {
            "-- attention points open, newest first
select id, payment from attention_points where account = $1 and resolved_at_ms is null and ($2 = '' or reason = $2)
    and ($3 = '' or id < $3)
order by id desc limit $4"
        }
        (false, true) => {
            "-- attention points open, oldest first
select id, payment from attention_points where account = $1 and resolved_at_ms is null and ($2 = '' or reason = $2)
    and ($3 = '' or id > $3)
order by id limit $4"
        }
        (true, false) => {
            "-- attention points resolved, newest first
select id, payment from attention_points where account = $1 and resolved_at_ms is not null and ($2 = '' or reason = $2)
    and ($3 = '' or id < $3)
order by id desc limit $4"
        }
        (true, true) => {
            "-- attention points resolved, oldest first
select id, payment from attention_points where account = $1 and resolved_at_ms is not null and ($2 = '' or reason = $2)
    and ($3 = '' or id > $3)
order by id limit $4"
        }
    };
    let rows = tx.query(
        sql,
        values![
            account,
            filter.reason.map_or("", AttentionReason::as_str),
            filter.after.as_ref().map_or("", AttentionId::as_str),
            limit,
        ],
    )?;
    rows.into_iter()
        .map(|mut row| Ok((AttentionId(row.text()?), PaymentId(row.text()?))))
        .collect()
}
