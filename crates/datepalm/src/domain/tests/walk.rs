//! A random walk of the core against a small Tamara: answers lost and late, calls that never arrive, stale reads, lapsed
//! leases, a person in the portal, one who decides about doubts, several sessions, cancels. After every step and at the end, the properties of
//! `docs/payment-model.md`.

use super::desk::{Desk, HOUR, SECOND, TOTAL};
use super::fake::{LATE_MS, Order};
use super::said::{entry, lost, not_sent, turned_away};
use crate::domain::decide::Command;
use crate::domain::ending::Outcome;
use crate::domain::facts::{EntryKind, OrderRank, RefundRank, Word};
use crate::domain::journal::Answer;
use crate::domain::operation::{Operation, OperationKind, OperationState, Origin};
use crate::domain::payment::{AttentionReason, CancelState};
use crate::domain::status::session_dead;
use crate::ids::{OperationId, SessionId};
use proptest::prelude::*;

/// One step: what, and two choices that it makes.
type Choice = (u8, u8, u8);

struct Walk {
    desk: Desk,
    orders: Vec<Order>,
    /// Calls on their way: `(arrives at, operation)`.
    late: Vec<(i64, Operation)>,
    /// Answers on their way back: operation, attempt, token, answer.
    answers: Vec<(OperationId, i64, String, Answer)>,
    winner: Option<SessionId>,
}

impl Walk {
    fn new(automatic: bool) -> Self {
        let desk = Desk::pending();
        let desk = if automatic { desk.automatic() } else { desk };
        let orders = vec![Order::new(desk.now_ms)];
        Self {
            desk,
            orders,
            late: Vec::new(),
            answers: Vec::new(),
            winner: None,
        }
    }

    fn index(&self, session: &SessionId) -> usize {
        let sessions = &self.desk.payment.sessions;
        sessions
            .iter()
            .position(|s| s.id == *session)
            .expect("it was opened here")
    }

    fn step(&mut self, (what, a, b): Choice) {
        let index = usize::from(a) % self.orders.len();
        match what % 17 {
            0 | 1 => self.customer(index, b),
            2 => self.portal(index, b),
            3..=5 => self.read(index, b),
            6 | 7 => self.request(a, b),
            8..=11 => self.send(a, b),
            12 => self.tick(b),
            13 => self.answer(a),
            14 if self.orders.len() < 3 && self.desk.payment.cancel.is_none() => {
                self.desk.open_session();
                self.orders.push(Order::new(self.desk.now_ms));
            }
            14 => self.orders[index].pay_refunds(self.desk.now_ms),
            15 => self.person(a),
            _ => self.desk.refresh(),
        }
        self.desk.plan();
        self.check();
    }

    /// A person who knows what is true at Tamara ends what stays in doubt (R17), or resolves a point (decision 0003).
    fn person(&mut self, a: u8) {
        let in_doubt = |operation: &&Operation| {
            matches!(
                operation.state,
                OperationState::Unknown | OperationState::Accepted
            )
        };
        let doubt = self.desk.payment.operations.iter().find(in_doubt).cloned();
        if let Some(operation) = doubt {
            let order = &self.orders[self.index(&operation.session)];
            let outcome = match order.effects(&operation.id) {
                0 => Outcome::NotApplied,
                _ => Outcome::Applied,
            };
            // Refused while an effect may still arrive.
            let _ = self.desk.end(&operation.id, outcome);
        }
        let open: Vec<_> = self.desk.payment.open_points().map(|p| p.reason).collect();
        if !open.is_empty() {
            // Refused while the operation is in doubt.
            let _ = self.desk.resolve(open[usize::from(a) % open.len()]);
        }
    }

    fn customer(&mut self, index: usize, b: u8) {
        let now_ms = self.desk.now_ms;
        let order = &mut self.orders[index];
        match (order.rank, b % 4) {
            (OrderRank::New, 0..=2) => order.move_to(OrderRank::Approved, now_ms),
            (OrderRank::New | OrderRank::Approved, 3) => order.move_to(OrderRank::Expired, now_ms),
            _ => {}
        }
    }

    /// A person in the portal, or Tamara itself.
    fn portal(&mut self, index: usize, b: u8) {
        let now_ms = self.desk.now_ms;
        let order = &mut self.orders[index];
        if order.rank == OrderRank::Approved {
            order.move_to(OrderRank::Authorised, now_ms);
            return;
        }
        let (kind, amount_minor) = match b % 6 {
            0 => (EntryKind::Capture, 100),
            1 => (EntryKind::Capture, order.left()),
            2 => (EntryKind::Cancel, 100),
            3 => (EntryKind::Cancel, order.left()),
            4 => (EntryKind::Refund, 100),
            _ => (EntryKind::Refund, order.refundable()),
        };
        let id = format!("p{}", order.entries.len());
        let mut new = entry(kind, &id, amount_minor);
        if kind == EntryKind::Refund {
            new.refund = RefundRank::Success;
        }
        order.add(new, None, now_ms);
    }

    fn read(&mut self, index: usize, b: u8) {
        let now_ms = self.desk.now_ms;
        let body = self.orders[index].body(b.is_multiple_of(3), now_ms);
        match b {
            250.. => self.desk.read(index, &body.unknown("on_hold")),
            245..250 => self.desk.read(index, &body.mismatch()),
            0..245 => self.desk.read(index, &body),
        }
    }

    fn request(&mut self, a: u8, b: u8) {
        let part = 100 * i64::from(b % 3 + 1);
        let command = match a % 8 {
            0 | 1 => Command::Capture(Some(part)),
            2 => Command::Capture(None),
            3 | 4 => Command::Refund(Some(part)),
            5 => Command::Refund(None),
            6 => Command::CancelPart(part),
            _ => Command::Cancel,
        };
        let _ = self.desk.ask(command);
    }

    /// Whatever somebody should send now is sent, and meets its fate.
    fn send(&mut self, a: u8, fate: u8) {
        let now_ms = self.desk.now_ms;
        let mut open = self
            .desk
            .payment
            .operations
            .iter()
            .filter(|o| o.kind.moves_money() && o.in_flight());
        let Some(operation) = open.next().filter(|o| o.next_try_at_ms <= now_ms).cloned() else {
            return;
        };
        let token = if operation.state == OperationState::Intent {
            "worker".to_owned()
        } else {
            format!("worker{}", operation.attempt)
        };
        let Some(attempt) = self.desk.begin_as(&operation.id, &token) else {
            return;
        };
        let operation = self.desk.operation(&operation.id).clone();
        let rank = if a.is_multiple_of(4) {
            RefundRank::Other
        } else {
            RefundRank::Success
        };
        let fate = fate % 10;
        let answer = match fate {
            0 | 1 | 6 | 7 => self.arrive(&operation, rank),
            4 => not_sent(),
            5 => turned_away(None),
            _ => lost(),
        };
        if fate == 3 || fate == 9 {
            self.late.push((now_ms + LATE_MS / 2, operation.clone()));
        }
        match fate {
            0 | 3 | 4 | 5 => self.desk.answer_as(&operation.id, attempt, &token, answer),
            1 | 2 => self.desk.answer_as(&operation.id, attempt, &token, lost()),
            6 => self.answers.push((operation.id, attempt, token, answer)),
            // Its sender is gone; the lease ends it.
            _ => {}
        }
    }

    /// The call reaches Tamara. Answers what Tamara says.
    fn arrive(&mut self, operation: &Operation, refund: RefundRank) -> Answer {
        let now_ms = self.desk.now_ms;
        let index = self.index(&operation.session);
        let Some(id) = self.orders[index].take(operation, refund, now_ms) else {
            return Answer::Conflict;
        };
        let news = if operation.kind == OperationKind::Authorise {
            self.desk.answer_word(OrderRank::Authorised)
        } else {
            self.desk.own_entry(&operation.id, &id)
        };
        Answer::Applied {
            tamara_id: Some(id),
            news: Some(news),
            order: None,
        }
    }

    fn answer(&mut self, a: u8) {
        if !self.answers.is_empty() {
            let at = usize::from(a) % self.answers.len();
            let (id, attempt, token, answer) = self.answers.remove(at);
            self.desk.answer_as(&id, attempt, &token, answer);
        }
    }

    fn tick(&mut self, b: u8) {
        let by_ms = match b % 6 {
            0 | 1 => SECOND,
            2 => LATE_MS / 2,
            3 => LATE_MS + SECOND,
            4 => self.desk.policy.settle_window_ms + SECOND,
            _ => HOUR,
        };
        self.pass(by_ms);
    }

    /// Time passes, and what was on its way arrives.
    fn pass(&mut self, by_ms: i64) {
        let until_ms = self.desk.now_ms + by_ms;
        let (due, later) = std::mem::take(&mut self.late)
            .into_iter()
            .partition(|(at_ms, _)| *at_ms <= until_ms);
        self.late = later;
        let due: Vec<(i64, Operation)> = due;
        for (at_ms, operation) in due {
            let index = self.index(&operation.session);
            self.orders[index].take(&operation, RefundRank::Success, at_ms);
        }
        self.desk.tick(by_ms);
    }

    fn check(&mut self) {
        let payment = &self.desk.payment;
        for operation in payment.operations.iter().filter(|o| o.kind.moves_money()) {
            let effects = self.orders[self.index(&operation.session)].effects(&operation.id);
            assert!(
                effects <= 1,
                "at most one effect per intent: {operation:#?}"
            );
            let denied = operation.state == OperationState::Rejected && effects == 1;
            assert!(
                !denied,
                "a rejected operation never has an effect: {operation:#?}"
            );
            let certain = matches!(
                operation.kind,
                OperationKind::Capture | OperationKind::Refund
            );
            let invented = certain && operation.state == OperationState::Succeeded && effects == 0;
            assert!(!invented, "a succeeded one has exactly one: {operation:#?}");
            let takes_back = matches!(
                operation.kind,
                OperationKind::Cancel | OperationKind::Refund
            );
            let planned = operation.origin == Origin::Plan && takes_back;
            if planned && payment.winner.as_ref() == Some(&operation.session) {
                assert!(
                    payment.cancel.is_some(),
                    "what was paid is never released by us"
                );
            }
        }
        for (session, order) in payment.sessions.iter().zip(&self.orders) {
            let facts = &session.facts;
            assert!(
                facts.captured() <= order.sum(EntryKind::Capture),
                "facts are a subset"
            );
            assert!(
                facts.refunded() <= order.sum(EntryKind::Refund),
                "facts are a subset"
            );
            assert!(facts.rank <= order.rank, "facts are a subset");
            assert!(
                facts.contradictions(TOTAL).is_empty(),
                "an honest Tamara never contradicts itself"
            );
        }
        let changed = self.winner.is_some() && self.winner != payment.winner;
        if changed && let Some(old) = &self.winner {
            let old = payment.session(old).expect("sessions stay");
            assert!(
                session_dead(old),
                "R13: a winner dies only declined or expired"
            );
        }
        self.winner.clone_from(&payment.winner);
    }

    /// Faults are over: everything that waits arrives, and the workers run until nothing is left to do.
    fn settle(&mut self) {
        while !self.answers.is_empty() {
            self.answer(0);
        }
        let now_ms = self.desk.now_ms;
        for order in self
            .orders
            .iter_mut()
            .filter(|order| order.rank == OrderRank::New)
        {
            order.move_to(OrderRank::Expired, now_ms);
        }
        for _ in 0..60 {
            self.pass(2 * HOUR);
            for index in 0..self.orders.len() {
                self.orders[index].pay_refunds(self.desk.now_ms - LATE_MS);
                self.read(index, 1);
                self.check();
            }
            self.desk.refresh();
            self.desk.plan();
            self.send(1, 0);
            self.desk.plan();
            self.send(1, 0);
            self.check();
        }
    }

    fn check_end(&self) {
        let payment = &self.desk.payment;
        let asked = |reason| self.desk.asks_for(reason);
        let known = asked(AttentionReason::CannotAttribute);
        for operation in &payment.operations {
            let open = operation.pending();
            assert!(
                !open || known,
                "nothing is unknown for ever without attention: {operation:#?}"
            );
        }
        for (session, order) in payment.sessions.iter().zip(&self.orders) {
            let facts = &session.facts;
            assert_eq!(
                facts.captured(),
                order.sum(EntryKind::Capture),
                "equal once quiet"
            );
            assert_eq!(
                facts.refunded(),
                order.sum(EntryKind::Refund),
                "equal once quiet"
            );
            assert_eq!(
                facts.canceled(TOTAL),
                order.sum(EntryKind::Cancel),
                "equal once quiet"
            );
            assert!(
                known || order.rank != OrderRank::Approved,
                "authorised, released or expired"
            );
            let kept = order.left() + order.refundable();
            let winner = payment.winner.as_ref() == Some(&session.id);
            let excused = known || asked(AttentionReason::PlanRefused);
            assert!(
                winner || kept == 0 || excused,
                "what does not win is given back"
            );
        }
        if let Some(mark) = &payment.cancel {
            let ended = mark.state != CancelState::Accepted;
            assert!(
                ended || known || asked(AttentionReason::PlanRefused),
                "a cancel ends"
            );
            assert!(mark.state == CancelState::Refused || !payment.paid());
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 500, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn no_walk_breaks_the_books(
        automatic in any::<bool>(),
        choices in proptest::collection::vec(any::<Choice>(), 1..80),
    ) {
        let mut walk = Walk::new(automatic);
        for choice in choices {
            walk.step(choice);
        }
        walk.settle();
        walk.check_end();
    }
}

#[test]
fn the_small_tamara_refuses_duplicates() {
    let mut order = Order::new(0);
    order.move_to(OrderRank::Authorised, 0);
    let all = || entry(EntryKind::Capture, "c", TOTAL);
    assert!(order.add(all(), None, 0) && !order.add(all(), None, 0));
    let shown = order.body(true, 1).read_at(1, 1);
    assert_eq!(
        (shown.word, shown.entries.len()),
        (Some(Word::Known(OrderRank::Authorised)), 0)
    );
}
