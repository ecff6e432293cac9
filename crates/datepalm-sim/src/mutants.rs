//! Guards taken away one after the other: each must be missed by somebody. A guard whose absence nobody notices is either
//! a second layer, and is named so here with its reason, or the simulator is too weak.

use crate::runner::{Manner, run_seeds};
use datepalm::domain::guard::{self, Guard};
use std::io::Write;

/// Guards behind which another one stands under the assumptions that the simulator keeps, and why.
const SECOND_LAYERS: [(Guard, &str); 3] = [
    (
        Guard::AbsenceIsReadTwice,
        "no read is older than the settle window assumes, so the first late read already tells the truth",
    ),
    (
        Guard::LeaseToken,
        "an answer names its attempt, and no two senders have the same one",
    ),
    (
        Guard::VersionIsChecked,
        "a payment is loaded and saved within one transaction, and writers follow one another",
    ),
];

/// Guards whose absence takes more than Tamara of the simulator does: the small model notices it, and why only that.
const ONLY_IN_THE_MODEL: [(Guard, &str); 2] = [
    (
        Guard::LosersWait,
        "the winner's authorise is decided on with its approval, and the simulated Tamara never refuses it for good",
    ),
    (
        Guard::NoCaptureBesideCancel,
        "R17 refuses a capture while the cancel is in flight, and a cancel that is done leaves nothing to capture",
    ),
];

/// What took a guard's absence for.
struct Caught {
    seeds: u64,
    by: Option<&'static str>,
}

/// Takes each guard away in turn and prints the table. Answers whether every guard but the second layers was missed.
pub fn run_all(out: &mut impl Write, manner: Manner, seeds: u64) -> anyhow::Result<bool> {
    // A mutant may well panic; what it says then stands in the table.
    std::panic::set_hook(Box::new(|_| {}));
    writeln!(out, "| without | seeds needed | caught by |")?;
    writeln!(out, "| --- | --- | --- |")?;
    let mut all = true;
    for guard in Guard::ALL {
        guard::remove(*guard);
        let caught = hunt(manner, seeds)?;
        guard::restore();
        let of = |list: &[(Guard, &'static str)]| {
            let found = list.iter().find(|(layer, _)| layer == guard);
            found.map(|(_, why)| *why)
        };
        let by = match (caught.by, of(&SECOND_LAYERS), of(&ONLY_IN_THE_MODEL)) {
            (Some(by), _, _) => format!("`{by}`"),
            (None, Some(why), _) => format!("second layer: {why}"),
            (None, None, Some(why)) => format!("the model: {why}"),
            (None, None, None) => {
                all = false;
                "**nobody**".to_owned()
            }
        };
        writeln!(out, "| `{}` | {} | {by} |", guard.name(), caught.seeds)?;
        out.flush()?;
    }
    Ok(all)
}

fn hunt(manner: Manner, seeds: u64) -> anyhow::Result<Caught> {
    let mut caught = Caught { seeds: 0, by: None };
    run_seeds(1..=seeds, manner, |told| {
        caught.seeds += 1;
        caught.by = told.history.broken.map(|broken| broken.name);
        Ok(caught.by.is_none())
    })?;
    Ok(caught)
}
