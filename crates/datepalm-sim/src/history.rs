//! One history: a world, its plan, and an oracle that looks on.

use crate::oracle::{Broken, Oracle};
use crate::plan::Step;
use crate::points::Coverage;
use crate::world::{Counts, World};
use std::panic::{AssertUnwindSafe, catch_unwind};

/// A history: what happened, how much, and what broke.
pub struct History {
    /// One line for each thing that happened, if they were asked for.
    pub log: Vec<String>,
    /// How much happened.
    pub counts: Counts,
    /// Where tasks stood.
    pub coverage: Coverage,
    /// The first broken invariant.
    pub broken: Option<Broken>,
}

/// Every so many steps the oracle looks at everything, not at what changed alone.
const LOOK_AT_ALL: usize = 200;

/// Runs the plan of a seed. A panic is a broken invariant like others.
pub fn run(seed: u64, plan: &[Step], logging: bool) -> anyhow::Result<History> {
    let mut world = World::new(seed, logging)?;
    let mut oracle = Oracle::default();
    let told = catch_unwind(AssertUnwindSafe(|| tell(&mut world, &mut oracle, plan)));
    let broken = match told {
        Ok(told) => told?,
        Err(panic) => Some(Broken {
            name: "nothing_panics",
            what: words(panic.as_ref()),
        }),
    };
    Ok(History {
        log: world.log.take().unwrap_or_default(),
        counts: world.counts,
        coverage: std::mem::take(&mut world.coverage),
        broken,
    })
}

fn tell(world: &mut World, oracle: &mut Oracle, plan: &[Step]) -> anyhow::Result<Option<Broken>> {
    for (number, step) in plan.iter().enumerate() {
        world.step(*step)?;
        let looked = if number % LOOK_AT_ALL == LOOK_AT_ALL - 1 {
            oracle.look_at_all(world)
        } else {
            oracle.look(world)
        };
        match looked {
            Ok(checks) => world.counts.checks += checks,
            Err(broken) => return Ok(Some(broken)),
        }
    }
    if !world.come_to_rest()? {
        return Ok(Some(oracle.busy(world)));
    }
    match oracle.in_the_end(world) {
        Ok(checks) => {
            world.count_books();
            world.counts.checks += checks;
            Ok(None)
        }
        Err(broken) => Ok(Some(broken)),
    }
}

fn words(panic: &(dyn std::any::Any + Send)) -> String {
    let text = panic.downcast_ref::<&str>().map(ToString::to_string);
    text.or_else(|| panic.downcast_ref::<String>().cloned())
        .unwrap_or_else(|| "without words".to_owned())
}
