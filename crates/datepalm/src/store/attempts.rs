//! The log of calls to Tamara, reads included. Writes `attempts`. Nothing points here; pruned by age.

use super::tx::{Row, Tx};
use crate::error::Result;
use crate::ids::{AttemptId, PaymentId};
use crate::values;

/// One call to Tamara and what came of it.
#[derive(Clone, Debug)]
pub struct Attempt {
    /// Our id.
    pub id: AttemptId,
    /// The account.
    pub account: String,
    /// The payment.
    pub payment: PaymentId,
    /// The session whose order it was about.
    pub session: Option<String>,
    /// The operation; none for a read.
    pub operation: Option<String>,
    /// `authorise`, `capture`, ... or `read_order`.
    pub kind: String,
    /// The attempt of the operation; 0 for a read.
    pub number: i64,
    /// When the call began.
    pub started_at_ms: i64,
    /// When it ended.
    pub ended_at_ms: i64,
    /// A stable word: `applied`, `rejected`, `conflict`, `not_sent`, `unknown`, ...
    pub outcome: String,
    /// HTTP status, if an answer came.
    pub http_status: Option<i64>,
    /// Tamara's error codes, joined by a comma.
    pub codes: String,
    /// The body as it came; may hold personal data, redactable.
    pub raw: Option<String>,
}

/// Writes one down.
pub fn insert(tx: &mut Tx<'_>, attempt: &Attempt) -> Result<()> {
    tx.execute(
        "-- attempts insert
insert into attempts (id, account, payment, session, operation, kind, number, started_at_ms, ended_at_ms, outcome,
    http_status, codes, raw)
values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13) on conflict do nothing",
        values![
            attempt.id.as_str(),
            &attempt.account,
            attempt.payment.as_str(),
            attempt.session.as_deref(),
            attempt.operation.as_deref(),
            &attempt.kind,
            attempt.number,
            attempt.started_at_ms,
            attempt.ended_at_ms,
            &attempt.outcome,
            attempt.http_status,
            &attempt.codes,
            attempt.raw.as_deref(),
        ],
    )?;
    Ok(())
}

/// The calls of a payment that ended at `from_ms` or later, oldest first, without their bodies.
pub fn of_payment(
    tx: &mut Tx<'_>,
    payment: &PaymentId,
    from_ms: i64,
    limit: i64,
) -> Result<Vec<Attempt>> {
    let rows = tx.query(
        "-- attempts of payment
select id, account, payment, session, operation, kind, number, started_at_ms, ended_at_ms, outcome, http_status, codes
from attempts where payment = $1 and ended_at_ms >= $2 order by ended_at_ms, id limit $3",
        values![payment.as_str(), from_ms, limit],
    )?;
    let read = |row: Row| {
        let mut row = row.of("attempts");
        Ok(Attempt {
            id: AttemptId(row.text()?),
            account: row.text()?,
            payment: PaymentId(row.text()?),
            session: row.opt_text()?,
            operation: row.opt_text()?,
            kind: row.text()?,
            number: row.int()?,
            started_at_ms: row.int()?,
            ended_at_ms: row.int()?,
            outcome: row.text()?,
            http_status: row.opt_int()?,
            codes: row.text()?,
            raw: None,
        })
    };
    rows.into_iter().map(read).collect()
}
