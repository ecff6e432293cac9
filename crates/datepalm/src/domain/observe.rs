//! News about an order becomes knowledge about its payment: merge, elect the winner, settle what was in doubt, and
//! bring the marks up to date. The one way in for reads and answers alike.

use super::attention::{Concern, raise_standing};
use super::context::Context;
use super::facts::{Doubt, Observation, Source};
use super::guard::{Guard, stands};
use super::operation::{OperationKind, OperationState};
use super::payment::{AttentionReason, CancelPromise, CancelState, Payment, Session};
use super::status::{Status, session_dead, session_terminal};
use super::{deadline, plan, recovery, references, schedule, settle};
use crate::ids::SessionId;

/// Takes in a piece of news about the order of `session`.
pub fn observe(
    payment: &mut Payment,
    session: &SessionId,
    news: &Observation,
    context: &Context<'_>,
) {
    let version = payment.version;
    let Some(target) = payment.session_mut(session) else {
        return;
    };
    let news = &news.clone().held_from(version);
    target.facts = std::mem::take(&mut target.facts).merge(news);
    let doubt = target
        .facts
        .doubted()
        .then(|| target.facts.doubted_at_ms.map(|(_, doubt)| doubt))
        .flatten();
    let reason = doubt.map(|doubt| match doubt {
        Doubt::Mismatch => AttentionReason::OrderMismatch,
        Doubt::UnknownStatus => AttentionReason::UnknownStatus,
    });
    if let Some(reason) = reason {
        let concern = Concern::of_doubtful_read(reason, target);
        payment.raise(concern, context.now_ms);
    }
    if doubt.is_none() && news.doubt().is_none() {
        elect_winner(payment, context);
        let read = match news.source {
            Source::Read => Some(news),
            Source::Answer => None,
        };
        if let Some(reference) = &news.reference {
            references::seen(payment, session, reference, context);
        }
        settle::settle(payment, session, read, context);
        if let Some(read) = read {
            recovery::leave(payment, session, read, context);
        }
    }
    refresh(payment, context);
}

/// Reads in a row that bring nothing new grow the gap to the next one (R25).
pub fn count_look(before: &Payment, after: &mut Payment, context: &Context<'_>) {
    let news = after.differs_visibly(before);
    after.check_step = if news {
        0
    } else {
        before.check_step.saturating_add(1)
    };
    refresh(after, context);
}

/// A look that brought no answer, or had to wait, is made again before long, however quiet the payment was: it does not
/// count as one that brought nothing new (R25).
pub fn look_again(payment: &mut Payment, wait_ms: i64, context: &Context<'_>) {
    refresh(payment, context);
    schedule::look_again(payment, wait_ms, context);
}

/// The first session read as approved or any later live state (R13); one that cannot take the reference is released.
fn elect_winner(payment: &mut Payment, context: &Context<'_>) {
    if payment.winner().is_some_and(session_dead) || !stands(Guard::WinnerStays) {
        payment.winner = None;
    }
    let candidates = payment
        .sessions
        .iter()
        .filter(|session| session.facts.was_approved() && !session_dead(session));
    let candidates = candidates.filter(|session| !session.unwanted);
    let order = |session: &&Session| (session.facts.approved_at_ms, session.number);
    let first = if stands(Guard::WinnerStays) {
        candidates.min_by_key(order)
    } else {
        candidates.max_by_key(order)
    };
    let first = first.map(|session| session.id.clone());
    if let (None, Some(first)) = (&payment.winner, first) {
        if payment.held || context.can_hold || !stands(Guard::OneHolder) {
            payment.held = true;
            payment.winner = Some(first);
        } else if let Some(session) = payment.session_mut(&first) {
            session.unwanted = true;
        }
    }
}

/// Brings marks, hold and schedule up to date with facts and operations. Idempotent; the clock alone may change its
/// outcome, and then only by ending creates that nobody will hear of again (R22) and by warning of deadlines (R15).
pub fn refresh(payment: &mut Payment, context: &Context<'_>) {
    #[cfg(feature = "mutations")]
    super::mutants::expire_by_our_clock(payment, context);
    end_lost_creates(payment, context);
    recovery::let_go(payment, context);
    end_cancel(payment);
    raise_standing(payment, context);
    payment.ever_paid |= payment.paid();
    let ended = matches!(
        payment.status(),
        Status::Failed | Status::Declined | Status::Expired | Status::Canceled
    );
    // Nor is its reference given to another while a person must see whether a lost order of it is paid, or before it is
    // known that none must (R30).
    let waits = payment.recovering() || payment.stopped_after_restore();
    let over = !payment.cancel_running() && !waits;
    if ended && !payment.ever_paid && over {
        payment.held = false;
    }
    // What is known of a restored payment may be long past (R30).
    if !payment.recovering() {
        deadline::warn(payment, context);
    }
    schedule::reschedule(payment, context);
}

/// Ends creates whose answer will not come: the URL was given to nobody, so the orphan expires (R22). An intent that
/// no request resumed in time was never sent.
fn end_lost_creates(payment: &mut Payment, context: &Context<'_>) {
    let window_ms = context.policy.settle_window_ms;
    let canceled = payment.cancel_stands();
    for operation in payment
        .operations
        .iter_mut()
        .filter(|o| o.kind == OperationKind::CreateSession)
    {
        let since_ms = operation.last_sent_at_ms.unwrap_or(operation.created_at_ms);
        let over = since_ms.saturating_add(window_ms) <= context.now_ms;
        let unsent =
            operation.state == OperationState::Intent && operation.lease_free(context.now_ms);
        let lost = operation.state == OperationState::Unknown;
        let ends = (unsent && (over || canceled)) || (lost && over);
        if ends && stands(Guard::LostCreatesEnd) {
            operation.end(OperationState::Rejected, Some("abandoned"), context.now_ms);
        }
    }
}

/// Whether an accepted cancel is carried out, or defeated by captures (R23).
fn end_cancel(payment: &mut Payment) {
    let Some(mark) = payment
        .cancel
        .clone()
        .filter(|mark| mark.state == CancelState::Accepted)
    else {
        return;
    };
    let busy = payment
        .operations
        .iter()
        .any(|operation| operation.in_flight() && operation.kind != OperationKind::UpdateReference);
    let state = match mark.promise {
        _ if busy => CancelState::Accepted,
        CancelPromise::GiveBack
            if payment
                .sessions
                .iter()
                .all(|s| session_terminal(payment, s)) =>
        {
            CancelState::Done
        }
        CancelPromise::GiveBack => CancelState::Accepted,
        CancelPromise::WhatIsLeft => what_is_left(payment),
    };
    if let Some(mark) = &mut payment.cancel {
        mark.state = state;
    }
}

fn what_is_left(payment: &Payment) -> CancelState {
    let Some(winner) = payment.winner() else {
        return CancelState::Accepted;
    };
    // Not any cancel of ours: one of a part, asked for earlier, is not what the mark promised.
    let canceled_by_us = plan::plan_operations(payment, &winner.id, OperationKind::Cancel)
        .any(|operation| operation.state == OperationState::Succeeded);
    match (
        winner.facts.captured(),
        winner.facts.uncaptured(payment.total.minor()),
    ) {
        (0, 0) => CancelState::Done,
        (0, _) => CancelState::Accepted,
        _ if canceled_by_us => CancelState::Done,
        _ => CancelState::Refused,
    }
}
