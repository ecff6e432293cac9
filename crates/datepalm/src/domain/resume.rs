//! What a request for a session finds in a payment that exists: a replay, or the same wish under another key (R7, R22).

use super::operation::{Operation, OperationKind, OperationState};
use super::payment::Payment;
use super::status::Status;
use crate::ids::OperationId;

/// What to do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Resumed {
    /// Restored from an old copy and not read since (R30); retryable.
    Recovering,
    /// A cancel is accepted and not ended (R7); retryable.
    BeingCanceled,
    /// Another request carries out the create; retryable.
    BeingCarriedOut(OperationId),
    /// Nobody sends the create: this request does.
    Send(OperationId),
    /// The newest create is lost: a fresh session (R22).
    FreshSession,
    /// Nothing: it is answered as it is.
    AsItIs,
}

/// Decides.
pub fn resume(payment: &Payment, replayed: bool, now_ms: i64) -> Resumed {
    if payment.recovering() {
        return Resumed::Recovering;
    }
    if payment.cancel_running() && !replayed {
        return Resumed::BeingCanceled;
    }
    if let Some(create) = payment.create_under_way() {
        let taken = create.state == OperationState::Sending || !create.lease_free(now_ms);
        return if taken {
            Resumed::BeingCarriedOut(create.id.clone())
        } else {
            Resumed::Send(create.id.clone())
        };
    }
    let lost = |operation: &Operation| {
        operation.state == OperationState::Unknown
            || operation.reason.as_deref() == Some("abandoned")
    };
    // By session number: two operations may have been written down within one millisecond.
    let newest = payment.newest_session().map(|session| &session.id);
    let newest_create = payment.operations.iter().rev().find(|operation| {
        operation.kind == OperationKind::CreateSession && Some(&operation.session) == newest
    });
    let nobody_pays = matches!(
        payment.status(),
        Status::Created | Status::Failed | Status::Declined | Status::Expired
    );
    if nobody_pays && newest_create.is_some_and(lost) && !payment.cancel_stands() {
        Resumed::FreshSession
    } else {
        Resumed::AsItIs
    }
}
