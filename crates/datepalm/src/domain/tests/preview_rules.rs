//! R23, `dry_run`: what is foreseen of a cancel is what happens when somebody asks for it and Tamara takes every step.

use super::desk::{Desk, TOTAL};
use super::said::{body, live};
use crate::domain::context::Context;
use crate::domain::decide::{Command, Decision, Refused};
use crate::domain::facts::{OrderRank, RefundRank};
use crate::domain::operation::OperationKind;
use crate::domain::payment::CancelState;
use crate::domain::preview::{Foreseen, Preview, preview};
use crate::domain::status::Status;
use crate::ids::OperationId;

fn foresee(desk: &Desk, command: Command) -> Result<Preview, Refused> {
    let context = Context {
        now_ms: desk.now_ms,
        policy: &desk.policy,
        can_hold: desk.can_hold,
    };
    preview(&desk.payment, command, &context)
}

/// What Tamara does with each step of the plan until there is none.
fn carry_out(desk: &mut Desk, first: Option<OperationId>) -> Vec<(OperationKind, i64)> {
    let mut done = Vec::new();
    let mut next = first.filter(|id| !id.as_str().is_empty());
    loop {
        let Some(id) = next.take().or_else(|| desk.plan()) else {
            return done;
        };
        let (kind, amount_minor) = (desk.operation(&id).kind, desk.operation(&id).amount_minor);
        let tamara_id = format!("t{}", done.len());
        match kind {
            OperationKind::CreateSession
            | OperationKind::Authorise
            | OperationKind::UpdateReference => {
                desk.send_applied(&id, desk.answer_word(OrderRank::Authorised));
            }
            OperationKind::Capture | OperationKind::Cancel => {
                desk.send_applied(&id, desk.own_entry(&id, &tamara_id));
            }
            OperationKind::Refund => {
                let mut news = desk.own_entry(&id, &tamara_id);
                news.entries[0].refund = RefundRank::Success;
                desk.send_applied(&id, news);
            }
        }
        done.push((kind, amount_minor));
    }
}

fn short(steps: &[Foreseen]) -> Vec<(OperationKind, i64)> {
    steps
        .iter()
        .map(|step| (step.kind, step.amount_minor))
        .collect()
}

fn read(seen: &super::said::Body) -> Desk {
    let mut desk = Desk::pending();
    desk.read(0, seen);
    desk
}

/// A name, the payment, and the calls of its cancel.
type Case = (&'static str, Desk, &'static [(OperationKind, i64)]);

#[test]
fn r23_what_is_foreseen_is_what_happens() {
    use OperationKind::{Authorise, Cancel};
    let mut part_captured = Desk::pending();
    part_captured.read(0, &live().capture("c1", 100));
    let table: [Case; 5] = [
        ("nobody has paid", Desk::pending(), &[]),
        (
            "approved",
            Desk::approved(),
            &[(Authorise, TOTAL), (Cancel, TOTAL)],
        ),
        ("authorised", Desk::authorised(), &[(Cancel, TOTAL)]),
        (
            "a part is canceled",
            read(&live().cancel("x1", 100)),
            &[(Cancel, 200)],
        ),
        ("captured in part", part_captured, &[(Cancel, 200)]),
    ];
    for (name, mut desk, expected) in table {
        let before = desk.payment.clone();
        let foreseen = foresee(&desk, Command::Cancel).unwrap();
        assert_eq!(desk.payment, before, "{name}: it is looked at only");
        assert_eq!(short(&foreseen.steps), expected, "{name}");
        let first = desk.ask(Command::Cancel).unwrap();
        assert_eq!(carry_out(&mut desk, Some(first)), expected, "{name}");
    }
}

/// A customer who pays on an open page after the cancel gets it back.
#[test]
fn r23_a_page_that_is_still_open() {
    let mut desk = Desk::pending();
    let foreseen = foresee(&desk, Command::Cancel).unwrap();
    assert!(foreseen.page_open && foreseen.steps.is_empty());
    let first = desk.ask(Command::Cancel).unwrap();
    desk.read(0, &body(OrderRank::Approved));
    assert_eq!(carry_out(&mut desk, Some(first)), short(&foreseen.if_paid));
    assert_eq!(desk.cancel_state(), Some(CancelState::Done));
    let foreseen = foresee(&Desk::authorised(), Command::Cancel).unwrap();
    assert!(!foreseen.page_open && foreseen.if_paid.is_empty());
}

/// Accepted while its authorise is in flight: that comes first, and then the rest of the plan.
#[test]
fn r23_an_authorise_under_way_is_foreseen() {
    let mut desk = Desk::approved();
    let authorise = desk.plan().unwrap();
    let attempt = desk.begin(&authorise).unwrap();
    let foreseen = foresee(&desk, Command::Cancel).unwrap();
    let under_way: Vec<bool> = foreseen.steps.iter().map(|step| step.under_way).collect();
    assert_eq!(under_way, [true, false]);
    let first = desk.ask(Command::Cancel).unwrap();
    assert_eq!(first.as_str(), "", "the plan waits for the authorise");
    let answer = crate::domain::journal::Answer::Applied {
        tamara_id: None,
        news: Some(desk.answer_word(OrderRank::Authorised)),
        order: None,
    };
    desk.answer(&authorise, attempt, answer);
    assert_eq!(carry_out(&mut desk, None), short(&foreseen.steps[1..]));
}

/// Whoever captured it meanwhile: what was promised before the authorisation goes back in full.
/// Found by the simulator: a cancel in doubt of an order that is captured by now was foreseen beside the refund of the
/// same money, and twice the payment would have been given back.
#[test]
fn r23_a_cancel_under_way_that_can_no_longer_be_is_not_foreseen() {
    let mut desk = read(&body(OrderRank::Approved));
    desk.ask(Command::Cancel).unwrap();
    let last = |desk: &Desk| {
        desk.payment
            .operations
            .last()
            .map(|o| o.id.clone())
            .unwrap()
    };
    let authorise = last(&desk);
    desk.send_applied(&authorise, desk.answer_word(OrderRank::Authorised));
    let cancel = desk.plan().unwrap_or_else(|| last(&desk));
    assert_eq!(desk.operation(&cancel).kind, OperationKind::Cancel);
    desk.send_lost(&cancel);
    desk.read(0, &live().capture("by-tamara", TOTAL));
    let foreseen = foresee(&desk, Command::Cancel).unwrap();
    assert_eq!(short(&foreseen.steps), [(OperationKind::Refund, TOTAL)]);
}

#[test]
fn r23_what_is_left_of_an_accepted_cancel_is_foreseen() {
    let mut desk = Desk::approved();
    desk.ask(Command::Cancel).unwrap();
    desk.read(0, &live().capture("portal", 100));
    let foreseen = foresee(&desk, Command::Cancel).unwrap();
    assert_eq!(foreseen.decision, Decision::AlreadyCanceled);
    // The authorise that the plan began with is overtaken by what was read.
    let planned = desk
        .payment
        .operations
        .last()
        .map(|o| o.id.clone())
        .unwrap();
    assert_eq!(desk.begin(&planned), None);
    let rest: Vec<_> = short(&foreseen.steps)
        .into_iter()
        .filter(|(kind, _)| *kind != OperationKind::Authorise)
        .collect();
    assert_eq!(carry_out(&mut desk, None), rest);
    assert_eq!(desk.payment.amounts().refunded_minor, 100);
}

#[test]
fn r23_a_refusal_is_foreseen_as_it_would_come() {
    let captured = read(&live().capture("c1", TOTAL));
    let refused = foresee(&captured, Command::Cancel).unwrap_err();
    assert_eq!(
        refused,
        Refused::UseRefund {
            refundable_minor: TOTAL
        }
    );
    let mut desk = Desk::authorised();
    let capture = desk.ask(Command::Capture(Some(100))).unwrap();
    let refused = foresee(&desk, Command::Cancel).unwrap_err();
    assert_eq!(refused, Refused::OperationInProgress(capture));
    let expired = read(&body(OrderRank::Expired));
    let refused = foresee(&expired, Command::Cancel).unwrap_err();
    assert_eq!(refused, Refused::WrongStatus(Status::Expired));
    let part = foresee(&Desk::authorised(), Command::CancelPart(100)).unwrap();
    assert_eq!(short(&part.steps), [(OperationKind::Cancel, 100)]);
    let above = foresee(&Desk::authorised(), Command::CancelPart(301)).unwrap_err();
    assert_eq!(
        above,
        Refused::AmountAboveRest {
            asked_minor: 301,
            rest_minor: 300
        }
    );
}

/// Both sessions of a payment that is canceled before it was authorised are foreseen, each with its own order.
#[test]
fn r14_r23_every_approved_session_is_foreseen() {
    let mut desk = Desk::pending();
    desk.open_session();
    desk.read(0, &body(OrderRank::Approved));
    desk.read(1, &body(OrderRank::Approved));
    let foreseen = foresee(&desk, Command::Cancel).unwrap();
    let of = |index: usize| {
        let session = desk.session_id(index);
        foreseen
            .steps
            .iter()
            .filter(|step| step.session == session)
            .count()
    };
    assert_eq!((of(0), of(1)), (2, 2));
    let expected = short(&foreseen.steps);
    let first = desk.ask(Command::Cancel).unwrap();
    assert_eq!(carry_out(&mut desk, Some(first)), expected);
}

#[test]
fn r23_a_cancel_that_stands_still_foresees_nothing() {
    let mut desk = Desk::authorised();
    desk.read(0, &live().unknown("on_hold"));
    let foreseen = foresee(&desk, Command::Cancel).unwrap();
    assert!(foreseen.steps.is_empty() && desk.payment.blocked());
}
