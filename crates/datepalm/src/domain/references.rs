//! The references that Tamara knows a payment's orders by, and how they change (R4, R6).
//!
//! Invariant: no order is asked to take a reference that it ever had, so a read that shows a reference proves that the
//! change to it was made, however old the read is.

use super::attention::Concern;
use super::context::Context;
use super::guard::{Guard, stands};
use super::intend::Wanted;
use super::operation::{NOT_APPLIED_BY_PERSON, Operation, OperationKind, OperationState};
use super::payment::{AttentionReason, Payment, Session};
use crate::ids::{OperationId, SessionId};

/// Why a reference cannot be changed now.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ReferenceRefused {
    /// There is no order yet.
    NoOrder,
    /// Automation stands still: the order needs a person (R2, R4, R5).
    NeedsAttention,
    /// Another change is in flight; retryable.
    ChangeInProgress(OperationId),
    /// The order has that reference, or had it (R6).
    HadBefore,
    /// A call of an earlier change may still take effect, as late as R19 assumes, and would undo this one; retryable.
    EarlierMayArrive {
        /// That change.
        operation: OperationId,
        /// Until when, milliseconds since the epoch.
        until_ms: i64,
    },
}

/// Decides on a change of the reference: allowed at any time once there is an order, beside any money operation.
pub fn decide_reference(
    payment: &Payment,
    reference: &str,
    context: &Context<'_>,
) -> Result<Wanted, ReferenceRefused> {
    let current = payment.winner().or_else(|| payment.newest_session());
    let Some(session) = current.filter(|session| session.order.is_some()) else {
        return Err(ReferenceRefused::NoOrder);
    };
    // A change that was lost with the data makes every read of the order a mismatch: asked for again, it is known, and the
    // reads count. Until then nothing is sent (R30).
    if payment.blocked() && session.restored.is_none() {
        return Err(ReferenceRefused::NeedsAttention);
    }
    let changes = payment
        .operations
        .iter()
        .filter(|operation| operation.kind == OperationKind::UpdateReference);
    for change in changes {
        if change.in_flight() {
            return Err(ReferenceRefused::ChangeInProgress(change.id.clone()));
        }
        let last_sent_ms = change.last_sent_at_ms.unwrap_or(0);
        let until_ms = last_sent_ms.saturating_add(context.policy.settle_window_ms);
        if change.doubt_from_attempt.is_some() && until_ms > context.now_ms {
            let operation = change.id.clone();
            return Err(ReferenceRefused::EarlierMayArrive {
                operation,
                until_ms,
            });
        }
    }
    let had = session.order_reference_id == reference
        || payment
            .references_taken(session)
            .any(|(_, taken)| taken == reference);
    if had {
        return Err(ReferenceRefused::HadBefore);
    }
    Ok(Wanted {
        session: session.id.clone(),
        kind: OperationKind::UpdateReference,
        amount_minor: 0,
        everything_left: false,
    })
}

/// A believed read showed the order of `session` under that reference: a change to it that is in doubt was made. One
/// that a person had called not applied is for a person again (R17).
pub fn seen(payment: &mut Payment, session: &SessionId, reference: &str, context: &Context<'_>) {
    let asked = payment.operations.iter_mut().filter(|operation| {
        operation.session == *session
            && operation.state == OperationState::Unknown
            && operation.reference.as_deref() == Some(reference)
    });
    for operation in asked {
        operation.end(OperationState::Succeeded, None, context.now_ms);
    }
    let denied = payment.operations.iter().filter(|operation| {
        operation.session == *session
            && operation.reason.as_deref() == Some(NOT_APPLIED_BY_PERSON)
            && operation.reference.as_deref() == Some(reference)
    });
    let reason = AttentionReason::CannotAttribute;
    let concerns: Vec<Concern> = denied
        .map(|operation| Concern::of_operation(reason, operation, "seen"))
        .collect();
    for concern in concerns {
        payment.raise(concern, context.now_ms);
    }
}

impl Payment {
    /// The references that the session's order was asked to take after its first.
    fn references_asked<'a>(
        &'a self,
        session: &'a Session,
    ) -> impl Iterator<Item = (&'a Operation, &'a str)> {
        self.operations
            .iter()
            .filter(|operation| operation.session == session.id)
            .filter_map(|operation| Some((operation, operation.reference.as_deref()?)))
    }

    /// Whether a reference is one that the session's order has or was asked to have: such a read is no mismatch (R4).
    pub fn knows_reference(&self, session: &Session, reference: &str) -> bool {
        session.order_reference_id == reference
            || (stands(Guard::AskedReferenceIsOurs)
                && self
                    .references_asked(session)
                    .any(|(_, asked)| asked == reference))
    }

    /// The changes that were made of the reference of the session's order, and to what.
    fn references_taken<'a>(
        &'a self,
        session: &'a Session,
    ) -> impl Iterator<Item = (&'a Operation, &'a str)> {
        self.references_asked(session)
            .filter(|(operation, _)| operation.state == OperationState::Succeeded)
    }

    /// The reference that the session's order has, as far as is known.
    pub fn reference_of<'a>(&'a self, session: &'a Session) -> &'a str {
        self.references_taken(session)
            .max_by_key(|(operation, _)| operation.last_sent_version)
            .map_or(&session.order_reference_id, |(_, reference)| reference)
    }
}
