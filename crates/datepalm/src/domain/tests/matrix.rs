//! `decide` as one table: every status and every command (R3, R17, R23, R24).

use super::desk::{Desk, TOTAL};
use super::said::{body, live};
use crate::domain::decide::{Command, Decision, Refused, decide};
use crate::domain::facts::{OrderRank, RefundRank};
use crate::domain::intend::Wanted;
use crate::domain::payment::CancelPromise;
use crate::domain::status::Status;

fn read(body: &super::said::Body) -> Desk {
    let mut desk = Desk::pending();
    desk.read(0, body);
    desk
}

/// A payment of that status.
fn of(status: Status) -> Desk {
    let all = live().capture("c1", TOTAL);
    let desk = match status {
        Status::Created => {
            let mut desk = Desk::empty();
            desk.intend_session();
            desk
        }
        Status::Pending => Desk::pending(),
        Status::Approved => Desk::approved(),
        Status::Authorised => read(&live()),
        Status::PartiallyCaptured => read(&live().capture("c1", 100)),
        Status::Captured => read(&all),
        Status::PartiallyRefunded => read(&all.refund("r1", 100, RefundRank::Success)),
        Status::Refunded => read(&all.refund("r1", TOTAL, RefundRank::Success)),
        Status::Canceled => read(&body(OrderRank::Canceled).cancel("x1", TOTAL)),
        Status::Declined => read(&body(OrderRank::Declined)),
        Status::Expired => read(&body(OrderRank::Expired)),
        Status::Failed => {
            let mut desk = Desk::empty();
            let create = desk.intend_session();
            let attempt = desk.begin_as(&create, "request").unwrap();
            desk.answer_as(&create, attempt, "request", super::said::refused());
            desk
        }
    };
    assert_eq!(desk.payment.status(), status);
    desk
}

/// The decision in a few letters: what a reader compares.
fn short(desk: &Desk, command: Command) -> String {
    match decide(&desk.payment, command, desk.now_ms) {
        Ok(Decision::Operation(Wanted {
            kind,
            amount_minor,
            everything_left,
            ..
        })) => {
            let rest = if everything_left { " rest" } else { "" };
            format!("{} {amount_minor}{rest}", kind.as_str())
        }
        Ok(Decision::Mark(mark)) => match mark.promise {
            CancelPromise::GiveBack => "give back".to_owned(),
            CancelPromise::WhatIsLeft => "what is left".to_owned(),
        },
        Ok(Decision::AlreadyCanceled) => "already".to_owned(),
        Err(Refused::OperationInProgress(_)) => "409 busy".to_owned(),
        Err(Refused::WrongStatus(_)) => "no".to_owned(),
        Err(Refused::AmountAboveRest { rest_minor, .. }) => format!("above {rest_minor}"),
        Err(Refused::AmountNotPositive) => "not positive".to_owned(),
        Err(Refused::UseRefund { refundable_minor }) => format!("use refund {refundable_minor}"),
        Err(Refused::UseCancel { cancelable_minor }) => format!("use cancel {cancelable_minor}"),
        Err(Refused::CancelRequested) => "409 cancel".to_owned(),
        Err(Refused::NeedsAttention | Refused::RestoredUnknownEffect) => "attention".to_owned(),
        Err(Refused::Recovering) => "recovering".to_owned(),
    }
}

/// What is answered to: capture all, capture 100, refund all, refund 100, cancel, cancel 100.
fn expected(status: Status) -> [&'static str; 6] {
    let none = "no";
    match status {
        Status::Created | Status::Pending | Status::Approved => {
            [none, none, none, none, "give back", none]
        }
        Status::Authorised => [
            "capture 300 rest",
            "capture 100",
            "use cancel 300",
            "use cancel 300",
            "what is left",
            "cancel 100",
        ],
        Status::PartiallyCaptured => [
            "capture 200 rest",
            "capture 100",
            "refund 100",
            "refund 100",
            "cancel 200 rest",
            "cancel 100",
        ],
        Status::Captured => [
            none,
            "above 0",
            "refund 300",
            "refund 100",
            "use refund 300",
            "use refund 300",
        ],
        Status::PartiallyRefunded => [
            none,
            "above 0",
            "refund 200",
            "refund 100",
            "use refund 200",
            "use refund 200",
        ],
        Status::Refunded => [none, "above 0", none, "above 0", none, none],
        Status::Canceled | Status::Declined | Status::Expired | Status::Failed => [none; 6],
    }
}

#[test]
fn r3_every_status_and_every_command() {
    let commands = [
        Command::Capture(None),
        Command::Capture(Some(100)),
        Command::Refund(None),
        Command::Refund(Some(100)),
        Command::Cancel,
        Command::CancelPart(100),
    ];
    for status in Status::ALL {
        let desk = of(status);
        let answers = commands.map(|command| short(&desk, command));
        assert_eq!(answers, expected(status), "{}", status.as_str());
    }
}

#[test]
fn r3_amounts_are_positive_and_within_the_rest() {
    let table = [
        (
            Status::Authorised,
            Command::Capture(Some(0)),
            "not positive",
        ),
        (
            Status::Authorised,
            Command::Capture(Some(-1)),
            "not positive",
        ),
        (Status::Authorised, Command::Capture(Some(301)), "above 300"),
        (
            Status::Authorised,
            Command::Capture(Some(300)),
            "capture 300 rest",
        ),
        (Status::Authorised, Command::CancelPart(301), "above 300"),
        (
            Status::Authorised,
            Command::CancelPart(300),
            "cancel 300 rest",
        ),
        (
            Status::PartiallyCaptured,
            Command::Capture(Some(201)),
            "above 200",
        ),
        (
            Status::PartiallyCaptured,
            Command::Refund(Some(101)),
            "above 100",
        ),
        (
            Status::PartiallyRefunded,
            Command::Refund(Some(201)),
            "above 200",
        ),
        (
            Status::Captured,
            Command::Refund(Some(i64::MAX)),
            "above 300",
        ),
    ];
    for (status, command, expected) in table {
        assert_eq!(
            short(&of(status), command),
            expected,
            "{} {command:?}",
            status.as_str()
        );
    }
}

/// R23: the rest of an order captured in part can be canceled, refunded in part or not.
#[test]
fn r23_the_rest_of_an_order_captured_in_part_is_a_plain_cancel() {
    let captured = live().capture("c1", 100);
    for refunded in [0, 50, 100] {
        let seen = captured.clone().refund("r1", refunded, RefundRank::Success);
        let desk = read(&if refunded == 0 {
            captured.clone()
        } else {
            seen
        });
        assert_eq!(
            short(&desk, Command::Cancel),
            "cancel 200 rest",
            "{refunded} refunded"
        );
        assert_eq!(
            short(&desk, Command::Capture(None)),
            "capture 200 rest",
            "{refunded} refunded"
        );
    }
}

#[test]
fn r2_r4_r5_what_does_not_fit_stops_everything_but_the_wish_to_cancel() {
    let doubtful = [
        ("unknown word", live().unknown("on_hold")),
        ("another order", live().mismatch()),
        ("books differ", body(OrderRank::Expired).capture("c1", 100)),
    ];
    for (name, seen) in doubtful {
        let mut desk = of(Status::Authorised);
        desk.read(0, &seen);
        for command in [
            Command::Capture(None),
            Command::Refund(None),
            Command::CancelPart(100),
        ] {
            assert_eq!(short(&desk, command), "attention", "{name}");
        }
        assert!(desk.payment.blocked() && !desk.payment.is_final(), "{name}");
        assert!(desk.payment.next_check_at_ms.is_some(), "{name}");
    }
}

#[test]
fn r23_r24_while_a_cancel_stands() {
    let mut desk = of(Status::Approved);
    desk.ask(Command::Cancel).unwrap();
    assert_eq!(short(&desk, Command::Cancel), "already");
    assert_eq!(short(&desk, Command::Capture(None)), "409 cancel");
    assert_eq!(short(&desk, Command::CancelPart(100)), "409 cancel");
}
