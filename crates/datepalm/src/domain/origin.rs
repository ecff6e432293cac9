//! Who caused a capture, refund or cancel (R20). A conclusion for people, drawn when it is shown; nothing decides by it.

use super::facts::{Entry, EntryKind};
use super::operation::{OperationKind, Origin};
use super::payment::{Payment, Policy, Session};

/// Who caused an entry.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum EntryOrigin {
    /// An operation that the merchant asked for.
    Request,
    /// An operation of a plan of ours.
    Plan,
    /// A person in Tamara's portal: nothing else cancels, refunds, or captures a part.
    Portal,
    /// Tamara itself, by a setting of the merchant or at 21 days.
    AutoCapture,
    /// A capture of the whole that nobody here asked for: the portal's, or automatic.
    Unknown,
}

impl EntryOrigin {
    /// The word in the API.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Request => "request",
            Self::Plan => "plan",
            Self::Portal => "portal",
            Self::AutoCapture => "auto_capture",
            Self::Unknown => "unknown",
        }
    }
}

/// Who caused an entry of that session's order.
pub fn origin_of(
    payment: &Payment,
    session: &Session,
    entry: &Entry,
    policy: &Policy,
) -> EntryOrigin {
    let ours = entry
        .operation
        .as_ref()
        .and_then(|id| payment.operation(id.as_str()));
    if let Some(operation) = ours {
        return match operation.origin {
            Origin::Request => EntryOrigin::Request,
            Origin::Plan => EntryOrigin::Plan,
        };
    }
    if entry.kind != EntryKind::Capture {
        return EntryOrigin::Portal;
    }
    // The answer to an authorise of ours said that Tamara captured with it.
    let announced = payment.operations.iter().any(|operation| {
        operation.kind == OperationKind::Authorise
            && operation.tamara_id.as_deref() == Some(&entry.id)
    });
    let facts = &session.facts;
    let before = facts.captured().saturating_sub(entry.amount_minor);
    let left = payment
        .total
        .minor()
        .saturating_sub(facts.canceled(payment.total.minor()))
        .saturating_sub(before);
    let whole = entry.amount_minor == left;
    let due = facts
        .authorised_at_ms
        .is_some_and(|at_ms| entry.seen_at_ms >= at_ms + policy.auto_capture_after_ms);
    match (announced, whole, due) {
        (true, _, _) | (false, true, true) => EntryOrigin::AutoCapture,
        (false, true, false) => EntryOrigin::Unknown,
        (false, false, _) => EntryOrigin::Portal,
    }
}
