//! R17: an operation that stays in doubt can be ended by a person, and what shows itself afterwards is never hidden.

use super::desk::{Desk, SECOND, TOTAL};
use super::said::{Body, body, live, lost};
use crate::domain::attention::ResolveRefused;
use crate::domain::decide::{Command, Refused};
use crate::domain::ending::{EndRefused, Outcome};
use crate::domain::events::between;
use crate::domain::facts::{OrderRank, RefundRank};
use crate::domain::operation::{OperationKind, OperationState};
use crate::domain::payment::AttentionReason::{CannotAttribute, OperationStillOpen};
use crate::domain::plan::{next_step, refundable};
use crate::ids::OperationId;

/// A partial capture whose answer was lost, and a capture of the same amount that may be its effect.
fn cannot_attribute() -> (Desk, OperationId, Body) {
    let mut desk = Desk::authorised();
    let capture = desk.ask(Command::Capture(Some(100))).unwrap();
    desk.send_lost(&capture);
    let seen = live().capture("p1", 100);
    desk.two_late_reads(0, &seen);
    assert_eq!(desk.state(&capture), OperationState::Unknown);
    assert!(desk.asks_for(CannotAttribute));
    (desk, capture, seen)
}

#[test]
fn r17_applied_takes_the_entry_that_may_be_ours() {
    let (mut desk, capture, seen) = cannot_attribute();
    assert_eq!(
        desk.resolve(CannotAttribute),
        Err(ResolveRefused::StillInDoubt(capture.clone()))
    );
    let before = desk.payment.clone();
    desk.end(&capture, Outcome::Applied).unwrap();
    let operation = desk.operation(&capture);
    assert_eq!(
        (
            operation.state,
            operation.reason.as_deref(),
            operation.tamara_id.as_deref()
        ),
        (
            OperationState::Succeeded,
            Some("applied_by_person"),
            Some("p1")
        )
    );
    assert!(!desk.asks_for(CannotAttribute), "ending resolves the point");
    let kinds: Vec<_> = between(Some(&before), &desk.payment)
        .into_iter()
        .map(|event| event.kind)
        .collect();
    for kind in [
        "capture.succeeded",
        "capture.ended_by_person",
        "payment.attention_resolved",
    ] {
        assert!(kinds.iter().any(|told| told == kind), "{kind}: {kinds:?}");
    }
    desk.tick(SECOND);
    desk.read(0, &seen);
    assert!(!desk.asks_for(CannotAttribute));
    assert_eq!(desk.payment.amounts().captured_minor, 100);
    assert!(
        desk.ask(Command::Capture(Some(100))).is_ok(),
        "requests go on"
    );
}

#[test]
fn r17_not_applied_leaves_the_entry_to_whoever_made_it() {
    let (mut desk, capture, seen) = cannot_attribute();
    desk.end(&capture, Outcome::NotApplied).unwrap();
    assert_eq!(desk.state(&capture), OperationState::Rejected);
    desk.tick(SECOND);
    desk.read(0, &seen);
    assert!(!desk.asks_for(CannotAttribute), "that entry was looked at");
    desk.tick(SECOND);
    desk.read(0, &seen.capture("p2", 100));
    assert!(desk.asks_for(CannotAttribute), "another one was not");
    desk.resolve(CannotAttribute).unwrap();
}

/// R17: an effect that appears later anyway asks a person again, whatever the operation was.
#[test]
fn r17_what_was_called_not_applied_and_appears_is_not_hidden() {
    type Case = (Command, fn(&Desk, &OperationId) -> Body);
    let captured = || live().capture("c", TOTAL);
    let table: [(Desk, Case); 3] = [
        (
            Desk::authorised(),
            (Command::Capture(Some(100)), |desk, id| {
                live().capture_of("late", desk.operation(id))
            }),
        ),
        (
            Desk::authorised(),
            (Command::CancelPart(100), |_, _| live().cancel("late", 100)),
        ),
        (
            Desk::captured(),
            (Command::Refund(Some(100)), |desk, id| {
                live()
                    .capture_of("c1", &desk.payment.operations[2])
                    .refund_of("late", desk.operation(id), RefundRank::Success)
            }),
        ),
    ];
    for (mut desk, (command, late)) in table {
        let asked = desk.ask(command).unwrap();
        desk.send_lost(&asked);
        desk.tick(desk.policy.settle_window_ms + SECOND);
        desk.end(&asked, Outcome::NotApplied).unwrap();
        assert!(!desk.asks_for(CannotAttribute), "{command:?}");
        let seen = late(&desk, &asked);
        desk.read(0, &seen);
        assert!(desk.asks_for(CannotAttribute), "{command:?}");
        desk.resolve(CannotAttribute).unwrap();
        desk.tick(SECOND);
        desk.read(0, &seen);
        assert!(!desk.asks_for(CannotAttribute), "{command:?}: once");
    }
    let mut desk = Desk::approved();
    let authorise = desk.plan().unwrap();
    desk.send_lost(&authorise);
    desk.tick(desk.policy.settle_window_ms + SECOND);
    desk.end(&authorise, Outcome::NotApplied).unwrap();
    assert_eq!(
        next_step(&desk.payment).map(|step| step.kind),
        Some(OperationKind::Authorise),
        "the plan goes on"
    );
    desk.read(0, &captured());
    assert!(desk.asks_for(CannotAttribute));
}

/// R17: the plan authorises again after a person said that the first authorise never happened; that it then is
/// authorised is the second one's work, and nothing that a person must look at.
#[test]
fn r17_an_authorise_that_was_rightly_denied_is_no_riddle_when_the_next_one_succeeds() {
    let mut desk = Desk::approved();
    let denied = desk.plan().unwrap();
    desk.send_lost(&denied);
    desk.tick(desk.policy.settle_window_ms + SECOND);
    desk.end(&denied, Outcome::NotApplied).unwrap();
    desk.tick(desk.policy.retry_ms + SECOND);
    let next = desk.plan().unwrap();
    desk.send_lost(&next);
    desk.read(0, &live());
    assert_eq!(desk.state(&next), OperationState::Succeeded);
    assert!(!desk.asks_for(CannotAttribute));
    desk.tick(SECOND);
    desk.read(0, &live());
    assert!(!desk.asks_for(CannotAttribute), "a later read says no more");
}

/// Found by the simulator: a cancel was rightly denied by a person, the next one rightly called applied before a read
/// showed it; and when one did, the first was asked about.
#[test]
fn r17_what_is_called_applied_takes_its_entry_before_what_was_denied_is_asked_about() {
    let mut desk = Desk::authorised();
    for outcome in [Outcome::NotApplied, Outcome::Applied] {
        let cancel = desk.ask(Command::CancelPart(100)).unwrap();
        desk.send_lost(&cancel);
        desk.tick(desk.policy.settle_window_ms + SECOND);
        desk.end(&cancel, outcome).unwrap();
    }
    desk.read(0, &live().cancel("x1", 100));
    assert!(!desk.asks_for(CannotAttribute));
    desk.read(0, &live().cancel("x1", 100).cancel("x2", 100));
    assert!(
        desk.asks_for(CannotAttribute),
        "that one may be the first's"
    );
}

/// R9, R17: what a person called applied counts as gone although no read shows it; when one does, it counts once.
#[test]
fn r9_what_a_person_called_applied_is_gone_until_the_facts_show_it() {
    let mut desk = Desk::captured();
    let refund = desk.ask(Command::Refund(Some(TOTAL))).unwrap();
    desk.send_lost(&refund);
    let kept = live().capture_of("c1", &desk.payment.operations[2]);
    desk.tick(desk.policy.settle_window_ms + SECOND);
    desk.read(0, &kept);
    desk.end(&refund, Outcome::Applied).unwrap();
    assert!(
        !desk.payment.paid(),
        "a person says that the money went back"
    );
    assert_eq!(refundable(&desk.payment, &desk.payment.sessions[0]), 0);
    assert!(matches!(
        desk.ask(Command::Refund(None)),
        Err(Refused::WrongStatus(_))
    ));
    assert_eq!(desk.payment.amounts().refunded_minor, 0, "R11: facts");
    let back = kept.refund_of("r1", desk.operation(&refund), RefundRank::Success);
    desk.tick(SECOND);
    desk.read(0, &back);
    assert_eq!(desk.payment.amounts().refunded_minor, TOTAL);
    assert_eq!(refundable(&desk.payment, &desk.payment.sessions[0]), 0);
    assert_eq!(desk.payment.pending_out_minor(), 0);
    assert_eq!(desk.operation(&refund).tamara_id.as_deref(), Some("r1"));
}

/// R20, R17: a refund that stays accepted, ended either way.
#[test]
fn r17_an_accepted_refund_can_be_ended() {
    for outcome in [Outcome::Applied, Outcome::NotApplied] {
        let mut desk = Desk::captured();
        let kept = live().capture_of("c1", &desk.payment.operations[2]);
        let refund = desk.ask(Command::Refund(Some(100))).unwrap();
        desk.send_lost(&refund);
        let waiting = kept
            .clone()
            .refund_of("r1", desk.operation(&refund), RefundRank::Other);
        desk.read(0, &waiting);
        assert_eq!(desk.state(&refund), OperationState::Accepted);
        desk.tick(desk.policy.ask_after_ms);
        desk.refresh();
        assert!(desk.asks_for(OperationStillOpen));
        desk.end(&refund, outcome).unwrap();
        assert!(!desk.asks_for(OperationStillOpen));
        let left = refundable(&desk.payment, &desk.payment.sessions[0]);
        let expected = match outcome {
            Outcome::Applied => TOTAL - 100,
            Outcome::NotApplied => TOTAL,
        };
        assert_eq!(left, expected, "{outcome:?}");
        desk.tick(SECOND);
        desk.read(0, &waiting);
        assert!(!desk.asks_for(CannotAttribute), "{outcome:?}: as it was");
        desk.tick(SECOND);
        desk.read(
            0,
            &kept.refund_of("r1", desk.operation(&refund), RefundRank::Success),
        );
        let surprise = outcome == Outcome::NotApplied;
        assert_eq!(desk.asks_for(CannotAttribute), surprise, "{outcome:?}");
        assert_eq!(desk.payment.pending_out_minor(), 0);
    }
}

/// R19: within the window an effect may still arrive, whatever a person knows.
#[test]
fn r19_not_applied_is_not_said_before_the_window_is_over() {
    let mut desk = Desk::authorised();
    let capture = desk.ask(Command::Capture(Some(100))).unwrap();
    let sent_ms = desk.now_ms;
    desk.send_lost(&capture);
    let over_ms = sent_ms + desk.policy.settle_window_ms;
    assert_eq!(
        desk.end(&capture, Outcome::NotApplied),
        Err(EndRefused::TooEarly(over_ms))
    );
    assert_eq!(desk.state(&capture), OperationState::Unknown);
    desk.end(&capture, Outcome::Applied).unwrap();
    desk.read(0, &live().capture_of("c1", desk.operation(&capture)));
    assert_eq!(desk.operation(&capture).tamara_id.as_deref(), Some("c1"));
    assert_eq!(desk.payment.amounts().captured_minor, 100);
}

#[test]
fn r17_only_what_is_in_doubt_can_be_ended() {
    let mut desk = Desk::pending();
    let create = desk.payment.operations[0].id.clone();
    assert_eq!(desk.end(&create, Outcome::Applied), Err(EndRefused::Create));
    let nobody = OperationId("op_none".to_owned());
    assert_eq!(
        desk.end(&nobody, Outcome::Applied),
        Err(EndRefused::Unknown)
    );
    desk.read(0, &body(OrderRank::Approved));
    let authorise = desk.plan().unwrap();
    assert_eq!(
        desk.end(&authorise, Outcome::Applied),
        Err(EndRefused::OnItsWay)
    );
    let attempt = desk.begin(&authorise).unwrap();
    assert_eq!(
        desk.end(&authorise, Outcome::Applied),
        Err(EndRefused::OnItsWay),
        "R18: its lease is live"
    );
    desk.tick(desk.policy.lease_ms);
    desk.end(&authorise, Outcome::Applied).unwrap();
    assert_eq!(
        desk.end(&authorise, Outcome::NotApplied),
        Err(EndRefused::Ended(OperationState::Succeeded))
    );
    // R18: a zombie's answer still counts as news, and changes nothing that has ended.
    desk.answer(&authorise, attempt, lost());
    assert_eq!(desk.state(&authorise), OperationState::Succeeded);
}

/// R24: an automatic capture that a person called applied is not made again.
#[test]
fn r24_an_automatic_capture_called_applied_is_not_repeated() {
    let mut desk = Desk::authorised().automatic();
    let capture = desk.plan().unwrap();
    desk.send_lost(&capture);
    desk.end(&capture, Outcome::Applied).unwrap();
    assert_eq!(next_step(&desk.payment), None);
}
