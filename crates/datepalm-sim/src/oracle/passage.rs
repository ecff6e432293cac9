//! What must hold between two looks at one payment.

use super::{Broken, Seen, hold, told};
use datepalm::domain::facts::EntryKind;
use datepalm::domain::operation::{Operation, OperationKind, OperationState, Origin};
use datepalm::domain::payment::{CancelPromise, CancelState, Payment, Session};
use std::collections::BTreeSet;

/// Checks what became of `before`. Answers how many things were checked.
pub(super) fn from(before: &Payment, seen: &Seen<'_>) -> Result<u64, Broken> {
    let after = seen.payment;
    hold(after.version >= before.version, "versions_grow", || {
        format!("{} {} {}", after.id, before.version, after.version)
    })?;
    let mut checks = 1;
    for session in &before.sessions {
        checks += facts_only_grow(after, session)?;
    }
    for operation in &before.operations {
        checks += an_ending_stands(after, operation)?;
    }
    mark_stands(before, after)?;
    no_capture_starts_beside_a_cancel(before, after)?;
    paid_does_not_flicker(before, seen)?;
    final_is_final(before, after)?;
    winner_stays(before, after)?;
    Ok(checks + 4)
}

/// A session's status never falls in rank, and what was known stays known (R2).
fn facts_only_grow(after: &Payment, before: &Session) -> Result<u64, Broken> {
    let Some(session) = after.session(&before.id) else {
        return Err(Broken {
            name: "a_2xx_is_durable",
            what: format!("session {} is gone", before.id),
        });
    };
    hold(
        session.facts.rank >= before.facts.rank,
        "status_never_falls_in_rank",
        || {
            format!(
                "{} {:?} {:?}",
                before.id, before.facts.rank, session.facts.rank
            )
        },
    )?;
    let known = &session.facts.entries;
    let lost = before
        .facts
        .entries
        .keys()
        .find(|key| !known.contains_key(*key));
    hold(lost.is_none(), "facts_only_grow", || {
        format!("{} lost {lost:?}", before.id)
    })?;
    hold(
        before.order.is_none() || session.order == before.order,
        "same_key_same_order",
        || format!("{:?} {:?}", before.order, session.order),
    )?;
    Ok(3)
}

/// What ended stays as it ended: only a late answer may turn a lost create into a session, and that changes no state.
fn an_ending_stands(after: &Payment, before: &Operation) -> Result<u64, Broken> {
    let Some(operation) = after.operation(before.id.as_str()) else {
        return Err(Broken {
            name: "a_2xx_is_durable",
            what: format!("operation {} is gone", before.id),
        });
    };
    let ended = matches!(
        before.state,
        OperationState::Succeeded | OperationState::Rejected
    );
    hold(
        !ended || operation.state == before.state,
        "an_ending_stands",
        || format!("{before:?} became {operation:?}"),
    )?;
    hold(operation.attempt >= before.attempt, "attempts_grow", || {
        format!("{before:?} became {operation:?}")
    })?;
    Ok(2)
}

/// A mark that was accepted ends as done or refused, and never goes away (R23).
fn mark_stands(before: &Payment, after: &Payment) -> Result<(), Broken> {
    let Some(mark) = &before.cancel else {
        return Ok(());
    };
    let name = "a_cancel_mark_stands";
    let now = after.cancel.as_ref();
    let say = || format!("{} {mark:?} became {now:?}", after.id);
    hold(now.is_some(), name, say)?;
    let state = now.map(|mark| mark.state);
    hold(
        mark.state != CancelState::Done || state == Some(CancelState::Done),
        name,
        say,
    )?;
    // Accepted before the order was known as authorised, it always gives the money back.
    hold(
        mark.promise != CancelPromise::GiveBack || state != Some(CancelState::Refused),
        "a_promise_to_give_back_is_kept",
        say,
    )
}

/// While a cancel mark stands no capture is sent that was not sent before (R24).
fn no_capture_starts_beside_a_cancel(before: &Payment, after: &Payment) -> Result<(), Broken> {
    let stands = before.cancel_stands() && after.cancel_stands();
    let started = after.operations.iter().find(|operation| {
        let known = before.operation(operation.id.as_str());
        operation.kind == OperationKind::Capture
            && operation.attempt > 0
            && known.is_none_or(|known| known.attempt == 0)
    });
    hold(
        !stands || started.is_none(),
        "no_capture_starts_beside_a_cancel",
        || format!("{} {started:?}", after.id),
    )
}

/// What is paid stays paid until the merchant, or a person in the portal, takes the money away; what ended so comes back
/// only because an operation of ours ended otherwise than was feared.
fn paid_does_not_flicker(before: &Payment, seen: &Seen<'_>) -> Result<(), Broken> {
    let after = seen.payment;
    let name = "paid_does_not_flicker";
    if before.paid() && !after.paid() {
        let winner = before.winner().expect("it was paid");
        let book = seen.book(winner);
        let gone = book
            .as_ref()
            .map_or(0, |book| book.canceled_minor() + book.refunded_minor());
        let asked: i64 = after
            .operations
            .iter()
            .filter(|o| o.session == winner.id)
            // What a person wrongly called applied counts as gone for ever (R17).
            .filter(|o| o.pending() || (o.told_applied() && seen.is_mistaken(o)))
            .filter(|o| matches!(o.kind, OperationKind::Cancel | OperationKind::Refund))
            .map(|o| o.amount_minor)
            .sum();
        let dead = book
            .as_ref()
            .is_some_and(|book| super::held_minor(book) == 0);
        let taken = after.cancel_stands() || dead || gone + asked >= after.total.minor();
        hold(taken, name, || {
            format!(
                "{} is no longer paid: {:?}",
                after.id,
                book.as_ref().map(told)
            )
        })?;
    }
    if !before.paid() && after.paid() && before.ever_paid {
        let refused = before.operations.iter().any(|operation| {
            let ended = after.operation(operation.id.as_str());
            let now = ended.map(|o| o.state);
            // In doubt, a partial cancel counts beside its own entry until the window is over (R9, R20), and a refund that
            // lost its id until its answer comes, or a person says that it was applied (R17).
            let by_person = ended.is_some_and(Operation::told_applied);
            let loses_id = seen.world.setting.drops_refund_id;
            let unnamed = operation.kind == OperationKind::Cancel
                || (operation.kind == OperationKind::Refund && loses_id);
            let counted_twice = by_person || (unnamed && now == Some(OperationState::Succeeded));
            operation.pending() && (counted_twice || now == Some(OperationState::Rejected))
        });
        let unmarked = before.cancel_stands() && !after.cancel_stands();
        // After a restore nothing is paid before it was read again (R30).
        let read_again = before.recovering();
        hold(refused || unmarked || read_again, name, || {
            format!("{before:?} is paid again: {after:?}")
        })?;
    }
    Ok(())
}

/// Final means that nothing is planned: what comes next comes of a request, of the portal, or of news (R10).
fn final_is_final(before: &Payment, after: &Payment) -> Result<(), Broken> {
    if !before.is_final() {
        return Ok(());
    }
    let news = before.sessions.len() != after.sessions.len()
        || after.sessions.iter().any(|session| {
            let known = before.session(&session.id);
            known.is_none_or(|known| {
                known.order != session.order
                    || known.facts.rank != session.facts.rank
                    || known.facts.entries.len() != session.facts.entries.len()
            })
        });
    let planned = after.operations.iter().find(|operation| {
        operation.origin == Origin::Plan && before.operation(operation.id.as_str()).is_none()
    });
    let looked = |payment: &Payment| {
        payment
            .points
            .iter()
            .filter(|point| !point.is_open())
            .count()
    };
    let asked = before.cancel != after.cancel || looked(before) != looked(after);
    hold(
        planned.is_none() || news || asked,
        "final_means_nothing_is_planned",
        || format!("{} then {planned:?}", after.id),
    )
}

/// A winner dies only declined or expired without ever having been authorised (R13).
fn winner_stays(before: &Payment, after: &Payment) -> Result<(), Broken> {
    let Some(winner) = before.winner() else {
        return Ok(());
    };
    hold(
        after.winner.as_ref() == Some(&winner.id) || !winner.facts.was_authorised(),
        "a_winner_stays",
        || format!("{} {:?} then {:?}", after.id, before.winner, after.winner),
    )
}

/// What was shown as paid is never released by us (R14): unless the merchant asked for a cancel, no plan takes its money.
pub(super) fn never_released(seen: &Seen<'_>, shown: &BTreeSet<String>) -> Result<u64, Broken> {
    let payment = seen.payment;
    let taken = payment.operations.iter().find(|operation| {
        operation.origin == Origin::Plan
            && matches!(
                operation.kind,
                OperationKind::Cancel | OperationKind::Refund
            )
            && shown.contains(operation.session.as_str())
            && payment.cancel.is_none()
    });
    hold(taken.is_none(), "what_was_paid_is_not_released", || {
        format!("{} {taken:?}", payment.id)
    })?;
    Ok(1)
}

/// Whether an order's entries of a kind hold one that nobody here asked for.
pub(super) fn has_foreign(session: &Session, kind: EntryKind) -> bool {
    session
        .facts
        .entries_of(kind)
        .any(|entry| entry.operation.is_none())
}
