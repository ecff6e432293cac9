//! What stands still because something stops its payment: tried at growing gaps, and at once when nothing stops it any more.

use super::desk::{Desk, HOUR, SECOND};
use super::said::{live, not_sent, turned_away};
use crate::domain::decide::Command;
use crate::domain::journal::Answer;
use crate::domain::payment::AttentionReason;
use crate::ids::OperationId;

/// An authorised payment whose order shows another reference, so nothing is sent for it (R4), and a capture that waits.
fn stopped(answer: Option<Answer>) -> (Desk, OperationId) {
    let mut desk = Desk::authorised();
    let capture = desk.ask(Command::Capture(Some(100))).unwrap();
    if let Some(answer) = answer {
        desk.send_answered(&capture, answer);
    }
    desk.tick(SECOND);
    desk.read(0, &live().reference("B-1"));
    assert!(desk.payment.blocked() && desk.asks_for(AttentionReason::OrderMismatch));
    (desk, capture)
}

/// How long the worker has to wait after each of so many tries in vain.
fn gaps(desk: &mut Desk, id: &OperationId, tries: usize) -> Vec<i64> {
    let try_once = |_| {
        let next_ms = desk.operation(id).next_try_at_ms.max(desk.now_ms);
        desk.tick(next_ms - desk.now_ms);
        assert_eq!(desk.begin(id), None, "it is stopped");
        desk.operation(id).next_try_at_ms - desk.now_ms
    };
    (0..tries).map(try_once).collect()
}

/// R16, R30: nobody knows when a person looks, so each gap is as long as all that went before, up to the longest of polling.
#[test]
fn r30_what_is_stopped_is_tried_at_growing_gaps() {
    let (mut desk, capture) = stopped(None);
    let gaps = gaps(&mut desk, &capture, 14);
    assert_eq!(gaps[..2], [30 * SECOND, 31 * SECOND], "{gaps:?}");
    assert!(gaps.is_sorted(), "{gaps:?}");
    assert_eq!(gaps[13], 24 * HOUR);
}

#[test]
fn r30_what_was_stopped_goes_on_at_once() {
    let (mut desk, capture) = stopped(None);
    gaps(&mut desk, &capture, 9);
    desk.tick(SECOND);
    desk.read(0, &live());
    assert_eq!(desk.operation(&capture).next_try_at_ms, desk.now_ms);
    assert!(desk.begin(&capture).is_some());
}

/// R21: what had its own reason to wait still has it.
#[test]
fn r21_what_was_stopped_waits_for_as_long_as_tamara_asked() {
    let (mut desk, capture) = stopped(Some(turned_away(Some(HOUR))));
    let until_ms = desk.operation(&capture).next_try_at_ms;
    desk.tick(SECOND);
    desk.read(0, &live());
    assert_eq!(desk.operation(&capture).next_try_at_ms, until_ms);

    let (mut desk, capture) = stopped(Some(not_sent()));
    gaps(&mut desk, &capture, 9);
    desk.tick(SECOND);
    desk.read(0, &live());
    let gap_ms = desk.operation(&capture).next_try_at_ms - desk.now_ms;
    assert_eq!(gap_ms, desk.policy.retry_ms);
}

/// R21: nothing waits for ever because of one header.
#[test]
fn r21_a_retry_after_without_end_is_a_day() {
    let mut desk = Desk::authorised();
    let capture = desk.ask(Command::Capture(None)).unwrap();
    desk.send_answered(&capture, turned_away(Some(i64::MAX)));
    let next_ms = desk.operation(&capture).next_try_at_ms;
    assert_eq!(next_ms - desk.now_ms, 24 * HOUR);
}
