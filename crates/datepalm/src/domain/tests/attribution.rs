//! R20: whose effect an entry is, above all when a read shows it before the answer to our own call comes.

use super::desk::{Desk, TOTAL};
use super::said::{Body, live};
use crate::domain::decide::Command;
use crate::domain::events::between;
use crate::domain::facts::{Entry, EntryKind, RefundRank};
use crate::domain::journal::Answer;
use crate::domain::operation::OperationState;
use crate::ids::OperationId;

/// Takes the step and answers the kinds of the events that it tells.
fn told(desk: &mut Desk, step: impl FnOnce(&mut Desk)) -> Vec<String> {
    let before = desk.payment.clone();
    step(desk);
    let events = between(Some(&before), &desk.payment);
    events.into_iter().map(|event| event.kind).collect()
}

fn observed(events: &[String]) -> bool {
    events.iter().any(|kind| kind.ends_with(".observed"))
}

fn operation_of(desk: &Desk, kind: EntryKind, id: &str) -> Option<OperationId> {
    let facts = &desk.payment.sessions[0].facts;
    facts.entries[&(kind, id.to_owned())].operation.clone()
}

/// Begins to send, and reads what that did before its answer comes.
fn seen_while_sending(desk: &mut Desk, id: &OperationId, seen: &Body) -> i64 {
    let attempt = desk.begin(id).unwrap();
    desk.tick(1);
    let events = told(desk, |desk| desk.read(0, seen));
    assert!(!observed(&events), "our own effect: {events:?}");
    assert_eq!(desk.state(id), OperationState::Sending, "R18");
    attempt
}

fn answered(desk: &mut Desk, id: &OperationId, attempt: i64, tamara_id: &str) -> Vec<String> {
    let news = desk.own_entry(id, tamara_id);
    let answer = Answer::Applied {
        tamara_id: Some(tamara_id.to_owned()),
        news: Some(news),
        order: None,
    };
    told(desk, |desk| desk.answer(id, attempt, answer))
}

#[test]
fn r20_a_capture_that_is_read_before_its_answer_is_ours() {
    let mut desk = Desk::authorised();
    let capture = desk.ask(Command::Capture(Some(100))).unwrap();
    let echo = live().capture_of("c1", desk.operation(&capture));
    let attempt = seen_while_sending(&mut desk, &capture, &echo);
    let owner = operation_of(&desk, EntryKind::Capture, "c1");
    assert_eq!(owner.as_ref(), Some(&capture));
    let mut lapsed = desk.clone();
    let events = answered(&mut desk, &capture, attempt, "c1");
    assert_eq!(desk.state(&capture), OperationState::Succeeded);
    assert!(!observed(&events), "{events:?}");

    lapsed.tick(lapsed.policy.lease_ms + 1);
    assert_eq!(lapsed.begin_as(&capture, "other"), None);
    let events = told(&mut lapsed, |desk| desk.read(0, &echo));
    assert_eq!(lapsed.state(&capture), OperationState::Succeeded);
    assert!(!observed(&events), "{events:?}");
}

#[test]
fn r20_a_refund_that_is_read_before_its_answer_is_ours() {
    for rank in [RefundRank::Other, RefundRank::Success] {
        let mut desk = Desk::captured();
        let refund = desk.ask(Command::Refund(Some(100))).unwrap();
        let capture = desk.payment.sessions[0]
            .facts
            .entries_of(EntryKind::Capture);
        let capture = Entry {
            operation: None,
            ..capture.last().unwrap().clone()
        };
        let seen = live()
            .with(capture)
            .refund_of("r1", desk.operation(&refund), rank);
        let attempt = seen_while_sending(&mut desk, &refund, &seen);
        let owner = operation_of(&desk, EntryKind::Refund, "r1");
        assert_eq!(owner.as_ref(), Some(&refund));
        let events = answered(&mut desk, &refund, attempt, "r1");
        assert!(!observed(&events), "{events:?}");
    }
}

/// A cancel echoes nothing: whose it is, its answer tells.
#[test]
fn r20_a_cancel_that_is_read_before_its_answer_is_told_once_it_is_certain_whose_it_is() {
    let mut desk = Desk::authorised();
    let cancel = desk.ask(Command::CancelPart(100)).unwrap();
    let attempt = seen_while_sending(&mut desk, &cancel, &live().cancel("x1", 100));
    let mut portal = desk.clone();
    let events = answered(&mut desk, &cancel, attempt, "x1");
    assert_eq!(events, ["cancel.succeeded"]);

    let events = answered(&mut portal, &cancel, attempt, "x2");
    assert_eq!(events, ["cancel.succeeded", "cancel.observed"]);
    let again = told(&mut portal, |desk| {
        desk.read(0, &live().cancel("x1", 100).cancel("x2", 100));
    });
    assert!(!observed(&again), "told once");
}

#[test]
fn r20_what_nobody_here_asked_for_is_told_at_once() {
    let mut desk = Desk::authorised();
    let capture = desk.ask(Command::Capture(Some(200))).unwrap();
    desk.begin(&capture).unwrap();
    desk.tick(1);
    let events = told(&mut desk, |desk| {
        desk.read(0, &live().capture("portal", 100));
    });
    assert!(
        events.contains(&"capture.observed".to_owned()),
        "{events:?}"
    );
}

/// A person captures all of it within the second that ours would have shown, and ours is refused for it.
#[test]
fn r20_a_capture_that_echoes_ours_by_chance_is_let_go_when_ours_did_nothing() {
    let mut desk = Desk::authorised();
    let capture = desk.ask(Command::Capture(None)).unwrap();
    let chance = live().capture_of("portal", desk.operation(&capture));
    let attempt = seen_while_sending(&mut desk, &capture, &chance);
    desk.answer(&capture, attempt, Answer::Conflict);
    desk.tick(1);
    let events = told(&mut desk, |desk| desk.read(0, &chance));
    assert_eq!(events, ["capture.rejected", "capture.observed"]);
    assert_eq!(operation_of(&desk, EntryKind::Capture, "portal"), None);
    assert_eq!(desk.payment.amounts().captured_minor, TOTAL);
}
