//! `datepalm sandbox`: the offline Tamara alone, with one merchant per country whose tokens never change.

use crate::failure::Result;
use crate::lock;
use crate::serving;
use crate::terminal::{Paint, Terminal, line};
use anyhow::Context as _;
use clap::Args;
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::time::Duration;
use tamara_sandbox::{Choices, Clock, IdStep, Merchant, RequestLog, Sandbox, Seed};

const GRACE: Duration = Duration::from_secs(2);
/// 2026-01-01T00:00:00Z: where the clock of a seeded run starts.
const SEEDED_START_MS: i64 = 1_767_225_600_000;

/// Run an offline Tamara to develop against, from any language
#[derive(Args)]
pub struct Options {
    /// Where to listen; port 0 takes a free port
    #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1:8081")]
    listen: String,
    /// A folder to keep orders and the clock in; without it they end with the process
    #[arg(long, value_name = "FOLDER")]
    data: Option<PathBuf>,
    /// A merchant's country, may be repeated; SA and KW if neither this nor the file names a merchant
    #[arg(long, value_name = "COUNTRY", ignore_case = true,
          value_parser = ["SA", "AE", "KW", "BH", "OM"])]
    country: Vec<String>,
    /// Begin with the merchants, choices, orders, webhooks and faults of a file (JSON)
    #[arg(long, value_name = "FILE")]
    file: Option<PathBuf>,
    /// The same ids, codes and bytes in every run; the clock starts at 2026-01-01 and stands until it is moved
    #[arg(long, value_name = "NUMBER")]
    seed: Option<u64>,
    /// Print each request and answer, secrets and persons' data masked
    #[arg(long)]
    verbose: bool,
    /// Where clients and customers reach it, if not at the address it listens on
    #[arg(long, value_name = "URL")]
    base_url: Option<String>,
}

/// Runs until a signal.
pub async fn run(options: Options, terminal: Terminal) -> Result<()> {
    let _lock = options.data.as_deref().map(lock::folder).transpose()?;
    let (listener, address) = serving::bind(&options.listen, "--listen").await?;
    let base_url = options.base_url.map_or_else(
        || serving::local_url(address),
        |url| url.trim_end_matches('/').to_owned(),
    );
    let seed = options.file.as_deref().map(read_seed).transpose()?;
    let merchants = merchants(&options.country, seed.as_ref())?;
    let sandbox = Sandbox::open(tamara_sandbox::Options {
        data: options.data,
        clock: match options.seed {
            Some(_) => Clock::frozen_at(SEEDED_START_MS),
            None => Clock::real(),
        },
        seed: options.seed,
        request_log: options.verbose.then(|| RequestLog::new(line)),
        choices: Choices {
            id_step: IdStep::FirstTime,
            ..Choices::default()
        },
        ..tamara_sandbox::Options::new(&base_url, merchants.clone())
    })?;
    if let Some(seed) = seed {
        fill(&sandbox, seed).await?;
    }
    let stop = serving::stop_at_signal()?;
    announce(terminal, &base_url, &merchants);
    let notifier = sandbox.clone();
    tokio::select! {
        served = serving::serve_by(|stopped| sandbox.serve(listener, stopped), stop, GRACE) => served?,
        () = notifier.run_notifier() => Err(anyhow::anyhow!("notifications cannot be sent"))
            .context("the notifier ended")?,
    }
    Ok(())
}

fn read_seed(file: &Path) -> Result<Seed> {
    let name = file.display();
    let text = std::fs::read_to_string(file).with_context(|| format!("cannot read {name}"))?;
    Ok(Seed::parse(&text).map_err(|why| anyhow::anyhow!("{name}: {why}"))?)
}

/// One merchant per country, and the file's.
fn merchants(countries: &[String], seed: Option<&Seed>) -> Result<Vec<Merchant>> {
    let mut merchants = match seed {
        Some(seed) => seed.merchants().map_err(anyhow::Error::msg)?,
        None => Vec::new(),
    };
    let mut countries: Vec<_> = countries.iter().map(|c| c.to_uppercase()).collect();
    if countries.is_empty() && merchants.is_empty() {
        countries = ["SA", "KW"].map(str::to_owned).into();
    }
    // The first one named is the one that a file's orders go to when they name none.
    let mut seen = BTreeSet::new();
    countries.retain(|country| seen.insert(country.clone()));
    let samples = countries.iter().map(|country| Merchant::sample(country));
    merchants.splice(0..0, samples);
    Ok(merchants)
}

/// Books that an earlier run left are not filled a second time.
async fn fill(sandbox: &Sandbox, seed: Seed) -> Result<()> {
    let state = sandbox.state();
    let is_empty = |list: &str| state[list].as_array().is_none_or(Vec::is_empty);
    let seed = if is_empty("orders") && is_empty("webhooks") {
        seed
    } else {
        seed.without_books()
    };
    let filled = sandbox.seed(&seed).await;
    filled.map_err(|why| anyhow::anyhow!("the file was refused: {why}"))?;
    Ok(())
}

fn announce(terminal: Terminal, base_url: &str, merchants: &[Merchant]) {
    line(&terminal.paint(Paint::Bold, "Tamara, offline: no real money moves"));
    line("");
    line(&format!(
        "  Base URL  {}",
        terminal.paint(Paint::Link, base_url)
    ));
    line(&format!(
        "  Look in   {}",
        terminal.paint(Paint::Link, &format!("{base_url}/_sandbox"))
    ));
    line("");
    let head = format!(
        "  {:<8} {:<9} {:<11} {}",
        "Country", "Currency", "API token", "Notification token"
    );
    line(&terminal.paint(Paint::Dim, &head));
    for merchant in merchants {
        line(&format!(
            "  {:<8} {:<9} {:<11} {}",
            merchant.country, merchant.currency, merchant.api_token, merchant.notification_token
        ));
    }
    line("");
    line("ready");
}
