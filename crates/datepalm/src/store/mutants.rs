//! What the store would do without a guard. Compiled with the feature `mutations` alone: no program that takes payments has
//! any of it.

use super::tx::Tx;
use crate::domain::guard::{Guard, stands};
use crate::domain::payment::Payment;
use crate::error::Result;
use crate::values;

/// Without the version check: whatever version stands there is overwritten.
pub(super) fn version_to_overwrite(
    tx: &mut Tx<'_>,
    payment: &Payment,
    version: i64,
) -> Result<i64> {
    if stands(Guard::VersionIsChecked) {
        return Ok(version);
    }
    let row = tx.query_opt(
        "-- payments version\nselect version from payments where id = $1",
        values![payment.id.as_str()],
    )?;
    row.map_or(Ok(version), |mut row| row.int())
}

/// Without the guards that are an index: the index goes. For a database that lives as long as its mutant.
pub(super) fn drop_guarding_indexes(tx: &mut Tx<'_>) -> Result<()> {
    let indexes = [
        (
            Guard::OneHolder,
            "-- payments_held drop\ndrop index if exists payments_held",
        ),
        (
            Guard::OneAtATime,
            "-- operations_money_in_flight drop\ndrop index if exists operations_money_in_flight",
        ),
        (
            Guard::KeyMakesOne,
            "-- operations_key drop\ndrop index if exists operations_key",
        ),
    ];
    for (guard, sql) in indexes {
        if !stands(guard) {
            tx.execute(sql, values![])?;
        }
    }
    Ok(())
}
