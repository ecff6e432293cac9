//! `datepalm keys`: makes API keys. A key is shown once; only its digest is stored.
//!
//! Needs no lock: it works while the service runs on the same database.

use crate::configuration::ConfigurationFile;
use crate::database;
use crate::failure::{Failure, Result};
use crate::lock;
use crate::terminal::{Paint, Terminal, line};
use clap::{Args, Subcommand};
use datepalm::clock::{Clock as _, SystemClock};
use datepalm::config::{AccountConfig, Config};
use datepalm::ids::{self, Ids, SystemIds};
use datepalm::store::accounts::{self, KeyRow};
use datepalm::store::{Database, Store};

/// Hex digits of a key: 172 random bits.
const SECRET_CHARS: usize = 43;

/// What can be done with keys.
#[derive(Subcommand)]
pub enum Command {
    /// Make an API key for an account and print it, once
    Create(Create),
}

/// Make an API key for an account and print it, once
#[derive(Args)]
pub struct Create {
    #[command(flatten)]
    file: ConfigurationFile,
    /// The account that the key belongs to
    #[arg(long, value_name = "NAME")]
    account: String,
    /// A key for apps and pages instead of one for servers
    #[arg(long)]
    publishable: bool,
}

/// Makes a key, stores its digest and prints the key.
pub async fn create(options: Create, terminal: Terminal) -> Result<()> {
    let config = options.file.load()?;
    let account = configured(&config, &options.account)?;
    let ids = SystemIds::default();
    let key = fresh(options.publishable, account.livemode(), &ids);
    if let Database::Sqlite(path) = &config.database {
        lock::make_folder_of(path)?;
    }
    let store = database::open(&config.database)?;
    let now_ms = SystemClock::default().now_ms();
    store_key(&store, row(&account.name, &key, &ids), now_ms).await?;
    line(&key);
    let advice = if options.publishable {
        "this key is not shown again"
    } else {
        "this key is not shown again; keep it on your server, never in an app or a page"
    };
    terminal.note(Paint::Doubtful, "warning", advice);
    Ok(())
}

/// The account of that name.
pub fn configured<'a>(config: &'a Config, name: &str) -> Result<&'a AccountConfig> {
    config.accounts.get(name).ok_or_else(|| {
        let known: Vec<_> = config.accounts.keys().map(String::as_str).collect();
        let message = format!("account {name:?} is not configured");
        Failure::new(message).hint(format!("these are: {}", known.join(", ")))
    })
}

fn fresh(publishable: bool, livemode: bool, ids: &dyn Ids) -> String {
    let kind = if publishable { "pk" } else { "sk" };
    let mode = if livemode { "live" } else { "test" };
    let mut random = [0; SECRET_CHARS.div_ceil(2)];
    ids.fill(&mut random);
    format!("{kind}_{mode}_{}", &ids::hex(&random)[..SECRET_CHARS])
}

/// A key as it is stored. The key begins with `sk_` or `pk_`.
pub fn row(account: &str, key: &str, ids: &dyn Ids) -> KeyRow {
    let kind = key.split('_').next().unwrap_or_default();
    let start = key.rfind('_').map_or(0, |at| at + 1);
    let end = key.len().saturating_sub(4);
    KeyRow {
        id: format!("key_{}", ids::token(ids)),
        account: account.to_owned(),
        kind: kind.to_owned(),
        hash: ids::sha256_hex(key),
        hint: format!("{}...{}", &key[..start], &key[end..]),
    }
}

/// Stores a key; one that is there already is left alone.
pub async fn store_key(store: &Store, row: KeyRow, now_ms: i64) -> datepalm::error::Result<()> {
    store
        .write("create key", move |tx| {
            accounts::insert_key(tx, &row, now_ms)
        })
        .await
}

#[cfg(test)]
mod tests {
    use super::{fresh, row};
    use datepalm::ids::SeededIds;

    #[test]
    fn a_key_says_its_kind_and_mode_and_its_row_does_not_hold_it() {
        let ids = SeededIds::new(1);
        for (publishable, livemode, start) in [
            (false, false, "sk_test_"),
            (false, true, "sk_live_"),
            (true, false, "pk_test_"),
            (true, true, "pk_live_"),
        ] {
            let key = fresh(publishable, livemode, &ids);
            let secret = key.strip_prefix(start).unwrap();
            assert_eq!(secret.len(), 43);
            let row = row("shop", &key, &ids);
            assert_eq!(row.kind, &start[..2]);
            assert_eq!(row.hint, format!("{start}...{}", &secret[39..]));
            assert!(!format!("{row:?}").contains(secret));
        }
    }
}
