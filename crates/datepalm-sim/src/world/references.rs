//! Merchants who change the reference under which Tamara knows an order: to a fresh one, or to one that is or was some
//! order's, or will be somebody's first.

use super::World;
use crate::rng::Rng;
use serde_json::{Value, json};

impl World {
    /// What a merchant asks for who wants another reference.
    pub(super) fn other_reference(&self, buyer: usize, chance: &mut Rng) -> Value {
        let who = &self.buyers[buyer];
        let own = &who.reference;
        let reference = match chance.below(10) {
            // The next session's, if there were one: that session must take another.
            0 => format!("{own}-{}", 2 + chance.below(2)),
            // Another buyer's, who may not have come yet.
            1 => format!("S-{}", 1 + chance.index(self.buyers.len() + 2)),
            2 => own.clone(),
            3 => format!("{own}/r0"),
            _ => format!("{own}/r{}", who.asks.len()),
        };
        json!({ "order_reference_id": reference })
    }
}
