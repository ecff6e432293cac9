//! `datepalm-model`: explores small worlds of the payment core and prints what it saw.

use clap::Parser;
use datepalm_model::explore::{Explored, Limits, explore, now};
use datepalm_model::guards::removals;
use datepalm_model::worlds::{full, reduced};
use std::io::Write;
use std::process::ExitCode;
use std::time::Duration;

/// More worlds than one setting has.
const LIMITS: Limits = Limits {
    states: 50_000_000,
    depth: usize::MAX,
    ends: None,
};

/// Explores small worlds of the payment core.
#[derive(Parser)]
enum Arguments {
    /// The worlds that every test run explores.
    Reduced {
        /// Only worlds whose name holds this text.
        #[arg(default_value = "")]
        name: String,
        /// Begin no further world after so many minutes, and cut the one that is being explored.
        #[arg(long)]
        minutes: Option<u64>,
    },
    /// All worlds, then the table of guards; takes long.
    Full {
        /// Only worlds whose name holds this text.
        #[arg(default_value = "")]
        name: String,
        /// Begin no further world after so many minutes, and cut the one that is being explored.
        #[arg(long)]
        minutes: Option<u64>,
    },
    /// The table of guards: removed one at a time, and the property that notices.
    Guards {
        /// Only guards whose name holds this text.
        #[arg(default_value = "")]
        name: String,
        /// Print each shortest trace.
        #[arg(long)]
        traces: bool,
    },
}

fn explored(out: &mut impl Write, name: &str, seen: &Explored) -> std::io::Result<()> {
    let word = match (&seen.found, seen.cut) {
        (Some(_), _) => "BROKEN",
        (None, true) => "cut",
        (None, false) => "clean",
    };
    writeln!(
        out,
        "| {name} | {} | {} | {} | {word} |",
        seen.states, seen.steps, seen.depth
    )?;
    if let Some(found) = &seen.found {
        writeln!(out, "{found}")?;
    }
    out.flush()
}

fn worlds(
    out: &mut impl Write,
    settings: &[datepalm_model::world::Setting],
    name: &str,
    minutes: Option<u64>,
) -> std::io::Result<bool> {
    let ends = minutes.map(|minutes| now() + Duration::from_secs(60 * minutes));
    writeln!(out, "| world | states | steps | longest shortest way | |")?;
    writeln!(out, "| --- | --- | --- | --- | --- |")?;
    let (mut ended, mut cut, mut broken, mut left, mut states) = (0, 0, 0, 0, 0);
    for setting in settings.iter().filter(|world| world.name.contains(name)) {
        if ends.is_some_and(|ends| ends <= now()) {
            left += 1;
            continue;
        }
        let seen = explore(setting, Limits { ends, ..LIMITS });
        explored(out, &setting.name, &seen)?;
        states += seen.states;
        match (&seen.found, seen.cut) {
            (Some(_), _) => broken += 1,
            (None, true) => cut += 1,
            (None, false) => ended += 1,
        }
    }
    writeln!(
        out,
        "{states} states: {ended} worlds clean to the last state, {cut} cut, {broken} broken, {left} not begun"
    )?;
    Ok(cut + broken + left == 0)
}

fn guards(out: &mut impl Write, name: &str, traces: bool) -> std::io::Result<bool> {
    writeln!(
        out,
        "| removed | what notices | steps | states without it | with it |"
    )?;
    writeln!(out, "| --- | --- | --- | --- | --- |")?;
    let mut all = true;
    for removal in removals().iter().filter(|it| it.name.contains(name)) {
        let noticed = removal.notice();
        let found = noticed.mutant.found.as_ref();
        let property = found.map(|found| format!("{:?}", found.property));
        let steps = found.map_or(0, |found| found.faults_end.unwrap_or(found.trace.len()));
        let as_named = found.is_some_and(|found| found.property == removal.property);
        let clean = noticed.clean.found.is_none();
        all &= as_named && clean;
        writeln!(
            out,
            "| {} | {} | {steps} | {} | {} |{}{}",
            removal.name,
            property.unwrap_or_else(|| "NOTHING".to_owned()),
            noticed.mutant.states,
            noticed.clean.states,
            if as_named { "" } else { " NOT THE NAMED ONE" },
            if clean { "" } else { " BROKEN WITH THE GUARD" }
        )?;
        let broken = noticed
            .clean
            .found
            .as_ref()
            .or(found.filter(|_| traces || !as_named));
        if let Some(found) = broken {
            writeln!(out, "{found}")?;
        }
        out.flush()?;
    }
    Ok(all)
}

fn main() -> ExitCode {
    let mut out = std::io::stdout().lock();
    let clean = match Arguments::parse() {
        Arguments::Reduced { name, minutes } => worlds(&mut out, &reduced(), &name, minutes),
        Arguments::Full { name, minutes } => {
            let clean = worlds(&mut out, &full(), &name, minutes);
            clean.and_then(|clean| Ok(guards(&mut out, "", false)? && clean))
        }
        Arguments::Guards { name, traces } => guards(&mut out, &name, traces),
    };
    match clean {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) | Err(_) => ExitCode::FAILURE,
    }
}
