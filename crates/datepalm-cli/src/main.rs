//! The `datepalm` binary: one file per command. It wires the parts together and decides nothing about a payment.
//!
//! Data goes to stdout, everything else to stderr. Exit codes: 0 done, 1 failed, 2 called wrongly; `reconcile` has its own.

mod configuration;
mod database;
mod demo;
mod failure;
mod keys;
mod lock;
mod logs;
mod reconcile;
mod sandbox;
mod serve;
mod serving;
mod shop;
mod terminal;

use clap::{Parser, Subcommand};
use std::process::ExitCode;
use terminal::{Colour, Terminal};

/// Take Tamara payments from your own server
#[derive(Parser)]
#[command(name = "datepalm", version, max_term_width = 100)]
struct Cli {
    #[command(subcommand)]
    command: Command,
    /// What to log on stderr, for example `info` or `warn,datepalm=debug`
    #[arg(long, global = true, value_name = "FILTER", value_parser = logs::filter)]
    log: Option<String>,
    /// When to use colour: where a terminal shows it, or never
    #[arg(long, global = true, value_enum, default_value_t, value_name = "WHEN")]
    color: Colour,
}

#[derive(Subcommand)]
enum Command {
    /// Try everything on this machine: shop, payment service and an offline Tamara
    Demo(demo::Options),
    /// Run the payment service
    Serve(serve::Options),
    /// Run an offline Tamara to develop against, from any language
    Sandbox(sandbox::Options),
    /// Compare all payments that can still change with Tamara, and say what differs
    Reconcile(reconcile::Options),
    /// Make API keys
    #[command(subcommand)]
    Keys(keys::Command),
}

#[tokio::main]
async fn main() -> ExitCode {
    let cli = Cli::parse();
    let terminal = Terminal::new(cli.color);
    logs::start(&cli.command, cli.log.as_deref(), terminal);
    let done = match cli.command {
        Command::Demo(options) => demo::run(options, terminal).await,
        Command::Serve(options) => serve::run(options).await,
        Command::Sandbox(options) => sandbox::run(options, terminal).await,
        Command::Reconcile(options) => return reconcile::run(options, terminal).await,
        Command::Keys(keys::Command::Create(options)) => keys::create(options, terminal).await,
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            failure.print(terminal);
            ExitCode::FAILURE
        }
    }
}
