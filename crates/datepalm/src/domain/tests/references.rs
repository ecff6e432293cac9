//! R4, R6, R16, R19: changes of the reference that Tamara knows an order by.

use super::desk::{Desk, HOUR, SECOND};
use super::said::{body, live, lost, not_sent, refused};
use crate::domain::decide::Command;
use crate::domain::facts::OrderRank;
use crate::domain::journal::Answer;
use crate::domain::operation::OperationState;
use crate::domain::payment::{AttentionReason, CancelState};
use crate::domain::references::ReferenceRefused;
use crate::ids::OperationId;

/// Tamara's "updated successfully".
fn done() -> Answer {
    Answer::Applied {
        tamara_id: None,
        news: None,
        order: None,
    }
}

fn present(desk: &Desk) -> &str {
    let session = desk.payment.newest_session().unwrap();
    desk.payment.reference_of(session)
}

fn changed(desk: &mut Desk, reference: &str) -> OperationId {
    let change = desk.ask_reference(reference).unwrap();
    desk.send_answered(&change, done());
    desk.tick(1);
    change
}

#[test]
fn r4_any_reference_that_it_has_or_was_asked_to_have_is_its_own() {
    let mut desk = Desk::authorised();
    changed(&mut desk, "A-9");
    changed(&mut desk, "A-10");
    let refused_change = desk.ask_reference("A-11").unwrap();
    desk.send_answered(&refused_change, refused());
    for reference in ["A-1-1", "A-9", "A-10", "A-11"] {
        desk.tick(SECOND);
        desk.read(0, &live().reference(reference));
        assert!(!desk.payment.blocked(), "{reference}");
    }
    assert_eq!(
        present(&desk),
        "A-10",
        "a late read does not change it back"
    );
    desk.tick(SECOND);
    desk.read(0, &live().reference("B-1"));
    assert!(desk.payment.blocked() && desk.asks_for(AttentionReason::OrderMismatch));
}

#[test]
fn r6_a_reference_that_it_ever_had_is_not_given_again() {
    let mut desk = Desk::authorised();
    changed(&mut desk, "A-9");
    changed(&mut desk, "A-10");
    for had in ["A-1-1", "A-9", "A-10"] {
        assert_eq!(
            desk.ask_reference(had),
            Err(ReferenceRefused::HadBefore),
            "{had}"
        );
    }
    let turned_down = desk.ask_reference("A-11").unwrap();
    desk.send_answered(&turned_down, refused());
    assert!(
        desk.ask_reference("A-11").is_ok(),
        "it never had the one that was refused"
    );
}

#[test]
fn r16_a_reference_needs_an_order() {
    let mut desk = Desk::empty();
    let refused = Err(ReferenceRefused::NoOrder);
    assert_eq!(desk.ask_reference("A-9"), refused);
    desk.intend_session();
    assert_eq!(desk.ask_reference("A-9"), refused);
    let mut desk = Desk::captured();
    assert!(desk.ask_reference("A-9").is_ok(), "at any time after that");
}

#[test]
fn r17_a_change_of_the_reference_holds_up_no_money() {
    let mut desk = Desk::authorised();
    let change = desk.ask_reference("A-9").unwrap();
    let second = Err(ReferenceRefused::ChangeInProgress(change.clone()));
    assert_eq!(desk.ask_reference("A-10"), second, "one at a time");
    desk.send_lost(&change);
    assert_eq!(desk.ask_reference("A-10"), second);
    let capture = desk.ask(Command::Capture(Some(100))).unwrap();
    desk.send_applied(&capture, desk.own_entry(&capture, "c1"));
    assert_eq!(desk.state(&capture), OperationState::Succeeded);
    assert!(desk.payment.paid() && desk.payment.in_doubt() && !desk.payment.is_final());

    let mut desk = Desk::authorised();
    let change = desk.ask_reference("A-9").unwrap();
    desk.send_lost(&change);
    desk.ask(Command::Cancel).unwrap();
    let cancel = desk.payment.operations.last().unwrap().id.clone();
    desk.send_applied(&cancel, desk.own_entry(&cancel, "x1"));
    assert_eq!(desk.cancel_state(), Some(CancelState::Done));
}

#[test]
fn r19_a_lost_change_is_repeated_until_it_is_answered_or_seen() {
    let mut desk = Desk::authorised();
    let change = desk.ask_reference("A-9").unwrap();
    desk.send_lost(&change);
    for attempt in 2..6 {
        assert_eq!(desk.begin(&change), None, "not before a read");
        desk.read(0, &live().reference("A-1-1"));
        desk.tick(HOUR);
        assert_eq!(desk.begin(&change), Some(attempt));
        desk.answer(&change, attempt, lost());
        desk.tick(1);
    }
    let mut seen = desk.clone();
    seen.read(0, &live().reference("A-9"));
    assert_eq!(seen.state(&change), OperationState::Succeeded);
    desk.read(0, &live().reference("A-1-1"));
    desk.tick(HOUR);
    desk.send_answered(&change, done());
    assert_eq!(desk.state(&change), OperationState::Succeeded);
}

#[test]
fn r21_a_refused_repeat_leaves_a_change_in_doubt_until_the_window_is_over() {
    let mut desk = Desk::authorised();
    let change = desk.ask_reference("A-9").unwrap();
    desk.send_lost(&change);
    desk.read(0, &live().reference("A-1-1"));
    desk.tick(HOUR);
    desk.send_answered(&change, refused());
    assert_eq!(desk.state(&change), OperationState::Unknown);
    desk.two_late_reads(0, &live().reference("A-1-1"));
    assert_eq!(desk.state(&change), OperationState::Rejected);
    assert_eq!(present(&desk), "A-1-1");
}

#[test]
fn r21_a_change_that_never_left_is_sent_again() {
    let mut desk = Desk::authorised();
    let change = desk.ask_reference("A-9").unwrap();
    desk.send_answered(&change, not_sent());
    assert_eq!(desk.state(&change), OperationState::Intent);
    desk.tick(HOUR);
    desk.send_answered(&change, done());
    assert_eq!(present(&desk), "A-9");
}

/// R19: a lost call may arrive as late as the window assumes, and would undo a later change.
#[test]
fn r19_a_later_change_waits_until_no_lost_call_can_undo_it() {
    let mut desk = Desk::authorised();
    let change = desk.ask_reference("A-9").unwrap();
    desk.send_lost(&change);
    desk.read(0, &live().reference("A-9"));
    assert_eq!(desk.state(&change), OperationState::Succeeded);
    let sent_ms = desk.operation(&change).last_sent_at_ms.unwrap();
    let until_ms = sent_ms + desk.policy.settle_window_ms;
    let waits = ReferenceRefused::EarlierMayArrive {
        operation: change,
        until_ms,
    };
    assert_eq!(desk.ask_reference("A-10"), Err(waits));
    desk.now_ms = until_ms;
    assert!(desk.ask_reference("A-10").is_ok());
}

/// R18: only its sender, or the end of its lease, ends what is being sent.
#[test]
fn r18_a_change_that_is_seen_while_it_is_sent_is_still_sent() {
    let mut desk = Desk::approved();
    let change = desk.ask_reference("A-9").unwrap();
    desk.begin(&change).unwrap();
    desk.tick(1);
    desk.read(0, &body(OrderRank::Approved).reference("A-9"));
    assert_eq!(desk.state(&change), OperationState::Sending);
    assert!(!desk.payment.blocked());
    desk.tick(desk.policy.lease_ms + 1);
    assert_eq!(desk.begin_as(&change, "other"), None);
    desk.read(0, &body(OrderRank::Approved).reference("A-9"));
    assert_eq!(desk.state(&change), OperationState::Succeeded);
}
