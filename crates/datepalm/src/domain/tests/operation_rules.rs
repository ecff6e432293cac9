//! R16-R22, one test or table per sentence: how an operation is sent, answered and settled.

use super::desk::{Desk, HOUR, SECOND, TOTAL};
use super::said::{Body, body, entry, live, lost, not_sent, refused, turned_away};
use crate::domain::decide::{Command, Refused, unique_shipped_at_s};
use crate::domain::facts::{Entry, EntryKind, OrderRank, RefundRank};
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
fn r17_one_money_operation_at_a_time_names_the_one_in_flight() {
    let (mut desk, capture) = asked(Command::Capture(Some(100)));
    for command in [
        Command::Capture(Some(100)),
        Command::CancelPart(100),
        Command::Cancel,
    ] {
        let refused = Refused::OperationInProgress(capture.clone());
        assert_eq!(desk.ask(command), Err(refused));
    }
    desk.send_lost(&capture);
    let refused = Refused::OperationInProgress(capture.clone());
    assert_eq!(
        desk.ask(Command::Refund(None)),
        Err(refused),
        "in doubt is in flight"
    );
    assert_eq!(desk.plan(), None);
}

#[test]
fn r18_an_operation_in_sending_is_sent_by_nobody_else() {
    let (mut desk, capture) = asked(Command::Capture(None));
    assert_eq!(
        desk.begin_as(&capture, "other"),
        None,
        "leased to the request"
    );
    assert_eq!(desk.begin(&capture), Some(1));
    assert_eq!(desk.begin_as(&capture, "other"), None);
    assert_eq!(
        desk.begin(&capture),
        None,
        "not even by its owner, a second time"
    );
}

#[test]
fn r18_an_expired_lease_makes_it_unknown_never_intent() {
    let (mut desk, capture) = asked(Command::Capture(Some(100)));
    desk.begin(&capture).unwrap();
    desk.tick(desk.policy.lease_ms);
    assert_eq!(desk.begin_as(&capture, "other"), None);
    assert_eq!(desk.state(&capture), OperationState::Unknown);
}

#[test]
fn r18_only_the_owner_may_say_that_no_byte_left() {
    let (mut desk, capture) = asked(Command::Capture(Some(100)));
    let attempt = desk.begin(&capture).unwrap();
    desk.answer_as(&capture, attempt, "other", not_sent());
    assert_eq!(desk.state(&capture), OperationState::Sending);
    let mut lapsed = desk.clone();
    desk.answer(&capture, attempt, not_sent());
    assert_eq!(desk.state(&capture), OperationState::Intent);
    lapsed.tick(lapsed.policy.lease_ms);
    lapsed.begin_as(&capture, "other");
    lapsed.answer(&capture, attempt, not_sent());
    assert_eq!(lapsed.state(&capture), OperationState::Unknown);
}

#[test]
fn r16_not_sent_leads_back_to_intent_or_to_unknown_when_an_earlier_attempt_is_in_doubt() {
    let (mut desk, capture) = asked(Command::Capture(None));
    desk.send_answered(&capture, not_sent());
    assert_eq!(desk.state(&capture), OperationState::Intent);
    desk.tick(HOUR);
    desk.send_lost(&capture);
    desk.read(0, &live());
    desk.tick(HOUR);
    desk.send_answered(&capture, not_sent());
    assert_eq!(desk.state(&capture), OperationState::Unknown);
    assert!(
        desk.operation(&capture).may_repeat,
        "the read that allowed this attempt allows the next"
    );
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
        let sent_ms = desk.operation(&id).last_sent_at_ms.unwrap();
        let nothing_new = same(&desk);
        desk.read_begun(0, &nothing_new, sent_ms);
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

/// R20: an entry with our id ends the doubt whatever its status; all entries with it are summed.
#[test]
fn r20_a_refund_is_what_its_entries_say() {
    use OperationState::{Accepted, Rejected, Succeeded};
    use RefundRank::{Failed, Other, Success};
    let table: &[(&str, &[(i64, RefundRank)], OperationState)] = &[
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
    for (name, entries, state) in table {
        let (mut desk, refund) = asked(Command::Refund(Some(200)));
        desk.send_lost(&refund);
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

/// R21: a refusal or a 409 ends the operation only if no earlier attempt of it is in doubt.
#[test]
fn r21_answers_speak_of_their_attempt() {
    use OperationState::{Intent, Rejected, Unknown};
    let table = [
        ("refused", refused(), Rejected, Unknown),
        ("conflict", Answer::Conflict, Unknown, Unknown),
        ("turned away", turned_away(None), Intent, Unknown),
        ("not sent", not_sent(), Intent, Unknown),
        ("unknown", lost(), Unknown, Unknown),
    ];
    for (name, answer, first, after_doubt) in table {
        let (mut desk, capture) = asked(Command::Capture(None));
        desk.send_answered(&capture, answer.clone());
        assert_eq!(desk.state(&capture), first, "{name}, first attempt");
        let (mut desk, capture) = asked(Command::Capture(None));
        desk.send_lost(&capture);
        desk.read(0, &live());
        desk.tick(HOUR);
        desk.send_answered(&capture, answer);
        assert_eq!(desk.state(&capture), after_doubt, "{name}, after a doubt");
    }
}

#[test]
fn r21_a_conflict_ends_in_a_read() {
    let (mut desk, capture) = asked(Command::Capture(None));
    desk.send_answered(&capture, Answer::Conflict);
    let sent_ms = desk.operation(&capture).last_sent_at_ms.unwrap();
    desk.tick(1);
    desk.read_begun(0, &live(), sent_ms);
    assert_eq!(
        desk.state(&capture),
        OperationState::Unknown,
        "a read from before"
    );
    desk.read(0, &live());
    assert_eq!(desk.state(&capture), OperationState::Rejected);
    assert_eq!(desk.operation(&capture).reason.as_deref(), Some("conflict"));
}

#[test]
fn r21_a_late_refusal_after_the_lease_still_speaks_of_its_attempt() {
    let (mut desk, capture) = asked(Command::Capture(Some(100)));
    let attempt = desk.begin(&capture).unwrap();
    desk.tick(desk.policy.lease_ms);
    desk.begin_as(&capture, "other");
    desk.answer(&capture, attempt, refused());
    assert_eq!(desk.state(&capture), OperationState::Rejected);

    let (mut desk, capture) = asked(Command::Capture(None));
    let first = desk.begin(&capture).unwrap();
    desk.tick(desk.policy.lease_ms);
    desk.begin_as(&capture, "other");
    desk.read(0, &live());
    desk.tick(HOUR);
    let second = desk.begin_as(&capture, "other").unwrap();
    desk.answer(&capture, first, refused());
    assert_eq!(
        desk.state(&capture),
        OperationState::Sending,
        "the second attempt is another's"
    );
    desk.answer_as(&capture, second, "other", Answer::Conflict);
    assert_eq!(desk.state(&capture), OperationState::Unknown);
}

#[test]
fn r21_a_late_success_counts_whoever_owns_the_lease() {
    let (mut desk, capture) = asked(Command::Capture(None));
    let first = desk.begin(&capture).unwrap();
    desk.tick(desk.policy.lease_ms);
    desk.begin_as(&capture, "other");
    let news = desk.own_entry(&capture, "c1");
    let applied = Answer::Applied {
        tamara_id: Some("c1".to_owned()),
        news: Some(news),
        order: None,
    };
    let mut settled = desk.clone();
    desk.answer(&capture, first, applied.clone());
    assert_eq!(desk.state(&capture), OperationState::Succeeded);
    assert_eq!(desk.payment.amounts().captured_minor, TOTAL);

    let canceled = body(OrderRank::Canceled).cancel("portal", TOTAL);
    settled.two_late_reads(0, &canceled);
    assert_eq!(settled.state(&capture), OperationState::Rejected);
    settled.answer(&capture, first, applied);
    assert!(
        settled.asks_for(AttentionReason::CannotAttribute),
        "beyond what R19 assumes"
    );
}

#[test]
fn r21_turned_away_obeys_retry_after_and_asks_after_the_third() {
    let (mut desk, capture) = asked(Command::Capture(None));
    for round in 1..=3 {
        assert!(
            !desk.asks_for(AttentionReason::TamaraRefusesAccess),
            "round {round}"
        );
        desk.send_answered(&capture, turned_away(Some(2 * HOUR)));
        assert_eq!(
            desk.operation(&capture).next_try_at_ms,
            desk.now_ms + 2 * HOUR
        );
        desk.tick(2 * HOUR);
    }
    assert!(desk.asks_for(AttentionReason::TamaraRefusesAccess));
    assert_eq!(desk.state(&capture), OperationState::Intent);
}

#[test]
fn r21_tries_in_a_row_are_counted_in_a_row() {
    let (mut desk, capture) = asked(Command::Capture(None));
    for answer in [turned_away(None), turned_away(None), lost()] {
        desk.send_answered(&capture, answer);
        desk.tick(HOUR);
    }
    desk.read(0, &live());
    desk.tick(HOUR);
    desk.send_answered(&capture, turned_away(None));
    assert!(
        !desk.asks_for(AttentionReason::TamaraRefusesAccess),
        "an answer was lost in between"
    );
}

#[test]
fn r22_a_lost_create_is_abandoned_after_the_window_and_only_then() {
    let mut desk = Desk::empty();
    let create = desk.intend_session();
    let attempt = desk.begin_as(&create, "request").unwrap();
    desk.answer_as(&create, attempt, "request", lost());
    desk.tick(desk.policy.settle_window_ms - 1);
    desk.refresh();
    assert_eq!(desk.state(&create), OperationState::Unknown);
    assert!(!desk.payment.is_final());
    desk.tick(1);
    desk.refresh();
    assert_eq!(desk.state(&create), OperationState::Rejected);
    assert_eq!(desk.operation(&create).reason.as_deref(), Some("abandoned"));
    assert!(desk.payment.is_final());
}

#[test]
fn r22_a_create_is_looked_at_until_it_has_ended() {
    let mut desk = Desk::empty();
    let create = desk.intend_session();
    for state in ["intent", "sending", "unknown"] {
        assert!(desk.payment.next_check_at_ms.is_some(), "{state}");
        match state {
            "intent" => drop(desk.begin_as(&create, "request")),
            _ => desk.answer_as(&create, 1, "request", lost()),
        }
    }
    assert_eq!(desk.state(&create), OperationState::Unknown);
}

#[test]
fn r20_kinds_and_their_ids() {
    for kind in OperationKind::ALL {
        assert_eq!(OperationKind::from_word(kind.as_str()), Some(kind));
        assert_eq!(kind.moves_money(), kind != OperationKind::CreateSession);
    }
    for state in OperationState::ALL {
        assert_eq!(OperationState::from_word(state.as_str()), Some(state));
    }
}
