//! The traces of `docs/payment-model.md`: each broke an earlier wording of the rules, and each is a test of its name.

use super::desk::{Desk, HOUR, SECOND, TOTAL};
use super::said::{body, entry, live, lost, refused};
use crate::actions::show_payment::checkout_url;
use crate::domain::decide::{Command, Refused};
use crate::domain::facts::{Entry, EntryKind, OrderRank, RefundRank};
use crate::domain::journal::Answer;
use crate::domain::operation::{OperationKind, OperationState, Origin};
use crate::domain::payment::{AttentionReason, CancelState};
use crate::domain::status::Status;

/// R21: capture of everything done, answer lost; a stale read; the repeat gets a 409; another stale read.
#[test]
fn conflict_after_repeat_is_not_an_outcome() {
    let mut desk = Desk::authorised();
    let capture = desk.ask(Command::Capture(None)).unwrap();
    desk.send_lost(&capture);
    desk.read(0, &live());
    assert!(desk.operation(&capture).may_repeat);
    desk.send_answered(&capture, Answer::Conflict);
    desk.tick(1);
    desk.read(0, &live());
    assert_eq!(desk.state(&capture), OperationState::Unknown);
    assert!(
        !desk.operation(&capture).may_repeat,
        "R19: no repeat after a refused one"
    );
    let echo = live().capture_of("c1", desk.operation(&capture));
    desk.read(0, &echo);
    assert_eq!(desk.state(&capture), OperationState::Succeeded);
    assert_eq!(desk.payment.status(), Status::Captured);
}

/// R19: capture of everything in doubt, the portal captures a part, every repeat would be a 409 for ever.
#[test]
fn repeat_that_can_never_succeed_ends() {
    let mut desk = Desk::authorised();
    let capture = desk.ask(Command::Capture(None)).unwrap();
    desk.send_lost(&capture);
    desk.read(0, &live());
    desk.send_answered(&capture, Answer::Conflict);
    let part = live().capture("portal", 100);
    desk.tick(1);
    desk.read(0, &part);
    assert_eq!(desk.state(&capture), OperationState::Unknown);
    desk.two_late_reads(0, &part);
    assert_eq!(desk.state(&capture), OperationState::Rejected);
    assert_eq!(
        desk.operation(&capture).reason.as_deref(),
        Some("not_applied")
    );
    assert!(desk.ask(Command::Capture(Some(200))).is_ok());
}

/// R19: partial capture, time-out, two empty reads, and then the effect arrives. Within the window nothing is decided;
/// beyond it, what the rules assume is broken, and a person is asked.
#[test]
fn effect_after_the_window() {
    let mut desk = Desk::authorised();
    let capture = desk.ask(Command::Capture(Some(100))).unwrap();
    desk.send_lost(&capture);
    for _ in 0..5 {
        desk.tick(60 * SECOND);
        desk.read(0, &live());
        assert_eq!(desk.state(&capture), OperationState::Unknown);
        assert_eq!(desk.begin(&capture), None, "R19: never repeated");
    }
    let mut late = desk.clone();
    let echo = live().capture_of("c1", desk.operation(&capture));
    desk.read(0, &echo);
    assert_eq!(desk.state(&capture), OperationState::Succeeded);
    late.two_late_reads(0, &live());
    assert_eq!(late.state(&capture), OperationState::Rejected);
    late.read(0, &echo);
    assert!(late.asks_for(AttentionReason::CannotAttribute));
}

/// R20: our partial cancel is in doubt, and a person in the portal cancels the same amount.
#[test]
fn portal_cancels_the_same_amount() {
    let mut desk = Desk::authorised();
    let cancel = desk.ask(Command::CancelPart(100)).unwrap();
    desk.send_lost(&cancel);
    let one = live().cancel("x1", 100);
    desk.read(0, &one);
    assert_eq!(
        desk.state(&cancel),
        OperationState::Unknown,
        "one entry may be the portal's"
    );
    let both = one.clone().cancel("x2", 100);
    let mut alone = desk.clone();
    desk.two_late_reads(0, &both);
    assert_eq!(desk.state(&cancel), OperationState::Unknown);
    assert!(desk.asks_for(AttentionReason::CannotAttribute));
    alone.two_late_reads(0, &one);
    assert_eq!(alone.state(&cancel), OperationState::Succeeded);
    let key = (EntryKind::Cancel, "x1".to_owned());
    let entry = &alone.payment.sessions[0].facts.entries[&key];
    assert_eq!(
        entry.operation.as_ref(),
        Some(&cancel),
        "what it was settled from is its own"
    );
}

/// R19, R20: Tamara cuts milliseconds, reshapes items or drops `merchant_refund_id`: never taken as absence.
#[test]
fn echo_altered() {
    let mut desk = Desk::authorised();
    let capture = desk.ask(Command::Capture(Some(100))).unwrap();
    desk.send_lost(&capture);
    let shipped_at_s = desk.operation(&capture).shipped_at_s;
    let reshaped = Entry {
        shipped_at_s,
        item_refs: "SKU-1\nSKU-2".to_owned(),
        ..entry(EntryKind::Capture, "c1", 100)
    };
    let mut dropped = desk.clone();
    desk.read(0, &live().with(reshaped));
    assert_eq!(desk.state(&capture), OperationState::Succeeded);
    dropped.two_late_reads(0, &live().capture("c1", 100));
    assert_eq!(dropped.state(&capture), OperationState::Unknown);
    assert!(dropped.asks_for(AttentionReason::CannotAttribute));

    let mut desk = Desk::authorised();
    let capture = desk.ask_with_items(Command::Capture(Some(100)), "lamp");
    desk.send_lost(&capture);
    desk.two_late_reads(0, &live());
    assert_eq!(desk.state(&capture), OperationState::Rejected);
    let late = Entry {
        shipped_at_s: desk.operation(&capture).shipped_at_s,
        item_refs: "SKU-1".to_owned(),
        ..entry(EntryKind::Capture, "c1", 100)
    };
    desk.read(0, &live().with(late));
    assert!(desk.asks_for(AttentionReason::CannotAttribute));

    for command in [Command::Capture(Some(100)), Command::Capture(None)] {
        let mut desk = Desk::authorised();
        let capture = desk.ask_with_items(command, "lamp\nvase");
        desk.send_lost(&capture);
        let operation = desk.operation(&capture).clone();
        let other_items = Entry {
            shipped_at_s: operation.shipped_at_s,
            item_refs: "SKU-1\nSKU-2".to_owned(),
            ..entry(EntryKind::Capture, "c1", operation.amount_minor)
        };
        let without_items = Entry {
            item_refs: String::new(),
            ..other_items.clone()
        };
        let mut dropped = desk.clone();
        dropped.read(0, &live().with(without_items));
        assert_eq!(dropped.state(&capture), OperationState::Succeeded);
        desk.read(0, &live().with(other_items.clone()));
        assert!(!desk.operation(&capture).may_repeat);
        desk.two_late_reads(0, &live().with(other_items));
        assert_eq!(desk.state(&capture), OperationState::Unknown);
        assert!(desk.asks_for(AttentionReason::CannotAttribute));
    }

    let mut desk = Desk::captured();
    let refund = desk.ask(Command::Refund(Some(100))).unwrap();
    desk.send_lost(&refund);
    let without_id = captured(&desk).refund("r1", 100, RefundRank::Success);
    desk.two_late_reads(0, &without_id);
    assert_eq!(desk.state(&refund), OperationState::Unknown);
    assert!(desk.asks_for(AttentionReason::CannotAttribute));
}

/// The body of a captured desk, with the capture's own echo.
fn captured(desk: &Desk) -> super::said::Body {
    let mut capture = desk.payment.sessions[0]
        .facts
        .entries_of(EntryKind::Capture);
    let echo = capture.next().expect("it is captured").clone();
    live().with(Entry {
        operation: None,
        ..echo
    })
}

/// R20: a refund with another status than `success` is neither absent nor done.
#[test]
fn refund_pending() {
    let mut desk = Desk::captured();
    let refund = desk.ask(Command::Refund(Some(200))).unwrap();
    desk.send_lost(&refund);
    let pending = captured(&desk).refund_of("r1", desk.operation(&refund), RefundRank::Other);
    desk.two_late_reads(0, &pending);
    assert_eq!(desk.state(&refund), OperationState::Accepted);
    assert_eq!(desk.payment.amounts().refunded_minor, 0);
    assert!(!desk.payment.is_final());
    let again = desk.ask(Command::Refund(Some(200)));
    assert_eq!(
        again,
        Err(Refused::AmountAboveRest {
            asked_minor: 200,
            rest_minor: 100
        })
    );
    let done = captured(&desk).refund_of("r1", desk.operation(&refund), RefundRank::Success);
    desk.read(0, &done);
    assert_eq!(desk.state(&refund), OperationState::Succeeded);
    assert_eq!(desk.payment.amounts().refunded_minor, 200);
}

/// R9: three captured, the portal refunded one, our refund of two is running.
#[test]
fn last_piece_is_a_full_refund() {
    let mut desk = Desk::captured();
    let portal = captured(&desk).refund("portal", 100, RefundRank::Success);
    desk.read(0, &portal);
    assert!(desk.payment.paid());
    let refund = desk.ask(Command::Refund(Some(200))).unwrap();
    assert!(!desk.payment.paid(), "intent");
    desk.send_lost(&refund);
    assert!(!desk.payment.paid(), "in doubt");
}

/// R23: approved, cancel asked for, our own authorise captures on an auto-capture merchant: the money goes back.
#[test]
fn own_authorise_defeats_cancel() {
    let mut desk = Desk::approved();
    let authorise = desk.plan().unwrap();
    let attempt = desk.begin(&authorise).unwrap();
    desk.ask(Command::Cancel).unwrap();
    let news = crate::domain::facts::Observation {
        entries: vec![Entry {
            seen_at_ms: desk.now_ms,
            ..entry(EntryKind::Capture, "auto", TOTAL)
        }],
        ..desk.answer_word(OrderRank::Authorised)
    };
    desk.answer(
        &authorise,
        attempt,
        Answer::Applied {
            tamara_id: None,
            news: Some(news),
            order: None,
        },
    );
    assert_eq!(desk.cancel_state(), Some(CancelState::Accepted));
    let refund = desk.plan().expect("what was captured is refunded");
    let wished = desk.operation(&refund);
    assert_eq!(
        (wished.kind, wished.amount_minor),
        (OperationKind::Refund, TOTAL)
    );
    desk.send_applied(&refund, desk.own_entry(&refund, "r1"));
    let gone =
        live()
            .capture("auto", TOTAL)
            .refund_of("r1", desk.operation(&refund), RefundRank::Success);
    desk.tick(1);
    desk.read(0, &gone);
    assert_eq!(desk.cancel_state(), Some(CancelState::Done));
    assert!(!desk.payment.ever_paid && desk.payment.is_final());
}

/// R14: the loser's refund is lost; it is asked for again under a new id.
#[test]
fn plan_refund_lost() {
    let mut desk = Desk::twice_approved();
    let captured = live().capture("portal", TOTAL);
    desk.read(1, &captured);
    let first = desk.plan().unwrap();
    assert_eq!(desk.operation(&first).kind, OperationKind::Refund);
    desk.send_lost(&first);
    desk.two_late_reads(1, &captured);
    assert_eq!(desk.state(&first), OperationState::Rejected);
    desk.tick(HOUR);
    let second = desk.plan().expect("a plan counts as a request");
    assert_ne!(first, second);
    let echo = captured.refund_of("r1", desk.operation(&second), RefundRank::Success);
    desk.send_lost(&second);
    desk.read(1, &echo);
    assert_eq!(desk.state(&second), OperationState::Succeeded);
    assert_eq!(
        desk.payment.amounts().refunded_minor,
        0,
        "R12: the loser's money is not this payment's"
    );
    assert!(desk.payment.paid());
}

/// R14: the loser is authorised by us, then captured by the portal or at 21 days: the refund follows.
#[test]
fn loser_captured_meanwhile() {
    let mut desk = Desk::twice_approved();
    let authorise = desk
        .plan()
        .expect("the loser is authorised, to be released");
    assert_eq!(desk.operation(&authorise).session, desk.session_id(1));
    desk.send_applied(&authorise, desk.answer_word(OrderRank::Authorised));
    let cancel = desk.plan().expect("then canceled");
    assert_eq!(desk.operation(&cancel).kind, OperationKind::Cancel);
    desk.send_answered(&cancel, Answer::Conflict);
    desk.tick(1);
    desk.read(1, &live().capture("auto", TOTAL));
    assert_eq!(desk.state(&cancel), OperationState::Rejected);
    desk.tick(HOUR);
    let refund = desk.plan().expect("then refunded");
    assert_eq!(desk.operation(&refund).kind, OperationKind::Refund);
    assert_eq!(desk.operation(&refund).amount_minor, TOTAL);
}

/// R13: the first read says captured: that is the winner, and it is paid.
#[test]
fn first_read_is_already_captured() {
    let mut desk = Desk::pending();
    desk.read(0, &live().capture("auto", TOTAL));
    assert_eq!(desk.payment.winner, Some(desk.session_id(0)));
    assert!(desk.payment.paid() && desk.payment.ever_paid && desk.payment.is_final());
    assert_eq!(desk.payment.status(), Status::Captured);
}

/// R24, R3: no capture starts between two steps of a cancel.
#[test]
fn capture_between_plan_steps() {
    let mut desk = Desk::approved();
    desk.ask(Command::Cancel).unwrap();
    let authorise = desk.payment.operations.last().unwrap().id.clone();
    assert_eq!(
        desk.ask(Command::Capture(None)),
        Err(Refused::CancelRequested)
    );
    desk.send_applied(&authorise, desk.answer_word(OrderRank::Authorised));
    assert_eq!(
        desk.ask(Command::Capture(None)),
        Err(Refused::CancelRequested)
    );
    let mut automatic = desk.clone().automatic();
    let step = automatic.plan().expect("the next step of the cancel");
    assert_eq!(automatic.operation(&step).kind, OperationKind::Cancel);
}

/// R24, as a second layer: a capture whose intent stands when a cancel is accepted is not sent.
#[test]
fn capture_intended_before_a_cancel_is_not_sent() {
    let mut desk = Desk::authorised();
    let capture = desk.ask(Command::Capture(None)).unwrap();
    desk.payment.cancel = Some(crate::domain::payment::CancelMark {
        state: CancelState::Accepted,
        promise: crate::domain::payment::CancelPromise::WhatIsLeft,
        accepted_at_ms: desk.now_ms,
    });
    assert_eq!(desk.begin(&capture), None);
    assert_eq!(desk.state(&capture), OperationState::Rejected);
}

/// R22: the lease has passed, the operation is in doubt, then abandoned, and then the answer comes: a URL is given out
/// only of a recorded session, and never once a cancel stands.
#[test]
fn slow_create_hands_out_url() {
    let mut desk = Desk::empty();
    let create = desk.intend_session();
    let attempt = desk.begin_as(&create, "request").unwrap();
    desk.tick(desk.policy.lease_ms + 1);
    assert_eq!(desk.begin_as(&create, "other"), None);
    assert_eq!(desk.state(&create), OperationState::Unknown);
    assert_eq!(checkout_url(&desk.payment), None);
    let mut canceled = desk.clone();
    desk.tick(desk.policy.settle_window_ms);
    desk.refresh();
    assert_eq!(desk.operation(&create).reason.as_deref(), Some("abandoned"));
    assert_eq!(desk.payment.status(), Status::Failed);
    let answer = desk.opened(&create);
    desk.answer_as(&create, attempt, "request", answer);
    assert!(
        checkout_url(&desk.payment).is_some(),
        "it is recorded, and counts like any other"
    );
    assert_eq!(desk.payment.status(), Status::Pending);
    assert!(desk.payment.held, "another payment would be open beside it");

    canceled.ask(Command::Cancel).unwrap();
    let answer = canceled.opened(&create);
    canceled.answer_as(&create, attempt, "request", answer);
    assert_eq!(checkout_url(&canceled.payment), None);
}

/// R7, found by the small model: the create was abandoned, another payment took the reference, and then the answer comes. Two
/// pages for one reference would be two payments of one customer.
#[test]
fn r7_a_late_session_beside_the_holder_is_shown_to_nobody() {
    let mut desk = Desk::empty();
    let create = desk.intend_session();
    let attempt = desk.begin_as(&create, "request").unwrap();
    desk.tick(desk.policy.settle_window_ms);
    assert_eq!(desk.begin_as(&create, "other"), None);
    assert!(!desk.payment.held);
    desk.can_hold = false;
    let answer = desk.opened(&create);
    desk.answer_as(&create, attempt, "request", answer);
    assert!(!desk.payment.held);
    assert_eq!(checkout_url(&desk.payment), None);
}

/// R13: a canceled winner hands over to nobody: the other approval is released, never paid.
#[test]
fn winner_canceled_is_not_succeeded() {
    let mut desk = Desk::pending();
    desk.open_session();
    desk.read(0, &live());
    desk.read(0, &body(OrderRank::Canceled).cancel("portal", TOTAL));
    desk.read(1, &body(OrderRank::Approved));
    assert_eq!(desk.payment.winner, Some(desk.session_id(0)));
    assert!(!desk.payment.paid());
    let step = desk.plan().expect("the loser is released");
    assert_eq!(desk.operation(&step).session, desk.session_id(1));
    assert_eq!(desk.payment.status(), Status::Canceled);
}

/// R14 ("was ever"): the winner's authorise answer is lost, the portal cancels it, the loser is released all the same.
#[test]
fn winner_canceled_before_release() {
    let mut desk = Desk::pending();
    desk.open_session();
    desk.read(0, &body(OrderRank::Approved));
    desk.read(1, &body(OrderRank::Approved));
    let authorise = desk.plan().unwrap();
    desk.send_lost(&authorise);
    desk.read(0, &body(OrderRank::Canceled).cancel("portal", TOTAL));
    assert_eq!(desk.state(&authorise), OperationState::Succeeded);
    let release = desk.plan().expect("the loser is released");
    assert_eq!(desk.operation(&release).session, desk.session_id(1));
}

/// R23: canceled while a create is unknown; its session is paid later: released, and never shown as paid.
#[test]
fn cancel_with_create_in_flight() {
    let mut desk = Desk::empty();
    let create = desk.intend_session();
    let attempt = desk.begin_as(&create, "request").unwrap();
    desk.ask(Command::Cancel).unwrap();
    desk.answer_as(&create, attempt, "request", lost());
    assert_eq!(desk.cancel_state(), Some(CancelState::Accepted));
    assert!(!desk.payment.is_final());
    desk.tick(desk.policy.settle_window_ms + 1);
    desk.refresh();
    assert_eq!(desk.cancel_state(), Some(CancelState::Done));
    let answer = desk.opened(&create);
    desk.answer_as(&create, attempt, "request", answer);
    assert!(!desk.payment.is_final());
    desk.read(0, &body(OrderRank::Approved));
    let authorise = desk.plan().expect("authorised, to be released");
    desk.send_applied(&authorise, desk.answer_word(OrderRank::Authorised));
    let cancel = desk.plan().expect("canceled");
    desk.send_applied(&cancel, desk.own_entry(&cancel, "x1"));
    desk.tick(1);
    desk.read(0, &body(OrderRank::Canceled).cancel("x1", TOTAL));
    assert_eq!(desk.payment.status(), Status::Canceled);
    assert!(!desk.payment.ever_paid && desk.payment.is_final());
}

/// R10: between two steps of a plan nothing is final, whatever the winner's order says.
#[test]
fn final_between_plan_steps() {
    let mut desk = Desk::twice_approved();
    desk.read(0, &live().capture("portal", TOTAL));
    assert!(!desk.payment.is_final(), "the loser waits for its release");
    let authorise = desk.plan().unwrap();
    desk.send_applied(&authorise, desk.answer_word(OrderRank::Authorised));
    assert!(!desk.payment.is_final(), "between authorise and cancel");
    let cancel = desk.plan().unwrap();
    desk.send_answered(&cancel, refused());
    assert!(
        !desk.payment.is_final(),
        "refused once, and tried again later"
    );
    desk.tick(HOUR);
    let again = desk.plan().unwrap();
    desk.send_applied(&again, desk.own_entry(&again, "x1"));
    desk.tick(1);
    desk.read(1, &body(OrderRank::Canceled).cancel("x1", TOTAL));
    assert!(desk.payment.is_final());
}

/// R9: releases of losers don't count.
#[test]
fn paid_flickers_while_a_loser_is_released() {
    let mut desk = Desk::twice_approved();
    assert!(desk.payment.paid());
    let authorise = desk.plan().unwrap();
    desk.send_applied(&authorise, desk.answer_word(OrderRank::Authorised));
    assert!(desk.payment.paid());
    let cancel = desk.plan().unwrap();
    assert_eq!(desk.operation(&cancel).origin, Origin::Plan);
    assert!(desk.payment.paid());
    desk.send_lost(&cancel);
    assert!(desk.payment.paid() && desk.payment.in_doubt());
    desk.read(1, &body(OrderRank::Canceled).cancel("x1", TOTAL));
    assert!(desk.payment.paid());
    assert_eq!(desk.payment.amounts().canceled_minor, 0);
}

/// R9, the same for the winner's own refund: its amount counts once, whether a read or the answer shows it first.
#[test]
fn paid_flickers_while_a_refund_is_read_before_its_answer() {
    let mut desk = Desk::captured();
    let refund = desk.ask(Command::Refund(Some(200))).unwrap();
    let attempt = desk.begin(&refund).unwrap();
    assert!(desk.payment.paid(), "100 stay");
    let done = captured(&desk).refund_of("r1", desk.operation(&refund), RefundRank::Success);
    desk.read(0, &done);
    assert!(desk.payment.paid(), "100 stay");
    let news = desk.own_entry(&refund, "r1");
    desk.answer(
        &refund,
        attempt,
        Answer::Applied {
            tamara_id: Some("r1".to_owned()),
            news: Some(news),
            order: None,
        },
    );
    assert_eq!(desk.state(&refund), OperationState::Succeeded);
    assert!(desk.payment.paid(), "100 stay");
}

/// R4: our own change of the reference, its answer lost: a read that shows the new reference is no mismatch, so the order is
/// authorised in time.
#[test]
fn reference_update_in_doubt() {
    let mut desk = Desk::pending();
    let change = desk.ask_reference("A-9").unwrap();
    desk.send_lost(&change);
    desk.read(0, &body(OrderRank::Approved).reference("A-9"));
    assert!(!desk.asks_for(AttentionReason::OrderMismatch) && !desk.payment.blocked());
    assert_eq!(desk.state(&change), OperationState::Succeeded);
    let authorise = desk.plan().expect("it is approved");
    desk.send_applied(&authorise, desk.answer_word(OrderRank::Authorised));
    assert!(desk.payment.paid());

    // Not there yet: the old reference is no mismatch either, and the change is asked for again.
    let mut desk = Desk::pending();
    let change = desk.ask_reference("A-9").unwrap();
    desk.send_lost(&change);
    desk.read(0, &body(OrderRank::Approved).reference("A-1-1"));
    assert!(desk.operation(&change).may_repeat && desk.plan().is_some());
    desk.tick(HOUR);
    assert_eq!(desk.begin(&change), Some(2));
}

/// R7: declined; a new payment with other content takes the reference; the old one is approved after all. Only one of the
/// two is paid, and the other's money goes back.
#[test]
fn old_payment_reopened_beside_new_one() {
    let mut old = Desk::pending();
    old.read(0, &body(OrderRank::Declined));
    assert!(!old.payment.held, "given up, so that another may take it");
    let mut new = Desk::approved();
    assert!(new.payment.held);
    old.can_hold = false;
    old.tick(1);
    old.read(0, &body(OrderRank::Approved));
    assert!(old.payment.winner.is_none() && !old.payment.held);
    let authorise = old.plan().expect("authorised, to be released");
    old.send_applied(&authorise, old.answer_word(OrderRank::Authorised));
    assert!(!old.payment.paid());
    let cancel = old.plan().expect("canceled");
    old.send_applied(&cancel, old.own_entry(&cancel, "x1"));
    old.tick(1);
    old.read(0, &body(OrderRank::Canceled).cancel("x1", TOTAL));
    assert!(!old.payment.ever_paid && old.payment.is_final());
    let authorise = new.plan().unwrap();
    new.send_applied(&authorise, new.answer_word(OrderRank::Authorised));
    assert!(new.payment.paid());
}
