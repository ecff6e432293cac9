//! Whether the database takes writes. Writes one row of `instance`.

use super::tx::Tx;
use crate::error::Result;
use crate::values;

/// A proof younger than this is taken as it is, milliseconds: however often somebody asks, one write a second answers.
const PROOF_MS: i64 = 1_000;

/// Writes down that the database takes writes. What is committed proves it, what fails says why not.
pub fn prove_writable(tx: &mut Tx<'_>, now_ms: i64) -> Result<()> {
    tx.execute(
        "-- instance prove writable
insert into instance (name, value) values ('proved_writable_at_ms', $1)
on conflict (name) do update set value = excluded.value
where abs(cast(excluded.value as bigint) - cast(instance.value as bigint)) >= $2",
        values![now_ms.to_string(), PROOF_MS],
    )?;
    Ok(())
}
