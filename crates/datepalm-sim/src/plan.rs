//! A plan: the steps of one history as data. It prints, replays and shrinks; what a step means depends on the world it
//! meets (`world`), so that any part of a plan is a plan too.

use crate::rng::Rng;
use crate::world::restore;
use std::fmt;

/// What happens next. The numbers choose among what there is: which payment, which task, which fault.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// A merchant asks for a new payment.
    Create,
    /// A payment that merchants are busy with goes on by what comes next: its page, its customer, its news, a wish.
    Proceed,
    /// A merchant asks something of a payment, or repeats what was never answered.
    Ask,
    /// A customer approves, declines or leaves.
    Customer,
    /// A notification of Tamara arrives, twice, or never; or a forged one does.
    Notify,
    /// A worker of some node begins a round.
    Work,
    /// A parked task goes on, and what it waits for goes well or wrong.
    Resume,
    /// Time passes.
    Clock,
    /// A node dies and starts again.
    Crash,
    /// A person acts in Tamara's portal.
    Portal,
    /// A person at our own side looks, decides, or compares the books.
    Person,
    /// A request that its sender gave up on reaches Tamara after all.
    Late,
    /// A backup is made. This and the next are put into the plans of some seeds and have no weight.
    Backup,
    /// The backup is put back.
    Restore,
}

/// A step: its kind, and two numbers that choose.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Step {
    /// What happens.
    pub kind: Kind,
    /// Chooses the object.
    pub a: u64,
    /// Chooses the manner.
    pub b: u64,
}

impl fmt::Display for Step {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}({}, {})", self.kind, self.a, self.b)
    }
}

/// How often each kind happens, of `WEIGHT_SUM`.
const WEIGHTS: [(Kind, u64); 12] = [
    (Kind::Create, 4),
    (Kind::Proceed, 36),
    (Kind::Ask, 10),
    (Kind::Customer, 4),
    (Kind::Notify, 9),
    (Kind::Work, 12),
    (Kind::Resume, 13),
    (Kind::Clock, 6),
    (Kind::Crash, 1),
    (Kind::Portal, 2),
    (Kind::Person, 2),
    (Kind::Late, 1),
];

const WEIGHT_SUM: u64 = 100;

/// The plan of a seed.
pub fn generate(seed: u64, steps: usize) -> Vec<Step> {
    let mut rng = Rng::new(seed);
    let mut one = || {
        let mut at = rng.below(WEIGHT_SUM);
        let kind = WEIGHTS.iter().find(|(_, weight)| {
            let hit = at < *weight;
            at = at.saturating_sub(*weight);
            hit
        });
        let kind = kind.map_or(Kind::Work, |(kind, _)| *kind);
        Step {
            kind,
            a: rng.below(1 << 16),
            b: rng.below(1 << 16),
        }
    };
    let mut plan: Vec<Step> = (0..steps).map(|_| one()).collect();
    restore::put_into(&mut plan, seed);
    plan
}

/// Removes what the failure does not need: halves, quarters ... single steps, as long as `fails` still says so.
pub fn shrink(plan: Vec<Step>, fails: &mut dyn FnMut(&[Step]) -> bool) -> Vec<Step> {
    let mut plan = plan;
    let mut size = plan.len() / 2;
    while size > 0 {
        let mut start = 0;
        while start < plan.len() {
            let mut shorter = plan.clone();
            shorter.drain(start..(start + size).min(plan.len()));
            if fails(&shorter) {
                plan = shorter;
            } else {
                start += size;
            }
        }
        size /= 2;
    }
    plan
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn weights_add_up_and_a_seed_repeats() {
        assert_eq!(
            WEIGHTS.iter().map(|(_, weight)| weight).sum::<u64>(),
            WEIGHT_SUM
        );
        assert_eq!(generate(3, 50), generate(3, 50));
        assert_ne!(generate(3, 50), generate(4, 50));
    }

    #[test]
    fn shrinking_keeps_what_fails() {
        let plan = generate(1, 64);
        let wanted = plan[17];
        let short = shrink(plan, &mut |plan| plan.contains(&wanted));
        assert_eq!(short, [wanted]);
    }
}
