//! Breadth first over all worlds of a setting: the first violation that is met is a shortest one.

use crate::moves::{apply, steps};
use crate::normal::{normalise, without_looks};
use crate::number::number;
use crate::property::{Broken, Property, check};
use crate::rest::Rests;
use crate::step::Step;
use crate::world::{Setting, World};
use std::collections::HashSet;
use std::time::Instant;

/// A violation.
#[derive(Clone, Debug)]
pub struct Found {
    /// What does not hold.
    pub property: Property,
    /// Why not.
    pub what: String,
    /// The shortest way there, sentence by sentence.
    pub trace: Vec<String>,
    /// Where the run to rest begins in it, if it was one.
    pub faults_end: Option<usize>,
    /// The books in the end.
    pub books: Vec<String>,
}

/// What an exploration saw.
#[derive(Clone, Debug, Default)]
pub struct Explored {
    /// Worlds, in normal form.
    pub states: usize,
    /// Steps between them.
    pub steps: usize,
    /// Worlds met on runs to rest.
    pub rests: usize,
    /// The longest shortest way.
    pub depth: usize,
    /// It stopped before the last world.
    pub cut: bool,
    /// What broke first.
    pub found: Option<Found>,
}

impl std::fmt::Display for Found {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        writeln!(f, "{:?} does not hold: {}", self.property, self.what)?;
        for (index, sentence) in self.trace.iter().enumerate() {
            if self.faults_end == Some(index) {
                writeln!(f, "   from here on without new faults:")?;
            }
            writeln!(f, "{:>4}. {sentence}", index + 1)?;
        }
        for line in &self.books {
            writeln!(f, "      {line}")?;
        }
        Ok(())
    }
}

/// The worlds of one exploration: what was met, and how.
struct Search<'a> {
    setting: &'a Setting,
    met: HashSet<u64>,
    /// For each world: the one before, and the place of the step among its steps.
    from: Vec<(u32, u16)>,
    rests: Rests,
}

fn place(world: &World) -> u64 {
    number(&without_looks(world))
}

/// How far an exploration goes.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// So many worlds.
    pub states: usize,
    /// So many steps from the beginning.
    pub depth: usize,
    /// Until this moment, if there is one.
    pub ends: Option<Instant>,
}

/// The present, for limits: nothing in a world depends on it.
#[expect(
    clippy::disallowed_methods,
    reason = "how long an exploration may take is real time, and no part of a world"
)]
pub fn now() -> Instant {
    Instant::now()
}

/// Explores a setting until the last world, the first violation, or a limit.
pub fn explore(setting: &Setting, limits: Limits) -> Explored {
    let mut search = Search {
        setting,
        met: HashSet::new(),
        from: vec![(0, 0)],
        rests: Rests::default(),
    };
    let mut seen = Explored::default();
    let mut first = World::new(setting);
    normalise(&mut first, setting);
    search.met.insert(place(&first));
    let mut frontier = vec![(first, 0_u32)];
    while !frontier.is_empty() && seen.depth <= limits.depth {
        let mut next = Vec::new();
        for (world, index) in frontier {
            if limits.ends.is_some_and(|ends| ends <= now()) {
                seen.cut = true;
                return search.done(seen);
            }
            if let Err(failed) = search.rests.run(&world, setting) {
                let mut found = search.found(failed.broken, index, None);
                found.faults_end = Some(found.trace.len());
                found.trace.extend(failed.run);
                found.books = failed.books;
                seen.found = Some(found);
                return search.done(seen);
            }
            for (at, step) in steps(&world, setting).into_iter().enumerate() {
                let after = apply(&world, step, setting);
                seen.steps += 1;
                if let Err(broken) = check(&world, step, &after) {
                    seen.found = Some(search.found(broken, index, Some(at)));
                    return search.done(seen);
                }
                if search.met.len() < limits.states {
                    if search.met.insert(place(&after)) {
                        let at = u16::try_from(at).expect("there are few steps");
                        search.from.push((index, at));
                        let index = search.from.len() - 1;
                        let index = u32::try_from(index).expect("there is room for fewer");
                        next.push((after, index));
                    }
                } else {
                    seen.cut = true;
                }
            }
        }
        frontier = next;
        seen.depth += usize::from(!frontier.is_empty());
    }
    seen.cut |= !frontier.is_empty();
    search.done(seen)
}

impl Search<'_> {
    fn done(&self, mut seen: Explored) -> Explored {
        seen.states = self.met.len();
        seen.rests = self.rests.len();
        seen
    }

    /// The way to a violation, told from the beginning.
    fn found(&self, broken: Broken, index: u32, last: Option<usize>) -> Found {
        let mut places: Vec<usize> = last.into_iter().collect();
        let mut index = index;
        while index != 0 {
            let (before, at) = self.from[index as usize];
            places.push(usize::from(at));
            index = before;
        }
        places.reverse();
        let mut world = World::new(self.setting);
        normalise(&mut world, self.setting);
        let mut trace = Vec::new();
        for at in places {
            let step: Step = steps(&world, self.setting)[at];
            trace.push(world.tell(step));
            world = apply(&world, step, self.setting);
        }
        Found {
            property: broken.0,
            what: broken.1,
            trace,
            faults_end: None,
            books: world.books(),
        }
    }
}
