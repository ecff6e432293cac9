//! Restored data (R30): an old copy of the payment is put back while Tamara has gone on, and nothing happens twice.

use super::desk::{Desk, HOUR, SECOND, TOTAL};
use super::said::{Body, body, live};
use crate::domain::decide::{Command, Refused, unique_shipped_at_s};
use crate::domain::facts::{EntryKind, OrderRank, RefundRank};
use crate::domain::operation::{OperationKind, OperationState};
use crate::domain::payment::{AttentionReason, Payment};
use crate::domain::plan;
use crate::domain::recovery::{epoch, refund_without_row};
use crate::domain::status::Status;
use crate::ids::OperationId;

const EVERYTHING: [Command; 4] = [
    Command::Capture(None),
    Command::Refund(None),
    Command::Cancel,
    Command::CancelPart(100),
];

/// Nobody can move this payment's money now.
fn stands_still(desk: &Desk) {
    assert!(desk.payment.recovering());
    for command in EVERYTHING {
        assert_eq!(desk.clone().ask(command), Err(Refused::Recovering));
    }
    assert_eq!(
        plan::next_step(&desk.payment),
        None,
        "workers leave it alone"
    );
    assert!(!desk.payment.paid() && !desk.payment.is_final());
    for operation in desk
        .payment
        .operations
        .iter()
        .map(|operation| operation.id.clone())
    {
        assert_eq!(desk.clone().begin(&operation), None, "{operation} is sent");
    }
}

/// The read that ends the recovery.
fn late_read(desk: &mut Desk, body: &Body) {
    desk.tick(desk.policy.settle_window_ms + 1);
    stands_still(desk);
    desk.read(0, body);
    assert!(!desk.payment.recovering());
}

fn unknown_effect(desk: &Desk) -> bool {
    desk.asks_for(AttentionReason::RestoredUnknownEffect)
}

fn cleared(mut desk: Desk) -> Desk {
    desk.resolve(AttentionReason::RestoredUnknownEffect)
        .unwrap();
    desk
}

/// R30: the copy holds the intent of a partial capture that was sent, and happened, after it was made.
#[test]
fn backup_holds_a_sent_intent() {
    let mut desk = Desk::authorised();
    let capture = desk.ask(Command::Capture(Some(100))).unwrap();
    let copy = desk.clone();
    let at_tamara = live().capture_of("c1", desk.operation(&capture));
    desk.send_applied(&capture, desk.own_entry(&capture, "c1"));
    desk.tick(HOUR);

    let mut restored = desk.restore(&copy);
    assert_eq!(restored.state(&capture), OperationState::Unknown);
    stands_still(&restored);
    let mut lost = restored.clone();
    late_read(&mut restored, &at_tamara);
    assert_eq!(restored.state(&capture), OperationState::Succeeded);
    assert!(!unknown_effect(&restored), "it is our own");
    assert_eq!(restored.payment.amounts().captured_minor, 100);
    assert!(restored.payment.paid());

    // Or it never left: two late reads say so, and it is never sent.
    late_read(&mut lost, &live());
    assert_eq!(lost.begin(&capture), None, "R19: never repeated");
    lost.tick(SECOND);
    lost.read(0, &live());
    assert_eq!(lost.state(&capture), OperationState::Rejected);
    assert_eq!(
        lost.operation(&capture).reason.as_deref(),
        Some("not_applied")
    );
}

/// R30: a part was canceled after the copy was made; nobody here knows, and the merchant asks again.
#[test]
fn cancel_after_backup() {
    let mut desk = Desk::authorised();
    let copy = desk.clone();
    let cancel = desk.ask(Command::CancelPart(100)).unwrap();
    desk.send_applied(&cancel, desk.own_entry(&cancel, "x1"));
    let at_tamara = live().cancel("x1", 100);
    desk.tick(HOUR);

    let mut restored = desk.restore(&copy);
    stands_still(&restored);
    late_read(&mut restored, &at_tamara);
    assert!(unknown_effect(&restored));
    assert_eq!(
        restored.ask(Command::CancelPart(100)),
        Err(Refused::RestoredUnknownEffect)
    );
    assert_eq!(
        restored.ask(Command::Cancel),
        Err(Refused::RestoredUnknownEffect)
    );
    let mut cleared = cleared(restored);
    assert!(
        cleared.ask(Command::CancelPart(100)).is_ok(),
        "a person has looked"
    );
}

/// R30: the copy holds a cancel of a part that never happened; another of the same amount did. What is recognised by its
/// amount alone is not taken for it.
#[test]
fn r30_a_cancel_of_the_same_amount_needs_a_person() {
    let mut desk = Desk::authorised();
    desk.ask(Command::CancelPart(100)).unwrap();
    let copy = desk.clone();
    desk.tick(HOUR);
    let mut restored = desk.restore(&copy);
    late_read(&mut restored, &live().cancel("x1", 100));
    assert!(unknown_effect(&restored));
}

/// R30: a read within the window may show what was true before the copy's time; it frees nothing.
#[test]
fn stale_read_in_recovery() {
    let mut desk = Desk::authorised();
    let copy = desk.clone();
    let capture = desk.ask(Command::Capture(Some(100))).unwrap();
    desk.send_applied(&capture, desk.own_entry(&capture, "c1"));
    let at_tamara = live().capture_of("c1", desk.operation(&capture));

    let mut restored = desk.restore(&copy);
    for seconds in [0, 1, 300, 599] {
        let mut early = restored.clone();
        early.tick(seconds * SECOND);
        early.read(0, &live());
        stands_still(&early);
    }
    // Exactly at the end of the window is not later than it.
    let ends_ms = restored.now_ms + restored.policy.settle_window_ms;
    restored.read_begun(0, &live(), ends_ms);
    stands_still(&restored);
    late_read(&mut restored, &at_tamara);
    assert!(unknown_effect(&restored));
    assert_eq!(
        restored.ask(Command::Capture(Some(100))),
        Err(Refused::RestoredUnknownEffect)
    );
}

/// R30: the row of a refund was lost with its key; the merchant repeats the key.
#[test]
fn key_lost_in_restore() {
    let mut desk = Desk::captured();
    let copy = desk.clone();
    let capture = copy.payment.sessions[0]
        .facts
        .entries_of(EntryKind::Capture)
        .next();
    let refund = desk.ask(Command::Refund(Some(100))).unwrap();
    let at_tamara = live()
        .with(capture.expect("it is captured").clone())
        .refund_of("r1", desk.operation(&refund), RefundRank::Success);
    desk.send_applied(&refund, desk.own_entry(&refund, "r1"));
    desk.tick(HOUR);

    let mut restored = desk.restore(&copy);
    stands_still(&restored);
    late_read(&mut restored, &at_tamara);
    assert!(
        unknown_effect(&restored),
        "another key would be another refund"
    );
    assert_eq!(
        restored.ask(Command::Refund(Some(100))),
        Err(Refused::RestoredUnknownEffect)
    );
    let session = restored.session_id(0);
    assert_eq!(
        refund_without_row(&restored.payment, &refund),
        Some((session, 100)),
        "R20: the same key makes the same id, and needs no call"
    );
    let other = OperationId::of_refund("shop", "another key");
    assert_eq!(refund_without_row(&restored.payment, &other), None);
}

/// R20: the row of a capture was lost, not its effect, and a person has cleared it. A merchant who names the same moment of
/// shipping again would find the old capture, should the answer to the new one be lost.
#[test]
fn r20_a_second_that_the_order_shows_is_taken() {
    let mut desk = Desk::authorised();
    let copy = desk.clone();
    let capture = desk.ask(Command::Capture(Some(100))).unwrap();
    let second = desk.operation(&capture).shipped_at_s.unwrap();
    let at_tamara = live().capture_of("c1", desk.operation(&capture));
    desk.send_applied(&capture, desk.own_entry(&capture, "c1"));

    let mut restored = desk.restore(&copy);
    late_read(&mut restored, &at_tamara);
    let restored = cleared(restored);
    assert_eq!(unique_shipped_at_s(&restored.payment, second), second + 1);
}

/// R30: what the copy's own facts held needs nobody, whoever did it.
#[test]
fn r30_effects_of_before_the_copy_are_no_news() {
    let mut desk = Desk::authorised();
    let portal = live().capture("portal", 100);
    desk.read(0, &portal);
    desk.tick(SECOND);
    let mut restored = desk.restore(&desk.clone());
    late_read(&mut restored, &portal);
    assert!(!unknown_effect(&restored));
    assert!(restored.ask(Command::Capture(Some(100))).is_ok());
    // And an authorise that nobody here asked for is none of the effects that stop anything.
    let mut approved = Desk::approved();
    approved.tick(SECOND);
    let mut restored = approved.restore(&approved.clone());
    late_read(&mut restored, &live());
    assert!(!unknown_effect(&restored) && restored.payment.paid());
}

/// R30: after it, nothing that appears is news of the restore any more.
#[test]
fn r30_recovery_ends_once() {
    let desk = Desk::authorised();
    let mut restored = desk.restore(&desk.clone());
    late_read(&mut restored, &live());
    restored.tick(SECOND);
    restored.read(0, &live().capture("portal", 100));
    assert!(!unknown_effect(&restored));
    assert!(restored.ask(Command::Capture(None)).is_ok());
}

/// R30: a read that R4 or R5 refuses ends no recovery.
#[test]
fn r30_a_doubted_read_ends_no_recovery() {
    let desk = Desk::authorised();
    let mut restored = desk.restore(&desk.clone());
    restored.tick(restored.policy.settle_window_ms + 1);
    restored.read(0, &live().unknown("frozen"));
    assert!(restored.payment.recovering());
    restored.tick(SECOND);
    restored.read(0, &live().mismatch());
    assert!(restored.payment.recovering());
    let next_ms = restored.payment.next_check_at_ms.unwrap();
    assert!(
        next_ms > restored.now_ms,
        "it is read again, but not without pause"
    );
}

/// R30: every intent and sending is unknown, whoever held its lease, and only a read makes it anything else.
#[test]
fn r30_intents_and_sendings_are_unknown() {
    let mut desk = Desk::authorised();
    let capture = desk.ask(Command::Capture(None)).unwrap();
    let mut sent = desk.clone();
    assert!(sent.begin(&capture).is_some());
    for copy in [desk, sent] {
        let mut now = copy.clone();
        now.tick(HOUR);
        let restored = now.restore(&copy);
        let operation = restored.operation(&capture);
        assert_eq!(operation.state, OperationState::Unknown);
        assert_eq!(operation.last_sent_at_ms, Some(restored.now_ms));
        assert_eq!((&operation.lease, operation.may_repeat), (&None, false));
        assert!(restored.payment.in_doubt());
        // A late read shows its absence: Tamara refuses a duplicate of all that is left, so it may go out (R19).
        let mut absent = restored.clone();
        late_read(&mut absent, &live());
        assert!(absent.operation(&capture).may_repeat);
        let echo = live().capture_of("c1", restored.operation(&capture));
        let mut present = restored;
        late_read(&mut present, &echo);
        assert_eq!(present.state(&capture), OperationState::Succeeded);
    }
}

/// R30: what was in doubt already, and could be repeated, may have been repeated since.
#[test]
fn r30_a_doubt_of_before_begins_again() {
    let mut desk = Desk::authorised();
    let cancel = desk.ask(Command::CancelPart(100)).unwrap();
    desk.send_lost(&cancel);
    desk.tick(desk.policy.settle_window_ms + SECOND);
    desk.read(0, &live());
    assert_eq!(desk.operation(&cancel).late_reads, 1);
    let mut restored = desk.restore(&desk.clone());
    restored.tick(SECOND);
    restored.read(0, &live());
    assert_eq!(
        restored.state(&cancel),
        OperationState::Unknown,
        "the window begins again"
    );
}

/// R22, R30: a create of the copy may have been answered, and its URL given out; nothing can be read, so it waits out the
/// window.
#[test]
fn r30_a_create_waits_out_the_window() {
    let mut desk = Desk::empty();
    let create = desk.intend_session();
    let copy = desk.clone();
    desk.tick(HOUR);
    let mut restored = desk.restore(&copy);
    assert_eq!(restored.state(&create), OperationState::Unknown);
    assert!(restored.payment.recovering());
    restored.tick(restored.policy.settle_window_ms - 1);
    restored.refresh();
    assert!(restored.payment.recovering());
    restored.tick(1);
    restored.refresh();
    assert!(!restored.payment.recovering());
    assert_eq!(
        restored.operation(&create).reason.as_deref(),
        Some("abandoned")
    );
    assert_eq!(restored.payment.status(), Status::Failed);
    assert!(unknown_effect(&restored), "it may have been paid");
    assert!(restored.payment.held, "nobody else sells its reference");
    let next_check = restored.payment.next_check_at_ms;
    assert_eq!(
        next_check, None,
        "there is nothing to read, and looking never ends"
    );
    let mut cleared = cleared(restored);
    cleared.refresh();
    assert!(!cleared.payment.held);
    assert!(!unknown_effect(&cleared), "told once");
}

/// R30: every session that can still move is read; one late read of another is not enough.
#[test]
fn r30_every_open_session_is_read() {
    let mut desk = Desk::pending();
    desk.open_session();
    let mut restored = desk.restore(&desk.clone());
    restored.tick(restored.policy.settle_window_ms + 1);
    restored.read(0, &body(OrderRank::New));
    assert!(restored.payment.recovering());
    restored.read(1, &body(OrderRank::New));
    assert!(!restored.payment.recovering());
}

/// R30: what has ended needs no read; a decline that nobody has looked at since its session ended may have been overtaken
/// (R10).
#[test]
fn r30_what_has_ended_does_not_wait() {
    let ended = |rank: OrderRank, looked_ms: i64| {
        let mut desk = Desk::pending();
        desk.tick(looked_ms);
        desk.read(0, &body(rank));
        desk.tick(HOUR);
        desk.restore(&desk.clone()).payment.recovering()
    };
    let policy = Desk::pending().policy;
    let over_ms = policy.session_ms + policy.settle_window_ms;
    assert!(!ended(OrderRank::Expired, SECOND));
    assert!(!ended(OrderRank::Canceled, SECOND));
    assert!(ended(OrderRank::Declined, SECOND));
    assert!(!ended(OrderRank::Declined, over_ms + SECOND));
    assert!(ended(OrderRank::Approved, SECOND));
    assert!(ended(OrderRank::New, SECOND));

    let mut refunded = Desk::captured();
    let capture = refunded.payment.sessions[0]
        .facts
        .entries_of(EntryKind::Capture)
        .next();
    let back = live()
        .with(capture.expect("it is captured").clone())
        .refund("r1", TOTAL, RefundRank::Success);
    assert!(refunded.restore(&refunded.clone()).payment.recovering());
    refunded.read(0, &back);
    assert!(!refunded.restore(&refunded.clone()).payment.recovering());
}

/// R30: a mark of the copy goes on, but only once the order is known.
#[test]
fn r30_a_cancel_of_the_copy_goes_on_afterwards() {
    let mut desk = Desk::approved();
    let authorise = desk.plan().expect("it is approved");
    desk.ask(Command::Cancel).unwrap();
    let copy = desk.clone();
    desk.tick(HOUR);
    let mut restored = desk.restore(&copy);
    assert_eq!(restored.state(&authorise), OperationState::Unknown);
    late_read(&mut restored, &live());
    assert_eq!(restored.state(&authorise), OperationState::Succeeded);
    let step = plan::next_step(&restored.payment).expect("the cancel goes on");
    assert_eq!(
        (step.kind, step.amount_minor),
        (OperationKind::Cancel, TOTAL)
    );
}

/// R30: a release stands still for a person too: what the merchant did with the money since is not known.
#[test]
fn r30_an_unknown_effect_stops_plans() {
    let mut desk = Desk::twice_approved();
    let copy = desk.clone();
    desk.tick(HOUR);
    let mut restored = desk.restore(&copy);
    restored.tick(restored.policy.settle_window_ms + 1);
    restored.read(0, &live().capture("c1", TOTAL));
    restored.read(1, &body(OrderRank::Approved));
    assert!(!restored.payment.recovering() && unknown_effect(&restored));
    assert_eq!(plan::next_step(&restored.payment), None);
    assert!(!restored.payment.is_final(), "a person must still decide");
    let cleared = cleared(restored);
    let step = plan::next_step(&cleared.payment).expect("the loser is released");
    assert_eq!(step.kind, OperationKind::Authorise);
}

/// R4, R30: the reference was changed after the copy was made, so every read is another order's. The merchant asks for the
/// change again: nothing is sent, but the reference is known, and the read counts.
#[test]
fn r30_a_reference_changed_since_the_copy_is_asked_for_again() {
    let desk = Desk::authorised();
    let mut restored = desk.restore(&desk.clone());
    let renamed = live().reference("A-9");
    restored.tick(restored.policy.settle_window_ms + 1);
    restored.read(0, &renamed);
    assert!(restored.payment.recovering() && restored.asks_for(AttentionReason::OrderMismatch));
    let change = restored.ask_reference("A-9").expect("it would never end");
    assert_eq!(restored.begin(&change), None, "nothing is sent");
    restored.tick(SECOND);
    restored.read(0, &renamed);
    assert!(!restored.payment.recovering());
    assert!(
        restored.begin(&change).is_some(),
        "the same reference once more changes nothing"
    );
}

/// R30: versions go on above any that were given out, by an earlier restore of the same copy as well.
#[test]
fn r30_the_epoch_lifts_versions() {
    let copy = Desk::authorised();
    let mut desk = copy.clone();
    let mut newest = desk.payment.version;
    for _ in 0..3 {
        desk.tick(SECOND);
        desk = desk.restore(&copy);
        assert!(desk.payment.version > newest);
        // A payment changes far less than a million times a second.
        desk.payment.version += 999_999;
        newest = desk.payment.version;
    }
    let year_2255_ms = 9_000_000_000_000;
    assert!(epoch(year_2255_ms) < 1 << 53, "a JSON number holds it");
}

/// A recovery that was begun and not finished is begun again: nothing of it is forgotten.
#[test]
fn r30_recover_may_run_again() {
    let mut desk = Desk::authorised();
    let capture = desk.ask(Command::Capture(Some(100))).unwrap();
    let once = desk.restore(&desk.clone());
    let twice = once.restore(&once.clone());
    stands_still(&twice);
    assert_eq!(twice.state(&capture), OperationState::Unknown);
    assert!(twice.payment.version >= once.payment.version);
    // With a later moment, as in a restore of a copy that was made during a recovery, everything waits from then on.
    let mut later = once.clone();
    later.tick(HOUR);
    let later = later.restore(&once);
    stands_still(&later);
    assert_eq!(
        later.payment.restored().map(|restored| restored.at_ms),
        Some(later.now_ms)
    );
    assert_eq!(
        later.operation(&capture).last_sent_at_ms,
        Some(later.now_ms)
    );
    assert_eq!(
        later.operation(&capture).first_sent_version,
        once.operation(&capture).first_sent_version
    );
}

/// R30: a second copy put back in the middle of a recovery keeps what it waits for, even where an early read has ended it.
#[test]
fn r30_an_ended_session_in_recovery_still_waits() {
    let desk = Desk::authorised();
    let mut restored = desk.restore(&desk.clone());
    restored.tick(SECOND);
    restored.read(0, &body(OrderRank::Canceled));
    assert!(
        restored.payment.recovering(),
        "an early read may not show everything"
    );
    let again = restored.restore(&restored.clone());
    assert!(again.payment.recovering());
}

#[test]
fn r30_the_read_is_due_when_the_window_ends() {
    let desk = Desk::captured();
    let restored = desk.restore(&desk.clone());
    let due = |payment: &Payment| payment.next_check_at_ms.unwrap();
    assert_eq!(
        due(&restored.payment),
        restored.now_ms + restored.policy.settle_window_ms + 1
    );
    let mut failed = restored;
    failed.tick(failed.policy.settle_window_ms + 1);
    failed.refresh();
    assert_eq!(
        due(&failed.payment),
        failed.now_ms + failed.policy.polling_ms[0]
    );
}

/// R30: a copy made in the middle of a recovery holds an effect that was seen and not judged yet; it is not taken for one of
/// the copy's own.
#[test]
fn r30_what_an_unfinished_recovery_has_seen_is_not_forgotten() {
    let desk = Desk::authorised();
    let mut restored = desk.restore(&desk.clone());
    restored.tick(SECOND);
    let lost_capture = live().capture("c1", 100);
    restored.read(0, &lost_capture);
    assert!(!unknown_effect(&restored), "it is judged by the late read");
    let copy = restored.clone();
    restored.tick(HOUR);
    let mut again = restored.restore(&copy);
    late_read(&mut again, &lost_capture);
    assert!(unknown_effect(&again));
}

/// R7, R30, found by the simulator: an early read showed the order as canceled, and the payment let go of its reference before
/// anybody was asked about the cancel that the copy did not know.
#[test]
fn r30_a_reference_is_kept_until_nobody_must_look() {
    let copy = Desk::approved();
    let desk = Desk::authorised();
    let mut restored = desk.restore(&copy);
    let canceled = body(OrderRank::Canceled).cancel("x1", TOTAL);
    restored.tick(SECOND);
    restored.read(0, &canceled);
    assert!(restored.payment.recovering() && restored.payment.held);
    late_read(&mut restored, &canceled);
    assert!(unknown_effect(&restored) && restored.payment.held);
    let mut cleared = cleared(restored);
    cleared.refresh();
    assert!(!cleared.payment.held, "a person has looked");
}
