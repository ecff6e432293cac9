//! The journal (R16). Writes `operations`.

use super::tx::{Row, Tx};
use crate::domain::operation::{Lease, Operation, OperationKind, OperationState, Origin};
use crate::domain::payment::Payment;
use crate::error::Result;
use crate::ids::{OperationId, PaymentId, SessionId};
use crate::values;

/// The operations of a payment, oldest first.
pub fn of_payment(tx: &mut Tx<'_>, payment: &PaymentId) -> Result<Vec<Operation>> {
    let rows = tx.query(
        "-- operations of payment
select id, session, kind, key, fingerprint, state, origin, amount_minor, everything_left, shipped_at_s, item_refs, details, attempt,
    doubt_from_attempt, may_repeat, repeat_refused, not_sent_in_a_row, late_reads, first_sent_version, last_sent_at_ms,
    last_sent_version, next_try_at_ms, lease_token, lease_until_ms, reason, tamara_id, reference, created_at_ms, ended_at_ms,
    turned_away_in_a_row
from operations where payment = $1 order by created_at_ms, id",
        values![payment.as_str()],
    )?;
    rows.into_iter()
        .map(|row| from_row(row.of("operations")))
        .collect()
}

fn from_row(mut row: Row) -> Result<Operation> {
    Ok(Operation {
        id: OperationId(row.text()?),
        session: SessionId(row.text()?),
        kind: row.word(OperationKind::from_word)?,
        key: row.text()?,
        fingerprint: row.text()?,
        state: row.word(OperationState::from_word)?,
        origin: row.word(Origin::from_word)?,
        amount_minor: row.int()?,
        everything_left: row.flag()?,
        shipped_at_s: row.opt_int()?,
        item_refs: row.text()?,
        details: row.text()?,
        attempt: row.int()?,
        doubt_from_attempt: row.opt_int()?,
        may_repeat: row.flag()?,
        repeat_refused: row.flag()?,
        not_sent_in_a_row: row.int()?,
        late_reads: row.int()?,
        first_sent_version: row.opt_int()?,
        last_sent_at_ms: row.opt_int()?,
        last_sent_version: row.opt_int()?,
        next_try_at_ms: row.int()?,
        lease: row
            .opt_text()?
            .zip(row.opt_int()?)
            .map(|(token, until_ms)| Lease { token, until_ms }),
        reason: row.opt_text()?,
        tamara_id: row.opt_text()?,
        reference: row.opt_text()?,
        created_at_ms: row.int()?,
        ended_at_ms: row.opt_int()?,
        turned_away_in_a_row: row.int()?,
    })
}

fn insert(tx: &mut Tx<'_>, payment: &Payment, operation: &Operation) -> Result<()> {
    tx.execute(
        "-- operations insert
insert into operations (id, account, payment, session, kind, key, fingerprint, state, origin, amount_minor,
    everything_left, shipped_at_s, item_refs, details, attempt, may_repeat, repeat_refused, not_sent_in_a_row, late_reads,
    next_try_at_ms, reference, created_at_ms)
values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, 0, 0, 0, 0, 0, $15, $16, $17)",
        values![
            operation.id.as_str(),
            &payment.account,
            payment.id.as_str(),
            operation.session.as_str(),
            operation.kind.as_str(),
            &operation.key,
            &operation.fingerprint,
            operation.state.as_str(),
            operation.origin.as_str(),
            operation.amount_minor,
            operation.everything_left,
            operation.shipped_at_s,
            &operation.item_refs,
            &operation.details,
            operation.next_try_at_ms,
            operation.reference.as_deref(),
            operation.created_at_ms,
        ],
    )?;
    Ok(())
}

/// Writes what differs of one operation.
pub(super) fn save(
    tx: &mut Tx<'_>,
    payment: &Payment,
    before: Option<&Operation>,
    after: &Operation,
) -> Result<()> {
    if before == Some(after) {
        return Ok(());
    }
    if before.is_none() {
        insert(tx, payment, after)?;
    }
    tx.execute(
        "-- operations save
update operations set state = $2, attempt = $3, doubt_from_attempt = $4, may_repeat = $5, repeat_refused = $6,
    not_sent_in_a_row = $7, late_reads = $8, first_sent_version = $9, last_sent_at_ms = $10, next_try_at_ms = $11,
    lease_token = $12, lease_until_ms = $13, reason = $14, tamara_id = $15, ended_at_ms = $16,
    last_sent_version = $17, turned_away_in_a_row = $18
where id = $1",
        values![
            after.id.as_str(),
            after.state.as_str(),
            after.attempt,
            after.doubt_from_attempt,
            after.may_repeat,
            after.repeat_refused,
            after.not_sent_in_a_row,
            after.late_reads,
            after.first_sent_version,
            after.last_sent_at_ms,
            after.next_try_at_ms,
            after.lease.as_ref().map(|lease| lease.token.as_str()),
            after.lease.as_ref().map(|lease| lease.until_ms),
            after.reason.as_deref(),
            after.tamara_id.as_deref(),
            after.ended_at_ms,
            after.last_sent_version,
            after.turned_away_in_a_row,
        ],
    )?;
    Ok(())
}

/// The row that a key made: `(payment, operation, fingerprint)`.
pub fn by_key(
    tx: &mut Tx<'_>,
    account: &str,
    kind: OperationKind,
    key: &str,
) -> Result<Option<(PaymentId, OperationId, String)>> {
    let row = tx.query_opt(
        "-- operations by key\nselect payment, id, fingerprint from operations where account = $1 and kind = $2 and key = $3",
        values![account, kind.as_str(), key],
    )?;
    row.map(|mut row| {
        Ok((
            PaymentId(row.text()?),
            OperationId(row.text()?),
            row.text()?,
        ))
    })
    .transpose()
}
