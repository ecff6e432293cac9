//! `datepalm serve`: the payment service alone, as its owner runs it.

use crate::configuration::ConfigurationFile;
use crate::database;
use crate::failure::{Failure, Result};
use crate::lock;
use crate::serving;
use clap::Args;
use datepalm::app::{App, Seams};
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
}

/// Runs until a signal.
pub async fn run(options: Options) -> Result<()> {
    let config = options.file.load()?;
    let _lock = match &config.database {
        Database::Sqlite(path) => Some(lock::database(path)?),
        Database::Postgres(_) => None,
    };
    refuse_demo_keys(&config).await?;
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
