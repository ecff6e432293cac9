//! R14, R19, R23, R24: what Datepalm does by itself, how often, and when it asks a person.

use super::desk::{Desk, HOUR, SECOND, TOTAL};
use super::said::{body, live, lost, refused};
use crate::domain::decide::{Command, Refused};
use crate::domain::events::between;
use crate::domain::facts::{OrderRank, RefundRank};
use crate::domain::journal::Answer;
use crate::domain::operation::{OperationKind, OperationState};
use crate::domain::payment::{AttentionReason, CancelState};
use crate::domain::plan::{REFUSALS_MAX, next_step};
use crate::domain::status::Status;

#[test]
fn r13_an_approved_winner_is_authorised_and_nothing_else_is() {
    assert_eq!(next_step(&Desk::pending().payment), None);
    let step = next_step(&Desk::approved().payment).unwrap();
    assert_eq!(
        (step.kind, step.amount_minor),
        (OperationKind::Authorise, TOTAL)
    );
    assert_eq!(next_step(&Desk::authorised().payment), None);
}

#[test]
fn r14_a_loser_waits_until_the_winner_was_ever_authorised() {
    let mut desk = Desk::pending();
    desk.open_session();
    desk.read(1, &body(OrderRank::Approved));
    desk.read(0, &body(OrderRank::Approved));
    let step = next_step(&desk.payment).unwrap();
    assert_eq!(
        step.session,
        desk.session_id(1),
        "R13: the first one read as approved"
    );
    let authorise = desk.plan().unwrap();
    desk.send_answered(&authorise, refused());
    desk.tick(HOUR);
    assert_eq!(
        next_step(&desk.payment).unwrap().session,
        desk.session_id(1),
        "still the winner"
    );
    desk.read(1, &body(OrderRank::Expired));
    assert_eq!(
        desk.payment.winner,
        Some(desk.session_id(0)),
        "R13: it died, and the next takes over"
    );
}

/// R14: authorise it, then as its facts say cancel what is authorised and refund what is captured.
#[test]
fn r14_a_release_goes_by_the_losers_facts() {
    let table = [
        (
            "approved",
            body(OrderRank::Approved),
            Some((OperationKind::Authorise, TOTAL)),
        ),
        ("authorised", live(), Some((OperationKind::Cancel, TOTAL))),
        (
            "captured in part",
            live().capture("c", 100),
            Some((OperationKind::Cancel, 200)),
        ),
        (
            "captured",
            live().capture("c", TOTAL),
            Some((OperationKind::Refund, TOTAL)),
        ),
        (
            "refunded in part",
            live()
                .capture("c", TOTAL)
                .refund("r", 100, RefundRank::Success),
            Some((OperationKind::Refund, 200)),
        ),
        (
            "captured and refunded, with a rest",
            live()
                .capture("c", 100)
                .refund("r", 100, RefundRank::Success),
            Some((OperationKind::Cancel, 200)),
        ),
        (
            "rest canceled",
            live().capture("c", 100).cancel("x", 200),
            Some((OperationKind::Refund, 100)),
        ),
        (
            "refunded",
            live()
                .capture("c", TOTAL)
                .refund("r", TOTAL, RefundRank::Success),
            None,
        ),
        (
            "canceled",
            body(OrderRank::Canceled).cancel("x", TOTAL),
            None,
        ),
        ("expired", body(OrderRank::Expired), None),
        ("pending", body(OrderRank::New), None),
    ];
    for (name, seen, expected) in table {
        let mut desk = Desk::pending();
        desk.open_session();
        desk.read(0, &live());
        desk.read(1, &seen);
        let step = next_step(&desk.payment).map(|step| (step.kind, step.amount_minor));
        assert_eq!(step, expected, "{name}");
    }
}

/// R10: a planned step that waits for its gap is still to come.
#[test]
fn r10_a_captured_loser_is_not_final() {
    let mut desk = Desk::twice_approved();
    let captured = live().capture("p", TOTAL);
    desk.read(0, &captured);
    desk.read(1, &captured);
    let refund = desk.plan().unwrap();
    desk.send_answered(&refund, refused());
    assert_eq!(desk.plan(), None, "not before its gap");
    assert!(!desk.payment.is_final());
}

/// R14, R20: what was asked back and is not settled is not asked for again.
#[test]
fn r14_an_accepted_refund_of_a_release_is_not_doubled() {
    let mut desk = Desk::twice_approved();
    let captured = live().capture("portal", TOTAL);
    desk.read(1, &captured);
    let refund = desk.plan().unwrap();
    desk.send_lost(&refund);
    desk.read(
        1,
        &captured
            .clone()
            .refund_of("r1", desk.operation(&refund), RefundRank::Other),
    );
    assert_eq!(desk.state(&refund), OperationState::Accepted);
    desk.tick(HOUR);
    assert_eq!(desk.plan(), None);
    assert!(!desk.payment.is_final());
    desk.read(
        1,
        &captured.refund_of("r1", desk.operation(&refund), RefundRank::Failed),
    );
    assert_eq!(desk.state(&refund), OperationState::Rejected);
    desk.tick(HOUR);
    assert!(desk.plan().is_some(), "it failed: asked for again");
}

#[test]
fn r14_three_refusals_then_a_person() {
    let mut desk = Desk::twice_approved();
    desk.read(1, &live());
    for round in 1..=REFUSALS_MAX {
        assert!(
            !desk.asks_for(AttentionReason::PlanRefused),
            "round {round}"
        );
        let cancel = desk.plan().expect("not exhausted yet");
        desk.send_answered(&cancel, refused());
        desk.tick(HOUR);
    }
    assert!(desk.asks_for(AttentionReason::PlanRefused));
    assert_eq!(desk.plan(), None);
    assert!(desk.payment.next_check_at_ms.is_some(), "still looked at");
    desk.read(1, &live().capture("auto", TOTAL));
    let refund = desk.plan().expect("another kind of step has its own three");
    assert_eq!(desk.operation(&refund).kind, OperationKind::Refund);
}

/// R14: money that stays behind a refused release is never silent, whatever was given back already.
#[test]
fn r14_a_rest_that_cannot_be_released_asks_a_person() {
    let mut desk = Desk::twice_approved();
    let rest = live()
        .capture("p", 100)
        .refund("r", 100, RefundRank::Success);
    desk.read(1, &rest);
    for _ in 0..REFUSALS_MAX {
        let cancel = desk.plan().unwrap();
        desk.send_answered(&cancel, refused());
        desk.tick(HOUR);
    }
    assert!(desk.asks_for(AttentionReason::PlanRefused));
    assert!(!desk.payment.is_final());
}

#[test]
fn r19_an_authorise_goes_on_at_growing_gaps() {
    let mut desk = Desk::approved();
    let mut gaps = Vec::new();
    for _ in 0..14 {
        let asked_ms = desk.now_ms;
        let authorise = (0..=2 * HOUR / SECOND).find_map(|_| {
            desk.tick(SECOND);
            desk.plan()
        });
        let authorise = authorise.expect("it goes on within the hour");
        gaps.push(desk.now_ms - asked_ms);
        desk.send_answered(&authorise, refused());
    }
    assert!(gaps.is_sorted(), "{gaps:?}");
    let longest_ms = gaps.last().copied().unwrap();
    assert!((HOUR..=HOUR + SECOND).contains(&longest_ms), "{gaps:?}");
    assert!(!desk.asks_for(AttentionReason::PlanRefused));
}

#[test]
fn r19_a_step_that_was_overtaken_counts_as_no_refusal() {
    let mut desk = Desk::twice_approved();
    for part in 1..=3_i64 {
        desk.tick(HOUR);
        let cancel = desk.plan().expect("something is left");
        let expected = if part == 1 {
            OperationKind::Authorise
        } else {
            OperationKind::Cancel
        };
        assert_eq!(desk.operation(&cancel).kind, expected);
        let captured = (1..=part).fold(live(), |seen, n| seen.capture(&format!("p{n}"), 50));
        desk.read(1, &captured);
        assert_eq!(desk.begin(&cancel), None);
    }
    assert!(!desk.asks_for(AttentionReason::PlanRefused));
}

#[test]
fn r14_duplicate_approval_is_told_once() {
    let mut desk = Desk::pending();
    desk.open_session();
    desk.read(0, &live());
    let before = desk.payment.clone();
    desk.read(1, &body(OrderRank::Approved));
    let told = |events: Vec<crate::domain::events::Event>, kind: &str| {
        events
            .into_iter()
            .filter(|event| event.kind == kind)
            .count()
    };
    let name = "payment.duplicate_approval";
    assert_eq!(told(between(Some(&before), &desk.payment), name), 1);
    assert!(desk.asks_for(AttentionReason::DuplicateApproval));
    let before = desk.payment.clone();
    desk.read(1, &live());
    assert_eq!(told(between(Some(&before), &desk.payment), name), 0);
    assert_eq!(
        told(between(Some(&before), &desk.payment), "payment.attention"),
        0
    );
    desk.read(1, &body(OrderRank::Canceled).cancel("x", TOTAL));
    desk.payment.points.clear();
    desk.read(1, &body(OrderRank::Canceled).cancel("x", TOTAL));
    assert!(
        !desk.asks_for(AttentionReason::DuplicateApproval),
        "released: nothing to look at"
    );
}

#[test]
fn r23_give_back_is_never_refused() {
    let captured = live().capture("auto", TOTAL);
    let mut desk = Desk::approved();
    desk.ask(Command::Cancel).unwrap();
    let authorise = desk.payment.money_in_flight().unwrap().id.clone();
    desk.send_lost(&authorise);
    desk.read(0, &captured);
    assert_eq!(desk.cancel_state(), Some(CancelState::Accepted));
    for _ in 0..REFUSALS_MAX {
        let refund = desk.plan().unwrap();
        desk.send_answered(&refund, refused());
        desk.tick(HOUR);
    }
    assert_eq!(
        desk.cancel_state(),
        Some(CancelState::Accepted),
        "never refused"
    );
    assert!(desk.asks_for(AttentionReason::PlanRefused) && !desk.payment.paid());
}

#[test]
fn r23_give_back_is_done_only_when_nothing_is_left() {
    let mut desk = Desk::approved();
    desk.ask(Command::Cancel).unwrap();
    let authorise = desk.payment.money_in_flight().unwrap().id.clone();
    desk.send_lost(&authorise);
    desk.read(
        0,
        &live()
            .capture("p", 100)
            .refund("r", 100, RefundRank::Success),
    );
    assert_eq!(
        desk.cancel_state(),
        Some(CancelState::Accepted),
        "200 are still authorised"
    );
    assert_eq!(
        next_step(&desk.payment).map(|step| step.amount_minor),
        Some(200)
    );
}

#[test]
fn r23_a_pending_payment_is_done_when_all_sessions_are_over() {
    let mut desk = Desk::pending();
    desk.ask(Command::Cancel).unwrap();
    assert_eq!(desk.cancel_state(), Some(CancelState::Accepted));
    assert!(!desk.payment.is_final());
    desk.read(0, &body(OrderRank::Expired));
    assert_eq!(desk.cancel_state(), Some(CancelState::Done));
    assert_eq!(desk.payment.status(), Status::Canceled);
    assert!(desk.payment.is_final() && !desk.payment.held);
}

/// R23: on an authorised order a 409 ends in a read, and the mark is refused only if that read shows captures.
#[test]
fn r23_what_is_left_is_refused_only_by_captures() {
    let table = [
        ("captured", live().capture("p", TOTAL), CancelState::Refused),
        (
            "captured in part",
            live().capture("p", 100),
            CancelState::Refused,
        ),
        ("nothing captured", live(), CancelState::Accepted),
        (
            "canceled",
            body(OrderRank::Canceled).cancel("x", TOTAL),
            CancelState::Done,
        ),
    ];
    for (name, seen, expected) in table {
        let mut desk = Desk::authorised();
        let cancel = desk.ask(Command::Cancel).unwrap();
        desk.send_answered(&cancel, Answer::Conflict);
        assert_eq!(
            desk.cancel_state(),
            Some(CancelState::Accepted),
            "{name}: not yet read"
        );
        desk.tick(1);
        desk.read(0, &seen);
        assert_eq!(desk.cancel_state(), Some(expected), "{name}");
        assert_eq!(
            desk.payment.paid(),
            expected == CancelState::Refused,
            "{name}"
        );
    }
}

/// R23: a cancel in doubt may have had its effect before the captures that a read shows: the mark waits for it.
#[test]
fn r23_a_mark_waits_for_its_own_cancel() {
    let mut desk = Desk::authorised();
    let cancel = desk.ask(Command::Cancel).unwrap();
    desk.send_lost(&cancel);
    let captured = live().capture("p", 100);
    desk.read(0, &captured);
    assert_eq!(desk.state(&cancel), OperationState::Unknown);
    assert_eq!(desk.cancel_state(), Some(CancelState::Accepted));
    desk.two_late_reads(0, &captured);
    assert_eq!(desk.cancel_state(), Some(CancelState::Refused));
}

/// R23: an earlier cancel of a part is not what the mark promised.
#[test]
fn r23_an_earlier_partial_cancel_does_not_make_the_mark_done() {
    let mut desk = Desk::authorised();
    let part = desk.ask(Command::CancelPart(100)).unwrap();
    desk.send_applied(&part, desk.own_entry(&part, "x1"));
    let all = desk.ask(Command::Cancel).unwrap();
    desk.send_answered(&all, Answer::Conflict);
    desk.tick(1);
    desk.read(0, &live().cancel("x1", 100).capture("p", 200));
    assert_eq!(desk.cancel_state(), Some(CancelState::Refused));
    assert!(desk.payment.paid());
}

#[test]
fn r17_a_mark_is_accepted_beside_an_authorise_and_refused_beside_the_rest() {
    let mut desk = Desk::approved();
    let authorise = desk.plan().unwrap();
    desk.begin(&authorise).unwrap();
    assert!(desk.ask(Command::Cancel).is_ok());
    for command in [Command::Capture(Some(100)), Command::CancelPart(100)] {
        let mut desk = Desk::authorised();
        let running = desk.ask(command).unwrap();
        let busy = Refused::OperationInProgress(running);
        assert_eq!(desk.ask(Command::Cancel), Err(busy), "{command:?}");
    }
}

#[test]
fn r24_automatic_capture_is_of_all_that_is_left_and_stops_after_three() {
    let mut desk = Desk::authorised().automatic();
    for _ in 0..REFUSALS_MAX {
        let capture = desk.plan().expect("captured by itself");
        assert_eq!(desk.operation(&capture).amount_minor, TOTAL);
        assert!(desk.operation(&capture).everything_left);
        desk.send_answered(&capture, refused());
        desk.tick(HOUR);
    }
    assert_eq!(desk.plan(), None);
    assert!(desk.asks_for(AttentionReason::PlanRefused));
}

#[test]
fn r24_no_automatic_capture_beside_one_that_was_asked_for() {
    let mut desk = Desk::authorised();
    let capture = desk.ask(Command::Capture(Some(100))).unwrap();
    desk.send_answered(&capture, lost());
    desk.payment.capture_mode = crate::domain::payment::CaptureMode::Automatic;
    assert_eq!(next_step(&desk.payment), None);
}

#[test]
fn r2_r5_automation_stands_still_while_the_order_is_doubted() {
    let mut desk = Desk::approved();
    let authorise = desk.plan().unwrap();
    desk.read(0, &body(OrderRank::Approved).unknown("on_hold"));
    assert_eq!(desk.begin(&authorise), None);
    let waits_ms = desk.operation(&authorise).next_try_at_ms;
    assert!(waits_ms > desk.now_ms, "it is not found due again at once");
    desk.tick(HOUR);
    desk.read(0, &body(OrderRank::Approved));
    assert_eq!(
        desk.begin(&authorise),
        Some(1),
        "a later read with known words lifts it"
    );
}

/// R14, R3: when the portal captured between the plan's intent and its first byte: the cancel is not even sent.
#[test]
fn r14_loser_captured_before_its_cancel_is_sent() {
    let mut desk = Desk::twice_approved();
    desk.read(1, &live());
    let cancel = desk.plan().expect("the loser is canceled");
    desk.read(1, &live().capture("auto", TOTAL));
    assert_eq!(desk.begin(&cancel), None);
    assert_eq!(desk.operation(&cancel).reason.as_deref(), Some("overtaken"));
    desk.tick(HOUR);
    let refund = desk.plan().expect("the refund follows");
    assert_eq!(desk.operation(&refund).kind, OperationKind::Refund);
}
