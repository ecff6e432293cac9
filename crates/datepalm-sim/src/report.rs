//! What is printed of histories: what broke, the shortest plan that still breaks it, and totals.

use crate::history::{History, run};
use crate::oracle::Broken;
use crate::plan::{generate, shrink};
use crate::points::Coverage;
use crate::runner::Told;
use crate::world::Counts;
use std::io::Write;

/// The sum of all histories so far.
pub struct Report {
    verbose: bool,
    shrink: bool,
    steps: usize,
    seeds: u64,
    counts: Counts,
    /// Where tasks stood.
    pub coverage: Coverage,
    /// Nothing broke.
    pub clean: bool,
}

impl Report {
    /// Of nothing.
    pub fn new(verbose: bool, shrink: bool, steps: usize) -> Self {
        Self {
            verbose,
            shrink,
            steps,
            seeds: 0,
            counts: Counts::default(),
            coverage: Coverage::default(),
            clean: true,
        }
    }

    /// Takes in one seed's outcome, and prints what is worth it.
    pub fn take(&mut self, out: &mut impl Write, told: &Told) -> anyhow::Result<()> {
        self.seeds += 1;
        self.counts.add(&told.history.counts);
        self.coverage.add(&told.history.coverage);
        if let Some(difference) = told
            .again
            .as_ref()
            .and_then(|again| differ(&told.history, again))
        {
            self.clean = false;
            writeln!(out, "seed {}: {difference}", told.seed)?;
        }
        if self.verbose {
            for line in &told.history.log {
                writeln!(out, "  {line}")?;
            }
        }
        if let Some(broken) = &told.history.broken {
            self.clean = false;
            let seed = told.seed;
            writeln!(
                out,
                "seed {seed}: {} is broken: {}",
                broken.name, broken.what
            )?;
            if self.shrink {
                print_shortest(out, seed, self.steps, broken)?;
            }
        }
        out.flush()?;
        Ok(())
    }

    /// Prints the totals of all.
    pub fn print_totals(&self, out: &mut impl Write, took_ms: i64) -> std::io::Result<()> {
        let counts = &self.counts;
        let (never, places) = self.coverage.never_died();
        writeln!(
            out,
            "{} seeds in {} s: {} payments ({} paid), {} calls, {} effects, {} faults, {} duplicates, {} forgeries, {} restores, {} crashes \
             ({} crash points, {} of them never died at), {} invariants checked: {}",
            self.seeds,
            took_ms / 1_000,
            counts.payments,
            counts.paid,
            counts.calls,
            counts.effects,
            counts.faults,
            counts.duplicates,
            counts.forgeries,
            counts.restores,
            counts.crashes,
            places,
            never,
            counts.checks,
            if self.clean { "clean" } else { "BROKEN" }
        )
    }
}

/// Where two histories of one seed differ, if they do.
fn differ(one: &History, again: &History) -> Option<String> {
    let longer = one.log.len().max(again.log.len());
    let at = (0..longer).find(|at| one.log.get(*at) != again.log.get(*at))?;
    Some(format!(
        "line {at} differs: {:?} / {:?}",
        one.log.get(at),
        again.log.get(at)
    ))
}

fn print_shortest(
    out: &mut impl Write,
    seed: u64,
    steps: usize,
    broken: &Broken,
) -> anyhow::Result<()> {
    let fails = |found: &Option<Broken>| found.as_ref().is_some_and(|b| b.name == broken.name);
    let short = shrink(generate(seed, steps), &mut |plan| {
        run(seed, plan, false).is_ok_and(|history| fails(&history.broken))
    });
    writeln!(
        out,
        "the shortest plan that still breaks it has {} steps:",
        short.len()
    )?;
    for step in &short {
        writeln!(out, "  {step}")?;
    }
    let history = run(seed, &short, true)?;
    for line in &history.log {
        writeln!(out, "    {line}")?;
    }
    if let Some(broken) = &history.broken {
        writeln!(out, "    {} is broken: {}", broken.name, broken.what)?;
    }
    Ok(())
}
