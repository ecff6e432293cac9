//! When a payment is looked at next (R25).

use super::context::Context;
use super::deadline::{next_deadline, next_warning_ms};
use super::guard::{Guard, stands};
use super::operation::OperationState;
use super::payment::{Payment, Policy};
use super::status::session_terminal;

/// A read this long after a deadline sees what Tamara did at it.
const AFTER_DEADLINE_MS: i64 = 2_000;

/// Sets `next_check_at_ms`. Our clock expires nothing (R15): every moment here is one for a read.
pub fn reschedule(payment: &mut Payment, context: &Context<'_>) {
    let until_ms = payment.recovering_until_ms(context.policy);
    if let Some(until_ms) = until_ms.filter(|until_ms| *until_ms >= context.now_ms) {
        // An earlier read would not end the recovery, and nothing could be done about its news (R30).
        payment.next_check_at_ms = Some(until_ms.saturating_add(1));
        return;
    }
    let mut moments: Vec<i64> = gap_ms(payment, context)
        .map(|gap| context.now_ms.saturating_add(gap))
        .into_iter()
        .collect();
    let deadline =
        next_deadline(payment, context.policy).map(|(_, at_ms)| at_ms + AFTER_DEADLINE_MS);
    moments.extend(deadline.filter(|at_ms| *at_ms > context.now_ms));
    moments.extend(next_warning_ms(payment, context));
    for operation in payment
        .operations
        .iter()
        .filter(|operation| operation.in_flight())
    {
        let since_ms = operation.last_sent_at_ms.unwrap_or(operation.created_at_ms);
        let window_ends_ms = since_ms.saturating_add(context.policy.settle_window_ms) + 1;
        let lease_ends_ms = operation.lease.as_ref().map_or(0, |lease| lease.until_ms);
        let at_ms = window_ends_ms.max(lease_ends_ms);
        let by_worker =
            operation.kind.changes_order() && operation.state != OperationState::Unknown;
        // Once the window is over, the gaps go on: what stays in doubt must not be read without pause.
        if !by_worker && at_ms > context.now_ms {
            moments.push(at_ms);
        }
    }
    let canceled = payment.cancel_stands() && payment.winner.is_none();
    let watched =
        stands(Guard::PollingMakesCertain) && (!canceled || stands(Guard::CanceledIsWatched));
    payment.next_check_at_ms = moments.into_iter().min().filter(|_| watched);
}

/// How far the gaps may have grown for a look that failed.
const FAILED_STEP_MAX: i64 = 2;

/// Brings the next look forward: to the present gap, at most the third, but not before `wait_ms` are over.
pub fn look_again(payment: &mut Payment, wait_ms: i64, context: &Context<'_>) {
    let until_ms = payment.recovering_until_ms(context.policy);
    let too_early = until_ms.is_some_and(|until_ms| until_ms >= context.now_ms);
    if too_early || !stands(Guard::PollingMakesCertain) {
        return;
    }
    let step = payment.check_step.clamp(0, FAILED_STEP_MAX);
    let gap_ms = polling_ms(context.policy, step).max(wait_ms);
    let at_ms = context.now_ms.saturating_add(gap_ms);
    let known_ms = payment.next_check_at_ms.unwrap_or(at_ms);
    payment.next_check_at_ms = Some(known_ms.min(at_ms));
}

/// The gap of that step; the last one is repeated.
fn polling_ms(policy: &Policy, step: i64) -> i64 {
    let step = usize::try_from(step).unwrap_or(0);
    let gap = policy.polling_ms.get(step).or(policy.polling_ms.last());
    gap.copied().unwrap_or(1_000)
}

/// The gap to the next read by the payment's state, or `None` when reads can bring nothing new.
fn gap_ms(payment: &Payment, context: &Context<'_>) -> Option<i64> {
    let policy = context.policy;
    let soon = Some(polling_ms(policy, payment.check_step));
    let pending = payment
        .operations
        .iter()
        .any(|operation| operation.pending() && operation.kind.changes_order());
    let still_declined = |session: &super::payment::Session| {
        session.order.is_some()
            && session.facts.rank == super::facts::OrderRank::Declined
            && !session.declined_for_good(policy)
    };
    let open = payment
        .sessions
        .iter()
        .any(|session| session.order.is_some() && !session_terminal(payment, session));
    // A payment of which there is no order may wait for a person as well, and no read can bring anything.
    let readable = payment
        .sessions
        .iter()
        .any(|session| session.order.is_some());
    if pending
        || payment.restored().is_some()
        || (payment.blocked() && readable)
        || payment.cancel_running()
        || payment.sessions.iter().any(still_declined)
    {
        return soon;
    }
    if !open {
        return None;
    }
    let captures = payment
        .sessions
        .iter()
        .flat_map(|s| s.facts.entries_of(super::facts::EntryKind::Capture));
    let last_capture_ms = captures.map(|entry| entry.seen_at_ms).max();
    match (payment.is_final(), last_capture_ms) {
        (true, Some(captured_ms)) => {
            let over =
                captured_ms.saturating_add(policy.captured_polling_until_ms) <= context.now_ms;
            let gap = policy
                .captured_polling_ms
                .saturating_mul(1_i64 << payment.check_step.clamp(0, 20));
            (!over).then_some(gap)
        }
        _ => soon,
    }
}
