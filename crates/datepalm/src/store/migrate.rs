//! Numbered, forward-only migrations; one text for both databases. Refuses a schema that is newer than the program.

use super::tx::Tx;
use crate::error::{Error, Result};
use crate::values;

/// In order; never changed once released, only added to.
const MIGRATIONS: &[(i64, &str)] = &[
    (1, include_str!("migrations/0001_payments.sql")),
    (
        2,
        include_str!("migrations/0002_attention_and_reconciliation.sql"),
    ),
    (3, include_str!("migrations/0003_recovery.sql")),
    (4, include_str!("migrations/0004_warnings.sql")),
    (5, include_str!("migrations/0005_references.sql")),
    (6, include_str!("migrations/0006_order_of_sends.sql")),
    (7, include_str!("migrations/0007_turned_away.sql")),
];

/// Brings the schema up to date.
pub(super) fn migrate(tx: &mut Tx<'_>) -> Result<()> {
    tx.execute(
        "-- schema_versions create\ncreate table if not exists schema_versions (version bigint primary key)",
        values![],
    )?;
    // On PostgreSQL several nodes may start at once.
    let lock = tx.pick(
        "-- schema_versions lock\nselect 1",
        "-- schema_versions lock\nselect 1::bigint from (select pg_advisory_xact_lock(4118)) held",
    );
    tx.query(lock, values![])?;
    let newest = tx
        .query_opt(
            "-- schema_versions newest\nselect coalesce(max(version), 0) from schema_versions",
            values![],
        )?
        .map_or(Ok(0), |mut row| row.int())?;
    let known = MIGRATIONS.last().map_or(0, |(version, _)| *version);
    if newest > known {
        return Err(Error::Database(format!(
            "the database has schema {newest}, this program knows {known}: use the newer program"
        )));
    }
    for (version, text) in MIGRATIONS.iter().filter(|(version, _)| *version > newest) {
        for statement in text
            .split(";\n")
            .map(str::trim)
            .filter(|statement| !statement.is_empty())
        {
            tx.execute(statement, values![])?;
        }
        tx.execute(
            "-- schema_versions add\ninsert into schema_versions (version) values ($1)",
            values![*version],
        )?;
    }
    #[cfg(feature = "mutations")]
    super::mutants::drop_guarding_indexes(tx)?;
    Ok(())
}
