//! The clocks of the service's nodes. In some worlds each of them is wrong by its own few seconds, which `/readyz` lets
//! pass and R19's window includes; Tamara's is the true one. How long something takes is right on every machine.

use super::setting::Setting;
use crate::rng::Rng;
use datepalm::clock::Clock;

/// How far a node's clock may be from the database's (R19), milliseconds; two nodes may be twice as far apart.
const AHEAD_MAX_MS: u64 = 5_000;

/// A node's clock: the sandbox's, so that both move together, and a constant error.
pub(super) struct NodeClock {
    pub(super) true_clock: tamara_sandbox::Clock,
    /// Negative if it is behind.
    pub(super) ahead_ms: i64,
}

impl Clock for NodeClock {
    fn now_ms(&self) -> i64 {
        self.true_clock.now_ms() + self.ahead_ms
    }
    fn monotonic_ms(&self) -> i64 {
        self.true_clock.monotonic_ms()
    }
}

/// How far the clock of a node is ahead that was started as that one.
pub(super) fn ahead_ms(setting: &Setting, seed: u64, generation: u64) -> i64 {
    if !setting.clocks_differ {
        return 0;
    }
    let mut chance = Rng::new(seed.wrapping_mul(0x00c1_0c45).wrapping_add(generation));
    let most_ms = i64::try_from(AHEAD_MAX_MS).expect("a few seconds");
    match chance.below(4) {
        0 => most_ms,
        1 => -most_ms,
        _ => i64::try_from(chance.below(2 * AHEAD_MAX_MS + 1)).expect("a few seconds") - most_ms,
    }
}
