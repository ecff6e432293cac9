//! R19, R20, one test or table per sentence: how an operation in doubt is settled by reading.

use super::desk::{Desk, HOUR, SECOND, TOTAL};
use super::said::{Body, body, entry, live};
use crate::domain::decide::{Command, unique_shipped_at_s};
use crate::domain::ending::Outcome;
use crate::domain::facts::{Entry, EntryKind, Observation, OrderRank, RefundRank, Source};
use crate::domain::journal::Answer;
use crate::domain::operation::{OperationKind, OperationState};
use crate::domain::payment::AttentionReason;
use crate::ids::OperationId;

/// The order as it is known to be, with nothing new.
fn same(desk: &Desk) -> Body {
    let facts = &desk.payment.sessions[0].facts;
    let own = facts.entries.values().cloned();
    own.fold(live(), |body, entry| {
        body.with(Entry {
            operation: None,
            ..entry
        })
    })
}

fn asked(command: Command) -> (Desk, OperationId) {
    let mut desk = match command {
        Command::Refund(_) => Desk::captured(),
        Command::Capture(_) | Command::Cancel | Command::CancelPart(_) => Desk::authorised(),
    };
    let id = desk.ask(command).unwrap();
    (desk, id)
}

#[test]
fn r19_presence_in_a_read_is_believed_at_once() {
    for command in [Command::Capture(Some(100)), Command::Capture(None)] {
        let (mut desk, id) = asked(command);
        desk.send_lost(&id);
        desk.read(0, &live().capture_of("c1", desk.operation(&id)));
        assert_eq!(desk.state(&id), OperationState::Succeeded);
        assert_eq!(desk.operation(&id).tamara_id.as_deref(), Some("c1"));
    }
    let (mut desk, id) = asked(Command::Refund(Some(100)));
    desk.send_lost(&id);
    desk.read(
        0,
        &same(&desk).refund_of("r1", desk.operation(&id), RefundRank::Success),
    );
    assert_eq!(desk.state(&id), OperationState::Succeeded);
}

/// R19: what may be repeated after one read, and what never.
#[test]
fn r19_what_is_repeated() {
    let table = [
        ("capture of all", Command::Capture(None), true),
        (
            "capture of all, by its amount",
            Command::Capture(Some(TOTAL)),
            true,
        ),
        ("cancel of all", Command::CancelPart(TOTAL), true),
        ("partial capture", Command::Capture(Some(100)), false),
        ("partial cancel", Command::CancelPart(100), false),
        ("partial refund", Command::Refund(Some(100)), false),
        ("full refund", Command::Refund(None), false),
    ];
    for (name, command, repeated) in table {
        let (mut desk, id) = asked(command);
        desk.send_lost(&id);
        let nothing_new = same(&desk);
        desk.read_from_before(0, &nothing_new, &id);
        assert!(
            !desk.operation(&id).may_repeat,
            "{name}: a read from before says nothing"
        );
        desk.read(0, &nothing_new);
        assert_eq!(desk.operation(&id).may_repeat, repeated, "{name}");
        desk.tick(HOUR);
        assert_eq!(desk.begin(&id).is_some(), repeated, "{name}");
    }
}

#[test]
fn r19_partial_refund_is_never_repeated() {
    let (mut desk, refund) = asked(Command::Refund(Some(100)));
    desk.send_lost(&refund);
    let nothing_new = same(&desk);
    desk.two_late_reads(0, &nothing_new);
    assert_eq!(desk.state(&refund), OperationState::Rejected);
    assert_eq!(desk.begin(&refund), None);
    assert_eq!(
        desk.payment
            .operations
            .iter()
            .filter(|o| o.attempt > 1)
            .count(),
        0
    );
}

#[test]
fn r19_absence_needs_two_reads_begun_after_the_window() {
    let (mut desk, capture) = asked(Command::Capture(Some(100)));
    desk.send_lost(&capture);
    let sent_ms = desk.operation(&capture).last_sent_at_ms.unwrap();
    let window_ms = desk.policy.settle_window_ms;
    desk.tick(window_ms + SECOND);
    for begun_ms in [sent_ms + 1, sent_ms + window_ms, sent_ms + window_ms + 1] {
        desk.read_begun(0, &live(), begun_ms);
        assert_eq!(desk.state(&capture), OperationState::Unknown, "{begun_ms}");
    }
    desk.read_begun(0, &live(), sent_ms + window_ms + 2);
    assert_eq!(desk.state(&capture), OperationState::Rejected);
}

/// The clocks of two nodes may be 5 s apart (R19). A node whose clock was behind read our own partial cancel and, by that
/// clock, had begun before it was sent: it counted as known before, and the cancel ended as not applied.
#[test]
fn r19_r20_a_reader_whose_clock_is_behind_still_sees_what_is_new() {
    let (mut desk, cancel) = asked(Command::CancelPart(100));
    let behind_ms = 5 * SECOND;
    desk.send_lost(&cancel);
    let done = live().cancel("x1", 100);
    desk.read_begun(0, &done, desk.now_ms - behind_ms);
    desk.tick(desk.policy.settle_window_ms);
    for _ in 0..2 {
        desk.tick(behind_ms + SECOND);
        desk.read_begun(0, &done, desk.now_ms - behind_ms);
    }
    assert_eq!(desk.state(&cancel), OperationState::Succeeded);
}

/// And a node whose clock is ahead: the portal's cancel, held before ours was sent, is not new for that.
#[test]
fn r19_r20_a_reader_whose_clock_is_ahead_makes_nothing_new() {
    let mut desk = Desk::authorised();
    let portal = live().cancel("portal", 100);
    desk.read_begun(0, &portal, desk.now_ms + 5 * SECOND);
    let cancel = desk.ask(Command::CancelPart(100)).unwrap();
    desk.send_lost(&cancel);
    desk.two_late_reads(0, &portal);
    assert_eq!(desk.state(&cancel), OperationState::Rejected);
}

/// Found by the simulator: a read begins, our partial cancel is sent and done, its answer is lost, and the read, which
/// shows the cancel, is taken in. Its begin made the entry an old one: the cancel ended as not applied, and could have
/// been asked for twice. New is what our facts did not hold before the first send (R20), whenever its read began.
#[test]
fn r20_a_read_that_began_before_the_send_may_show_its_effect() {
    let (mut desk, cancel) = asked(Command::CancelPart(100));
    desk.send_lost(&cancel);
    let done = live().cancel("x1", 100);
    desk.read_from_before(0, &done, &cancel);
    desk.two_late_reads(0, &done);
    assert_eq!(desk.state(&cancel), OperationState::Succeeded);

    let (mut desk, refund) = asked(Command::Refund(Some(100)));
    let refunded = same(&desk).refund("r1", 100, RefundRank::Success);
    desk.send_lost(&refund);
    desk.read_from_before(0, &refunded, &refund);
    desk.two_late_reads(0, &refunded);
    assert!(
        desk.asks_for(AttentionReason::CannotAttribute),
        "its id may have been dropped on the way"
    );
}

/// R25: a doubt that waits for a person is no news at each read. The simulator found a payment with one that was read
/// every 30 seconds for ever, with a new version each time, because the late reads were counted on and on.
#[test]
fn r25_a_doubt_that_waits_for_a_person_is_no_news() {
    let strange = live().capture("portal", 100);
    let (mut desk, capture) = asked(Command::Capture(Some(100)));
    desk.send_lost(&capture);
    desk.two_late_reads(0, &strange);
    assert!(desk.asks_for(AttentionReason::CannotAttribute));
    let before = desk.payment.clone();
    desk.tick(HOUR);
    desk.read(0, &strange);
    assert!(!desk.payment.differs_visibly(&before));
}

/// R19: an entry that nobody accounts for, and that was not there before the first send, may be ours.
#[test]
fn r19_an_entry_of_that_amount_that_nobody_accounts_for_asks_a_person() {
    let strange = live().capture("portal", 100);
    let mut desk = Desk::authorised();
    desk.read(0, &strange);
    desk.tick(SECOND);
    let known_before = desk.ask(Command::Capture(Some(100))).unwrap();
    desk.send_lost(&known_before);
    desk.two_late_reads(0, &strange);
    assert_eq!(
        desk.state(&known_before),
        OperationState::Rejected,
        "it was there before"
    );

    let (mut desk, capture) = asked(Command::Capture(Some(100)));
    desk.send_lost(&capture);
    desk.two_late_reads(0, &strange);
    assert_eq!(desk.state(&capture), OperationState::Unknown);
    assert!(desk.asks_for(AttentionReason::CannotAttribute));

    let (mut desk, capture) = asked(Command::Capture(Some(100)));
    desk.send_lost(&capture);
    desk.two_late_reads(0, &live().capture("portal", 200));
    assert_eq!(
        desk.state(&capture),
        OperationState::Rejected,
        "another amount"
    );
}

#[test]
fn r19_what_stays_in_doubt_is_read_at_gaps_not_at_once() {
    let (mut desk, capture) = asked(Command::Capture(Some(100)));
    desk.send_lost(&capture);
    let strange = live().capture("portal", 100);
    desk.two_late_reads(0, &strange);
    for _ in 0..3 {
        desk.tick(HOUR);
        desk.read(0, &strange);
        let next_ms = desk.payment.next_check_at_ms.unwrap();
        assert!(
            next_ms >= desk.now_ms + 30 * SECOND,
            "{}",
            next_ms - desk.now_ms
        );
    }
    let (mut desk, capture) = asked(Command::Capture(Some(100)));
    desk.send_lost(&capture);
    desk.tick(desk.policy.settle_window_ms + SECOND);
    desk.refresh();
    let next_ms = desk.payment.next_check_at_ms.unwrap();
    assert!(
        next_ms >= desk.now_ms + 30 * SECOND,
        "Tamara cannot be read just now"
    );
}

#[test]
fn r19_a_doubtful_operation_is_read_again_right_after_its_window() {
    let (mut desk, capture) = asked(Command::Capture(Some(100)));
    desk.send_lost(&capture);
    desk.payment.check_step = 5;
    desk.refresh();
    let sent_ms = desk.operation(&capture).last_sent_at_ms.unwrap();
    assert_eq!(
        desk.payment.next_check_at_ms,
        Some(sent_ms + desk.policy.settle_window_ms + 1)
    );
}

/// R20: by amount, second and items together; one of them alone may be the portal's.
#[test]
fn r20_a_capture_is_ours_by_all_that_it_echoes() {
    let (desk, id) = asked(Command::Capture(Some(100)));
    let operation = desk.operation(&id);
    let second = operation.shipped_at_s.unwrap();
    let table = [
        ("all agree", 100, Some(second), true),
        ("another second", 100, Some(second + 1), false),
        ("no second", 100, None, false),
        ("another amount", 50, Some(second), false),
    ];
    for (name, amount_minor, shipped_at_s, ours) in table {
        let (mut desk, id) = (desk.clone(), id.clone());
        desk.send_lost(&id);
        desk.read(
            0,
            &live().with(Entry {
                shipped_at_s,
                ..entry(EntryKind::Capture, "c1", amount_minor)
            }),
        );
        let succeeded = desk.state(&id) == OperationState::Succeeded;
        assert_eq!(succeeded, ours, "{name}");
    }
}

#[test]
fn r20_shipped_at_is_unique_within_the_payment() {
    let (mut desk, first) = asked(Command::Capture(Some(100)));
    let second = desk.operation(&first).shipped_at_s.unwrap();
    assert_eq!(unique_shipped_at_s(&desk.payment, second), second + 1);
    desk.send_applied(&first, desk.own_entry(&first, "c1"));
    let next = desk.ask(Command::Capture(Some(100))).unwrap();
    assert_ne!(desk.operation(&next).shipped_at_s, Some(second));
    desk.send_lost(&next);
    desk.read(0, &same(&desk));
    assert_eq!(
        desk.state(&next),
        OperationState::Unknown,
        "the first one's entry is not the second's"
    );
}

/// A name, the entries with our id, and what the refund of 200 then is.
type Case = (&'static str, &'static [(i64, RefundRank)], OperationState);

/// R20: an entry with our id ends the doubt whatever its status; all entries with it are summed.
#[test]
fn r20_a_refund_is_what_its_entries_say() {
    use OperationState::{Accepted, Rejected, Succeeded};
    use RefundRank::{Failed, Other, Success};
    let table: &[Case] = &[
        ("success", &[(200, Success)], Succeeded),
        ("a known failure", &[(200, Failed)], Rejected),
        ("any other word", &[(200, Other)], Accepted),
        ("two parts", &[(150, Success), (50, Success)], Succeeded),
        ("one part only", &[(150, Success)], Accepted),
        ("one part pending", &[(150, Success), (50, Other)], Accepted),
        ("two failures", &[(150, Failed), (50, Failed)], Rejected),
        ("one part failed", &[(150, Success), (50, Failed)], Accepted),
        (
            "failed, then made good",
            &[(200, Failed), (200, Success)],
            Succeeded,
        ),
    ];
    let answered = |lost: bool| move |case| (lost, case);
    let lost = table.iter().map(answered(true));
    for (lost, (name, entries, state)) in lost.chain(table.iter().map(answered(false))) {
        let (mut desk, refund) = asked(Command::Refund(Some(200)));
        if lost {
            desk.send_lost(&refund);
        } else {
            desk.send_answered(&refund, accepted("r0"));
        }
        let mut seen = same(&desk);
        for (index, (amount_minor, rank)) in entries.iter().enumerate() {
            seen = seen.with(Entry {
                refund: *rank,
                merchant_refund_id: Some(refund.to_string()),
                ..entry(EntryKind::Refund, &format!("r{index}"), *amount_minor)
            });
        }
        desk.read(0, &seen);
        assert_eq!(desk.state(&refund), *state, "{name}");
        let refunded = entries.iter().filter(|(_, rank)| *rank == Success);
        let refunded: i64 = refunded.map(|(amount, _)| amount).sum();
        let shown = desk.payment.amounts().refunded_minor;
        assert_eq!(shown, refunded, "{name}: no more than its entries say");
        assert!(!desk.payment.blocked(), "{name}");
    }
}

/// R20: Tamara does not repeat our id: the entry that its answer named is ours, whichever came first.
#[test]
fn r20_the_entry_that_the_answer_named_is_ours() {
    for read_first in [false, true] {
        let (mut desk, refund) = asked(Command::Refund(Some(200)));
        let seen = same(&desk).with(Entry {
            refund: RefundRank::Success,
            ..entry(EntryKind::Refund, "r0", 200)
        });
        let attempt = desk.begin(&refund).expect("it is due");
        if read_first {
            desk.read(0, &seen);
        }
        desk.answer(&refund, attempt, accepted("r0"));
        desk.tick(1);
        desk.read(0, &seen);
        assert_eq!(desk.state(&refund), OperationState::Succeeded);
        assert_eq!(desk.payment.amounts().refunded_minor, 200);
    }
}

/// R17, R20, found by the simulator: a person called it applied before a read showed the entry that the answer had named.
#[test]
fn r17_the_entry_that_the_answer_named_is_what_a_person_called_applied() {
    let (mut desk, refund) = asked(Command::Refund(Some(200)));
    desk.send_answered(&refund, accepted("r0"));
    desk.end(&refund, Outcome::Applied).unwrap();
    let seen = same(&desk).with(Entry {
        refund: RefundRank::Success,
        ..entry(EntryKind::Refund, "r0", 200)
    });
    desk.tick(1);
    desk.read(0, &seen);
    assert_eq!(
        desk.payment.pending_out_minor(),
        0,
        "it is not counted twice"
    );
    assert_eq!(desk.payment.amounts().refunded_minor, 200);
}

/// The answer to a refund: it names an entry, and says nothing of what that is worth.
fn accepted(id: &str) -> Answer {
    Answer::Applied {
        tamara_id: Some(id.to_owned()),
        news: Some(Observation {
            source: Source::Answer,
            begun_at_ms: 0,
            begun_version: 1,
            word: None,
            entries: Vec::new(),
            sums: None,
            mismatch: false,
            reference: None,
        }),
        order: None,
    }
}

#[test]
fn r20_a_refund_that_was_called_failed_and_succeeds_asks_a_person() {
    let (mut desk, refund) = asked(Command::Refund(Some(100)));
    desk.send_lost(&refund);
    desk.read(
        0,
        &same(&desk).refund_of("r1", desk.operation(&refund), RefundRank::Failed),
    );
    assert_eq!(desk.state(&refund), OperationState::Rejected);
    assert!(!desk.asks_for(AttentionReason::CannotAttribute));
    let after = same(&desk);
    desk.read(0, &after);
    assert!(
        !desk.asks_for(AttentionReason::CannotAttribute),
        "the same news again"
    );
    desk.read(
        0,
        &same(&desk).refund_of("r1", desk.operation(&refund), RefundRank::Success),
    );
    assert!(desk.asks_for(AttentionReason::CannotAttribute));
    assert_eq!(
        desk.payment.amounts().refunded_minor,
        100,
        "the facts are what they are"
    );
}

#[test]
fn r20_a_refund_whose_id_stands_in_the_facts_is_settled_without_a_call() {
    let mut desk = Desk::captured();
    let key = desk.clone().ask(Command::Refund(Some(100))).unwrap();
    desk.read(
        0,
        &same(&desk).with(Entry {
            refund: RefundRank::Success,
            merchant_refund_id: Some(key.to_string()),
            ..entry(EntryKind::Refund, "r1", 100)
        }),
    );
    let refund = desk.ask(Command::Refund(Some(100))).unwrap();
    assert_eq!(refund, key, "the same key makes the same id");
    assert_eq!(desk.begin(&refund), None);
    assert_eq!(desk.state(&refund), OperationState::Succeeded);
    assert_eq!(desk.operation(&refund).attempt, 0);
}

#[test]
fn r20_a_cancel_of_all_that_is_left_is_recognised_by_the_order_or_by_a_new_entry() {
    for (name, seen) in [
        ("by the status", body(OrderRank::Canceled)),
        ("by the entry", live().cancel("x1", TOTAL)),
    ] {
        let (mut desk, cancel) = asked(Command::CancelPart(TOTAL));
        desk.send_lost(&cancel);
        desk.read(0, &seen);
        assert_eq!(desk.state(&cancel), OperationState::Succeeded, "{name}");
    }
}

#[test]
fn r20_an_entry_from_before_the_first_send_is_not_the_cancel() {
    let mut desk = Desk::authorised();
    desk.read(0, &live().cancel("x1", 150));
    desk.tick(SECOND);
    let cancel = desk.ask(Command::CancelPart(150)).unwrap();
    assert!(desk.operation(&cancel).everything_left);
    desk.send_lost(&cancel);
    desk.read(0, &live().cancel("x1", 150));
    assert_eq!(desk.state(&cancel), OperationState::Unknown);
}

#[test]
fn r20_kinds_and_their_ids() {
    for kind in OperationKind::ALL {
        assert_eq!(OperationKind::from_word(kind.as_str()), Some(kind));
        let beside_money = [OperationKind::CreateSession, OperationKind::UpdateReference];
        assert_eq!(kind.moves_money(), !beside_money.contains(&kind));
    }
    for state in OperationState::ALL {
        assert_eq!(OperationState::from_word(state.as_str()), Some(state));
    }
}

/// R19: when a read shows the part before the repeat is sent: the repeat is not sent at all.
#[test]
fn r19_repeat_is_not_sent_when_the_facts_no_longer_allow_it() {
    let mut desk = Desk::authorised();
    let capture = desk.ask(Command::Capture(None)).unwrap();
    desk.send_lost(&capture);
    desk.read(0, &live());
    let session = desk.session_id(0);
    let part = live()
        .capture("portal", 100)
        .read_at(desk.now_ms, desk.payment.version);
    let facts = &mut desk.payment.session_mut(&session).unwrap().facts;
    *facts = std::mem::take(facts).merge(&part);
    desk.tick(HOUR);
    assert_eq!(desk.begin(&capture), None);
    assert!(
        !desk.operation(&capture).may_repeat,
        "nobody finds it due again"
    );
}
