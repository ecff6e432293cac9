//! `datepalm sandbox`: the offline Tamara alone, with one merchant per country whose tokens never change.

use crate::failure::Result;
use crate::lock;
use crate::serving;
use crate::terminal::{Paint, Terminal, line};
use anyhow::Context as _;
use clap::Args;
use std::path::PathBuf;
use std::time::Duration;
use tamara_sandbox::{Choices, IdStep, Merchant, Sandbox};

const GRACE: Duration = Duration::from_secs(2);

/// Run an offline Tamara to develop against, from any language
#[derive(Args)]
pub struct Options {
    /// Where to listen; port 0 takes a free port
    #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1:8081")]
    listen: String,
    /// A folder to keep orders and the clock in; without it they end with the process
    #[arg(long, value_name = "FOLDER")]
    data: Option<PathBuf>,
    /// A merchant's country, may be repeated
    #[arg(long, value_name = "COUNTRY", default_values = ["SA", "KW"], ignore_case = true,
          value_parser = ["SA", "AE", "KW", "BH", "OM"])]
    country: Vec<String>,
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
    let mut countries: Vec<_> = options.country.iter().map(|c| c.to_uppercase()).collect();
    countries.sort_unstable();
    countries.dedup();
    let merchants: Vec<_> = countries
        .iter()
        .map(|country| Merchant::sample(country))
        .collect();
    let sandbox = Sandbox::open(tamara_sandbox::Options {
        data: options.data,
        choices: Choices {
            id_step: IdStep::FirstTime,
            ..Choices::default()
        },
        ..tamara_sandbox::Options::new(&base_url, merchants.clone())
    })?;
    let stop = serving::stop_at_signal()?;
    announce(terminal, &base_url, &merchants);
    let notifier = sandbox.clone();
    tokio::select! {
        served = serving::serve(listener, sandbox.router(), stop, GRACE) => served?,
        () = notifier.run_notifier() => Err(anyhow::anyhow!("notifications cannot be sent"))
            .context("the notifier ended")?,
    }
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
