//! Accounts as they were at their first start (R28), API keys as hashes, and the instance's own secrets.
//! Writes `accounts`, `api_keys`, `instance`.

use super::tx::Tx;
use crate::error::{Error, Result};
use crate::values;

/// What must not change about an account once it has been started (R28).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AccountRow {
    /// Its name in the configuration.
    pub name: String,
    /// Country code.
    pub country: String,
    /// `production`, `sandbox`, or another base URL.
    pub environment: String,
}

/// All accounts that were ever started, by name.
pub fn all(tx: &mut Tx<'_>) -> Result<Vec<AccountRow>> {
    let rows = tx.query(
        "-- accounts all\nselect name, country, environment from accounts order by name",
        values![],
    )?;
    let read = |mut row: super::tx::Row| {
        Ok(AccountRow {
            name: row.text()?,
            country: row.text()?,
            environment: row.text()?,
        })
    };
    rows.into_iter().map(read).collect()
}

/// Writes an account down at its first start.
pub fn insert(tx: &mut Tx<'_>, account: &AccountRow, now_ms: i64) -> Result<()> {
    tx.execute(
        "-- accounts insert
insert into accounts (name, country, environment, created_at_ms) values ($1, $2, $3, $4) on conflict do nothing",
        values![&account.name, &account.country, &account.environment, now_ms],
    )?;
    Ok(())
}

/// Whether an account has payments.
pub fn has_payments(tx: &mut Tx<'_>, account: &str) -> Result<bool> {
    let row = tx.query_opt(
        "-- payments any\nselect id from payments where account = $1 limit 1",
        values![account],
    )?;
    Ok(row.is_some())
}

/// A key as it is stored: never the key itself.
#[derive(Clone, Debug)]
pub struct KeyRow {
    /// Our id.
    pub id: String,
    /// The account it belongs to.
    pub account: String,
    /// `sk` or `pk`.
    pub kind: String,
    /// SHA-256 of the key, hex.
    pub hash: String,
    /// Its first and last characters, to recognise it by.
    pub hint: String,
}

/// Stores a key; one that is there already is left alone.
pub fn insert_key(tx: &mut Tx<'_>, key: &KeyRow, now_ms: i64) -> Result<()> {
    tx.execute(
        "-- api_keys insert
insert into api_keys (id, account, kind, hash, hint, created_at_ms) values ($1, $2, $3, $4, $5, $6) on conflict do nothing",
        values![&key.id, &key.account, &key.kind, &key.hash, &key.hint, now_ms],
    )?;
    Ok(())
}

/// What is known of a key that somebody showed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KnownKey {
    /// Our id.
    pub id: String,
    /// The account it belongs to.
    pub account: String,
    /// `sk` or `pk`.
    pub kind: String,
}

/// A key by its hash.
pub fn by_key_hash(tx: &mut Tx<'_>, hash: &str) -> Result<Option<KnownKey>> {
    let row = tx.query_opt(
        "-- api_keys by hash\nselect id, account, kind from api_keys where hash = $1 and revoked_at_ms is null",
        values![hash],
    )?;
    row.map(|mut row| {
        Ok(KnownKey {
            id: row.text()?,
            account: row.text()?,
            kind: row.text()?,
        })
    })
    .transpose()
}

/// A secret that the service makes for itself at its first start, and keeps.
pub fn instance_secret(tx: &mut Tx<'_>, name: &str, fresh: &str) -> Result<String> {
    tx.execute(
        "-- instance insert\ninsert into instance (name, value) values ($1, $2) on conflict do nothing",
        values![name, fresh],
    )?;
    let row = tx.query_opt(
        "-- instance value\nselect value from instance where name = $1",
        values![name],
    )?;
    row.ok_or_else(|| Error::Corrupt {
        table: "instance",
        id: name.to_owned(),
        why: "row is missing".to_owned(),
    })?
    .text()
}
