//! Settling operations by reading (R19, R20): presence is believed at once, absence slowly.
//!
//! Invariant: nothing here sends anything; it ends an operation, or says that it may be sent again.

use super::attention::Concern;
use super::context::Context;
use super::facts::{Entry, EntryKind, Facts, Observation, OrderRank, RefundRank};
use super::guard::{Guard, stands};
use super::operation::{
    APPLIED_BY_PERSON, NOT_APPLIED, NOT_APPLIED_BY_PERSON, Operation, OperationKind, OperationState,
};
use super::payment::{AttentionReason, Payment};
use super::plan::backoff_ms;
use crate::ids::{OperationId, SessionId};

/// Settles what can be settled on the facts of `session`. `read` is given for a read that was believed: only a read that
/// began after the last attempt speaks of absence.
pub fn settle(
    payment: &mut Payment,
    session: &SessionId,
    read: Option<&Observation>,
    context: &Context<'_>,
) {
    let total = payment.total.minor();
    let Some(index) = payment
        .sessions
        .iter()
        .position(|candidate| candidate.id == *session)
    else {
        return;
    };
    let mut concerns = Vec::new();
    for operation in payment
        .operations
        .iter_mut()
        .filter(|operation| operation.session == *session)
    {
        let facts = &mut payment.sessions[index].facts;
        let marks = match operation.state {
            OperationState::Unknown | OperationState::Accepted => {
                let absent = !recognise(operation, facts, context)
                    && read.is_some_and(|read| absent(operation, facts, total, read, context));
                if absent {
                    candidates(operation, facts)
                } else {
                    Vec::new()
                }
            }
            OperationState::Succeeded => {
                find_after_all(operation, facts);
                Vec::new()
            }
            // Its sender, or the end of its lease, ends it; what it did is its own all the same.
            OperationState::Sending => {
                claim(operation, facts);
                Vec::new()
            }
            OperationState::Intent | OperationState::Rejected => Vec::new(),
        };
        concerns.extend(marks.into_iter().map(|mark| riddle(operation, mark)));
    }
    concerns.extend(denied_after_all(payment, session, index));
    for concern in concerns {
        payment.raise(concern, context.now_ms);
    }
}

fn riddle(operation: &Operation, mark: String) -> Concern {
    Concern::of_operation(AttentionReason::CannotAttribute, operation, mark)
}

/// What shows of operations that did not happen, once all others have taken what is theirs.
fn denied_after_all(payment: &Payment, session: &SessionId, index: usize) -> Vec<Concern> {
    // What is being sent may show before its answer is recorded: the next read tells it from what nobody asked for.
    let busy = payment.money_in_flight().is_some();
    let of_session = || payment.operations.iter().filter(|o| o.session == *session);
    // Whoever authorised an order did it once: with an authorise that succeeded, one that was denied is no riddle.
    let authorised = of_session().any(|operation| {
        operation.kind == OperationKind::Authorise && operation.state == OperationState::Succeeded
    });
    let facts = &payment.sessions[index].facts;
    let denied = of_session().filter(|operation| operation.state == OperationState::Rejected);
    let riddles = |operation: &Operation| {
        let by_another = authorised && operation.kind == OperationKind::Authorise;
        let marks = effects_after_all(operation, facts, busy || by_another);
        let marks = marks.into_iter().map(|mark| riddle(operation, mark));
        marks.collect::<Vec<_>>()
    };
    denied.flat_map(riddles).collect()
}

/// Presence (R20): ends the doubt if the facts show this operation's effect.
fn recognise(operation: &mut Operation, facts: &mut Facts, context: &Context<'_>) -> bool {
    if operation.kind != OperationKind::Refund && operation.doubt_from_attempt.is_none() {
        return false;
    }
    match operation.kind {
        // A partial cancel is decided only after the window (R20), a create by its answer alone (R22), a change of the
        // reference in `references::seen`.
        OperationKind::CreateSession | OperationKind::UpdateReference => false,
        OperationKind::Cancel if !operation.everything_left => false,
        OperationKind::Authorise => {
            let seen = facts.was_authorised();
            if seen {
                operation.end(OperationState::Succeeded, None, context.now_ms);
            }
            seen
        }
        OperationKind::Capture => {
            let ours = |entry: &&Entry| is_our_capture(entry, operation);
            let found = facts
                .entries_of(EntryKind::Capture)
                .find(ours)
                .map(|entry| entry.id.clone());
            take(operation, facts, EntryKind::Capture, found, context)
        }
        OperationKind::Cancel => {
            let found = new_entries(operation, facts, EntryKind::Cancel)
                .next()
                .map(|entry| entry.id.clone());
            if found.is_none() && facts.rank == OrderRank::Canceled {
                operation.end(OperationState::Succeeded, None, context.now_ms);
                return true;
            }
            take(operation, facts, EntryKind::Cancel, found, context)
        }
        OperationKind::Refund => recognise_refund(operation, facts, context),
    }
}

/// What an operation that is being sent did already, by what it echoes (R20).
fn claim(operation: &Operation, facts: &mut Facts) {
    for entry in facts.entries.values_mut() {
        let ours = match operation.kind {
            OperationKind::Capture => {
                entry.kind == EntryKind::Capture && is_our_capture(entry, operation)
            }
            OperationKind::Refund => {
                entry.kind == EntryKind::Refund && is_our_refund(entry, operation)
            }
            OperationKind::CreateSession
            | OperationKind::Authorise
            | OperationKind::Cancel
            | OperationKind::UpdateReference => false,
        };
        if ours {
            entry.operation = Some(operation.id.clone());
        }
    }
}

/// Nothing came of the only attempt: a capture that echoes it by chance is somebody else's.
pub fn let_go_of_chance(payment: &mut Payment, index: usize) {
    let operation = &payment.operations[index];
    let session = payment
        .sessions
        .iter_mut()
        .find(|session| session.id == operation.session);
    let nothing = matches!(
        operation.state,
        OperationState::Rejected | OperationState::Intent
    );
    if let Some(session) = session.filter(|_| nothing) {
        let_go(operation, &mut session.facts);
    }
}

fn let_go(operation: &Operation, facts: &mut Facts) {
    for entry in facts.entries.values_mut() {
        if entry.kind == EntryKind::Capture && entry.operation.as_ref() == Some(&operation.id) {
            entry.operation = None;
        }
    }
}

fn is_our_capture(entry: &Entry, operation: &Operation) -> bool {
    let items_agree = [&operation.item_refs, &entry.item_refs]
        .into_iter()
        .any(String::is_empty)
        || operation.item_refs == entry.item_refs;
    echoes(entry, operation) && (items_agree || !stands(Guard::EchoAttributes))
}

/// Of that amount, of the second that we made unique, and of no other operation: ours, unless its items say otherwise.
fn echoes(entry: &Entry, operation: &Operation) -> bool {
    let free = entry
        .operation
        .as_ref()
        .is_none_or(|id| *id == operation.id);
    let second = entry.shipped_at_s.is_some() && entry.shipped_at_s == operation.shipped_at_s;
    free && entry.amount_minor == operation.amount_minor
        && (second || !stands(Guard::EchoAttributes))
}

/// Tamara's ids of the entries that may be this operation's effect, or somebody else's.
pub(super) fn candidates(operation: &Operation, facts: &Facts) -> Vec<String> {
    let ids = |kind| new_entries(operation, facts, kind).map(|entry| entry.id.clone());
    operation
        .kind
        .makes()
        .map_or_else(Vec::new, |kind| ids(kind).collect())
}

/// Entries of the operation's amount that no operation accounts for and that our facts did not hold before its first send
/// (R20): told by the payment's version, whatever clocks say and whenever a read began.
fn new_entries<'a>(
    operation: &'a Operation,
    facts: &'a Facts,
    kind: EntryKind,
) -> impl Iterator<Item = &'a Entry> {
    let first_sent = operation.first_sent_version.unwrap_or(i64::MAX);
    facts.entries_of(kind).filter(move |entry| {
        entry.operation.is_none()
            && entry.amount_minor == operation.amount_minor
            && entry.seen_version >= first_sent
    })
}

fn take(
    operation: &mut Operation,
    facts: &mut Facts,
    kind: EntryKind,
    found: Option<String>,
    context: &Context<'_>,
) -> bool {
    let Some(id) = found else { return false };
    attribute(facts, kind, &id, &operation.id);
    operation.tamara_id = Some(id);
    operation.end(OperationState::Succeeded, None, context.now_ms);
    true
}

fn attribute(facts: &mut Facts, kind: EntryKind, id: &str, operation: &OperationId) {
    if let Some(entry) = facts.entries.get_mut(&(kind, id.to_owned())) {
        entry.operation = Some(operation.clone());
    }
}

/// A refund whose id already stands in the facts is settled from them without a call (R20).
pub fn already_there(payment: &mut Payment, index: usize, context: &Context<'_>) -> bool {
    let session = payment.operations[index].session.clone();
    let Some(facts) = payment
        .sessions
        .iter_mut()
        .find(|s| s.id == session)
        .map(|s| &mut s.facts)
    else {
        return false;
    };
    let operation = &mut payment.operations[index];
    operation.kind == OperationKind::Refund && recognise_refund(operation, facts, context)
}

/// By our id; where Tamara does not repeat it, its answer has named one of the entries.
fn names(entry: &Entry, operation: &Operation) -> bool {
    entry.is_refund_of(&operation.id)
        || (entry.kind == EntryKind::Refund
            && operation.tamara_id.as_deref() == Some(entry.id.as_str()))
}

fn is_our_refund(entry: &Entry, operation: &Operation) -> bool {
    let by_amount = !stands(Guard::EchoAttributes)
        && entry.operation.is_none()
        && entry.amount_minor == operation.amount_minor;
    (names(entry, operation) || by_amount)
        && (entry.refund == RefundRank::Success || stands(Guard::AcceptedIsNotAbsent))
}

/// A refund is ours by `merchant_refund_id`; all entries with it are summed, and their status decides (R20).
fn recognise_refund(operation: &mut Operation, facts: &mut Facts, context: &Context<'_>) -> bool {
    let ours: Vec<(String, i64, RefundRank)> = facts
        .entries_of(EntryKind::Refund)
        .filter(|entry| is_our_refund(entry, operation))
        .map(|entry| (entry.id.clone(), entry.amount_minor, entry.refund))
        .collect();
    let Some((first, _, _)) = ours.first() else {
        return false;
    };
    operation.tamara_id = Some(first.clone());
    for (id, _, _) in &ours {
        attribute(facts, EntryKind::Refund, id, &operation.id);
    }
    let whole = ours
        .iter()
        .fold(0_i64, |sum, (_, minor, _)| sum.saturating_add(*minor))
        >= operation.amount_minor;
    let failed = ours.iter().all(|(_, _, rank)| *rank == RefundRank::Failed);
    let (state, reason) = if facts.refunded_by(&operation.id) >= operation.amount_minor {
        (OperationState::Succeeded, None)
    } else if whole && failed {
        (OperationState::Rejected, Some("refund_failed"))
    } else {
        (OperationState::Accepted, None)
    };
    operation.end(state, reason, context.now_ms);
    true
}

/// Absence (R19). Answers whether a person must look.
fn absent(
    operation: &mut Operation,
    facts: &mut Facts,
    total: i64,
    read: &Observation,
    context: &Context<'_>,
) -> bool {
    let last_sent_ms = operation.last_sent_at_ms.unwrap_or(i64::MAX);
    let last_sent = operation.last_sent_version.unwrap_or(i64::MAX);
    if operation.state != OperationState::Unknown
        || operation.kind == OperationKind::CreateSession
        || read.begun_version < last_sent
    {
        return false;
    }
    if operation.doubt_from_attempt.is_none() {
        // Every attempt was refused with a 409, and this is the read it had to end in (R21).
        operation.end(OperationState::Rejected, Some("conflict"), context.now_ms);
        let_go(operation, facts);
        return false;
    }
    if repeat_allowed(operation, facts, total) {
        if !operation.may_repeat {
            let tries = usize::try_from(operation.attempt).unwrap_or(1);
            operation.may_repeat = true;
            operation.next_try_at_ms =
                last_sent_ms.saturating_add(backoff_ms(context.policy.retry_ms, tries));
        }
        return false;
    }
    operation.may_repeat = false;
    let over_ms = last_sent_ms.saturating_add(context.policy.settle_window_ms);
    if read.begun_at_ms <= over_ms && stands(Guard::AbsenceWaits) {
        return false;
    }
    let reads = if stands(Guard::AbsenceIsReadTwice) {
        2
    } else {
        1
    };
    // Not counted any further: one more read of a doubt that waits for a person is no news.
    operation.late_reads = (operation.late_reads + 1).min(reads);
    operation.late_reads == reads && end_absent(operation, facts, context)
}

/// Whether Tamara would refuse the duplicate of this, and its facts still allow it (R19).
pub fn repeat_allowed(operation: &Operation, facts: &Facts, total: i64) -> bool {
    let allowed = match operation.kind {
        OperationKind::Authorise => facts.approved_now(),
        OperationKind::Capture | OperationKind::Cancel => {
            operation.everything_left
                && facts.live()
                && facts.uncaptured(total) == operation.amount_minor
        }
        // The same reference once more changes nothing.
        OperationKind::UpdateReference => true,
        OperationKind::CreateSession | OperationKind::Refund => false,
    };
    let partial = !stands(Guard::PartialsAreNotRepeated) && room_for(operation, facts, total);
    let allowed = allowed || partial;
    allowed && !operation.repeat_refused
}

/// Whether the facts leave room for the amount.
fn room_for(operation: &Operation, facts: &Facts, total: i64) -> bool {
    let room = match operation.kind {
        OperationKind::Capture | OperationKind::Cancel => facts.uncaptured(total),
        OperationKind::Refund => facts.captured().saturating_sub(facts.refunded()),
        OperationKind::CreateSession
        | OperationKind::Authorise
        | OperationKind::UpdateReference => 0,
    };
    facts.live() && operation.amount_minor <= room
}

fn end_absent(operation: &mut Operation, facts: &mut Facts, context: &Context<'_>) -> bool {
    let found = candidates(operation, facts);
    match (found.as_slice(), operation.kind) {
        ([], _) => {
            let (state, reason) = (OperationState::Rejected, Some(NOT_APPLIED));
            operation.end(state, reason, context.now_ms);
            false
        }
        ([only], OperationKind::Cancel) if !operation.everything_left => !take(
            operation,
            facts,
            EntryKind::Cancel,
            Some(only.clone()),
            context,
        ),
        _ => {
            operation.reason = Some("cannot_attribute".to_owned());
            true
        }
    }
}

/// What shows the effect of something that was called absent, or failed, after all: beyond what R19 assumes, or beyond
/// what a person knew (R17). One mark for each thing seen.
pub(super) fn effects_after_all(operation: &Operation, facts: &Facts, busy: bool) -> Vec<String> {
    let by_person = operation.reason.as_deref() == Some(NOT_APPLIED_BY_PERSON);
    let absent = by_person || operation.reason.as_deref() == Some(NOT_APPLIED);
    let mut marks: Vec<String> = match operation.kind {
        OperationKind::Capture if absent => {
            let ours = facts
                .entries_of(EntryKind::Capture)
                .filter(|entry| echoes(entry, operation));
            ours.map(|entry| entry.id.clone()).collect()
        }
        OperationKind::Refund => {
            let ours = facts
                .entries_of(EntryKind::Refund)
                .filter(|entry| names(entry, operation) && entry.refund != RefundRank::Failed);
            let mark = |entry: &Entry| match entry.refund {
                RefundRank::Success => format!("{} succeeded", entry.id),
                RefundRank::Other | RefundRank::Failed => entry.id.clone(),
            };
            ours.map(mark).collect()
        }
        OperationKind::Authorise if by_person && !busy && facts.was_authorised() => {
            vec!["authorised".to_owned()]
        }
        OperationKind::CreateSession
        | OperationKind::Authorise
        | OperationKind::Capture
        | OperationKind::Cancel
        | OperationKind::UpdateReference => Vec::new(),
    };
    if by_person && !busy {
        marks.extend(candidates(operation, facts));
    }
    marks
}

/// The entry of something that a person called applied before any read showed it (R17).
fn find_after_all(operation: &mut Operation, facts: &mut Facts) {
    let Some(kind) = operation.kind.makes().filter(|_| operation.told_applied()) else {
        return;
    };
    let mut ours: Vec<String> = facts
        .entries_of(kind)
        .filter(|entry| match kind {
            EntryKind::Capture => is_our_capture(entry, operation),
            EntryKind::Refund => names(entry, operation),
            EntryKind::Cancel => entry.operation.as_ref() == Some(&operation.id),
        })
        .map(|entry| entry.id.clone())
        .collect();
    if ours.is_empty() && operation.tamara_id.is_none() {
        ours = candidates(operation, facts);
        ours.truncate(1);
    }
    for id in ours {
        attribute(facts, kind, &id, &operation.id);
        operation.tamara_id.get_or_insert(id);
    }
}

/// A person says that it was applied: one of the entries that may be its effect is (R17).
pub(super) fn apply_by_person(operation: &mut Operation, facts: &mut Facts, now_ms: i64) {
    operation.end(OperationState::Succeeded, Some(APPLIED_BY_PERSON), now_ms);
    find_after_all(operation, facts);
}
