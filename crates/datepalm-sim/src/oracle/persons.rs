//! What persons at our own side said of operations (R17), against what happened. A person looks at Tamara's portal, so
//! mostly knows; who was wrong at the moment that it was written down excuses that one operation's ending, and no more.

use super::items::is_made_here;
use super::{Broken, Seen, hold, was_authorised};
use crate::world::World;
use datepalm::domain::operation::{Operation, OperationKind, OperationState};
use datepalm::domain::payment::{AttentionReason, Payment};
use tamara_sandbox::Book;

/// Whether Tamara's books hold the effect of an operation.
pub fn happened(world: &World, payment: &Payment, operation: &Operation) -> bool {
    let session = payment.session(&operation.session);
    let order = session.and_then(|session| session.order.as_ref());
    let Some(book) = order.and_then(|order| world.sandbox.book(&order.order_id)) else {
        return false;
    };
    let reference = operation.reference.as_deref().unwrap_or_default();
    let wire = &world.places.wire;
    match operation.kind {
        OperationKind::CreateSession => false,
        OperationKind::Authorise => was_authorised(&book),
        OperationKind::UpdateReference => {
            wire.ledger(|ledger| ledger.had(&book.order_id, reference))
        }
        OperationKind::Capture => {
            let mut captures = book.captures.iter().filter(|entry| is_made_here(entry));
            captures.any(|entry| crate::world::restore::is_of(entry, operation))
        }
        OperationKind::Refund => {
            let id = operation.id.as_str();
            let mut refunds = book.refunds.iter();
            refunds.any(|entry| entry.merchant_refund_id.as_deref() == Some(id))
        }
        OperationKind::Cancel => was_canceled(world, payment, operation, &book),
    }
}

/// Nothing in a cancel says whose it is: those that were made here are counted against the others of that amount.
fn was_canceled(world: &World, payment: &Payment, operation: &Operation, book: &Book) -> bool {
    let portal = &world.causes.portal_entries;
    let made = book
        .cancels
        .iter()
        .filter(|entry| entry.minor == operation.amount_minor && !portal.contains(&entry.id));
    let others = payment.operations.iter().filter(|other| {
        let mistaken = world.causes.is_mistaken(other);
        other.id != operation.id
            && other.session == operation.session
            && other.kind == OperationKind::Cancel
            && other.amount_minor == operation.amount_minor
            && (other.state == OperationState::Succeeded) != mistaken
            && (other.state == OperationState::Succeeded || mistaken)
    });
    made.count() > others.count()
}

/// Compares what persons said since the last look with the books of this moment.
pub fn judge(world: &mut World, payment: &Payment) {
    for operation in &payment.operations {
        let id = operation.id.as_str();
        if operation.ended_by_person() && !world.causes.said_by_persons.contains_key(id) {
            let applied = operation.state == OperationState::Succeeded;
            let mistaken = applied != happened(world, payment, operation);
            world.causes.said_by_persons.insert(id.to_owned(), mistaken);
        }
    }
}

impl Seen<'_> {
    /// Whether a person said otherwise than was so.
    pub(super) fn is_mistaken(&self, operation: &Operation) -> bool {
        self.world.causes.is_mistaken(operation)
    }

    /// Whether a person was mistaken about some operation of this payment.
    pub(super) fn somebody_was_mistaken(&self) -> bool {
        let mut all = self.payment.operations.iter();
        all.any(|operation| self.is_mistaken(operation))
    }

    /// Whether a person said of some operation that it did not happen.
    pub(super) fn somebody_denied(&self) -> bool {
        let mut all = self.payment.operations.iter();
        all.any(|o| o.ended_by_person() && o.state == OperationState::Rejected)
    }

    /// What shows itself after it was called not applied is told (R17).
    pub(super) fn mistakes_are_told(&self) -> Result<u64, Broken> {
        let payment = self.payment;
        let mut checks = 0;
        for operation in payment.operations.iter().filter(|o| self.is_mistaken(o)) {
            let shows = matches!(
                operation.kind,
                OperationKind::Capture | OperationKind::Refund
            );
            // After a restore the copy may not know that anybody ended it.
            if operation.state != OperationState::Rejected || !operation.ended_by_person() || !shows
            {
                continue;
            }
            let told = payment.points.iter().any(|point| {
                point.reason == AttentionReason::CannotAttribute
                    && point.operation.as_ref() == Some(&operation.id)
            });
            hold(told, "a_mistake_is_told", || format!("{operation:?}"))?;
            checks += 1;
        }
        Ok(checks)
    }
}
