//! What happened to an order, in order: for the page and for whoever asks.
//!
//! Put together from the order's own dates and from the moves that this process saw. Invariant:
//! entries are sorted by time; an amount stands with what moved it.

use serde_json::{Value, json};

use crate::dates::rfc3339;
use crate::world::{Order, Status, World};

pub(super) struct Entry {
    pub(super) at_ms: i64,
    pub(super) what: String,
}

impl Entry {
    pub(super) fn report(&self) -> Value {
        json!({ "at": rfc3339(self.at_ms), "at_ms": self.at_ms, "what": self.what })
    }
}

pub(super) fn of(world: &World, order: &Order) -> Vec<Entry> {
    let money = |minor| format!("{} {}", order.currency.format(minor), order.currency);
    let mut entries = vec![entry(order.created_at_ms, "new".to_owned())];
    let known = [
        (order.approved_at_ms, Status::Approved),
        (order.authorised_at_ms, Status::Authorised),
    ];
    for (at_ms, status) in known {
        entries.extend(at_ms.map(|at_ms| entry(at_ms, status.as_str().to_owned())));
    }
    for (at_ms, status) in world.moves(&order.id) {
        if matches!(status, Status::Declined | Status::Expired) {
            entries.push(entry(*at_ms, status.as_str().to_owned()));
        }
    }
    let captures = order.captures.iter();
    entries.extend(captures.map(|c| {
        entry(
            c.created_at_ms,
            format!("captured {}", money(c.amounts.total_minor)),
        )
    }));
    let cancels = order.cancels.iter();
    entries.extend(cancels.map(|c| {
        entry(
            c.created_at_ms,
            format!("cancelled {}", money(c.amounts.total_minor)),
        )
    }));
    let refunds = order.refunds.iter();
    entries.extend(refunds.map(|r| {
        entry(
            r.created_at_ms,
            format!("refunded {}", money(r.amounts.total_minor)),
        )
    }));
    // Stable: what happened in one moment stays in the order of a life.
    entries.sort_by_key(|entry| entry.at_ms);
    entries
}

fn entry(at_ms: i64, what: String) -> Entry {
    Entry { at_ms, what }
}
