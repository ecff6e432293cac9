//! What Datepalm does by itself: authorise, automatic capture, release of what must not be kept, cancel.
//!
//! `next_step` looks at the facts and names the one money operation that should exist next; the transaction that
//! merged the news inserts its intent (R3). Level-triggered: a lost step is simply found again.

use super::facts::Facts;
use super::guard::{Guard, stands};
use super::operation::{Operation, OperationKind, OperationState, Origin};
use super::payment::{AttentionReason, CancelPromise, CaptureMode, Payment, Session};
use super::status::session_terminal;
use crate::ids::SessionId;

/// A plan's operation stops after this many refusals and asks a person (R19); the authorise goes on at growing gaps.
pub const REFUSALS_MAX: usize = 3;

/// One step of a plan.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Step {
    /// The session whose order it changes.
    pub session: SessionId,
    /// What is to be called.
    pub kind: OperationKind,
    /// Minor units.
    pub amount_minor: i64,
    /// All that is left (R19).
    pub everything_left: bool,
    /// How many operations of this plan there were; with session and kind the key of the new one (R20).
    pub number: usize,
}

impl Step {
    /// The plan's key, in place of a caller's `Idempotency-Key` (R20).
    pub fn key(&self) -> String {
        format!("{}/{}/{}", self.session, self.kind.as_str(), self.number)
    }
}

/// The next money operation of our own, if there should be one.
pub fn next_step(payment: &Payment) -> Option<Step> {
    let busy = payment.money_in_flight().is_some() && stands(Guard::OneAtATime);
    if payment.recovering() || payment.blocked() || busy {
        return None;
    }
    let mut released = payment
        .sessions
        .iter()
        .filter(|session| to_release(payment, session));
    released
        .find_map(|session| release_step(payment, session))
        .or_else(|| winner_step(payment))
}

/// Whether everything that this session's order holds must be given back (R14, R23).
pub fn to_release(payment: &Payment, session: &Session) -> bool {
    let gives_back = payment
        .cancel
        .as_ref()
        .is_some_and(|mark| mark.promise == CancelPromise::GiveBack && payment.cancel_stands());
    let loser = payment.winner().is_some_and(|winner| {
        winner.id != session.id && (winner.facts.was_authorised() || !stands(Guard::LosersWait))
    });
    let loser = (session.unwanted || loser) && stands(Guard::LosersAreReleased);
    session.order.is_some() && (gives_back || loser)
}

/// Authorise it, then cancel what is authorised and refund what is captured, as its facts say (R14).
fn release_step(payment: &Payment, session: &Session) -> Option<Step> {
    let total = payment.total.minor();
    let facts = &session.facts;
    if facts.approved_now() {
        return step(payment, session, OperationKind::Authorise, total, true);
    }
    if !facts.live() {
        return None;
    }
    let left = facts.uncaptured(total);
    let cancel = if left > 0 {
        step(payment, session, OperationKind::Cancel, left, true)
    } else {
        None
    };
    cancel.or_else(|| {
        let refundable = refundable(payment, session);
        if refundable > 0 {
            step(payment, session, OperationKind::Refund, refundable, false)
        } else {
            None
        }
    })
}

fn winner_step(payment: &Payment) -> Option<Step> {
    let winner = payment.winner()?;
    let left = winner.facts.uncaptured(payment.total.minor());
    if payment.cancel_stands() {
        let wanted = payment.cancel_running() && left > 0 && winner.facts.captured() == 0;
        return if wanted {
            step(payment, winner, OperationKind::Cancel, left, true)
        } else {
            None
        };
    }
    if to_release(payment, winner) {
        return None;
    }
    if winner.facts.approved_now() {
        return step(
            payment,
            winner,
            OperationKind::Authorise,
            payment.total.minor(),
            true,
        );
    }
    let asked_or_told = |operation: &Operation| {
        let asked =
            operation.origin == Origin::Request && operation.state != OperationState::Rejected;
        operation.kind == OperationKind::Capture && (asked || operation.told_applied())
    };
    let automatic = payment.capture_mode == CaptureMode::Automatic
        && winner.facts.captured() == 0
        && left > 0
        && !payment.operations.iter().any(asked_or_told);
    if automatic {
        step(payment, winner, OperationKind::Capture, left, true)
    } else {
        None
    }
}

/// Captured and neither refunded nor asked back, minor units (R20: an accepted refund is not refundable again).
pub fn refundable(payment: &Payment, session: &Session) -> i64 {
    let refunds = payment.operations.iter().filter(|operation| {
        operation.session == session.id
            && operation.kind == OperationKind::Refund
            && (operation.state != OperationState::Accepted || stands(Guard::AcceptedIsNotAbsent))
    });
    let asked = refunds.fold(0, |sum: i64, operation| {
        sum.saturating_add(leaving_minor(operation, &session.facts))
    });
    let gone = session.facts.refunded().saturating_add(asked);
    session.facts.captured().saturating_sub(gone)
}

/// What a cancel or a refund takes away beyond what the facts show of it, minor units: all of it while it is planned, in
/// flight, accepted or in doubt, and what a person called applied (R9, R17).
pub fn leaving_minor(operation: &Operation, facts: &Facts) -> i64 {
    let shown = operation.kind == OperationKind::Cancel && operation.tamara_id.is_some();
    if !operation.pending() && (!operation.told_applied() || shown) {
        return 0;
    }
    let seen = facts.refunded_by(&operation.id);
    operation.amount_minor.saturating_sub(seen).max(0)
}

fn step(
    payment: &Payment,
    session: &Session,
    kind: OperationKind,
    amount_minor: i64,
    everything_left: bool,
) -> Option<Step> {
    let earlier = plan_operations(payment, &session.id, kind).count();
    if exhausted(payment, &session.id, kind) || (earlier > 0 && !stands(Guard::PlansAskAgain)) {
        return None;
    }
    Some(Step {
        session: session.id.clone(),
        kind,
        amount_minor,
        everything_left,
        number: earlier + 1,
    })
}

/// The operations that plans made for that session and kind.
pub fn plan_operations<'a>(
    payment: &'a Payment,
    session: &'a SessionId,
    kind: OperationKind,
) -> impl Iterator<Item = &'a Operation> {
    payment.operations.iter().filter(move |operation| {
        operation.session == *session && operation.kind == kind && operation.origin == Origin::Plan
    })
}

/// The plan's operations that were refused, for that order (R19). A step that the facts overtook before it was sent was
/// refused by nobody; the authorise never stops.
pub fn refusals<'a>(
    payment: &'a Payment,
    session: &'a SessionId,
) -> impl Iterator<Item = &'a Operation> {
    payment.operations.iter().filter(move |operation| {
        operation.session == *session
            && operation.origin == Origin::Plan
            && operation.kind != OperationKind::Authorise
            && operation.state == OperationState::Rejected
            && !operation.overtaken()
    })
}

/// Whether a plan was refused so often that a person must look (R19): three times since a person last did.
pub fn exhausted(payment: &Payment, session: &SessionId, kind: OperationKind) -> bool {
    let new = |operation: &&Operation| {
        let reason = AttentionReason::PlanRefused;
        operation.kind == kind && !payment.looked_at(reason, session, operation.id.as_str())
    };
    refusals(payment, session).filter(new).count() >= REFUSALS_MAX
}

/// Whether some plan for this order waits for a person while money is left in it.
pub fn gave_up(payment: &Payment, session: &Session) -> bool {
    let exhausted = |kind: &OperationKind| exhausted(payment, &session.id, *kind);
    OperationKind::ALL.iter().any(exhausted) && !session_terminal(payment, session)
}

/// A refused authorise is tried again at growing gaps; the earliest moment of the next (R19).
pub fn not_before_ms(payment: &Payment, step: &Step, retry_ms: i64) -> i64 {
    let earlier: Vec<_> = plan_operations(payment, &step.session, step.kind).collect();
    let Some(last) = earlier
        .iter()
        .filter_map(|operation| operation.ended_at_ms)
        .max()
    else {
        return 0;
    };
    last.saturating_add(backoff_ms(retry_ms, earlier.len()))
}

/// `first_ms`, doubled with each earlier try, at most an hour.
pub fn backoff_ms(first_ms: i64, tries: usize) -> i64 {
    let doublings = u32::try_from(tries.saturating_sub(1)).unwrap_or(20).min(20);
    first_ms.saturating_mul(1_i64 << doublings).min(3_600_000)
}
