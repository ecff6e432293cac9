//! Simulation of the payment service: one seed, one history. Service nodes on one database, the offline Tamara in
//! process, merchants, customers, lost and late calls, crashes between any two commits; invariants after every step and
//! the balance of the books in the end.
//!
//! `datepalm-sim --seeds 1000 --steps 500`; `--seed 17 --verbose` replays one; `--twice` proves that a seed is a history.

mod drive;
mod history;
mod mutants;
mod oracle;
mod plan;
mod points;
mod report;
mod rng;
mod runner;
mod wire;
mod world;

use clap::Parser;
use datepalm::clock::{Clock as _, SystemClock};
use datepalm::domain::guard::{self, Guard};
use datepalm::ids::{Ids as _, SystemIds};
use report::Report;
use runner::{Manner, run_seeds};
use std::io::Write as _;
use std::process::ExitCode;

/// Simulates the payment service under faults.
#[derive(Parser)]
struct Arguments {
    /// How many seeds to run, one history each.
    #[arg(long, default_value_t = 100)]
    seeds: u64,
    /// The first seed.
    #[arg(long, default_value_t = 1)]
    first: u64,
    /// Take a first seed by chance, and print it.
    #[arg(long, conflicts_with_all = ["first", "seed"])]
    fresh: bool,
    /// Run this seed alone.
    #[arg(long)]
    seed: Option<u64>,
    /// Run seeds for this long instead of a number of them.
    #[arg(long, conflicts_with_all = ["seed", "mutations"])]
    minutes: Option<i64>,
    /// Steps of each history.
    #[arg(long, default_value_t = 500)]
    steps: usize,
    /// Histories at the same time.
    #[arg(long, default_value_t = 2)]
    jobs: usize,
    /// Run each seed twice and compare the two histories line by line.
    #[arg(long)]
    twice: bool,
    /// Stop at the first seed that breaks something.
    #[arg(long)]
    until_broken: bool,
    /// Print the histories.
    #[arg(long)]
    verbose: bool,
    /// Print the shortest plan that still fails.
    #[arg(long)]
    shrink: bool,
    /// Print how often histories stood, waited and died at each crash point.
    #[arg(long)]
    points: bool,
    /// Take this guard away; a simulator that then finds nothing proves nothing.
    #[arg(long, value_name = "GUARD", value_parser = parse_guard)]
    without: Vec<Guard>,
    /// Take each guard away in turn, `--seeds` of them at most for each, and print what caught it.
    #[arg(long, conflicts_with = "without")]
    mutations: bool,
}

fn parse_guard(name: &str) -> Result<Guard, String> {
    Guard::from_name(name).ok_or_else(|| {
        let names: Vec<_> = Guard::ALL.iter().map(|guard| guard.name()).collect();
        format!("no such guard; the guards are {}", names.join(", "))
    })
}

fn fresh_seed() -> u64 {
    let mut bytes = [0; 4];
    SystemIds::default().fill(&mut bytes);
    u64::from(u32::from_be_bytes(bytes))
}

fn simulate(arguments: &Arguments) -> anyhow::Result<bool> {
    let mut out = std::io::stdout().lock();
    let manner = Manner {
        steps: arguments.steps,
        jobs: arguments.jobs,
        twice: arguments.twice,
        logging: arguments.verbose,
    };
    if arguments.mutations {
        return mutants::run_all(&mut out, manner, arguments.seeds);
    }
    for guard in &arguments.without {
        guard::remove(*guard);
    }
    let first = match (arguments.seed, arguments.fresh) {
        (Some(seed), _) => seed,
        (None, true) => fresh_seed(),
        (None, false) => arguments.first,
    };
    let clock = SystemClock::default();
    let begun_ms = clock.now_ms();
    let count = match (arguments.seed, arguments.minutes) {
        (Some(_), _) => 1,
        (None, Some(_)) => u64::MAX - first,
        (None, None) => arguments.seeds,
    };
    let until_ms = arguments
        .minutes
        .map_or(i64::MAX, |minutes| begun_ms + minutes * 60_000);
    if arguments.fresh {
        writeln!(out, "first seed {first}")?;
    }
    let seeds = (first..first + count).take_while(|_| clock.now_ms() < until_ms);
    let mut report = Report::new(arguments.verbose, arguments.shrink, arguments.steps);
    run_seeds(seeds, manner, |told| {
        report.take(&mut out, &told)?;
        Ok(report.clean || !arguments.until_broken)
    })?;
    if arguments.points {
        report.coverage.print(&mut out)?;
    }
    report.print_totals(&mut out, clock.now_ms() - begun_ms)?;
    Ok(report.clean)
}

fn main() -> ExitCode {
    match simulate(&Arguments::parse()) {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            let _ = writeln!(std::io::stderr(), "error: {error:#}");
            ExitCode::FAILURE
        }
    }
}
