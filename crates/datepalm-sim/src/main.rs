//! Simulation of the payment service: one seed, one history. Service nodes on one database, the offline Tamara in
//! process, merchants, customers, lost and late calls, crashes between any two commits; invariants after every step and
//! the balance of the books in the end.
//!
//! `datepalm-sim --seeds 1000 --steps 500`; `--seed 17 --verbose` replays one; `--twice` proves that a seed is a history.

mod drive;
mod oracle;
mod plan;
mod rng;
mod wire;
mod world;

use clap::Parser;
use oracle::{Broken, see};
use plan::{Step, generate, shrink};
use std::io::Write as _;
use std::process::ExitCode;
use world::{Counts, World};

/// Simulates the payment service under faults.
#[derive(Parser)]
struct Arguments {
    /// How many seeds to run, one history each.
    #[arg(long, default_value_t = 100)]
    seeds: u64,
    /// The first seed.
    #[arg(long, default_value_t = 1)]
    first: u64,
    /// Run this seed alone.
    #[arg(long)]
    seed: Option<u64>,
    /// Steps of each history.
    #[arg(long, default_value_t = 500)]
    steps: usize,
    /// Run each seed twice and compare the two histories line by line.
    #[arg(long)]
    twice: bool,
    /// Print the history.
    #[arg(long)]
    verbose: bool,
    /// Print the shortest plan that still fails.
    #[arg(long)]
    shrink: bool,
}

/// A history: what happened, how much, and what broke.
struct History {
    log: Vec<String>,
    counts: Counts,
    broken: Option<Broken>,
}

fn run(seed: u64, plan: &[Step]) -> anyhow::Result<History> {
    let mut world = World::new(seed)?;
    let mut broken = None;
    for step in plan {
        world.step(*step)?;
        match see(&world)?.at_any_moment() {
            Ok(checks) => world.counts.checks += checks,
            Err(found) => {
                broken = Some(found);
                break;
            }
        }
    }
    if broken.is_none() {
        world.come_to_rest()?;
        let seen = see(&world)?;
        match seen
            .at_any_moment()
            .and_then(|checks| Ok(checks + seen.in_the_end()?))
        {
            Ok(checks) => world.counts.checks += checks,
            Err(found) => broken = Some(found),
        }
    }
    Ok(History {
        log: std::mem::take(&mut world.log),
        counts: world.counts,
        broken,
    })
}

fn add(total: &mut Counts, one: Counts) {
    total.payments += one.payments;
    total.crashes += one.crashes;
    total.duplicates += one.duplicates;
    total.faults += one.faults;
    total.checks += one.checks;
    total.calls += one.calls;
}

fn report(
    out: &mut impl std::io::Write,
    arguments: &Arguments,
    seed: u64,
    history: &History,
) -> anyhow::Result<bool> {
    if arguments.verbose {
        for line in &history.log {
            writeln!(out, "  {line}")?;
        }
    }
    let Some(broken) = &history.broken else {
        return Ok(true);
    };
    writeln!(
        out,
        "seed {seed}: {} is broken: {}",
        broken.name, broken.what
    )?;
    if arguments.shrink {
        let plan = generate(seed, arguments.steps);
        let mut fails = |plan: &[Step]| {
            run(seed, plan).is_ok_and(|history| {
                history
                    .broken
                    .is_some_and(|found| found.name == broken.name)
            })
        };
        let short = shrink(plan, &mut fails);
        writeln!(
            out,
            "the shortest plan that still breaks it has {} steps:",
            short.len()
        )?;
        for step in &short {
            writeln!(out, "  {step}")?;
        }
        for line in run(seed, &short)?.log {
            writeln!(out, "    {line}")?;
        }
    }
    Ok(false)
}

fn simulate(arguments: &Arguments) -> anyhow::Result<bool> {
    let mut out = std::io::stdout().lock();
    let seeds = match arguments.seed {
        Some(seed) => seed..seed + 1,
        None => arguments.first..arguments.first + arguments.seeds,
    };
    let (mut total, mut clean) = (Counts::default(), true);
    for seed in seeds.clone() {
        let plan = generate(seed, arguments.steps);
        let history = run(seed, &plan)?;
        if arguments.twice {
            let again = run(seed, &plan)?;
            if let Some(at) =
                (0..history.log.len()).find(|at| again.log.get(*at) != history.log.get(*at))
            {
                writeln!(
                    out,
                    "seed {seed}: line {at} differs: {:?} / {:?}",
                    history.log[at],
                    again.log.get(at)
                )?;
                clean = false;
            }
        }
        add(&mut total, history.counts);
        clean &= report(&mut out, arguments, seed, &history)?;
        out.flush()?;
    }
    writeln!(
        out,
        "{} seeds: {} payments, {} calls, {} faults, {} duplicates, {} crashes, {} invariants checked: {}",
        seeds.end - seeds.start,
        total.payments,
        total.calls,
        total.faults,
        total.duplicates,
        total.crashes,
        total.checks,
        if clean { "clean" } else { "BROKEN" }
    )?;
    Ok(clean)
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
