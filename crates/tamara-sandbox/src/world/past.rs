//! What orders were: their moves from status to status, and, while a fault asks for it, their
//! whole earlier versions.
//!
//! For people and for stale reads; no rule looks here. In memory only. Invariant: both lists are
//! in order of time.

use std::collections::BTreeMap;

use super::{Before, Order, Status, World};
use crate::rules;

#[derive(Default)]
pub(super) struct Past {
    moves: BTreeMap<String, Vec<(i64, Status)>>,
    /// Each version with the moment at which the next one took its place; none if nobody asks.
    versions: Option<BTreeMap<String, Vec<(i64, Order)>>>,
}

impl World {
    /// From now on whole earlier versions are kept.
    pub(crate) fn remember_past(&mut self) {
        self.past.versions.get_or_insert_default();
    }

    pub(crate) fn forget_past(&mut self) {
        self.past = Past::default();
    }

    /// The changes that are about to be kept become the past of what they changed.
    pub(crate) fn note_past(&mut self, now_ms: i64) {
        for before in &self.before {
            let Before::Order(id, before) = before else {
                continue;
            };
            let Some(order) = self.orders.get(id) else {
                continue;
            };
            // A timer that fired late fired at its own moment.
            let timer_ms = before.as_deref().and_then(rules::timer_ms);
            let at_ms = timer_ms.map_or(now_ms, |timer_ms| timer_ms.min(now_ms));
            let moves = self.past.moves.entry(id.clone()).or_default();
            if moves.last().map(|(_, status)| *status) != Some(order.status) {
                moves.push((at_ms, order.status));
            }
            if let (Some(versions), Some(before)) = (&mut self.past.versions, before) {
                let versions = versions.entry(id.clone()).or_default();
                versions.push((now_ms, (**before).clone()));
            }
        }
    }

    /// When an order came to each of its statuses, as far as this process saw it.
    pub(crate) fn moves(&self, order_id: &str) -> &[(i64, Status)] {
        self.past.moves.get(order_id).map_or(&[], Vec::as_slice)
    }

    /// The order as it was at a moment; as it is if nothing is known of that moment.
    pub(crate) fn as_of<'w>(&'w self, order: &'w Order, at_ms: i64) -> &'w Order {
        let versions = self.past.versions.as_ref();
        let versions = versions.and_then(|versions| versions.get(&order.id));
        let mut versions = versions.into_iter().flatten();
        let version = versions.find(|(until_ms, _)| *until_ms > at_ms);
        version.map_or(order, |(_, version)| version)
    }
}
