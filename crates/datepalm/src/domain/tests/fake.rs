//! Tamara's side of one order, as the fact book tells it (order-lifecycle 4.2, 4.4), for the walk: what is true, and
//! what a read may show of it.

use super::desk::TOTAL;
use super::said::{Body, body, entry};
use crate::domain::facts::{Entry, EntryKind, OrderRank, RefundRank};
use crate::domain::operation::{Operation, OperationKind};
use crate::ids::OperationId;

/// A read may show what was true this long ago, and an effect may come this late: both well within `settle_window`.
pub const LATE_MS: i64 = 60_000;

#[derive(Clone, Debug)]
pub struct Order {
    pub rank: OrderRank,
    /// Each with the operation of ours that it is the effect of.
    pub entries: Vec<(Entry, Option<OperationId>)>,
    pub authorised_by: Vec<OperationId>,
    before: Option<Box<Order>>,
    changed_at_ms: i64,
}

impl Order {
    pub fn new(now_ms: i64) -> Self {
        Self {
            rank: OrderRank::New,
            entries: Vec::new(),
            authorised_by: Vec::new(),
            before: None,
            changed_at_ms: now_ms,
        }
    }

    pub fn sum(&self, kind: EntryKind) -> i64 {
        let counted = self.entries.iter().filter(|(entry, _)| entry.kind == kind);
        counted.map(|(entry, _)| entry.amount_minor).sum()
    }

    pub fn left(&self) -> i64 {
        if self.rank == OrderRank::Authorised {
            TOTAL - self.sum(EntryKind::Capture) - self.sum(EntryKind::Cancel)
        } else {
            0
        }
    }

    pub fn refundable(&self) -> i64 {
        self.sum(EntryKind::Capture) - self.sum(EntryKind::Refund)
    }

    /// How often the operation had its effect.
    pub fn effects(&self, id: &OperationId) -> usize {
        let entries = self
            .entries
            .iter()
            .filter(|(_, by)| by.as_ref() == Some(id));
        entries.count() + self.authorised_by.iter().filter(|by| *by == id).count()
    }

    fn change(&mut self, at_ms: i64) {
        let mut before = self.clone();
        before.before = None;
        self.before = Some(Box::new(before));
        self.changed_at_ms = at_ms;
    }

    pub fn move_to(&mut self, rank: OrderRank, at_ms: i64) {
        self.change(at_ms);
        self.rank = rank;
    }

    /// An entry, if the order allows it; `false` is a 409.
    pub fn add(&mut self, new: Entry, by: Option<&OperationId>, at_ms: i64) -> bool {
        let allowed = match new.kind {
            EntryKind::Capture | EntryKind::Cancel => self.left(),
            EntryKind::Refund => self.refundable(),
        };
        if new.amount_minor <= 0 || new.amount_minor > allowed {
            return false;
        }
        self.change(at_ms);
        self.entries.push((new, by.cloned()));
        if self.sum(EntryKind::Cancel) == TOTAL {
            self.rank = OrderRank::Canceled;
        }
        true
    }

    /// Our own call arrives. Answers the entry's id, or `None` for a 409.
    pub fn take(
        &mut self,
        operation: &Operation,
        refund: RefundRank,
        at_ms: i64,
    ) -> Option<String> {
        let id = format!("t{}_{}", self.entries.len(), operation.id);
        let (kind, new) = match operation.kind {
            OperationKind::Authorise if self.rank == OrderRank::Approved => {
                self.move_to(OrderRank::Authorised, at_ms);
                self.authorised_by.push(operation.id.clone());
                return Some(id);
            }
            OperationKind::Authorise
            | OperationKind::CreateSession
            | OperationKind::UpdateReference => return None,
            OperationKind::Capture => (EntryKind::Capture, RefundRank::Other),
            OperationKind::Cancel => (EntryKind::Cancel, RefundRank::Other),
            OperationKind::Refund => (EntryKind::Refund, refund),
        };
        let own = Entry {
            refund: new,
            shipped_at_s: operation.shipped_at_s,
            merchant_refund_id: (kind == EntryKind::Refund).then(|| operation.id.to_string()),
            ..entry(kind, &id, operation.amount_minor)
        };
        self.add(own, Some(&operation.id), at_ms).then_some(id)
    }

    /// Every refund that waits becomes a success.
    pub fn pay_refunds(&mut self, at_ms: i64) {
        self.change(at_ms);
        for (entry, _) in &mut self.entries {
            if entry.kind == EntryKind::Refund {
                entry.refund = RefundRank::Success;
            }
        }
    }

    /// What a read shows; a stale one, what was true before the last change, if that was just now.
    pub fn body(&self, stale: bool, now_ms: i64) -> Body {
        let fresh = now_ms - self.changed_at_ms >= LATE_MS;
        let shown = match &self.before {
            Some(before) if stale && !fresh => before,
            Some(_) | None => self,
        };
        let entries = shown.entries.iter().map(|(entry, _)| entry.clone());
        entries.fold(body(shown.rank), Body::with)
    }
}
