//! What the workers ask for: bounded batches of what is due, read from the rows themselves.

use super::tx::Tx;
use crate::error::Result;
use crate::ids::{OperationId, PaymentId};
use crate::values;

/// Operations that somebody should send, or whose sender is gone: intents that are due and unowned, unknowns that may
/// be repeated, and `sending` whose lease has passed. Creates are left to requests (R22), but for their lapsed leases.
pub fn operations_due(
    tx: &mut Tx<'_>,
    now_ms: i64,
    limit: i64,
) -> Result<Vec<(PaymentId, OperationId)>> {
    let rows = tx.query(
        "-- operations due
select payment, id from operations
where state in ('intent', 'sending', 'unknown') and next_try_at_ms <= $1
    and ((state = 'intent' and kind <> 'create_session' and (lease_until_ms is null or lease_until_ms <= $1))
        or (state = 'sending' and lease_until_ms <= $1)
        or (state = 'unknown' and may_repeat = 1))
order by next_try_at_ms, id limit $2",
        values![now_ms, limit],
    )?;
    rows.into_iter()
        .map(|mut row| Ok((PaymentId(row.text()?), OperationId(row.text()?))))
        .collect()
}

/// Puts off an operation whose payment cannot be loaded.
pub fn try_operation_later(tx: &mut Tx<'_>, id: &OperationId, later_ms: i64) -> Result<()> {
    tx.execute(
        "-- operations try later\nupdate operations set next_try_at_ms = $2 where id = $1 and next_try_at_ms < $2",
        values![id.as_str(), later_ms],
    )?;
    Ok(())
}

/// Since when an account's payments wait for a look, if one does.
pub fn payments_due_since_ms(tx: &mut Tx<'_>, account: &str, now_ms: i64) -> Result<Option<i64>> {
    let row = tx.query_opt(
        "-- payments due since
select next_check_at_ms from payments where account = $1 and next_check_at_ms <= $2 order by next_check_at_ms limit 1",
        values![account, now_ms],
    )?;
    row.map(|mut row| row.int()).transpose()
}

/// An account's payments that are due for a look, the longest due first, claimed by moving their next look to
/// `claimed_until_ms`: a crash only delays, and two nodes do not take the same row.
pub fn claim_payments_due(
    tx: &mut Tx<'_>,
    account: &str,
    (now_ms, claimed_until_ms): (i64, i64),
    limit: i64,
) -> Result<Vec<PaymentId>> {
    let sql = tx.pick(
        "-- payments claim due
update payments set next_check_at_ms = $2
where id in (
        select id from payments where account = $4 and next_check_at_ms <= $1 order by next_check_at_ms limit $3)
    and next_check_at_ms <= $1
returning id",
        "-- payments claim due, skipping what another node has
update payments set next_check_at_ms = $2
where id in (
        select id from payments where account = $4 and next_check_at_ms <= $1 order by next_check_at_ms limit $3
        for update skip locked)
    and next_check_at_ms <= $1
returning id",
    );
    let rows = tx.query(sql, values![now_ms, claimed_until_ms, limit, account])?;
    rows.into_iter()
        .map(|mut row| row.text().map(PaymentId))
        .collect()
}

/// When the newest call to Tamara ended, by our clock of that time.
pub fn newest_call_ms(tx: &mut Tx<'_>) -> Result<Option<i64>> {
    let row = tx.query_opt(
        "-- attempts newest\nselect ended_at_ms from attempts order by id desc limit 1",
        values![],
    )?;
    row.map(|mut row| row.int()).transpose()
}

/// Moves along what waits for a time, after the clock was set back by `by_ms`. A payment whose next look is farther ahead
/// than that waits at most twice as long as it should, and is left alone: the number of rows stays that of open work.
///
/// On SQLite, where no other node can own them, leases that are longer than any can be are shortened, and what was sent
/// "later than now" counts as sent now: its settle window (R19) begins again, so it lasts longer, never shorter. The same
/// holds for a restore (R30).
pub fn clock_was_set_back(tx: &mut Tx<'_>, now_ms: i64, by_ms: i64, lease_ms: i64) -> Result<()> {
    tx.execute(
        "-- payments look again sooner
update payments set next_check_at_ms = next_check_at_ms - $2 where next_check_at_ms > $1 and next_check_at_ms <= $3",
        values![
            now_ms,
            by_ms,
            now_ms.saturating_add(by_ms.saturating_mul(2))
        ],
    )?;
    tx.execute(
        "-- operations try again sooner
update operations set next_try_at_ms = $1 where state in ('intent', 'sending', 'unknown') and next_try_at_ms > $1",
        values![now_ms],
    )?;
    tx.execute(
        "-- reconciliations go on sooner
update reconciliations set next_at_ms = $1 where state = 'running' and next_at_ms > $1",
        values![now_ms],
    )?;
    let restored = tx.pick(
        "-- sessions restored now
update sessions set restored_at_ms = $1 where restored_at_ms > $1",
        "-- sessions leave the restore alone\nselect $1::bigint",
    );
    tx.execute(restored, values![now_ms])?;
    let leases = tx.pick(
        "-- operations shorten leases
update operations set lease_until_ms = min(lease_until_ms, $2), last_sent_at_ms = min(last_sent_at_ms, $1)
where state in ('intent', 'sending', 'unknown') and (lease_until_ms > $2 or last_sent_at_ms > $1)",
        "-- operations leave leases alone\nselect $1::bigint, $2::bigint",
    );
    tx.execute(leases, values![now_ms, now_ms.saturating_add(lease_ms)])?;
    Ok(())
}
