//! After an old copy of the database was put back (R30): what may have happened since the copy was made is unknown, and a
//! payment stands still until reads that are late enough have shown what did.
//!
//! Nothing here finds out that data is old; somebody says so. Invariant: a session's mark goes with a believed read that
//! began later than the settle window after the restore, or, where there is no order to read, with its create.

use super::attention::Concern;
use super::context::Context;
use super::facts::{Entry, Observation, OrderRank};
use super::guard::{Guard, stands};
use super::observe::refresh;
use super::operation::{Operation, OperationState};
use super::payment::{AttentionReason, Payment, Policy, Restored, Session};
use super::status::session_terminal;
use crate::ids::{OperationId, SessionId};

/// Where versions and sequence numbers go on after a restore at that moment: the moment in microseconds. It is above all
/// that was ever given out, by an earlier restore of the same copy too, as long as the clock is right and neither a payment
/// nor the log changes a million times a second; and it fits into a JSON number (2^53) until the year 2255.
pub fn epoch(restored_at_ms: i64) -> i64 {
    restored_at_ms.saturating_mul(1_000)
}

/// Takes in that this payment was restored at `context.now_ms`. May run again, with the same time or a later one.
pub fn recover(payment: &mut Payment, context: &Context<'_>) {
    if stands(Guard::EpochLifts) {
        payment.version = payment.version.max(epoch(context.now_ms));
    }
    let restored = Restored {
        at_ms: context.now_ms,
        version: payment.version,
    };
    for operation in &mut payment.operations {
        forget(operation, restored);
    }
    // A copy that was made in the middle of an earlier recovery holds what that one has seen and not judged.
    let seen_before = |session: &Session| {
        session
            .restored
            .map_or_else(Vec::new, |earlier| unexplained(session, earlier))
    };
    for concern in payment
        .sessions
        .iter()
        .flat_map(seen_before)
        .collect::<Vec<_>>()
    {
        payment.raise(concern, context.now_ms);
    }
    let moved: Vec<SessionId> = payment
        .sessions
        .iter()
        .filter(|session| may_have_moved(payment, session, context.policy))
        .map(|session| session.id.clone())
        .collect();
    for session in &mut payment.sessions {
        if moved.contains(&session.id) || session.restored.is_some() {
            session.restored = Some(restored);
            payment.check_step = 0;
        }
    }
    refresh(payment, context);
}

/// Whatever was intended or in doubt when the copy was made may have been sent until now; whoever sent it is gone.
fn forget(operation: &mut Operation, restored: Restored) {
    if !operation.in_flight() || !stands(Guard::RestoredIsUnknown) {
        return;
    }
    if operation.state.is_intent_or_sending() {
        operation
            .doubt_from_attempt
            .get_or_insert(operation.attempt);
        operation.reason = Some("restored".to_owned());
    }
    operation.state = OperationState::Unknown;
    operation.lease = None;
    operation.may_repeat = false;
    operation.not_sent_in_a_row = 0;
    operation.turned_away_in_a_row = 0;
    operation.late_reads = 0;
    operation.first_sent_version.get_or_insert(restored.version);
    operation.last_sent_at_ms = Some(restored.at_ms);
    operation.last_sent_version = Some(restored.version);
}

/// Whether Tamara may know more of a session than the copy. A declined one may have been approved since, unless a read
/// after its end said so (R10).
fn may_have_moved(payment: &Payment, session: &Session, policy: &Policy) -> bool {
    !session_terminal(payment, session)
        || (session.order.is_some()
            && session.facts.rank == OrderRank::Declined
            && !session.declined_for_good(policy))
}

/// A believed read of that session: late enough, it ends the recovery of it; what it shows and nobody here asked for needs
/// a person.
pub(super) fn leave(
    payment: &mut Payment,
    session: &SessionId,
    read: &Observation,
    context: &Context<'_>,
) {
    let Some(session) = payment.session_mut(session) else {
        return;
    };
    let Some(restored) = session.restored else {
        return;
    };
    if read.begun_at_ms <= until_ms(restored, context.policy)
        || read.begun_version < restored.version
    {
        return;
    }
    session.restored = None;
    for concern in unexplained(session, restored) {
        payment.raise(concern, context.now_ms);
    }
}

/// What the order shows and the copy did not, and what no operation of ours accounts for.
fn unexplained(session: &Session, restored: Restored) -> Vec<Concern> {
    let news = |entry: &&Entry| entry.operation.is_none() && entry.seen_version >= restored.version;
    let reason = AttentionReason::RestoredUnknownEffect;
    let concern = |entry: &Entry| Concern::of_session(reason, &session.id, &entry.id);
    let entries = session.facts.entries.values();
    entries.filter(news).map(concern).collect()
}

/// A read that begins later than this shows whatever was sent before the restore (R19).
fn until_ms(restored: Restored, policy: &Policy) -> i64 {
    restored.at_ms.saturating_add(policy.settle_window_ms)
}

/// Where there is no order, there is nothing to read: the recovery of such a session ends with its create (R22). That one
/// was in flight when the copy was made, so its address may have been given out since, and paid: a person looks.
pub(super) fn let_go(payment: &mut Payment, context: &Context<'_>) {
    if payment.restored().is_none() {
        return;
    }
    let over: Vec<SessionId> = payment
        .sessions
        .iter()
        .filter(|session| session.restored.is_some() && session.order.is_none())
        .filter(|session| session_terminal(payment, session))
        .map(|session| session.id.clone())
        .collect();
    for session in &mut payment.sessions {
        if over.contains(&session.id) {
            session.restored = None;
        }
    }
    for id in over {
        let reason = AttentionReason::RestoredUnknownEffect;
        payment.raise(
            Concern::of_session(reason, &id, "create_session"),
            context.now_ms,
        );
    }
}

/// A refund of ours whose row was lost with the data, but not its effect: the same key makes the same id, and that id stands
/// in the facts (R20). Answers the session, and the sum of its entries in minor units.
pub fn refund_without_row(payment: &Payment, id: &OperationId) -> Option<(SessionId, i64)> {
    payment.sessions.iter().find_map(|session| {
        let mut own = session
            .facts
            .entries
            .values()
            .filter(|entry| entry.is_refund_of(id))
            .map(|entry| entry.amount_minor);
        let first = own.next()?;
        Some((session.id.clone(), own.fold(first, i64::saturating_add)))
    })
}

/// Tamara has an order with a reference of this payment that none of its sessions has: one opened after the copy was made.
/// It may be paid, so nothing of this payment moves until a person has looked.
pub fn lost_order(
    payment: &mut Payment,
    order_id: &str,
    order_reference_id: &str,
    context: &Context<'_>,
) {
    let named = |session: &&Session| session.order_reference_id == order_reference_id;
    let session = payment.sessions.iter().find(named);
    let session = session.or_else(|| payment.newest_session());
    if let Some(id) = session.map(|session| session.id.clone()) {
        let reason = AttentionReason::RestoredUnknownEffect;
        payment.raise(Concern::of_session(reason, &id, order_id), context.now_ms);
    }
}

impl Payment {
    /// Whether it was restored from an old copy and not read since (R30): no money calls, neither paid nor final.
    pub fn recovering(&self) -> bool {
        stands(Guard::RecoveryReadsFirst) && self.restored().is_some()
    }

    /// The newest restore that it has not recovered from.
    pub fn restored(&self) -> Option<Restored> {
        let marks = self.sessions.iter().filter_map(|session| session.restored);
        marks.max_by_key(|restored| restored.at_ms)
    }

    /// A read that begins later than this ends the recovery.
    pub fn recovering_until_ms(&self, policy: &Policy) -> Option<i64> {
        self.restored().map(|restored| until_ms(restored, policy))
    }

    /// Whether a restore showed an effect that nobody here asked for, and no person has cleared it (R30).
    pub fn stopped_after_restore(&self) -> bool {
        stands(Guard::RestoredEffectStops) && self.asks_for(AttentionReason::RestoredUnknownEffect)
    }
}
