//! What the core would do without a guard, where that takes more than leaving out a condition. Compiled with the feature
//! `mutations` alone: no program that takes payments has any of it.

use super::context::Context;
use super::deadline::{DeadlineKind, next_deadline};
use super::facts::{Observation, OrderRank, Source, Word};
use super::guard::{Guard, stands};
use super::payment::Payment;

/// Without R15: a deadline that passed on our clock is taken for the end of the order.
pub fn expire_by_our_clock(payment: &mut Payment, context: &Context<'_>) {
    if stands(Guard::ClockExpiresNothing) {
        return;
    }
    let Some((DeadlineKind::SessionExpiry | DeadlineKind::AuthoriseBy, at_ms)) =
        next_deadline(payment, context.policy)
    else {
        return;
    };
    if at_ms > context.now_ms {
        return;
    }
    for session in &mut payment.sessions {
        if session.facts.rank <= OrderRank::Approved && session.order.is_some() {
            session.facts.rank = OrderRank::Expired;
        }
    }
}

/// Without R4: a 404 is read as the end of the order.
pub fn not_found_is_expired(begun_at_ms: i64) -> Option<Observation> {
    (!stands(Guard::NotFoundIsNoFact)).then(|| said(OrderRank::Expired, begun_at_ms))
}

/// Without R1: what a notification says is taken for a fact.
pub fn notified(rank: OrderRank, now_ms: i64) -> Option<Observation> {
    (!stands(Guard::NotificationIsNoFact)).then(|| said(rank, now_ms))
}

fn said(rank: OrderRank, begun_at_ms: i64) -> Observation {
    Observation {
        source: Source::Read,
        begun_at_ms,
        begun_version: i64::MAX,
        word: Some(Word::Known(rank)),
        entries: Vec::new(),
        sums: None,
        mismatch: false,
        reference: None,
    }
}
