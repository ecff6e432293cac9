//! Whether the database takes writes, and what its server says of itself. Writes one row of `instance`.

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

/// What a database server says of itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Server {
    /// Its clock, milliseconds since the epoch.
    pub now_ms: i64,
    /// Whether a commit waits until a standby has synced it: across a failover nothing less keeps what was answered (R30).
    pub synchronous_replication: bool,
}

/// Asks the server; SQLite has none. `remote_write` does not count: the standby has not synced it.
pub fn server(tx: &mut Tx<'_>) -> Result<Option<Server>> {
    let sql = tx.pick(
        "-- server\nselect null, 0",
        "-- server
select cast(extract(epoch from clock_timestamp()) * 1000 as bigint),
    cast(case when current_setting('synchronous_standby_names') <> ''
        and current_setting('synchronous_commit') in ('on', 'remote_apply') then 1 else 0 end as bigint)",
    );
    let Some(mut row) = tx.query_opt(sql, values![])? else {
        return Ok(None);
    };
    let Some(now_ms) = row.opt_int()? else {
        return Ok(None);
    };
    Ok(Some(Server {
        now_ms,
        synchronous_replication: row.flag()?,
    }))
}
