//! `datepalm serve`: the payment service alone, as its owner runs it.

use crate::configuration::ConfigurationFile;
use crate::database;
use crate::failure::{Failure, Result};
use crate::lock;
use crate::serving;
use clap::Args;
use datepalm::actions::recover;
use datepalm::app::{App, Seams};
use datepalm::clock::{Clock as _, SystemClock, rfc3339};
use datepalm::config::{self, Config};
use datepalm::ids;
use datepalm::store::{Database, accounts};
use std::time::Duration;

/// More than the longest long poll (30 s), and than a call to Tamara takes with the usual time-out.
const GRACE: Duration = Duration::from_secs(35);

/// Run the payment service
#[derive(Args)]
pub struct Options {
    #[command(flatten)]
    file: ConfigurationFile,
    /// Say that old data was put back, such as a backup. Money waits until Tamara's orders are read again. Needed after any
    /// such way, and nothing can find out that it was forgotten
    #[arg(long)]
    recover: bool,
}

/// Runs until a signal.
pub async fn run(options: Options) -> Result<()> {
    let config = options.file.load()?;
    let _lock = match &config.database {
        Database::Sqlite(path) => Some(lock::database(path)?),
        Database::Postgres(_) | Database::InLine(_) => None,
    };
    refuse_demo_keys(&config).await?;
    if options.recover {
        begin_recovery(&config).await?;
    }
    let (listener, address) =
        serving::bind(&config.listen, "`listen` in the configuration").await?;
    let timeouts = config.timeouts;
    let app = App::open(config, Seams::system(timeouts)).await?;
    let stop = serving::stop_at_signal()?;
    tracing::info!(
        listen = %address,
        public_url = app.config.public_url,
        accounts = app.accounts.len(),
        version = env!("CARGO_PKG_VERSION"),
        "the payment service is ready"
    );
    let router = datepalm::http::router(app.clone()).fallback(datepalm::http::no_such_route);
    serving::run_service(app, listener, router, stop, GRACE).await?;
    tracing::info!("the payment service has stopped");
    Ok(())
}

/// Says that the data is an old copy (R30). What this commits is carried on by every start until it is done.
async fn begin_recovery(config: &Config) -> Result<()> {
    let store = database::open(&config.database)?;
    let now_ms = SystemClock::default().now_ms();
    let begun = recover::begin(&store, now_ms).await;
    begun.map_err(|error| Failure::from(error).hint("nothing was changed; nothing is served"))?;
    let (from, window) = (
        now_ms + config.policy.settle_window_ms,
        Duration::from_millis(config.policy.settle_window_ms.unsigned_abs()),
    );
    tracing::warn!(
        "RECOVERY: the database counts as an old copy that was put back now. Every payment is told of it first, which takes \
         about a minute for 100,000 payments; requests are taken after that. A crash does no harm: the next start goes on, \
         with or without --recover"
    );
    tracing::warn!(
        from = rfc3339(from),
        "RECOVERY: a payment whose orders can have changed since the copy stands still until they are read again, {} s from \
         now on, at half of its account's reads_per_second: creating, capturing, refunding and canceling it answer 503, paid and final are false",
        window.as_secs()
    );
    tracing::warn!(
        "RECOVERY: a payment of which Tamara shows a capture, refund or cancel that this copy knows nothing of then answers \
         409 until a person clears its attention restored_unknown_effect"
    );
    Ok(())
}

/// Everybody knows the demo's keys: a database that has them is not one to serve others from.
async fn refuse_demo_keys(config: &Config) -> Result<()> {
    let store = database::open(&config.database)?;
    let found = store
        .read("find demo keys", |tx| {
            for key in config::DEMO_KEYS {
                if accounts::by_key_hash(tx, &ids::sha256_hex(key))?.is_some() {
                    return Ok(Some(key));
                }
            }
            Ok(None)
        })
        .await?;
    let Some(key) = found else { return Ok(()) };
    let message = format!(
        "this database holds the demo's key {key}, which everybody knows: whoever reaches the service could use it"
    );
    Err(Failure::new(message).hint("use a database that no demo has used"))
}
