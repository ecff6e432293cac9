//! The life of a journal row: `intent -> sending -> succeeded | rejected | unknown` (R16-R18, R21).
//!
//! Invariant: an operation in `sending` is sent by nobody else; what might have happened is never called refused.

use super::attention::Concern;
use super::context::Context;
use super::facts::Observation;
use super::guard::{Guard, stands};
use super::observe::{observe, refresh};
use super::operation::{Lease, Operation, OperationKind, OperationState};
use super::payment::{AttentionReason, Order, Payment, Session};
use super::plan::{backoff_ms, to_release};
use super::settle::{self, repeat_allowed};
use crate::ids::OperationId;

/// After this many tries in a row that Tamara turned away for lack of rights, a person is asked (R21).
pub(super) const TURNED_AWAY_MAX: i64 = 3;

/// Tamara may ask to wait a day at most, milliseconds: a larger figure is a mistake that would stop the operation for ever.
const RETRY_AFTER_MS_MAX: i64 = 24 * 3_600_000;

/// What came back of one attempt, in the words of R21.
#[derive(Clone, Debug)]
pub enum Answer {
    /// It happened; the answer's own facts.
    Applied {
        /// Tamara's id of the capture, refund or cancel.
        tamara_id: Option<String>,
        /// What the answer says of the order.
        news: Option<Observation>,
        /// Of a create: the order it made.
        order: Option<Order>,
    },
    /// A definite no, with Tamara's code.
    Refused {
        /// Tamara's first error code, or a word for it.
        reason: String,
    },
    /// 409: neither success nor failure; ends in a read.
    Conflict,
    /// 401, 403, 429 in Tamara's envelope: nothing happened.
    TurnedAway {
        /// A stable word.
        reason: String,
        /// `Retry-After`, milliseconds.
        retry_after_ms: Option<i64>,
    },
    /// Provably no byte left.
    NotSent {
        /// A stable word.
        reason: String,
    },
    /// It may have happened.
    Unknown {
        /// A stable word.
        reason: String,
    },
}

/// Makes an operation ours to send: `intent -> sending`, or another attempt of one that may be repeated. `None` when
/// it is somebody else's, not due, or no longer wanted. Answers the attempt's number.
pub fn begin_sending(
    payment: &mut Payment,
    id: &OperationId,
    lease: &Lease,
    context: &Context<'_>,
) -> Option<i64> {
    let blocked = payment.blocked() || payment.recovering();
    let total = payment.total.minor();
    let index = payment
        .operations
        .iter()
        .position(|operation| operation.id == *id)?;
    let operation = &payment.operations[index];
    let session = payment.session(&operation.session)?;
    let mine = operation
        .lease
        .as_ref()
        .is_some_and(|held| held.token == lease.token);
    let free = mine || operation.lease_free(context.now_ms);
    let repeatable = operation.may_repeat && repeat_allowed(operation, &session.facts, total);
    let ready = match operation.state {
        OperationState::Intent => free,
        OperationState::Unknown => repeatable,
        OperationState::Sending
        | OperationState::Succeeded
        | OperationState::Rejected
        | OperationState::Accepted => false,
    };
    let overtaken =
        operation.state == OperationState::Intent && !still_wanted(payment, operation, session);
    if !ready || (blocked && operation.kind.changes_order()) {
        let waiting = &mut payment.operations[index];
        waiting.may_repeat = repeatable;
        wait(waiting, context);
        return None;
    }
    if settle::already_there(payment, index, context) {
        refresh(payment, context);
        return None;
    }
    if overtaken {
        payment.operations[index].overtake(context.now_ms);
        refresh(payment, context);
        return None;
    }
    // The version that this change is saved as: it is seen by others, so it always is a new one.
    let version = payment.version.saturating_add(1);
    let operation = &mut payment.operations[index];
    operation.state = OperationState::Sending;
    operation.attempt += 1;
    operation.may_repeat = false;
    operation.late_reads = 0;
    operation.first_sent_version.get_or_insert(version);
    operation.last_sent_at_ms = Some(context.now_ms);
    operation.last_sent_version = Some(version);
    operation.lease = Some(lease.clone());
    let attempt = operation.attempt;
    payment.check_step = 0;
    refresh(payment, context);
    Some(attempt)
}

/// Whether the facts and the marks of this moment still want a call that was decided on earlier ones (R3, R24).
fn still_wanted(payment: &Payment, operation: &Operation, session: &Session) -> bool {
    let facts = &session.facts;
    let left = facts.uncaptured(payment.total.minor());
    match operation.kind {
        OperationKind::CreateSession | OperationKind::UpdateReference => true,
        OperationKind::Authorise => facts.approved_now(),
        OperationKind::Capture => {
            operation.amount_minor <= left
                && (!stands(Guard::NoCaptureBesideCancel)
                    || !payment.cancel_stands() && !to_release(payment, session))
        }
        OperationKind::Cancel => operation.amount_minor <= left,
        OperationKind::Refund => {
            operation.amount_minor <= facts.captured().saturating_sub(facts.refunded())
        }
    }
}

/// Not now: whoever looks for work must not find this again at once, and the longer it has waited the later, because what
/// it waits for may be a person (R30). [`wake`] ends the waiting.
fn wait(operation: &mut Operation, context: &Context<'_>) {
    let gaps = &context.policy.polling_ms;
    let shortest_ms = gaps.first().copied().unwrap_or(1_000);
    let longest_ms = gaps.iter().copied().fold(shortest_ms, i64::max);
    let since_ms = operation.last_sent_at_ms.unwrap_or(operation.created_at_ms);
    let waited_ms = context.now_ms.saturating_sub(since_ms);
    let gap_ms = waited_ms.clamp(shortest_ms, longest_ms);
    let later_ms = context.now_ms.saturating_add(gap_ms);
    if waits(operation) {
        operation.next_try_at_ms = operation.next_try_at_ms.max(later_ms);
    }
}

fn waits(operation: &Operation) -> bool {
    matches!(
        operation.state,
        OperationState::Intent | OperationState::Unknown
    )
}

/// What stood still goes on, once nothing stops the payment any more: the end of every change of a payment. What Tamara
/// turned away goes on waiting, for it may have asked for that (R21); what was not sent waits for its own gap.
pub fn wake(before: &Payment, payment: &mut Payment, context: &Context<'_>) {
    let stopped = |payment: &Payment| payment.blocked() || payment.recovering();
    if !stopped(before) || stopped(payment) {
        return;
    }
    let stood =
        |operation: &&mut Operation| waits(operation) && operation.turned_away_in_a_row == 0;
    for operation in payment.operations.iter_mut().filter(stood) {
        let tries = usize::try_from(operation.not_sent_in_a_row).unwrap_or(0);
        let gap_ms = if tries == 0 {
            0
        } else {
            backoff_ms(context.policy.retry_ms, tries)
        };
        let next_ms = context.now_ms.saturating_add(gap_ms);
        operation.next_try_at_ms = operation.next_try_at_ms.min(next_ms);
    }
}

/// An expired lease makes it `unknown`, never `intent` (R18). Where none has expired nothing changes: whoever tries an
/// operation that has to wait must not put off the payment's next look.
pub fn expire_lease(payment: &mut Payment, id: &OperationId, context: &Context<'_>) {
    let found = payment
        .operations
        .iter_mut()
        .find(|operation| operation.id == *id);
    if let Some(operation) = found
        && operation.state == OperationState::Sending
        && operation.lease_free(context.now_ms)
    {
        if stands(Guard::LapsedIsUnknown) {
            into_doubt(operation, "lease_expired");
        } else {
            operation.state = OperationState::Intent;
        }
        payment.check_step = 0;
        refresh(payment, context);
    }
}

fn into_doubt(operation: &mut Operation, reason: &str) {
    operation.state = OperationState::Unknown;
    operation
        .doubt_from_attempt
        .get_or_insert(operation.attempt);
    operation.reason = Some(reason.to_owned());
    operation.not_sent_in_a_row = 0;
    operation.turned_away_in_a_row = 0;
    operation.lease = None;
}

/// Records what came back of `attempt`. `token` is the sender's lease: without it an answer still counts as news, and
/// a success still ends the doubt; only the owner may say that nothing happened (R18).
pub fn record(
    payment: &mut Payment,
    id: &OperationId,
    attempt: i64,
    token: &str,
    answer: Answer,
    context: &Context<'_>,
) {
    let Some(index) = payment
        .operations
        .iter()
        .position(|operation| operation.id == *id)
    else {
        return;
    };
    // Something can happen soon again: a payment that was quiet for weeks must not wait a day for its next read (R25).
    payment.check_step = 0;
    if let Answer::Applied {
        tamara_id,
        news,
        order,
    } = answer
    {
        applied(payment, index, tamara_id, order, context);
        let session = payment.operations[index].session.clone();
        match news {
            Some(news) => observe(payment, &session, &news, context),
            None => refresh(payment, context),
        }
        return;
    }
    let turned_away = matches!(answer, Answer::TurnedAway { .. });
    let operation = &mut payment.operations[index];
    let owner = operation
        .lease
        .as_ref()
        .is_some_and(|lease| lease.token == token)
        || !stands(Guard::LeaseToken);
    let sending = operation.state == OperationState::Sending && owner;
    let lapsed = operation.state == OperationState::Unknown;
    if operation.attempt == attempt && (sending || lapsed) {
        not_applied(operation, answer, sending, context);
        settle::let_go_of_chance(payment, index);
    }
    let operation = &payment.operations[index];
    // Once for the whole row of refusals; again for the row that begins when a person had looked.
    if turned_away && operation.turned_away_in_a_row == TURNED_AWAY_MAX {
        let (reason, mark) = (
            AttentionReason::TamaraRefusesAccess,
            format!("attempt {}", operation.attempt),
        );
        let concern = Concern::of_operation(reason, operation, mark);
        payment.raise(concern, context.now_ms);
    }
    refresh(payment, context);
}

fn applied(
    payment: &mut Payment,
    index: usize,
    tamara_id: Option<String>,
    order: Option<Order>,
    context: &Context<'_>,
) {
    let session = payment.operations[index].session.clone();
    if let (Some(order), Some(session)) = (order, payment.session_mut(&session)) {
        // A late answer still records its session, lease or not (R22).
        session.order.get_or_insert(order);
        // From now on it may be paid, so its payment holds the reference, unless another took it meanwhile (R7).
        payment.held |= context.can_hold;
    }
    let operation = &mut payment.operations[index];
    let open = matches!(
        operation.state,
        OperationState::Sending | OperationState::Unknown
    );
    if open {
        operation.tamara_id = tamara_id;
        let accepted = operation.kind == OperationKind::Refund;
        let state = if accepted {
            OperationState::Accepted
        } else {
            OperationState::Succeeded
        };
        operation.end(state, None, context.now_ms);
    } else if operation.state == OperationState::Rejected && operation.kind.moves_money() {
        let reason = AttentionReason::CannotAttribute;
        let concern = Concern::of_operation(reason, operation, "answered");
        payment.raise(concern, context.now_ms);
    }
}

/// A refusal or a 409 ends the operation only if no earlier attempt of it is in doubt (R21).
fn not_applied(operation: &mut Operation, answer: Answer, sending: bool, context: &Context<'_>) {
    let earlier_doubt = operation
        .doubt_from_attempt
        .is_some_and(|from| from < operation.attempt);
    if matches!(answer, Answer::Conflict) && !stands(Guard::ConflictIsNoSuccess) {
        return operation.end(OperationState::Succeeded, None, context.now_ms);
    }
    match answer {
        Answer::Applied { .. } => {}
        Answer::Unknown { reason } => into_doubt(operation, &reason),
        Answer::Refused { .. } | Answer::Conflict
            if earlier_doubt && stands(Guard::ConflictIsNoFailure) =>
        {
            operation.repeat_refused = true;
            operation.state = OperationState::Unknown;
            operation.lease = None;
        }
        Answer::Refused { reason } => {
            operation.end(OperationState::Rejected, Some(&reason), context.now_ms);
        }
        Answer::Conflict => {
            operation.doubt_from_attempt = None;
            operation.state = OperationState::Unknown;
            operation.reason = Some("conflict".to_owned());
            operation.lease = None;
        }
        Answer::TurnedAway { .. } | Answer::NotSent { .. } if !sending => {}
        Answer::TurnedAway {
            reason,
            retry_after_ms,
        } => {
            operation.turned_away_in_a_row += 1;
            did_not_happen(operation, &reason, retry_after_ms, earlier_doubt, context);
        }
        Answer::NotSent { reason } => {
            did_not_happen(operation, &reason, None, earlier_doubt, context);
        }
    }
}

fn did_not_happen(
    operation: &mut Operation,
    reason: &str,
    retry_after_ms: Option<i64>,
    earlier_doubt: bool,
    context: &Context<'_>,
) {
    operation.not_sent_in_a_row += 1;
    let tries = usize::try_from(operation.not_sent_in_a_row).unwrap_or(1);
    let asked_ms = retry_after_ms.unwrap_or(0).min(RETRY_AFTER_MS_MAX);
    let gap_ms = backoff_ms(context.policy.retry_ms, tries).max(asked_ms);
    operation.next_try_at_ms = context.now_ms.saturating_add(gap_ms);
    operation.reason = Some(reason.to_owned());
    operation.lease = None;
    operation.may_repeat = earlier_doubt;
    operation.state = if earlier_doubt {
        OperationState::Unknown
    } else {
        OperationState::Intent
    };
}
