//! R15: what is told before Tamara acts by itself, to whom, and that our clock alone changes nothing.

use super::desk::{Desk, HOUR, SECOND, TOTAL};
use super::said::{body, live};
use crate::domain::deadline::{DeadlineKind, next_deadline};
use crate::domain::decide::Command;
use crate::domain::events::between;
use crate::domain::facts::OrderRank;
use crate::domain::payment::AttentionReason;
use crate::domain::schedule::reschedule;
use crate::domain::status::Status;

/// Lets the clock move on by itself, and a second more; answers what was told: `(kind, hours left, rounded)`.
fn told(desk: &mut Desk, hours: i64) -> Vec<(String, i64)> {
    desk.tick(hours * HOUR + SECOND);
    let before = desk.payment.clone();
    desk.refresh();
    between(Some(&before), &desk.payment)
        .into_iter()
        .filter(|event| event.kind == "payment.deadline_approaching")
        .map(|event| {
            let left_ms = event.at_ms.expect("it says when") - desk.now_ms;
            (
                event.about.expect("it says what"),
                (left_ms + HOUR / 2) / HOUR,
            )
        })
        .collect()
}

fn warning(kind: DeadlineKind, hours_left: i64) -> Vec<(String, i64)> {
    vec![(kind.as_str().to_owned(), hours_left)]
}

#[test]
fn r15_a_warning_is_told_once_and_the_last_one_asks_a_person() {
    use DeadlineKind::AuthoriseBy;
    let mut desk = Desk::approved();
    assert_eq!(told(&mut desk, 35), []);
    assert_eq!(told(&mut desk, 1), warning(AuthoriseBy, 36));
    assert_eq!(told(&mut desk, 1), []);
    assert!(!desk.asks_for(AttentionReason::AuthoriseDeadline));
    assert_eq!(told(&mut desk, 23), warning(AuthoriseBy, 12));
    assert!(desk.asks_for(AttentionReason::AuthoriseDeadline));
    assert_eq!(told(&mut desk, 100), []);
    assert_eq!(
        desk.payment.status(),
        Status::Approved,
        "only a read says that it expired"
    );
}

/// A service that was away for days tells the latest warning and not all of them.
#[test]
fn r15_of_warnings_that_are_due_at_once_the_latest_is_told() {
    let mut desk = Desk::approved();
    assert_eq!(told(&mut desk, 61), warning(DeadlineKind::AuthoriseBy, 11));
    assert!(desk.asks_for(AttentionReason::AuthoriseDeadline));
    assert_eq!(told(&mut desk, 1), []);
}

#[test]
fn r15_an_order_that_nobody_captures_is_told_of() {
    use DeadlineKind::AutoCapture;
    for seen in [live(), live().capture("c1", 100)] {
        let mut desk = Desk::pending();
        desk.read(0, &seen);
        assert_eq!(told(&mut desk, 15 * 24), []);
        assert_eq!(told(&mut desk, 24), warning(AutoCapture, 5 * 24));
        assert_eq!(told(&mut desk, 4 * 24), warning(AutoCapture, 24));
        assert_eq!(told(&mut desk, 100 * 24), []);
        assert!(
            desk.payment.points.is_empty(),
            "Tamara captures it by itself"
        );
    }
    let mut desk = Desk::pending();
    desk.read(0, &live().capture("c1", TOTAL));
    assert_eq!(told(&mut desk, 20 * 24), [], "nothing is left to capture");
}

/// What was told of one deadline does not count for the next one.
#[test]
fn r15_each_deadline_has_its_own_warnings() {
    let mut desk = Desk::approved();
    assert_eq!(told(&mut desk, 60).len(), 1);
    let authorise = desk.plan().expect("it is still approved");
    desk.send_applied(&authorise, desk.answer_word(OrderRank::Authorised));
    assert_eq!(
        told(&mut desk, 16 * 24),
        warning(DeadlineKind::AutoCapture, 5 * 24)
    );
}

#[test]
fn r15_what_may_expire_warns_nobody() {
    let mut pending = Desk::pending();
    assert_eq!(told(&mut pending, 10), [], "a session that ends unpaid");
    let mut canceled = Desk::approved();
    canceled.ask(Command::Cancel).unwrap();
    assert_eq!(
        told(&mut canceled, 70),
        [],
        "its money goes back when it expires"
    );
    assert!(!canceled.asks_for(AttentionReason::AuthoriseDeadline));
    let mut loser = Desk::pending();
    loser.open_session();
    loser.read(0, &body(OrderRank::Approved));
    loser.read(1, &body(OrderRank::Approved));
    assert_eq!(told(&mut loser, 36).len(), 1, "the winner alone");
}

/// The moments of the warnings are moments at which somebody looks.
#[test]
fn r15_r25_a_warning_is_not_missed_between_two_looks() {
    for (mut desk, moments_hours) in [
        (Desk::approved(), vec![36, 59, 72]),
        (Desk::authorised(), vec![378, 478, 504]),
    ] {
        desk.policy.polling_ms = vec![10_000 * HOUR];
        let start_ms = desk.now_ms;
        desk.refresh();
        for hours in moments_hours {
            let at_ms = desk.payment.next_check_at_ms.expect("somebody looks");
            assert_eq!((at_ms - start_ms) / HOUR, hours);
            desk.now_ms = at_ms;
            desk.refresh();
        }
    }
}

/// Read late, it was approved while its session lasted all the same.
#[test]
fn r15_a_late_first_read_does_not_move_the_deadline() {
    let mut desk = Desk::pending();
    let opened_ms = desk.now_ms;
    desk.tick(40 * HOUR);
    desk.read(0, &body(OrderRank::Approved));
    let latest_ms = opened_ms + desk.policy.session_ms + 72 * HOUR;
    let deadline = next_deadline(&desk.payment, &desk.policy);
    assert_eq!(deadline, Some((DeadlineKind::AuthoriseBy, latest_ms)));
    assert!(
        desk.payment.sessions[0].warned.is_some(),
        "more than half of the time has passed"
    );
}

#[test]
fn r15_our_clock_expires_nothing() {
    let mut orders = vec![Desk::pending(), Desk::approved(), Desk::authorised()];
    for desk in &mut orders {
        let (status, facts) = (
            desk.payment.status(),
            desk.payment.sessions[0].facts.clone(),
        );
        for _ in 0..40 {
            desk.tick(24 * HOUR + SECOND);
            desk.refresh();
        }
        assert_eq!(desk.payment.status(), status);
        assert_eq!(desk.payment.sessions[0].facts, facts);
        assert!(
            desk.payment.next_check_at_ms.is_some(),
            "it is read instead"
        );
    }
}

/// Scheduling alone writes nothing down: it may run as often as it likes.
#[test]
fn r15_scheduling_tells_nothing() {
    let mut desk = Desk::approved();
    desk.tick(70 * HOUR);
    let (policy, now_ms) = (desk.policy.clone(), desk.now_ms);
    let context = crate::domain::context::Context {
        now_ms,
        policy: &policy,
        can_hold: true,
    };
    reschedule(&mut desk.payment, &context);
    assert_eq!(desk.payment.sessions[0].warned, None);
}
