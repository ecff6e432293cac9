//! The normal form of a world: what cannot make a difference any more is made equal, so that the exploration ends.
//!
//! Invariant: two worlds with the same normal form behave alike. Every moment of every row is named here, without a rest
//! pattern: a new one must be given its place before the model compiles again.

use crate::world::{Call, Message, NOW, Sender, Setting, TICK, World};
use datepalm::domain::attention::{AttentionReason, Point};
use datepalm::domain::deadline::Warned;
use datepalm::domain::facts::{Entry, Facts};
use datepalm::domain::operation::{Lease, Operation, OperationKind, OperationState, Origin};
use datepalm::domain::payment::{CancelMark, Order, Payment, Restored, Session};

/// Longer than every duration of the policy: what is older than this is simply old.
const OLD: i64 = NOW - 5 * TICK;

/// Reads in a row without news are counted up to this: the gap doubles that often.
const LOOKS_MAX: i64 = 2;

/// Late reads that show no effect are counted up to this: two end an operation (R19).
const READS_MAX: i64 = 2;

/// A tick: every moment is one tick further away.
pub fn pass_a_tick(world: &mut World) {
    each_moment(world, &mut |at_ms| *at_ms -= TICK);
    for order in &mut world.orders {
        order.earlier = order.book.clone();
    }
}

/// Brings a world into its normal form.
pub fn normalise(world: &mut World, setting: &Setting) {
    world
        .calls
        .retain(|call| call.sender != Sender::Gone || call.message == Message::OnItsWay);
    for call in &mut world.calls {
        forget_call(call);
    }
    world.forget_lost();
    for payment in payments(world) {
        payment.check_step = payment.check_step.min(LOOKS_MAX);
        for operation in &mut payment.operations {
            forget(operation, setting);
        }
        for point in &mut payment.points {
            // What was read when, as text; nobody resolves points here, so it tells nothing apart.
            let timed = matches!(
                point.reason,
                AttentionReason::OrderMismatch
                    | AttentionReason::OrderNotFound
                    | AttentionReason::UnknownStatus
            );
            if timed {
                point.marks.clear();
            }
        }
    }
    let approvals: Vec<Vec<Option<i64>>> =
        payments(world).map(|it| order_of_approvals(it)).collect();
    let doubted: Vec<Vec<bool>> = payments(world).map(|it| doubts(it)).collect();
    each_moment(world, &mut |at_ms| *at_ms = (*at_ms).max(OLD));
    for (index, payment) in payments(world).enumerate() {
        for (number, session) in payment.sessions.iter_mut().enumerate() {
            session.facts.approved_at_ms = approvals[index][number];
            if !doubted[index][number]
                && let Some((at_ms, _)) = &mut session.facts.doubted_at_ms
                && *at_ms == OLD
            {
                *at_ms = OLD - 1;
            }
        }
    }
    number_versions(world);
}

/// The rows of the service, and those of its copy.
fn payments(world: &mut World) -> impl Iterator<Item = &mut Payment> {
    let copied = world.copy.as_mut().map(|copy| &mut copy.payments);
    let copied = copied.into_iter().flatten();
    world.payments.iter_mut().chain(copied)
}

/// A lease is asked about before the first byte; when that left, while somebody waits for what comes of it.
fn forget_call(call: &mut Call) {
    if call.message != Message::Unsent {
        call.granted_at_ms = OLD;
        call.lease.until_ms = OLD;
    }
}

/// What is over needs no clock: its times and its place among the versions say nothing any more.
fn forget(operation: &mut Operation, setting: &Setting) {
    let over = matches!(
        operation.state,
        OperationState::Succeeded | OperationState::Rejected
    );
    if over {
        operation.created_at_ms = OLD;
        operation.next_try_at_ms = OLD;
        // Only a plan that waits before it asks again wants to know when.
        if setting.policy.retry_ms == 0 || operation.origin == Origin::Request {
            operation.ended_at_ms = Some(OLD);
        }
        operation.first_sent_version = None;
        // The last change of a reference is the one that stands.
        if operation.kind != OperationKind::UpdateReference {
            operation.last_sent_at_ms = None;
            operation.last_sent_version = None;
        }
        operation.late_reads = 0;
        operation.may_repeat = false;
        operation.not_sent_in_a_row = 0;
        operation.turned_away_in_a_row = 0;
    }
    operation.late_reads = operation.late_reads.min(READS_MAX);
}

/// When each session was approved: recent moments as they are, older ones by their order alone, which elects a winner.
fn order_of_approvals(payment: &Payment) -> Vec<Option<i64>> {
    let moments: Vec<Option<i64>> = payment
        .sessions
        .iter()
        .map(|session| session.facts.approved_at_ms)
        .collect();
    let mut old: Vec<i64> = moments
        .iter()
        .flatten()
        .copied()
        .filter(|at_ms| *at_ms < OLD)
        .collect();
    old.sort_unstable_by(|a, b| b.cmp(a));
    old.dedup();
    let rank = |at_ms: i64| old.iter().position(|known| *known == at_ms);
    let place = |at_ms: i64| {
        rank(at_ms).map_or(at_ms, |rank| {
            OLD - 1 - i64::try_from(rank).expect("there are few sessions")
        })
    };
    moments.into_iter().map(|at| at.map(place)).collect()
}

fn doubts(payment: &Payment) -> Vec<bool> {
    payment
        .sessions
        .iter()
        .map(|session| session.facts.doubted())
        .collect()
}

/// Versions count transactions. What matters is on which side of a send, or of a restore, something was seen.
fn number_versions(world: &mut World) {
    for index in 0..world.payments.len() {
        let marks = marks(&mut world.payments[index]);
        each_version(world, index, &mut |version| side(&marks, version));
        each_mark(&mut world.payments[index], &mut |version| {
            side(&marks, version);
        });
    }
    // Nobody else has a version of the copy: calls and reads end with the service that it replaces.
    for payment in world.copy.iter_mut().flat_map(|copy| &mut copy.payments) {
        let marks = marks(payment);
        own_versions(payment, &mut |version| side(&marks, version));
        each_mark(payment, &mut |version| side(&marks, version));
    }
}

fn marks(payment: &mut Payment) -> Vec<i64> {
    let mut marks = Vec::new();
    each_mark(payment, &mut |version| marks.push(*version));
    marks.sort_unstable();
    marks.dedup();
    marks
}

fn side(marks: &[i64], version: &mut i64) {
    let side = marks.partition_point(|mark| mark <= version);
    *version = i64::try_from(side).expect("there are few marks");
}

/// The versions that others are compared with.
fn each_mark(payment: &mut Payment, visit: &mut impl FnMut(&mut i64)) {
    for operation in &mut payment.operations {
        operation
            .first_sent_version
            .iter_mut()
            .for_each(&mut *visit);
        operation.last_sent_version.iter_mut().for_each(&mut *visit);
    }
    for session in &mut payment.sessions {
        if let Some(restored) = &mut session.restored {
            visit(&mut restored.version);
        }
    }
}

/// The versions that are compared with them.
fn each_version(world: &mut World, index: usize, visit: &mut impl FnMut(&mut i64)) {
    own_versions(&mut world.payments[index], visit);
    for call in &mut world.calls {
        if call.payment == index && call.sender != Sender::Gone {
            visit(&mut call.version);
        }
    }
    let orders = &world.orders;
    for read in &mut world.reads {
        if orders[read.order].payment == index {
            visit(&mut read.version);
        }
    }
}

fn own_versions(payment: &mut Payment, visit: &mut impl FnMut(&mut i64)) {
    visit(&mut payment.version);
    for session in &mut payment.sessions {
        for entry in session.facts.entries.values_mut() {
            visit(&mut entry.seen_version);
        }
    }
}

/// A world without the moments that decide nothing but when it is looked at next. In an exploration a read may come at any
/// time, because a notification may; the runs to rest keep them.
pub fn without_looks(world: &World) -> World {
    let mut world = world.clone();
    for call in &mut world.calls {
        // It only dates the entry that the answer will bring.
        if call.message == Message::Over {
            call.left_at_ms = Some(OLD);
        }
    }
    let reads = !world.reads.is_empty();
    for payment in payments(&mut world) {
        payment.check_step = 0;
        payment.next_check_at_ms = None;
        payment.created_at_ms = OLD;
        for point in &mut payment.points {
            point.since_ms = OLD;
        }
        for operation in &mut payment.operations {
            if operation.kind.moves_money() {
                operation.created_at_ms = OLD;
            }
        }
        let approvals = ranks(payment, |session| session.facts.approved_at_ms);
        for (session, approval) in payment.sessions.iter_mut().zip(approvals) {
            session.created_at_ms = OLD;
            let doubted = session.facts.doubted();
            let facts = &mut session.facts;
            facts.approved_at_ms = approval;
            facts.authorised_at_ms = facts.authorised_at_ms.map(|_| OLD);
            // A slow read may still come between a doubt and the read that lifted it.
            if !reads {
                facts.trusted_at_ms = facts.trusted_at_ms.map(|_| OLD);
                if let Some((at_ms, _)) = &mut facts.doubted_at_ms {
                    *at_ms = if doubted { OLD } else { OLD - 1 };
                }
            }
            for entry in facts.entries.values_mut() {
                entry.seen_at_ms = OLD;
            }
            if let Some(order) = &mut session.order {
                order.opened_at_ms = OLD;
            }
        }
    }
    world
}

/// The order of moments alone: 0 is the newest.
fn ranks(payment: &Payment, of: impl Fn(&Session) -> Option<i64>) -> Vec<Option<i64>> {
    let mut moments: Vec<i64> = payment.sessions.iter().filter_map(&of).collect();
    moments.sort_unstable_by(|a, b| b.cmp(a));
    moments.dedup();
    let place = |at_ms: i64| moments.iter().position(|known| *known == at_ms);
    let rank = |at_ms| place(at_ms).and_then(|rank| i64::try_from(rank).ok());
    payment
        .sessions
        .iter()
        .map(|session| of(session).and_then(rank))
        .collect()
}

/// Every moment that a rule may ask about.
fn each_moment(world: &mut World, visit: &mut impl FnMut(&mut i64)) {
    for payment in payments(world) {
        of_payment(payment, visit);
    }
    for order in &mut world.orders {
        visit(&mut order.opened_at_ms);
    }
    for call in &mut world.calls {
        visit(&mut call.granted_at_ms);
        visit(&mut call.lease.until_ms);
        call.left_at_ms.iter_mut().for_each(&mut *visit);
    }
    for read in &mut world.reads {
        visit(&mut read.begun_at_ms);
    }
}

fn of_payment(payment: &mut Payment, visit: &mut impl FnMut(&mut i64)) {
    let Payment {
        id: _,
        account: _,
        merchant_reference: _,
        total: _,
        country: _,
        capture_mode: _,
        created_at_ms,
        version: _,
        held: _,
        ever_paid: _,
        winner: _,
        cancel,
        check_step: _,
        next_check_at_ms,
        sessions,
        operations,
        points,
    } = payment;
    visit(created_at_ms);
    if let Some(CancelMark {
        state: _,
        promise: _,
        accepted_at_ms,
    }) = cancel
    {
        visit(accepted_at_ms);
    }
    next_check_at_ms.iter_mut().for_each(&mut *visit);
    for Point {
        id: _,
        reason: _,
        session: _,
        operation: _,
        since_ms,
        resolved_at_ms,
        marks: _,
    } in points
    {
        visit(since_ms);
        resolved_at_ms.iter_mut().for_each(&mut *visit);
    }
    for session in sessions {
        of_session(session, visit);
    }
    for operation in operations {
        of_operation(operation, visit);
    }
}

fn of_session(session: &mut Session, visit: &mut impl FnMut(&mut i64)) {
    let Session {
        id: _,
        number: _,
        order_reference_id: _,
        return_token: _,
        created_at_ms,
        order,
        customer_canceled: _,
        unwanted: _,
        warned,
        facts,
        restored,
    } = session;
    visit(created_at_ms);
    if let Some(Order {
        order_id: _,
        checkout_id: _,
        checkout_url: _,
        opened_at_ms,
    }) = order
    {
        visit(opened_at_ms);
    }
    if let Some(Warned {
        kind: _,
        percent: _,
        deadline_ms,
    }) = warned
    {
        visit(deadline_ms);
    }
    if let Some(Restored { at_ms, version: _ }) = restored {
        visit(at_ms);
    }
    let Facts {
        rank: _,
        approved_at_ms,
        authorised_at_ms,
        entries,
        contradicted: _,
        trusted_at_ms,
        doubted_at_ms,
    } = facts;
    approved_at_ms.iter_mut().for_each(&mut *visit);
    authorised_at_ms.iter_mut().for_each(&mut *visit);
    trusted_at_ms.iter_mut().for_each(&mut *visit);
    if let Some((at_ms, _)) = doubted_at_ms {
        visit(at_ms);
    }
    for entry in entries.values_mut() {
        let Entry {
            kind: _,
            id: _,
            amount_minor: _,
            seen_at_ms,
            seen_version: _,
            refund: _,
            merchant_refund_id: _,
            // Only compared for being the same, and never moved: every capture names its own second of `NOW`.
            shipped_at_s: _,
            item_refs: _,
            operation: _,
        } = entry;
        visit(seen_at_ms);
    }
}

fn of_operation(operation: &mut Operation, visit: &mut impl FnMut(&mut i64)) {
    let Operation {
        id: _,
        session: _,
        kind: _,
        key: _,
        fingerprint: _,
        state: _,
        origin: _,
        amount_minor: _,
        everything_left: _,
        shipped_at_s: _,
        item_refs: _,
        details: _,
        attempt: _,
        doubt_from_attempt: _,
        may_repeat: _,
        repeat_refused: _,
        not_sent_in_a_row: _,
        turned_away_in_a_row: _,
        late_reads: _,
        first_sent_version: _,
        last_sent_at_ms,
        last_sent_version: _,
        next_try_at_ms,
        lease,
        reason: _,
        tamara_id: _,
        created_at_ms,
        ended_at_ms,
        reference: _,
    } = operation;
    last_sent_at_ms.iter_mut().for_each(&mut *visit);
    visit(next_try_at_ms);
    if let Some(Lease { token: _, until_ms }) = lease {
        visit(until_ms);
    }
    visit(created_at_ms);
    ended_at_ms.iter_mut().for_each(&mut *visit);
}
